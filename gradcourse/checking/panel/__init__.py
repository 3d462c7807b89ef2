"""The face of one exercise in a notebook: buttons, hints, a status that says what was found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from gradcourse import stills
from gradcourse.checking.progress import Progress
from gradcourse.checking.question import (
    Choice,
    CodeExercise,
    Played,
    Prediction,
    Question,
    Tuning,
)
from gradcourse.support import has_kernel, has_widgets

if TYPE_CHECKING:
    from gradcourse.checking.panel.base import Panel

Namespace = Callable[[], Mapping[str, Any]]
"""Gives the notebook's names as they are now; asked again at each press."""


def show_panel(
    exercise: Question,
    namespace: Namespace,
    *,
    solution: str = "",
    progress: Progress | None = None,
    others: Collection[str] = (),
) -> None:
    """Check the notebook's answer, and show the panel with the result.

    Where there is no notebook, the result is printed instead.

    Parameters
    ----------
    exercise : Question
        What is asked.
    namespace : callable
        Takes nothing, returns the names of the notebook as they are now.
    solution : str
        The notebook that holds the solution; the last hint names it.
    progress : Progress, optional
        Where attempts are kept; by default the user's own file.
    others : collection of str
        The names that the notebook's other questions ask for.
    """
    panel = make_panel(exercise, namespace, solution=solution, progress=progress, others=others)
    if not has_kernel():
        print(panel.first)
        return
    from IPython.display import display

    panel.shown = True
    panel.remember()
    data, metadata = panel.bundle()
    if not has_widgets():
        data.pop(stills.VIEW, None)
    display(data, metadata=metadata, raw=True)


def make_panel(
    exercise: Question,
    namespace: Namespace,
    *,
    solution: str = "",
    progress: Progress | None = None,
    others: Collection[str] = (),
) -> Panel:
    """Build the panel without showing it."""
    from gradcourse.checking.panel.base import Panel
    from gradcourse.checking.panel.commit import ChoicePanel, PredictionPanel
    from gradcourse.checking.panel.tune import TunePanel

    kinds: dict[type[Question], type[Panel]] = {
        CodeExercise: Panel,
        Prediction: PredictionPanel,
        Choice: ChoicePanel,
        Tuning: TunePanel,
        Played: Panel,
    }
    kept = progress or Progress.default()
    return kinds[type(exercise)](exercise, namespace, kept, solution, others)
