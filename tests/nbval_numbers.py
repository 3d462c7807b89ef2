"""A pytest plug-in beside nbval: numbers of a cell are compared within its stated tolerance.

``pytest --nbval-lax -p tests.nbval_numbers lessons``. A cell whose metadata carry a tolerance (see
`gradcourse.authoring.printed_numbers`) is compared by it; nbval does with all others what it always
does. Without the plug-in nbval runs such a cell and compares nothing.
"""

from __future__ import annotations

from types import MethodType

import pytest
from nbval.plugin import IPyNbCell

from gradcourse.authoring.printed_numbers import disagreement, printed_text, stated


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, IPyNbCell) and stated(item.cell):
            item.options["check"] = True
            item.compare_outputs = MethodType(_compare_outputs, item)


def _compare_outputs(item, printed, stored, skip_compare=None):
    """Return whether what was printed agrees with what is stored, as nbval asks."""
    complaint = disagreement(
        printed_text(stored),
        printed_text(printed),
        stated(item.cell),
    )
    item.comparison_traceback = [complaint]
    return not complaint
