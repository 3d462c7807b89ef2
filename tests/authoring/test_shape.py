"""Core and deeper steps, and the minutes that are computed from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from authoring_course import LESSON

from gradcourse.authoring import expected_cells, parse_source
from gradcourse.authoring.shape import COLLAPSED, goes_deeper, minutes
from gradcourse.lessons import LESSONS
from gradcourse.support import GradcourseError

ROOT = Path(__file__).parents[2]
SHAPED = [row for row in LESSONS if row.number >= "01"]
"""Lessons of the second edition: core and deeper, minutes computed."""

DEEPER = """
# %% [markdown] name="more" tags=["slide", "deeper"]
# ## Deeper · More of it
#
# One sentence says what is in there.

# %% [markdown] name="inside"
# ### Inside
#
# Words.

# %% name="run-inside"
print(1)

# %% [markdown] name="after"
# ## After
"""


def written(course, text):
    path = course / "source" / "lessons" / "01_products.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_deeper_step_ends_at_the_next_heading_of_its_level(course):
    cells = parse_source(course, written(course, LESSON + DEEPER)).cells
    deep = [cell.name for cell, flag in zip(cells, goes_deeper(cells), strict=True) if flag]
    assert deep == ["more", "inside", "run-inside"]


def test_a_deeper_step_is_folded_in_the_notebook(course, registry):
    path = written(course, LESSON + DEEPER)
    cells = expected_cells(course, path, registry)["lessons/01_products.ipynb"]
    folded = [cell.id for cell in cells if cell.metadata.get(COLLAPSED)]
    assert folded == ["01-more"]
    opening = next(cell for cell in cells if cell.id == "01-more")
    assert opening.metadata.tags == ["deeper"]  # what pages on the web fold by


@pytest.mark.parametrize(
    "opening",
    [
        "# ### Deeper · too low\n#\n# One sentence.",
        "# ## Deeper · no sentence",
        "# ## Deeper · two\n#\n# One sentence. Another sentence.",
        "# ## Deeper · long\n#\n# " + "word " * 60 + "end.",
    ],
)
def test_a_deeper_step_opens_with_a_heading_and_one_sentence(course, opening):
    text = f'{LESSON}\n# %% [markdown] tags=["deeper"]\n{opening}\n'
    with pytest.raises(GradcourseError, match="deeper step"):
        parse_source(course, written(course, text))


def test_minutes_count_words_lines_equations_predictions_and_demos(course):
    words = " ".join(["word"] * 198)
    text = f"""# %% [markdown]
# # Title
#
# {words}

# %% [markdown]
# $$a = b$$

# %% name="lines"
x = 1

y = 2

# %% name="ask"
gc.panel("a/b")

# %% name="show"
gc.demo("a/b")

# %% [markdown] tags=["notes"]
# **Speaker notes** · 4 min
#
# {words}

# %% [markdown]
# <details>
# <summary>answer</summary>
#
# {words}
#
# </details>

# %% [markdown]
# ## Sources
#
# {words}
"""
    found = minutes(parse_source(course, written(course, text)).cells)
    raw = 1.0 + 45 / 60 + 8 / 60 + 1.5 + 2.0
    assert found.core == pytest.approx(1.5 * raw, rel=0.02)
    assert found.everything == pytest.approx(1.5 * (raw + 1.0), rel=0.02)


@pytest.mark.parametrize("row", SHAPED, ids=lambda row: row.number)
def test_a_lesson_promises_the_minutes_that_it_takes(row):
    path = (ROOT / "source" / row.notebook).with_suffix(".py")
    source = parse_source(ROOT, path)
    found = minutes(source.cells)
    assert found.core <= 45
    promised = source.cells[0].text.split("With the deeper steps ")[1].split(".")[0]
    assert abs(int(promised) - found.everything) <= 5
