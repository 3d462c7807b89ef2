"""What lesson 10 asks is what is stored."""

from __future__ import annotations

import pytest

from gradcourse.exercises import get
from gradcourse.experiments.diagnosis import tally
from gradcourse.experiments.measurements import stored


def test_the_bets_are_on_the_stored_networks() -> None:
    sign = tally(stored("signs").rows)["‖g‖ > 1 always"]
    assert get("diagnosis/hits").measure() == pytest.approx(100 * sign.sensitivity)
    assert get("diagnosis/alarms").measure() == pytest.approx(100 * sign.false_alarms)
