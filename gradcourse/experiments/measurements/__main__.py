"""``python -m gradcourse.experiments.measurements [NAME …]``: measure, and store."""

from __future__ import annotations

import sys

from gradcourse.experiments.measurements import MEASUREMENTS, measure

if __name__ == "__main__":
    for make in MEASUREMENTS:
        wanted = make()
        if not sys.argv[1:] or wanted.name in sys.argv[1:]:
            measure(wanted)
