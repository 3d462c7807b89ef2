"""Answers of lessons 06 to 09 that were judged wrongly once: other right ways, and near misses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gradcourse.checking import Verdict, check
from gradcourse.exercises import get
from gradcourse.instrument import clip_grad_norm_

SEEDS = range(20)


def verdicts(exercise: str, seeds: range = SEEDS, **answers: Any) -> list[Verdict]:
    return [check(get(exercise), answers, seed=seed) for seed in seeds]


# ── Right ─────────────────────────────────────────────────────────────────────────────────────


def squared_error_by_hand(model, x, y, optimizer, scaler, max_norm) -> None:
    """Another backward than mse_loss has: an overflow must not hang on which of them it is."""
    optimizer.zero_grad()
    scaler.scale(((model(x) - y) ** 2).mean()).backward()
    scaler.unscale_(optimizer)
    clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()


def clipped_while_scaled(model, x, y, optimizer, scaler, max_norm) -> None:
    optimizer.zero_grad()
    scaler.scale(F.mse_loss(model(x), y)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm * scaler.get_scale())
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("step", [squared_error_by_hand, clipped_while_scaled])
def test_a_training_step_in_other_words(step) -> None:
    assert all(v.right for v in verdicts("clipping/loop", training_step=step))
    assert check(get("clipping/loop"), {"training_step": step}, seed=114).right


def angle_from_sums(raw, clipped) -> float:
    dot = sum(float((a * b).sum()) for a, b in zip(raw, clipped, strict=True))
    squares = [sum(float((a * a).sum()) for a in g) for g in (raw, clipped)]
    return math.degrees(math.acos(min(1.0, dot / math.sqrt(math.prod(squares)))))


def angle_in_float32(raw, clipped) -> float:
    a, b = (torch.cat([torch.tensor(t).flatten() for t in g]).float() for g in (raw, clipped))
    return torch.rad2deg(torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))).item()


@pytest.mark.parametrize("angle", [angle_from_sums, angle_in_float32])
def test_an_angle_tensor_by_tensor_and_in_float32(angle) -> None:
    assert all(v.right for v in verdicts("clipping/angle", range(300), angle_to_raw=angle))


def sliced_shortcut(channels_in: int, channels_out: int) -> nn.Module:
    return down_block(
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        channels_in,
        channels_out,
        lambda block, x: block.shortcut(x[:, :, ::2, ::2]) + branch(block, torch.relu(x)),
    )


def test_a_projection_of_every_other_pixel() -> None:
    assert all(v.right for v in verdicts("residual/projection", DownBlock=sliced_shortcut))


# ── Near misses ───────────────────────────────────────────────────────────────────────────────


def branch(block: Any, x: Any) -> Any:
    return block.conv2(torch.relu(block.conv1(x)))


def down_block(shortcut: nn.Module, channels_in: int, channels_out: int, forward: Any) -> nn.Module:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
            self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
            self.shortcut = shortcut

        def forward(self, x: Any) -> Any:
            return forward(self, x)

    return Block()


def shortcut_with_bias(channels_in: int, channels_out: int) -> nn.Module:
    return down_block(
        nn.Conv2d(channels_in, channels_out, 1, stride=2),
        channels_in,
        channels_out,
        lambda block, x: block.shortcut(x) + branch(block, torch.relu(x)),
    )


def relu_in_place(channels_in: int, channels_out: int) -> nn.Module:
    return down_block(
        nn.Conv2d(channels_in, channels_out, 1, stride=2, bias=False),
        channels_in,
        channels_out,
        lambda block, x: block.shortcut(x) + branch(block, F.relu(x, inplace=True)),
    )


def fixup_in_place(matrices, blocks):
    for matrix in matrices[:-1]:
        matrix *= blocks ** (-1 / (2 * len(matrices) - 2))
    matrices[-1] = np.zeros_like(matrices[-1])
    return matrices


def only_norms_in_evaluation_mode(model, x):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    return model(x).argmax(dim=1)


def clips_inf(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients))
    if norm > max_norm:
        for gradient in gradients:
            gradient *= max_norm / norm
    return norm


def no_place_for_none(parameters, max_norm):
    norm = math.sqrt(sum(float(p.grad.double().square().sum()) for p in parameters))
    if math.isfinite(norm) and norm > max_norm:
        for p in parameters:
            p.grad.mul_(max_norm / norm)
    return norm


def shortcut_that_keeps_the_size(channels_in: int, channels_out: int) -> nn.Module:
    return down_block(
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        channels_in,
        channels_out,
        lambda block, x: branch(block, torch.relu(x)) + block.shortcut(x),
    )


def summed_error(model, x, y, optimizer, scaler, max_norm) -> None:
    """Only a gradient that is not clipped tells it from the mean."""
    optimizer.zero_grad()
    scaler.scale(F.mse_loss(model(x), y, reduction="sum")).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize(
    ("exercise", "name", "answer", "slip"),
    [
        ("residual/projection", "DownBlock", shortcut_with_bias, "a bias"),
        ("residual/projection", "DownBlock", relu_in_place, "ReLU in place"),
        ("residual/fixup", "fixup", fixup_in_place, "in place"),
        (
            "batch-norm/predict",
            "predict",
            only_norms_in_evaluation_mode,
            "a layer left in evaluation mode",
        ),
        ("clipping/global-norm", "clip_by_global_norm", clips_inf, "Inf is clipped"),
        ("clipping/global-norm", "clip_by_global_norm", no_place_for_none, "no place for None"),
        (
            "residual/projection",
            "DownBlock",
            shortcut_that_keeps_the_size,
            "the shapes do not fit",
        ),
    ],
)
def test_a_near_miss_has_its_name(exercise, name, answer, slip) -> None:
    for verdict in verdicts(exercise, range(3), **{name: answer}):
        assert not verdict.right
        assert verdict.misconceptions == (slip,), f"\n{verdict}"


def test_a_sum_of_squares_is_no_mean() -> None:
    assert not any(v.right for v in verdicts("clipping/loop", range(3), training_step=summed_error))


def test_a_norm_that_hides_nan_is_told_in_numbers() -> None:
    def finite_only(parameters, max_norm):
        for p in parameters:
            if p.grad is not None:
                p.grad.nan_to_num_()
        return clip_grad_norm_(parameters, max_norm)

    (verdict,) = verdicts("clipping/global-norm", range(1), clip_by_global_norm=finite_only)
    assert "the norm that you returned" in repr(verdict)
    assert "text" not in repr(verdict)


def test_no_digit_of_the_example_hangs_on_a_rounding_error():
    """At the edge of ReLU one image cost the reference a point, where products round otherwise."""
    first, last, mean, variance, _, x = get("batch-norm/predict").parts[0].example
    u = x @ first.T
    in_training = (u - u.mean(axis=0)) / np.sqrt(u.var(axis=0) + 1e-5)
    for normed in ((u - mean) / np.sqrt(variance + 1e-5), in_training):
        outputs = np.sort(np.maximum(normed, 0) @ last.T, axis=1)
        assert (outputs[:, -1] - outputs[:, -2]).min() > 0.5
        assert np.abs(normed).min() > 0.01
