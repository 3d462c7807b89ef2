"""An answer against its exercise: the engine, the verdict, the panel, the learner's progress."""

from gradcourse.checking.call import Caller, Outcome, call_here
from gradcourse.checking.engine import LIMIT, check
from gradcourse.checking.question import (
    Arguments,
    Choice,
    CodeExercise,
    Commitment,
    Driver,
    Function,
    MakeCases,
    Misconception,
    NamedValue,
    Option,
    Part,
    Prediction,
    Question,
    Tuning,
    asks,
)
from gradcourse.checking.verdict import PartResult, Verdict

__all__ = [
    "LIMIT",
    "Arguments",
    "Caller",
    "Choice",
    "CodeExercise",
    "Commitment",
    "Driver",
    "Function",
    "MakeCases",
    "Misconception",
    "NamedValue",
    "Option",
    "Outcome",
    "Part",
    "PartResult",
    "Prediction",
    "Question",
    "Tuning",
    "Verdict",
    "asks",
    "call_here",
    "check",
]
