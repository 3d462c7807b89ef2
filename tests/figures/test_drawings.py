"""Drawings and named points: told in words, drawn in the course's colours, names apart."""

from __future__ import annotations

import base64
import re

import pytest

from gradcourse.experiments.diagnosis import QUESTIONS, triage_tree
from gradcourse.experiments.recurrent_figures import unrolled_drawing
from gradcourse.experiments.saturation import unit_drawing
from gradcourse.figures.drawing import Arrow, Box, Drawing
from gradcourse.figures.scatter import Point, Scatter
from gradcourse.figures.style import THEMES


def test_a_drawing_is_a_picture_with_its_words() -> None:
    drawing = Drawing(
        3.0, 2.0, (Box(1.0, 1.0, 1.0, 0.5, "here"),), (Arrow((1, 1), (2, 1)),), "One box."
    )
    data, metadata = drawing._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == data["text/plain"] == drawing.alt == "One box."
    assert (metadata["image/png"]["width"], metadata["image/png"]["height"]) == (300, 200)
    assert drawing.to_png() == drawing.to_png()


def test_a_drawing_is_dark_on_a_dark_page() -> None:
    data, _ = triage_tree()._repr_mimebundle_()
    svg = base64.b64decode(data["text/html"].partition("base64,")[2].partition('"')[0]).decode()
    sheet, _, painted = svg.partition("</style>")
    for theme in THEMES.values():
        assert theme.background in sheet
        assert theme.text in sheet
    assert not re.search("#[0-9a-f]{6}", painted.replace("url(#", ""))  # every colour has two


def test_the_triage_tree_says_all_its_questions() -> None:
    tree = triage_tree()
    for question, look, _ in QUESTIONS:
        assert " ".join(question.split()) in tree.alt
        assert look in tree.alt


def test_no_words_of_the_triage_tree_leave_their_box() -> None:
    figure = triage_tree().to_matplotlib()
    axes = figure.axes[0]
    figure.canvas.draw()
    places = {text.get_text(): text.get_window_extent() for text in axes.texts if text.get_text()}
    for box in triage_tree().boxes:
        words = places[box.text]
        corners = axes.transData.transform(
            [
                (box.x - box.width / 2, box.y + box.height / 2),
                (box.x + box.width / 2, box.y - box.height / 2),
            ]
        )
        assert words.x0 >= corners[0][0], box.text
        assert words.x1 <= corners[1][0], box.text
        assert words.y0 >= corners[0][1] - 1, box.text


@pytest.mark.parametrize("drawing", [unit_drawing(), unrolled_drawing()])
def test_no_words_leave_their_box(drawing) -> None:
    figure = drawing.to_matplotlib()
    figure.canvas.draw()
    axes = figure.axes[0]
    words = axes.texts[-len(drawing.boxes) :]
    for box, text in zip(drawing.boxes, words, strict=True):
        extent = text.get_window_extent()
        left, top = axes.transData.transform((box.x - box.width / 2, box.y - box.height / 2))
        right, foot = axes.transData.transform((box.x + box.width / 2, box.y + box.height / 2))
        assert text.get_text() == box.text
        assert left <= extent.x0 <= extent.x1 <= right, box.text
        assert foot <= extent.y0 <= extent.y1 <= top, box.text


def test_points_are_named_and_no_name_lies_on_another_or_on_a_point() -> None:
    crowd = ((0, 12, "a name"), (1, 13, "another"), (0, 16, "a third"), (60, 13, "far away"),
             (30, 31, "on the way"), (24, 21, "below it"), (76, 50, "at the end"))  # fmt: skip
    points = (*(Point(*one) for one in crowd), Point(12, 12), Point(66, 13))
    scatter = Scatter("T", "x", "y", points, (-3.0, 80.0, -3.0, 100.0), diagonal="a coin")
    assert all(f"{name} at" in scatter.alt for _, _, name in crowd)
    assert scatter.to_png() == scatter.to_png()
    figure = scatter.to_matplotlib()
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() != "a coin"]
    assert len(boxes) == len(crowd)
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])
        assert not any(box.contains(*axes.transData.transform((p.x, p.y))) for p in points)
        assert axes.bbox.x0 <= box.x0 <= box.x1 <= axes.bbox.x1


@pytest.mark.parametrize("figure", [triage_tree()])
def test_it_is_saved_as_svg(figure, tmp_path) -> None:
    figure.save(tmp_path / "tree.svg")
    assert (tmp_path / "tree.svg").read_text().startswith("<?xml")
