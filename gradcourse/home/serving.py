"""What the server answers for the home page: its HTML, its figure, and the script that draws it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from gradcourse.lessons import HOME
from gradcourse.workcopy.ledger import PLACE

_FIGURES = Path(__file__).parents[1] / "figures"


class HomeHandler(APIHandler):
    """The home page of the working copy in which a document lies."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with JSON: ``html`` and ``style``; 404 where there is no working copy.

        ``latest`` is the notebook that was in front before, and ``ago`` how many seconds ago.
        """
        document = self.get_argument("document")
        folder = _working_copy(Path(self.settings["server_root_dir"]), document)
        if folder is None:
            raise web.HTTPError(404, "no working copy of the course")
        latest, ago = self.get_argument("latest", ""), self.get_argument("ago", "0")
        self.finish(await asyncio.to_thread(_home, folder, _looked_at(document, latest, ago)))


class IntuitionHandler(APIHandler):
    """The figure of predictions against measurements, as data. The first one takes a second."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with JSON: ``said``, and ``figure`` with its ``style``, or null."""
        self.finish(await asyncio.to_thread(_intuition))


class FigureScriptHandler(JupyterHandler):
    """What draws a figure in a browser; the widgets' own module."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with a JavaScript module."""
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        parts = [(_FIGURES / name).read_text("utf-8") for name in ("page.js", "live.js")]
        self.finish("".join(parts))


def add_addresses(application: Any) -> None:
    """Add the handlers to a server's tornado application, and have the first page at hand."""
    base = application.settings["base_url"]
    folder = _working_copy(Path(application.settings["server_root_dir"]), HOME)
    if folder is not None:  # the modules are loaded while the browser still starts
        threading.Thread(target=_home, args=(folder,), daemon=True).start()
    handlers = {
        "home": HomeHandler,
        "intuition": IntuitionHandler,
        "figure.js": FigureScriptHandler,
    }
    rules = [(url_path_join(base, "gradcourse", name), one) for name, one in handlers.items()]
    application.add_handlers(".*$", rules)


def _working_copy(root: Path, document: str) -> Path | None:
    """Return the folder of a document if it is a working copy below the server's root."""
    root = root.expanduser().resolve()
    folder = (root / document.strip("/")).resolve().parent
    if folder != root and root not in folder.parents:
        return None
    return folder if (folder / PLACE).is_file() else None


def _looked_at(document: str, latest: str, ago: str) -> dict[str, float]:
    """Return the page that was in front, by its name in the working copy, and when."""
    try:
        page = PurePosixPath(latest).relative_to(PurePosixPath(document).parent)
        return {page.as_posix(): time.time() - float(ago)}
    except ValueError:  # not in this working copy
        return {}


def _home(folder: Path, looked_at: Mapping[str, float] | None = None) -> dict[str, str]:
    from gradcourse.checking.progress import Progress
    from gradcourse.home.render import home_html, style
    from gradcourse.workcopy import WorkingCopy

    figures = (_FIGURES / "live.css").read_text("utf-8")
    page = home_html(WorkingCopy.here(folder), Progress.default(), looked_at)
    return {"html": page, "style": style() + figures}


def _intuition() -> dict[str, Any]:
    from gradcourse.exercises import intuition
    from gradcourse.figures.wire import stored, style_table

    found = intuition()
    figure = found.figure
    if figure is None:
        return {"said": found.summary, "figure": None}
    return {"said": found.summary, "figure": stored([figure]), "style": style_table()}
