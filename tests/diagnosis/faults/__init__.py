"""Networks that do not learn, each with its repaired form: from public questions, made afresh."""

from faults.actions import carry_out
from faults.setup import Setup, run
from faults.table import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "Setup", "carry_out", "run"]
