"""The life of the process that becomes the learner's: it runs cells and calls functions, as told.

From the first cell on, everything here may be patched, replaced or imitated by the learner's code.
So nothing here decides about marks: the grader keeps the cases and the references, and takes
whatever comes back for data.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import os
import random
import socket
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import FunctionType
from typing import Any

import numpy as np
import torch

from gradcourse.checking.call import outcome_of
from gradcourse.checking.plain import plain
from gradcourse.checking.question import Driver, Function
from gradcourse.grading.sandbox.channel import Channel
from gradcourse.grading.sandbox.frames import WireError
from gradcourse.grading.sandbox.inside import cells, intact, notice

_shells: list[Any] = []
_restorers: list[Callable[[], None]] = []


def warm_up(folder: str) -> None:
    """Do once, before any fork, what every child would do first."""
    shell = cells.make_harmless_shell(folder)
    cells.run_cell(shell, "import gradcourse as gc\nimport numpy as np\nimport torch", 10.0)
    shell.reset(new_session=False)
    _shells.append(shell)
    _restorers.append(intact.snapshot(shell))


def live(connection: socket.socket, layers: dict[str, str]) -> None:
    """Answer the grader's requests until its end of the connection is closed."""
    channel = Channel(connection, trusted=True)
    shell, restore = _shells[0], _restorers[0]
    notice.start()
    number_of, end, own = os.getpid, os._exit, os.getpid()
    _fresh_randomness()
    sys.path.append("")  # as in a notebook, but last: a file of its own that it has written
    channel.send({"n": 0, "layers": layers})
    while True:
        try:
            request = channel.receive()
            answer = _answer(shell, request)
        except WireError:
            os._exit(0)
        finally:
            restore()
            if number_of() != own:  # a fork of the learner's came out of its cell: it is no answer
                end(0)
        answer["n"] = request["n"]
        try:
            channel.send(answer)
        except WireError as error:  # what it returned cannot travel
            channel.send({"n": request["n"], "unfit": str(error)})


def _fresh_randomness() -> None:
    """A fork copies the state of every generator."""
    random.seed()
    np.random.seed()  # noqa: NPY002, the generator that learners' old code uses
    torch.seed()


def _answer(shell: Any, request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "cell":
        ending, text, cut, line = cells.run_cell(shell, request["source"], request["seconds"])
        said = {"ending": ending, "text": text, "cut": cut, "line": line}
        return {**said, "noticed": notice.take()}
    if request["do"] == "file":
        _write_file(request["name"], request["data"])
        return {"noticed": notice.take()}
    if request["do"] == "describe":
        names = {n: _described(shell.user_ns, n) for n in request["names"]}
        return {"names": names, "noticed": notice.take()}
    return _call(shell, request)


def _write_file(name: str, data: np.ndarray) -> None:
    """Lay a file beside the notebook; its place was checked, and there is no other to go to."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as stream:
            stream.write(data.tobytes())


def _described(namespace: dict[str, Any], name: str) -> dict[str, Any]:
    if name not in namespace:
        return {"kind": "missing"}
    value = namespace[name]
    if callable(value):
        module = value.__module__ if isinstance(value, FunctionType) else ""
        ours = isinstance(module, str) and module.startswith("gradcourse.")
        return {"kind": "callable", "ours": ours}
    if isinstance(value, Decimal | Fraction):
        value = float(value)
    return {"kind": "value", "value": plain(value)}


def _call(shell: Any, request: dict[str, Any]) -> dict[str, Any]:
    function = Function(
        request["function"],
        tuple(request["parameters"]),
        reference=_none_here,
        misconceptions=(),
        driver=_driver(request["driver"]),
    )
    outcome = outcome_of(
        function,
        shell.user_ns.get(function.name),
        request["arguments"],
        lambda work: cells.run_for(lambda: _afresh(work), request["seconds"]),
    )
    found = {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}
    return {**found, "noticed": notice.take()}


def _afresh(work: Callable[[], Any]) -> Any:
    """Run as in a new thread, where the panel's check runs.

    There, what a cell has set for its own thread alone (numpy's error state, autograd switched off)
    is not set; it must not be here, or a learner loses the marks that the panel promised.
    """

    def inside() -> Any:
        with (
            np.errstate(all="ignore"),
            torch.autocast("cpu", enabled=False),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            return work()

    return contextvars.Context().run(inside)


def _none_here(*_: Any) -> None:
    """Where the reference would be."""


def _driver(name: str) -> Driver | None:
    """Find a driver by its name, "gradcourse.drivers.saturation:drive_loss"."""
    if not name:
        return None
    module, _, function = name.partition(":")
    found: Driver = getattr(sys.modules.get(module) or importlib.import_module(module), function)
    return found
