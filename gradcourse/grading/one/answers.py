"""From what the sandboxed process sent to what the engine may see: nothing of it is believed."""

from __future__ import annotations

import ast
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gradcourse.checking.call import Outcome
from gradcourse.checking.plain import Bfloat16, Foreign
from gradcourse.checking.question import Function, Question
from gradcourse.checking.verdict import PartResult, Verdict
from gradcourse.grading.intake.contents import tree_of
from gradcourse.grading.sandbox.inside.notice import TEXTS
from gradcourse.grading.sandbox.inside.zygote import MACHINE

LONGEST = 3000
"""Characters of any text in a report: an answer may be a dict with a million keys."""

READABLE = 500
"""Characters of an error's text that are kept."""


def _roots() -> list[str]:
    """Folders of this machine whose names are nobody's business, the longest first."""
    package = Path(__file__).resolve().parents[3]
    paths = {sys.prefix, sys.base_prefix, str(package), os.path.expanduser("~")}
    paths |= {os.path.realpath(path) for path in paths}
    return sorted((path for path in paths if path.count("/") > 1), key=len, reverse=True)


def discreet(value: Any) -> Any:
    """Return plain data in which the folders of this machine are called "…", and texts end."""
    if isinstance(value, str):
        return _ROOTS.sub("…", value if len(value) <= LONGEST else value[:LONGEST] + " …")
    if isinstance(value, list):
        return [discreet(item) for item in value]
    if isinstance(value, dict):
        return {key: discreet(item) for key, item in value.items()}
    return value


_ROOTS = re.compile("|".join(map(re.escape, _roots())))


class Gone(Exception):
    """The child is dead or of no more use. ``code`` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def cause_of_death(ending: dict[str, Any]) -> Gone:
    """Say how a process came to its end."""
    if ending["why"] == "memory":
        return Gone("memory", "it needed more memory than is allowed")
    if ending["why"] == MACHINE:
        return Gone("memory", "the machine's memory ran low while it ran")
    if ending["why"]:
        return Gone("killed", f"it used more {ending['why']} than is allowed")
    if ending["status"] < 0:
        return Gone("killed", f"its process was ended by signal {-ending['status']}")
    return Gone("process-ended", "it ended its own process")


def in_seconds(seconds: float) -> str:
    """Return a limit as people say it."""
    return str(math.ceil(seconds)) if seconds >= 1 else f"{seconds:.1g}"


def remote(*_: Any) -> None:
    """Stands for a function that lives in the child; only the caller can reach it."""
    raise AssertionError("a learner's function was called in the grader")


FUNCTION = Foreign("function")
"""Stands for a function where a value was asked for."""


def value_of(value: Any) -> Any:
    """Return a value as the engine knows it: a stub's ``...`` is itself again, text is text."""
    if isinstance(value, Foreign) and value.type_name == "ellipsis":
        return ...
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "U":
        value = str(value.item())
    if isinstance(value, Bfloat16) and value.values.size == 1:
        return float(value.values.item())
    return value.translate(TYPED).strip() if isinstance(value, str) else value


TYPED = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201c\u201d"), ""),
    ord("\xa0"): " ",
}
"""What word processors make of signs that stand on a keyboard."""


MEMBER = 256
"""Bytes that a member of a list or a dict is counted as: each is looked at for every known slip."""


def weight_of(value: Any) -> int:
    """Return how heavy plain data is for whoever compares it, in bytes."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, Bfloat16):
        return int(value.values.nbytes)
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return MEMBER * len(value) + sum(map(weight_of, value.values()))
    if isinstance(value, list | tuple):
        return MEMBER * len(value) + sum(map(weight_of, value))
    return 0


def name_of(driver: Callable[..., Any] | None) -> str:
    """Return the name by which the other process finds a driver."""
    return "" if driver is None else f"{driver.__module__}:{driver.__qualname__}"


def without_answer(gone: Gone, codes: list[str]) -> Outcome:
    """Return what the engine is told of a call that ended the process."""
    if gone.code == "timeout":
        codes.append("question-timeout")
        return Outcome("timeout")
    codes.append(gone.code)
    if gone.code == "wrote-nothing-readable":
        return Outcome("value", Foreign("object", gone.text))
    name = "MemoryError" if gone.code == "memory" else "SystemExit"
    return Outcome("error", error=name, message=gone.text)


def outcome_of_answer(
    answer: dict[str, Any], function: Function, count: int, codes: list[str]
) -> Outcome:
    """Read an answer as an outcome, field by field; nothing in it is believed.

    Parameters
    ----------
    answer : dict
        What came back from a call; plain data of any kind.
    function : Function
        What was called.
    count : int
        Of the arguments of that call.
    codes : list of str
        Gets the code of what is wrong with it.
    """
    kind = text_of(answer, "kind", 20)
    printed = text_of(answer, "printed", 1100)
    if type(answer.get("unfit")) is str:
        return Outcome("value", Foreign("object", text_of(answer, "unfit", READABLE)))
    if kind == "value" and "value" in answer:
        changed = answer.get("changed")
        places = changed if isinstance(changed, list | tuple) else ()
        own = tuple(i for i in places if type(i) is int and 0 <= i < count)
        return Outcome("value", answer["value"], printed=printed, changed=own)
    if kind == "error" and text_of(answer, "error", 1):
        return Outcome(
            "error",
            error=text_of(answer, "error", 80),
            message=text_of(answer, "message", READABLE),
            line=text_of(answer, "line", 200),
            printed=printed,
        )
    if kind == "timeout":
        codes.append("question-timeout")
        return Outcome("timeout", printed=printed)
    if kind == "signature":
        parameters = text_of(answer, "message", READABLE)
        accepts = _accept(
            parameters, count if function.driver is None else len(function.parameters)
        )
        if parameters.startswith("(") and not accepts:
            return Outcome("signature", message="" if accepts is None else parameters)
    codes.append("wrote-nothing-readable")
    return Outcome("value", Foreign("object", "what it sent could not be read"))


def _accept(parameters: str, count: int) -> bool | None:
    """Whether a function with these parameters can be called with so many; None if unknown.

    A process that says that a call does not fit, and names parameters that it does fit, is not
    to be believed. A default such as ``<object>`` is no Python: then nothing is known.
    """
    tree = tree_of(f"def f{parameters}: pass") if parameters.isprintable() else None
    body = tree.body if tree is not None else []
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or len(body[0].body) != 1:
        return None
    names = body[0].args
    places = len(names.posonlyargs) + len(names.args)
    enough = places - len(names.defaults) <= count
    room = names.vararg is not None or count <= places
    return enough and room and None not in names.kw_defaults


def text_of(answer: dict[str, Any], name: str, most: int) -> str:
    """Return the beginning of a text in an answer; empty where there is none, or no text."""
    text = answer.get(name)
    return text[:most] if type(text) is str else ""


def noticed(answer: dict[str, Any]) -> list[str]:
    """Return what it says to have noticed, if we know it: another text may have an input in it."""
    found = answer.get("noticed")
    said = {text for text in found if type(text) is str} if type(found) is list else set()
    return [text for text in TEXTS if text in said]


def lost(exercise: Question, text: str) -> Verdict:
    """Return the verdict on a question that could not be checked."""
    part = PartResult(exercise.title, "wrong", 0.0, exercise.points, text)
    return Verdict(exercise.id, exercise.title, (part,))
