"""What becomes of the faults that a field trial tried, repaired: made afresh, and they learn.

Those that are runs of a dense net with another option are in the table of faults; these are the
others, by the operation that was at fault.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from sound.ordinary import MeanAndVariance, Mixture, Variational
from sound.sequences import ReadAtLength
from sound.training import Training, adam, cross_entropy, dense, digits, usual


def _sign(rows: int = 32, n: int = 8) -> Any:
    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(rows, n)
        return x, (x[:, 0] > 0).long()

    return batch


class SafeRatio(nn.Module):
    """A mean over what is there; the division never sees 0."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = dense(4, 16, 16), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        there = (x[:, :, :1] > -0.5).float()
        h = self.body(x)
        total = there.sum(1)
        mean = (h * there).sum(1) / torch.where(total > 0, total, torch.ones_like(total))
        return self.head(torch.where(total > 0, mean, torch.zeros_like(mean)))


def ratio() -> Training:
    model = SafeRatio()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(32, 6, 4)
        return x, (x[:, :, 1].mean(1) > 0).long()

    return usual(model, adam(model, 1e-2), batch, cross_entropy)


class Masked(nn.Module):
    """Attention by hand; a row of padding only attends to itself."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 16, padding_idx=0)
        self.q, self.k, self.v = (nn.Linear(16, 16) for _ in range(3))
        self.head = nn.Linear(16, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        padding = tokens == 0
        hidden = padding & ~padding.all(1, keepdim=True)
        h = self.embed(tokens)
        scores = self.q(h) @ self.k(h).transpose(1, 2) / 4
        share = scores.masked_fill(hidden[:, None], float("-inf")).softmax(-1)
        h = (h + share @ self.v(h)).masked_fill(padding[:, :, None], 0.0)
        return self.head(h.sum(1) / 5)


def masked_attention() -> Training:
    model = Masked()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        tokens = torch.randint(1, 30, (32, 5))
        tokens[2, 2:], tokens[3] = 0, 0
        y = (tokens.sum(1) > 75).long()
        return tokens, y

    return usual(model, adam(model, 1e-2), batch, cross_entropy)


def adam_in_float16() -> Training:
    """Weights in float16 with an ε that is not 0 there."""
    model = dense(8, 32, 32, 2).half()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, eps=1e-4)
    batch = _sign(64)

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x.half()).float(), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


class Spread(nn.Module):
    """A critic that sees how much the rows of a batch differ."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(0.2)), nn.Linear(17, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.body(x)
        spread = (h.var(0) + 1e-8).sqrt().mean().expand(len(h), 1)
        return self.head(torch.cat([h, spread], 1))


def critic() -> Training:
    model = Spread()
    optimizer = adam(model, 5e-3)
    loss_of = nn.BCEWithLogitsLoss()

    def step(k: int) -> torch.Tensor:
        fake = torch.randn(1, 6).expand(16, 6) if k % 3 else torch.randn(16, 6)
        optimizer.zero_grad()
        real = loss_of(model(torch.randn(16, 6) + 1), torch.ones(16, 1))
        loss = real + loss_of(model(fake), torch.zeros(16, 1))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


class Turned(nn.Module):
    """A learned rotation by the singular vectors of a matrix whose singular values differ."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.diag(torch.linspace(0.5, 1.5, 6)) + 0.05 * torch.randn(6, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        u, _, v = torch.linalg.svd(self.map)
        return x @ u @ v


def rotation() -> Training:
    model = nn.Sequential(nn.Linear(6, 6), Turned(), nn.Linear(6, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return usual(model, optimizer, _sign(32, 6), cross_entropy)


class Chat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.memory = nn.Embedding(20, 16), nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 20)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.memory(self.embed(tokens))[0]).flatten(0, 1)


def answers_only() -> Training:
    """Labels of the first half are ignored; a batch without any is skipped before the call."""
    model = Chat()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)

    def step(k: int) -> torch.Tensor:
        start = torch.randint(0, 20, (8, 1))
        tokens = (start + 3 * torch.arange(11)) % 20
        labels = tokens[:, 1:].clone()
        labels[:, :5] = -100
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(tokens[:, :-1]), labels.flatten())
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


class Refine(nn.Module):
    """A correction, 0 at first, of a direction."""

    def __init__(self) -> None:
        super().__init__()
        self.body = dense(3, 16, 3)
        nn.init.zeros_(self.body[2].weight)
        nn.init.zeros_(self.body[2].bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.normalize(x + self.body(x), dim=1)


def angles() -> Training:
    model = Refine()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = functional.normalize(torch.randn(32, 3), dim=1)
        turned = functional.normalize(x + torch.tensor([0.8, 0.0, 0.0]), dim=1)
        return x, turned

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.acos((out * y).sum(1).clamp(-1 + 1e-6, 1 - 1e-6)).mean()

    return usual(model, adam(model, 5e-3), batch, loss_of)


class PowerMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 16), nn.ReLU())
        self.p, self.head = nn.Parameter(torch.tensor(3.0)), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.body(x).clamp(1e-4, 100).pow(self.p).mean(1).pow(1 / self.p)
        return self.head(h)


def power_mean() -> Training:
    model = PowerMean()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(32, 7, 5)
        return x, (x[:, :, 0].amax(1) > 1.3).long()

    return usual(model, adam(model, 2e-2), batch, cross_entropy)


def weight_norm() -> Training:
    model = dense(8, 32, 32, 2)
    nn.utils.parametrizations.weight_norm(model[4])
    return usual(model, adam(model, 3e-3), _sign(), cross_entropy)


class Utterances(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.memory, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.memory(x)[0].mean(1))


def utterances() -> Training:
    """Features normalized by their spread over time, which is never 0."""
    model = Utterances()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.zeros(16, 8, 8)
        y = torch.randint(0, 2, (16,))
        for row, n in enumerate(torch.randint(1, 9, (16,)).tolist()):
            part = torch.randn(n, 8)
            part = (part - part.mean(0)) / (part.std(0, correction=0) + 1e-5)
            x[row, :n] = part
            x[row, :n, 0] += y[row] * 2.0 - 1
        return x, y

    return usual(model, adam(model, 1e-2), batch, cross_entropy)


class Actor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 32), nn.ReLU())
        self.mean, self.log_scale = nn.Linear(32, 2), nn.Linear(32, 2)

    def forward(self, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.body(s)
        normal = torch.distributions.Normal(self.mean(h), self.log_scale(h).clamp(-5, 2).exp())
        raw = normal.rsample()
        inside = torch.log(1 - raw.tanh().pow(2) + 1e-6)
        return 2.0 * raw.tanh(), (normal.log_prob(raw) - inside).sum(1)


def actor() -> Training:
    """A policy with entropy against a fixed critic: a loss of either sign."""
    model = Actor()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        s = torch.randn(32, 6)
        return s, s

    def loss_of(out: Any, s: torch.Tensor) -> torch.Tensor:
        action, log_probability = out
        return (0.1 * log_probability + (action - s[:, :2].tanh()).square().sum(1)).mean()

    return usual(model, adam(model, 5e-3), batch, loss_of)


def distances() -> Training:
    """A matrix of distances with a small number inside its root, under a gradient scaler."""

    class Pairwise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = dense(8, 32, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.embed(x)
            return ((h[:, None] - h[None]).pow(2).sum(-1) + 1e-12).sqrt()

    model = Pairwise()
    optimizer = adam(model, 3e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)

    def step(k: int) -> torch.Tensor:
        x = torch.randn(32, 8)
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = functional.mse_loss(model(x), torch.cdist(x[:, :2], x[:, :2]))
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    return Training(model, optimizer, step)


class Block(nn.Module):
    def __init__(self, large: float) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(32)
        self.up, self.down = nn.Linear(32, 64, bias=False), nn.Linear(64, 32, bias=False)
        with torch.no_grad():
            self.up.weight.mul_(large)
            self.down.weight.mul_(large)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(self.up(self.norm(x)).relu())


def large_activations() -> Training:
    """One block of a residual stream is far larger than the others, as in pretrained nets."""
    model = nn.Sequential(
        nn.Linear(8, 32), Block(1.0), Block(100.0), Block(1.0), nn.RMSNorm(32), nn.Linear(32, 2)
    ).bfloat16()
    batch = _sign()
    optimizer = adam(model, 1e-3)

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x.bfloat16()).float(), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


def skipped_before_the_call() -> Training:
    """A bad batch is left out before batch normalization sees it."""
    model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
    training = usual(model, adam(model, 1e-2), _sign(), cross_entropy)

    def step(k: int) -> torch.Tensor:
        if k == 9:
            return torch.tensor(0.5)
        return training.step(k)

    return Training(model, training.optimizer, step)


def standard_variational() -> Training:
    """A summed loss of a variational net on standardized data."""
    model = Variational()
    source = digits()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = source()[0]
        return x, x

    def loss_of(parts: Any, x: torch.Tensor) -> torch.Tensor:
        out, mean, log_variance = parts
        prior = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return functional.mse_loss(out, x, reduction="sum") + prior

    return usual(model, adam(model, 3e-3), batch, loss_of)


def safe_mixture() -> Training:
    """A mixture's likelihood by logsumexp, with an outlier now and then."""
    model = Mixture()
    count = [0]

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        count[0] += 1
        x = 6 * torch.rand(64, 1)
        y = x.sin() + 0.05 * torch.randn(64, 1)
        if count[0] % 40 == 0:
            y[5] = 8.0
        return x, y

    def loss_of(out: Any, y: torch.Tensor) -> torch.Tensor:
        share, mean, log_scale = out
        z = (y - mean) / log_scale.exp()
        return -(share - 0.5 * z * z - log_scale - 0.919).logsumexp(1).mean()

    return usual(model, adam(model, 5e-3), batch, loss_of)


def two_moments() -> Training:
    """A density with a variance that is kept above 0."""
    model = MeanAndVariance()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 8)
        return x, x[:, :1] * 2 + 0.5 * torch.randn(64, 1)

    def loss_of(out: Any, y: torch.Tensor) -> torch.Tensor:
        return functional.gaussian_nll_loss(out[0], y, out[1])

    return usual(model, adam(model, 5e-3), batch, loss_of)


def reentrant_with_a_graph() -> Training:
    """A reentrant checkpoint whose input needs a gradient: twelve tanh layers behind a layer."""

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(8, 32)
            self.blocks = nn.ModuleList(
                nn.Sequential(nn.Linear(32, 32), nn.Tanh()) for _ in range(4)
            )
            self.head = nn.Linear(32, 2)
            for block in self.blocks:
                nn.init.xavier_normal_(block[0].weight, 1.2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.first(x)
            for block in self.blocks:
                h = checkpoint(block, h, use_reentrant=True)
            return self.head(h)

    model = Deep()
    return usual(model, adam(model, 3e-3), _sign(), cross_entropy)


class Controlled(nn.Module):
    """A frozen net, and a branch that enters it through a layer of zeros (ControlNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.base = dense(8, 32, 2).requires_grad_(False)
        self.copy = dense(8, 32, 32, 32)
        self.zero = nn.Linear(32, 2)
        nn.init.zeros_(self.zero.weight)
        nn.init.zeros_(self.zero.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.zero(self.copy(x))


def zero_layer() -> Training:
    model = Controlled()
    return usual(model, adam(model, 3e-3), _sign(), cross_entropy)


def unread_steps() -> Training:
    """Sequences of 60, read at their length of at most 20."""
    model = ReadAtLength()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randint(1, 20, (32, 60))
        y = (x[:, 1] > 9).long()
        return x * (torch.arange(60) < torch.randint(4, 20, (32, 1))), y

    return usual(model, adam(model, 1e-2), batch, cross_entropy)


def two_players() -> Training:
    """A generator that learns by −log D, beside a discriminator of its own optimizer."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.g, self.d = dense(4, 32, 4), dense(4, 32, 1, between=nn.SiLU)

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return self.d(self.g(z))

    both = Both()
    d_optimizer, optimizer = adam(both.d, 1e-3), adam(both.g, 2e-3)
    loss_of = functional.binary_cross_entropy_with_logits

    def gap() -> float:
        with torch.no_grad():
            return -float((both.g(torch.randn(512, 4)).mean(0) - 2).abs().mean())

    def step(k: int) -> torch.Tensor:
        real, false = 2 + torch.randn(64, 4), both.g(torch.randn(64, 4)).detach()
        d_optimizer.zero_grad()
        d_loss = loss_of(both.d(real), torch.ones(64, 1))
        (d_loss + loss_of(both.d(false), torch.zeros(64, 1))).backward()
        d_optimizer.step()
        optimizer.zero_grad()
        loss = loss_of(both(torch.randn(64, 4)), torch.ones(64, 1))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(both, optimizer, step, gap)


def deep_norm_first() -> Training:
    """24 Transformer blocks with the normalization in front."""

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(30, 16)
            layer = nn.TransformerEncoderLayer(
                16, 2, 32, dropout=0.0, batch_first=True, norm_first=True
            )
            self.body = nn.TransformerEncoder(layer, 24, enable_nested_tensor=False)
            self.head = nn.Linear(16, 2)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.head(self.body(self.embed(tokens))[:, 3])

    model = Deep()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        tokens = torch.randint(0, 30, (32, 6))
        return tokens, (tokens[:, 3] > 14).long()

    return usual(model, adam(model, 1e-3), batch, cross_entropy)


REPAIRED = (
    ratio, masked_attention, adam_in_float16, critic, rotation, answers_only, angles, power_mean,
    weight_norm, utterances, actor, distances, large_activations, skipped_before_the_call,
    standard_variational, safe_mixture, two_moments, reentrant_with_a_graph, zero_layer,
    unread_steps, two_players, deep_norm_first,
)  # fmt: skip
