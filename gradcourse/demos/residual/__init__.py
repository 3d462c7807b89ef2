"""Lesson 07: singular spectra, paths by length, variance, the road, shattered gradients."""

from gradcourse.demos.residual.paths import PATHS
from gradcourse.demos.residual.road import ROAD
from gradcourse.demos.residual.shattering import SHATTERING
from gradcourse.demos.residual.spectrum import SPECTRUM
from gradcourse.demos.residual.variance import BRANCH_SCALE, VARIANCE

DEMOS = (SPECTRUM, PATHS, VARIANCE, BRANCH_SCALE, ROAD, SHATTERING)

__all__ = ["DEMOS"]
