// Lays the slides out before reveal.js starts: how high a formula or a figure is, only a browser knows.
// What is higher than the screen is set a little tighter, or goes on on the next slide.

(() => {
  const HIGH = 720, END = 694; // of a slide, and of what may stand on it: the number stands below
  const WIDTHS = [1060, 980, 900, 830, 760, 700, 640, 580]; // of a figure, the largest that fits
  const GOES_ON = " · goes on";
  const query = new URLSearchParams(location.search);
  const printing = query.has("print-pdf"), questionsOnly = query.has("questions");
  const slides = document.querySelector(".slides");
  let deck = null;

  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };
  const nextFrame = () => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); setTimeout(done, 250); });

  // ── From cells to blocks, which can be moved to another slide ────────────────────────────────────

  function unpack(section) {
    const sheet = make("div", "sheet");
    let step = 0;
    // What the lesson shows unfolded is a part of the slide; only what a hand unfolds lies over it.
    for (const fold of section.querySelectorAll("details[open]")) fold.classList.add("stays");
    if (section.dataset.where) sheet.append(where(section));
    for (const cell of section.querySelectorAll(":scope > .cell")) {
      const blocks = [...cell.children];
      // What continues a thing that appears at a key appears with it.
      if (cell.classList.contains("fragment")) appear(blocks, step++);
      else if (step) appear(blocks, step - 1);
      for (const answer of cell.querySelectorAll(".answer")) answer.dataset.fragmentIndex = step++;
      for (const block of blocks) block.dataset.cell = cell.dataset.cell;
      sheet.append(...blocks);
      cell.remove();
    }
    section.prepend(sheet);
    besides(sheet);
  }

  function appear(blocks, step) {
    for (const block of blocks) {
      block.classList.add("fragment");
      block.dataset.fragmentIndex = step;
    }
  }

  function where(section) {
    const line = make("div", "where");
    line.innerHTML = section.dataset.where;
    return line;
  }

  // A figure stands beside the few words that say what to look at.
  function besides(sheet) {
    const blocks = [...sheet.children].filter((block) => !block.matches(".where")), at = blocks.findIndex((block) => block.matches(".look"));
    const before = blocks.slice(0, at), length = before.reduce((sum, block) => sum + block.textContent.length, 0);
    if (at < 1 || length > 420 || before.some((block) => block.matches("pre, .code, .kept, .hands, .result, table"))) return;
    const words = make("div", "words"), both = make("div", "beside", words);
    blocks[at].before(both);
    words.append(...before);
    blocks[at].classList.remove("fragment");
    both.append(blocks[at]);
  }

  // Only what is asked, for a class that answers by clicker or by hand.
  function onlyQuestion(section) {
    const asked = [...section.querySelectorAll(":scope > .cell")].filter((cell) => cell.querySelector(".answer"));
    if (!asked.length) return section.remove();
    for (const cell of section.querySelectorAll(":scope > .cell")) asked.includes(cell) ? cell.classList.remove("fragment") : cell.remove();
    section.dataset.where ??= section.dataset.part;
  }

  // ── What does not fit ────────────────────────────────────────────────────────────────────────────

  const bottom = (block) => block.offsetTop + block.offsetHeight;
  const lowest = (sheet) => Math.max(0, ...[...sheet.children].map(bottom));
  const fits = (sheet) => lowest(sheet) <= END;
  const isHeading = (block) => block.matches("h1, h2, h3, h4, .where");

  function settle(section) {
    const sheet = section.firstElementChild;
    if (fits(sheet)) return;
    sheet.classList.add("tight");
    if (fits(sheet)) return;
    sheet.classList.remove("tight");
    const blocks = [...sheet.children];
    const leading = blocks.findIndex((block) => !isHeading(block)) + 1; // a heading alone is no slide
    let cut = blocks.findIndex((block) => bottom(block) > END);
    if (halve(blocks[cut], cut < leading)) cut += 1;
    else {
      while (cut > leading && (isHeading(blocks[cut - 1]) || blocks[cut - 1].textContent.trimEnd().endsWith(":"))) cut -= 1;
      cut = Math.max(cut, leading);
    }
    const rest = [...sheet.children].slice(cut);
    if (!rest.length) return;
    const next = section.cloneNode(false), nextSheet = make("div", "sheet");
    next.id = `${section.id.replace(/\.\d+$/, "")}.${Number(section.dataset.piece ?? 1) + 1}`;
    next.dataset.piece = Number(section.dataset.piece ?? 1) + 1;
    if (!isHeading(rest[0])) nextSheet.append(...goingOn(section));
    else if (section.dataset.where) nextSheet.append(where(section));
    nextSheet.append(...rest);
    next.append(nextSheet, section.querySelector("aside").cloneNode(true));
    showFirst(nextSheet);
    section.after(next);
    besides(nextSheet);
    if (!fits(sheet)) sheet.classList.add("tight");
    settle(next);
  }

  // The heading once more, small, with the word that this is the rest.
  function goingOn(section) {
    const heading = [...section.querySelectorAll(".sheet > :is(.where, h1, h2, h3), .words > :is(h1, h2, h3)")].at(-1);
    if (!heading) return [];
    const line = make("div", "where");
    line.innerHTML = heading.innerHTML;
    if (!line.textContent.endsWith(GOES_ON)) line.append(GOES_ON);
    return [line];
  }

  // A slide does not begin empty: what comes first on it is there at once.
  function showFirst(sheet) {
    const first = [...sheet.children].find((block) => !isHeading(block)), step = first?.dataset.fragmentIndex;
    if (step === undefined) return;
    for (const block of sheet.querySelectorAll(`:scope > [data-fragment-index="${step}"]`)) {
      block.classList.remove("fragment");
      delete block.dataset.fragmentIndex;
    }
  }

  // Divides a list, a table, what was printed or a result of several parts where the slide ends; true if it could.
  function halve(block, must) {
    const whole = block.matches(".kept") ? block.lastElementChild : block, copy = whole.cloneNode(false);
    if (!whole.matches("ul, ol, table, pre.out, .result")) return false;
    const rows = whole.matches("table") ? [...whole.querySelectorAll("tbody > tr")] : whole.matches("pre") ? whole.textContent.split("\n") : [...whole.children];
    const show = (count) => {
      if (whole.matches("pre")) { whole.textContent = rows.slice(0, count).join("\n"); copy.textContent = rows.slice(count).join("\n"); }
      else if (whole.matches("table")) { whole.tBodies[0].replaceChildren(...rows.slice(0, count)); copy.replaceChildren(...(whole.tHead ? [whole.tHead.cloneNode(true)] : []), make("tbody", "", ...rows.slice(count))); }
      else { whole.replaceChildren(...rows.slice(0, count)); copy.replaceChildren(...rows.slice(count)); }
    };
    let count = rows.length;
    while (count > 0 && bottom(block) > END) show(--count);
    if (whole.matches(".result")) while (count > 0 && rows[count - 1].matches("h2, h3, h4, style")) show(--count);
    const least = must ? 1 : 3;
    if (count < least || rows.length - count < 1) { show(rows.length); return false; }
    if (whole.matches("ol")) copy.start = (whole.start || 1) + count;
    block.after(copy);
    return true;
  }

  // The last resort: what is one piece and too high is seen through a window.
  function scroll(sheet) {
    const block = [...sheet.children].find((one) => bottom(one) > END);
    if (!block) return;
    block.classList.add("window");
    block.tabIndex = 0;
    block.style.maxHeight = `${END - block.offsetTop}px`;
  }

  // ── Figures, as large as they fit ────────────────────────────────────────────────────────────────

  const looks = (sheet) => [...sheet.querySelectorAll(".look")];
  // A drawing's letters shrink with it, those of a figure do not.
  const least = (look) => (look.querySelector("img") ? 3 : WIDTHS.length - 1);
  // Figures in a row are low: they may take the whole width, or their letters would be too small.
  const room = (look) => (look.querySelector(".gc-row") ? 1.1 : 1);
  const size = (look, step) => { look.dataset.size = step; look.style.setProperty("--wide", `${WIDTHS[step] * room(look)}px`); };

  async function enlarge(sheets) {
    for (const sheet of sheets) for (const look of looks(sheet)) size(look, 0);
    for (let step = 1; step < WIDTHS.length; step++) {
      await nextFrame();
      const high = sheets.filter((sheet) => looks(sheet).length && !fits(sheet));
      if (!high.length) return;
      for (const sheet of high) for (const look of looks(sheet)) size(look, Math.min(step, least(look)));
    }
  }

  // ── The order: the core path to the right, deeper steps below ────────────────────────────────────

  function order() {
    let stack = null, core = null;
    for (const section of [...slides.children]) {
      if (!("deeper" in section.dataset)) { core = section; stack = null; continue; }
      if (!core) { core = section; continue; }
      if (!stack) {
        stack = make("section", "stack");
        core.before(stack);
        stack.append(core);
      }
      stack.append(section);
    }
    for (const one of slides.querySelectorAll(".stack")) {
      const names = [...one.children].slice(1).filter((section) => !section.dataset.piece && !section.dataset.where).map((section) => section.dataset.part);
      const way = make("div", "way-down");
      way.innerHTML = `↓ ${names.join(" · ")}`;
      one.firstElementChild.firstElementChild.append(way);
    }
  }

  // A slide that was divided shares its time among its pieces.
  function divideTime(sections) {
    const pieces = Map.groupBy ? Map.groupBy(sections, source) : sections.reduce((map, one) => map.set(source(one), [...(map.get(source(one)) ?? []), one]), new Map());
    for (const group of pieces.values())
      for (const section of group) section.dataset.timing = Math.round(Number(section.dataset.timing) / group.length);
  }
  const source = (section) => section.id.replace(/\.\d+$/, "");

  // ── At the keyboard ──────────────────────────────────────────────────────────────────────────────

  // On and back along the core path; inside of a deeper step along that step.
  const below = () => deck.getIndices().v > 0;
  const across = (by) => {
    const h = deck.getIndices().h + by;
    if (h >= 0 && h < deck.getHorizontalSlides().length) deck.slide(h, 0);
  };
  const walks = {
    right: () => { if (deck.isOverview()) deck.right(); else if (!deck.nextFragment()) across(1); },
    left: () => { if (deck.isOverview()) deck.left(); else if (!deck.prevFragment()) across(-1); },
    next: () => {
      if (deck.isOverview()) deck.next();
      else if (!deck.nextFragment()) below() && deck.availableRoutes().down ? deck.down() : across(1);
    },
    prev: () => {
      if (deck.isOverview()) deck.prev();
      else if (!deck.prevFragment()) below() ? deck.up() : across(-1);
    },
  };
  const WALKING = {
    37: walks.left, 72: walks.left, 39: walks.right, 76: walks.right, 33: walks.prev, 80: walks.prev, 34: walks.next, 78: walks.next,
    32: ({ shiftKey }) => (shiftKey ? walks.prev() : walks.next()),
  };

  // The speaker's window asks its second picture to go on; reveal.js would go down.
  function followTheSpeaker() {
    addEventListener("message", (event) => {
      let told = null;
      try { told = JSON.parse(event.data); } catch { return; }
      if (!(told?.method in walks)) return;
      event.stopImmediatePropagation();
      walks[told.method]();
    });
  }

  function keys() {
    const here = () => deck.getCurrentSlide();
    const key = (letter, description, act) => deck.addKeyBinding({ keyCode: letter.charCodeAt(0), key: letter, description }, act);
    key("C", "Open or close what is folded: code, model answers", () => {
      const folds = [...here().querySelectorAll("details:not(.stays)")], open = !folds.some((fold) => fold.open);
      folds.forEach((fold, index) => { fold.open = open && index === 0; });
      if (open && folds[0]) folds[0].querySelector("summary").focus(); else document.activeElement.blur();
    });
    key("T", "Turn a knob: arrow keys move it, T takes the next one, Esc lets go", () => turn(null));
    deck.addKeyBinding({ keyCode: 13, key: "Enter", description: "Out of the overview, to the slide" }, () => { if (deck.isOverview()) deck.toggleOverview(); });
    key("D", "Dark or light", () => theme(document.body.dataset.theme === "dark" ? "light" : "dark"));
    key("Q", "Only the questions, or the whole lecture again", () => {
      if (questionsOnly) query.delete("questions"); else query.set("questions", "");
      location.search = query;
    });
    for (let digit = 1; digit <= 9; digit++)
      key(String(digit), digit === 1 ? "Mark what most of the hall say: 1 to 9" : "", () => mark(digit));

    function mark(digit) {
      const items = [...(here().querySelector(".hands ol")?.children ?? [])];
      items.forEach((item, index) => item.classList.toggle("hall", index === digit - 1 && !item.classList.contains("hall")));
    }

    function turn(from) {
      const sliders = [...here().querySelectorAll("input[type=range]")], after = sliders.indexOf(from) + 1;
      sliders[after % sliders.length]?.focus();
    }

    // A slider takes the arrows only while it was asked for by keyboard; a presenter's remote control
    // sends PageDown, and that always goes on.
    addEventListener("keydown", (event) => {
      const slider = event.target.closest?.("input[type=range]");
      if (!slider) return;
      const act = { Escape: () => slider.blur(), t: () => turn(slider), PageDown: () => { slider.blur(); walks.next(); }, PageUp: () => { slider.blur(); walks.prev(); } }[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    }, true);
    addEventListener("pointerup", (event) => event.target.closest?.("input[type=range]")?.blur());
    // An open fold is closed with the slide.
    deck.on("slidechanged", ({ previousSlide }) => { for (const fold of previousSlide?.querySelectorAll("details[open]:not(.stays)") ?? []) fold.open = false; });
  }

  function theme(name) {
    document.body.dataset.theme = name;
  }

  // ── All of it, then reveal.js ────────────────────────────────────────────────────────────────────

  async function begin() {
    theme(!printing && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.body.classList.add("being-set");
    for (const section of [...slides.children]) if (questionsOnly && section.previousElementSibling) onlyQuestion(section);
    for (const section of slides.children) unpack(section);
    await document.fonts.ready;
    await Promise.all([...document.querySelectorAll(".gc-place")].map(gcSite.mount));
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
    for (const look of looks(slides)) size(look, least(look));
    await nextFrame();
    await nextFrame();
    for (const section of [...slides.children]) settle(section);
    const all = [...slides.children];
    await enlarge(all.map((section) => section.firstElementChild));
    for (const section of all) scroll(section.firstElementChild);
    divideTime(all);
    order();
    document.body.classList.remove("being-set");
    followTheSpeaker();
    deck = new Reveal(document.querySelector(".reveal"), {
      width: 1280, height: HIGH, margin: 0, minScale: 0.1, maxScale: 4, center: false, hash: true, slideNumber: "c/t",
      controls: false, transition: "none", backgroundTransition: "none", scrollActivationWidth: null, defaultTiming: 0,
      pdfMaxPagesPerSlide: 1, pdfSeparateFragments: false, keyboard: WALKING, plugins: [RevealNotes],
      showNotes: query.get("showNotes") === "separate-page" ? "separate-page" : false,
    });
    if (!query.has("receiver")) keys();
    const printable = new Promise((done) => { printing ? deck.on("pdf-ready", done) : done(); });
    await deck.initialize();
    await printable;
    window.deck = deck;
    return deck.getTotalSlides();
  }

  window.deckReady = begin();
})();
