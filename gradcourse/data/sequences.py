"""Sequence tasks whose answer is known: adding two marked numbers, recalling a symbol."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gradcourse.support import GradcourseError, check_integers


@dataclass(frozen=True, repr=False, eq=False)
class Sequences:
    """Sequences with one target each, split into a training and a test set.

    Attributes
    ----------
    x_train : torch.Tensor, shape (n_train, steps, channels), float32
    y_train : torch.Tensor
        float32, shape (n_train, 1), for a number; int64, shape (n_train,), for a symbol.
    x_test, y_test : torch.Tensor
        The same for the test set.
    label : str
        "adding problem, 30 steps"
    """

    x_train: torch.Tensor
    y_train: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor
    label: str

    def __repr__(self) -> str:
        channels = self.x_train.shape[-1]
        return (
            f"Sequences: {self.label}, {len(self.x_train)} for training and "
            f"{len(self.x_test)} for the test, {channels} channels"
        )


def adding_problem(length: int, *, train: int = 1000, test: int = 500, seed: int = 0) -> Sequences:
    """Make the adding problem: two of many numbers are marked; what is their sum?

    At every step the first channel holds a number, uniform on [0, 1]. The second is a marker: 1 at
    two steps, one drawn from the first half of the sequence and one from the second, 0 elsewhere.
    The target is the sum of the two marked numbers. Its mean is 1 and its variance 2 · 1/12 = 1/6:
    that is the mean squared error of whoever answers 1 and does not look at the sequence.

    Parameters
    ----------
    length : int
        Steps of a sequence, 2 or more. The first half has ``length // 2`` steps.
    train, test : int
        Number of sequences.
    seed : int
        The same seed gives the same sequences; torch's global generator is left alone.

    Returns
    -------
    Sequences
        x of shape (n, length, 2), y of shape (n, 1), float32.

    Raises
    ------
    GradcourseError
        If a number is out of range.

    References
    ----------
    Hochreiter & Schmidhuber (1997), Long short-term memory, experiment 4. Theirs draws from
    [-1, 1], scales the sum, and marks the first number within ten steps of the start. This is the
    plainer variant in use since (Martens & Sutskever 2011; Le, Jaitly & Hinton 2015; Arjovsky,
    Shah & Bengio 2016).

    Examples
    --------
    >>> adding_problem(30)
    Sequences: adding problem, 30 steps, 1000 for training and 500 for the test, 2 channels
    """
    check_integers(2, length=length)
    check_integers(1, train=train, test=test)
    generator = torch.Generator().manual_seed(seed)
    total = train + test
    numbers = torch.rand(total, length, generator=generator)
    half = length // 2
    first = torch.randint(0, half, (total, 1), generator=generator)
    second = torch.randint(half, length, (total, 1), generator=generator)
    marks = torch.zeros(total, length).scatter_(1, torch.cat([first, second], 1), 1.0)
    x = torch.stack([numbers, marks], dim=-1)
    y = (numbers * marks).sum(dim=1, keepdim=True)
    return _split(x, y, train, f"adding problem, {length} steps")


def delayed_recall(
    lag: int,
    *,
    symbols: int = 2,
    noise: float = 1.0,
    train: int = 1000,
    test: int = 500,
    seed: int = 0,
) -> Sequences:
    """Make delayed recall: which symbol stood at the first step?

    The first step shows one of ``symbols`` symbols, one channel each. ``lag`` steps follow that
    say nothing about it: the last channel holds Gaussian noise, at every step but the first. The
    target is the symbol. To read it from the last step, a network must carry it over ``lag``
    steps. All symbols are equally likely: guessing is right once in ``symbols``, and costs
    ln(``symbols``) in cross-entropy.

    Parameters
    ----------
    lag : int
        Steps between the symbol and the end, 1 or more. Sequences have ``lag + 1`` steps.
    symbols : int
        2 or more.
    noise : float
        Standard deviation of the distractors, 0 or more.
    train, test : int
        Number of sequences.
    seed : int
        The same seed gives the same sequences; torch's global generator is left alone.

    Returns
    -------
    Sequences
        x of shape (n, lag + 1, symbols + 1), float32; y of shape (n,), int64.

    Raises
    ------
    GradcourseError
        If a number is out of range.

    References
    ----------
    The latch problem of Bengio, Simard & Frasconi (1994), with symbols.

    Examples
    --------
    >>> delayed_recall(20)
    Sequences: recall after 20 steps, 1000 for training and 500 for the test, 3 channels
    """
    check_integers(1, lag=lag, train=train, test=test)
    check_integers(2, symbols=symbols)
    if not (isinstance(noise, int | float) and 0 <= noise < float("inf")):
        raise GradcourseError(f"noise is {noise!r}; a standard deviation is 0 or more.")
    generator = torch.Generator().manual_seed(seed)
    total = train + test
    y = torch.randint(0, symbols, (total,), generator=generator)
    x = torch.zeros(total, lag + 1, symbols + 1)
    x[:, 0].scatter_(1, y[:, None], 1.0)
    x[:, 1:, -1] = noise * torch.randn(total, lag, generator=generator)
    return _split(x, y, train, f"recall after {lag} steps")


def _split(x: torch.Tensor, y: torch.Tensor, train: int, label: str) -> Sequences:
    return Sequences(x[:train], y[:train], x[train:], y[train:], label)
