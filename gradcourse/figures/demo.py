"""A demo: typed knobs and one plain function from their values to a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradcourse import stills
from gradcourse.figures.plot import Bundle, Picture, Plot
from gradcourse.support import GradcourseError, has_widgets, nearest

if TYPE_CHECKING:
    from gradcourse.figures.live import LivePlot


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

    def __post_init__(self) -> None:
        if not (self.low < self.high and self.step > 0 and self.low <= self.start <= self.high):
            raise GradcourseError(
                f"Knob {self.name!r}: low {self.low}, start {self.start}, high {self.high}, "
                f"step {self.step}; expected low ≤ start ≤ high, low < high and a positive step."
            )

    @property
    def count(self) -> int:
        """How many positions the slider has."""
        return math.floor((self.high - self.low) / self.step + 1e-6) + 1

    def position(self, index: int) -> float:
        """Return the slider's position number ``index``, from 0, in the units of ``low``."""
        return round(self.low + index * self.step, 10)

    def value(self, position: float) -> float:
        """Return the real value at a slider position: 10**position when the knob is log."""
        real = 10.0**position if self.log else float(position)
        return round(real) if self.integer else real

    def accept(self, value: Any) -> float:
        """Return a real value as `Demo.draw` takes it.

        Raises
        ------
        GradcourseError
            If it is no finite number, lies outside the slider's ends, or is not whole where the
            knob is an integer.
        """
        try:
            real = float(value)
        except (TypeError, ValueError):
            real = math.nan
        low, high = self.value(self.low), self.value(self.high)
        slack = 1e-9 * max(abs(low), abs(high))
        if not low - slack <= real <= high + slack:
            raise GradcourseError(
                f"Knob {self.name!r} was given {value!r}; expected a number from {low:g} to "
                f"{high:g}."
            )
        if self.integer and real != round(real):
            raise GradcourseError(
                f"Knob {self.name!r} was given {value!r}; expected a whole number."
            )
        return round(real) if self.integer else min(max(real, low), high)


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
    click : (str, str), optional
        Names of the knobs that a click on a `Picture` sets: the one along x, the one along y.
    rest : callable, optional
        As ``draw``, for what is too slow to follow a hand: it draws the same figure with more on
        it, in about a second, and is called when the knobs have come to rest. It is called again
        with the same values when the page changes, so it should remember what was slow.
    """

    id: str
    title: str
    knobs: tuple[Knob, ...]
    draw: Callable[..., Plot | Picture]
    linked: bool = False
    click: tuple[str, str] | None = None
    rest: Callable[..., Plot | Picture] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "knobs", tuple(self.knobs))
        if self.linked and len(self.knobs) != 1:
            raise GradcourseError(
                f"Demo {self.id!r} is linked and has {len(self.knobs)} knobs; frames sent ahead "
                "need exactly one."
            )
        if self.linked and self.rest is not None:
            raise GradcourseError(
                f"Demo {self.id!r} is linked: its frames are sent ahead, so it needs no rest."
            )
        if self.click is not None:
            self._check_click(self.click)

    def _check_click(self, names: tuple[str, str]) -> None:
        linear = [knob.name for knob in self.knobs if not knob.log]
        if len(names) != 2 or names[0] == names[1] or not set(names) <= set(linear):
            raise GradcourseError(
                f"Demo {self.id!r}: click is {names!r}; expected the names of two different "
                f"knobs that are not log: {', '.join(linear)}."
            )

    def values(self, **values: float) -> dict[str, float]:
        """Return all knob values, checked; a knob not named stays at its start.

        Raises
        ------
        GradcourseError
            If a name is unknown or a value lies outside its knob's range.
        """
        known = {knob.name: knob for knob in self.knobs}
        for name in values:
            if name not in known:
                near = nearest(name, known, most=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise GradcourseError(
                    f"Demo {self.id!r} has no knob {name!r}; it has {', '.join(known)}.{hint}"
                )
        return {
            name: knob.accept(values.get(name, knob.value(knob.start)))
            for name, knob in known.items()
        }

    def frame(self, **values: float) -> Plot | Picture:
        """Return the figure at these knob values; a knob not named stays at its start.

        Parameters
        ----------
        **values : float
            Real values: a log knob takes the value itself, not its log10.

        Raises
        ------
        GradcourseError
            If a name is unknown or a value lies outside its knob's range.
        """
        return self.draw(**self.values(**values))

    def rested(self, **values: float) -> Plot | Picture:
        """Return the figure that is seen when the knobs have come to rest at these values.

        Parameters and errors as for `frame`, which it equals where the demo has no ``rest``.
        """
        return (self.rest or self.draw)(**self.values(**values))

    def widget(self, start: Mapping[str, float] | None = None) -> LivePlot:
        """Return the live figure; its trait ``knobs`` holds the real value of each knob.

        Parameters
        ----------
        start : mapping, optional
            Real values to begin with; a knob not named stays at its own start.
        """
        from gradcourse.figures.live import live

        return live(self, self.values(**(start or {})))

    def show(self) -> None:
        """Display the live figure here; without a notebook, print what it would show."""
        from IPython.display import display

        display(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        """Give the first frame with alternative text, and the widget where one can run."""
        data, metadata = self.rested()._repr_mimebundle_()
        data["text/html"] += stills.GO_ON  # shown where no widget is
        if not has_widgets():
            return data, metadata
        try:
            widget = self.widget()
        except ImportError:  # without anywidget the picture alone must do
            return data, metadata
        bundle: Any = widget._repr_mimebundle_()
        view = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**(view or {}), **data}, stills.mark(metadata, widget.model_id)

    def __repr__(self) -> str:
        return f"Demo({self.id!r}: {', '.join(knob.name for knob in self.knobs)})"
