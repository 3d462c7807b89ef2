"""What single demos must show, beside the rules that hold for all of them."""

from __future__ import annotations

import numpy as np
import pytest

from gradcourse import theory
from gradcourse.demos import demo
from gradcourse.experiments import lstm
from gradcourse.experiments.recurrent import one_step


def test_the_tangent_touches_the_curve_with_its_slope() -> None:
    lines = {line.label: line for line in demo("saturation/tangent").frame(z=1.0).lines}
    tangent = lines["tangent of σ"]
    drawn = ~np.isnan(tangent.y)
    slope = np.polyfit(tangent.x[drawn], tangent.y[drawn], 1)[0]
    assert slope == pytest.approx(float(theory.slope("sigmoid", 1.0)))


def test_the_histogram_of_a_layer_adds_up_to_100_per_cent() -> None:
    values = np.asarray(demo("saturation/gradient-histogram").frame(gain=1.0).values)
    assert np.nansum(values, axis=1) == pytest.approx(100.0, abs=0.1)


def test_the_weight_change_is_drawn_ahead() -> None:
    assert demo("saturation/weight-change").linked


def test_the_scaled_network_keeps_its_zeros() -> None:
    for factor in (0.01, 0.1, 1.0):
        title = demo("relu/same-zeros").frame(factor=factor).title
        assert "75% zeros. Layer 4 dead: 75% zeros" in title


def test_the_arrow_of_the_cliff_ends_where_one_step_lands_or_at_the_frame() -> None:
    for w, b in ((1.5, 0.1), (1.5, 0.2), (0.6, 0.0)):
        arrow = demo("recurrent/cliff").frame(w=w, b=b).lines[-1]
        to = one_step(w, b)
        inside = 0.5 <= to[0] <= 2 and -0.5 <= to[1] <= 1
        if inside:
            assert (arrow.x[-1], arrow.y[-1]) == pytest.approx(to)
        assert 0.5 - 1e-9 <= arrow.x[-1] <= 2 + 1e-9
        assert -0.5 - 1e-9 <= arrow.y[-1] <= 1 + 1e-9


def test_the_training_shows_what_the_lesson_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lstm, "UPDATES", 40)
    lstm.trained_by_lag.cache_clear()
    start, early = (demo("lstm/training").frame(updates=updates) for updates in (0, 40))
    lstm.trained_by_lag.cache_clear()
    assert max(line.y[-1] for line in start.lines) < 1e-10
    left = {line.color: line.y[-1] for line in early.lines}
    assert left["gru"] > 1e-4 > 1e-8 > max(left["rnn"], left["lstm"])
