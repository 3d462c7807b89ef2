"""Stand-ins for `grade_one`: what the notebook says is what happens. Importable by any process."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from gradcourse.grading.many.task import not_graded


def grade(data: bytes, assignment: str | None = None, **_: Any) -> dict[str, Any]:
    """Do what the "notebook" asks: sleep, raise, die; leave a line in a log for each try."""
    wish = json.loads(data)
    if "log" in wish:
        with open(wish["log"], "a", encoding="utf-8") as log:
            log.write(f"{wish['learner']}\n")
    time.sleep(wish.get("sleep", 0))
    if wish.get("raise"):
        raise RuntimeError("a fault in the grader, at /usr/lib/grader/secret.py")
    if wish.get("die") == "always" or (wish.get("die") == "once" and _first(wish)):
        os.kill(os.getpid(), signal.SIGKILL)
    name = assignment or wish.get("assignment", "02")
    if name == "unknown":
        return not_graded("unknown-assignment", None)
    result = not_graded("no-answers", name)
    earned = float(wish.get("earned", 1.0))
    result["questions"][0] |= {"earned": earned, "status": "right", "headline": "1 point"}
    for question in result["questions"]:
        question["reasons"] = []
    if wish.get("faulty"):
        result["questions"][1]["reasons"] = ["internal-error"]
    return {
        **result,
        "earned": earned,
        "reasons": [],
        "cells": {"run": 3, "failed": 0},
        "sandbox": {"rlimits": "on", "landlock": "missing: the kernel is too old"},
        "look": bool(wish.get("faulty")),
        "seconds": 0.01,
    }


def _first(wish: dict[str, Any]) -> bool:
    marker = Path(wish["log"]).with_name(f"{wish['learner']}.died")
    if marker.exists():
        return False
    marker.touch()
    return True


def hand_in(folder: Path, learner: str, **wish: Any) -> Path:
    """Write a "notebook" for `grade`."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{learner}.ipynb"
    path.write_text(json.dumps({"learner": learner, **wish}), "utf-8")
    return path
