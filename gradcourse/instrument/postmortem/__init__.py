"""Where the first NaN or Inf of a training run came from."""

from gradcourse.instrument.postmortem.finite import bad_parameters
from gradcourse.instrument.postmortem.first_nan import NonFiniteError, PostMortem
from gradcourse.instrument.postmortem.replay import KeptStep, post_mortem
from gradcourse.instrument.postmortem.watch import Watch, watch

__all__ = [
    "KeptStep",
    "NonFiniteError",
    "PostMortem",
    "Watch",
    "bad_parameters",
    "post_mortem",
    "watch",
]
