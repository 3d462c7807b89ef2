"""What a learner types as a number: read as it is meant, or refused with the reason."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from gradcourse.checking.question import Prediction
from gradcourse.checking.show import number

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_POWER = re.compile(r"(?:(?P<factor>[^*x×·]+)[*x×·])?10(?:\^|\*\*)(?P<power>[+-]?\d+)")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


@dataclass(frozen=True)
class Reading:
    """A typed number.

    Attributes
    ----------
    value : float or None
        None where it is no answer.
    words : str
        What was understood, where that is not what was typed; or why it is refused.
    """

    value: float | None
    words: str = ""


def understand(text: str, exercise: Prediction) -> Reading:
    """Read a number as typed: ``1e-3``, ``0,001``, ``1/2``, ``10^-3``, ``5 %``.

    Examples
    --------
    >>> from gradcourse.exercises.start import FIRST_PREDICTION
    >>> understand("1/4", FIRST_PREDICTION)
    Reading(value=0.25, words='“1/4” is read as 0.25.')
    >>> understand("7", FIRST_PREDICTION).words
    'The scale ends at 1: 7 lies beyond it.'
    """
    typed = " ".join(text.split())
    if not typed:
        return Reading(None, "Give a number, or move the slider.")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", typed.replace(" ", "")):
        whole, _, rest = typed.partition(",")
        return Reading(
            None,
            f"“{typed}” may be {whole}.{rest} or {whole}{rest}: write it with a point, or without "
            "the comma.",
        )
    value = _value(typed.removesuffix("%") if exercise.unit == "%" else typed)
    if value is None:
        return Reading(None, f"“{typed}” is no number: write 0.001, 1e-3, 10^-3 or 1/1000.")
    refusal = _beyond(value, exercise)
    if refusal:
        return Reading(None, refusal)
    if _PLAIN.fullmatch(typed):
        return Reading(value)
    return Reading(value, f"“{typed}” is read as {number(value)}.")


def _beyond(value: float, exercise: Prediction) -> str:
    """Why a number is outside of what can be predicted; empty where it is not."""
    if not math.isfinite(value):
        return "Give a finite number."
    if exercise.log and value <= 0:
        return "Give a number above 0: the number itself, not its logarithm."
    if value < exercise.low:
        return f"The scale begins at {number(exercise.low)}: {number(value)} lies below it."
    if value > exercise.high:
        return f"The scale ends at {number(exercise.high)}: {number(value)} lies beyond it."
    return ""


def _value(typed: str) -> float | None:
    text = typed.replace("−", "-").replace(" ", "").replace("\u202f", "")
    text = re.sub(r"10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+)", lambda m: "10^" + m[1].translate(_RAISED), text)
    if text.endswith("%"):
        share = _value(text[:-1])
        return None if share is None else share / 100
    if text.count("/") == 1:
        above, below = (_value(part) for part in text.split("/"))
        return None if above is None or not below else above / below
    power = _POWER.fullmatch(text)
    if power:
        factor = _value(power["factor"]) if power["factor"] else 1.0
        return None if factor is None else _float(f"{factor!r}", int(power["power"]))
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    return float(text) if _PLAIN.fullmatch(text) else None


def _float(factor: str, power: int) -> float:
    mantissa, _, exponent = factor.partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + power}")
