"""Is this machine ready for the course? Versions, threads, memory, fonts, and a self-test."""

from __future__ import annotations

import html
import importlib.metadata
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NEEDED_MEMORY = 2 * 2**30
"""Bytes that the largest lesson and JupyterLab need together."""

SHOWN = ("numpy", "torch", "matplotlib", "ipywidgets", "anywidget", "jupyterlab")
SET_UP = "run the set-up again: make lab, or pip install 'gradcourse[lab]'"
GLYPHS = "σφχδ∂√²⁻≤≈✓"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is fine, what was seen, what to do if it is not."""

    name: str
    ok: bool
    seen: str
    remedy: str = ""


@dataclass(frozen=True)
class DoctorReport:
    """What `doctor` found. ``ok`` is true when the course will run."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check is fine."""
        return all(check.ok for check in self.checks)

    @property
    def conclusion(self) -> str:
        """One sentence."""
        bad = [check.name for check in self.checks if not check.ok]
        return f"Look at: {', '.join(bad)}." if bad else "This machine is ready for the course."

    def __repr__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = []
        for check in self.checks:
            lines.append(f"{'✓' if check.ok else '✗'} {check.name:<{width}}  {check.seen}")
            if not check.ok:
                lines.append(f"  {'':<{width}}  → {check.remedy}")
        return "\n".join([*lines, self.conclusion])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'✓' if check.ok else '✗'}</td><th scope='row' style='text-align:left'>"
            f"{html.escape(check.name)}</th><td style='text-align:left'>{html.escape(check.seen)}"
            + ("" if check.ok else f"<br><strong>→ {html.escape(check.remedy)}</strong>")
            + "</td></tr>"
            for check in self.checks
        )
        return f"<table>{rows}</table><p>{html.escape(self.conclusion)}</p>"


def doctor() -> DoctorReport:
    """Look at everything the course needs, and say what to do about what is missing.

    Returns
    -------
    DoctorReport
        Prints as a list of ✓ and ✗; in a notebook as a table. Takes about two seconds, most of it
        the first import of torch and matplotlib.

    Examples
    --------
    >>> import gradcourse as gc
    >>> gc.doctor().ok
    True
    """
    looks: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("Python", _python),
        ("packages", _packages),
        ("threads", _threads),
        ("memory", _memory),
        ("characters", _characters),
        ("fonts", _fonts),
        ("widgets", _widgets),
        ("progress file", _progress_file),
        ("self-test", _self_test),
    )
    return DoctorReport(tuple(_guarded(name, look) for name, look in looks))


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    # A doctor that falls over at the first symptom is no doctor.
    try:
        return look()
    except Exception as error:
        seen = f"could not be looked at: {type(error).__name__}: {error}"
        return Check(name, False, seen, SET_UP)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check(
        "Python",
        sys.version_info >= (3, 11),
        version,
        "install Python 3.11 or newer, then make lab",
    )


def _packages() -> Check:
    from packaging.requirements import Requirement

    wrong = []
    for line in importlib.metadata.requires("gradcourse") or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, needed {requirement.specifier}")
    if wrong:
        return Check("packages", False, "; ".join(wrong), SET_UP)
    return Check("packages", True, ", ".join(_versions()))


def _versions() -> list[str]:
    found = []
    for name in SHOWN:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return found


def _threads() -> Check:
    import torch

    threads = torch.get_num_threads()
    setting = os.environ.get("OMP_NUM_THREADS", "not set")
    return Check(
        "threads",
        threads == 1,
        f"torch uses {threads}, OMP_NUM_THREADS is {setting}",
        "live figures are slower with several threads: start with make lab, or import gradcourse "
        "before torch, or set OMP_NUM_THREADS=1 before Python starts",
    )


def _memory() -> Check:
    import psutil

    free = psutil.virtual_memory().available
    return Check(
        "memory",
        free >= NEEDED_MEMORY,
        f"{free / 2**30:.1f} GiB available",
        f"close other programs or notebooks: {NEEDED_MEMORY / 2**30:.0f} GiB are needed",
    )


def _characters() -> Check:
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    return Check(
        "characters",
        "utf" in encoding,
        f"this terminal writes {encoding}",
        "set PYTHONUTF8=1, or mathematical signs will be unreadable",
    )


def _fonts() -> Check:
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    missing = [sign for sign in GLYPHS if ord(sign) not in font.get_charmap()]
    return Check(
        "fonts",
        not missing,
        f"{font.family_name}, {len(GLYPHS) - len(missing)} of {len(GLYPHS)} signs",
        f"the font lacks {' '.join(missing)}: reinstall matplotlib, which brings DejaVu Sans",
    )


def _widgets() -> Check:
    from jupyter_core.paths import jupyter_path

    needed = ("anywidget", "@jupyter-widgets/jupyterlab-manager")
    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    missing = [name for name in needed if not any((f / name).is_dir() for f in folders)]
    return Check(
        "widgets",
        not missing,
        "JupyterLab finds both widget extensions" if not missing else f"no {', '.join(missing)}",
        "JupyterLab must run in the environment that holds anywidget and ipywidgets: make lab",
    )


def _progress_file() -> Check:
    from gradcourse.checking.progress import Progress

    progress = Progress.default()
    if progress.path is None:
        return Check("progress file", True, "switched off (GRADCOURSE_PROGRESS=off)")
    complaint = progress.complaint()
    home = str(Path.home())
    shown = re.sub(f"^{re.escape(home)}(?=/|\\\\)", "~", str(progress.path))
    return Check(
        "progress file",
        not complaint,
        f"{shown}: {complaint}" if complaint else shown,
        "nothing is kept there: set GRADCOURSE_PROGRESS to a file in a folder that you can write",
    )


def _self_test() -> Check:
    """Compare autograd with a central difference, and the norm with a gradient of 1e-30."""
    import torch

    from gradcourse.instrument import gradient_norm

    started = time.perf_counter()
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(8, 8, generator=generator, dtype=torch.float64) / 8**0.5
    start = torch.randn(8, generator=generator, dtype=torch.float64)

    def loss(x: torch.Tensor) -> torch.Tensor:
        for _ in range(20):
            x = torch.tanh(weight @ x)
        return x.square().sum()

    x = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x), x)
    step = 1e-6 * torch.eye(8, dtype=torch.float64)
    difference = torch.stack([loss(start + row) - loss(start - row) for row in step]) / 2e-6
    error = float((gradient - difference).norm() / gradient.norm())
    tiny = float(gradient_norm([torch.full((4,), 1e-30)])[0])
    seconds = time.perf_counter() - started
    return Check(
        "self-test",
        error < 1e-5 and abs(tiny / 2e-30 - 1) < 1e-3,
        f"a gradient through 20 layers agrees with a difference quotient to {error:.0e}, "
        f"and a norm of 2e-30 reads {tiny:.0e} ({seconds:.1f} s)",
        "torch computes wrong gradients or norms here: reinstall it with make clean lab",
    )
