"""A small Transformer: its orders and norms against the formulas, bounds, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from gradcourse.diagnosis import diagnose
from gradcourse.instrument.probe import probe
from gradcourse.nets import transformer
from gradcourse.support import GradcourseError

TOKENS = torch.randint(16, (3, 20), generator=torch.Generator().manual_seed(0))


def by_hand(model: torch.nn.Sequential, order: str, alpha: float = 1.0) -> torch.Tensor:
    """The same forward pass, written out; attention by a loop over heads."""
    embedding = model.embedding
    x = embedding.token(TOKENS) + embedding.place[:20]
    blocks = [module for name, module in model.named_children() if name.startswith("block")]
    for block in blocks:
        for number, branch in ((1, block.attention), (2, block.feed_forward)):
            norm = block.get_submodule(f"norm{number}")
            run = attention if number == 1 else feed_forward
            if order == "pre":
                x = x + run(branch, norm(x))
            elif order == "peri":
                x = x + block.get_submodule(f"norm{number + 2}")(run(branch, norm(x)))
            else:
                x = norm(alpha * x + run(branch, x))
    return model.output(model.norm(x) if order in ("pre", "peri") else x)


def attention(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    q, k, v = (layer(x) for layer in (module.query, module.key, module.value))
    width = q.shape[-1] // module.heads
    read = []
    for head in range(module.heads):
        own = slice(head * width, (head + 1) * width)
        logits = q[..., own] @ k[..., own].transpose(1, 2) / math.sqrt(width)
        future = torch.ones(logits.shape[1:], dtype=torch.bool).triu(1)
        read.append(logits.masked_fill(future, -torch.inf).softmax(-1) @ v[..., own])
    return module.out(torch.cat(read, -1))


def feed_forward(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    return module.down(functional.relu(module.up(x)))


@pytest.mark.parametrize("order", ["pre", "post", "peri", "deepnorm"])
def test_it_computes_what_its_order_says(order: str) -> None:
    model = transformer(2, order=order, seed=1)
    alpha = 4**0.25 if order == "deepnorm" else 1.0
    torch.testing.assert_close(model(TOKENS), by_hand(model, order, alpha), rtol=1e-4, atol=1e-5)


def test_a_later_token_changes_nothing_before_it() -> None:
    model = transformer(2, seed=0)
    other = TOKENS.clone()
    other[:, 10] = (other[:, 10] + 1) % 16
    change = (model(TOKENS) - model(other)).detach().abs()
    assert float(change[:, :10].max()) < 1e-5
    assert float(change[:, 10:].max()) > 1e-3


def test_orders_and_norms_share_their_matrices() -> None:
    first = dict(transformer(2, seed=5).named_parameters())
    for options in ({"order": "post"}, {"norm": "tanh"}, {"qk_norm": True}, {"norm": "none"}):
        other = dict(transformer(2, seed=5, **options).named_parameters())
        for name in first.keys() & other.keys():
            torch.testing.assert_close(first[name], other[name], rtol=0, atol=0)
    assert not torch.equal(first["output.weight"], transformer(2, seed=6).output.weight)


def test_deepnorm_shrinks_the_four_matrices_that_it_names() -> None:
    plain, deep = transformer(8, seed=0), transformer(8, order="deepnorm", seed=0)
    for name in ("query", "key", "value", "out"):
        ratio = deep.block1.attention.get_submodule(name).weight.norm() / (
            plain.block1.attention.get_submodule(name).weight.norm()
        )
        assert float(ratio) == pytest.approx(1.0 if name in ("query", "key") else 64**-0.25)


def test_depth_scaling_divides_what_branches_read_by_the_root_of_the_depth() -> None:
    x = torch.randn(2, 5, 48, generator=torch.Generator().manual_seed(0))
    plain, scaled = transformer(4, seed=0), transformer(4, depth_scaling=True, seed=0)
    torch.testing.assert_close(scaled.block4.norm1(x), plain.block4.norm1(x) / 2)
    torch.testing.assert_close(scaled.block1.norm1(x), plain.block1.norm1(x))
    assert float(scaled.norm(x).detach().square().mean()) == pytest.approx(1.0, rel=1e-3)


def test_with_qk_norm_no_logit_exceeds_the_root_of_the_heads_width() -> None:
    x = 1e4 * torch.randn(4, 9, 48, generator=torch.Generator().manual_seed(0))
    held, free = transformer(1, qk_norm=True).block1.attention, transformer(1).block1.attention
    assert float(held.logits(x).abs().max()) <= math.sqrt(12) * (1 + 1e-6)
    assert float(free.logits(x).abs().max()) > 1e6
    # A token that meets itself through one matrix reaches the bound.
    held.key.weight.data.copy_(held.query.weight)
    assert float(held.logits(x).diagonal(dim1=-2, dim2=-1).min()) == pytest.approx(math.sqrt(12))


def test_the_tanh_is_no_norm() -> None:
    """A unit knows of no other: changing one changes no second."""
    norm = transformer(1, norm="tanh").norm
    x = torch.randn(1, 48)
    other = x.clone()
    other[0, 0] = 100.0
    changed = (norm(other) - norm(x)).abs()[0] > 0
    assert changed.tolist() == [True] + [False] * 47


def test_the_global_generator_is_left_alone() -> None:
    state = torch.random.get_rng_state()
    transformer(2, seed=3)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "sandwich"}, "order is 'sandwich'; expected one of pre, post, peri, deepnorm"),
        ({"norm": "batch"}, "norm is 'batch'; expected one of layer, rms, tanh, none"),
        ({"width": 50}, "width is 50; it must be a multiple of heads, 4"),
        ({"order": "post", "depth_scaling": True}, 'depth_scaling is for order "pre"'),
    ],
)
def test_what_it_cannot_build_it_names(options: dict[str, object], message: str) -> None:
    with pytest.raises(GradcourseError, match=message):
        transformer(2, **options)


def test_the_probe_reads_it_like_any_other() -> None:
    model = transformer(3, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with probe(model, optimizer) as record:
        for _ in range(2):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(TOKENS).flatten(0, 1), TOKENS.flatten())
            loss.backward()
            optimizer.step()
            record.log(loss)
    assert sum(name.endswith("feed_forward.down") for name in record.layers) == 3
    assert all(row.changed > 0 for row in record.who_trains())
    assert diagnose(record).healthy
