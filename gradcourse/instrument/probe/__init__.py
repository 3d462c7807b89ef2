"""Watch a model in a plain torch loop: what goes forward and backward through each layer."""

from gradcourse.instrument.probe.probe import Probe, probe

__all__ = ["Probe", "probe"]
