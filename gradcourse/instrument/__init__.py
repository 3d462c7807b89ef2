"""The measuring device behind every lesson, exercise and picture."""

from gradcourse.instrument.histogram import Log2Histogram, log2_histogram
from gradcourse.instrument.norms import gradient_norm
from gradcourse.instrument.probe import Probe, probe
from gradcourse.instrument.record import Record
from gradcourse.instrument.spectra import product_exponents, product_log_singular_values

__all__ = [
    "Log2Histogram",
    "Probe",
    "Record",
    "gradient_norm",
    "log2_histogram",
    "probe",
    "product_exponents",
    "product_log_singular_values",
]
