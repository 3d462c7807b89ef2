"""The labelled networks, and the diagnosis of five rounds' worth of them."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import torch
from patients import patients

from gradcourse.diagnosis import GRADIENT_KINDS, diagnose

SLOW = ("trained memory", "residual stack", "converged regression", "deep batch norm")
"""Families with more than a tenth of a second a network; one seed of them is enough here."""


def test_labels_are_kinds_and_both_sorts_are_there() -> None:
    labels = Counter(patient.label for patient in patients(0, 1))
    assert set(labels) == set(GRADIENT_KINDS)
    assert labels["healthy"] >= 0.4 * labels.total()


def test_sets_with_starts_far_apart_share_no_seed() -> None:
    first, second = patients(0, 4), patients(10_000, 4)
    assert len(first) >= 100
    assert not {p.seed for p in first} & {p.seed for p in second}


def test_a_patient_is_the_same_each_time_and_leaves_the_generator_alone() -> None:
    patient = patients(7, 1)[0]
    torch.manual_seed(3)
    state = torch.get_rng_state()
    one, two = patient.observe(), patient.observe()
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(one.weight_gradient_norm, two.weight_gradient_norm)
    other = patients(8, 1)[0].observe()
    assert not np.array_equal(one.loss, other.loss)


def test_the_healthy_ones_learn() -> None:
    """The label is honest: no healthy network leaves its record with a much higher loss."""
    for patient in patients(300, 1):
        if patient.label == "healthy":
            loss = patient.observe(level="gradients").loss
            assert np.median(loss[-4:]) < 2 * np.median(loss[:4]), patient


@pytest.mark.parametrize("seed", range(5))
def test_five_seeds_of_the_benchmark(seed: int) -> None:
    chosen = [
        p for k, p in enumerate(patients(20_000 + 1_000 * seed, 1)) if k % 5 == seed or seed == 0
    ]
    chosen = [p for p in chosen if seed == 0 or p.family not in SLOW]
    wrong, alarms = [], []
    for patient in chosen:
        diagnosis = diagnose(patient.observe())
        json.dumps(diagnosis.to_dict(), allow_nan=False)
        if diagnosis.primary.kind != patient.label:
            wrong.append(patient)
            alarms += [patient] if patient.label == "healthy" else []
    assert len(wrong) <= 0.05 * len(chosen), wrong
    assert not alarms


@pytest.mark.parametrize("how", [{"every": None}, {"loss": False}, {"steps": 1, "loss": False}])
def test_poorer_records_raise_no_alarm(how: dict) -> None:
    for patient in patients(30_000, 1):
        if patient.label == "healthy" and patient.family not in SLOW:
            diagnosis = diagnose(patient.observe(**how))
            assert diagnosis.healthy, (patient, diagnosis)
