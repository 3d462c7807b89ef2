"""Record → findings: what is wrong with a network, how sure that is, and what to change."""

from gradcourse.diagnosis.finding import CAUSES, GRADIENT_KINDS, KINDS, Diagnosis, Finding, Remedy
from gradcourse.diagnosis.judge import diagnose
from gradcourse.diagnosis.thresholds import THRESHOLDS, Threshold

__all__ = [
    "CAUSES",
    "GRADIENT_KINDS",
    "KINDS",
    "THRESHOLDS",
    "Diagnosis",
    "Finding",
    "Remedy",
    "Threshold",
    "diagnose",
]
