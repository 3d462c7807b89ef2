// Draws the panel of one question. What is asked and what was found come from face.py.

const buttonNames = { check: "Check", lock: "Lock in", vote: "Vote", stop: "Stop", hint: "Hint" };

// The nearest code cells above a panel as they stand on the page, which the kernel may not have run.
// A cell that is folded, or longer than its editor draws, is left out.
function cellsAbove(node) {
  const texts = [];
  for (let cell = node.closest(".jp-Cell")?.previousElementSibling; cell && texts.length < 4; cell = cell.previousElementSibling) {
    const content = cell.classList.contains("jp-CodeCell") && cell.querySelector(".jp-InputArea-editor .cm-content");
    if (!content || content.querySelector(".cm-gap, .cm-foldPlaceholder")) continue;
    texts.unshift([...content.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n"));
  }
  return texts;
}

function render({ model, el }) {
  const number = Math.random().toString(36).slice(2), control = model.get("_control");
  const send = (content) => { if (!isGone(model, el)) model.send(content); };

  // ── The parts ──────────────────────────────────────────────────────────────────────────────────

  const heading = make("div", { class: "gc-head", id: `gc-head-${number}` }), question = make("div", { class: "gc-question", id: `gc-asked-${number}` });
  heading.innerHTML = `<strong>${escape(model.get("_title"))}</strong>${model.get("_worth") ? ` <span class="gc-worth">· ${escape(model.get("_worth"))}</span>` : ""}`;
  question.innerHTML = model.get("_question");
  question.hidden = !model.get("_question");

  // One region, which is there from the start and is written into: a new one would not be spoken.
  const heard = make("div", { class: "gc-heard" }), hints = make("div", { class: "gc-hints" }), said = make("div", { class: "gc-found" });
  const away = make("div", { class: "gc-away" });
  const region = make("div", { role: "status", "aria-live": "polite", "aria-atomic": "false" }, heard, hints, said, away);

  const buttons = make("div", { class: "gc-buttons" }), button = {};
  for (const name of [...model.get("_buttons"), "stop", "hint"]) {
    button[name] = make("button", { type: "button" }, buttonNames[name]);
    button[name].addEventListener("click", () => press(name));
    buttons.append(button[name]);
  }
  buttons.firstChild?.classList.add("gc-first");

  const answer = control.kind === "number" ? makeNumber() : control.kind === "choice" ? makeChoice() : null;
  const root = make("div", { class: "gc-panel", role: "group", "aria-labelledby": heading.id });
  root.append(heading, question, ...(answer ? [answer.node] : []), buttons, region);
  el.append(root);
  mindTheNotebook(root);

  // ── The answer's control ───────────────────────────────────────────────────────────────────────

  function makeNumber() {
    const { low, high, step, log, digits, unit, words } = control;
    const box = make("input", { type: "text", inputmode: "text", autocomplete: "off", spellcheck: "false", id: `gc-box-${number}` });
    const slider = make("input", { type: "range", min: low, max: high, step: "any", class: "gc-unset", "aria-label": `Your prediction, ${words}` });
    slider.value = low;
    const scale = make("div", { class: "gc-scale" }, make("div", { class: "gc-track" }));
    for (const [at, label] of control.ticks) {
      const tick = make("div", { class: "gc-tick", "aria-hidden": "true", style: `left:${100 * at}%` }, make("span", {}, label));
      scale.append(tick);
    }
    const measured = make("div", { class: "gc-drop", "aria-hidden": "true" });
    scale.append(measured, slider);
    const node = make("div", {},
      make("div", { class: "gc-number" }, make("label", { for: box.id }, "Your prediction"), box, ...(unit ? [make("span", {}, unit)] : []), make("span", { class: "gc-words" }, words)),
      scale);
    const value = (at) => {
      const rounded = Number((log ? 10 ** at : at).toPrecision(digits));
      return !log && Math.abs(rounded) < 1e-12 * (high - low) ? 0 : rounded;
    };
    const write = (v) => (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential().replace("e+", "e") : String(v));
    // On a narrow page words that would run into those at the ends, or into each other, are left out.
    const thin = new ResizeObserver(() => {
      const [first, ...others] = scale.querySelectorAll(".gc-tick span"), kept = [];
      for (const word of [first, others.pop(), ...others].filter(Boolean)) {
        const { left, right } = word.getBoundingClientRect(), meets = kept.some((one) => left < one.right + 4 && one.left < right + 4);
        word.style.visibility = meets ? "hidden" : "";
        if (!meets) kept.push({ left, right });
      }
    });
    thin.observe(scale);
    const place = (v) => {
      const set = typeof v === "number";
      slider.classList.toggle("gc-unset", !set);
      slider.setAttribute("aria-valuetext", set ? `${write(v)}${unit ? " " + unit : ""}` : "no value yet");
      if (set) slider.value = log ? Math.log10(v) : v;
    };
    const go = (at) => {
      const v = value(Math.min(Math.max(at, low), high));
      box.value = write(v);
      place(v);
      send({ do: "read", text: box.value });
      refresh();
    };
    slider.addEventListener("input", () => go(slider.valueAsNumber));
    slider.addEventListener("keydown", (event) => {
      const now = slider.valueAsNumber, page = 10 * step;
      const to = { ArrowRight: now + step, ArrowUp: now + step, ArrowLeft: now - step, ArrowDown: now - step, PageUp: now + page, PageDown: now - page, Home: low, End: high }[event.key];
      if (to === undefined || answer.locked()) return;
      event.preventDefault();
      go(to);
    });
    box.addEventListener("input", () => { place(null); refresh(); });
    box.addEventListener("change", () => send({ do: "read", text: box.value }));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey) { event.preventDefault(); press("lock"); }
    });
    place(null);
    return {
      node,
      locked: () => model.get("locked"),
      empty: () => box.value.trim() === "",
      read: () => ({ text: box.value }),
      focus: () => box.focus(),
      update() {
        const v = model.get("answer"), locked = model.get("locked");
        // An answer cell may hold more digits than the box can show; four are told in the verdict, too.
        if (locked && typeof v === "number") box.value = write(Number(v.toPrecision(4)));
        if (typeof v === "number") place(v);
        box.readOnly = locked;
        slider.style.pointerEvents = locked ? "none" : "";
        slider.setAttribute("aria-disabled", locked);
        const { at, low: near, high: far, words: text } = model.get("outcome");
        measured.innerHTML = at === undefined ? "" : `<div class="gc-close" style="left:${100 * near}%;width:${100 * (far - near)}%"></div>
          <div class="gc-measured${at < 0.12 ? " gc-left" : at > 0.88 ? " gc-right" : ""}" style="left:${100 * at}%"><span>measured ${escape(text)}</span></div>`;
      },
    };
  }

  function makeChoice() {
    const group = make("fieldset", { role: "radiogroup", "aria-labelledby": model.get("_question") ? `gc-asked-${number}` : `gc-head-${number}` });
    const radios = control.options.map(([key, html], i) => {
      const id = `gc-option-${number}-${i}`, radio = make("input", { type: "radio", name: `gc-choice-${number}`, id, value: key });
      const label = make("label", { for: id });
      label.innerHTML = html;
      radio.addEventListener("change", refresh);
      radio.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey) { event.preventDefault(); radio.checked = true; refresh(); }
      });
      group.append(make("div", { class: "gc-option" }, radio, label));
      return radio;
    });
    const chosen = () => radios.find((radio) => radio.checked);
    return {
      node: group,
      empty: () => !chosen(),
      read: () => ({ text: chosen()?.value ?? "" }),
      focus: () => radios[0].focus(),
      update() {
        for (const radio of radios) {
          if (model.get("answer") !== null) radio.checked = radio.value === model.get("answer");
          radio.disabled = model.get("locked") && !radio.checked;
        }
      },
    };
  }

  // ── What is pressed, and what is said ──────────────────────────────────────────────────────────

  let gone = false, late = 0;

  const off = (name, value) => button[name]?.setAttribute("aria-disabled", String(value));

  const focusFirst = () => (button.check ?? button.lock ?? button.vote)?.focus();

  // A button that is off keeps the focus, so that Shift+Enter goes on from it.
  function press(name) {
    if (button[name === "lock" && button.vote ? "vote" : name]?.getAttribute("aria-disabled") === "true") {
      if (answer && !model.get("locked") && answer.empty() && !gone) answer.focus();
      return;
    }
    send(name === "lock" || name === "vote" ? { do: "lock", ...answer.read() } : { do: name, cells: cellsAbove(root) });
    if (name === "stop") focusFirst();
    clearTimeout(late);
    late = setTimeout(() => { if (!gone) away.textContent = "Waiting: the kernel is busy."; }, 1200);
  }

  const put = (place, html) => { if (place.dataset.held !== html) { place.dataset.held = html; place.innerHTML = html; } };

  function refresh() {
    const busy = model.get("busy"), locked = model.get("locked");
    answer?.update();
    for (const name of ["lock", "vote"]) off(name, busy || locked || gone || !answer || answer.empty());
    off("check", busy || gone);
    off("hint", gone || model.get("spent"));
    button.hint.textContent = model.get("hint");
    button.hint.hidden = !model.get("hint");
    if (button.stop.hidden === busy) {
      if (!busy && document.activeElement === button.stop) focusFirst();
      button.stop.hidden = !busy;
    }
    put(said, model.get("said"));
    put(heard, escape(model.get("heard")));
    put(hints, model.get("hints").join(""));
  }

  function answered() {
    clearTimeout(late);
    if (!gone) away.textContent = "";
    refresh();
  }

  const watched = ["said", "heard", "answer", "locked", "outcome", "hints", "hint", "spent", "busy"].map((name) => `change:${name}`);
  for (const event of watched) model.on(event, answered);
  model.on("msg:custom", answered);
  const leaveTheme = followTheme(() => root.classList.toggle("gc-dark", isDark(root)));
  const leaveKernel = followKernel(model, el, (now) => {
    gone = now;
    away.textContent = gone ? "Not connected: run this cell to go on." : "";
    refresh();
  });
  refresh();

  return () => {
    clearTimeout(late);
    for (const event of watched) model.off(event, answered);
    model.off("msg:custom", answered);
    leaveTheme();
    leaveKernel();
  };
}

export default { render };
