"""A Record in TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.instrument.record import Record
from gradcourse.instrument.record.frame import tables
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.instrument.histogram import Log2Histogram


def record_to_tensorboard(record: Record, where: Any) -> None:
    """Write a record to TensorBoard: every number as a scalar, histograms as histograms.

    Parameters
    ----------
    record : Record
    where : torch.utils.tensorboard.SummaryWriter, or a folder (Path or str)
        A writer stays open, so a running training loop can pass its own. In a folder, a new
        event file is made.

    Raises
    ------
    GradcourseError
        If tensorboard is not installed, ``where`` is neither, or the record holds no step.

    Notes
    -----
    Tags are "quantity/name". Scalars are written in float64: float32 would make 0 of a gradient
    norm of 1e-50. The axis of the histograms is log₂|∂ℒ/∂w|; zeros, NaN and Inf have no place on
    it and are left out.
    """
    if isinstance(where, Path | str):
        writer = _new_writer(where)
        try:
            _write(record, writer)
        finally:
            writer.close()
    elif hasattr(where, "add_scalar") and hasattr(where, "add_histogram_raw"):
        _write(record, where)
        where.flush()
    else:
        raise GradcourseError(
            f"to_tensorboard got {type(where).__name__!r}; it takes a SummaryWriter of "
            "torch.utils.tensorboard, or the path of a folder."
        )


def _new_writer(folder: Path | str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise GradcourseError(
            "to_tensorboard needs tensorboard, which is not installed: "
            "pip install 'gradcourse[tensorboard]'."
        ) from None
    return SummaryWriter(str(folder))


def _write(record: Record, writer: Any) -> None:
    record = record.so_far()
    numbers = record.step_numbers.tolist()
    for table in tables(record):
        for row, column in zip(*np.nonzero(table.measured), strict=True):
            tag = table.quantity
            if table.what != "run":
                tag = f"{table.quantity}/{table.names[column]}"
            writer.add_scalar(
                tag,
                table.values[row, column],
                numbers[row],
                new_style=True,
                double_precision=True,
            )
    taken = record.histogram_steps
    if len(taken):
        for name, histograms in record.log2_histograms.items():
            for row, histogram in zip(taken, histograms, strict=True):
                _histogram(writer, f"log2_gradient/{name}", histogram, numbers[row])


def _histogram(writer: Any, tag: str, histogram: Log2Histogram, step: int) -> None:
    counts = histogram.counts
    if not counts.sum():
        return
    middles = histogram.exponents + 0.5
    writer.add_histogram_raw(
        tag,
        min=float(histogram.exponents[0]),
        max=float(histogram.exponents[-1] + 1),
        num=int(counts.sum()),
        sum=float((counts * middles).sum()),
        sum_squares=float((counts * middles**2).sum()),
        # TensorBoard knows a bucket by its right edge, so an empty one marks the left end.
        bucket_limits=[float(histogram.exponents[0]), *(histogram.exponents + 1.0).tolist()],
        bucket_counts=[0.0, *counts.astype(float).tolist()],
        global_step=step,
    )
