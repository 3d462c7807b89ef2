"""1,797 scans of handwritten digits, 8×8 pixels each, split and standardised."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gradcourse.support import GradcourseError


@dataclass(frozen=True, repr=False, eq=False)
class Digits:
    """The digits, split into a training and a test set.

    Attributes
    ----------
    x_train : torch.Tensor, shape (n_train, 64), float32
        Pixels, with mean 0 and standard deviation 1 over the whole training set.
    y_train : torch.Tensor, shape (n_train,), int64
        The digit, 0 to 9.
    x_test : torch.Tensor, shape (n_test, 64), float32
        Shifted and scaled by the *training* set's mean and standard deviation.
    y_test : torch.Tensor, shape (n_test,), int64
    """

    x_train: torch.Tensor
    y_train: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor

    def __repr__(self) -> str:
        return (
            f"Digits: {len(self.x_train)} training and {len(self.x_test)} test images, "
            "8×8 pixels, 10 classes"
        )


def digits(seed: int = 0, test_share: float = 0.2) -> Digits:
    """Load the handwritten digits that come with scikit-learn.

    All pixels are shifted and scaled by the same two numbers, the mean and the standard deviation
    over the training set, so an image stays an image and a pixel that is always blank is harmless.

    Parameters
    ----------
    seed : int
        Decides which images are held out. The same seed gives the same split.
    test_share : float
        Share of the 1,797 images to hold out, above 0 and below 1.

    Returns
    -------
    Digits

    Raises
    ------
    GradcourseError
        If ``test_share`` leaves the training or the test set empty.

    References
    ----------
    Alpaydin & Kaynak (1998), Optical recognition of handwritten digits, UCI repository.

    Examples
    --------
    >>> digits()
    Digits: 1438 training and 359 test images, 8×8 pixels, 10 classes
    """
    images, written = _scans()
    total = len(written)
    held_out = round(test_share * total) if 0 < test_share < 1 else 0
    if not 0 < held_out < total:
        raise GradcourseError(
            f"test_share is {test_share}; it must leave images on both sides: try 0.2."
        )
    order = np.random.default_rng(seed).permutation(total)
    pixels = images[order]
    labels = torch.from_numpy(written[order].astype(np.int64))
    train = pixels[held_out:]
    x = torch.from_numpy(((pixels - train.mean()) / train.std()).astype(np.float32))
    return Digits(x[held_out:], labels[held_out:], x[:held_out], labels[:held_out])


def _scans() -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 64) and digits (n,), from the file that scikit-learn's `load_digits` reads.

    To import scikit-learn for it takes a second, in every notebook.
    """
    found = importlib.util.find_spec("sklearn")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        if path.exists():
            rows = np.loadtxt(path, delimiter=",")  # (n, 65)
            return rows[:, :-1], rows[:, -1]
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.data, bunch.target
