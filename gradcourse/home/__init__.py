"""Home: where the learner is, what comes next, how long it takes; a page that JupyterLab shows.

`steps` reads a working copy's pages, `cards` lays the learner's record beside them, `render` makes
HTML of it, and `serving` is the server extension that hands it to the page's renderer in
JupyterLab (`gradcourse/workcopy/jupyter/labextensions/`). Nothing has to be run first.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Name this package to the server, which then calls the function below."""
    return [{"module": "gradcourse.home"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Give the server the addresses that the home page asks."""
    from gradcourse.home.serving import add_addresses

    add_addresses(server.web_app)
