"""Notebooks that open again: no page of a saved notebook asks for a widget that is gone.

`gradcourse lab` hands `StillContents` to the server. For whoever types ``jupyter lab`` or ``jupyter
notebook`` instead, the installed course is a server extension that does the same, in every folder;
a notebook without the course's widgets is read and written as ever. See `gradcourse.stills`.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from gradcourse import stills


class StillContents(AsyncLargeFileManager):
    """The server's own files, with stills in place of widgets whose kernel is gone."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        stills.sweep()

    async def get(self, path: str, content: bool = True, *rest: Any, **options: Any) -> Any:
        """Read; of a notebook, with the latest stills, or the widgets that still live."""
        model = await super().get(path, content, *rest, **options)
        if content and model["type"] == "notebook":
            stills.revive(model["content"])
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        """Write; of a notebook, without the course's widgets."""
        if model.get("type") == "notebook" and model.get("content"):
            stills.settle(model["content"])
        return await super().save(model, path)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "gradcourse.reopening"}]


def _link_jupyter_server_extension(server: Any) -> None:
    """Before the server makes its parts: ours stands in for its own, never for another choice."""
    if server.contents_manager_class is AsyncLargeFileManager:
        server.contents_manager_class = StillContents


def _load_jupyter_server_extension(server: Any) -> None:
    """Nothing is left to do; a server asks each extension for this."""
