"""Lesson 05: what the first weights do to a signal, a gradient, and the training after them."""

from gradcourse.demos.initialization.depth import TANH_DEPTH, TWO_WAYS
from gradcourse.demos.initialization.edge import EDGE_KNOB, EDGE_MAP
from gradcourse.demos.initialization.spectrum import SPECTRUM
from gradcourse.demos.initialization.symmetry import SYMMETRY

DEMOS = (SYMMETRY, TWO_WAYS, TANH_DEPTH, EDGE_MAP, EDGE_KNOB, SPECTRUM)

__all__ = ["DEMOS"]
