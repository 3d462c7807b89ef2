"""What a probe measured, as arrays."""

from gradcourse.instrument.record.record import Record
from gradcourse.instrument.record.step import MEASURES, Step

__all__ = ["MEASURES", "Record", "Step"]
