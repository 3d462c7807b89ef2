"""Ordinary networks over sequences, each of a different kind; all learn."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from sound.training import Training, adam, cross_entropy, usual


def _words(rows: int, steps: int, words: int) -> Any:
    """Random words; the class is that of the one at the third place."""

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randint(1, words, (rows, steps))
        return x, (x[:, -3] > words // 2).long()

    return batch


class LastState(nn.Module):
    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 12)
        self.memory = kind(12, 32, batch_first=True, **options)
        self.head = nn.Linear(32, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.memory(self.embed(x))[0][:, -1])


def last_state_of_lstm() -> Training:
    model = LastState(nn.LSTM)
    return usual(model, adam(model, 1e-2), _words(64, 12, 20), cross_entropy)


def clipped_rnn() -> Training:
    """A plain RNN, its gradient clipped at every step."""
    model, batch = LastState(nn.RNN), _words(64, 10, 20)
    optimizer = adam(model, 3e-3)

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 12, padding_idx=0)
        self.memory = nn.GRU(12, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        lengths = (x > 0).sum(1)
        packed = pack_padded_sequence(self.embed(x), lengths, True, enforce_sorted=False)
        return self.head(self.memory(packed)[1][-1])


class ReadAtLength(Packed):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        lengths = (x > 0).sum(1)
        states = self.memory(self.embed(x))[0]
        return self.head(states[torch.arange(len(x)), lengths - 1])


class MaskedMean(Packed):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = (x > 0)[:, :, None].float()
        states = self.memory(self.embed(x))[0]
        return self.head((states * mask).sum(1) / mask.sum(1))


def _padded(rows: int, steps: int) -> Any:
    """Words of different number with zeros behind; the class is that of the first one."""

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randint(1, 20, (rows, steps))
        y = (x[:, 0] > 9).long()
        lengths = torch.randint(3, steps // 3, (rows, 1))
        return x * (torch.arange(steps) < lengths), y

    return batch


def packed() -> Training:
    model = Packed()
    return usual(model, adam(model, 1e-2), _padded(64, 24), cross_entropy)


def read_at_the_length() -> Training:
    model = ReadAtLength()
    return usual(model, adam(model, 1e-2), _padded(64, 36), cross_entropy)


def masked_mean() -> Training:
    model = MaskedMean()
    return usual(model, adam(model, 1e-2), _padded(64, 36), cross_entropy)


class Tagger(nn.Module):
    """Both directions, a label for each word."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 12)
        self.memory = nn.LSTM(12, 16, batch_first=True, bidirectional=True, num_layers=2)
        self.head = nn.Linear(32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.memory(self.embed(x))[0]).transpose(1, 2)


def tagger() -> Training:
    """Labels behind the fifth word are ignored, as padding is."""
    model = Tagger()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randint(1, 20, (32, 14))
        y = (x + x.roll(1, 1)) % 3
        y[:, 9:] = -100
        return x, y

    return usual(model, adam(model, 1e-2), batch, cross_entropy)


class Language(nn.Module):
    """A small decoder: causal attention, and one matrix for the embedding and the head."""

    def __init__(self, words: int = 16, width: int = 32, blocks: int = 2) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Embedding(16, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 64, dropout=0.0, batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, blocks, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        nn.init.normal_(self.embed.weight, std=0.05)
        self.head.weight = self.embed.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        h = self.embed(x) + self.place(torch.arange(x.shape[1]))
        return self.head(self.norm(self.body(h, mask=mask, is_causal=True))).transpose(1, 2)


def language() -> Training:
    model = Language()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        start, stride = torch.randint(0, 16, (32, 1)), torch.randint(1, 4, (32, 1))
        x = (start + stride * torch.arange(13)) % 16
        return x[:, :-1], x[:, 1:]

    return usual(model, torch.optim.AdamW(model.parameters(), lr=3e-3), batch, cross_entropy)


class Encoder(nn.Module):
    def __init__(self, norm_first: bool, blocks: int) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(20, 32), nn.Parameter(0.1 * torch.randn(10, 32))
        layer = nn.TransformerEncoderLayer(
            32, 4, 64, dropout=0.1, batch_first=True, norm_first=norm_first
        )
        self.body = nn.TransformerEncoder(layer, blocks, enable_nested_tensor=False)
        self.head = nn.Linear(32, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.embed(x) + self.place).mean(1))


def _majority() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randint(0, 20, (32, 10))
    return x, ((x > 9).sum(1) > 4).long()


def encoder_norm_first() -> Training:
    model = Encoder(True, 3)
    return usual(model, adam(model, 1e-3), _majority, cross_entropy)


def encoder_norm_last() -> Training:
    model = Encoder(False, 2)
    return usual(model, adam(model, 1e-3), _majority, cross_entropy)


def encoder_warmed_up() -> Training:
    """Post-norm with a warm-up over 100 updates and clipping, as the first Transformers."""
    model = Encoder(False, 4)
    optimizer = adam(model, 2e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: min(1.0, (k + 1) / 100))

    def step(k: int) -> torch.Tensor:
        x, y = _majority()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        return loss.detach()

    return Training(model, optimizer, step)


def bag_of_words() -> Training:
    model = nn.Sequential(nn.EmbeddingBag(200, 16), nn.Linear(16, 3))
    topics = torch.randn(200, 3)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randint(0, 200, (64, 15))
        return x, topics[x].sum(1).argmax(1)

    return usual(model, adam(model, 2e-2), batch, cross_entropy)


def sparse_embedding() -> Training:
    """Most words have no gradient at any one step."""
    model = nn.Sequential(nn.Embedding(2000, 8, sparse=True), nn.Flatten(), nn.Linear(40, 2))

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = (2000 * torch.rand(64, 5) ** 4).long()
        return x, (x[:, 0] > 100).long()

    optimizer = torch.optim.SparseAdam(list(model[0].parameters()), lr=0.02)
    head = adam(model[2], 0.02)
    inner = usual(model, optimizer, batch, cross_entropy)

    def step(k: int) -> torch.Tensor:
        loss = inner.step(k)
        head.step()
        head.zero_grad()
        return loss

    return Training(model, [optimizer, head], step)


def word_vectors() -> Training:
    """Skip-gram with drawn negatives: two embeddings, nothing else."""
    words = nn.ModuleDict({"centre": nn.Embedding(50, 8), "around": nn.Embedding(50, 8)})
    nn.init.zeros_(words["around"].weight)
    optimizer = adam(words, 2e-2)

    def step(k: int) -> torch.Tensor:
        centre = torch.randint(0, 50, (128,))
        near = (centre + torch.randint(-2, 3, (128,))) % 50
        far = torch.randint(0, 50, (128, 4))
        c = words["centre"](centre)
        good = (c * words["around"](near)).sum(1)
        bad = (words["around"](far) @ c[:, :, None]).squeeze(2)
        optimizer.zero_grad()
        loss = -(functional.logsigmoid(good).mean() + functional.logsigmoid(-bad).sum(1).mean())
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(words, optimizer, step)


class Copier(nn.Module):
    """Sequence to sequence with attention; the true words are given while it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 16)
        self.reader = nn.GRU(16, 32, batch_first=True)
        self.writer = nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(64, 12)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        read, last = self.reader(self.embed(x))
        written = self.writer(self.embed(y), last)[0]
        share = (written @ read.transpose(1, 2)).softmax(-1)
        return self.head(torch.cat([written, share @ read], -1)).transpose(1, 2)


def copier() -> Training:
    model = Copier()
    optimizer = adam(model, 5e-3)

    def step(k: int) -> torch.Tensor:
        x = torch.randint(1, 12, (32, 6))
        given = functional.pad(x[:, :-1], (1, 0))
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x, given), x)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


class Speech(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv1d(6, 24, 5, padding=2)
        self.memory = nn.GRU(24, 24, batch_first=True)
        self.head = nn.Linear(24, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.filters(x).relu().transpose(1, 2)
        return self.head(self.memory(h)[0]).log_softmax(-1).transpose(0, 1)


def speech() -> Training:
    """Convolution, memory, CTC."""
    model = Speech()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.randint(1, 6, (16, 4))
        frames = functional.one_hot(y, 6).float().repeat_interleave(6, 1)
        return (frames + 0.2 * torch.randn(16, 24, 6)).transpose(1, 2), y

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        steps, words = torch.full((16,), 24), torch.full((16,), 4)
        return functional.ctc_loss(out, y, steps, words)

    return usual(model, adam(model, 1e-2), batch, loss_of)


class ByHand(nn.Module):
    """A cell that is called step by step, and predicts the next value each time."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(1, 24), nn.Linear(24, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.new_zeros(len(x), 24)
        out = []
        for k in range(x.shape[1]):
            h = self.cell(x[:, k], h)
            out.append(self.head(h))
        return torch.stack(out, 1)


def waves() -> Training:
    model = ByHand()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        start, pace = 6 * torch.rand(32, 1, 1), 0.3 + 0.4 * torch.rand(32, 1, 1)
        x = torch.sin(start + pace * torch.arange(21).view(1, 21, 1))
        return x[:, :-1], x[:, 1:]

    return usual(model, adam(model, 1e-2), batch, functional.mse_loss)


def carried_state() -> Training:
    """Truncated backpropagation: the state goes on, detached, from batch to batch."""
    cell = nn.LSTM(4, 24, batch_first=True)
    model = nn.ModuleDict({"cell": cell, "head": nn.Linear(24, 4)})
    optimizer = adam(model, 1e-2)
    place = torch.randint(0, 4, (16,))
    state: list[Any] = [None]

    def step(k: int) -> torch.Tensor:
        nonlocal place
        signs = torch.stack([(place + j) % 4 for j in range(11)], 1)
        place = (place + 10) % 4
        x = functional.one_hot(signs[:, :-1], 4).float()
        out, (h, c) = model["cell"](x, state[0])
        state[0] = (h.detach(), c.detach())
        optimizer.zero_grad()
        loss = functional.cross_entropy(model["head"](out).transpose(1, 2), signs[:, 1:])
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Training(model, optimizer, step)


class Dilated(nn.Module):
    """Causal convolutions with holes, residual, over 64 steps."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Conv1d(1, 16, 1)
        self.parts = nn.ModuleList(nn.Conv1d(16, 16, 2, dilation=2**k) for k in range(5))
        self.head = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.start(x)
        for k, part in enumerate(self.parts):
            h = h + part(functional.pad(h, (2**k, 0))).relu()
        return self.head(h[:, :, -1])


def dilated() -> Training:
    model = Dilated()

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(32, 1, 64)
        return x, x[:, :, -8:].mean(2)

    return usual(model, adam(model, 5e-3), batch, functional.mse_loss)


class Patches(nn.Module):
    """A Vision Transformer with a class token and zero-initialized residual scales."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = nn.Conv2d(1, 24, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, 24))
        self.place = nn.Parameter(0.02 * torch.randn(1, 17, 24))
        self.attend = nn.ModuleList(
            nn.MultiheadAttention(24, 4, batch_first=True) for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(24) for _ in range(2))
        self.scales = nn.ParameterList(torch.full((24,), 1e-2) for _ in range(2))
        self.head = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.cut(x).flatten(2).transpose(1, 2)
        h = torch.cat([self.token.expand(len(h), -1, -1), h], 1) + self.place
        for attend, norm, scale in zip(self.attend, self.norms, self.scales, strict=True):
            n = norm(h)
            h = h + scale * attend(n, n, n, need_weights=False)[0]
        return self.head(h[:, 0])


def patches() -> Training:
    from sound.training import digits

    model = Patches()
    return usual(model, adam(model, 5e-3), digits(64, image=True), cross_entropy)


SEQUENCES = (
    last_state_of_lstm, clipped_rnn, packed, read_at_the_length, masked_mean, tagger, language,
    encoder_norm_first, encoder_norm_last, encoder_warmed_up, bag_of_words, sparse_embedding,
    word_vectors, copier, speech, waves, carried_state, dilated, patches,
)  # fmt: skip
