"""Every colour can be seen on both backgrounds, and told from its neighbours without colour."""

from __future__ import annotations

import pytest

from gradcourse.figures.style import BAND_OPACITY, HUES, STROKES, THEMES, contrast


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", HUES)
def test_lines_stand_out_from_the_page(name: str, theme: str) -> None:
    assert contrast(HUES[name].on(theme), THEMES[theme].background) >= 3


def _band(theme: str) -> str:
    """The colour of a shaded band on its page."""
    over, under = THEMES[theme].band, THEMES[theme].background
    channels = ([int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in (over, under))
    mixed = (BAND_OPACITY * a + (1 - BAND_OPACITY) * b for a, b in zip(*channels, strict=True))
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", HUES)
def test_lines_stand_out_from_a_band(name: str, theme: str) -> None:
    assert contrast(HUES[name].on(theme), _band(theme)) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    colors = THEMES[theme]
    for page in (colors.background, _band(theme)):
        assert contrast(colors.text, page) >= 4.5
        assert contrast(colors.muted, page) >= 4.5


@pytest.mark.parametrize(
    "family",
    [
        ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu"),
        ("plain", "residual", "batch_norm", "layer_norm", "rms_norm", "transformer"),
        ("rnn", "lstm", "gru"),
        ("float16", "bfloat16", "float32", "float64"),
    ],
)
def test_no_two_of_a_family_share_a_colour(family: tuple[str, ...]) -> None:
    for theme in ("light", "dark"):
        assert len({HUES[name].on(theme) for name in family}) == len(family)


def test_every_colour_has_a_marker_of_its_own() -> None:
    hues = set(HUES.values())
    assert len(hues) == 11
    assert len({hue.marker.code for hue in hues}) == len({hue.marker.path for hue in hues}) == 11


def test_theory_is_painted_over_what_it_predicts() -> None:
    assert STROKES["reference"].order < STROKES["measured"].order < STROKES["theory"].order
    assert STROKES["theory"].dash
    assert not STROKES["measured"].dash
