"""What `probe`, `watch` and an optimizer's step were given, checked and changed."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.tensors import with_gradients
from gradcourse.support import GradcourseError


def check_model(model: Any) -> None:
    """Refuse what has no gradients to record."""
    _check_is_one("probe", model)
    if not isinstance(model, nn.Module):
        raise GradcourseError(
            f"probe got {type(model).__name__!r}; it takes a torch.nn.Module: probe(model)."
        )
    check_takes_hooks("probe", model)
    check_has_values("probe", model)
    if not with_gradients(model):
        raise GradcourseError(
            f"This {type(model).__name__} has no parameters that can have one, so there is no "
            "gradient to record; give the model that you train."
        )


def check_has_values(caller: str, model: nn.Module) -> None:
    """Refuse parameters that hold no numbers yet."""
    if any(p.is_meta for p in model.parameters()):
        raise GradcourseError(
            f"This {type(model).__name__} has parameters on the meta device, which hold no "
            f"numbers; {caller} it once they have values: model.to_empty(device=…), then load them."
        )
    if any(nn.parameter.is_lazy(p) for p in model.parameters()):
        raise GradcourseError(
            f"This {type(model).__name__} has lazy parameters without a shape; call it once on a "
            f"batch, then {caller} it."
        )


def check_module(caller: str, model: Any) -> None:
    """Refuse what is no module."""
    _check_is_one(caller, model)
    if not isinstance(model, nn.Module):
        raise GradcourseError(
            f"{caller} got {type(model).__name__!r}; it takes a torch.nn.Module as its first "
            "argument."
        )


def _check_is_one(caller: str, model: Any) -> None:
    """Refuse several models, and say how they go."""
    several = list(model.values()) if isinstance(model, dict) else model
    if isinstance(several, list | tuple) and all(isinstance(m, nn.Module) for m in several):
        raise GradcourseError(
            f"{caller} got {len(several)} models; it takes one. Give each a block of its own: with "
            f"{caller}(one, its_optimizer) as a, {caller}(other, its_optimizer) as b: …"
        )


def check_takes_hooks(caller: str, model: nn.Module) -> None:
    """Refuse what torch.jit.script has made."""
    if isinstance(model, torch.jit.RecursiveScriptModule):
        raise GradcourseError(
            "A model made by torch.jit.script takes no hooks, so nothing in it can be recorded; "
            f"{caller} the model before torch.jit.script."
        )


def checked_optimizer(caller: str, optimizer: Any, model: nn.Module) -> Any:
    """The torch optimizer inside, if it updates the model; None stays None."""
    if optimizer is None:
        return None
    # Accelerate and Lightning wrap the optimizer, and its hooks are the ones that are called.
    for _ in range(3):
        inner = getattr(optimizer, "optimizer", None)
        if not hasattr(inner, "register_step_pre_hook"):
            inner = _wrapped_in(optimizer)
        if inner is None:
            break
        optimizer = inner
    if not hasattr(optimizer, "register_step_pre_hook") or isinstance(optimizer, type):
        kind = f"{optimizer.__name__}(model.parameters(), …)" if isinstance(optimizer, type) else ""
        raise GradcourseError(
            f"optimizer is a {type(optimizer).__name__}; expected a torch.optim.Optimizer, or "
            f"None: {caller}(model, {kind or 'optimizer'})."
        )
    if held(optimizer).isdisjoint(map(id, model.parameters())):
        raise GradcourseError(
            "The optimizer updates none of this model's parameters; make it from "
            f"model.parameters() of the model that you {caller}. Was it made before the model, or "
            "a layer of it, was replaced, copied or moved? Where it holds copies in float32 on "
            f"purpose, leave it out: gc.{caller}(model)."
        )
    return optimizer


def _wrapped_in(wrapper: Any) -> Any:
    """The one optimizer that an object of another kind keeps as an attribute, or None."""
    if isinstance(wrapper, type | str) or hasattr(wrapper, "_optimizer_step_pre_hooks"):
        return None
    values = list(getattr(wrapper, "__dict__", {}).values())
    inside = [value for value in values if isinstance(value, torch.optim.Optimizer)]
    return inside[0] if len(inside) == 1 else None


def is_number(option: Any) -> bool:
    """Whether an optimizer's setting is one; a compiled optimizer has a tensor for its rate."""
    return isinstance(option, int | float) or (
        isinstance(option, torch.Tensor) and option.numel() == 1
    )


def held(optimizer: Any) -> set[int]:
    """Identities of the tensors that it updates."""
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def checked_optimizers(caller: str, given: Any, model: nn.Module) -> list[Any]:
    """The torch optimizers in a list, in one, or in None; one of them must update a part of it.

    Of a list those that update other models alone are left out.
    """
    is_list = isinstance(given, list | tuple)
    several = given if is_list and all(hasattr(o, "param_groups") for o in given) else [given]
    if is_list and len(several) > 1:
        own = {id(p) for p in model.parameters()}
        several = [o for o in several if not own.isdisjoint(held(o))] or several
    return [checked_optimizer(caller, each, model) for each in several if each is not None]


def check_no_level(optimizer: Any) -> None:
    """Refuse a level where the optimizer stands: a probe takes both."""
    if isinstance(optimizer, str):
        raise GradcourseError(
            f"optimizer is {optimizer!r}; the level is given by name: level={optimizer!r}."
        )


def default_rhythm(level: Any) -> tuple[int, int]:
    """``every`` and ``histogram_every`` of a level."""
    if not isinstance(level, str) or level not in _LEVELS:
        raise GradcourseError(f"level is {level!r}; expected one of: {', '.join(_LEVELS)}.")
    return _LEVELS[level]


_LEVELS = MappingProxyType({"gradients": (1, 0), "standard": (10, 100), "everything": (1, 1)})


def checked_number(name: str, given: Any, usual: int) -> int:
    """A positive integer, or the usual one for None."""
    if given is None:
        return usual
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise GradcourseError(f"{name} is {given!r}; it must be an integer, 1 or more.")
    return given


def is_compiled(model: nn.Module) -> bool:
    """Whether a part of it is one piece, whose layers cannot be seen."""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    ) or isinstance(model, torch.jit.ScriptModule)


def is_sharded(model: nn.Module) -> bool:
    """Whether its weights are spread over several machines, as by FSDP.

    Each pass then works with others, which are put together for it, and the gradients come to its
    own parameters only when a backward pass is over.
    """
    of_modules = any(type(m).__name__ == "FullyShardedDataParallel" for m in model.modules())
    return of_modules or any(hasattr(p, "to_local") for p in model.parameters())


def with_closure(
    optimizer: Any, positional: Any, named: Any, wrap: Callable[[Any], Any]
) -> tuple[Any, Any] | None:
    """The arguments of ``optimizer.step`` with its closure wrapped, or None without a closure."""
    for k, value in enumerate(positional):
        if callable(value) and value is not optimizer:
            return (*positional[:k], wrap(value), *positional[k + 1 :]), named
    for name, value in named.items():
        if callable(value):
            return positional, {**named, name: wrap(value)}
    return None


def skips_update(optimizer: Any) -> bool:
    """Whether a GradScaler has found an overflow, and its fused optimizer will do nothing.

    For others the scaler does not call ``step`` at all.
    """
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found)
