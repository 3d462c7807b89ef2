"""What the instructor decides, applied to the marks last: overrides, late work, roster, groups.

Nothing of it is written into ``results/``: those files hold what was found, and these decisions
live in files of the instructor's own, so that no option and no new run can lose them.
"""

from gradcourse.grading.ledger.adjust import Book, Decisions, check_overrides, settle

__all__ = ["Book", "Decisions", "check_overrides", "settle"]
