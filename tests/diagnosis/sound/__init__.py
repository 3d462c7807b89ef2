"""Networks that learn, each of another kind: a diagnosis that finds something there is wrong."""

from __future__ import annotations

import functools
from dataclasses import replace

import faults
import torch
from faults import FAULTS, Setup

from sound.ordinary import ORDINARY
from sound.repaired import REPAIRED
from sound.sequences import SEQUENCES
from sound.tanh_nets import TANH
from sound.training import LENGTHS, Course, Sound, Training, follow, has_learned

__all__ = ["LAZY", "SOUND", "Course", "Sound", "Training", "follow", "has_learned"]


def _repaired(setup: Setup) -> Training:
    """The repaired form of a fault in the table, as a `Training`."""
    seed = int(torch.initial_seed() % 1000)
    return Training(*faults.started(replace(setup), seed))


def _named(makers: tuple[object, ...], source: str) -> tuple[Sound, ...]:
    return tuple(Sound(m.__name__.replace("_", " "), source, m) for m in makers)  # type: ignore[attr-defined,arg-type]


SOUND: tuple[Sound, ...] = (
    *_named(ORDINARY, "ordinary"),
    *_named(SEQUENCES, "ordinary, over sequences"),
    *_named(REPAIRED, "repaired"),
    *(
        Sound(f"{f.name}: repaired", "repaired", functools.partial(_repaired, f.fixed), LENGTHS[1:])
        for f in FAULTS
    ),
    *(Sound(name, "AutoTrainer", make, LENGTHS[1:]) for name, make in TANH),
)
"""Each is run once for each of its lengths, those of `LAZY` apart."""

LAZY = frozenset(
    {
        ("16 tanh layers of 5", 300),
        ("17 tanh layers of 5", 150),
        ("17 tanh layers of 5", 300),
    }
)
"""Runs that do not learn within five times the recorded steps, so that none is called sound."""
