"""Where the first NaN or Inf of a training run came from."""

from gradcourse.instrument.postmortem.finding import NonFiniteError, PostMortem
from gradcourse.instrument.postmortem.replay import post_mortem
from gradcourse.instrument.postmortem.watch import Watch, watch

__all__ = ["NonFiniteError", "PostMortem", "Watch", "post_mortem", "watch"]
