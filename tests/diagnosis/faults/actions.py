"""What is done for each kind of remedy: functions of a run that know no fault by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from faults.setup import ENDS, LOSSES, Exp, Setup, Times
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


def _no_relu_end(setup: Setup, remedy: Remedy) -> Setup:
    """A sigmoid where the loss is one of probabilities."""
    return (_sigmoid_end if setup.loss in ("bce", "open bce") else _no_end)(setup, remedy)


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


def _classes(setup: Setup, remedy: Remedy) -> Setup:
    """One output for each class, drawn as the library does, and a cross-entropy."""

    def change(model: nn.Module) -> nn.Module:
        model = _without_end(model)
        assert isinstance(model, nn.Sequential)
        model[-1] = nn.Linear(model[-1].in_features, int(remedy.by))
        return model

    return replace(setup, loss="ce", edit=[*setup.edit, change])


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
    return replace(setup, edit=[*setup.edit, _drawn_anew])


def _drawn_anew(model: nn.Module) -> nn.Module:
    """He for a net with ReLUs, Xavier for others; biases at 0."""
    rectified = any(isinstance(m, nn.ReLU) for m in model.modules())
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            if rectified:
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            else:
                nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model


def _relu(setup: Setup, remedy: Remedy) -> Setup:
    """Sigmoids and exps inside become ReLUs, and the weights are drawn for them."""

    def change(model: nn.Module) -> nn.Module:
        modules = [m for m in model.modules() if not list(m.children())]
        for parent in model.modules():
            for name, child in parent.named_children():
                if isinstance(child, nn.Sigmoid | Exp) and child is not modules[-1]:
                    setattr(parent, name, nn.ReLU())
        return _drawn_anew(model)

    return replace(setup, edit=[*setup.edit, change])


def _gain(setup: Setup, remedy: Remedy) -> Setup:
    def change(model: nn.Module) -> nn.Module:
        with torch.no_grad():
            for layer in model.modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    layer.weight.mul_(remedy.by)
        return model

    return replace(setup, edit=[*setup.edit, change])


def _activate(setup: Setup, remedy: Remedy) -> Setup:
    """A ReLU after each linear layer but the last; weights drawn for it."""

    def change(model: nn.Module) -> nn.Module:
        assert isinstance(model, nn.Sequential)
        layers: list[nn.Module] = []
        for layer in model:
            layers += [layer, nn.ReLU()] if isinstance(layer, nn.Linear) else [layer]
        return _drawn_anew(nn.Sequential(*layers[:-1]))

    return replace(setup, edit=[*setup.edit, change])


def _less_decay(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, options={**setup.options, "weight_decay": remedy.by})


def _no_end_scaled(setup: Setup, remedy: Remedy) -> Setup:
    return replace(_no_end(setup, remedy), standard=True)


def _exp_end(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, edit=[*setup.edit, _with_end("x")])


def _flip(setup: Setup, remedy: Remedy) -> Setup:
    before = LOSSES[setup.loss] if isinstance(setup.loss, str) else setup.loss
    return replace(setup, loss=lambda out, y: -before(out, y))


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


def _less_dropout(setup: Setup, remedy: Remedy) -> Setup:
    def change(model: nn.Module) -> nn.Module:
        for module in model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = remedy.by
        return model

    return replace(setup, edit=[*setup.edit, change])


def _without(*habits: str) -> Callable[[Setup, Remedy], Setup]:
    """End a habit of the loop, if it is that one."""

    def action(setup: Setup, remedy: Remedy) -> Setup:
        return replace(setup, habit="" if setup.habit in habits else setup.habit)

    return action


def _all_given(setup: Setup, remedy: Remedy) -> Setup:
    return _without("thaws")(_new_optimizer(setup, remedy), remedy)


def _scale_outputs(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, edit=[*setup.edit, lambda model: nn.Sequential(model, Times(remedy.by))])


def _other_loss(before: str, after: str) -> Callable[[Setup, Remedy], Setup]:
    """Another loss, where it is that one."""

    def action(setup: Setup, remedy: Remedy) -> Setup:
        return replace(setup, loss=after if setup.loss == before else setup.loss)

    return action


def _smooth(setup: Setup, remedy: Remedy) -> Setup:
    """ReLUs become tanhs, and the weights are drawn for them."""

    def change(model: nn.Module) -> nn.Module:
        for parent in model.modules():
            for name, child in parent.named_children():
                if isinstance(child, nn.ReLU):
                    setattr(parent, name, nn.Tanh())
        return _drawn_anew(model)

    return replace(setup, edit=[*setup.edit, change])


def _near(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, near=True)


def _usual_betas(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, options={**setup.options, "betas": (0.9, 0.999)})


def _unfreeze(setup: Setup, remedy: Remedy) -> Setup:
    return replace(setup, edit=[*setup.edit, lambda model: model.requires_grad_()])


def _logarithms(setup: Setup, remedy: Remedy) -> Setup:
    raw = setup.loss == "divergence of raw outputs"
    return replace(
        setup, loss="divergence" if raw else setup.loss, edit=[*setup.edit, _without_end]
    )


def _plain_rate(setup: Setup, remedy: Remedy) -> Setup:
    return _without("loses the rate")(_no_schedule(setup, remedy), remedy)


def _forbidden(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Zeros of a mask of numbers become −∞, and ones 0."""
    mask = named["attn_mask"]
    return given, {**named, "attn_mask": torch.zeros_like(mask).masked_fill(mask == 0, -torch.inf)}


def _turned(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """A padding mask the other way round; of a mask over steps, past and future."""
    padding, steps = named.get("key_padding_mask"), named.get("attn_mask")
    turned = {
        "key_padding_mask": None if padding is None else ~padding,
        "attn_mask": None if steps is None else steps.T,
    }
    return given, {**named, **turned}


def _before_attention(change: Callable[..., Any]) -> Callable[[Setup, Remedy], Setup]:
    """What an attention is called with, changed before it is."""

    def action(setup: Setup, remedy: Remedy) -> Setup:
        def hooked(model: nn.Module) -> nn.Module:
            for module in model.modules():
                if isinstance(module, nn.MultiheadAttention):
                    module.register_forward_pre_hook(change, with_kwargs=True)
            return model

        return replace(setup, edit=[*setup.edit, hooked])

    return action


_ACTIONS: dict[str, Callable[[Setup, Remedy], Setup]] = {
    "no end": _no_end,
    "no ReLU end": _no_relu_end,
    "sigmoid end": _sigmoid_end,
    "softmax over classes": _over_classes,
    "cross-entropy": _cross_entropy,
    "classes": _classes,
    "match shapes": _match_shapes,
    "rate": _rate,
    "warm up": _warm,
    "no schedule": _no_schedule,
    "scale data": _scale_data,
    "scale targets": _scale_data,
    "initialize": _initialize,
    "relu": _relu,
    "gain": _gain,
    "activate": _activate,
    "less decay": _less_decay,
    "no end, scaled": _no_end_scaled,
    "exp end": _exp_end,
    "flip the sign": _flip,
    "float32": _float32,
    "eps": _eps,
    "unscale first": _unscale,
    "raise the limit": _raise_limit,
    "new optimizer": _all_given,
    "no reentrant checkpoint": _set("reentrant", False),
    "connect the loss": _set("cut", False),
    "connect the layers": _set("cut", False),
    "normalize over more": _set("num_groups", 4),
    "norm first": _set("norm_first", True),
    "register": _register,
    "draw zeros": _draw_zeros,
    "less dropout": _less_dropout,
    "batch first": _set("batch_first", True),
    "turn first": _set("turned", True),
    "turn classes": _other_loss("ce across", "ce"),
    "connect the state": _set("cut", False),
    "shuffle": _without("sorted"),
    "clear once": _without("erases"),
    "both signs": _without("clamps"),
    "diagonal labels": _other_loss("ce, the first of all", "ce, row by row"),
    "forbid by the mask": _before_attention(_forbidden),
    "turn the mask": _before_attention(_turned),
    "clear gradients": _without("never clears"),
    "clear before": _without("clears late"),
    "new inputs": _without("in place"),
    "one optimizer": _without("makes optimizers"),
    "scale outputs": _scale_outputs,
    "usual betas": _usual_betas,
    "unfreeze": _unfreeze,
    "log of the outputs": _logarithms,
    "plain rate": _plain_rate,
    "call step": _without("never steps"),
    "read at the end": _set("read", -1),
    "read at the length": _set("at_length", True),
    "read the ends": _set("ends", True),
    "one model": _without("copies"),
    "connect the term": _without("counts a term"),
    "skip before the call": _without("skips late"),
    "use the layers": _set("used", True),
    "smooth activation": _smooth,
    "create the graph": _other_loss("slope, a number", "slope"),
    "safe operation": _set("inside", 1e-6),
    "straight through": _set("straight", True),
    "non-saturating": _other_loss("minimax", "minus log"),
    "scale scores": _set("divided", True),
    "leave out rows": _near,
    "balance the terms": _other_loss("class and mass in grams", "class and mass"),
}
