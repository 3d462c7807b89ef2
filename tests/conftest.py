"""Every test runs with one thread and without touching anybody's progress file."""

from __future__ import annotations

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GRADCOURSE_PROGRESS"] = "off"
os.environ.setdefault("MPLBACKEND", "Agg")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # What a shell starts in the background ignores Ctrl-C, and so would everything started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
