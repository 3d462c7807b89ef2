"""Every test runs with one thread and without touching anybody's progress file."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GRADCOURSE_PROGRESS"] = "off"
os.environ.setdefault("MPLBACKEND", "Agg")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # What a shell starts in the background ignores Ctrl-C, and so would everything started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked ``some(3)`` every third case is tried first; the others are `rest`."""
    seen: Counter[str] = Counter()
    for item in items:
        if every := _every(item):
            test = item.nodeid.partition("[")[0]
            if seen[test] % every:
                item.add_marker("rest")
            seen[test] += 1


def _every(item: pytest.Item) -> int:
    """Of how many cases one is tried first: of a claim's five seeds two; 0 where all are."""
    if marker := item.get_closest_marker("some"):
        return int(marker.args[0])
    case = getattr(item, "callspec", None)
    is_of_a_claim = item.path.stem.endswith("_claims") and case and "seed" in case.params
    return 3 if is_of_a_claim else 0
