// Draws the emergency room. What there is to do and what was found come from desk.py.

function render({ model, el }) {
  const number = Math.random().toString(36).slice(2);
  let gone = false, late = 0;
  const send = (content) => {
    if (isGone(model, el)) return;
    model.send(content);
    clearTimeout(late);
    late = setTimeout(() => { if (!gone && !model.get("busy")) away.textContent = "Waiting: the kernel is busy."; }, 1500);
  };
  const get = (name) => model.get(name);

  const heading = make("strong", { id: `gc-desk-${number}` }), complaint = make("p"), state = make("p", { class: "gc-muted" });
  const picture = make("div"), log = make("div");
  const wait = make("div", { class: "gc-wait", role: "progressbar", "aria-label": "the network is being trained", hidden: "" });
  const said = make("div", { class: "gc-said", role: "status", "aria-live": "polite" });
  const away = make("p", { class: "gc-muted" }), hint = make("p");

  const buttons = [];
  function button(text, what, first = false) {
    const element = make("button", { type: "button" }, text);
    if (first) element.classList.add("gc-first");
    element.addEventListener("click", () => { if (element.getAttribute("aria-disabled") !== "true") what(); });
    buttons.push(element);
    return element;
  }
  const group = (title, ...rows) => make("fieldset", {}, make("legend", {}, title), ...rows);
  const row = (...parts) => make("div", { class: "gc-row" }, ...parts);
  function list(label, pairs) {
    const select = make("select", { "aria-label": label });
    select.append(make("option", { value: "" }, "choose …"));
    for (const [key, text] of pairs) select.append(make("option", { value: key }, text));
    return select;
  }

  const examine = get("_examinations").map(([key, text, price]) => {
    const element = button(`${key} · ${price}`, () => send({ do: "examine", what: key }));
    element.title = text;
    element.setAttribute("aria-label", `${key}, ${price} points: ${text}`);
    return element;
  });
  const names = list("What is it?", get("_names")), treatments = list("What is to be done?", get("_treatments"));
  const nameIt = button("Name it", () => { if (names.value) send({ do: "name", what: names.value }); });
  const treat = button("Carry it out", () => { if (treatments.value) send({ do: "treat", what: treatments.value }); }, true);
  const kept = row(), discharge = button("Discharge", () => send({ do: "discharge" })), next = button("Next patient", () => send({ do: "next" }));
  const line = make("pre");

  const root = make("div", { class: "gc-desk", role: "group", "aria-labelledby": heading.id },
    heading, complaint, picture, state,
    group("Examine (price in points)", row(...examine)),
    group("Name it, then treat", row(names, nameIt), row(treatments, treat), kept),
    group("Finish", row(discharge, next), hint, line),
    wait, away, said, log);
  el.append(root);
  mindTheNotebook(root);

  // ── The curve ──────────────────────────────────────────────────────────────────────────────────

  function draw() {
    const first = get("first"), now = get("curve"), changed = get("kept").length > 0;
    const curves = changed ? [first, now] : [now];
    const values = curves.flatMap((c) => [...c.loss.filter((v) => v !== null), c.guess]);
    const low = Math.min(...values), high = Math.max(...values), log = high > 30 * Math.max(low, 1e-30) && low > 0;
    const f = (v) => (log ? Math.log10(v) : v), [a, b] = [f(low), f(high)];
    const most = Math.max(...curves.map((c) => c.updates[c.updates.length - 1]), 1);
    const X = (u) => 62 + (530 * u) / most, Y = (v) => 180 - (160 * (f(v) - a)) / (b - a || 1);
    const path = (c) => {
      let d = "", pen = "M";
      c.loss.forEach((v, k) => { if (v === null) { pen = "M"; return; } d += `${pen}${X(c.updates[k]).toFixed(1)} ${Y(v).toFixed(1)}`; pen = "L"; });
      return d;
    };
    const short = (v) => (v !== 0 && (Math.abs(v) < 0.01 || Math.abs(v) >= 1e4) ? v.toExponential(1) : Number(v.toPrecision(3)));
    const end = (c) => { const seen = c.loss.filter((v) => v !== null); return seen.length ? short(seen[seen.length - 1]) : "none"; };
    const words = `Loss over ${now.updates[now.updates.length - 1] + 1} updates, from ${short(now.loss[0] ?? NaN)} to ${end(now)}; a constant answer has ${short(now.guess)}.` +
      (now.loss.includes(null) ? " It ends in NaN." : "") + (changed ? ` As it came, it ended at ${end(first)}.` : "");
    picture.innerHTML = `<svg viewBox="0 0 620 215" role="img" aria-label="${escape(words)}">
      <path d="M62 20V180H592" fill="none" stroke="var(--gc-rule)"/>
      <text x="56" y="${Y(high) + 4}" text-anchor="end">${short(high)}</text><text x="56" y="${Y(low) + 4}" text-anchor="end">${short(low)}</text>
      <text x="327" y="208" text-anchor="middle">update</text><text x="592" y="196" text-anchor="end">${most + 1}</text><text x="62" y="196">0</text><text x="66" y="14">loss${log ? " (log)" : ""}</text>
      <path d="M62 ${Y(now.guess)}H592" stroke="var(--gc-rule)" stroke-dasharray="2 4"/><text x="590" y="${Y(now.guess) - 4}" text-anchor="end">a constant answer</text>
      ${changed ? `<path d="${path(first)}" fill="none" stroke="var(--gc-rule)" stroke-width="1.5"/>` : ""}
      <path d="${path(now)}" fill="none" stroke="${changed ? "var(--gc-now)" : "var(--gc-accent)"}" stroke-width="2"/></svg>`;
    state.textContent = `On the test rows: ${first.measured.toFixed(2)}${changed ? ` as it came, ${now.measured.toFixed(2)} now` : ""}. Spent: ${get("spent")} points.`;
  }

  // ── What is said ───────────────────────────────────────────────────────────────────────────────

  function refresh() {
    const busy = get("busy"), over = get("over");
    heading.textContent = get("_heading");
    complaint.textContent = get("_complaint");
    draw();
    for (const element of buttons) element.setAttribute("aria-disabled", String(busy || gone || (over && element !== next)));
    const notYet = !get("named");
    if (notYet) treat.setAttribute("aria-disabled", "true");
    treat.title = notYet ? "Name what you think it is first." : "";
    const focused = kept.contains(document.activeElement);
    kept.replaceChildren(...get("kept").map((key) => {
      const element = make("button", { type: "button", "aria-disabled": String(busy || gone || over) }, `take back: ${key}`);
      element.addEventListener("click", () => { if (element.getAttribute("aria-disabled") !== "true") send({ do: "take back", what: key }); });
      return element;
    }));
    if (focused) treat.focus();
    wait.hidden = !busy;
    hint.textContent = get("entries").length ? "To hand it in, copy this line:" : "";
    line.textContent = get("entries").length ? get("chart") : "";
    log.replaceChildren(...get("entries").map(({ title, lines, picture: png, alt }) => {
      const entry = make("div", { class: "gc-entry" }, make("strong", {}, title));
      if (lines.length) entry.append(make("pre", {}, lines.join("\n")));
      if (png) entry.append(make("img", { src: `data:image/png;base64,${png}`, alt }));
      return entry;
    }));
    if (said.textContent !== get("said")) said.textContent = get("said");
    if (get("said") && !get("entries").length && !busy) away.textContent = get("said");
    else if (!gone) away.textContent = "";
  }
  function answered() { clearTimeout(late); refresh(); }

  const watched = ["entries", "curve", "first", "kept", "chart", "named", "said", "busy", "over", "_heading", "_complaint"].map((name) => `change:${name}`);
  for (const event of watched) model.on(event, answered);
  const leaveTheme = followTheme(() => root.classList.toggle("gc-dark", isDark(root)));
  const leaveKernel = followKernel(model, el, (now) => {
    gone = now;
    refresh();
    if (gone) away.textContent = "Not connected: run this cell to go on.";
  });
  refresh();

  return () => {
    clearTimeout(late);
    for (const event of watched) model.off(event, answered);
    leaveTheme();
    leaveKernel();
  };
}

export default { render };
