"""What is done for each kind of remedy: functions of a run that know no fault by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from faults.setup import ENDS, Setup, network
from gradcourse.diagnosis import Remedy


def carry_out(remedy: Remedy, setup: Setup) -> Setup | None:
    """The run with the remedy carried out; None if only a person can."""
    action = _ACTIONS.get(remedy.action)
    return None if action is None else action(setup, remedy)


def _without_end(model: nn.Module) -> nn.Module:
    if isinstance(model, nn.Sequential) and not list(model[-1].parameters()):
        return model[:-1]
    if hasattr(model, "end"):
        model.end = nn.Identity()  # type: ignore[assignment]
    return model


def _no_end(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, edit=[*setup.edit, _without_end])


def _with_end(end: str) -> Callable[[nn.Module], nn.Module]:
    return lambda model: nn.Sequential(_without_end(model), ENDS[end]())


def _sigmoid_end(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, edit=[*setup.edit, _with_end("s")])


def _over_classes(setup: Setup, remedy: Remedy) -> Setup:
    def change(model: nn.Module) -> nn.Module:
        for module in model.modules():
            if isinstance(module, nn.Softmax | nn.LogSoftmax):
                module.dim = 1
        return model

    return replace(setup, edit=[*setup.edit, change])


def _cross_entropy(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, loss="ce", edit=[*setup.edit, _without_end])


def _match_shapes(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, edit=[*setup.edit, lambda m: nn.Sequential(m, nn.Flatten(0))])


def _rate(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, rate=setup.rate * remedy.by)


def _warm(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, rate=setup.rate / 10, warm=setup.steps // 10)


def _no_schedule(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, decay=1.0)


def _scale_data(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, standard=True)


def _initialize(setup: Setup, remedy: Remedy) -> Setup:
    if setup.build is not None:
        return setup
    rectified = any(isinstance(m, nn.ReLU) for m in network(setup.net))
    return replace(setup, start="He" if rectified else "Gl")


def _relu(setup: Setup, remedy: Remedy) -> Setup:
    parts = setup.net.split("-")
    inner = [p[:-1] + "r" if p.endswith("s") and not p.startswith("d") else p for p in parts[1:-1]]
    return replace(setup, net="-".join([parts[0], *inner, parts[-1]]), start="He")


def _float32(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, dtype=torch.float32)


def _eps(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, options={**setup.options, "eps": remedy.by})


def _unscale(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, unscale=True)


def _raise_limit(setup: Setup, remedy: Remedy) -> Setup:
    return replace(
        setup, clip=setup.clip * remedy.by * 2, clip_value=setup.clip_value * remedy.by * 2
    )


def _new_optimizer(setup: Setup, remedy: Remedy) -> Setup:
    edit = [*setup.edit] + ([setup.late_edit] if setup.late_edit is not None else [])
    return replace(setup, edit=edit, late_edit=None)


def _set(name: str, value: Any) -> Callable[[Setup, Remedy], Setup]:
    """Set what a model of its own keeps as an attribute: its one switch."""

    def action(setup: Setup, remedy: Remedy) -> Setup:
        def change(model: nn.Module) -> nn.Module:
            for module in model.modules():
                if hasattr(module, name):
                    setattr(module, name, value)
            return model

        return replace(setup, edit=[*setup.edit, change])

    return action


def _register(setup: Setup, remedy: Remedy) -> Setup:
    def change(model: nn.Module) -> nn.Module:
        for name, value in list(vars(model).items()):
            if isinstance(value, list) and value and isinstance(value[0], nn.Module):
                delattr(model, name)
                setattr(model, name, nn.ModuleList(value))
        return model

    return replace(setup, edit=[*setup.edit, change])


def _draw_zeros(setup: Setup, remedy: Remedy) -> Setup:
    def change(model: nn.Module) -> nn.Module:
        for module in model.modules():
            zeros = [
                p for p in module.parameters(recurse=False) if p.dim() > 1 and not p.detach().any()
            ]
            if len(zeros) > 1:
                nn.init.normal_(zeros[0], std=0.5)
        return model

    return replace(setup, edit=[*setup.edit, change])


_ACTIONS: dict[str, Callable[[Setup, Remedy], Setup]] = {
    "no end": _no_end,
    "sigmoid end": _sigmoid_end,
    "softmax over classes": _over_classes,
    "cross-entropy": _cross_entropy,
    "match shapes": _match_shapes,
    "rate": _rate,
    "warm up": _warm,
    "no schedule": _no_schedule,
    "scale data": _scale_data,
    "scale targets": _scale_data,
    "initialize": _initialize,
    "relu": _relu,
    "float32": _float32,
    "eps": _eps,
    "unscale first": _unscale,
    "raise the limit": _raise_limit,
    "new optimizer": _new_optimizer,
    "no reentrant checkpoint": _set("reentrant", False),
    "connect the loss": _set("cut", False),
    "connect the layers": _set("cut", False),
    "normalize over more": _set("num_groups", 4),
    "norm first": _set("norm_first", True),
    "register": _register,
    "draw zeros": _draw_zeros,
}
