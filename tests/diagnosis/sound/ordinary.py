"""Ordinary networks without a sequence, each of a different kind; all learn."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from sound.training import (
    Training,
    adam,
    cross_entropy,
    dense,
    digits,
    pixels,
    teacher,
    usual,
)


def convolutions() -> Training:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    return usual(model, adam(model, 3e-3), digits(64, image=True), cross_entropy)


class ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm1(self.first(x)).relu()
        return (x + self.norm2(self.second(h))).relu()


def residual_images() -> Training:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), *[ResidualBlock(8) for _ in range(3)],
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    return usual(model, optimizer, digits(32, image=True), cross_entropy)


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.low = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(16, 8, 2, stride=2), nn.Conv2d(16, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        high = self.down(x).relu()
        low = self.low(functional.max_pool2d(high, 2)).relu()
        return self.out(torch.cat([high, self.up(low)], 1))


def segmentation() -> Training:
    model, source = UNet(), digits(16, image=True)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = source()[0]
        return x + 0.3 * torch.randn_like(x), (x[:, 0] > 0.5).long()

    return usual(model, adam(model, 3e-3), batch, cross_entropy)


def autoencoder() -> Training:
    model = nn.Sequential(dense(64, 32, 8), nn.ReLU(), dense(8, 32, 64, end=nn.Sigmoid()))
    return usual(model, adam(model, 3e-3), pixels(), functional.mse_loss)


def denoising_with_binary_cross_entropy() -> Training:
    model, source = dense(64, 48, 64), pixels()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = source()
        return x + 0.2 * torch.randn_like(x), y

    optimizer = adam(model, 3e-3)
    return usual(model, optimizer, batch, functional.binary_cross_entropy_with_logits)


class Variational(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(48, 6), nn.Linear(48, 6)
        self.decoder = dense(6, 48, 64)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(z), mean, log_variance


def _elbo(parts: Any, x: torch.Tensor) -> torch.Tensor:
    out, mean, log_variance = parts
    fit = functional.binary_cross_entropy_with_logits(out, x, reduction="sum") / len(x)
    prior = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum() / len(x)
    return fit + prior


def variational() -> Training:
    model = Variational()
    return usual(model, adam(model, 3e-3), pixels(), _elbo)


def large_targets() -> Training:
    """Targets in hundreds, by a rate that brings them there."""
    model, source = dense(8, 64, 64, 1), teacher(8)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = source()
        return x, 300 + 200 * y

    return usual(model, adam(model, 1e-2), batch, functional.mse_loss)


def several_labels() -> Training:
    model = dense(20, 64, 12)
    rule = torch.randn(20, 12)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 20)
        return x, (x @ rule > 3).float()

    return usual(model, adam(model, 3e-3), batch, functional.binary_cross_entropy_with_logits)


def contrastive() -> Training:
    """InfoNCE over pairs of views."""
    model, source = dense(64, 64, 16), digits(48)
    optimizer = adam(model, 2e-3)

    def step(k: int) -> torch.Tensor:
        x = source()[0]
        one, two = (functional.normalize(model(x + 0.3 * torch.randn_like(x))) for _ in range(2))
        optimizer.zero_grad()
        loss = functional.cross_entropy(one @ two.T / 0.2, torch.arange(len(x)))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


class TwoViews(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(),
                                     nn.Linear(48, 16), nn.BatchNorm1d(16))  # fmt: skip
        self.predictor = dense(16, 16, 16)

    def forward(self, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        a, b = self.encoder(one), self.encoder(two)
        p, q = self.predictor(a), self.predictor(b)
        similar = functional.cosine_similarity
        return -0.5 * (similar(p, b.detach()).mean() + similar(q, a.detach()).mean())


def views_without_negatives() -> Training:
    """SimSiam: minus a cosine, and a branch that is detached on purpose; the model is the loss."""
    model, source = TwoViews(), digits(64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(k: int) -> torch.Tensor:
        x = source()[0]
        optimizer.zero_grad()
        loss = model(x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def cosine_regression() -> Training:
    """Minus a cosine similarity to a target direction: negative from early on."""
    model = dense(10, 32, 6)
    rule = torch.randn(10, 6)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 10)
        return x, (x @ rule).tanh()

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -functional.cosine_similarity(out, y).mean()

    return usual(model, adam(model, 2e-3), batch, loss_of)


def triplets() -> Training:
    model, source = dense(64, 48, 8), digits(96)
    optimizer = adam(model, 1e-3)

    def step(k: int) -> torch.Tensor:
        x, y = source()
        h = functional.normalize(model(x))
        gaps = torch.cdist(h, h)  # (n, n)
        same = y[:, None] == y[None]
        far = (gaps * same).amax(1)
        near = gaps.masked_fill(same, 9.0).amin(1)
        optimizer.zero_grad()
        loss = (0.3 + far - near).clamp_min(0).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def siamese() -> Training:
    """Two calls of one net, a margin on their distance."""
    model, source = dense(64, 48, 8), digits(64)
    optimizer = adam(model, 2e-3)

    def step(k: int) -> torch.Tensor:
        (x, y), (x2, y2) = source(), source()
        gap = (model(x) - model(x2)).square().sum(1).add(1e-8).sqrt()
        same = (y == y2).float()
        optimizer.zero_grad()
        loss = (same * gap**2 + (1 - same) * (2 - gap).clamp_min(0) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def short_floats_by_autocast() -> Training:
    model, source = dense(64, 64, 64, 10), digits()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step(k: int) -> torch.Tensor:
        x, y = source()
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def scaled_and_clipped() -> Training:
    """A gradient scaler, its factor divided out before the norm is clipped."""
    model, source = dense(64, 64, 64, 10), digits()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14)

    def step(k: int) -> torch.Tensor:
        x, y = source()
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    return Training(model, optimizer, step)


def accumulated() -> Training:
    """Four small batches to an update; the loss of each is a quarter."""
    model, source = dense(64, 64, 10), digits(16)
    optimizer = adam(model, 2e-3)

    def step(k: int) -> torch.Tensor:
        optimizer.zero_grad()
        total = torch.zeros(())
        for _ in range(4):
            x, y = source()
            loss = functional.cross_entropy(model(x), y) / 4
            loss.backward()
            total += loss.detach()
        optimizer.step()
        return total

    return Training(model, optimizer, step)


def frozen_backbone() -> Training:
    """Features of a net that was trained before; only a new head trains, and all are given."""
    backbone, source = dense(64, 64, 32), digits()
    before = torch.optim.Adam(backbone.parameters(), lr=3e-3)
    for _ in range(60):
        x, y = source()
        before.zero_grad()
        functional.cross_entropy(backbone(x)[:, :10], y).backward()
        before.step()
    model = nn.Sequential(backbone.requires_grad_(False), nn.ReLU(), nn.Linear(32, 10))
    return usual(model, torch.optim.Adam(model.parameters(), lr=1e-2), source, cross_entropy)


def two_rates() -> Training:
    """Fine-tuning: the body at a hundredth of the head's rate."""
    model, source = dense(64, 64, 64, 10), digits()
    groups = [{"params": model[:-1].parameters(), "lr": 1e-5}, {"params": model[-1].parameters()}]
    return usual(model, torch.optim.AdamW(groups, lr=1e-2), source, cross_entropy)


def dropout() -> Training:
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 128), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip
    return usual(model, adam(model, 1e-3), digits(), cross_entropy)


class MeanAndVariance(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 48), nn.Tanh())
        self.mean, self.variance = nn.Linear(48, 1), nn.Linear(48, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.body(x)
        return self.mean(h), functional.softplus(self.variance(h)) + 1e-4


def gaussian_likelihood() -> Training:
    """Minus a log-density, which falls below 0 as the noise is small."""
    model, source = MeanAndVariance(), teacher(8, noise=0.02)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = source()
        return x, 0.2 * y

    def loss_of(out: Any, y: torch.Tensor) -> torch.Tensor:
        return functional.gaussian_nll_loss(out[0], y, out[1])

    return usual(model, adam(model, 5e-3), batch, loss_of)


class Flow(nn.Module):
    """Affine couplings that turn points into a Gaussian."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(dense(1, 32, 2, between=nn.Tanh) for _ in range(6))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_volume = torch.zeros(len(x))
        for part in self.parts:
            a, b = x[:, :1], x[:, 1:]
            scale, shift = part(a).chunk(2, 1)
            scale = scale.tanh()
            x = torch.cat([(b + shift) * scale.exp(), a], 1)
            log_volume = log_volume + scale[:, 0]
        return x, log_volume


def flow() -> Training:
    """A normalizing flow on points of small spread: minus its log-likelihood, below 0."""
    model = Flow()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        angle = 6.28 * torch.rand(128)
        x = 0.3 * torch.stack([angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(128, 2)
        return x, x

    def loss_of(out: Any, y: torch.Tensor) -> torch.Tensor:
        z, log_volume = out
        return (0.5 * z.square().sum(1) + math.log(2 * math.pi) - log_volume).mean()

    return usual(model, adam(model, 3e-3), batch, loss_of)


class Mixture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = dense(1, 32, 32, between=nn.Tanh)
        self.share, self.mean, self.log_scale = (nn.Linear(32, 4) for _ in range(3))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        h = self.body(x).tanh()
        return self.share(h).log_softmax(1), self.mean(h), self.log_scale(h).clamp(-6, 3)


def mixture_density() -> Training:
    model = Mixture()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = 3 * torch.rand(64, 1)
        side = torch.randint(0, 2, (64, 1)) * 2.0 - 1
        return x, side * x.sin() + 0.05 * torch.randn(64, 1)

    def loss_of(out: Any, y: torch.Tensor) -> torch.Tensor:
        share, mean, log_scale = out
        z = (y - mean) / log_scale.exp()
        return -(share - 0.5 * z * z - log_scale - 0.919).logsumexp(1).mean()

    return usual(model, adam(model, 5e-3), batch, loss_of)


def one_row() -> Training:
    model = dense(64, 32, 10)
    return usual(model, adam(model, 1e-3), digits(1), cross_entropy)


def two_rows() -> Training:
    model = dense(64, 48, 48, 10, between=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    return usual(model, optimizer, digits(2), cross_entropy)


def _scheduled(training: Training, factor: Any) -> Training:
    schedule = torch.optim.lr_scheduler.LambdaLR(training.optimizer, factor)

    def step(k: int) -> torch.Tensor:
        loss = training.step(k)
        schedule.step()
        return loss

    return Training(training.model, training.optimizer, step)


def warm_up() -> Training:
    """The rate rises over the first hundred updates."""
    model = dense(64, 64, 64, 10)
    run = usual(model, adam(model, 3e-3), digits(), cross_entropy)
    return _scheduled(run, lambda k: min(1.0, (k + 1) / 100))


def cosine_to_zero() -> Training:
    """A cosine schedule that ends at 0 after 150 updates, as it is meant to."""
    model = dense(64, 64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    run = usual(model, optimizer, digits(), cross_entropy)
    return _scheduled(run, lambda k: 0.5 * (1 + math.cos(math.pi * min(k / 150, 1.0))))


def one_cycle() -> Training:
    model = dense(64, 64, 64, 10)
    run = usual(model, adam(model, 1e-2), digits(), cross_entropy)
    return _scheduled(run, lambda k: min((k + 1) / 20, max(0.02, 1 - (k - 20) / 200)))


def points() -> Training:
    """A set of points under a maximum, as PointNet has it."""

    class Points(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.each, self.whole = dense(3, 32, 64), dense(64, 32, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.whole(self.each(x).amax(1))

    model = Points()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.randint(0, 3, (32,))
        x = torch.randn(32, 24, 3) * torch.eye(3)[y][:, None].add(0.3)
        return x, y

    return usual(model, adam(model, 3e-3), batch, cross_entropy)


def graph() -> Training:
    """Two rounds of messages on one fixed graph, full batch."""
    nodes, classes = 200, 3
    y = torch.randint(0, classes, (nodes,))
    linked = torch.rand(nodes, nodes) < torch.where(y[:, None] == y, 0.08, 0.01)
    passing = (linked | linked.T | torch.eye(nodes, dtype=torch.bool)).float()
    passing = passing / passing.sum(1, keepdim=True)
    x = functional.one_hot(y, classes).float() + 1.5 * torch.randn(nodes, classes)

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(classes, 16), nn.Linear(16, classes)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return passing @ self.second((passing @ self.first(x)).relu())

    model = Graph()
    return usual(model, adam(model, 1e-2), lambda: (x, y), cross_entropy)


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(64, 4)
        self.experts = nn.ModuleList(dense(64, 16, 10) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        share = self.gate(x).softmax(1)
        outputs = torch.stack([expert(x) for expert in self.experts], 1)
        return (share[:, :, None] * outputs).sum(1)


def experts() -> Training:
    model = Experts()
    return usual(model, adam(model, 3e-3), digits(), cross_entropy)


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(6 * x)


def sines() -> Training:
    """A curve by a net of sines."""
    model = dense(1, 48, 48, 1, between=Sine)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = 2 * torch.rand(64, 1) - 1
        return x, torch.sin(8 * x) * x

    return usual(model, adam(model, 1e-3), batch, functional.mse_loss)


def smoothed_labels() -> Training:
    model = dense(64, 64, 10, between=nn.GELU)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    return usual(model, torch.optim.AdamW(model.parameters(), lr=1e-3), digits(), loss)


def mixed_labels() -> Training:
    """Mixup: cross-entropy of soft targets."""
    model, source = dense(64, 64, 10), digits()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        (x, y), (x2, y2) = source(), source()
        share = torch.rand(len(x), 1)
        soft = share * functional.one_hot(y, 10) + (1 - share) * functional.one_hot(y2, 10)
        return share * x + (1 - share) * x2, soft

    return usual(model, adam(model, 2e-3), batch, cross_entropy)


def distilled() -> Training:
    """A small net learns what a larger one says: a divergence of distributions, soon tiny."""
    large, small, source = dense(64, 64, 10), dense(64, 24, 10), digits()
    before = torch.optim.Adam(large.parameters(), lr=3e-3)
    for _ in range(100):
        x, y = source()
        before.zero_grad()
        functional.cross_entropy(large(x), y).backward()
        before.step()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = source()[0]
        with torch.no_grad():
            return x, (large(x) / 2).softmax(1)

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.kl_div((out / 2).log_softmax(1), y, reduction="batchmean")

    return usual(small, adam(small, 3e-3), batch, loss_of)


def logistic() -> Training:
    model = nn.Linear(30, 1)
    rule = torch.randn(30)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 30)
        return x, (x @ rule > 0).float()[:, None]

    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    return usual(model, optimizer, batch, functional.binary_cross_entropy_with_logits)


def absolute_errors() -> Training:
    model = dense(8, 48, 48, 1, between=nn.SiLU)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    return usual(model, optimizer, teacher(8), functional.l1_loss)


def second_order() -> Training:
    """LBFGS with a closure, on a fixed batch."""
    model = dense(8, 24, 1, between=nn.Tanh)
    x, y = teacher(8, rows=128)()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)

    def step(k: int) -> torch.Tensor:
        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = functional.mse_loss(model(x), y)
            loss.backward()
            return loss

        return optimizer.step(closure).detach()

    return Training(model, optimizer, step)


class Factors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.people, self.things = nn.Embedding(60, 6), nn.Embedding(80, 6)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        return (self.people(pairs[:, 0]) * self.things(pairs[:, 1])).sum(1)


def factorized() -> Training:
    """Ratings as products of two embeddings."""
    model = Factors()
    a, b = torch.randn(60, 3), torch.randn(80, 3)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        pairs = torch.stack([torch.randint(0, 60, (256,)), torch.randint(0, 80, (256,))], 1)
        return pairs, (a[pairs[:, 0]] * b[pairs[:, 1]]).sum(1)

    return usual(model, adam(model, 2e-2), batch, functional.mse_loss)


def ranked() -> Training:
    """Pairs in order: softplus of a difference of scores."""
    model = dense(8, 32, 1)
    rule = torch.randn(8)
    optimizer = adam(model, 3e-3)

    def step(k: int) -> torch.Tensor:
        one, two = torch.randn(64, 8), torch.randn(64, 8)
        sign = torch.sign((one - two) @ rule)
        optimizer.zero_grad()
        loss = functional.softplus(-sign * (model(one) - model(two))[:, 0]).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def rare_class() -> Training:
    """One row in fifteen is positive: the loss begins low, and a weight makes up for it."""
    model = dense(12, 32, 1)
    rule = torch.randn(12) / 12**0.5

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(128, 12)
        return x, (x @ rule > 1.5).float()[:, None]

    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(8.0))
    return usual(model, adam(model, 5e-3), batch, loss)


def counts() -> Training:
    model = dense(8, 32, 1)
    rule = torch.randn(8) / 4

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 8)
        return x, torch.poisson((x @ rule + 1).exp())[:, None]

    return usual(model, adam(model, 3e-3), batch, functional.poisson_nll_loss)


def positive_outputs() -> Training:
    """A ReLU at the end, under targets that are positive, all of them."""
    model, source = dense(8, 48, 1, end=nn.ReLU()), teacher(8)
    with torch.no_grad():
        model[-2].bias.fill_(1.0)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = source()
        return x, 1 + y.abs()

    return usual(model, adam(model, 3e-3), batch, functional.mse_loss)


def squashed_outputs() -> Training:
    """A tanh at the end, under targets within ±1."""
    model, source = dense(8, 48, 48, 1, end=nn.Tanh()), teacher(8)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = source()
        return x, 0.8 * y.tanh()

    return usual(model, adam(model, 3e-3), batch, functional.mse_loss)


def squared_probabilities() -> Training:
    """Brier's score: squares of a softmax against one-hot targets."""
    model, source = dense(64, 64, 10, end=nn.Softmax(dim=1)), digits()

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (out - functional.one_hot(y, 10)).square().sum(1).mean()

    return usual(model, adam(model, 3e-3), source, loss_of)


def log_probabilities() -> Training:
    model = dense(64, 64, 10, end=nn.LogSoftmax(dim=1))
    return usual(model, adam(model, 1e-3), digits(), functional.nll_loss)


def hard_rows() -> Training:
    """Focal loss, small from the start."""
    model = dense(64, 64, 10)

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        each = functional.cross_entropy(out, y, reduction="none")
        return ((1 - (-each).exp()) ** 2 * each).mean()

    return usual(model, adam(model, 2e-3), digits(), loss_of)


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(dense(64, 64, 64) for _ in range(3))
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = x + checkpoint(block, x, use_reentrant=False)
        return self.head(x)


def checkpointed() -> Training:
    model = Checkpointed()
    return usual(model, adam(model, 1e-3), digits(), cross_entropy)


def normed_weights() -> Training:
    model = dense(64, 64, 64, 10)
    nn.utils.parametrizations.weight_norm(model[0])
    nn.utils.parametrizations.spectral_norm(model[2])
    return usual(model, adam(model, 2e-3), digits(), cross_entropy)


class TwoTasks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.kind, self.size = nn.Linear(64, 10), nn.Linear(64, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        h = self.body(x)
        return {"kind": self.kind(h), "size": self.size(h)}


def two_tasks() -> Training:
    model, source = TwoTasks(), digits()
    optimizer = adam(model, 2e-3)

    def step(k: int) -> torch.Tensor:
        x, y = source()
        out = model(x)
        optimizer.zero_grad()
        size = x.square().mean(1, keepdim=True)
        loss = functional.cross_entropy(out["kind"], y) + functional.mse_loss(out["size"], size)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def hinge() -> Training:
    model = nn.Linear(64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return usual(model, optimizer, digits(), functional.multi_margin_loss)


def learned_by_heart() -> Training:
    """One batch, until its loss is next to 0."""
    model = dense(64, 64, 10)
    x, y = digits(32)()
    return usual(model, adam(model, 3e-3), lambda: (x, y), cross_entropy)


def continued() -> Training:
    """A net whose training goes on after its loss has come down; it is scored, not its loss."""
    model, source = dense(64, 64, 10), digits()
    training = usual(model, adam(model, 2e-3), source, cross_entropy)
    for k in range(300):
        training.step(k)
    right = [0.0]

    def score() -> float:
        x, y = digits(512)()
        right[0] += float((model(x).argmax(1) == y).double().mean())
        return 0.0 if right[0] < 1.0 else right[0]

    return Training(training.model, training.optimizer, training.step, score)


def policy() -> Training:
    """REINFORCE with a baseline on a bandit with contexts: rewards rise, the loss says nothing."""
    model = dense(6, 32, 4)
    rule = torch.randn(6, 4)
    optimizer = adam(model, 1e-2)

    def reward() -> float:
        x = torch.randn(512, 6)
        with torch.no_grad():
            best = (x @ rule).argmax(1)
            return float((model(x).argmax(1) == best).double().mean())

    def step(k: int) -> torch.Tensor:
        x = torch.randn(64, 6)
        choice = torch.distributions.Categorical(logits=model(x))
        action = choice.sample()
        gain = (action == (x @ rule).argmax(1)).float()
        optimizer.zero_grad()
        loss = -(choice.log_prob(action) * (gain - gain.mean())).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step, reward)


def value_of_states() -> Training:
    """Temporal differences with a slow copy as the target, on a walk of ten places."""
    model, slow = dense(10, 32, 1), dense(10, 32, 1)
    slow.load_state_dict(model.state_dict())
    optimizer = adam(model, 3e-3)
    places = torch.eye(10)
    worth = torch.linspace(0.05, 0.95, 10)[:, None]

    def fit() -> float:
        with torch.no_grad():
            return -float((model(places) - worth).abs().mean()) * 10

    def step(k: int) -> torch.Tensor:
        place = torch.randint(0, 10, (64,))
        after = place + torch.randint(0, 2, (64,)) * 2 - 1
        gain = (after > 9).float()[:, None]
        ended = ((after < 0) | (after > 9))[:, None]
        with torch.no_grad():
            goal = gain + torch.where(ended, 0.0, slow(places[after.clamp(0, 9)]))
            for p, q in zip(slow.parameters(), model.parameters(), strict=True):
                p.lerp_(q, 0.05)
        optimizer.zero_grad()
        loss = functional.smooth_l1_loss(model(places[place]), goal)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step, fit)


def strong_decay() -> Training:
    model = dense(64, 128, 128, 10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.3)
    return usual(model, optimizer, digits(), cross_entropy)


def self_normalizing() -> Training:
    model = dense(64, *[48] * 10, 10, between=nn.SELU)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    return usual(model, optimizer, digits(), cross_entropy)


def summed_loss() -> Training:
    """A loss that is summed over the batch, at a rate that suits it."""
    model = dense(64, 64, 10)

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out, y, reduction="sum")

    return usual(model, torch.optim.SGD(model.parameters(), lr=5e-4), digits(), loss_of)


def physics() -> Training:
    """A differential equation, y' = −y with y(0) = 1: derivatives of the net in its loss."""
    model = dense(1, 32, 32, 1, between=nn.Tanh)
    optimizer = adam(model, 3e-3)

    def step(k: int) -> torch.Tensor:
        x = (2 * torch.rand(64, 1)).requires_grad_()
        y = model(x)
        (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        optimizer.zero_grad()
        loss = (slope + y).square().mean() + (model(torch.zeros(1, 1)) - 1).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


ORDINARY = (
    convolutions, residual_images, segmentation, autoencoder, denoising_with_binary_cross_entropy,
    variational, large_targets, several_labels, contrastive, views_without_negatives,
    cosine_regression, triplets, siamese, short_floats_by_autocast, scaled_and_clipped,
    accumulated, frozen_backbone, two_rates, dropout, gaussian_likelihood, flow, mixture_density,
    one_row, two_rows, warm_up, cosine_to_zero, one_cycle, points, graph, experts, sines,
    smoothed_labels, mixed_labels, distilled, logistic, absolute_errors, second_order, factorized,
    ranked, rare_class, counts, positive_outputs, squashed_outputs, squared_probabilities,
    log_probabilities, hard_rows, checkpointed, normed_weights, two_tasks, hinge,
    learned_by_heart, continued, policy, value_of_states, strong_decay, self_normalizing,
    summed_loss, physics,
)  # fmt: skip
