"""Undo what a cell replaced in the libraries that the next question, and our own glue, rely on.

A learner who overwrites `np.sum` or `json.dumps` in one cell must not lose the other questions by
it. Names that were added stay; names that were overwritten become again what they were. This is
a courtesy, not a protection: whoever wants can break this process in other ways, and gains nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

MODULES = (
    "builtins", "copy", "inspect", "io", "json", "json.decoder", "json.encoder", "linecache",
    "math", "os", "select", "signal", "struct", "sysconfig", "time", "traceback",
    "numpy", "numpy.linalg", "torch", "torch.linalg", "torch.nn", "torch.nn.functional",
    "IPython.core.interactiveshell",
)  # fmt: skip
OURS = ("gradcourse.checking", "gradcourse.drivers", "gradcourse.grading")


def snapshot(shell: Any) -> Callable[[], None]:
    """Remember how everything is now, and return what puts it back."""
    modules = [
        module for name, module in sys.modules.items() if name in MODULES or name.startswith(OURS)
    ]
    saved = [(vars(module), dict(vars(module))) for module in modules]
    classes = [
        (kind, dict(vars(kind)))
        for module in modules
        if module.__name__.startswith(OURS)
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    ]
    classes.append((type(shell), dict(vars(type(shell)))))
    manager = shell.input_transformer_manager
    hooks = [
        (found, list(found))
        for found in (
            shell.ast_transformers,
            manager.cleanup_transforms,
            manager.line_transforms,
            manager.token_transformers,
            shell.input_transformers_post,
            *shell.events.callbacks.values(),
        )
    ]
    own = dict(vars(shell))
    # Bound now: what is restored must not be needed to restore it.
    update, put, set_on, absent = dict.update, list.__setitem__, type.__setattr__, object()
    everything, no_trace, no_profile = slice(None), sys.settrace, sys.setprofile

    def restore() -> None:
        no_trace(None)
        no_profile(None)
        for live, before in saved:
            update(live, before)
        for kind, attributes in classes:
            now = kind.__dict__
            for name, value in attributes.items():
                if now.get(name, absent) is not value and name not in ("__dict__", "__weakref__"):
                    set_on(kind, name, value)
        for live_hooks, before_hooks in hooks:
            put(live_hooks, everything, before_hooks)
        update(shell.__dict__, own)
        shell.__dict__.pop("run_cell", None)

    return restore
