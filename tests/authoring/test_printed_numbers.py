"""Numbers with a tolerance: read, compared, held against what was measured, and run by nbval."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from gradcourse.authoring import build, printed_numbers
from gradcourse.authoring.printed_numbers import Range, disagreement, parse_tolerance
from gradcourse.support import GradcourseError, spread

ROOT = Path(__file__).parents[2]
STORED = """\
tanh, before: median 0.93, 0.89 to 0.96
tanh, after:  median 0.002, 0.001 to 0.004
decades lost: −12.5
verdict: fails
"""
STATED = [
    parse_tolerance("tanh, before: 0.02 0.05 0.05"),
    parse_tolerance("tanh, after: 50%"),
    parse_tolerance("decades lost: 0.3"),
]


def test_a_tolerance_is_read():
    tolerance = parse_tolerance("error: test, 5 steps: 0.02 0 5% 1e-3")
    assert tolerance.line == "error: test, 5 steps"
    assert [size.around(2.0) for size in tolerance.sizes] == [0.02, 0.0, 0.1, 1e-3]
    assert tolerance.size(4).around(2.0) == 0


@pytest.mark.parametrize("entry", ["0.02", "a:", ": 0.02", "a: b", "a: -0.1", "verdict: 0.1"])
def test_what_is_no_tolerance_is_refused(entry):
    with pytest.raises(GradcourseError, match="tolerance"):
        parse_tolerance(entry)


@pytest.mark.parametrize(
    "printed",
    [
        STORED,
        STORED.replace("0.93", "0.95").replace("0.89", "0.85"),
        STORED.replace("median 0.002", "median 0.003"),
        STORED.replace("−12.5", "−12.8"),
        STORED.replace("tanh, after:  median", "tanh, after:   median"),
    ],
)
def test_numbers_within_their_tolerance_agree(printed):
    assert disagreement(STORED, printed, STATED) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.93", "0.96", "0.96 lies farther than 0.02"),
        ("median 0.002", "median 0.004", "0.004 lies farther than 0.001"),
        ("0.001 to", "0.002 to", "0.002 lies farther than 0 "),
        ("−12.5", "−12.9", "−12.9 lies farther than 0.3"),
        ("−12.5", "12.5", "12.5 lies farther"),
        ("0.93", "nan", "words"),
        ("median 0.93", "mean 0.93", "words"),
        ("fails", "holds", "without a tolerance"),
        ("decades lost", "decades won", "begins otherwise"),
        ("verdict: fails\n", "", "3 lines"),
    ],
)
def test_what_is_farther_and_every_other_word_disagrees(old, new, said):
    assert said in disagreement(STORED, STORED.replace(old, new, 1), STATED)


def test_a_number_is_no_part_of_a_word_and_an_exponent_none_of_a_power():
    line = "h_50 after 2 steps: 3.1e-05, 10^−5, 1e10, W2, 0.5^15, −0.25"
    assert printed_numbers.numbers_after(line, "h_50 after") == ["2", "3.1e-05", "1e10", "−0.25"]


@pytest.mark.parametrize(
    ("printed", "unit"), [("0.93", 0.01), ("12", 1), ("3.1e-05", 1e-6), ("−1.250", 1e-3)]
)
def test_a_printed_number_is_known_to_a_unit_of_its_last_digit(printed, unit):
    assert printed_numbers.unit(printed) == pytest.approx(unit)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("0.02", "smaller than its range 0.03"),
        ("0.03", ""),
        ("0.09", ""),
        ("0.1", "more than three times"),
        ("10%", "more than three times"),
        ("5%", ""),
        ("0", "is exact, and ranged"),
    ],
)
def test_a_tolerance_lies_between_the_range_and_three_times_it(stated, said):
    size = parse_tolerance(f"a: {stated}").sizes[0]
    wrong = printed_numbers.held_against("0.93", size, Range(0.91, 0.94, 10))
    assert said in wrong
    assert bool(said) == bool(wrong)


def test_no_range_is_smaller_than_what_is_printed():
    for stated, fits in (("0.01", True), ("0.03", True), ("0.005", False), ("0.04", False)):
        size = parse_tolerance(f"a: {stated}").sizes[0]
        wrong = printed_numbers.held_against("0.93", size, Range(0.93, 0.93, 10))
        assert (wrong == "") == fits


def test_a_stored_number_outside_of_what_was_measured_is_stale():
    size = parse_tolerance("a: 0.02").sizes[0]
    assert "measure again" in printed_numbers.held_against("0.99", size, Range(0.93, 0.94, 10))


def test_ranges_are_taken_over_runs_and_only_if_the_words_are_the_same():
    texts = [STORED, STORED.replace("0.93", "0.91"), STORED.replace("0.93", "0.94")]
    rows = printed_numbers.measured("lessons/01_x", "cell", texts, STATED)
    assert rows["lessons/01_x", "cell", "tanh, before", 1] == Range(0.91, 0.94, 3)
    assert len(rows) == 5
    with pytest.raises(GradcourseError, match="other words"):
        printed_numbers.measured(
            "lessons/01_x", "cell", [*texts, STORED.replace("0.93", "nan")], STATED
        )


def test_a_table_is_written_and_read(tmp_path):
    table = {("lessons/01_x", "cell", "a, b", 1): Range(-0.1, 1e-30, 10)}
    printed_numbers.write_table(tmp_path / "none" / "yet", table)
    assert printed_numbers.read_table(tmp_path / "none" / "yet") == table
    assert printed_numbers.read_table(tmp_path) == {}
    path = tmp_path / "none" / "yet" / printed_numbers.TABLE
    path.write_text(path.read_text().replace("1e-30", "much"))
    with pytest.raises(GradcourseError, match=r"numbers\.csv:2: cannot read"):
        printed_numbers.read_table(tmp_path / "none" / "yet")


def test_a_spread_is_a_median_and_a_range():
    assert spread([0.91, 0.96, 0.89]) == "median 0.91, 0.89 to 0.96"
    assert spread((-1, -3), ".1f") == "median -2.0, -3.0 to -1.0"
    for values, said in (([1.0], "two"), ([True, False], "True"), ([1.0, float("nan")], "finite")):
        with pytest.raises(GradcourseError, match=said):
            spread(values)


# ---------------------------------------------------------------- in a build

LESSON = """\
# %% [markdown]
# # Shares

# %% name="measure" {options}
print("share: median {number}, 0.89 to 0.96")
print("verdict: holds")
"""
ROWS = {
    ("lessons/01_shares", "01-measure", "share", place): Range(value - 0.01, value + 0.01, 10)
    for place, value in ((1, 0.93), (2, 0.89), (3, 0.96))
}


def course(tmp_path, options='tolerance=["share: 0.04 0.04 0.04"]', number="0.93", rows=ROWS):
    path = tmp_path / "source" / "lessons" / "01_shares.py"
    path.parent.mkdir(parents=True)
    path.write_text(LESSON.format(options=options, number=number))
    printed_numbers.write_table(tmp_path, rows)
    return tmp_path


def test_a_build_carries_the_tolerance_into_the_notebook(tmp_path):
    assert build(course(tmp_path)).failures == ()
    cell = nbformat.read(tmp_path / "lessons" / "01_shares.ipynb", as_version=4).cells[1]
    assert cell.metadata["gradcourse"] == {"tolerance": ["share: 0.04 0.04 0.04"]}


def test_a_tolerance_that_was_not_measured_fails_the_build(tmp_path):
    (failure,) = build(course(tmp_path, rows={})).failures
    assert failure.startswith('source/lessons/01_shares.py:4 (cell "measure")')
    assert "no row in source/numbers.csv" in failure


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('tolerance=["share 0.04"]', "cannot read the tolerance"),
        ('tolerance=["verdict: 0.04"]', "compared exactly"),
        ('tolerance=["share: 0.04", "share: 0.04"]', "two tolerances"),
        ("tolerance=[]", "expected tolerance="),
        ('tags=["nbval-check-output"] tolerance=["share: 0.04"]', "not both"),
    ],
)
def test_a_marker_that_states_no_tolerance_names_its_line(tmp_path, options, said):
    (failure,) = build(course(tmp_path, options)).failures
    assert failure.startswith("source/lessons/01_shares.py:4: ")
    assert said in failure


@pytest.mark.parametrize(
    ("entry", "printed", "said"),
    [
        ("share: 0.04 0.04 0.04", "share: median 0.93, 0.89 to 0.96", ""),
        ("share: 0.07", "share: median 0.93, 0.89 to 0.96", "more than three times"),
        ("share: 0.01", "share: median 0.93, 0.89 to 0.96", "smaller than its range"),
        ("shares: 0.04", "share: median 0.93, 0.89 to 0.96", "0 printed lines"),
        ("share: 0.04", "share: 0.93\nshare: 0.93", "2 printed lines"),
        ("share: 0.04 0.04 0.04 1", "share: median 0.93, 0.89 to 0.96", "3 numbers follow"),
        ("share: 0.04", "share: median 0.99, 0.89 to 0.96", "measure again"),
    ],
)
def test_a_stored_cell_is_held_against_the_table(entry, printed, said):
    cell = nbformat.v4.new_code_cell("", id="01-measure")
    cell.metadata["gradcourse"] = {"tolerance": [entry]}
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)]
    found = printed_numbers.of_cell("lessons/01_shares", cell, ROWS)
    assert said in "".join(found)
    assert bool(found) == bool(said)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Built with 0.93; four notebooks in which the cell now prints another number."""
    root = course(tmp_path_factory.mktemp("checked"))
    assert build(root).failures == ()
    built = root / "lessons" / "01_shares.ipynb"
    for name, old, new in (
        ("near", "0.93", "0.96"),
        ("far", "0.93", "0.98"),
        ("verdict", "holds", "fails"),
        ("low", "0.89", "0.80"),
    ):
        node = nbformat.read(built, as_version=4)
        node.cells[1].source = node.cells[1].source.replace(old, new)
        nbformat.write(node, built.with_stem(name))
    return built.parent


def run(target, *options):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    root = target if target.is_dir() else target.parent
    command += ["-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(root), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(target)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    failed = {
        Path(line.split("::")[0].removeprefix("FAILED ")).stem
        for line in done.stdout.splitlines()
        if line.startswith("FAILED")
    }
    return failed, done.stdout


def test_nbval_fails_when_a_number_leaves_its_tolerance_or_a_verdict_turns(checked):
    failed, said = run(checked, "-p", "tests.nbval_numbers")
    assert failed == {"far", "verdict", "low"}
    assert "0.98 lies farther than 0.04 from the stored 0.93" in said
    # Plain nbval compares no such cell.
    assert "1 passed" in run(checked / "far.ipynb")[1]
