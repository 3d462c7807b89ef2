// Reads a typed number and says how near it comes to what was measured, in the words of
// checking/panel/typed.py and checking/values.py. A test holds both to each other.

// ── Numbers as Python writes them ────────────────────────────────────────────────────────────────

// The digits of a number, rounded as Python does: a tie, of which binary numbers have a few, goes to
// the even digit, while toExponential goes up. Forty more digits show whether it is one.
function roundedDigits(value, count) {
  const [long, power] = Math.abs(value).toExponential(Math.min(100, count + 40)).split("e");
  const digits = long.replace(".", ""), kept = digits.slice(0, count), rest = digits.slice(count);
  if (/^50*$/.test(rest) && Number(kept.at(-1)) % 2 === 0) return { digits: kept, power: Number(power) };
  const [short, shortPower] = Math.abs(value).toExponential(count - 1).split("e");
  return { digits: short.replace(".", ""), power: Number(shortPower) };
}

const minus = (value) => (value < 0 ? "-" : "");

function scientific(value, digits, power) {
  const sign = power < 0 ? "-" : "+";
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
  return `${minus(value)}${mantissa}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}

function plain(value, digits, power) {
  if (power < 0) return `${minus(value)}0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0"), rest = digits.slice(power + 1);
  return `${minus(value)}${whole}${rest && "." + rest}`;
}

// As format(value, ".4g").
function general(value, count) {
  if (value === 0) return "0";
  const { digits, power } = roundedDigits(value, count), short = digits.replace(/0+$/, "");
  return power < -4 || power >= count ? scientific(value, short, power) : plain(value, short, power);
}

function numberText(value, count = 4) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 10 ** count) return String(value === 0 ? 0 : value);
  return general(value, count);
}

// Two significant digits; a count is whole.
function measuredText(value) {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 10000)) return numberText(value);
  const { digits, power } = roundedDigits(value, 2);
  return power < -3 || power > 4 ? scientific(value, digits, power) : plain(value, digits, power);
}

// ── What is typed ────────────────────────────────────────────────────────────────────────────────

const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const POWER = /^(?:([^*x×·]+)[*x×·])?10(?:\^|\*\*)([+-]?\d+)$/;
const RAISED = Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"].map((sign, i) => [sign, "0123456789-+"[i]]));

function numberOf(typed) {
  let text = typed.replaceAll("−", "-").replaceAll(" ", "").replaceAll("\u202f", "");
  text = text.replace(/10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+)/g, (_, signs) => "10^" + [...signs].map((sign) => RAISED[sign]).join(""));
  if (text.endsWith("%")) {
    const share = numberOf(text.slice(0, -1));
    return share === null ? null : share / 100;
  }
  if (text.split("/").length === 2) {
    const [above, below] = text.split("/").map(numberOf);
    return above === null || !below ? null : above / below;
  }
  const power = POWER.exec(text);
  if (power) {
    const factor = power[1] ? numberOf(power[1]) : 1;
    if (factor === null) return null;
    const [mantissa, exponent] = String(factor).split("e");
    return Number(`${mantissa}e${Number(exponent ?? 0) + Number(power[2])}`);
  }
  if (text.split(",").length === 2 && !text.includes(".")) text = text.replace(",", ".");
  return PLAIN.test(text) ? Number(text) : null;
}

function beyond(value, rule) {
  if (!Number.isFinite(value)) return "Give a finite number.";
  if (rule.log && value <= 0) return "Give a number above 0: the number itself, not its logarithm.";
  if (value < rule.low) return `The scale begins at ${numberText(rule.low)}: ${numberText(value)} lies below it.`;
  if (value > rule.high) return `The scale ends at ${numberText(rule.high)}: ${numberText(value)} lies beyond it.`;
  return "";
}

function understand(text, rule) {
  const typed = text.trim().split(/\s+/).join(" "), refused = (words) => ({ value: null, words });
  if (!typed) return refused("Give a number, or move the slider.");
  if (/^[+-]?[1-9]\d{0,2},\d{3}$/.test(typed.replaceAll(" ", ""))) {
    const [whole, rest] = typed.split(",");
    return refused(`“${typed}” may be ${whole}.${rest} or ${whole}${rest}: write it with a point, or without the comma.`);
  }
  const value = numberOf(rule.unit === "%" ? typed.replace(/%$/, "") : typed);
  if (value === null) return refused(`“${typed}” is no number: write 0.001, 1e-3, 10^-3 or 1/1000.`);
  const refusal = beyond(value, rule);
  if (refusal) return refused(refusal);
  return { value, words: PLAIN.test(typed) ? "" : `“${typed}” is read as ${numberText(value)}.` };
}

// ── What is said of it ───────────────────────────────────────────────────────────────────────────

const PARTING = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };
const safe = (text) => text.replace(/[&<>"']/g, (sign) => PARTING[sign]);

function distance(rule, a, b) {
  if (!rule.log) return Number.isFinite(b) ? Math.abs(a - b) : Infinity;
  return a > 0 && b > 0 && Number.isFinite(b) ? Math.abs(Math.log(a) - Math.log(b)) : Infinity;
}

const reach = (rule) => (rule.log ? Math.log(rule.within) : rule.within) * (1 + 1e-12);
const withUnit = (text, rule) => (rule.unit ? `${text} ${rule.unit}` : text);
const span = (rule) => distance(rule, rule.low, rule.high);

function decades(length) {
  const text = general(length / Math.log(10), 2);
  return text === "1" ? `${text} decade` : `${text} decades`;
}

const howClose = (rule) =>
  rule.log ? `within a factor of ${numberText(rule.within)}` : `within ${withUnit(numberText(rule.within), rule)}`;
const over = (rule) =>
  rule.log ? ` over ${decades(span(rule))}` : ` of ${withUnit(numberText(rule.high - rule.low), rule)}`;

// Without the last digits, in which one browser's logarithm differs from another's.
const clean = (value) => Number(value.toPrecision(9));

function howFar(rule, number, truth) {
  if (!Number.isFinite(truth) || (rule.log && truth <= 0)) return "";
  const side = number > truth ? "too large" : "too small", far = distance(rule, number, truth);
  if (!rule.log) return `: ${withUnit(measuredText(far), rule)} ${side}`;
  const ratio = Math.exp(far);
  if (!Number.isFinite(ratio)) return `: far ${side}`;
  return `: a factor of ${measuredText(clean(ratio))} ${side}, ${measuredText(clean(far / Math.log(10)))} of the scale&#x27;s ${decades(span(rule))}`;
}

function nearness(rule, number, truth) {
  const far = distance(rule, number, truth);
  if (far <= reach(rule)) return "close";
  const share = far / span(rule);
  return share <= 0.15 ? "not far off" : share <= 0.35 ? "some way off" : "far off";
}

// The slip whose value was given, give or take a digit: the same number rounded, or a hand on the slider.
function nearestSlip(rule, number) {
  const [first] = rule.slips.map((slip) => [distance(rule, number, slip[0]), slip]).sort((a, b) => a[0] - b[0]);
  if (!first) return null;
  const [far, slip] = first, rounding = rule.log ? Math.log1p(rule.rounded) : rule.rounded * Math.abs(slip[0]);
  return far <= Math.min(reach(rule), Math.max(rounding, rule.setting * span(rule))) ? slip : null;
}

// The right number as a share, where per cent are asked.
function asAShare(rule, number, truth) {
  if (rule.unit !== "%" || distance(rule, 100 * number, truth) > reach(rule)) return null;
  return [number, [`a share for per cent: ${numberText(number)} is a share, and per cent are asked: multiply it by 100.`]];
}

// Python's float("inf") and float("nan") have other names here.
const fromPython = (text) => ({ inf: Infinity, "-inf": -Infinity, nan: NaN })[text] ?? Number(text);

// The verdict on a predicted number, as HTML. Whatever the question says is HTML when it comes here.
function judge(told, number) {
  const { rule } = told, truth = fromPython(rule.measured), close = distance(rule, number, truth) <= reach(rule);
  const word = told.points ? "" : nearness(rule, number, truth);
  const found = `You predicted ${withUnit(numberText(number), rule)}; measured ${withUnit(rule.words, rule)}`;
  const lines = [];
  if (close) lines.push(`${found}, ${howClose(rule)}${over(rule)}: close.`);
  else {
    const slip = nearestSlip(rule, number) ?? asAShare(rule, number, truth);
    if (slip) lines.push(...slip[1]);
    lines.push(`${found}${howFar(rule, number, truth)}. Close is ${howClose(rule)}.`);
  }
  return verdict(told, close ? "right" : "wrong", word, [...lines, ...rule.explain]);
}

function verdict({ title, points }, status, word, lines) {
  const score = points ? `${general(status === "right" ? points : 0, 3)} of ${general(points, 3)} ${points === 1 ? "point" : "points"}` : "";
  const said = lines.map((line) => `<div>${line}</div>`).join("");
  return `<div class="gc-verdict gc-${word ? "guess" : status}"><div><strong>${safe(title)}</strong>: ${safe(score || word || status)}</div>`
    + `<ul><li class="gc-${status}">${said}</li></ul></div>`;
}
