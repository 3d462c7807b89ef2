"""An answer against its exercise: the engine, the verdict, the panel, the learner's progress."""

from gradcourse.checking.call import Caller, Outcome, call_here
from gradcourse.checking.engine import LIMIT, check
from gradcourse.checking.exercise import (
    Arguments,
    Choice,
    CodeExercise,
    Driver,
    Exercise,
    Function,
    MakeCases,
    Misconception,
    NamedValue,
    Option,
    Part,
    Prediction,
    Tuning,
)
from gradcourse.checking.verdict import PartResult, Verdict

__all__ = [
    "LIMIT",
    "Arguments",
    "Caller",
    "Choice",
    "CodeExercise",
    "Driver",
    "Exercise",
    "Function",
    "MakeCases",
    "Misconception",
    "NamedValue",
    "Option",
    "Outcome",
    "Part",
    "PartResult",
    "Prediction",
    "Tuning",
    "Verdict",
    "call_here",
    "check",
]
