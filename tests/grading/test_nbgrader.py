"""The real nbgrader takes the course's notebooks: it makes the release, and grades it.

Two assignments go the whole way, which takes nbgrader a minute. Every other goes through
nbgrader's own preprocessors in this process, and has the marks by which the two were graded. New
notebooks are found by themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is in the dev extra", exc_type=ImportError)

# SQLAlchemy warns of nbgrader's own queries.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type")

ROOT = Path(__file__).parents[2]
SOLUTIONS = {path.name[:2]: path for path in sorted((ROOT / "solutions").glob("*.ipynb"))}
WHOLE_WAY = ("01", "02")
SOLVED = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


class Course:
    """A course directory of nbgrader's, and the commands run in it."""

    def __init__(self, root: Path) -> None:
        from nbgrader.apps import NbGraderAPI
        from nbgrader.coursedir import CourseDirectory
        from traitlets.config import Config

        config = Config()
        config.CourseDirectory.root = str(root)
        config.CourseDirectory.course_id = "gradcourse"
        self.root = root
        self.api = NbGraderAPI(CourseDirectory(config=config), config=config)

    def release(self, name: str) -> Path:
        """Make the release version of an assignment from its solution notebook."""
        made = self.root / "release" / name / SOLUTIONS[name].name
        if not made.exists():
            source = self.root / "source" / name
            source.mkdir(parents=True)
            shutil.copy(SOLUTIONS[name], source)
            self._succeed(self.api.generate_assignment(name))
        return made

    def grade(self, name: str, learner: str, notebook: Path) -> tuple[float, float]:
        """Submit a notebook, autograde it, and return the score and the most there is."""
        self.release(name)
        folder = self.root / "submitted" / learner / name
        folder.mkdir(parents=True)
        shutil.copy(notebook, folder)
        self._succeed(self.api.autograde(name, learner))
        with self.api.gradebook as gradebook:
            submission = gradebook.find_submission(name, learner)
            return submission.score, submission.max_score

    @staticmethod
    def _succeed(result: dict[str, Any]) -> None:
        assert result["success"], result.get("error") or result.get("log")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with pytest.MonkeyPatch.context() as patch:
        # nbgrader calls alembic, which lies beside the interpreter.
        bin = str(Path(sys.executable).parent)
        patch.setenv("PATH", os.pathsep.join([bin, os.environ.get("PATH", "")]))
        yield Course(tmp_path_factory.mktemp("nbgrader"))


def sources(path: Path) -> list[str]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells]


def possible(name: str) -> float:
    from gradcourse.exercises import assignment

    return sum(exercise.points for exercise in assignment(name))


def made_here(name: str) -> list[str]:
    """Return the sources of the release, as nbgrader's own steps make it."""
    import nbformat
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearSolutions,
        LockCells,
    )

    notebook = nbformat.read(SOLUTIONS[name], 4)
    for step in (CheckCellMetadata, LockCells, ClearSolutions, ClearHiddenTests):
        notebook, _ = step().preprocess(notebook, {})
    return [cell.source for cell in notebook.cells]


@pytest.mark.parametrize("name", WHOLE_WAY)
def test_the_release_is_made_by_these_steps(course: Course, name: str) -> None:
    assert sources(course.release(name)) == made_here(name)


@pytest.mark.parametrize("name", SOLUTIONS)
def test_the_release_leaks_no_solution(name: str) -> None:
    released = made_here(name)
    solved = sources(SOLUTIONS[name])
    assert len(released) == len(solved)
    regions = 0
    for ours, theirs in zip(solved, released, strict=True):
        for region in SOLVED.findall(ours):
            regions += 1
            secret = [line.strip() for line in region.splitlines() if re.search(r"\w", line)]
            assert secret
            assert not [line for line in secret if line in theirs]
    assert regions >= len(grade_cells(name))
    text = "\n".join(released)
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    assert ".earned" not in text


def grade_cells(name: str) -> dict[str, dict[str, Any]]:
    """Return the cells that nbgrader marks, by their ids; each id may be there once."""
    cells = json.loads(SOLUTIONS[name].read_text("utf-8"))["cells"]
    marked = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]
    found = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in marked}
    assert len(found) == len(marked)
    return found


@pytest.mark.parametrize("name", SOLUTIONS)
def test_the_release_is_the_exercise_notebook(name: str) -> None:
    """What `gradcourse build` wrote to exercises/ is what nbgrader makes, but for one stub.

    In the open of a cell nbgrader's stub raises and would stop Run All; ours does not.
    """
    raises = "# YOUR CODE HERE\nraise NotImplementedError()"
    theirs = [text.replace("\n" + raises, "\n# YOUR ANSWER HERE") for text in made_here(name)]
    assert sources(ROOT / "exercises" / SOLUTIONS[name].name) == theirs


@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_question_has_one_graded_cell_with_its_points(name: str) -> None:
    """A graded cell ends in the points earned, which is how nbgrader gives partial credit."""
    from gradcourse.exercises import assignment

    found = grade_cells(name)
    points = {id: cell["metadata"]["nbgrader"]["points"] for id, cell in found.items()}
    asked = {exercise.id.replace("/", "-"): exercise for exercise in assignment(name)}
    assert points == {id: exercise.points for id, exercise in asked.items()}
    for id, cell in found.items():
        lines = "".join(cell["source"]).splitlines()
        assert lines[-1] == "### END HIDDEN TESTS"
        assert lines[-2].startswith(f'gc.check("{asked[id].id}"')
        assert lines[-2].endswith(".earned")


@pytest.mark.some(2)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", WHOLE_WAY)
def test_autograde_gives_the_reference_solution_full_marks(course: Course, name: str) -> None:
    assert course.grade(name, "reference", SOLUTIONS[name]) == (possible(name), possible(name))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", WHOLE_WAY[:1])
def test_autograde_gives_the_untouched_release_nothing(course: Course, name: str) -> None:
    assert course.grade(name, "untouched", course.release(name)) == (0.0, possible(name))
