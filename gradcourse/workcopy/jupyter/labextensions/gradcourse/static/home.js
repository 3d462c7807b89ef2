// The course's home page in JupyterLab: a renderer for one file, course-home.md, whose page it asks
// the server for each time it is shown. (A renderer is JupyterLab's smallest kind of extension; this
// file is one by hand, without a bundler.) And a plugin that keeps the lines of the course's own
// notebooks short on a wide screen (nobody else's are touched), notes which of them was in front, and
// opens home at once where the address names it.
(() => {
  "use strict";
  const MIME = "application/vnd.gradcourse.home+markdown";
  const SECONDS = 10;
  const ICON = {
    name: "gradcourse:home",
    svgstr: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M12 3 2 12h3v8h5v-6h4v6h5v-8h3z"/></svg>',
  };
  let shared = {};

  // A module that JupyterLab has loaded and shares with its extensions.
  async function library(name) {
    const versions = Object.values(shared[name]);
    const chosen = versions.find((version) => version.loaded) ?? versions[0];
    return (await chosen.get())();
  }

  const settings = JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");

  async function ask(address) {
    const headers = settings.token ? { Authorization: `token ${settings.token}` } : {};
    const answer = await fetch(`${settings.baseUrl || "/"}gradcourse/${address}`, { headers, cache: "no-store" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer;
  }

  // The notebook that was last in front. JupyterLab's own note of it is gone as soon as home is.
  let latest = null;

  async function homeOf(path) {
    const asked = new URLSearchParams({ document: path });
    if (latest) {
      asked.set("latest", latest.path);
      asked.set("ago", (Date.now() - latest.at) / 1000);
    }
    return (await ask(`home?${asked}`)).json();
  }

  // Where JupyterLab was opened at home, the page is asked for while JupyterLab is still starting.
  const opened = decodeURIComponent(location.pathname).match(/\/tree\/(.*course-home\.md)$/);
  let early = opened && homeOf(opened[1]).catch(() => null);

  // The widgets' module draws a figure from what a widget would hold; here nobody answers back.
  async function drawFigure(element, { figure, style }) {
    const code = await (await ask("figure.js")).text();
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    const { default: widget } = await import(address);
    URL.revokeObjectURL(address);
    const bytes = Uint8Array.from(atob(figure.points), (sign) => sign.charCodeAt(0));
    const held = {
      _controls: [], _style: style, _heading: "", _rests: false, _click: [], _linked: true, _progress: 1,
      _frames: figure.frames, _data: new DataView(bytes.buffer), knobs: {}, status: "",
    };
    const nobody = () => {};
    const model = { get: (name) => held[name], set: nobody, on: nobody, off: nobody, send: nobody, save_changes: nobody };
    element.replaceChildren();
    return widget.render({ model, el: element });
  }

  async function renderers() {
    const { Widget } = await library("@lumino/widgets");

    class Home extends Widget {
      constructor(options) {
        super();
        Object.assign(this.node.style, { overflow: "auto", background: "var(--jp-layout-color1)" });
        this.resolver = options.resolver;
        this.links = options.linkHandler;
        this.shown = this.drawn = "";
        this.figure = document.createElement("div");
        this.look = () => { if (this.isVisible && !document.hidden) this.refresh(); };
      }

      async renderModel(model) {
        this.text = String(model.data[MIME] ?? "");
        await this.refresh();
      }

      onAfterAttach() {
        window.addEventListener("focus", this.look);
        document.addEventListener("visibilitychange", this.look);
        this.timer = setInterval(this.look, 1000 * SECONDS);
      }

      onAfterShow() {
        this.look();
      }

      onBeforeDetach() {
        clearInterval(this.timer);
        window.removeEventListener("focus", this.look);
        document.removeEventListener("visibilitychange", this.look);
        this.leave?.();
        this.leave = null;
        this.drawn = "";
      }

      async refresh() {
        let page;
        try {
          page = await early;
          early = null;
          page ??= await homeOf(await this.resolver.resolveUrl("course-home.md"));
        } catch {
          if (!this.shown) this.showText();
          return;
        }
        if (page.html !== this.shown) await this.show(page);
        this.showIntuition();
      }

      async show(page) {
        const before = this.node.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        this.shown = page.html;
        this.node.innerHTML = `<style>${page.style}</style>${page.html}`;
        this.node.querySelector("[data-figure]")?.replaceWith(this.figure);
        this.figure.dataset.figure = "";
        for (const link of this.node.querySelectorAll("a[href]")) await this.connect(link);
        if (before) this.node.querySelector(`a[href="${CSS.escape(before)}"]`)?.focus();
      }

      // A link opens its page in JupyterLab, at its heading, and not in the browser's window.
      async connect(link) {
        const [page, heading] = link.getAttribute("href").split("#");
        const path = await this.resolver.resolveUrl(page);
        this.links?.handleLink(link, decodeURI(path), heading ? `#${decodeURIComponent(heading)}` : "");
        link.href = await this.resolver.getDownloadUrl(path);
      }

      async showIntuition() {
        const guesses = this.node.querySelector(".gc-home")?.dataset.guesses;
        const said = this.node.querySelector("[data-said]");
        if (!said || (guesses === this.drawn && said.textContent)) return;
        try {
          const answer = await (await ask("intuition")).json();
          said.textContent = answer.said;
          if (!answer.figure || guesses === this.drawn) return;
          this.drawn = guesses;
          this.leave?.();
          this.leave = await drawFigure(this.figure, answer);
        } catch (error) {
          console.warn("the picture of the intuition", error);
        }
      }

      // Without the course's server the file is what it says, as text.
      showText() {
        const text = document.createElement("pre");
        text.style.cssText = "padding: 24px; white-space: pre-wrap";
        text.textContent = this.text;
        this.node.replaceChildren(text);
      }
    }

    return { safe: true, mimeTypes: [MIME], createRenderer: (options) => new Home(options) };
  }

  async function extension() {
    return {
      id: "gradcourse:home",
      description: "The course's home page.",
      rendererFactory: await renderers(),
      rank: 0,
      dataType: "string",
      fileTypes: [{
        name: "gradcourse-home", displayName: "Home of the course", mimeTypes: [MIME],
        icon: ICON, extensions: [], pattern: "^course-home\\.md$", fileFormat: "text",
      }],
      documentWidgetFactoryOptions: {
        name: "Home of the course", primaryFileType: "gradcourse-home",
        fileTypes: ["gradcourse-home"], defaultFor: ["gradcourse-home"],
        defaultRendered: ["gradcourse-home"], // a link in a notebook asks for this one
      },
    };
  }

  // Some 90 characters: a letter is half as wide as it is high.
  const SHORT_LINES = `.gradcourse-page .jp-MarkdownOutput > * { max-width: 45em; }
    .gradcourse-page .jp-RenderedHTML > :is(p, ul) { max-width: 45em; }`;

  // JupyterLab opens what the address names a second after it has laid its windows. It then puts home
  // in front once more, where one may have gone on by a link in the meantime.
  function openAtOnce(app, path) {
    app.commands.execute("docmanager:open", { path });
    const stay = (_, { id, args, result }) => {
      if (id !== "docmanager:open" || args.path !== path) return;
      app.commands.commandExecuted.disconnect(stay);
      const inFront = app.shell.currentWidget;
      if (!inFront || inFront.context?.path === path) return;
      const back = (_, { newValue }) => { if (newValue !== inFront) app.shell.activateById(inFront.id); };
      app.shell.currentChanged.connect(back);
      result.finally(() => setTimeout(() => app.shell.currentChanged.disconnect(back), 300));
    };
    app.commands.commandExecuted.connect(stay);
  }

  async function pages() {
    const { INotebookTracker } = await library("@jupyterlab/notebook");
    return {
      id: "gradcourse:pages",
      description: "Short lines in the course's notebooks, and the way between them and home.",
      autoStart: true,
      optional: [INotebookTracker],
      activate: (app, tracker) => {
        const note = (widget) => {
          if (widget && tracker?.has(widget)) latest = { path: widget.context.path, at: Date.now() };
        };
        app.restored.then(() => {
          if (opened) openAtOnce(app, opened[1]);
          note(app.shell.currentWidget);
          app.shell.currentChanged?.connect((_, change) => { note(change.oldValue); note(change.newValue); });
        });
        const style = document.createElement("style");
        style.textContent = SHORT_LINES;
        document.head.append(style);
        tracker?.widgetAdded.connect(async (_, panel) => {
          await panel.context.ready;
          if (panel.model?.getMetadata("gradcourse")) panel.addClass("gradcourse-page");
        });
      },
    };
  }

  const MODULES = { "./home": extension, "./pages": pages };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.gradcourse = {
    init: (scope) => { shared = scope; },
    get: async (name) => { const made = await MODULES[name](); return () => ({ __esModule: true, default: made }); },
  };
})();
