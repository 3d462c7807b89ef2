// What every widget of the course shares: elements, the page's theme, the keyboard, the kernel.
// It is put before live.js and panel.js: a widget is one module, and loads no other.

const escape = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// ── Light or dark? ───────────────────────────────────────────────────────────────────────────────

// Nothing, or no colour, has no luminance: a canvas that was told nothing would answer black.
function luminance(color) {
  if (!color || !CSS.supports("color", color)) return null;
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b, alpha] = context.getImageData(0, 0, 1, 1).data;
  return alpha < 128 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

// The page decides, not the system: a light notebook on a dark desktop stays light. An element that
// is not on the page yet has no style of its own; then its body's counts.
function isDark(element) {
  const told = document.body.dataset.jpThemeLight;
  if (told) return told === "false";
  const start = element.isConnected ? element : document.body;
  const page = luminance(getComputedStyle(start).getPropertyValue("--jp-layout-color0").trim());
  if (page !== null) return page < 0.5;
  for (let node = start; node; node = node.parentElement) {
    const level = node === element ? null : luminance(getComputedStyle(node).backgroundColor);
    if (level !== null) return level < 0.5;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

// Calls back now, when the page's theme changes, and when forced colours are switched; returns what ends it.
function followTheme(changed) {
  // JupyterLab sets its theme's name on the body before the theme's style sheet has arrived.
  const settle = () => { changed(); setTimeout(changed, 300); };
  const themes = new MutationObserver(settle);
  themes.observe(document.body, { attributes: true, attributeFilter: ["class", "data-theme", "data-jp-theme-name", "data-jp-theme-light"] });
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme"] });
  const asked = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) => matchMedia(query));
  for (const query of asked) query.addEventListener("change", settle);
  requestAnimationFrame(changed);
  return () => {
    themes.disconnect();
    for (const query of asked) query.removeEventListener("change", settle);
  };
}

// ── The keyboard ─────────────────────────────────────────────────────────────────────────────────

// Shift+Enter and its like belong to the notebook: the focus goes to the cell, and the key goes on to
// it. So do commands, such as Ctrl+S, that a text box has no use for. All other keys belong to the
// control that has the focus, and must not reach the notebook, where an arrow leaves the cell and two
// d's delete it.
function mindTheNotebook(root) {
  root.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" || (event.key === "Enter" && (event.shiftKey || command || event.altKey))) {
      root.closest(".jp-Cell")?.focus({ preventScroll: true });
      return;
    }
    const writes = event.target.matches("input[type=text]") && "acvxyz".includes(event.key.toLowerCase());
    if (!command || writes) event.stopPropagation();
  });
}

// ── The kernel ───────────────────────────────────────────────────────────────────────────────────

// Whether the widget's other half is gone: its kernel was shut down or restarted, or the server ended.
function isGone(model, el) {
  if (el.closest(".jupyter-widgets-disconnected")) return true;
  const manager = model.widget_manager;
  if (!manager || !("kernel" in manager)) return false;
  const { kernel } = manager;
  return !kernel || kernel.status === "dead" || kernel.connectionStatus !== "connected";
}

// Calls back when that changes. JupyterLab tells of some ends by an event and of others not at all.
function followKernel(model, el, changed) {
  let before = null;
  const look = () => {
    const now = isGone(model, el);
    if (now !== before) { before = now; changed(now); }
  };
  // Of a restart the widget's model is told, but not its view, which would get this class. A model that
  // was cut off never lives again.
  const soon = () => { el.classList.add("jupyter-widgets-disconnected"); look(); };
  model.on("comm_live_update", soon);
  const timer = setInterval(look, 700);
  setTimeout(look, 0);
  return () => { clearInterval(timer); model.off("comm_live_update", soon); };
}
