"""What a verdict says of where its answer comes from, and when it warns."""

from __future__ import annotations

import pytest

from gradcourse.checking.judged import CellRun, Page, accounted, lasting, named
from gradcourse.checking.verdict import PartResult, Verdict

GIVEN = "def mean_log(factors):\n    raise NotImplementedError()"
RIGHT = "def mean_log(factors):\n    return np.mean(np.log(factors))"
BROKEN = "def mean_log(factors):\n    return np.mean(np.log(factors)"
OTHER = "def mean_lag(factors):\n    return 0.0"


def told(exercise, *runs: CellRun, open_: bool = False, **page) -> Verdict:
    status = "unanswered" if open_ else "wrong"
    verdict = Verdict(exercise.id, "Title", (PartResult("all", status, 0.0, 1.0, "Wrong."),))
    return accounted(verdict, exercise, Page(runs, **{"now": 1000.0, **page}))


def run(source: str, number: int, failed: str = "", when: float | None = 990.0) -> CellRun:
    return CellRun(source, f"cell [{number}]", failed, when)


def test_a_verdict_says_which_name_from_which_cell_and_when(exercise) -> None:
    verdict = told(exercise, run(GIVEN, 1), run(RIGHT, 4, when=820.0), run("x = 1", 5))
    assert verdict.judged == "`mean_log` from cell [4], run 3 min ago"
    assert verdict.warnings == ()
    assert "  judged: `mean_log` from cell [4]" in repr(verdict)
    assert "Judged: " in verdict._repr_html_()
    assert Verdict.from_dict(verdict.to_dict()) == verdict


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (1000.0, "just now"),
        (1000.0 - 59 * 60, "59 min ago"),
        (1000.0 - 7200, "2 h ago"),
        (1000.0 - 3 * 86400, "3 days ago"),
        (None, "cell [4]"),
    ],
)
def test_the_time_is_told_in_words(exercise, when, words) -> None:
    judged = told(exercise, run(RIGHT, 4, when=when)).judged
    assert judged.endswith(words)
    assert lasting(f"{judged}; `b` from cell [5], run just now") == (
        "`mean_log` from cell [4]; `b` from cell [5]"
    )


def test_a_later_run_that_failed_is_warned_of(exercise) -> None:
    failed = run(BROKEN, 6, "SyntaxError: '(' was never closed (line 2)")
    verdict = told(exercise, run(RIGHT, 4), failed)
    assert verdict.judged.startswith("`mean_log` from cell [4]")
    (warning,) = verdict.warnings
    assert "failed (SyntaxError" in warning
    assert "the earlier version, from cell [4]" in warning
    assert repr(verdict).splitlines()[1] == f"  ! {warning}"
    assert warning in verdict.message


def test_a_cell_that_failed_behind_the_definition_gave_it_all_the_same(exercise) -> None:
    late = run(f"{RIGHT}\n1 / 0", 6, "ZeroDivisionError: division by zero (line 3)")
    verdict = told(exercise, run(GIVEN, 4), late)
    assert verdict.judged.startswith("`mean_log` from cell [6]")
    assert verdict.warnings == ()


def test_a_cell_that_was_changed_or_never_run_is_warned_of(exercise) -> None:
    changed = told(exercise, run(RIGHT, 4), shown=["x = 1", f"{RIGHT} + 1"])
    assert "was changed after it ran" in changed.warnings[0]
    typed = told(exercise, run(GIVEN, 4), open_=True, shown=[RIGHT])
    assert "was changed after it ran" in typed.warnings[0]
    assert typed.judged == ""
    new = told(exercise, run("x = 1", 4), open_=True, shown=[RIGHT])
    assert "has not been run yet" in new.warnings[0]
    for same in (RIGHT, RIGHT.replace("\n", "  \n") + "\n\n"):
        assert told(exercise, run(RIGHT, 4), shown=[same]).warnings == ()


def test_a_name_that_is_nearly_the_one_is_warned_of(exercise) -> None:
    verdict = told(exercise, run(RIGHT, 4), run(OTHER, 6))
    assert verdict.warnings == (
        "Cell [6] defines `mean_lag`: is `mean_log` meant? This verdict is about `mean_log` from "
        "cell [4].",
    )
    verdict = told(exercise, run(GIVEN, 4), run(OTHER, 6), open_=True)
    assert "asked for is `mean_log`: is it misspelt?" in verdict.warnings[0]
    for harmless in ("def helper(x):\n    return x", "mean = 3\nlog = 4", "print(mean_log)"):
        assert told(exercise, run(RIGHT, 4), run(harmless, 6)).warnings == ()


def test_a_name_that_another_question_asks_for_is_no_slip(exercise) -> None:
    assert told(exercise, run(OTHER, 6), open_=True, others={"mean_lag"}).warnings == ()


def test_an_older_name_that_looks_alike_is_no_slip(exercise) -> None:
    assert told(exercise, run(OTHER, 1), run(RIGHT, 4), run(f"{OTHER} + 1", 6)).warnings == ()


def test_a_function_comes_from_the_cell_whose_text_it_has(exercise) -> None:
    runs = run(RIGHT, 4), run(GIVEN, 5)
    verdict = told(exercise, *runs, texts={"mean_log": f"{RIGHT}\n"})
    assert verdict.judged.startswith("`mean_log` from cell [4]")


def test_several_names_of_one_cell_are_told_together(tuning) -> None:
    verdict = told(tuning, run("my_gain = 1\nmy_depth = 2", 3))
    assert verdict.judged == "`my_gain` and `my_depth` from cell [3], run just now"
    verdict = told(tuning, run("my_gain = 1\nmy_depth = 2", 3), shown=["my_gain = my_depth = 5"])
    assert len(verdict.warnings) == 1
    assert "`my_gain` and `my_depth`" in verdict.warnings[0]


def test_the_names_that_a_cell_gives() -> None:
    source = (
        "a, (b, *c) = 1, (2, 3)\nfor d in a:\n    e: int = 1\ndef f(x):\n    y = 1\nclass G: pass"
    )
    assert set(named(source)) == set("abcdefG")
    assert named("%%time\nh = 1\ndef k(x):\n    z = (") == {"h": 0, "k": 0}
    assert named("[m for m in x]\nlambda n: n") == {}


def test_nothing_is_said_where_nothing_is_known(exercise) -> None:
    verdict = told(exercise)
    assert (verdict.judged, verdict.warnings) == ("", ())
