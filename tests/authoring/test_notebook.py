"""What a source becomes before it runs: ids, solutions, hidden tests, metadata."""

from __future__ import annotations

import re

import jsonschema
import nbformat
import pytest
from authoring_course import EXERCISE, LESSON, QUESTIONS

from gradcourse.authoring import Registry, expected, expected_cells
from gradcourse.support import GradcourseError

# nbgrader's rules for one cell, written from its description of schema version 3.
NBGRADER = {
    "type": "object",
    "properties": {
        "schema_version": {"const": 3},
        "grade": {"type": "boolean"},
        "solution": {"type": "boolean"},
        "locked": {"type": "boolean"},
        "task": {"type": "boolean"},
        "grade_id": {"type": "string", "pattern": r"^[a-zA-Z0-9_\-]+$"},
        "points": {"type": "number", "minimum": 0},
        "cell_type": {"enum": ["raw", "code", "markdown"]},
    },
    "required": ["schema_version", "grade", "solution", "locked", "grade_id"],
    "additionalProperties": False,
}


def plan(course, folder, text, registry):
    path = course / "source" / folder / "01_products.py"
    path.write_text(text, encoding="utf-8")
    return expected_cells(course, path, registry)


def by_id(cells):
    return {cell.id: cell for cell in cells}


def test_ids_stay_when_a_neighbour_changes(course, registry):
    before = plan(course, "lessons", LESSON, registry)["lessons/01_products.ipynb"]
    changed = LESSON.replace("Look at the number.", "Look at it.").replace(
        '# %% name="measure-chain"', '# %% [markdown]\n# A bridge.\n\n# %% name="measure-chain"'
    )
    after = plan(course, "lessons", changed, registry)["lessons/01_products.ipynb"]
    ids = [cell.id for cell in after]
    assert len(ids) == len(before) + 1
    assert [identity for identity in ids if identity in by_id(before)] == [c.id for c in before]


def test_equal_unnamed_cells_get_ids_of_their_own(course, registry):
    twice = LESSON + "\n# %% [markdown]\n# And now?\n" * 2
    cells = plan(course, "lessons", twice, registry)["lessons/01_products.ipynb"]
    assert len({cell.id for cell in cells}) == len(cells)


def test_ids_obey_nbformat(course, registry):
    for folder, text in (("lessons", LESSON), ("exercises", EXERCISE)):
        for cells in plan(course, folder, text, registry).values():
            assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell.id) for cell in cells)
            notebook = nbformat.v4.new_notebook(cells=cells)
            nbformat.validate(notebook)


def test_slides_follow_headings_and_tags(course, registry):
    cells = plan(course, "lessons", LESSON, registry)["lessons/01_products.ipynb"]
    slides = [cell.metadata["slideshow"]["slide_type"] for cell in cells]
    assert slides == ["slide", "-", "notes", "slide", "fragment", "subslide", "-", "-"]
    assert cells[2].source.startswith(
        "<details>\n<summary><strong>Speaker notes</strong> · 4 min</summary>\n\n"
    )
    assert cells[2].source.endswith("\n\n</details>")
    assert cells[4].metadata["tags"] == ["nbval-check-output"]
    assert "tags" not in cells[2].metadata


def test_continue_keeps_a_heading_on_the_slide_before(course, registry):
    text = LESSON.replace(
        "# %% [markdown]\n# ### Why", '# %% [markdown] tags=["continue"]\n# ### Why'
    )
    cells = plan(course, "lessons", text, registry)["lessons/01_products.ipynb"]
    why = next(cell for cell in cells if cell.source.startswith("### Why"))
    assert why.metadata["slideshow"]["slide_type"] == "-"


def test_solutions_are_cleared_with_their_indentation(course, registry):
    plans = plan(course, "exercises", EXERCISE, registry)
    learner = by_id(plans["exercises/01_products.ipynb"])
    assert learner["01-depth"].source == "depth = None\n# YOUR ANSWER HERE"
    assert learner["01-both"].source == (
        "def forward(factors):\n"
        '    """Multiply."""\n'
        "    # YOUR CODE HERE\n"
        "    raise NotImplementedError()\n"
        "\n\n"
        "def backward(factors):\n"
        "    if not factors:\n"
        "        # YOUR CODE HERE\n"
        "        raise NotImplementedError()\n"
        "    return [forward(factors[:i] + factors[i + 1 :]) for i in range(len(factors))]"
    )
    teacher = by_id(plans["solutions/01_products.ipynb"])
    assert teacher["01-depth"].source.count("SOLUTION") == 2
    assert "product *= factor" in teacher["01-both"].source


def test_hidden_tests_are_in_the_solution_only(course, registry):
    plans = plan(course, "exercises", EXERCISE, registry)
    learner = by_id(plans["exercises/01_products.ipynb"])
    teacher = by_id(plans["solutions/01_products.ipynb"])
    assert learner["01-check-chain-both"].source == 'gc.panel("chain/both")'
    assert teacher["01-check-chain-both"].source == (
        'gc.panel("chain/both")\n'
        "### BEGIN HIDDEN TESTS\n"
        'gc.check("chain/both", forward=forward, backward=backward).earned\n'
        "### END HIDDEN TESTS"
    )
    assert 'gc.check("chain/depth", depth).earned' in teacher["01-check-chain-depth"].source


def test_nbgrader_metadata_obeys_its_schema(course, registry):
    for cells in plan(course, "exercises", EXERCISE, registry).values():
        grading = [
            (cell, cell.metadata["nbgrader"]) for cell in cells if "nbgrader" in cell.metadata
        ]
        for cell, metadata in grading:
            jsonschema.validate(metadata, NBGRADER)
            assert metadata["cell_type"] == cell.cell_type
            assert ("points" in metadata) == metadata["grade"]
            # A markdown cell may not be a grade cell alone, nor a solution alone.
            assert cell.cell_type == "code" or metadata["grade"] == metadata["solution"]
            assert not (metadata["solution"] and metadata["locked"])
        ids = [metadata["grade_id"] for _, metadata in grading]
        assert len(set(ids)) == len(ids)
        points = {m["grade_id"]: m["points"] for _, m in grading if m["grade"]}
        assert points == {"chain-depth": 2.0, "chain-both": 3.0}
        assert {m["grade_id"] for _, m in grading if m["solution"]} == {
            "chain-depth-answer",
            "chain-both-answer",
        }
        assert all(m["locked"] for cell, m in grading if cell.cell_type == "markdown")


def test_notebook_metadata_is_minimal(course, registry):
    for name in ("lessons", "exercises"):
        for draft in expected(course, course / f"source/{name}/01_products.py", registry):
            metadata = dict(draft.node.metadata)
            ours = dict(metadata.pop("gradcourse"))
            assert metadata == {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            }
            assert ours.pop("source") == f"source/{name}/01_products.py"
            assert ours.pop("assignment", "01") == "01"
            assert set(ours) <= {"untouched"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("depth = 75\n### END SOLUTION\n", "depth = 75\n", "without"),
        ("### BEGIN SOLUTION\ndepth = 75", "### END SOLUTION\ndepth = 75", "without its partner"),
        ("depth = None\n### BEGIN", "### BEGIN", "does not define 'depth'"),
        ("### BEGIN SOLUTION\ndepth = 75\n### END SOLUTION\n", "depth = 75\n", "needs ### BEGIN"),
        ("import sys\n", "import sys\n\n### BEGIN SOLUTION\n", "outside an answer cell"),
        ('gc.panel("chain/depth")', 'gc.panel("chain/deep")', "holds exactly"),
        ('gc.panel("chain/depth")', "### BEGIN HIDDEN TESTS", "the build writes"),
        ("chain/depth", "chain/deep", "has no cell here"),
        ("Two questions,", "Seven questions,", "'Seven questions, 5 points'; the notebook has 2"),
        ("questions, 5 points", "questions, 6 points", "2 questions, 5 points"),
        ("all two at once", "all seven at once", "says 'all seven at once'"),
        ("## 1 · How deep? (2", "## 1 · How deep? (3", "question 1, and earns 2 points"),
        ("## 2 · Two", "## 3 · Two", "it is question 2, and earns 3 points"),
    ],
)
def test_a_broken_exercise_names_its_place(course, registry, old, new, said):
    assert old in EXERCISE
    with pytest.raises(GradcourseError, match=r"^source/exercises/01_products.py:\d+: ") as caught:
        plan(course, "exercises", EXERCISE.replace(old, new), registry)
    assert said in str(caught.value)


def test_a_question_of_another_assignment_is_refused(course):
    registry = Registry(QUESTIONS.__getitem__, lambda number: ("chain/depth",))
    with pytest.raises(GradcourseError, match="'chain/both' is not in assignment 01"):
        plan(course, "exercises", EXERCISE, registry)


def test_an_unknown_exercise_is_named(course):
    registry = Registry({}.__getitem__, lambda number: tuple(QUESTIONS))
    with pytest.raises(GradcourseError, match="no such exercise: 'chain/depth'"):
        plan(course, "exercises", EXERCISE, registry)
