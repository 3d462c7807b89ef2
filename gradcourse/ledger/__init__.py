"""The ledger: every claim of the course, what decides it, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcourse.lazy import on_first_use

if TYPE_CHECKING:
    from gradcourse.ledger.entries import claims as claims
    from gradcourse.ledger.entries import errata as errata
    from gradcourse.ledger.workbench import workbench as workbench

__getattr__, __dir__ = on_first_use(__name__)
