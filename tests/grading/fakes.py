"""A stand-in for the grader: what the notebook says is what happens. Importable by any process."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcourse.grading.many.task import not_graded
from gradcourse.grading.mark import Mark
from gradcourse.grading.one.grade import Grader


class Fake(Grader):
    """It does what the "notebook" asks: sleep, raise, die; leaves a line in a log for each try."""

    def prepare(self, notebook: bytes, assignment: str | None) -> None:
        """Nothing takes long."""

    def grade(self, notebook: bytes, assignment: str | None, **_: Any) -> Mark:
        """Do what is asked, and give the points that are asked for."""
        wish = json.loads(notebook)
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
        blank = not_graded("no-answers", name)
        first, second, *others = (replace(question, reasons=()) for question in blank.questions)
        earned = float(wish.get("earned", 1.0))
        first = replace(first, earned=earned, status="right", headline="1 point")
        second = replace(second, reasons=("internal-error",) if wish.get("faulty") else ())
        layers = {"rlimits": "on", "landlock": "missing: the kernel is too old"}
        questions = (first, second, *others)
        crowded = bool(wish.get("crowded")) and _first(wish)
        return Mark(name, questions, run=3, sandbox=layers, seconds=0.01, crowded=crowded)


GRADER = Fake()


def _first(wish: dict[str, Any]) -> bool:
    marker = Path(wish["log"]).with_name(f"{wish['learner']}.died")
    if marker.exists():
        return False
    marker.touch()
    return True


def hand_in(folder: Path, learner: str, **wish: Any) -> Path:
    """Write a "notebook" for `Fake`."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{learner}.ipynb"
    path.write_text(json.dumps({"learner": learner, **wish}), "utf-8")
    return path
