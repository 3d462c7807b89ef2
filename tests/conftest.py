"""Every test runs with one thread and without touching anybody's progress file."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GRADCOURSE_PROGRESS"] = "off"
os.environ.setdefault("MPLBACKEND", "Agg")
