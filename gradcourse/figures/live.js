// Draws what gradcourse/figures/wire.py describes. All colours come with the description; the
// page's own colours come from JupyterLab's CSS variables where there are any.

// Widths in the style table are points; a screen's pixel is 3/4 of one.
const PIXELS = 4 / 3;

const dashes = (line) =>
  line.dash.length ? ` stroke-dasharray="${line.dash.map((part) => part * PIXELS).join(" ")}"` : "";

// ── One frame as SVG, its cells on a canvas below ────────────────────────────────────────────────

const fixed = (value) => value.toFixed(1);

// A path through the points that have a height; a gap or an exact zero breaks it.
function trace(xs, ys, X, Y) {
  let path = "", pen = false;
  for (let i = 0; i < xs.length; i++) {
    if (Number.isFinite(ys[i]) && Number.isFinite(xs[i])) {
      path += (pen ? "L" : "M") + fixed(X(xs[i])) + " " + fixed(Y(ys[i]));
      pen = true;
    } else pen = false;
  }
  return path;
}

function drawLine(line, points, box, color, page) {
  const xs = points.subarray(line.x, line.x + line.n), ys = points.subarray(line.y, line.y + line.n);
  const path = trace(xs, ys, box.X, box.Y), dash = dashes(line);
  const stroke = (width, paint) =>
    `<path d="${path}" fill="none" stroke="${paint}" stroke-width="${fixed(width * PIXELS)}" stroke-linejoin="round"${dash}/>`;
  const under = (line.halo ? stroke(line.width + 2 * line.halo, line.edge || page) : "") + stroke(line.width, color);
  const size = line.width > 3 ? 5 : 4;
  const marker = (x, y, scale) => `<path d="${line.marker}" fill="${color}" transform="translate(${fixed(x)} ${fixed(y)}) scale(${scale})"/>`;
  const marks = line.marks.filter((i) => Number.isFinite(ys[i])).map((i) => marker(box.X(xs[i]), box.Y(ys[i]), size)).join("");
  let zeros = "";
  if (line.foot !== null)
    for (let i = 0; i < xs.length; i++) if (ys[i] === -Infinity) zeros += marker(box.X(xs[i]), box.Y(line.foot), 2.7);
  return { under, marks, zeros };
}

// Where labels stand was worked out for a wide figure. On a narrow one their letters take more of it.
const LETTER = 7.4, ROW = 17;
const meet = (one, other) => one.left < other.right && other.left < one.right && Math.abs(one.y - other.y) < ROW;

// Whether a line runs through a label: whether a piece of one of its stretches lies inside.
function crossed({ left, right, y }, xs, ys) {
  for (let i = 1; i < xs.length; i++) {
    if (![xs[i - 1], xs[i], ys[i - 1], ys[i]].every(Number.isFinite)) continue;
    let near = 0, far = 1;
    for (const [from, to, low, high] of [[xs[i - 1], xs[i], left, right], [ys[i - 1], ys[i], y - ROW / 2, y + ROW / 2]]) {
      if (from === to) { if (from < low || from > high) far = -1; continue; }
      const ends = [(low - from) / (to - from), (high - from) / (to - from)];
      near = Math.max(near, Math.min(...ends));
      far = Math.min(far, Math.max(...ends));
    }
    if (near <= far) return true;
  }
  return false;
}

// A label beyond the axes is moved inside. One through which a line runs, or that lies over another, goes
// along its line or through its band, or to the other side of it. What finds no room is named in the legend
// and stays there, so that the figure does not jump when a knob moves.
function drawNotes(frame, points, box, named) {
  const owners = [...frame.zones, ...frame.lines].filter(({ note }) => note && !named.has(note[0]));
  const taken = [], foot = box.top + box.height, end = box.left + box.width;
  const of = (at, n, scale) => Array.from(points.subarray(at, at + n), scale);
  const lines = frame.lines.map((line) => ({ line, xs: of(line.x, line.n, box.X), ys: of(line.y, line.n, box.Y) }));
  const place = (owner) => {
    const [text, across, up, anchor] = owner.note, line = lines.find((one) => one.line === owner);
    const width = LETTER * text.length, before = { left: 0, center: width / 2, right: width }[anchor];
    const upright = line && line.xs.every((x) => x === line.xs[0]), y = box.top + (1 - up) * box.height;
    const own = Math.max(box.left, Math.min(box.left + across * box.width - before, end - width));
    const starts = upright ? [line.xs[0] + 5, line.xs[0] - 5 - width] : [0, 1, 2, 3, 4].map((part) => box.left + 4 + (part / 4) * (box.width - width - 8));
    const far = Array.from({ length: 24 }, (_, i) => (i % 2 ? -1 : 1) * Math.ceil((i + 1) / 2));
    // A level line's name stands beside it, a band's in it or beside it, an upright line's anywhere along it.
    const near = (by) => Math.abs(by) < 2 || upright || (!line && y + by * ROW > box.Y(owner.high) && y + by * ROW < box.Y(owner.low));
    const free = [0, ...far].filter(near)
      .flatMap((by) => [own, ...starts].map((left) => ({ left, right: left + width, y: y + by * ROW })))
      .find((one) => one.left >= box.left && one.right <= end && one.y > box.top && one.y < foot
        && !taken.some((other) => meet(one, other))
        && !lines.some(({ line, xs, ys }) => (upright || line !== owner) && crossed(one, xs, ys)));
    if (!free) { named.add(text); return ""; }
    taken.push(free);
    const align = { left: "start", center: "middle", right: "end" }[anchor];
    return `<text class="gc-note" x="${fixed(free.left + before)}" y="${fixed(free.y)}" dy=".35em" text-anchor="${align}">${escape(text)}</text>`;
  };
  return owners.map(place).join("");
}

// Of the marks along the bottom those keep their words that do not run into the one before; the last
// word moves a little to the left where it would run off the figure.
function legible(ticks, { X, full }) {
  let end = 0;
  return ticks.map(([at, label]) => {
    const half = (LETTER * label.length) / 2, middle = Math.min(X(at), full - 2 - 7 * ems(label));
    if (!label || middle - half < end || X(at) - middle > half) return [at, "", 0];
    end = middle + half + 6;
    return [at, label, middle];
  });
}

const longest = (scale) => Math.max(1, ...scale.ticks.map(([, label]) => label.length));

// A colour bar is 14 wide, 12 from the axes.
function geometry(frame, width) {
  const right = frame.cells ? 62 + 8 * longest(frame.cells.color) : 16;
  const left = 38 + 8 * longest(frame.y), top = 9, below = inRows(frame.x.label, width - left - right), bottom = 31 + 15 * below.length;
  const height = Math.round(Math.min(400, Math.max(250, 0.56 * width)));
  const box = { left, top, width: width - left - right, height: height - top - bottom, full: width, total: height, below };
  const { x, y } = frame;
  box.X = (v) => left + (box.width * (v - x.bottom)) / (x.high - x.bottom);
  box.Y = (v) => top + box.height * (1 - (v - y.bottom) / (y.high - y.bottom));
  return box;
}

// How wide a text is, about, in sizes of its letters.
const NARROW = /[ .,:;|()\/'’fijltI]/g;
const ems = (text) => 0.62 * text.length - 0.26 * (text.match(NARROW) ?? []).length;

// A long label below a narrow figure is set in two rows before its letters become small.
function inRows(label, room) {
  const middle = label.length / 2, spaces = [...label.matchAll(/ /g)].map(({ index }) => index);
  if (room / ems(label) >= 11 || !spaces.length) return [label];
  const at = spaces.reduce((best, one) => (Math.abs(one - middle) < Math.abs(best - middle) ? one : best));
  return [label.slice(0, at), label.slice(at + 1)];
}

function drawAxes(frame, box, theme) {
  const { x, y } = frame, foot = box.top + box.height, end = box.left + box.width;
  const rule = (x1, y1, x2, y2, color) => `<path d="M${fixed(x1)} ${fixed(y1)}L${fixed(x2)} ${fixed(y2)}" stroke="${color}"/>`;
  let grid = "", text = "";
  for (const [at, word] of y.ticks) {
    const h = box.Y(at), label = y.zero !== null && Math.abs(h - box.Y(y.zero)) < 13 ? "" : word;
    if (label) {
      grid += frame.cells ? rule(box.left - 4, h, box.left, h, theme.muted) : rule(box.left, h, end, h, theme.grid);
      text += `<text x="${fixed(box.left - 8)}" y="${fixed(h)}" dy=".35em" text-anchor="end">${escape(label)}</text>`;
    } else grid += rule(box.left - 3, h, box.left, h, theme.muted);
  }
  for (const [at, label, middle] of legible(x.ticks, box)) {
    const v = box.X(at);
    grid += rule(v, foot, v, foot + (label ? 4 : 3), theme.muted);
    if (label && !frame.cells) grid += rule(v, box.top, v, foot, theme.grid);
    if (label) text += `<text x="${fixed(middle)}" y="${fixed(foot + 19)}" text-anchor="middle">${escape(label)}</text>`;
  }
  if (y.zero !== null) {
    grid += rule(box.left, box.Y(y.low), end, box.Y(y.low), theme.muted);
    text += `<text x="${fixed(box.left - 8)}" y="${fixed(box.Y(y.zero))}" dy=".35em" text-anchor="end">0</text>`;
  }
  const spines = rule(box.left, box.top, box.left, foot, theme.muted) + rule(box.left, foot, end, foot, theme.muted);
  // What still does not fit is set in smaller letters.
  const size = (label, room) => `font-size="${fixed(Math.min(14, room / ems(label)))}" text-anchor="middle"`;
  text += box.below.map((row, i) => `<text x="${fixed(box.left + box.width / 2)}" y="${fixed(foot + 40 + 15 * i)}" ${size(row, box.width)}>${escape(row)}</text>`).join("");
  // An upright one stands beside the axis; one too long for it takes the whole height.
  const upright = (label, x) => {
    const long = 14 * ems(label) > box.height + 2 * box.top, middle = long ? box.total / 2 : box.top + box.height / 2;
    return `<text transform="translate(${x} ${fixed(middle)}) rotate(-90)" ${size(label, box.total)}>${escape(label)}</text>`;
  };
  text += upright(y.label, 14);
  if (frame.cells) {
    const { color } = frame.cells, bar = end + 26;
    for (const [at, label] of color.ticks) {
      const h = box.top + box.height * (1 - (at - color.low) / (color.high - color.low));
      grid += rule(bar, h, bar + 4, h, theme.muted);
      text += `<text x="${fixed(bar + 8)}" y="${fixed(h)}" dy=".35em">${escape(label)}</text>`;
    }
    text += upright(color.label, box.full - 8);
  }
  return { grid, text, spines };
}

function drawBar(box, colors, id) {
  const stops = colors.filter((_, i) => i % 15 === 0);  // 256 colours: the first and the last, too
  const gradient = stops.map((color, i) => `<stop offset="${i / (stops.length - 1)}" stop-color="${color}"/>`).join("");
  return `<linearGradient id="gc-bar-${id}" x1="0" y1="1" x2="0" y2="0">${gradient}</linearGradient>
    <rect x="${fixed(box.left + box.width + 12)}" y="${box.top}" width="14" height="${fixed(box.height)}" fill="url(#gc-bar-${id})"/>`;
}

// One pixel for each cell, then scaled up unsmoothed; a gap stays transparent.
function drawCells(canvas, frame, points, box, colors) {
  const { cells } = frame;
  canvas.hidden = !cells;
  if (!cells) return;
  const { rows, columns, start } = cells, image = new ImageData(columns, rows);
  const [left, right] = cells.across.map(box.X), [low, high] = cells.up.map(box.Y);
  for (let i = 0; i < rows * columns; i++) {
    const share = points[start + i], row = Math.floor(i / columns), column = i % columns;
    if (Number.isNaN(share)) continue;
    const at = (low < high ? row : rows - 1 - row) * columns + (left < right ? column : columns - 1 - column);
    const color = parseInt(colors[Math.min(colors.length - 1, Math.floor(share * colors.length))].slice(1), 16);
    image.data.set([color >> 16, (color >> 8) & 255, color & 255, 255], 4 * at);
  }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d").putImageData(image, 0, 0);
  Object.assign(canvas, { width: box.width * devicePixelRatio, height: box.height * devicePixelRatio });
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  Object.assign(canvas.style, {
    left: percent(box.left, box.full), width: percent(box.width, box.full),
    top: percent(box.top, box.total), height: percent(box.height, box.total),
  });
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, Math.min(left, right) - box.left, Math.min(low, high) - box.top, Math.abs(right - left), Math.abs(high - low));
}

function drawFrame(svg, canvas, frame, points, look, id, named) {
  const width = Math.max(280, Math.round(svg.clientWidth) || 640), box = geometry(frame, width);
  const theme = look.style.themes[look.name];
  const { grid, text, spines } = drawAxes(frame, box, theme);
  const zones = frame.zones
    .map((z) => `<rect x="${fixed(box.left)}" width="${fixed(box.width)}" y="${fixed(box.Y(z.high))}" height="${fixed(box.Y(z.low) - box.Y(z.high))}" fill="${theme.band}" fill-opacity="${look.style.bandOpacity}"/>`)
    .join("");
  const drawn = frame.lines.map((line) => drawLine(line, points, box, line[look.name], look.page));
  const join = (part) => drawn.map((one) => one[part]).join("");
  const notes = drawNotes(frame, points, box, named);
  const clip = `<clipPath id="gc-clip-${id}"><rect x="${box.left - 5}" y="${box.top - 5}" width="${fixed(box.width + 10)}" height="${fixed(box.Y(frame.y.low) - box.top + (frame.y.zero === null ? 5 : 0) + 5)}"/></clipPath>`;
  svg.setAttribute("viewBox", `0 0 ${width} ${box.total}`);
  const colors = frame.cells?.signed ? look.style.signed : look.style.colors;
  const bar = frame.cells ? drawBar(box, colors, id) : "";
  svg.innerHTML = `${clip}${zones}${bar}${grid}${spines}<g clip-path="url(#gc-clip-${id})">${join("under")}${join("marks")}</g>${join("zeros")}${notes}${text}`;
  svg.setAttribute("aria-label", frame.alt);
  drawCells(canvas, frame, points, box, colors);
  return box;
}

function drawLegend(legend, frame, look, named) {
  const key = (drawn, label) => `<span><svg width="34" height="12" aria-hidden="true">${drawn}</svg>${escape(label)}</span>`;
  const ofLine = (line) => {
    const color = line[look.name];
    const mark = line.marks.length ? `<path d="${line.marker}" fill="${color}" transform="translate(17 6) scale(${line.width > 3 ? 5 : 4})"/>` : "";
    const stroke = (width, paint) => `<path d="M0 6H34" stroke="${paint}" stroke-width="${width * PIXELS}"${dashes(line)}/>`;
    const edge = line.edge ? stroke(line.width + 2 * line.halo, line.edge) : "";
    return key(`${edge}${stroke(line.width, color)}${mark}`, line.label);
  };
  const band = (zone) => key(`<rect width="34" height="12" fill="${look.style.themes[look.name].band}" fill-opacity="${2 * look.style.bandOpacity}"/>`, zone.note[0]);
  const lines = [...new Set(frame.order)].map((index) => frame.lines[index]).filter((line) => line.label);
  const crowded = ({ note }) => note && named.has(note[0]);
  legend.innerHTML = [...lines, ...frame.lines.filter(crowded)].map(ofLine).join("") + frame.zones.filter(crowded).map(band).join("");
}

// ── One image for both themes, as of figures/themed.py ───────────────────────────────────────────

// A frame whose colours are names, and what the names mean in each theme.
function inTwoThemes(frame, style) {
  const { light, dark } = style.themes, names = new Map();
  const name = (one, other) => {
    const pair = `${one},${other}`;
    if (!names.has(pair)) names.set(pair, `c${names.size}`);
    return one === other ? one : `var(--${names.get(pair)})`;
  };
  const theme = Object.fromEntries(Object.keys(light).map((part) => [part, name(light[part], dark[part])]));
  const lines = frame.lines.map((line) => ({ ...line, both: name(line.light, line.dark) }));
  const sheet = (which) => [...names].map(([pair, short]) => `--${short}:${pair.split(",")[which]}`).join(";");
  const ink = `:root{${sheet(0)}}@media (prefers-color-scheme:dark){:root{${sheet(1)}}}
    svg{font:14px system-ui,sans-serif} text{fill:${theme.text}}
    .gc-note{fill:${theme.muted};paint-order:stroke;stroke:${theme.background};stroke-width:3px;stroke-linejoin:round;stroke-opacity:.75}`;
  return { inked: { ...frame, lines }, both: { name: "both", style: { ...style, themes: { both: theme } }, page: theme.background }, ink };
}

function themedImage(svg, ink, style, attributes) {
  const sheet = document.createElementNS("http://www.w3.org/2000/svg", "style");
  sheet.textContent = ink;
  svg.prepend(sheet);
  const [width, height] = [...attributes.matchAll(/(?:width|height)="(\d+)"/g)].map((found) => found[1]);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const bytes = new TextEncoder().encode(new XMLSerializer().serializeToString(svg));
  const source = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return `<img ${style.image} ${attributes} src="data:image/svg+xml;base64,${source}">`;
}

// ── Knobs ────────────────────────────────────────────────────────────────────────────────────────

const toValue = (control, position) => {
  const real = control.log ? 10 ** position : position;
  return control.integer ? Math.round(real) : real;
};
const toPosition = (control, value) => (control.log ? Math.log10(value) : value);

function say(control, value) {
  if (control.integer) return value.toLocaleString("en").replaceAll(",", "\u202f");
  if (!control.log) return value.toFixed(control.decimals).replace("-", "−");
  if (value >= 0.01 && value < 1000) return Number(value.toPrecision(3)).toString();
  return value.toExponential(1).replace("e+", "e");
}

function makeKnob(control, number, moved) {
  const id = `gc-knob-${number}-${control.name}`;
  const slider = make("input", {
    type: "range", id, min: control.low, max: control.high, step: control.step,
    "aria-label": control.label,
  });
  // The slider speaks its own value: the number beside it must not be spoken, too.
  const output = make("output", { for: id, role: "presentation" });
  const show = (value) => {
    output.textContent = say(control, value);
    slider.setAttribute("aria-valuetext", output.textContent);
  };
  slider.addEventListener("input", () => {
    const value = toValue(control, slider.valueAsNumber);
    show(value);
    moved(control.name, value);
  });
  const row = make("div", { class: "gc-knob" }, make("label", { for: id }, control.label), slider, output);
  const set = (value) => {
    const position = toPosition(control, value);
    if (Math.abs(slider.valueAsNumber - position) > control.step / 2 || !output.textContent) slider.value = position;
    show(value);
  };
  return { row, set, slider };
}

// The knob's own position nearest to a value.
function snap(control, value) {
  const steps = Math.round((Math.min(Math.max(value, control.low), control.high) - control.low) / control.step);
  return Number((control.low + steps * control.step).toFixed(10));
}

// Where in the axes the pointer is, in the axes' values; null beside them.
function pointed(event, svg, { x, y }, box) {
  const page = svg.getBoundingClientRect(), unit = box.full / page.width;
  const across = ((event.clientX - page.left) * unit - box.left) / box.width;
  const up = 1 - ((event.clientY - page.top) * unit - box.top) / box.height;
  if (!(across >= 0 && across <= 1 && up >= 0 && up <= 1)) return null;
  return [x.bottom + across * (x.high - x.bottom), y.bottom + up * (y.high - y.bottom)];
}

// ── The widget ───────────────────────────────────────────────────────────────────────────────────

function render({ model, el }) {
  // Every widget loads a copy of this module: a counter would give all of them the same ids.
  const number = Math.random().toString(36).slice(2), controls = model.get("_controls"), style = model.get("_style");
  const title = make("div", { class: "gc-title" }), legend = make("div", { class: "gc-legend", "aria-hidden": "true" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("class", "gc-figure");
  const canvas = make("canvas", { "aria-hidden": "true" }), stage = make("div", { class: "gc-stage" }, canvas, svg);
  const bar = make("progress", { max: 1 }), progress = make("label", { class: "gc-progress" }, "Computing all frames, once … ", bar);
  const busy = make("div", { class: "gc-busy", "aria-live": "polite" });
  busy.hidden = !model.get("_rests");
  const status = make("div", { class: "gc-status", role: "status", "aria-live": "polite" });
  const knobs = Object.fromEntries(controls.map((control) => [control.name, makeKnob(control, number, moved)]));
  const root = make("div", { class: "gc-live", role: "group", "aria-label": model.get("_heading") },
    make("div", { class: "gc-heading" }, model.get("_heading")), title, legend, stage,
    make("div", { class: "gc-knobs" }, ...Object.values(knobs).map((knob) => knob.row)), progress, busy, status);
  el.append(root);

  let queued = false, look = null, box = null, drawn = [], named = new Set(), pause = 0, gone = false, late = false, patience = 0, portrait = 0;

  // A linked figure that has all its frames needs no kernel. One that is gone must not be written to,
  // or the page logs an error at each move.
  const alone = () => model.get("_linked") && model.get("_progress") >= 1;

  function save() {
    if (gone || isGone(model, el)) return;
    try { model.save_changes(); } catch { /* nobody to tell */ }
  }

  // The kernel says with each frame at which values it was drawn.
  function answered() {
    const at = current()?.at, knobs = model.get("knobs");
    if (alone() || !at || model.get("status")) return true;
    return Object.entries(at).every(([name, value]) => Math.abs(value - knobs[name]) <= 1e-9 * Math.abs(value) + 1e-12);
  }

  function wait() {
    late = false;
    clearTimeout(patience);
    patience = setTimeout(() => { late = !answered(); queue(); }, 1000);
  }

  function moved(name, value) {
    move({ [name]: value }, 350);
  }

  function move(values, after) {
    model.set("knobs", { ...model.get("knobs"), ...values });
    if (model.get("_linked")) queue();
    save();
    wait();
    rest(after);
  }

  // What is too slow to follow the hand is asked for when the hand has been still for a moment.
  function rest(after) {
    if (!model.get("_rests") || gone) return;
    clearTimeout(pause);
    pause = setTimeout(() => model.send({ rest: model.get("knobs") }), after);
  }

  function clicked(event) {
    const names = model.get("_click"), frame = current();
    const at = names.length && frame?.cells && box && !gone ? pointed(event, svg, frame, box) : null;
    if (!at) return;
    const of = (name) => controls.find((control) => control.name === name);
    move(Object.fromEntries(names.map((name, i) => [name, toValue(of(name), snap(of(name), at[i]))])), 0);
  }

  function current() {
    const frames = model.get("_frames");
    if (frames.length < 2) return frames[0];
    const control = controls[0], position = toPosition(control, model.get("knobs")[control.name]);
    const index = Math.round((position - control.low) / control.step);
    return frames[Math.min(Math.max(index, 0), frames.length - 1)];
  }

  function draw() {
    queued = false;
    const frame = current(), data = model.get("_data"), still = gone && !alone();
    // Of a kernel that is gone the knobs go back to the values of the picture: both say the same.
    const values = still && frame?.at ? frame.at : model.get("knobs");
    for (const control of controls) knobs[control.name].set(values[control.name]);
    if (answered()) late = false;
    const said = still ? "Not connected: run this cell to move the figure."
      : late ? "Waiting: the kernel is busy. The picture is the last one that it drew." : model.get("status");
    if (status.textContent !== said) status.textContent = said;
    status.classList.toggle("gc-calm", still || late);
    const share = model.get("_progress");
    progress.hidden = share >= 1 || still;
    bar.value = share;
    busy.textContent = model.get("_rests") && frame && !frame.rested && !said ? "Measuring at this point …" : "";
    for (const knob of Object.values(knobs)) knob.slider.disabled = share < 1 || still;
    if (!frame || !look) return;
    // What is hidden has no width; when it is seen again, its size changes, and it is drawn.
    if (drawn.length && !root.clientWidth) return;
    const now = [frame, data, look, root.clientWidth];
    if (now.every((part, i) => part === drawn[i])) return;
    if (drawn[3] !== root.clientWidth) named.clear();
    drawn = now;
    // The view may start at any byte; a Float32Array must start at a multiple of four.
    const aligned = data.byteOffset % 4 ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data.buffer;
    const points = new Float32Array(aligned, data.byteOffset % 4 ? 0 : data.byteOffset, data.byteLength / 4);
    title.textContent = frame.title;
    box = drawFrame(svg, canvas, frame, points, look, number, named);
    drawLegend(legend, frame, look, named);
    clearTimeout(portrait);
    if (!gone && model.widget_manager?.kernel) portrait = setTimeout(() => gone || model.send({ still: stillPicture(frame, points, values) }), 1000);
  }

  // What a page shows tomorrow, without this widget: the picture as it is now, in both themes, as images,
  // which need no script and pass where a page is not trusted.
  function stillPicture(frame, points, values) {
    const shown = controls.map((control) => `${escape(control.label)}: <strong>${escape(say(control, values[control.name]))}</strong>`).join(" · ");
    const { inked, both, ink } = inTwoThemes(frame, style), key = make("div"), beside = new Set();
    const copy = document.createElementNS("http://www.w3.org/2000/svg", "svg"), tile = make("canvas");
    const place = drawFrame(copy, tile, inked, points, both, "still", beside);
    drawLegend(key, inked, both, beside);
    const row = [...key.children].map((one) => {
      const label = escape(one.textContent), mark = themedImage(one.querySelector("svg"), ink, style, 'width="34" height="12" alt=""');
      return `<span style="display:inline-flex;align-items:center;gap:7px;margin-right:20px">${mark}${label}</span>`;
    });
    if (frame.cells) {
      const image = document.createElementNS("http://www.w3.org/2000/svg", "image");
      const at = { x: place.left, y: place.top, width: place.width, height: place.height, preserveAspectRatio: "none", href: tile.toDataURL() };
      for (const [name, value] of Object.entries(at)) image.setAttribute(name, value);
      copy.prepend(image);
    }
    copy.setAttribute("style", `background:${both.page}`);
    const picture = themedImage(copy, ink, style, `width="${place.full}" height="${place.total}" alt="${escape(frame.alt)}"`);
    return `<div class="gc-still" style="max-width:720px;padding:8px 12px 10px;font:14px/1.4 system-ui,sans-serif">`
      + `<strong>${escape(model.get("_heading"))}</strong><div>${escape(frame.title)}</div><div>${row.join("")}</div>${picture}<div>${shown}</div></div>`;
  }

  // One message changes several attributes: draw once for all of them.
  function queue() {
    if (!queued) { queued = true; queueMicrotask(draw); }
  }

  function lookAround() {
    const name = isDark(root) ? "dark" : "light", theme = style.themes[name];
    for (const key of ["background", "text", "muted"]) root.style.setProperty(`--gc-theme-${key}`, theme[key]);
    root.style.setProperty("--gc-accent", name === "dark" ? "#3d9ddb" : "#0072b2");
    root.style.setProperty("--gc-alarm", name === "dark" ? "#e8702a" : "#d55e00");
    const page = getComputedStyle(root).backgroundColor;
    if (look?.name !== name || look.page !== page) look = { name, style, page };
    queue();
  }

  svg.classList.toggle("gc-click", model.get("_click").length > 0);
  svg.addEventListener("click", clicked);
  const watched = ["change:_frames", "change:_data", "change:status", "change:_progress", "change:knobs"];
  for (const event of watched) model.on(event, queue);
  // A view that is put on the page changes its size: then its theme is looked up again, too.
  const sizes = new ResizeObserver(() => { if (look && isDark(root) !== (look.name === "dark")) lookAround(); else queue(); });
  sizes.observe(root);
  mindTheNotebook(root);
  if (root.isConnected) lookAround();
  const leaveTheme = followTheme(lookAround);
  const leaveKernel = followKernel(model, el, (now) => { gone = now; queue(); });
  if (model.get("_linked") && model.get("_progress") < 1) model.send("frames");
  if (!current()?.rested) rest(350);

  return () => {
    clearTimeout(pause);
    for (const event of watched) model.off(event, queue);
    clearTimeout(patience);
    clearTimeout(portrait);
    sizes.disconnect();
    leaveTheme();
    leaveKernel();
  };
}

export default { render };
