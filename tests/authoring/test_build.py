"""Building a course in a temporary folder, with real kernels."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from authoring_course import EXERCISE, LESSON

from gradcourse.authoring import build, expected, factory, out_of_date, run_build_command
from gradcourse.authoring.cache import CACHE
from gradcourse.authoring.execute import execute
from gradcourse.support import GradcourseError

TITLE = "# %% [markdown]\n# # Title\n\n"
ALL = ["exercises/01_products.ipynb", "lessons/01_products.ipynb", "solutions/01_products.ipynb"]


@pytest.fixture
def copy(built, tmp_path):
    """The built course, to be changed."""
    return shutil.copytree(built, tmp_path / "copy")


def notebook(root, path):
    return nbformat.read(root / path, as_version=nbformat.NO_CONVERT)


def snapshot(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in ("lessons", "exercises", "solutions")
        for path in (root / folder).glob("*")
    }


def lesson(course, body, extra=""):
    """Leave one lesson with one cell, and return what building it says."""
    (course / "source/exercises/01_products.py").unlink(missing_ok=True)
    text = TITLE + f'# %% name="cell"{extra}\n{body}\n'
    (course / "source/lessons/01_products.py").write_text(text, encoding="utf-8")
    return build(course)


def line_of(text, source=LESSON):
    return source.split("\n").index(text) + 1


def only_failure(report):
    assert len(report.failures) == 1
    return report.failures[0]


def test_builds_valid_notebooks_that_ran(built):
    assert sorted(snapshot(built)) == ALL
    for path in ALL:
        stored = notebook(built, path)
        nbformat.validate(stored)
        code = [cell for cell in stored.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        assert all("execution" not in cell.metadata for cell in stored.cells)


def test_an_untouched_exercise_runs_and_scores_nothing(built):
    learner, teacher = notebook(built, ALL[0]), notebook(built, ALL[2])
    assert learner.cells[-1].outputs[0].text == "0 of 5 points\n"
    assert teacher.cells[-1].outputs[0].text == "2 of 5 points\n"
    outputs = [output for cell in learner.cells for output in cell.get("outputs", [])]
    assert all(output.output_type != "error" for output in outputs)


def test_the_solutions_grade_cell_ends_in_the_points(built):
    cell = next(c for c in notebook(built, ALL[2]).cells if c.id == "01-check-chain-both")
    results = [o for o in cell.outputs if o.output_type == "execute_result"]
    assert [result.data["text/plain"] for result in results] == ["3.0"]


def test_outputs_keep_pictures_and_lose_widgets(built):
    cells = {cell.id: cell for cell in notebook(built, "lessons/01_products.ipynb").cells}
    (live,) = cells["01-live"].outputs
    assert sorted(live.data) == ["image/png", "text/plain"]
    assert live.metadata["image/png"]["alt"] == "a live dot at 3"
    (picture,) = cells["01-picture"].outputs
    assert picture.metadata["image/png"]["alt"] == "a single dot"
    (stream,) = cells["01-measure-chain"].outputs
    assert stream.text == "the product\n7.0e-46\n"


def test_a_second_build_does_nothing_and_a_third_gives_the_same_bytes(copy, registry):
    before = snapshot(copy)
    again = build(copy, registry=registry)
    assert again.built == ()
    assert len(again.up_to_date) == 2
    forced = build(copy, everything=True, registry=registry)
    assert sorted(forced.built) == ALL
    assert snapshot(copy) == before


def test_without_a_cache_equal_cells_are_up_to_date(copy, registry):
    (copy / CACHE).unlink()
    assert build(copy, registry=registry).built == ()
    assert len(json.loads((copy / CACHE).read_text())) == 2


def test_a_damaged_cache_counts_as_none(copy, registry):
    (copy / CACHE).write_text("{not json")
    assert build(copy, registry=registry).built == ()


def test_only_what_changed_is_built(course, registry):
    assert sorted(build(course, registry=registry).built) == ALL
    path = course / "source/lessons/01_products.py"
    path.write_text(LESSON.replace("0.25**75", "0.25**63"))
    marker = line_of('# %% name="measure-chain" tags=["fragment", "nbval-check-output"]')
    assert out_of_date(course, registry=registry) == (
        f"{ALL[1]}: another source in cell '01-measure-chain' (source line {marker})",
    )
    assert build(course, registry=registry).built == ("lessons/01_products.ipynb",)
    assert out_of_date(course, registry=registry) == ()
    (course / "gradcourse/part.py").write_text("VALUE = 2\n")
    assert build(course, only=["lessons/01"], registry=registry).built == (ALL[1],)
    assert sorted(build(course, registry=registry).built) == [ALL[0], ALL[2]]


def test_a_removed_source_takes_its_notebooks_along(course, registry):
    lesson(course, "print(1)")
    own = course / "lessons/mine.ipynb"
    own.write_text((course / ALL[1]).read_text())
    (course / "source/lessons/01_products.py").unlink()
    assert out_of_date(course) == ("lessons/01_products.ipynb: its source is gone",)
    assert build(course).removed == ("lessons/01_products.ipynb",)
    assert [path.name for path in (course / "lessons").iterdir()] == ["mine.ipynb"]


def test_a_learners_answers_are_not_overwritten(course, registry):
    build(course, only=["exercises/01"], registry=registry)
    path = course / ALL[0]
    answered = path.read_text().replace("depth = None", "depth = 75")
    path.write_text(answered)
    report = build(course, only=["exercises/01"], everything=True, registry=registry)
    failure = only_failure(report)
    assert "somebody has answered" in failure
    assert path.read_text() == answered


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("x = 1\n\ny = x / 0\nz = 2", 7, "ZeroDivisionError: division by zero"),
        ("def f(x):\n    return 1 / x\n\n\nf(0)", 6, "ZeroDivisionError: division by zero"),
        ("import json\n\njson.loads('{')\nx = 1", 7, "JSONDecodeError: "),
        (
            "class Shy:\n    def _repr_html_(self):\n        raise ValueError('no')\n\n\nShy()",
            7,
            "ValueError: no",
        ),
        ("import os\n\nos._exit(3)", 4, "the kernel died"),
    ],
)
def test_a_failing_cell_names_the_line_of_the_source(course, body, line, said):
    failure = only_failure(lesson(course, body))
    place = f'source/lessons/01_products.py:{line} (cell "cell"): '
    assert failure.startswith(place + said)
    assert not (course / ALL[1]).exists()


def test_an_endless_cell_is_stopped(course):
    path = course / "source/lessons/01_products.py"
    path.write_text(TITLE + '# %% name="cell"\nwhile True:\n    pass\n')
    (draft,) = expected(course, path)
    with pytest.raises(GradcourseError) as caught:
        asyncio.run(execute(course, draft, cell_seconds=1))
    assert str(caught.value) == (
        'source/lessons/01_products.py:4 (cell "cell"): ran longer than 1 s; make it shorter'
    )


@pytest.mark.parametrize(
    ("body", "extra", "said"),
    [
        ("import sys\n\nprint('oh', file=sys.stderr)", "", "writes to stderr: oh"),
        ("object()", "", "prints a memory address (at 0x"),
        ("from pathlib import Path\n\nPath.cwd()", "", "prints a path of this machine"),
        (
            'from IPython.display import display\n\ndisplay({"image/png": "AAAA"}, raw=True)',
            "",
            "image/png without alt text",
        ),
        ("print('x' * 1_000_001)", "", "would take 1,00"),
    ],
)
def test_what_must_not_be_stored_is_an_error(course, body, extra, said):
    failure = only_failure(lesson(course, body, extra))
    assert failure.startswith('source/lessons/01_products.py:4 (cell "cell"): ')
    assert said in failure
    assert not (course / ALL[1]).exists()


def test_a_tag_allows_stderr_and_a_plot_is_inline(course):
    body = (
        "import sys\n\nimport matplotlib.pyplot as plt\n\nprint('oh', file=sys.stderr)\n"
        "plt.plot([1, 2])\nplt.show()"
    )
    assert lesson(course, body, ' tags=["stderr"] alt="a rising line"').ok
    stream, picture = notebook(course, ALL[1]).cells[1].outputs
    assert stream.name == "stderr"
    assert picture.metadata["image/png"]["alt"] == "a rising line"


def test_the_kernel_is_this_interpreter_in_the_notebooks_folder(course):
    body = (
        "import os\nimport sys\nfrom pathlib import Path\n\n"
        f"assert sys.executable == {sys.executable!r}\n"
        f"assert Path.cwd() == Path({str(course / 'lessons')!r}).resolve()\n"
        "print(os.environ['OMP_NUM_THREADS'], os.environ['GRADCOURSE_PROGRESS'])\n"
        "assert not os.environ['IPYTHONDIR'].startswith(str(Path.home() / '.ipython'))"
    )
    assert lesson(course, body).failures == ()
    assert notebook(course, ALL[1]).cells[1].outputs[0].text == "1 off\n"


def test_an_exercise_is_written_whole_or_not_at_all(course, registry):
    build(course, registry=registry)
    before = snapshot(course)
    path = course / "source/exercises/01_products.py"
    path.write_text(EXERCISE.replace("depth = 75\n", "depth = 74 + 1 / 0\n"))
    failure = only_failure(build(course, registry=registry))
    line = line_of("depth = 75", EXERCISE)
    assert failure == (
        f'source/exercises/01_products.py:{line} (cell "depth" of solutions/01_products.ipynb): '
        "ZeroDivisionError: division by zero"
    )
    assert snapshot(course) == before


def test_a_full_disk_leaves_the_old_notebooks(copy, registry, monkeypatch):
    before = snapshot(copy)
    real = factory.write_atomically

    def full(path, content):
        if Path(path).parent.name == "solutions":
            raise OSError("no space left")
        real(path, content)

    (copy / "exercises/01_products.ipynb").write_text("{}")
    monkeypatch.setattr(factory, "write_atomically", full)
    with pytest.raises(OSError, match="no space"):
        build(copy, only=["exercises/01"], registry=registry)
    assert (copy / "exercises/01_products.ipynb").read_text() == "{}"
    monkeypatch.undo()
    build(copy, registry=registry)
    assert snapshot(copy) == before


def test_an_unknown_name_lists_what_there_is(course):
    with pytest.raises(GradcourseError, match=r"no source fits '07'.*01_products"):
        build(course, only=["07"])


@pytest.mark.parametrize(
    "word",
    ["01", "01_products", "lessons/01_products.ipynb", "source/lessons/01_products.py"],
)
def test_a_notebook_is_chosen_by_number_name_or_path(course, word):
    assert course / "source/lessons/01_products.py" in factory.select(course, [word])


def test_the_command_reports_and_exits(course, capsys):
    (course / "source/exercises/01_products.py").unlink()
    assert run_build_command(course, check=True) == 1
    assert "lessons/01_products.ipynb: not built yet" in capsys.readouterr().err
    assert run_build_command(course) == 0
    assert "1 notebook built" in capsys.readouterr().out
    assert run_build_command(course, check=True) == 0
    path = course / "source/lessons/01_products.py"
    path.write_text(LESSON.replace("0.25**75", "1 / 0"))
    assert run_build_command(course) == 1
    assert f"01_products.py:{line_of('product = 0.25**75')} " in capsys.readouterr().err


def test_built_notebooks_pass_under_nbval(copy):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=."]
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"]
    options += [f"--nbval-sanitize-with={Path(__file__).parents[1] / 'nbval_sanitize.cfg'}"]
    folders = ["lessons", "exercises", "solutions"]
    result = subprocess.run([*command, *options, *folders], cwd=copy, capture_output=True)
    assert result.returncode == 0, result.stdout.decode()
    path = copy / "lessons/01_products.ipynb"
    path.write_text(path.read_text().replace("7.0e-46", "7.1e-46"))
    result = subprocess.run([*command, *options, "lessons"], cwd=copy, capture_output=True)
    assert result.returncode == 1
    assert b"Cell outputs differ" in result.stdout
