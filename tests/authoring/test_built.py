"""The stored notebooks of the course: equal to their sources, and nothing in them by accident."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import nbformat
import pytest

from gradcourse.authoring import expected, out_of_date, printed_numbers, sources
from gradcourse.authoring.kept import answers_digest, difference
from gradcourse.authoring.outputs import MOST_BYTES, alt_text, machine_paths, pictures, texts
from gradcourse.authoring.regions import BEGIN_HIDDEN, BEGIN_SOLUTION
from gradcourse.figures.wire import FIGURE

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("lessons", "exercises", "solutions")
    for path in (ROOT / folder).glob("[0-9][0-9]_*.ipynb")
)
EXERCISES = [path.stem for path in sources(ROOT) if path.parent.name == "exercises"]


def read(path):
    return nbformat.read(ROOT / path, as_version=nbformat.NO_CONVERT)


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_there_is_a_course():
    assert sources(ROOT)
    assert NOTEBOOKS


@pytest.mark.parametrize("path", sources(ROOT), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_stored_notebook_equals_its_source(path):
    differing = [difference(ROOT, draft) for draft in expected(ROOT, path)]
    assert [line for line in differing if line] == [], "run: make notebooks"


def test_nothing_is_left_of_removed_sources():
    assert [line for line in out_of_date(ROOT) if line.endswith("its source is gone")] == []


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_stored_notebook_is_valid_and_small(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert (ROOT / path).stat().st_size < MOST_BYTES
    assert set(notebook.metadata) == {"kernelspec", "language_info", "gradcourse"}


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_no_sentence_opens_a_list_where_it_wraps(path):
    """Markdown makes a list of a line of a paragraph that begins with "1. " or "- "."""
    opened = []
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"\$\$.*?\$\$", "", cell.source, flags=re.DOTALL)
            opened += re.findall(r"^\w.*\n(?:1[.)]|[-+*]) .*$", text, flags=re.MULTILINE)
    assert [lines for lines in opened if not re.match(r"\d+[.)] ", lines)] == []


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_stored_notebook_ran_from_top_to_bottom(path):
    notebook = read(path)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert [output for output in outputs(notebook) if output.output_type == "error"] == []


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_tolerance_was_measured_and_fits(path):
    notebook, table = read(path), printed_numbers.read_table(ROOT)
    key = printed_numbers.source_key(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [wrong for cell in code for wrong in printed_numbers.of_cell(key, cell, table)] == []


def test_no_measured_range_is_left_of_removed_cells():
    stated = {
        (printed_numbers.source_key(notebook), cell.id, tolerance.line)
        for notebook in map(read, NOTEBOOKS)
        for cell in notebook.cells
        for tolerance in printed_numbers.stated(cell)
    }
    assert {key[:3] for key in printed_numbers.read_table(ROOT)} <= stated


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_stored_picture_has_alt_text(path):
    for output in outputs(read(path)):
        for mime in pictures(output):
            assert alt_text(output, mime)
        if FIGURE in output.get("data", {}):  # said where JupyterLab and nbconvert read it
            said = output.data["text/plain"]
            if said.startswith("Emergency room"):
                assert 'alt="The loss over ' in output.data["text/html"]
            else:
                # Each picture of a row says its own part of the sentence.
                alts = re.findall(r'<img [^>]*? alt="([^"]*)"', output.data["text/html"])
                assert " ".join(map(html.unescape, alts)) == said


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_no_widget_and_no_path_of_a_machine_is_stored(path):
    notebook = read(path)
    text = json.dumps(notebook)
    assert "vnd.jupyter.widget" not in text
    for said in texts(outputs(notebook)):
        assert machine_paths(ROOT, said) == []
        assert "/home/" not in said


@pytest.mark.parametrize("stem", EXERCISES)
def test_an_exercise_differs_from_its_solution_only_where_it_should(stem):
    learner, teacher = (read(f"{folder}/{stem}.ipynb") for folder in ("exercises", "solutions"))
    assert len(learner.cells) == len(teacher.cells)
    for mine, theirs in zip(learner.cells, teacher.cells, strict=True):
        assert (mine.id, mine.cell_type, mine.metadata) == (
            theirs.id,
            theirs.cell_type,
            theirs.metadata,
        )
        grading = mine.metadata.get("nbgrader", {})
        if grading.get("solution"):
            assert BEGIN_SOLUTION in theirs.source
            assert BEGIN_SOLUTION not in mine.source
        elif grading.get("grade"):
            assert theirs.source.startswith(f"{mine.source}\n{BEGIN_HIDDEN}\n")
        else:
            assert mine.source == theirs.source
    ours = dict(learner.metadata.gradcourse)
    assert ours.pop("untouched") == answers_digest(learner.cells)
    assert ours == teacher.metadata.gradcourse


@pytest.mark.parametrize("stem", EXERCISES)
def test_an_untouched_exercise_scores_nothing_and_a_solution_everything(stem):
    total = {}
    for folder in ("exercises", "solutions"):
        notebook = read(f"{folder}/{stem}.ipynb")
        score = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
        said = "\n".join(texts(score.outputs))
        graded = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
        total[folder] = (said, sum(m.get("points", 0) for m in graded))
    points = f"{total['exercises'][1]:g}"
    assert f"0 of {points} points" in total["exercises"][0]
    assert f"{points} of {points} points" in total["solutions"][0]
