"""The source format: what is read, and what each broken rule says."""

from __future__ import annotations

import jupytext
import pytest
from authoring_course import EXERCISE, LESSON

from gradcourse.authoring import parse_source
from gradcourse.support import GradcourseError


def parse(course, folder, text):
    path = course / "source" / folder / "01_products.py"
    path.write_text(text, encoding="utf-8")
    return parse_source(course, path)


def test_cells_carry_their_options_and_their_lines(course):
    source = parse(course, "lessons", LESSON)
    cell = next(cell for cell in source.cells if cell.name == "measure-chain")
    assert cell.kind == "code"
    assert cell.tags == ("fragment", "nbval-check-output")
    lines = LESSON.split("\n")
    assert lines[cell.line - 1].startswith('# %% name="measure-chain"')
    assert [lines[number - 1] for number in cell.lines] == cell.text.split("\n")


@pytest.mark.parametrize(("folder", "text"), [("lessons", LESSON), ("exercises", EXERCISE)])
def test_jupytext_reads_the_same_cells(course, folder, text):
    ours = parse(course, folder, text).cells
    theirs = jupytext.reads(text, fmt="py:percent").cells
    assert [(c.kind, c.text) for c in ours] == [(c.cell_type, c.source) for c in theirs]
    assert [c.name for c in ours] == [c.metadata.get("name", "") for c in theirs]
    assert [list(c.tags) for c in ours] == [c.metadata.get("tags", []) for c in theirs]
    assert [c.answer for c in ours] == [c.metadata.get("answer", "") for c in theirs]


TITLE = "# %% [markdown]\n# # Title\n\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("# ---\n# jupyter: 1\n# ---\n" + TITLE, 1, "text before the first cell marker"),
        ("", 1, "the first cell is markdown"),
        ('# %% name="a"\nx = 1\n', 1, "the first cell is markdown"),
        (TITLE + "# %%\nx = 1\n", 4, "a code cell needs a name"),
        (TITLE + '# %% name="A b"\nx = 1\n', 4, "the name 'A b'"),
        (TITLE + '# %% name="a"\nx = 1\n# %% name="a"\ny = 2\n', 6, "taken by line 4"),
        (TITLE + '# %% name="a" tags=["slides"]\nx = 1\n', 4, "unknown tag 'slides'"),
        (TITLE + '# %% name="a" tags=["slide", "skip"]\nx = 1\n', 4, "one slide tag at most"),
        (TITLE + '# %% name="a" tags="slide"\nx = 1\n', 4, "cannot read tags="),
        (TITLE + '# %% name="a" collapsed="yes"\nx = 1\n', 4, "a marker has no 'collapsed'"),
        (TITLE + '# %% name="a" hello\nx = 1\n', 4, "cannot read 'hello'"),
        (TITLE + '# %% name="a"\nx = 1\nif x\n', 6, "SyntaxError"),
        (TITLE + '# %% name="a"\n\n\n', 4, "an empty cell"),
        (TITLE + "# %% [markdown]\n#Hello\n", 5, "starts with '# '"),
        (TITLE + '# %% [markdown] tags=["notes"]\n# Ask first.\n', 5, "speaker notes start"),
        (TITLE + '# %% name="a" tags=["notes"]\nx = 1\n', 4, "speaker notes are markdown"),
        (TITLE + '# %% name="a" answer="chain/depth"\nx = 1\n', 4, "belong on code cells of ex"),
    ],
)
def test_a_broken_rule_names_file_and_line(course, text, line, said):
    with pytest.raises(GradcourseError) as caught:
        parse(course, "lessons", text)
    assert str(caught.value).startswith(f"source/lessons/01_products.py:{line}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('# %% check="chain/depth"\ngc.panel("chain/depth")\n', "", "no cell check="),
        ('name="depth" answer="chain/depth"', 'name="depth"', "no cell answer="),
        ('answer="chain/both"', 'answer="chain/depth"', "stands on 2 cells"),
        ('gc.score("01")', 'gc.score("02")', 'is gc.score("01")'),
        (' tags=["nbval-check-output"]', "", "tagged"),
        ('# %% name="imports"', '# %% name="imports" tags=["slide"]', "exercises have no slides"),
    ],
)
def test_an_exercise_pairs_answers_with_checks_and_ends_in_the_score(course, old, new, said):
    assert old in EXERCISE
    with pytest.raises(GradcourseError, match=r"source/exercises/01_products.py:\d+: ") as caught:
        parse(course, "exercises", EXERCISE.replace(old, new))
    assert said in str(caught.value)


def test_a_file_needs_its_number(course):
    path = course / "source/lessons/products.py"
    path.write_text(LESSON)
    with pytest.raises(GradcourseError, match="rename it"):
        parse_source(course, path)
