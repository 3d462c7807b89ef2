"""What the instrument costs, as ratios from interleaved runs on one thread.

    python -m benchmarks.instrument            every table
    python -m benchmarks.instrument cost 60    one table, and how many rounds
    python -m benchmarks.instrument cost MLP   only the networks whose names begin so
    python -m benchmarks.instrument calls      calls a step, which no other program changes

The bars name the networks, not the batches, and every ratio falls as the batch grows. So the sizes
are fixed here and all are printed. A bar on a ratio to the plain step is held against one size: an
MLP of 50 layers at 128 rows, an LSTM at 16. That all of it costs less than hooks with .item() is
held on every net and at every size.

A table is a function that takes the number of rounds and returns rows; add it to ``TABLES``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

import gradcourse as gc

Step = Callable[[], None]


@dataclass(frozen=True)
class Row:
    """One line of a table.

    ``value`` is by the processor's clock, which other programs do not move, ``wall`` by the wall's.
    ``bar`` is the most that ``value`` may be, None where there is none; it decides if ``counts``.
    """

    what: str
    value: float
    wall: float
    bar: float | None = None
    counts: bool = True

    @property
    def met(self) -> bool:
        return self.bar is None or self.value <= self.bar

    def __str__(self) -> str:
        mark = " " if self.bar is None else ("✓" if self.met else "✗")
        bar = "" if self.bar is None else f"bar {self.bar:g}"
        note = "" if self.counts or self.bar is None else "another size: does not count"
        return f"{mark} {self.what:<52}{self.value:>8.3f}  wall {self.wall:<7.3f}{bar:<10}{note}"


# --- the networks, each with data and loss; plain SGD, but Adam on the smallest ------------------


def small_case() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """Three layers of 64 units on 64 rows: about half a millisecond a step."""
    layers = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
    x, y = torch.randn(64, 64), torch.randint(0, 10, (64,))
    return nn.Sequential(*layers), lambda net: nn.functional.cross_entropy(net(x), y)


class Blocks(nn.Module):
    """Four pre-norm blocks of width 64 and four heads, read out by the mean over the steps."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            64, 4, 256, dropout=0.0, batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).mean(1))


def transformer_case() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """A Transformer of four blocks over 32 steps, 16 sequences."""
    x, y = torch.randn(16, 32, 64), torch.randint(0, 10, (16,))
    return Blocks(), lambda net: nn.functional.cross_entropy(net(x), y)


def mlp_case(batch: int) -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """50 layers of 128 units with tanh; a smaller batch makes every ratio larger."""
    modules: list[nn.Module] = []
    for _ in range(50):
        modules += [nn.Linear(128, 128), nn.Tanh()]
    x, y = torch.randn(batch, 128), torch.randint(0, 10, (batch,))
    net = nn.Sequential(*modules, nn.Linear(128, 10))
    return net, lambda net: nn.functional.cross_entropy(net(x), y)


def cnn_case() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """20 convolutions of 32 channels, batch norm and ReLU on 32 × 32, batch 16."""
    modules: list[nn.Module] = []
    for k in range(20):
        modules += [
            nn.Conv2d(3 if k == 0 else 32, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
        ]
    net = nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    x, y = torch.randn(16, 3, 32, 32), torch.randint(0, 10, (16,))
    return net, lambda net: nn.functional.cross_entropy(net(x), y)


class LastState(nn.Module):
    """An LSTM read out at its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(32, 256, batch_first=True)
        self.head = nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def lstm_case(batch: int) -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """An LSTM of 256 units over 100 time steps, 32 inputs."""
    x, y = torch.randn(batch, 100, 32), torch.randint(0, 10, (batch,))
    return LastState(), lambda net: nn.functional.cross_entropy(net(x), y)


CASES: dict[str, Callable[[], Any]] = {
    "small MLP 3×64, batch 64": small_case,
    "MLP 50×128, batch 32": lambda: mlp_case(32),
    "MLP 50×128, batch 128": lambda: mlp_case(128),
    "MLP 50×128, batch 256": lambda: mlp_case(256),
    "CNN 20, batch 16": cnn_case,
    "LSTM 256×100, batch 16": lambda: lstm_case(16),
    "LSTM 256×100, batch 64": lambda: lstm_case(64),
    "Transformer 4×64, batch 16": transformer_case,
}

NAMED_BY_THE_BARS = frozenset(
    {
        "small MLP 3×64, batch 64",
        "MLP 50×128, batch 128",
        "CNN 20, batch 16",
        "LSTM 256×100, batch 16",
    }
)


class Arm:
    """One way to run the same step, with its own model, entered once and stepped many times."""

    def __init__(self, case: Callable[[], Any], watch: Callable[..., Any]) -> None:
        torch.manual_seed(0)
        self.model, self._loss = case()
        kind = torch.optim.Adam if case is small_case else torch.optim.SGD
        self._optimizer = kind(self.model.parameters(), lr=1e-4)
        self._stack = contextlib.ExitStack()
        self.after: Step = self._stack.enter_context(watch(self.model, self._optimizer)) or _nothing
        self.before_update: Step = getattr(self.after, "before_update", _nothing)

    def step(self) -> None:
        self._optimizer.zero_grad()
        self._loss(self.model).backward()
        self.before_update()
        self._optimizer.step()
        self.after()

    def block(self, steps: int) -> np.ndarray:
        """Seconds of some steps: the processor's, and the wall's."""
        start = time.process_time(), time.perf_counter()
        for _ in range(steps):
            self.step()
        return np.array([time.process_time(), time.perf_counter()]) - start

    def close(self) -> None:
        self._stack.close()


def _nothing() -> None:
    return None


# --- ways to watch ------------------------------------------------------------------------------


@contextlib.contextmanager
def plain(model: nn.Module, optimizer: Any) -> Iterator[Step]:
    yield _nothing


@contextlib.contextmanager
def watched(model: nn.Module, optimizer: Any) -> Iterator[Step]:
    with gc.watch(model, optimizer):
        yield _nothing


def probed(level: str, **settings: Any) -> Callable[..., Any]:
    @contextlib.contextmanager
    def watch(model: nn.Module, optimizer: Any) -> Iterator[Step]:
        given = None if settings.get("without_optimizer") else optimizer
        own = {k: v for k, v in settings.items() if k != "without_optimizer"}
        with gc.probe(model, given, level=level, **own):
            yield _nothing

    return watch


@contextlib.contextmanager
def clipping(model: nn.Module, optimizer: Any) -> Iterator[Step]:
    parameters = list(model.parameters())

    def after() -> None:
        return None

    after.before_update = lambda: nn.utils.clip_grad_norm_(parameters, 1e9)  # type: ignore[attr-defined]
    yield after


def bare_norm(dtype: torch.dtype) -> Callable[..., Any]:
    """Nothing but one ``_foreach_norm`` of all gradients before each update: the floor."""

    @contextlib.contextmanager
    def watch(model: nn.Module, optimizer: Any) -> Iterator[Step]:
        def norm(*_: Any) -> None:
            torch._foreach_norm([parameter.grad for parameter in model.parameters()], 2, dtype)

        handle = optimizer.register_step_pre_hook(norm)
        yield _nothing
        handle.remove()

    return watch


@contextlib.contextmanager
def hook_and_item(model: nn.Module, optimizer: Any) -> Iterator[Step]:
    """What most people write: full backward hooks, and .item() for every number."""
    found: list[float] = []

    def forward(module: nn.Module, inputs: Any, output: Any) -> None:
        tensor = output if isinstance(output, torch.Tensor) else output[0]
        found.extend((tensor.mean().item(), tensor.std().item()))

    def backward(module: nn.Module, given: Any, gradients: Any) -> None:
        if gradients[0] is not None:
            found.append(gradients[0].norm().item())

    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(forward)
            module.register_full_backward_hook(backward)

    def after() -> None:
        found.extend(p.grad.norm().item() for p in model.parameters() if p.grad is not None)
        found.clear()

    yield after


@contextlib.contextmanager
def tensorboard_histograms(model: nn.Module, optimizer: Any) -> Iterator[Step]:
    """``add_histogram`` of each parameter and its gradient, each step."""
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:

        def after() -> None:
            for name, parameter in model.named_parameters():
                writer.add_histogram(name, parameter, 0)
                writer.add_histogram(f"{name}.grad", parameter.grad, 0)

        yield after


def ratio(
    case: Callable[[], Any], watch: Callable[..., Any], rounds: int, block: int = 5
) -> np.ndarray:
    """Median over rounds of the time of a block of steps, relative to plain blocks around it.

    Each way runs against the plain step alone: a step leaves the cache to the next one as it
    needed it itself.
    """
    arms = Arm(case, plain), Arm(case, watch)
    for arm in arms:
        arm.block(max(2, block))
    blocks = [[arm.block(block) for arm in arms] for _ in range(rounds)]
    for arm in arms:
        arm.close()
    ratios = [
        watched / ((before + after) / 2)
        for (before, watched), (after, _) in itertools.pairwise(blocks)
    ]
    return np.median(ratios, axis=0)


def amortised(case: Callable[[], Any], rounds: int) -> np.ndarray:
    """The standard level: a block is 10 steps, one of which is measured; histograms 1 in 100."""
    without = ratio(case, probed("standard", histogram_every=10**9), rounds, 10)
    with_histograms = ratio(case, probed("standard", histogram_every=10), rounds, 10)
    return without + (with_histograms - without) / 10


BARS: dict[str, dict[str, float]] = {
    "watch": {"small": 1.15},
    "gradients": {"MLP": 1.05, "CNN": 1.02, "LSTM": 1.02},
    "standard": {"small": 1.2, "MLP": 1.12, "CNN": 1.05, "LSTM": 1.03},
    "everything": {"MLP": 1.8, "CNN": 1.15, "LSTM": 1.06},
}
LESS_THAN_HOOKS = {"MLP 50×128, batch 128": 0.8}
"""Time of everything over that of hooks with .item(), 1 where nothing else is said."""


def cost(rounds: int, only: str = "") -> Iterator[Row]:
    """Time of a training step, relative to the plain step."""
    ways = {
        "watch": watched,
        "gradients": probed("gradients"),
        "gradients, no optimizer": probed("gradients", without_optimizer=True),
        "everything": probed("everything"),
        "bare _foreach_norm, float32": bare_norm(torch.float32),
        "bare _foreach_norm, float64": bare_norm(torch.float64),
        "clip_grad_norm_": clipping,
        "hook and item()": hook_and_item,
    }
    if importlib.util.find_spec("tensorboard"):
        ways["TensorBoard histograms"] = tensorboard_histograms
    for name, case in CASES.items():
        if not name.startswith(only):
            continue
        kind, counts = name.split()[0], name in NAMED_BY_THE_BARS
        known = {}
        for way, watch in ways.items():
            others = way not in BARS and "optimizer" not in way
            values = known[way] = ratio(case, watch, max(4, rounds // 4) if others else rounds)
            yield Row(f"{name}: {way}", *values, BARS.get(way, {}).get(kind), counts)
        yield Row(f"{name}: standard, every=1", *ratio(case, probed("standard", every=1), rounds))
        values = amortised(case, max(6, rounds // 2))
        yield Row(f"{name}: standard, amortised", *values, BARS["standard"].get(kind), counts)
        bar = LESS_THAN_HOOKS.get(name, 1.0)
        less = known["everything"] / known["hook and item()"]
        yield Row(f"{name}: everything over hook and item()", *less, bar)


def calls(rounds: int, only: str = "") -> Iterator[Row]:
    """Calls of Python and C functions in a step, relative to the plain step: no clock in it."""
    import cProfile
    import pstats

    def count(case: Callable[[], Any], watch: Callable[..., Any], steps: int = 100) -> float:
        arm = Arm(case, watch)
        arm.block(steps)  # the first steps are looked at more closely
        profile = cProfile.Profile()
        profile.enable()
        arm.block(steps)
        profile.disable()
        arm.close()
        return float(pstats.Stats(profile).total_calls) / steps  # type: ignore[attr-defined]

    for name, case in CASES.items():
        if name.startswith(only):
            base = count(case, plain)
            for way, watch in {"watch": watched, "standard": probed("standard")}.items():
                value = count(case, watch) / base
                yield Row(f"{name}: {way}", value, value)


TABLES: dict[str, Callable[[int, str], Iterator[Row]]] = {"calls": calls, "cost": cost}


def main(arguments: list[str]) -> int:
    """Print the tables; return 1 if a bar is missed at the size that it names."""
    torch.set_num_threads(1)
    rounds = next((int(a) for a in arguments if a.isdigit()), 60)
    chosen = [a for a in arguments if a in TABLES] or list(TABLES)
    only = next((a for a in arguments if not a.isdigit() and a not in TABLES), "")
    missed = 0
    print("bars count for: " + "; ".join(sorted(NAMED_BY_THE_BARS)))
    for name in chosen:
        print(f"\n{name}: {TABLES[name].__doc__}")
        for row in TABLES[name](rounds, only):
            print(row, flush=True)
            missed += row.counts and not row.met
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
