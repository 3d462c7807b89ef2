// Predicted against measured, a dot for each prediction that this browser keeps: the twin of
// exercises/guesses.py, drawn by the notebook's own figure.

const SUPERSCRIPT = (power) => [...String(power)].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"["0123456789".indexOf(sign)] ?? "⁻").join("");

const median = (values) => {
  const ranked = [...values].sort((a, b) => a - b), half = ranked.length >> 1;
  return ranked.length % 2 ? ranked[half] : (ranked[half - 1] + ranked[half]) / 2;
};

function leaning(misses) {
  const high = misses.filter((miss) => miss > 0.05).length, low = misses.filter((miss) => miss < -0.05).length;
  if (Math.max(high, low) < Math.max(4, 0.8 * misses.length)) return ".";
  return high > low ? ". You tend to guess too high: products shrink faster than they seem to."
    : ". You tend to guess too low: products keep more than they seem to.";
}

function summary(guesses) {
  if (!guesses.length) return "No prediction is locked in yet. Your first one will be a dot here.";
  const close = guesses.filter((guess) => guess.close).length;
  const misses = guesses.map((guess) => Math.log10(guess.predicted / guess.measured));
  const typical = 10 ** Math.min(median(misses.map(Math.abs)), 300);
  const text = `${guesses.length} prediction${guesses.length === 1 ? "" : "s"}, ${close} close`;
  return text + (typical >= 1.05 ? `; the typical miss is a factor of ${measuredText(typical)}` : "") + leaning(misses);
}

function decadeScale(label, low, high) {
  const step = [1, 2, 3, 5, 10, 20, 50, 100].find((size) => (high - low) / size <= 7) ?? 200, ticks = [];
  for (let power = Math.ceil(low); power <= high; power++) ticks.push([power, power % step ? "" : `10${SUPERSCRIPT(power)}`]);
  return { label, low, high, bottom: low, zero: null, ticks };
}

// A frame as figures/wire.py describes one, and its points. `dots` has a line of each kind.
function intuitionFrame(guesses, dots) {
  const places = guesses.flatMap((guess) => [guess.predicted, guess.measured].map(Math.log10));
  const low = Math.min(...places) - 1, high = Math.max(...places) + 1, numbers = [];
  const put = (values) => { numbers.push(...values); return numbers.length - values.length; };
  const lines = dots.lines.map((line) => {
    const chosen = guesses.filter((guess) => guess.close === (line.label === "close"));
    const reference = line.label === "predicted = measured";
    const xs = reference ? [low, high] : chosen.map((guess) => Math.log10(guess.measured));
    const ys = reference ? [low, high] : chosen.map((guess) => Math.log10(guess.predicted));
    // Each dot between two gaps: dots are no line.
    const gaps = (values, gap) => (reference ? values : values.flatMap((value) => [value, gap ?? value]));
    const marks = reference ? [] : xs.map((_, i) => 2 * i);
    return { ...line, marks, x: put(gaps(xs)), y: put(gaps(ys, NaN)), n: reference ? 2 : 2 * xs.length };
  });
  const shown = lines.filter((line) => line.n), labels = dots.order.map((index) => dots.lines[index].label);
  const alt = guesses.map((guess) => `${guess.title}: predicted ${numberText(guess.predicted, 2)}, measured ${numberText(guess.measured, 2)}`).join("; ");
  const frame = {
    ...dots, alt: `Your intuition: ${alt}.`, lines: shown,
    x: decadeScale(dots.x.label, low, high), y: decadeScale(dots.y.label, low, high),
    order: labels.map((label) => shown.findIndex((line) => line.label === label)).filter((index) => index >= 0),
  };
  return { frame, points: new DataView(new Float32Array(numbers).buffer) };
}
