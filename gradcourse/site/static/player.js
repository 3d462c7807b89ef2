// Plays on a page what a kernel would answer. Each place on the page names its kind; the notebook's
// own widgets draw it, and get a model whose other half is here.

const here = document.currentScript.src.replace(/[^/]*$/, "");
const site = { judge, understand, numberText, measuredText, summary };
window.gcSite = site;

// ── What anywidget's model does ──────────────────────────────────────────────────────────────────

class Model {
  constructor(state, answer = {}) {
    this.state = state;
    this.heard = new Map();
    this.answer = answer;
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    this.state[name] = value;
    for (const listener of [...(this.heard.get(`change:${name}`) ?? [])]) listener();
  }
  on(event, listener) { this.heard.set(event, [...(this.heard.get(event) ?? []), listener]); }
  off(event, listener) { this.heard.set(event, (this.heard.get(event) ?? []).filter((one) => one !== listener)); }
  send(content) { this.answer.send?.(content); }
  save_changes() { this.answer.save?.(); }
}

const figureState = (more) => ({
  knobs: {}, status: "", _controls: [], _heading: "", _style: site.style, _linked: false, _click: [], _rests: false,
  _frames: [], _data: new DataView(new ArrayBuffer(0)), _progress: 1, ...more,
});

function drawFigure(place, state, answer) {
  const el = document.createElement("div"), model = new Model(figureState(state), answer);
  place.append(el);
  site.figure({ model, el });
  // A picture without knobs is no group of controls.
  if (!model.get("_controls").length) for (const name of ["role", "aria-label"]) el.firstChild.removeAttribute(name);
  return model;
}

const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
const told = (place) => JSON.parse(place.querySelector('script[type="application/json"]').textContent);

// ── Stored figures ───────────────────────────────────────────────────────────────────────────────

function figure(place) {
  const { frames, points } = told(place), data = new DataView(bytesOf(points).buffer);
  const row = document.createElement("div");
  row.className = "gc-row";
  place.append(row);
  for (const frame of frames) {
    const part = document.createElement("div");
    row.append(part);
    drawFigure(part, { _frames: [frame], _data: data });
  }
}

// ── Demos: every frame was computed ahead ────────────────────────────────────────────────────────

const asked = new Map();

async function unpacked(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const whole = await new Response(stream).arrayBuffer(), size = new DataView(whole).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, size)));
  const planes = new Uint8Array(whole, 4 + size), count = planes.length / 4, data = new Uint8Array(planes.length);
  for (let plane = 0; plane < 4; plane++)
    for (let i = 0; i < count; i++) data[4 * i + plane] = planes[plane * count + i];
  return { ...head, data: new DataView(data.buffer) };
}

// Frames come in a script: from file:// nothing can be fetched. A page either holds that script, and
// then they are told before they are asked for, or it is loaded when they are.
function request(id) {
  if (!asked.has(id)) {
    const one = {};
    one.told = new Promise((arrived, failed) => Object.assign(one, { arrived, failed }));
    asked.set(id, one);
  }
  return asked.get(id);
}

site.frames = (id, text) => {
  const one = request(id);
  one.here = true;
  one.arrived(text);
};

function framesOf(id) {
  const one = request(id);
  if (!one.here) {
    one.here = true;
    const script = document.createElement("script");
    script.src = `${here}frames/${id.replaceAll("/", "--")}.js`;
    script.onerror = () => one.failed(new Error(`The frames of ${id} are not there.`));
    document.head.append(script);
  }
  one.frames ??= one.told.then(unpacked);
  return one.frames;
}

function frameAt({ pool, rows, controls }, knobs) {
  let at = 0;
  for (const { name, log, low, step, places } of controls) {
    const position = log ? Math.log10(knobs[name]) : knobs[name], index = Math.round((position - low) / step);
    at = at * places + Math.min(Math.max(index, 0), places - 1);
  }
  const [title, alt, x, y, zones, lines, order, cells, start] = rows[at];
  return {
    title, alt, x: pool[x], y: pool[y], zones: pool[zones], order: pool[order],
    lines: lines.map(([line, xs, ys]) => ({ ...pool[line], x: xs, y: ys })),
    cells: cells === undefined ? null : { ...pool[cells], start },
  };
}

async function demo(place) {
  const played = await framesOf(place.dataset.id), made = new Map();
  const look = (knobs) => {
    const key = Object.values(knobs).join(" ");
    if (!made.has(key)) made.set(key, frameAt(played, knobs));
    return made.get(key);
  };
  const state = {
    knobs: { ...played.start }, _controls: played.controls, _heading: played.heading, _click: played.click,
    _frames: [look(played.start)], _data: played.data,
  };
  const model = drawFigure(place, state, { save: () => model.set("_frames", [look(model.get("knobs"))]) });
  if (played.rests) {
    const note = document.createElement("p");
    note.className = "gc-aside";
    note.textContent = "In the notebook this figure also measures at the point where the knobs come to rest.";
    place.append(note);
  }
}

// ── Questions ────────────────────────────────────────────────────────────────────────────────────

// From file:// a browser may refuse to keep anything; then an answer lasts as long as the page.
const memory = {
  key: (id) => `gradcourse:${id}`,
  read(id) {
    try { return JSON.parse(localStorage.getItem(memory.key(id))); } catch { return null; }
  },
  write(id, kept) {
    try { kept ? localStorage.setItem(memory.key(id), JSON.stringify(kept)) : localStorage.removeItem(memory.key(id)); } catch { /* not kept */ }
  },
  all() {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith("gradcourse:"));
      return keys.map((key) => JSON.parse(localStorage.getItem(key))).filter(Boolean).sort((a, b) => a.time - b.time);
    } catch { return []; }
  },
};

class Questioner {
  constructor(question) {
    this.question = question;
    this.offered = null;
    this.open = 0;
    this.model = new Model({
      said: "", heard: "", answer: null, locked: false, outcome: {}, hints: [], hint: "", spent: false, busy: false,
      _title: question.title, _worth: "", _question: question.question, _control: question.control, _buttons: [question.button],
    // The panel expects an answer after it has asked, not while it asks.
    }, { send: (content) => queueMicrotask(() => this.hear(content)) });
    this.offerHint();
    const kept = memory.read(question.id);
    if (kept && this.admits(kept.answer)) this.reveal(kept.answer);
  }

  get numeric() { return this.question.control.kind === "number"; }

  admits(answer) { return this.numeric ? Number.isFinite(answer) : answer in this.question.verdicts; }

  hear({ do: deed, text = "" }) {
    if (deed === "hint") this.openHint();
    else if (deed === "read") this.read(text);
    else if (deed === "lock") this.lock(text);
    for (const listener of this.model.heard.get("msg:custom") ?? []) listener();
  }

  offerHint() {
    const { hints } = this.question;
    this.model.set("hint", hints.length ? `Hint ${Math.min(this.open + 1, hints.length)} of ${hints.length}` : "");
    this.model.set("spent", this.open >= hints.length);
  }

  openHint() {
    this.open = Math.min(this.open + 1, this.question.hints.length);
    this.model.set("hints", this.question.hints.slice(0, this.open).map((hint, i) => `<p>Hint ${i + 1}: ${hint}</p>`));
    this.offerHint();
  }

  read(text) {
    if (this.model.get("locked") || !this.numeric) return;
    const { value, words } = understand(text, this.question.rule);
    this.model.set("heard", words);
    this.model.set("answer", value);
  }

  lock(text) {
    if (this.model.get("locked")) return;
    const answer = this.numeric ? this.sure(text) : this.chosen(text);
    if (answer === null) return;
    memory.write(this.question.id, { ...this.forIntuition(answer), answer, time: Date.now() });
    this.reveal(answer);
    for (const place of document.querySelectorAll('[data-gc="intuition"][data-live]')) intuition(place);
  }

  // What was understood in another way than it is written is locked at the second press.
  sure(text) {
    const { value, words } = understand(text, this.question.rule), sure = value !== null && (!words || this.offered === text);
    this.offered = text;
    this.model.set("answer", value);
    this.model.set("heard", sure ? "" : words + (value === null ? "" : " Press Enter or Lock in again to lock it in."));
    return sure ? Number(general(value, 4)) : null;
  }

  chosen(text) {
    if (text in this.question.verdicts) return text;
    this.model.set("heard", "Choose an answer first.");
    return null;
  }

  forIntuition(answer) {
    if (!this.numeric || !this.question.rule.log) return {};
    const { rule, title } = this.question, truth = fromPython(rule.measured);
    return answer > 0 && truth > 0 && Number.isFinite(truth)
      ? { title, predicted: answer, measured: truth, close: distance(rule, answer, truth) <= reach(rule) } : {};
  }

  reveal(answer) {
    const { question, model } = this;
    model.set("heard", "");
    model.set("answer", answer);
    model.set("locked", true);
    if (this.numeric) model.set("outcome", question.outcome);
    model.set("said", this.numeric ? judge(question, answer) : question.verdicts[answer]);
  }
}

function panel(place) {
  const question = told(place), el = document.createElement("div");
  place.querySelector(":scope > .gc-asked")?.remove();
  const asking = new Questioner(question);
  el.className = "gc-asked";
  place.append(el);
  site.panel({ model: asking.model, el });
  const forget = document.createElement("button");
  forget.className = "gc-forget";
  forget.type = "button";
  forget.textContent = "Forget my answer";
  forget.addEventListener("click", () => {
    memory.write(question.id, null);
    panel(place);
    place.querySelector("input")?.focus();
  });
  el.append(forget);
  const show = () => { forget.hidden = !asking.model.get("locked"); };
  asking.model.on("change:locked", show);
  show();
}

// ── One's intuition ──────────────────────────────────────────────────────────────────────────────

function intuition(place) {
  const guesses = memory.all().filter((kept) => kept.predicted > 0 && kept.measured > 0);
  const words = document.createElement("p");
  words.textContent = summary(guesses);
  place.replaceChildren();
  if (guesses.length) {
    const { frame, points } = intuitionFrame(guesses, site.dots);
    drawFigure(place, { _frames: [frame], _data: points });
  }
  place.append(words);
}

// ── A link for a JupyterHub ──────────────────────────────────────────────────────────────────────

// As run_elsewhere.hub_address: nbgitpuller brings the repository, then opens the page.
function hubAddress(page, repository, hub) {
  const bare = (address) => address.trim().replace(/\/+$/, ""), from = bare(repository).replace(/\.git$/, "");
  const asked = new URLSearchParams({ repo: from, branch: "main", urlpath: `lab/tree/${from.split("/").pop()}/${page}` });
  return `${bare(hub)}/hub/user-redirect/git-pull?${asked}`;
}
site.hubAddress = hubAddress;

function hub(place) {
  const words = { hub: "Address of the JupyterHub", repository: "Address of the repository", page: "Page" };
  const field = {}, link = document.createElement("a"), said = document.createElement("p");
  for (const [name, word] of Object.entries(words)) {
    const label = document.createElement("label"), box = document.createElement("input");
    Object.assign(box, { type: "text", value: place.dataset[name] ?? "", placeholder: name === "page" ? "" : "https://" });
    field[name] = box;
    label.append(word, box);
    place.append(label);
    box.addEventListener("input", () => write());
  }
  said.setAttribute("role", "status");
  place.append(said);
  const write = () => {
    const ready = ["hub", "repository"].every((name) => /^https?:\/\/./.test(field[name].value.trim()));
    if (!ready) { said.textContent = "With both addresses, the link to give to learners stands here."; return; }
    link.href = link.textContent = hubAddress(field.page.value.trim(), field.repository.value, field.hub.value);
    said.replaceChildren(link);
  };
  write();
}

// ── The page ─────────────────────────────────────────────────────────────────────────────────────

const makers = { figure, demo, panel, intuition, hub };

async function mount(place) {
  if ("live" in place.dataset) return;
  place.dataset.live = "";
  try {
    await makers[place.dataset.gc](place);
  } catch (problem) {
    place.textContent = `This part of the page could not be shown: ${problem.message}`;
  }
}

site.mount = mount;

// The frames of a demo that was not near yet arrive too late to be printed. Its first picture, which a
// page without a script shows, does not: a browser waits for the images of what it prints.
function forPaper(place) {
  const held = document.createElement("template");
  held.innerHTML = place.querySelector("noscript")?.textContent ?? "";
  const still = held.content.querySelector("img");
  if (!still) return;
  still.className = "gc-paper";
  still.loading = "lazy";
  place.append(still);
}

// Panels at once, they are small; figures when they come near.
site.begin = () => {
  const places = [...document.querySelectorAll(".gc-place")];
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen)
      if (isIntersecting) { near.unobserve(target); mount(target); }
  }, { rootMargin: "600px" });
  for (const place of places) place.dataset.gc === "panel" ? mount(place) : near.observe(place);
  for (const place of places) if (place.dataset.gc === "demo") forPaper(place);
  // Paper is white: what is drawn already is drawn again, and what has not been near yet is drawn now.
  let theme;
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details.gc-deeper")) fold.open = true;
    theme = document.body.dataset.theme;
    document.body.dataset.theme = "light";
    places.forEach(mount);
  });
  addEventListener("afterprint", () => { document.body.dataset.theme = theme; });
  // Who has no mouse must be able to scroll what is wider than the page.
  for (const wide of document.querySelectorAll("pre, .table-wrapper")) wide.tabIndex = 0;
  const sized = new ResizeObserver((seen) => {
    for (const { target } of seen) {
      if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", 0);
      else target.removeAttribute("tabindex");
    }
  });
  for (const formula of document.querySelectorAll('math[display="block"]')) sized.observe(formula);
};
