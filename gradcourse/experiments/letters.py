"""Lesson 08: which letter of a sentence decides what comes next."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.experiments.common import Array
from gradcourse.figures import Axis, Line, Plot

if TYPE_CHECKING:
    import torch

    from gradcourse.nets import Recurrent

LETTERS = " abcdefghijklmnopqrstuvwxyz"
SUBJECTS = ("dog", "cat", "cook", "king", "bird", "girl", "boy", "owl")
THINGS = ("gate", "house", "tree", "wall", "table", "road", "lake", "barn")
LOOKS = ("old", "red", "tall", "small", "grey", "wide")
PLACES = ("near", "behind", "beside", "below")
VERBS = ("sleep", "wait", "sing", "work", "rest", "call")
LONGEST = 64


def sentence(rng: np.random.Generator) -> tuple[str, int, int]:
    """A sentence up to the stem of its verb.

    Returns
    -------
    text : str
        "the dogs near the old gate behind the red houses wait".
    plural : int
        1 if the verb takes no s, because its subject is more than one.
    place : int
        Index of the letter that tells: the one after the subject's stem.
    """

    def pick(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(len(words)))]

    plural = int(rng.integers(2))
    start = f"the {pick(SUBJECTS)}"
    text = start + ("s" if plural else "")
    for _ in range(2):
        text += f" {pick(PLACES)} the {pick(LOOKS)} {pick(THINGS)}{pick(('', 's'))}"
    return f"{text} {pick(VERBS)}", plural, len(start)


def encoded(text: str) -> Array:
    """One row for each of 64 places, blanks before the sentence; (64, 27), one 1 in each row."""
    places = [LETTERS.index(letter) for letter in text.rjust(LONGEST)]
    return np.eye(len(LETTERS), dtype=np.float32)[places]


def sentences(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random sentences (count, 64, 27), and whether each subject is plural (count,)."""
    import torch

    rng = np.random.default_rng([8, seed])
    drawn = [sentence(rng) for _ in range(count)]
    x = np.stack([encoded(text) for text, _, _ in drawn])
    return torch.from_numpy(x), torch.tensor([plural for _, plural, _ in drawn])


UPDATES = 120


@cache
def reader(kind: str, seed: int, count: int = UPDATES) -> tuple[Recurrent, float]:
    """A network after so many updates on whether the verb takes an s, and its test accuracy.

    32 units, Adam at 0.02; a GRU gets chrono's biases for 64 steps.
    """
    import torch

    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.nets import chrono_, recurrent

    x, y = sentences(2000, seed)
    net = recurrent(kind, len(LETTERS), 32, 2, seed=seed)
    if kind == "gru":
        chrono_(net, LONGEST, seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        rows = torch.randint(len(x), (32,), generator=generator)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
    x, y = sentences(500, 1000 + seed)
    with torch.no_grad():
        return net, float((net(x).argmax(1) == y).float().mean())


def by_letter(net: Recurrent, text: str) -> Array:
    """Norm of the gradient of "plural over singular" by each letter of a sentence; (letters,).

    In float64: over forty letters a gradient may vanish from float32.
    """
    import torch

    net = deepcopy(net).double()
    x = torch.from_numpy(encoded(text))[None].double().requires_grad_()
    out = net(x)[0]
    (gradient,) = torch.autograd.grad(out[1] - out[0], x)
    return gradient[0].norm(dim=1).numpy()[-len(text) :]


EXAMPLE = "the dogs near the old gate behind the red house wait"
DECIDES = EXAMPLE.index("s ")


def stands_out(kind: str, seed: int) -> float:
    """Gradient by the letter that decides, over the median of those between it and the verb."""
    found = by_letter(reader(kind, seed)[0], EXAMPLE)
    return float(found[DECIDES] / np.median(found[DECIDES + 2 : EXAMPLE.rindex(" ")]))


def letters_plot(seed: int = 0) -> Plot:
    """Gradient by letter of the example in an RNN and a GRU; the sentence stands at the axis."""
    place = np.arange(1, len(EXAMPLE) + 1)
    lines = [
        Line(place, by_letter(reader(kind, seed)[0], EXAMPLE), kind.upper(), color=kind)
        for kind in ("rnn", "gru")
    ]
    return Plot(
        "Which letter decides whether “wait” gets an s?",
        Axis(f"letter ({EXAMPLE})", limits=(0.0, len(EXAMPLE) + 1.0)),
        Axis("gradient by letter", "log", (1e-4, 10.0)),
        (*lines, Line([DECIDES + 1] * 2, [1e-4, 10.0], "the s of “dogs”", "reference")),
    )
