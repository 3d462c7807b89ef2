"""Where everything in a figure goes, worked out once for both renderers.

Positions are in axis units: the value itself on a linear axis, its log10 on a log axis. There an
exact 0 is ``-inf`` and belongs on the zero strip; NaN is a gap.
"""

from gradcourse.figures.layout.arrange import arrange, arrange_all, steady
from gradcourse.figures.layout.elements import Cells, Layout, Note, Series, Zone
from gradcourse.figures.layout.labels import alike
from gradcourse.figures.layout.scale import Scale

__all__ = [
    "Cells",
    "Layout",
    "Note",
    "Scale",
    "Series",
    "Zone",
    "alike",
    "arrange",
    "arrange_all",
    "steady",
]
