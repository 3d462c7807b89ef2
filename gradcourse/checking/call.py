"""One call of a learner's function, and the plain data that it gave.

This is the seam between the engine and the learner's code. The engine meets a learner's function
only through a `Caller`; `call_here` runs it in this process. To run it in another one, hand
`check` a caller that sends the function's name and the arguments there, lets `call_here` run on
that side (with the exercise's driver, which is found by the exercise's id), and sends the
`Outcome` back: it holds nothing but plain data.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from gradcourse.checking.limits import Run, run_limited
from gradcourse.checking.plain import plain
from gradcourse.checking.question import Arguments, Driver, Function
from gradcourse.support import GradcourseError

Kind = Literal["value", "error", "signature", "timeout", "interrupted"]


@dataclass(frozen=True)
class Outcome:
    """What one call gave; plain data only.

    Attributes
    ----------
    kind : {"value", "error", "signature", "timeout", "interrupted"}
    value : plain data
        What was returned, see `gradcourse.checking.plain.plain`.
    error : str
        Name of the exception's type.
    message : str
        Of the exception, one line; of a wrong signature, the parameters of the learner's function
        as they are written, "(a, b=1)", or nothing where they are not known.
    line : str
        Where in the learner's code it was raised: "line 3: `return 1 / 0`".
    printed : str
        What the learner's code printed, its first characters.
    changed : tuple of int
        Positions of the arguments that were changed in place.
    abandoned : bool
        Whether the code would not stop and still runs.
    """

    kind: Kind
    value: Any = None
    error: str = ""
    message: str = ""
    line: str = ""
    printed: str = ""
    changed: tuple[int, ...] = ()
    abandoned: bool = False


class Caller(Protocol):
    """Calls a learner's function on one case."""

    def __call__(
        self,
        function: Function,
        answer: Callable[..., Any],
        arguments: Arguments,
        seconds: float,
        stop: threading.Event | None,
    ) -> Outcome: ...


class TrustedCaller(Protocol):
    """Calls one of the course's own functions on all cases."""

    def __call__(
        self, function: Function, answer: Callable[..., Any], cases: Sequence[Arguments]
    ) -> list[Outcome]: ...


def call_here(
    function: Function,
    answer: Callable[..., Any],
    arguments: Arguments,
    seconds: float,
    stop: threading.Event | None = None,
) -> Outcome:
    """Call a learner's function in this process, within a time limit.

    Parameters
    ----------
    function : Function
        What was asked; its driver is used when it has one.
    answer : callable
        The learner's object.
    arguments : tuple
        Of the case. A copy is handed over.
    seconds : float
        The limit of this call.
    stop : threading.Event, optional
        Ends the call early.
    """
    return outcome_of(function, answer, arguments, lambda work: run_limited(work, seconds, stop))


def outcome_of(
    function: Function,
    answer: Callable[..., Any],
    arguments: Arguments,
    run: Callable[[Callable[[], Any]], Run],
) -> Outcome:
    """Call a learner's function by a way of running it, and take what it gives as plain data.

    Parameters
    ----------
    function, answer, arguments
        As for `call_here`.
    run : callable
        Takes the work, which takes nothing, and runs it within its own limits.
    """
    parameters = _wrong_parameters(function, answer, arguments)
    if parameters:
        return Outcome("signature", message=parameters)
    given = copy.deepcopy(arguments)
    ran = run(lambda: drive(function.driver, answer, given))
    if ran.ending == "raised":
        return _error(ran)
    if ran.ending != "returned":
        return Outcome(ran.ending, printed=ran.printed, abandoned=ran.abandoned)
    changed = tuple(
        i for i, (a, b) in enumerate(zip(arguments, given, strict=True)) if not _same(a, b)
    )
    return Outcome("value", value=ran.value, printed=ran.printed, changed=changed)


def call_trusted(
    function: Function, answer: Callable[..., Any], cases: Sequence[Arguments]
) -> list[Outcome]:
    """Call one of the course's own functions on all cases, as the learner's is called."""

    def work() -> list[Outcome]:
        outcomes = []
        for arguments in cases:
            try:
                value = drive(function.driver, answer, copy.deepcopy(arguments))
                outcomes.append(Outcome("value", value=value))
            except Exception as error:
                outcomes.append(Outcome("error", error=type(error).__name__, message=str(error)))
        return outcomes

    return run_trusted(work)


_LOADED: set[Driver] = set()


def load_driver(function: Function, example: Arguments) -> None:
    """Run a driver once, on the reference, so that it loads what torch loads on first use.

    Within a learner's limit that may take too long, and a module whose loading is cut off fails in
    every later call, the reference's too: then nobody could be judged.
    """
    driver = function.driver
    if driver is not None and driver not in _LOADED:
        call_trusted(function, function.reference, [example])
        _LOADED.add(driver)


def run_trusted(work: Callable[[], Any], stop: threading.Event | None = None) -> Any:
    """Run the course's own code as long as it takes, its prints and warnings kept back.

    Raises
    ------
    KeyboardInterrupt
        If it was interrupted or stopped.
    """
    run = run_limited(work, float("inf"), stop)
    if run.ending == "interrupted":
        raise KeyboardInterrupt
    if run.error is not None:
        raise run.error
    return run.value


def drive(driver: Driver | None, answer: Callable[..., Any], arguments: Arguments) -> Any:
    """Call, and turn what comes back into plain data while still inside the limit."""
    if driver is None:
        return plain(answer(*arguments))
    with _torchs_own_type():
        return plain(driver(answer, arguments))


@contextlib.contextmanager
def _torchs_own_type() -> Iterator[None]:
    """What a driver makes is float32, whatever a cell has set as the default."""
    torch = sys.modules.get("torch")
    if torch is None:  # then no cell has set it
        yield
        return
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _wrong_parameters(function: Function, answer: Callable[..., Any], arguments: Arguments) -> str:
    """Return a function's parameters, "(a, b=1)", where the call does not fit them."""
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # builtins have none
        return ""
    expected: Sequence[Any] = arguments if function.driver is None else function.parameters
    try:
        signature.bind(*expected)
    except TypeError:
        return str(signature.replace(return_annotation=inspect.Signature.empty))
    return ""


def _error(run: Run) -> Outcome:
    error = run.error
    assert error is not None
    name = type(error).__name__
    message = _first_line(error)
    if isinstance(error, SystemExit):
        name, message = "SystemExit", "exit() was called; a function ends with return"
    return Outcome("error", error=name, message=message, line=_line(error), printed=run.printed)


def _first_line(error: BaseException) -> str:
    if isinstance(error, GradcourseError):
        return str(error)
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # a learner's own exception class may fail to print itself
        return ""
    return lines[0][:200] if lines else ""


def _line(error: BaseException) -> str:
    """Find the last frame in the learner's own code."""
    paths = sysconfig.get_paths()
    ours = [str(Path(__file__).parents[1]), paths["stdlib"], paths["purelib"], paths["platlib"]]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(tuple(ours)) or frame.filename.startswith("<frozen"):
            continue
        text = f": `{frame.line.strip()[:100]}`" if frame.line else ""
        return f"line {frame.lineno}{text}"
    return ""


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[k], after[k]) for k in before)
    first, second = plain(before), plain(after)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        exact = first.dtype.kind in "fc"
        return first.shape == second.shape and np.array_equal(first, second, equal_nan=exact)
    return True
