// Draws what gradcourse/figures/wire.py describes. All colours come with the description; the
// page's own colours come from JupyterLab's CSS variables where there are any.

const escape = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// Widths in the style table are points; a screen's pixel is 3/4 of one.
const PIXELS = 4 / 3;

const dashes = (line) =>
  line.dash.length ? ` stroke-dasharray="${line.dash.map((part) => part * PIXELS).join(" ")}"` : "";

// ── Light or dark? ───────────────────────────────────────────────────────────────────────────────

function luminance(color) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b, alpha] = context.getImageData(0, 0, 1, 1).data;
  return alpha < 128 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

// The page decides, not the system: a light notebook on a dark desktop stays light.
function isDark(element) {
  const page = getComputedStyle(element).getPropertyValue("--jp-layout-color0").trim();
  if (page) return (luminance(page) ?? 1) < 0.5;
  for (let node = element.parentElement; node; node = node.parentElement) {
    const level = luminance(getComputedStyle(node).backgroundColor);
    if (level !== null) return level < 0.5;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

// ── One frame of lines as SVG ────────────────────────────────────────────────────────────────────

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

function drawLine(line, points, box, color, page, halo) {
  const xs = points.subarray(line.x, line.x + line.n), ys = points.subarray(line.y, line.y + line.n);
  const path = trace(xs, ys, box.X, box.Y), dash = dashes(line);
  const stroke = (width, paint) =>
    `<path d="${path}" fill="none" stroke="${paint}" stroke-width="${fixed(width * PIXELS)}" stroke-linejoin="round"${dash}/>`;
  const under = (line.halo ? stroke(line.width + 2 * halo, page) : "") + stroke(line.width, color);
  const size = line.width > 3 ? 5 : 4;
  const marker = (x, y, scale) => `<path d="${line.marker}" fill="${color}" transform="translate(${fixed(x)} ${fixed(y)}) scale(${scale})"/>`;
  const marks = line.marks.filter((i) => Number.isFinite(ys[i])).map((i) => marker(box.X(xs[i]), box.Y(ys[i]), size)).join("");
  let zeros = "";
  if (line.foot !== null)
    for (let i = 0; i < xs.length; i++) if (ys[i] === -Infinity) zeros += marker(box.X(xs[i]), box.Y(line.foot), 2.7);
  return { under, marks, zeros };
}

function drawNote(note, box) {
  if (!note) return "";
  const [text, across, up, anchor] = note;
  const x = box.left + across * box.width, y = box.top + (1 - up) * box.height;
  const place = { left: "start", center: "middle", right: "end" }[anchor];
  return `<text class="gc-note" x="${fixed(x)}" y="${fixed(y)}" dy=".35em" text-anchor="${place}">${escape(text)}</text>`;
}

function geometry(frame, width) {
  const longest = Math.max(1, ...frame.y.ticks.map(([, label]) => label.length));
  const left = 38 + 8 * longest, right = 16, top = 9, bottom = 46;
  const height = Math.round(Math.min(400, Math.max(250, 0.56 * width)));
  const box = { left, top, width: width - left - right, height: height - top - bottom, total: height };
  const { x, y } = frame;
  box.X = (v) => left + (box.width * (v - x.bottom)) / (x.high - x.bottom);
  box.Y = (v) => top + box.height * (1 - (v - y.bottom) / (y.high - y.bottom));
  return box;
}

function drawAxes(frame, box, theme) {
  const { x, y } = frame, foot = box.top + box.height, end = box.left + box.width;
  const rule = (x1, y1, x2, y2, color) => `<path d="M${fixed(x1)} ${fixed(y1)}L${fixed(x2)} ${fixed(y2)}" stroke="${color}"/>`;
  let grid = "", text = "";
  for (const [at, label] of y.ticks) {
    const h = box.Y(at);
    if (label) {
      grid += rule(box.left, h, end, h, theme.grid);
      text += `<text x="${fixed(box.left - 8)}" y="${fixed(h)}" dy=".35em" text-anchor="end">${escape(label)}</text>`;
    } else grid += rule(box.left - 3, h, box.left, h, theme.muted);
  }
  for (const [at, label] of x.ticks) {
    const v = box.X(at);
    grid += label ? rule(v, box.top, v, foot, theme.grid) + rule(v, foot, v, foot + 4, theme.muted) : rule(v, foot, v, foot + 3, theme.muted);
    if (label) text += `<text x="${fixed(v)}" y="${fixed(foot + 19)}" text-anchor="middle">${escape(label)}</text>`;
  }
  if (y.zero !== null) {
    grid += rule(box.left, box.Y(y.low), end, box.Y(y.low), theme.muted);
    text += `<text x="${fixed(box.left - 8)}" y="${fixed(box.Y(y.zero))}" dy=".35em" text-anchor="end">0</text>`;
  }
  const spines = rule(box.left, box.top, box.left, foot, theme.muted) + rule(box.left, foot, end, foot, theme.muted);
  // On a narrow page a long label is set in smaller letters; about 0.54 of their size is a letter's width.
  const size = (label, room) => `font-size="${fixed(Math.min(14, room / (0.54 * label.length)))}" text-anchor="middle"`;
  text += `<text x="${fixed(box.left + box.width / 2)}" y="${fixed(foot + 40)}" ${size(x.label, box.width)}>${escape(x.label)}</text>`;
  text += `<text transform="translate(14 ${fixed(box.top + box.height / 2)}) rotate(-90)" ${size(y.label, box.height + 2 * box.top)}>${escape(y.label)}</text>`;
  return { grid, text, spines };
}

function drawPlot(svg, frame, points, look, id) {
  const width = Math.max(280, Math.round(svg.clientWidth) || 640), box = geometry(frame, width);
  const theme = look.style.themes[look.name];
  const { grid, text, spines } = drawAxes(frame, box, theme);
  const zones = frame.zones
    .map((z) => `<rect x="${fixed(box.left)}" width="${fixed(box.width)}" y="${fixed(box.Y(z.high))}" height="${fixed(box.Y(z.low) - box.Y(z.high))}" fill="${theme.band}" fill-opacity="${look.style.bandOpacity}"/>`)
    .join("");
  const drawn = frame.lines.map((line) => drawLine(line, points, box, line[look.name], look.page, look.style.halo));
  const join = (part) => drawn.map((one) => one[part]).join("");
  const notes = [...frame.zones, ...frame.lines].map((one) => drawNote(one.note, box)).join("");
  const clip = `<clipPath id="gc-clip-${id}"><rect x="${box.left - 5}" y="${box.top - 5}" width="${fixed(box.width + 10)}" height="${fixed(box.Y(frame.y.low) - box.top + (frame.y.zero === null ? 5 : 0) + 5)}"/></clipPath>`;
  svg.setAttribute("viewBox", `0 0 ${width} ${box.total}`);
  svg.setAttribute("height", box.total);
  svg.innerHTML = `${clip}${zones}${grid}${spines}<g clip-path="url(#gc-clip-${id})">${join("under")}${join("marks")}</g>${join("zeros")}${notes}${text}`;
  svg.setAttribute("aria-label", frame.alt);
}

function drawLegend(legend, frame, look) {
  legend.innerHTML = frame.order
    .map((index) => {
      const line = frame.lines[index], color = line[look.name];
      const mark = line.marks.length ? `<path d="${line.marker}" fill="${color}" transform="translate(17 6) scale(${line.width > 3 ? 5 : 4})"/>` : "";
      return `<span><svg width="34" height="12" aria-hidden="true"><path d="M0 6H34" stroke="${color}" stroke-width="${line.width * PIXELS}"${dashes(line)}/>${mark}</svg>${escape(line.label)}</span>`;
    })
    .join("");
}

// A data URL is decoded where it stands; a blob URL takes a detour through the browser's main
// process, which a busy machine makes long, and has to be revoked.
function dataUrl(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return "data:image/png;base64," + btoa(text);
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
    "aria-label": control.label, "data-lm-suppress-shortcuts": "true",
  });
  const output = make("output", { for: id });
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

// Where in the axes of a picture the pointer is, in the axes' values; null beside them.
function pointed(event, img, axes) {
  const box = img.getBoundingClientRect();
  const across = ((event.clientX - box.left) / box.width - axes.left) / axes.width;
  const up = 1 - ((event.clientY - box.top) / box.height - axes.top) / axes.height;
  if (!(across >= 0 && across <= 1 && up >= 0 && up <= 1)) return null;
  return [axes.x[0] + across * (axes.x[1] - axes.x[0]), axes.y[0] + up * (axes.y[1] - axes.y[0])];
}

// ── The widget ───────────────────────────────────────────────────────────────────────────────────

function render({ model, el }) {
  // Every widget loads a copy of this module: a counter would give all of them the same ids.
  const number = Math.random().toString(36).slice(2), controls = model.get("_controls"), style = model.get("_style");
  const title = make("div", { class: "gc-title" }), legend = make("div", { class: "gc-legend", "aria-hidden": "true" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("class", "gc-figure");
  const img = make("img", { class: "gc-figure", alt: "", decoding: "sync" });
  img.hidden = true;
  const bar = make("progress", { max: 1 }), progress = make("label", { class: "gc-progress" }, "Computing all frames, once … ", bar);
  const busy = make("div", { class: "gc-busy", "aria-live": "polite" });
  busy.hidden = !model.get("_rests");
  const status = make("div", { class: "gc-status", role: "status", "aria-live": "polite" });
  const knobs = Object.fromEntries(controls.map((control) => [control.name, makeKnob(control, number, moved)]));
  const root = make("section", { class: "gc-live", "aria-label": model.get("_heading") },
    make("div", { class: "gc-heading" }, model.get("_heading")), title, legend, svg, img,
    make("div", { class: "gc-knobs" }, ...Object.values(knobs).map((knob) => knob.row)), progress, busy, status);
  el.append(root);

  let queued = false, look = null, told = "", drawn = [], pause = 0;

  // Without a kernel (a saved page, a kernel that was shut down) a linked figure still works.
  function save() {
    // JupyterLab's manager names its kernel. One that is gone must not be written to, or the page
    // logs an error at each move of a figure that needs none.
    const manager = model.widget_manager;
    if (manager && "kernel" in manager && !manager.kernel) return;
    try { model.save_changes(); } catch { /* nobody to tell */ }
  }

  function moved(name, value) {
    move({ [name]: value }, 350);
  }

  function move(values, wait) {
    model.set("knobs", { ...model.get("knobs"), ...values });
    if (model.get("_linked")) queue();
    save();
    rest(wait);
  }

  // What is too slow to follow the hand is asked for when the hand has been still for a moment.
  function rest(wait) {
    if (!model.get("_rests")) return;
    clearTimeout(pause);
    pause = setTimeout(() => model.send({ rest: model.get("knobs") }), wait);
  }

  function clicked(event) {
    const names = model.get("_click"), axes = current()?.axes;
    const at = names.length && axes ? pointed(event, img, axes) : null;
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

  function showPicture(frame, data) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset + frame.start, frame.length);
    img.src = dataUrl(bytes);
    img.alt = frame.alt;
  }

  function draw() {
    queued = false;
    const frame = current(), data = model.get("_data");
    for (const control of controls) knobs[control.name].set(model.get("knobs")[control.name]);
    status.textContent = model.get("status");
    const share = model.get("_progress");
    progress.hidden = share >= 1;
    bar.value = share;
    busy.textContent = model.get("_rests") && frame && !frame.rested && !status.textContent ? "Measuring at this point …" : "";
    for (const knob of Object.values(knobs)) knob.slider.disabled = share < 1;
    if (!frame || !look) return;
    const now = [frame, data, look, root.clientWidth];
    if (now.every((part, i) => part === drawn[i])) return;
    drawn = now;
    const picture = frame.kind === "picture";
    svg.style.display = picture ? "none" : "";
    title.hidden = legend.hidden = picture;
    img.hidden = !picture;
    if (picture) return showPicture(frame, data);
    // The view may start at any byte; a Float32Array must start at a multiple of four.
    const aligned = data.byteOffset % 4 ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data.buffer;
    const points = new Float32Array(aligned, data.byteOffset % 4 ? 0 : data.byteOffset, data.byteLength / 4);
    title.textContent = frame.title;
    drawLegend(legend, frame, look);
    drawPlot(svg, frame, points, look, number);
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
    look = { name, style, page: getComputedStyle(root).backgroundColor };
    const frame = current(), screen = { dark: name === "dark", ratio: devicePixelRatio };
    if (frame?.kind === "picture" && !model.get("_linked") && told !== JSON.stringify(screen)) {
      told = JSON.stringify(screen);
      model.set("_screen", screen);
      save();
    }
    queue();
  }

  img.classList.toggle("gc-click", model.get("_click").length > 0);
  img.addEventListener("click", clicked);
  const watched = ["change:_frames", "change:_data", "change:status", "change:_progress", "change:knobs"];
  for (const event of watched) model.on(event, queue);
  const sizes = new ResizeObserver(queue);
  sizes.observe(root);
  // JupyterLab sets its theme's name on the body before the theme's style sheet has arrived.
  const settle = () => { lookAround(); setTimeout(lookAround, 300); };
  const themes = new MutationObserver(settle);
  themes.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-name", "data-jp-theme-light"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", settle);
  requestAnimationFrame(lookAround);
  if (model.get("_linked") && model.get("_progress") < 1) model.send("frames");
  if (!current()?.rested) rest(350);

  return () => {
    clearTimeout(pause);
    for (const event of watched) model.off(event, queue);
    sizes.disconnect();
    themes.disconnect();
    system.removeEventListener("change", settle);
  };
}

export default { render };
