"""The machines that one machine can stand for: kernels, threads, one rounding error."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

HOOK = Path(__file__).parent
"""Holds `sitecustomize`, which reads GRADCOURSE_PERTURB."""

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
OLDEST = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
}


@dataclass(frozen=True)
class Machine:
    """A machine to stand for.

    Attributes
    ----------
    name : str
        "oldest, 2 threads".
    kernels : dict
        The variables that choose an instruction set; none for this machine's own.
    threads : int
        OpenMP's.
    disturbed : str
        "matmul:1" or "start:1", see `sitecustomize`; empty for neither.
    """

    name: str
    kernels: dict[str, str] = field(default_factory=dict, hash=False)
    threads: int = 1
    disturbed: str = ""

    def variables(self) -> dict[str, str]:
        """Return the environment variables that make it, for a process or a kernel."""
        threads = str(self.threads)
        mine = self.kernels | {"OMP_NUM_THREADS": threads, "GRADCOURSE_PERTURB": self.disturbed}
        if self.threads > 1:  # who waits sleeps: spinning takes the core that it is waiting for
            mine["OMP_WAIT_POLICY"] = "passive"
        if self.disturbed:
            ours = [str(HOOK), os.environ.get("PYTHONPATH", "")]
            mine["PYTHONPATH"] = os.pathsep.join(path for path in ours if path)
        return mine


def _with(threads: int, name: str, kernels: dict[str, str]) -> Machine:
    word = "thread" if threads == 1 else "threads"
    return Machine(f"{name}, {threads} {word}", kernels, threads)


KERNELS = tuple(
    _with(threads, name, kernels)
    for name, kernels in (("natural", {}), ("avx2", AVX2), ("oldest", OLDEST))
    for threads in (1, 2)
)
"""Three instruction sets, each with one and with two threads."""

OLDEST_ONE = KERNELS[-2]

MATMUL = Machine("matmul noise", disturbed="matmul:1")
"""Stands for machines that we lack, Apple's, say."""

MACHINES = (*KERNELS, MATMUL)
"""Where every claim must hold."""


def repeats(times: int) -> tuple[Machine, ...]:
    """Return so many perturbed starts, and so many noises on matrix products."""
    return tuple(
        Machine(f"{word} {k}", disturbed=f"{kind}:{k}")
        for kind, word in (("start", "start"), ("matmul", "matmul noise"))
        for k in range(1, times + 1)
    )


DISTURBED = tuple(one for one in repeats(5) if one.disturbed != MATMUL.disturbed)
"""How far a long training run wanders: starts that differ in the seventh digit, other noises."""
