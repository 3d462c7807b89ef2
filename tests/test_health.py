"""The doctor is right about a healthy machine, and names what is wrong with a sick one."""

from __future__ import annotations

import pytest

import gradcourse as gc
from gradcourse import health as module
from gradcourse.health import Check, DoctorReport


def test_this_machine_is_ready() -> None:
    report = gc.doctor()
    assert report.ok, report
    assert {"packages", "threads", "self-test"} <= {check.name for check in report.checks}
    assert "ready" in report._repr_html_()


def test_a_look_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Check:
        raise RuntimeError("no such library")

    monkeypatch.setattr(module, "_fonts", broken)
    report = gc.doctor()
    (fonts,) = [check for check in report.checks if check.name == "fonts"]
    assert not fonts.ok
    assert "no such library" in fonts.seen
    assert report.conclusion == "Look at: fonts."


def test_a_wrong_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module.importlib.metadata, "requires", lambda _: ["numpy>=99", "no-such-package>=1"]
    )
    check = module._packages()
    assert not check.ok
    assert "numpy is " in check.seen
    assert "no-such-package is missing" in check.seen
    assert "make lab" in check.remedy


def test_a_wrong_gradient_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a: [1.001 * g for g in grad(*a)])
    assert not module._self_test().ok


def test_the_report_escapes_html() -> None:
    report = DoctorReport((Check("x", False, "<b>", "do <this>"),))
    assert "<b>" not in report._repr_html_()
    assert "&lt;this&gt;" in report._repr_html_()


def test_a_progress_file_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADCOURSE_PROGRESS", "/proc/nowhere/p.sqlite")
    finding = module._progress_file()
    assert not finding.ok
    assert "/proc/nowhere/p.sqlite" in finding.seen
