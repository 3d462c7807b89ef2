"""What is left of a widget when its kernel is gone: a still page for each, kept beside the kernels.

JupyterLab prefers a widget to all that is stored beside it, also where the widget's other half no
longer runs, and then shows "model not found". So a notebook on the disk holds no widget of the
course, but HTML that needs none, and the widget's name in the output's metadata. The name leads to
the latest still of that widget, which the kernel writes down at each verdict and each new picture,
and to the process that could still answer for it.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradcourse.support import write_atomically

VIEW = "application/vnd.jupyter.widget-view+json"
GO_ON = '<p class="gc-go-on">Not connected: run this cell to go on.</p>'
"""The last line of every still."""

KEPT_DAYS = 60
_NAME = re.compile(r"[0-9a-f]{16,64}")


def folder() -> Path:
    """Return where stills lie: in Jupyter's runtime folder, which server and kernels share."""
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "gradcourse-stills"


def keep(model: str | None, page: str, text: str = "", above: str = "") -> None:
    """Write down what a widget shows now; what cannot be kept is not worth a word to a learner.

    Parameters
    ----------
    model : str or None
        The widget's name. Without one nobody shows it, and nothing is kept.
    page, text : str
        As HTML, and as plain text.
    above : str
        The name of another widget, whose still stands above this one's.
    """
    if model is None or not _NAME.fullmatch(model):
        return
    process = {"process": os.getpid(), "since": _start(os.getpid())}
    record = process | {"page": page, "text": text, "above": above}
    with contextlib.suppress(OSError):
        write_atomically(folder() / f"{model}.json", json.dumps(record))


def kept(model: str) -> dict[str, Any]:
    """Return what was written down last of a widget; empty where nothing was."""
    if not _NAME.fullmatch(model):
        return {}
    try:
        record = json.loads((folder() / f"{model}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def mark(metadata: dict[str, Any], model: str | None) -> dict[str, Any]:
    """Return an output's metadata with the widget's name in it."""
    return {**metadata, "gradcourse": {"model": model}} if model else metadata


def settle(notebook: dict[str, Any]) -> None:
    """Take the course's widgets out of a notebook that is being saved; their stills stay.

    An output that shows nothing, as a sign of life that is over, goes too.
    """
    for cell in notebook.get("cells", ()):
        if any(map(_shows_nothing, cell.get("outputs", ()))):
            cell["outputs"] = [one for one in cell["outputs"] if not _shows_nothing(one)]
    for output, model in _marked(notebook):
        _make_still(output, kept(model))


def revive(notebook: dict[str, Any]) -> None:
    """Give a notebook that is being opened the latest stills, or the widgets that still live."""
    for output, model in _marked(notebook):
        record = kept(model)
        _make_still(output, record)
        if record and _lives(record):
            view = {"version_major": 2, "version_minor": 0, "model_id": model}
            output["data"] = {VIEW: view, **output["data"]}


def sweep() -> None:
    """Remove the stills that nobody has renewed for two months."""
    oldest = time.time() - KEPT_DAYS * 86400
    with contextlib.suppress(OSError):
        for path in folder().glob("*.json"):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _marked(notebook: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the outputs that were a widget of the course, each with that widget's name."""
    for cell in notebook.get("cells", ()):
        for output in cell.get("outputs", ()):
            ours = output.get("metadata", {}).get("gradcourse")
            if isinstance(ours, dict) and isinstance(ours.get("model"), str) and "data" in output:
                yield output, ours["model"]


def _shows_nothing(output: dict[str, Any]) -> bool:
    return output.get("output_type") == "display_data" and not output.get("data")


def _make_still(output: dict[str, Any], record: dict[str, Any]) -> None:
    data = output["data"]
    data.pop(VIEW, None)
    if record.get("page"):
        upper = kept(record["above"]).get("page", "") if record.get("above") else ""
        data["text/html"] = upper.removesuffix(GO_ON) + record["page"]
    elif "image/png" in data:
        data["text/html"] = _picture(output).removesuffix(GO_ON) + GO_ON
    if record.get("text"):
        data["text/plain"] = record["text"]


def _picture(output: dict[str, Any]) -> str:
    """Return the HTML of a figure that no browser has seen: its own, or an image of its PNG."""
    data = output["data"]
    if "text/html" in data:
        return "".join(data["text/html"])
    picture = "".join(data["image/png"]).strip()
    alt = html.escape(output["metadata"].get("image/png", {}).get("alt", ""))
    return f'<img src="data:image/png;base64,{picture}" alt="{alt}">'


def _start(process: int) -> float | None:
    """When a process began: its number alone may be given to another one."""
    import psutil

    try:
        return float(psutil.Process(process).create_time())
    except psutil.Error:
        return None


def _lives(record: dict[str, Any]) -> bool:
    since = _start(int(record.get("process", 0) or 0))
    return since is not None and since == record.get("since")
