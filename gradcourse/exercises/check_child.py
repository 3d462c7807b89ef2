"""The child process of `gradcourse check`: runs one notebook's cells and checks its answers.

Started as ``python -m gradcourse.exercises.check_child JOB``, with a job in JSON. It writes one
JSON object per line: which cell or question it begins, and each verdict. Whatever the notebook
prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from gradcourse.checking.engine import check
from gradcourse.checking.exercise_notebook import explained, read_notebook, run_cells, runs_of
from gradcourse.checking.judged import Page, accounted
from gradcourse.exercises import answers_in
from gradcourse.exercises.registry import assignment, names_beside


def main() -> None:
    """Do the job named on the command line."""
    job = json.loads(sys.argv[1])
    stream = _private_stdout()

    def say(**event: Any) -> None:
        stream.write(json.dumps(event) + "\n")
        stream.flush()

    _silence_panels()
    sys.path.insert(0, os.getcwd())
    skip = {int(index): reason for index, reason in job["skip_cells"].items()}
    notebook = read_notebook(Path(job["path"]))
    namespace, errors = run_cells(notebook, skip, lambda index: say(cell=index))
    runs = runs_of(notebook.cells, errors)
    for exercise in assignment(job["assignment"]):
        if exercise.id in job["skip_questions"]:
            continue
        say(question=exercise.id)
        verdict = check(exercise, answers_in(exercise, namespace))
        page = Page(runs, others=names_beside(exercise))
        verdict = accounted(explained(verdict, exercise, errors), exercise, page)
        say(verdict=verdict.to_dict())
    say(done=True)
    # A thread or an exit hook of the notebook's must not keep this process alive.
    os._exit(0)


def _private_stdout() -> IO[str]:
    """Keep the real stdout for ourselves, and let everything else write to nowhere."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return stream


def _silence_panels() -> None:
    """The notebook's own panels would check everything twice."""
    package = sys.modules["gradcourse"]
    for name in ("panel", "score", "progress"):
        setattr(package, name, lambda *_, **__: None)


if __name__ == "__main__":
    main()
