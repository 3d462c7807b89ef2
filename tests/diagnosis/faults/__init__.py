"""Networks that do not learn, each with its repaired form: from public questions, made afresh."""

from faults.actions import carry_out
from faults.loops import LOOPS
from faults.posts import POSTS
from faults.setup import Run, Setup, run, started
from faults.table import FAULTS, Fault

__all__ = ["FAULTS", "LOOPS", "POSTS", "Fault", "Run", "Setup", "carry_out", "run", "started"]
