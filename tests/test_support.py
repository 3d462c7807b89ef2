"""What every floor uses."""

from __future__ import annotations

from gradcourse.support import has_kernel, nearest, running_shell

KNOWN = ["chain/lyapunov", "chain/eigenvalues", "relu/prelu"]


def test_near_names_come_nearest_first_and_may_be_none() -> None:
    assert nearest("chain/lyapunow", KNOWN)[0] == "chain/lyapunov"
    assert nearest("chain/lyapunow", KNOWN, most=1) == ["chain/lyapunov"]
    assert nearest("zzz", KNOWN) == []
    assert nearest(3, KNOWN) == []


def test_a_script_has_neither_shell_nor_kernel() -> None:
    assert running_shell() is None
    assert not has_kernel()
