"""What is stored is what the code beside it would measure."""

from __future__ import annotations

import json

import pytest

from gradcourse.experiments.measurements import (
    MEASUREMENTS,
    PICTURES,
    Measurement,
    digest,
    measure,
    picture,
    signs,
    stored,
)
from gradcourse.support import GradcourseError


@pytest.mark.parametrize("make", MEASUREMENTS, ids=lambda make: make.__name__)
def test_the_source_has_not_changed_since(make) -> None:
    wanted = make()
    kept = stored(wanted.name)
    assert kept.source == wanted.digest, "the source has changed: run `make measurements`"
    stale = [
        item
        for item, row in zip(wanted.items, kept.rows, strict=True)
        if row.get("of", "") != wanted.fingerprint(*item)
    ]
    assert not stale, "what is measured has changed: run `make measurements`"
    assert kept.seeds >= wanted.seeds
    assert kept.versions


def test_one_row_measured_now_is_the_stored_one() -> None:
    """Shares may differ in the last digits on another machine; the signs may not."""
    wanted, kept = signs(), stored("signs")
    for number in (0, len(kept.rows) - 1):
        now, then = wanted.measure(*wanted.items[number]), kept.rows[number]
        assert now["measured"] == pytest.approx(then["measured"], abs=0.05)
        assert len(set(now["signs"]) ^ set(then["signs"])) <= 1


def test_a_hash_knows_code_from_words(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("gradcourse.experiments.measurements.PACKAGE", tmp_path)
    file = tmp_path / "a.py"
    hashes = []
    for text in ('"""One."""\nx = 1\n', '"""Two."""\nx = 1  # why\n', "x = 2\n"):
        file.write_text(text)
        hashes.append(digest(("a.py",)))
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_run_that_was_ended_goes_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("gradcourse.experiments.measurements.HERE", tmp_path)
    seen = []

    def once(name, seed):
        seen.append(seed)
        if seed == 3 and len(seen) == 4:
            raise KeyboardInterrupt
        return {"seed": seed}

    wanted = Measurement("some", (), tuple(("x", seed) for seed in range(6)), once)
    with pytest.raises(KeyboardInterrupt):
        measure(wanted, say=lambda line: None, every=1)
    assert len(json.loads(wanted.path.read_text())["rows"]) == 3
    measure(wanted, say=lambda line: None)
    assert seen == [0, 1, 2, 3, 3, 4, 5]
    assert [row["seed"] for row in stored("some").rows] == list(range(6))


def test_only_what_has_changed_is_measured_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("gradcourse.experiments.measurements.HERE", tmp_path)
    seen = []

    def once(name, seed):
        seen.append(seed)
        return {"seed": seed}

    items = tuple(("x", seed) for seed in range(4))
    measure(Measurement("some", (), items, once, lambda name, seed: "old"), lambda line: None)
    seen.clear()
    changed = Measurement("some", (), items, once, lambda name, seed: "new" if seed == 2 else "old")
    measure(changed, lambda line: None)
    assert seen == [2]


def test_pictures_are_there_small_and_told_in_words() -> None:
    for name, alt in PICTURES.items():
        shown = picture(name)
        assert shown.path.stat().st_size < 90_000
        assert len(alt.split()) > 10
        data, metadata = shown._repr_mimebundle_()
        assert metadata["image/png"]["alt"] == data["text/plain"] == alt


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(GradcourseError, match="make measurements"):
        stored("soup")
    with pytest.raises(GradcourseError, match="tensorboard_histograms"):
        picture("soup")
