"""The emergency room as a question: three charts of one shift, replayed and measured again."""

from __future__ import annotations

from gradcourse.checking.question import NamedValue, Played, Replayed
from gradcourse.support import GradcourseError

PATIENTS = (1, 2, 3)


def _replay(lines):
    from gradcourse.emergency import read_chart

    charts = [read_chart(line) for line in lines]
    if len({chart.shift for chart in charts}) > 1:
        raise GradcourseError("The charts are of different shifts: hand in three of one shift.")
    if tuple(chart.patient for chart in charts) != PATIENTS:
        raise GradcourseError("Hand in the charts of patients 1, 2 and 3, in this order.")
    return [_replayed(chart) for chart in charts]


def _replayed(chart):
    from gradcourse.emergency import report

    found = report(chart)
    said = (
        f"{found.score} points. On the test rows {found.before:.2f} → {found.after:.2f}, "
        f"with the known cure {found.best:.2f}{found.tries}. {found.story}"
    )
    return Replayed(found.share, said, _slip(chart, found))


def _slip(chart, found):
    from gradcourse.emergency.score import FULL

    if chart.kind.healthy:
        return "a healthy one treated" if chart.given else ""
    if not chart.given:
        return "a sick one sent home"
    if found.wrong:
        return "a treatment that was not needed"
    alone = found.score < FULL <= found.score + found.spent
    return "too many examinations" if alone else ""


RIGHT = (
    "4.1: ?gradient by layer; =vanishing; +normalize",
    "4.2: ?outputs; =head; +free the head",
    "4.3: ?updates; =healthy",
)


def _with(number, line):
    return [line if k == number else right for k, right in enumerate(RIGHT)]


EMERGENCY_ROOM = Played(
    id="diagnosis/emergency-room",
    title="The emergency room",
    answer="charts",
    lines=tuple(f"patient {number}" for number in PATIENTS),
    replay=_replay,
    reference=lambda: list(RIGHT),
    points=3.0,
    misconceptions=(
        NamedValue(
            "a healthy one treated",
            _with(2, "4.3: =exploding; +clip"),
            "Nothing was wrong. A sign that looks ill needs a second one beside it.",
        ),
        NamedValue(
            "a sick one sent home",
            _with(0, "4.1: ?first loss; =healthy"),
            "It does no better than a guess, and it could.",
        ),
        NamedValue(
            "a treatment that was not needed",
            _with(1, "4.2: =step too large; +clip; =head; +free the head"),
            "Without it the network does as well.",
        ),
        NamedValue(
            "too many examinations",
            _with(
                0,
                "4.1: ?first loss; ?outputs; ?who trains; ?rows; ?updates; ?norm over time; "
                "?units; ?modes; ?one batch; ?gradient by layer; =vanishing; +normalize",
            ),
            "Ask first what costs least and tells most.",
        ),
    ),
    hints=(
        "Begin with what is cheap: the first loss, the outputs, who trains.",
        "Name a cause only when two measurements agree, and leave alone what does well.",
        "A treatment that changes nothing costs 25 points: take the one that your last measurement "
        "asks for.",
    ),
)
