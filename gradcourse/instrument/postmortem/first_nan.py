"""What a post-mortem found, as text, HTML and numbers."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any, Literal

from gradcourse.markup import items
from gradcourse.support import GradcourseError

Direction = Literal["forward", "backward", "parameter", "input", "unknown"]

LOSS = "loss function"
"""The name of everything that is computed outside the model."""


@dataclass(frozen=True, repr=False, eq=False)
class PostMortem:
    """Where the first NaN or Inf of a training run came from.

    Attributes
    ----------
    direction : {"forward", "backward", "parameter", "input", "unknown"}
        - "forward": ``op`` in ``module`` got finite numbers and gave NaN or Inf
        - "backward": the forward pass was finite; ``op`` in ``module`` got a finite gradient of
          its output and gave a gradient of its input with NaN or Inf
        - "parameter": ``parameter`` (or buffer) was not finite before the forward pass
        - "input": ``input`` was not finite
        - "unknown": the replay was finite, or impossible; ``note`` says why
    module : str
        Name of the innermost module, as in ``model.named_modules()``; the class name for the
        model itself; "loss function" outside the model.
    kind : str
        The module's class.
    op : str
        The operation: "sqrt", "div", "softmax", …
    source : str
        "file:line: code" of the call in your code; empty when only modules of torch ran.
    step : int or None
        Number of updates made before; the first step is 0.
    loss : float or None
        The loss of that step, where known.
    parameter, input : str
        The offending parameter or input, empty if it is none.
    affected : tuple of str
        Parameters whose gradient held NaN or Inf.
    evidence : dict of str to number or tuple of numbers
        What was measured at that place.
    advice : tuple of str
        What to do, the most likely remedy first.
    note : str
        What limits this finding, if anything.
    is_buffer : bool
        Whether ``parameter`` names a buffer.
    """

    direction: Direction
    module: str
    kind: str = ""
    op: str = ""
    source: str = ""
    step: int | None = None
    loss: float | None = None
    parameter: str = ""
    input: str = ""
    affected: tuple[str, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    note: str = ""
    is_buffer: bool = False

    @property
    def title(self) -> str:
        """One line: when, where, what."""
        when = "" if self.step is None else f"step {self.step}: "
        if self.direction == "parameter":
            what = "buffer" if self.is_buffer else "parameter"
            return f"{when}{what} {self.parameter!r} is not finite"
        if self.direction == "input":
            return f"{when}{self.input} is not finite"
        if self.direction == "unknown":
            return f"{when}NaN or Inf, not reproduced by the replay"
        return f"{when}{self.direction} pass, {self.op} in {self._place()}"

    def _place(self) -> str:
        if self.module == LOSS:
            return "the loss function"
        return f"{self.module!r}" + (
            f" ({self.kind})" if self.kind not in ("", self.module) else ""
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """The rest: source, evidence, affected parameters, note."""
        lines = []
        if self.direction in ("parameter", "input") and self.module:
            lines.append(f"first used in {self._place()}" + (f" by {self.op}" if self.op else ""))
        if self.source:
            lines.append(f"at {self.source}")
        lines += [f"{name}: {_number(value)}" for name, value in self.evidence.items()]
        if self.loss is not None:
            lines.append(f"loss: {self.loss:.3g}")
        if self.affected:
            shown = ", ".join(self.affected[:3]) + (", …" if len(self.affected) > 3 else "")
            lines.append(f"gradients with NaN or Inf: {len(self.affected)} ({shown})")
        if self.note:
            lines.append(self.note)
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for a log or a file."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {
            "affected": list(self.affected),
            "advice": list(self.advice),
            "evidence": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.evidence.items()
            },
        }

    def __repr__(self) -> str:
        body = [f"  {line}" for line in self.lines] + [f"  → {line}" for line in self.advice]
        return "\n".join([f"Post-mortem, {self.title}", *body])

    def _repr_html_(self) -> str:
        todo = f"<p>What to do:</p><ol>{items(self.advice)}</ol>" if self.advice else ""
        title = f"<strong>Post-mortem, {html.escape(self.title)}</strong>"
        return f"<p>{title}</p><ul>{items(self.lines)}</ul>{todo}"


class NonFiniteError(GradcourseError):
    """Raised at the first NaN or Inf of a watched run; ``post_mortem`` says where it came from."""

    def __init__(self, post_mortem: PostMortem) -> None:
        super().__init__(str(post_mortem))
        self.post_mortem = post_mortem

    def __reduce__(self) -> tuple[Any, ...]:
        return NonFiniteError, (self.post_mortem,)


def _number(value: Any) -> str:
    if isinstance(value, tuple):
        shown = ", ".join(_number(v) for v in value[:6])
        return shown + (", …" if len(value) > 6 else "")
    if isinstance(value, float):
        return f"{value + 0.0:.3g}"
    return str(value)
