"""Attentions whose masks forbid nothing, or the wrong places; and sound ones like them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gradcourse as gc

ROWS, STEPS, WORDS, PAD = 32, 10, 20, 0


class Reader(nn.Module):
    """One head over words, written by hand; ``scored`` makes of its scores what a softmax gets."""

    def __init__(self, scored):
        super().__init__()
        self.embed, self.place = nn.Embedding(WORDS, 16), nn.Parameter(0.1 * torch.randn(STEPS, 16))
        self.ask, self.head, self.scored = nn.Linear(16, 48), nn.Linear(16, WORDS), scored

    def forward(self, words):
        query, key, value = self.ask(self.embed(words) + self.place).chunk(3, -1)
        scores = self.scored(query @ key.transpose(1, 2) / 4, words)
        return self.head(F.dropout(scores.softmax(-1), 0.1) @ value)


class Called(nn.Module):
    """The same by one call, of a function or of a module."""

    def __init__(self, mask, by_module=False, dropout=0.0):
        super().__init__()
        self.embed, self.place = nn.Embedding(WORDS, 16), nn.Parameter(0.1 * torch.randn(STEPS, 16))
        self.head, self.mask, self.by_module = nn.Linear(16, WORDS), mask, by_module
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout, batch_first=True)
        inner = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.inner = inner if by_module else nn.Linear(16, 48)

    def forward(self, words):
        given = self.embed(words) + self.place
        if self.by_module:
            return self.head(self.inner(given, **self.mask(words)))
        query, key, value = (t[:, None] for t in self.inner(given).chunk(3, -1))
        out = F.scaled_dot_product_attention(query, key, value, **self.mask(words))
        return self.head(out[:, 0])


def judged(model, read=None, steps=120):
    """The diagnosis of a net that tells the next word of a row that counts on; or ``read``."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    with gc.probe(model, optimizer) as record:
        for _ in range(steps):
            words, wanted = (read or counting)()
            optimizer.zero_grad()
            out = model(words)
            loss = F.cross_entropy(out.transpose(1, 2) if wanted.dim() > 1 else out[:, -1], wanted)
            loss.backward()
            optimizer.step()
            record.log(loss)
    return gc.diagnose(record)


def counting():
    start, by = torch.randint(1, WORDS, (ROWS, 1)), torch.randint(1, 4, (ROWS, 1))
    words = 1 + (start + by * torch.arange(STEPS + 1)) % (WORDS - 1)
    return words[:, :-1], words[:, 1:]


def padded():
    """The first word is to be told at the last step; padding behind four to eight of ten."""
    words = torch.randint(1, WORDS, (ROWS, STEPS))
    length = torch.randint(4, 9, (ROWS, 1))
    return torch.where(torch.arange(STEPS) < length, words, PAD), words[:, 0]


ONES = torch.ones(STEPS, STEPS)
FORBID = "forbid by the mask"


@pytest.mark.parametrize(
    "model",
    [
        Reader(lambda scores, words: scores * ONES.tril()),
        Called(lambda words: {"attn_mask": ONES.tril()}),
        Called(lambda words: {"attn_mask": ONES.triu(1)}),
        Called(lambda words: {"mask": ONES.tril()}, by_module=True),
        Called(lambda words: {"mask": ONES.tril()}, by_module=True, dropout=0.1),
    ],
    ids=["multiplied by hand", "one call", "the future 1", "a module", "a module with dropout"],
)
def test_a_mask_of_numbers_forbids_nothing(model):
    finding = judged(model).primary
    assert finding.kind == "cut off"
    assert finding.remedies[0].action == FORBID


@pytest.mark.parametrize(
    "model",
    [
        Reader(lambda scores, words: scores.masked_fill(ONES.tril() == 0, -torch.inf)),
        Reader(lambda scores, words: scores * ONES.tril() - 1e4 * (1 - ONES.tril())),
        Reader(lambda scores, words: scores + torch.where(ONES.tril() == 0, -1e9, 0.0)),
        Called(lambda words: {"attn_mask": ONES.tril().bool()}),
        Called(lambda words: {"is_causal": True}),
        Called(lambda words: {"attn_mask": ONES.bool()}),
        Called(lambda words: {"mask": torch.full_like(ONES, -torch.inf).triu(1)}, by_module=True),
        Called(lambda words: {"mask": ONES.bool().triu(1)}, by_module=True, dropout=0.1),
        Called(lambda words: {"attn_mask": 0.5 * torch.arange(STEPS).float() - ONES.cumsum(0)}),
    ],
    ids=["fill", "GPT-1", "-1e9", "bool", "causal", "all", "inf", "module", "distances"],
)
def test_masks_as_they_should_be(model):
    diagnosis = judged(model)
    assert diagnosis.healthy, diagnosis
    assert not any("mask" in note for note in diagnosis.not_judged)


@pytest.mark.parametrize("by_module", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_a_padding_mask_the_wrong_way_round(turned, by_module):
    def mask(words):
        padding = (words == PAD) != turned
        if by_module:
            return {"src_key_padding_mask": padding}
        return {"attn_mask": ~padding[:, None, None]}

    diagnosis = judged(Called(mask, by_module), padded)
    if turned:
        assert diagnosis.primary.kind == "cut off"
        assert diagnosis.primary.remedies[0].action == "turn the mask"
    else:
        assert diagnosis.primary.kind in ("healthy", "not learning")


def test_one_mask_for_all_rows_is_none_of_padding():
    """Each row looks at its first word alone, which is the same in all of them."""

    def begins_alike():
        words, _ = counting()
        words[:, 0] = 7
        return words, torch.full((ROWS,), 3)

    first = torch.arange(STEPS) == 0
    model = Called(lambda words: {"attn_mask": first.expand(STEPS, STEPS)})
    assert judged(model, begins_alike).healthy


@pytest.mark.parametrize("learns", [True, False])
def test_steps_that_look_at_later_ones_alone(learns):
    """A net may read backward; one that is read at its last step may not."""

    def read():
        words = torch.randint(1, WORDS, (ROWS, STEPS))
        if learns:
            wanted = words.roll(-1, 1)
            wanted[:, -1] = 1
            return words, wanted
        return torch.where(torch.arange(STEPS) == STEPS - 1, 1, words), words[:, 0]

    model = Called(lambda words: {"attn_mask": ONES.bool().triu()})
    diagnosis = judged(model, read, 400)
    if learns:
        assert diagnosis.healthy, diagnosis
        assert any("later ones, and at none" in n for n in diagnosis.not_judged)
    else:
        assert diagnosis.primary.kind == "cut off"
        assert diagnosis.primary.remedies[0].action == "turn the mask"


def test_the_hooks_leave_an_attention_as_it_was():
    model = Called(lambda words: {"mask": ONES.bool().triu(1)}, by_module=True)
    judged(model, steps=12)
    for module in model.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_pre_hooks_with_kwargs
