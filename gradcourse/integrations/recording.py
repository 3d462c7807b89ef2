"""What the callbacks for all training loops share: their settings, and the record of a run."""

from __future__ import annotations

from typing import Any

from gradcourse.instrument import Record
from gradcourse.instrument.probe import Probe
from gradcourse.support import GradcourseError


class Recording:
    """Holds a probe's settings and, once a run has begun, its `Record`.

    A subclass says in ``unseen`` what to do when there was no run yet.
    """

    unseen = ""

    def __init__(
        self,
        level: str,
        every: int | None,
        histogram_every: int | None,
        post_mortem: bool,
        stop: bool,
    ) -> None:
        super().__init__()
        self._options: dict[str, Any] = {
            "level": level,
            "every": every,
            "histogram_every": histogram_every,
        }
        self._post_mortem = post_mortem
        self._stop = stop
        self._probe: Probe | None = None
        self._record: Record | None = None

    @property
    def record(self) -> Record:
        """What the probe measured."""
        if self._record is None:
            raise GradcourseError(self.unseen)
        return self._record
