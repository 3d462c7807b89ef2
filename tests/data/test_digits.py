from pathlib import Path

import numpy as np
import pytest
import torch

from gradcourse.data import digits
from gradcourse.support import GradcourseError


def test_training_set_is_standardised_and_whole():
    data = digits()
    assert data.x_train.shape == (1438, 64)
    assert data.x_test.shape == (359, 64)
    assert data.x_train.dtype == torch.float32
    assert data.y_test.dtype == torch.int64
    assert data.x_train.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.x_train.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(data.x_test).all()
    assert data.y_train.unique().tolist() == list(range(10))


def test_only_the_training_set_decides_the_scale():
    # The raw pixels are integers 0 to 16, so the two scales are recovered from the values.
    data = digits(seed=3)
    step = np.diff(np.unique(data.x_train.numpy())).min()
    raw = data.x_train.numpy() / step
    assert step == pytest.approx(1 / (raw - raw.min()).std(), rel=1e-4)
    assert data.x_test.min().item() == pytest.approx(data.x_train.min().item())


def test_labels_belong_to_their_images():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    labels = {tuple(row): label for row, label in zip(bunch.data, bunch.target, strict=True)}
    data = digits(seed=5)
    low, high = data.x_train.min(), data.x_train.max()
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        pixels = ((x - low) / (high - low) * 16).round().double().numpy()
        assert [labels[tuple(row)] for row in pixels] == y.tolist()


def test_the_seed_decides_the_split():
    one, again, other = digits(seed=1), digits(seed=1), digits(seed=2)
    assert torch.equal(one.x_train, again.x_train)
    assert not torch.equal(one.y_test, other.y_test)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan"), 1e-9])
def test_a_share_that_leaves_one_side_empty_is_refused(share):
    with pytest.raises(GradcourseError, match="test_share is"):
        digits(test_share=share)


def test_repr_says_what_it_holds():
    assert repr(digits()) == "Digits: 1438 training and 359 test images, 8×8 pixels, 10 classes"


def test_without_that_file_scikit_learn_is_asked(monkeypatch):
    read = digits(seed=5)
    monkeypatch.setattr(Path, "exists", lambda path: False)
    asked = digits(seed=5)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        assert getattr(asked, name).equal(getattr(read, name))
