"""The emergency room: a game over real training, in a cell, in a widget, and graded."""

from gradcourse.emergency.chart import Chart, Event, read_chart
from gradcourse.emergency.examinations import EXAMINATIONS, Examination
from gradcourse.emergency.room import EmergencyRoom, emergency_room
from gradcourse.emergency.score import Report, report

__all__ = [
    "EXAMINATIONS",
    "Chart",
    "EmergencyRoom",
    "Event",
    "Examination",
    "Report",
    "emergency_room",
    "read_chart",
    "report",
]
