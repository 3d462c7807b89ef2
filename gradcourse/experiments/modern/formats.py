"""Lesson 12: the same training with its weights in float32, in bfloat16, or in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.experiments.common import digits

if TYPE_CHECKING:
    import torch

WHOLE, COPY, ALONE, RANDOM = (
    "float32",
    "bfloat16, float32 copy",
    "bfloat16",
    "bfloat16, random rounding",
)
KINDS = (WHOLE, COPY, ALONE, RANDOM)
RATE, BATCH = 1e-4, 64
UPDATES = 400
LONG = 5 * UPDATES
EVERY = 20
ITEMS = tuple((kind, seed) for kind in KINDS for seed in range(5))


def network(seed: int) -> torch.nn.Sequential:
    """Three ReLU layers of 64."""
    from gradcourse.nets import mlp

    return mlp(3, activation="relu", init="he", seed=seed)


def training(kind: str, seed: int, updates: int = LONG) -> dict[str, Any]:
    """Train on the digits with Adam, whose memory is in float32 throughout.

    Parameters
    ----------
    kind : str
        - "float32": weights and both passes.
        - "bfloat16, float32 copy": both passes in bfloat16; updates are added to a copy in float32
          (Micikevicius et al. 2018).
        - "bfloat16": updates are added to the weights in bfloat16, the nearest number wins.
        - "bfloat16, random rounding": they are rounded up or down by chance, right in the mean.
    seed, updates : int

    Returns
    -------
    dict
        ``loss``: means of 20 updates each; ``right``: share of the test digits at the end;
        ``still``: share of the matrices' weights that the first update left as they were.
    """
    import torch

    data, net = digits(), network(seed)
    copies = [p.detach().clone() for p in net.parameters()]
    if kind != WHOLE:
        net = net.bfloat16()
        if kind != COPY:
            copies = [copy.bfloat16().float() for copy in copies]
    dtype = torch.float32 if kind == WHOLE else torch.bfloat16
    optimizer = torch.optim.Adam(copies, lr=RATE)
    generator, chance = (torch.Generator().manual_seed(seed + k) for k in (0, 1000))
    losses, still = [], None
    for _ in range(updates):
        rows = torch.randint(len(data.x_train), (BATCH,), generator=generator)
        outputs = net(data.x_train[rows].to(dtype)).float()
        loss = torch.nn.functional.cross_entropy(outputs, data.y_train[rows])
        net.zero_grad()
        loss.backward()
        before = [copy.clone() for copy in copies] if still is None else []
        for copy, p in zip(copies, net.parameters(), strict=True):
            copy.grad = p.grad.float()  # type: ignore[union-attr]
        optimizer.step()
        with torch.no_grad():
            for copy, p in zip(copies, net.parameters(), strict=True):
                if kind in (ALONE, RANDOM):
                    copy.copy_(_rounded(copy, chance if kind == RANDOM else None))
                p.copy_(copy)
        if still is None:
            still = _share_still(before, copies)
        losses.append(float(loss.detach()))
    with torch.no_grad():
        right = net(data.x_test.to(dtype)).argmax(1) == data.y_test
    return {
        "kind": kind,
        "seed": seed,
        "loss": np.mean(np.reshape(losses, (-1, EVERY)), axis=1).tolist(),
        "right": float(right.float().mean()),
        "still": still,
    }


def _share_still(before: list[torch.Tensor], after: list[torch.Tensor]) -> float:
    """Share of the entries of matrices, with a gradient other than 0, that are as they were."""
    kept = moving = 0
    for old, new in zip(before, after, strict=True):
        if new.dim() > 1:
            alive = new.grad != 0
            kept += int((old == new)[alive].sum())
            moving += int(alive.sum())  # type: ignore[union-attr]
    return kept / moving


def _rounded(values: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    """To bfloat16 and back: to the nearest, or up or down by chance with the right mean."""
    import torch

    if generator is None:
        return values.bfloat16().float()
    bits = values.view(torch.int32)
    # The lower 16 bits are what bfloat16 has no room for: they become the chance to round up.
    noise = torch.randint(1 << 16, bits.shape, dtype=torch.int32, generator=generator)
    return ((bits + noise) & -(1 << 16)).view(torch.float32)
