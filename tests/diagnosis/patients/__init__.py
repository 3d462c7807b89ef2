"""Small networks, healthy and sick, each labelled by how it was made."""

from __future__ import annotations

from patients import healthy, sick
from patients.case import Case, Patient

__all__ = ["Case", "Patient", "patients"]


def patients(first_seed: int = 0, rounds: int = 2) -> tuple[Patient, ...]:
    """Return labelled networks: ``rounds`` of every family, each with a seed of its own.

    Parameters
    ----------
    first_seed : int
        The patients of one call take consecutive seeds from here on, so two calls with starts far
        apart share no network.
    rounds : int
        53 networks per round, half of them healthy.

    Returns
    -------
    tuple of Patient
    """
    made: list[Patient] = []
    for _ in range(rounds):
        for family, label, make in [*healthy.families(), *sick.families()]:
            made.append(Patient(family, label, first_seed + len(made), make))
    return tuple(made)
