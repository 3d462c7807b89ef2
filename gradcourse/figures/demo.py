"""A demo: typed knobs and one plain function from their values to a figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gradcourse.figures.plot import Picture, Plot


@dataclass(frozen=True)
class Knob:
    """One slider.

    Attributes
    ----------
    name : str
        The keyword that `Demo.draw` takes.
    label : str
        What the learner reads beside the slider, with the unit.
    low, high, step, start : float
        Ends, step and first value. With ``log=True`` they are those of log10 of the value.
    integer : bool
        Whether the value is passed as an int.
    """

    name: str
    label: str
    low: float
    high: float
    step: float
    start: float
    log: bool = False
    integer: bool = False


@dataclass(frozen=True)
class Demo:
    """A live figure.

    Attributes
    ----------
    id : str
        "chain/scalar-product".
    title : str
        Heading of the widget.
    knobs : tuple of Knob
        One or two.
    draw : callable
        ``draw(**knobs) -> Plot | Picture``; deterministic, no state.
    linked : bool
        False: the kernel computes each frame when a knob moves (for answers in under 20 ms).
        True: every frame is computed once, with a progress bar, and the knob picks a frame in
        the browser (one knob only). Works in a page without a kernel.
    """

    id: str
    title: str
    knobs: tuple[Knob, ...]
    draw: Callable[..., Plot | Picture]
    linked: bool = False

    def frame(self, **values: float) -> Plot | Picture:
        """Return the figure at these knob values; a knob not named stays at its start."""
        raise NotImplementedError
