"""Who names the place of a NaN, and at what cost: the post-mortem or torch's detect_anomaly?

Faults are planted in one module of a network, from one step on; each tool watches a plain loop.
A tool is right when it names the module, the direction and the step. detect_anomaly names no
module, so it is right when the line of code it shows is the planted one, or the failing function
is the planted operation in the backward pass.

    python benchmarks/postmortem.py

Exit code 1 when the post-mortem misses a fault, or a watched step costs more than 1.10 of a
plain one.
"""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gradcourse.instrument.postmortem import NonFiniteError, watch

Function = Callable[[torch.Tensor], torch.Tensor]
AT_STEP = 3


class BadGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * float("nan")


class Fault(nn.Module):
    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function, self.on = function, False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x) if self.on else torch.tanh(x)


def masked(x: torch.Tensor) -> torch.Tensor:
    scores = (x @ x.T).masked_fill(torch.arange(len(x))[:, None] == 2, -torch.inf)
    return scores.softmax(-1) @ x


FAULTS: dict[str, tuple[str, Function]] = {
    "forward: × NaN": ("forward", lambda x: x * float("nan")),
    "forward: log(0)": ("forward", lambda x: torch.log(x.relu())),
    "forward: 0/0": ("forward", lambda x: (0 * x) / (0 * x).sum()),
    "forward: exp overflow": ("forward", lambda x: torch.exp(1000 * x)),
    "forward: exp overflow, ∞/∞": ("forward", lambda x: (k := (1000 * x).exp()) / k.sum()),
    "forward: dropout, log(0)": ("forward", lambda x: functional.dropout(x, 0.3).abs().log()),
    "forward: batch-norm": (
        "forward",
        lambda x: functional.batch_norm(x, *torch.zeros(2, x.shape[1]), eps=0.0),
    ),
    "forward: masked softmax": ("forward", masked),
    "forward: float16 overflow": ("forward", lambda x: (x.half() * 6e4 * 2).float()),
    "backward: own function": ("backward", BadGradient.apply),
    "backward: where-trap": ("backward", lambda x: torch.where(x > 0, x.sqrt(), x)),
    "backward: sqrt(0)": ("backward", lambda x: torch.sqrt(0 * x)),
    "backward: overflow": ("backward", lambda x: (x * 1e-30).mul(1e38).mul(1e10)),
    "parameter": ("parameter", lambda x: x),
    "input batch": ("input", lambda x: x),
    "loss function: log(0)": ("loss", lambda x: x),
}


def loss_function(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(outputs, y)


def bad_loss(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -torch.log(0 * outputs.softmax(-1)[:, 0]).mean()


def run(kind: str, function: Function, begin: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    fault = Fault(function)
    body = [nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.1), nn.Tanh(), nn.Linear(16, 16)]
    model = nn.Sequential(*body, nn.Sequential(nn.Tanh(), fault), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    losses = [bad_loss if kind == "loss" and k == AT_STEP else loss_function for k in range(6)]
    used = [loss_function]
    with begin(model, optimizer, lambda *given: used[0](*given)) as seen:
        for step, used[0] in enumerate(losses):
            x, y = torch.randn(8, 6), torch.arange(8) % 3
            if step == AT_STEP:
                fault.on = kind in ("forward", "backward")
                if kind == "input":
                    x[2, 3] = np.nan
                if kind == "parameter":
                    with torch.no_grad():
                        model[4].weight[0, 0] = np.nan
            optimizer.zero_grad()
            outputs = model(x)
            loss = seen.loss(outputs, y) if seen is not None else used[0](outputs, y)
            loss.backward()
            optimizer.step()


def post_mortem_says(kind: str, function: Function) -> tuple[bool, str]:
    try:
        run(kind, function, watch)
    except NonFiniteError as error:
        found = error.post_mortem
    else:
        return False, "nothing"
    place = {"parameter": "4", "input": "0", "loss": "loss function"}.get(kind, "5.1")
    direction = "forward" if kind == "loss" else kind
    right = (found.module, found.direction, found.step) == (place, direction, AT_STEP)
    return right, found.title.removeprefix(f"step {AT_STEP}: ")


class Anomaly:
    def __init__(self, *_: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._mode = torch.autograd.detect_anomaly()

    def __enter__(self) -> None:
        self._mode.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self._mode.__exit__(*exception)


def anomaly_says(kind: str, function: Function) -> tuple[bool, str]:
    """What it prints is a traceback of the forward call of the failing node, and its name."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            run(kind, function, Anomaly)
        except RuntimeError as error:
            said = str(error).split("'")[1] if "'" in str(error) else str(error)
            # Only the forward call counts, not where this script calls backward.
            shown = "".join(str(w.message) for w in caught if "Traceback" in str(w.message))
            if not shown:
                shown = "".join(traceback.format_exception_only(error))
        else:
            return False, "nothing"
    in_fault = "self.function(x) if self.on" in shown
    in_loss = "torch.log(0 * outputs" in shown
    # For a forward fault, a node of the backward pass inside the module is the place at least.
    right = in_fault if kind in ("forward", "backward") else in_loss and kind == "loss"
    return right, said


def cost(model: nn.Module, x: torch.Tensor, rounds: int) -> dict[str, tuple[float, float]]:
    """Median step time of each way as a ratio to the plain one, from interleaved steps.

    First by the processor's clock, which other programs do not move, then by the wall's.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        output = model(x)
        (output[0] if isinstance(output, tuple) else output).square().mean().backward()
        optimizer.step()

    ways: dict[str, Callable[[], Any]] = {
        "watch": lambda: watch(model, optimizer),
        "detect_anomaly": Anomaly,
    }
    ratios: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, begin in ways.items():
            times = {}
            for which in ("plain", "with") if number % 2 else ("with", "plain"):
                block = begin() if which == "with" else torch.enable_grad()
                with warnings.catch_warnings(), block:
                    warnings.simplefilter("ignore")
                    step()
                    start = _clocks()
                    for _ in range(5):
                        step()
                    times[which] = _clocks() - start
            ratios[name].append(times["with"] / times["plain"])
    medians = {name: np.median(values, axis=0) for name, values in ratios.items()}
    return {name: (float(cpu), float(wall)) for name, (cpu, wall) in medians.items()}


def _clocks() -> np.ndarray:
    return np.array([time.process_time(), time.perf_counter()])


def networks() -> dict[str, tuple[nn.Module, torch.Tensor, int]]:
    layers: list[nn.Module] = []
    for _ in range(50):
        layers += [nn.Linear(128, 128), nn.ReLU()]
    convolutions: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1)]
    for _ in range(19):
        convolutions += [nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)]
    return {
        "MLP 50 × 128": (nn.Sequential(*layers), torch.randn(64, 128), 100),
        "CNN 20, batch-norm": (nn.Sequential(*convolutions), torch.randn(16, 3, 32, 32), 12),
        "LSTM 256 × 100": (nn.LSTM(64, 256), torch.randn(100, 32, 64), 6),
    }


def main() -> int:
    torch.set_num_threads(1)
    failed = 0
    print(f"{'planted at step 3':28} {'post-mortem':62} detect_anomaly")
    hits = [0, 0]
    for name, (kind, function) in FAULTS.items():
        ours, anomaly = post_mortem_says(kind, function), anomaly_says(kind, function)
        hits[0] += ours[0]
        hits[1] += anomaly[0]
        marks = ["✓" if right else "✗" for right in (ours[0], anomaly[0])]
        print(f"{name:28} {marks[0]} {ours[1]:60} {marks[1]} {anomaly[1]}")
    print(f"named right: {hits[0]} and {hits[1]} of {len(FAULTS)}")
    failed += hits[0] < len(FAULTS)
    print("\nstep time as a multiple of the plain one, by the processor's clock")
    for name, (model, x, rounds) in networks().items():
        ratios = cost(model, x, rounds)
        failed += ratios["watch"][0] > 1.10
        both = "   ".join(
            f"{way} {cpu:.3f} (wall {wall:.3f})" for way, (cpu, wall) in ratios.items()
        )
        print(f"{name:28} {both}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
