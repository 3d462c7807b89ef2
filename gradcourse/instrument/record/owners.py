"""Which layer a parameter belongs to, and what it is called where people read it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_PARAMETRIZED = re.compile(r"(^|\.)parametrizations\.([^.]+)\.(original\d*$|\d+\.)")
"""What torch.nn.utils.parametrize puts between a layer's name and what its weight is made of."""


def owner(parameter: str) -> str:
    """Return the layer that a parameter belongs to, by its name; "" is the model itself.

    What a parametrization makes a weight of (weight_norm, spectral_norm, orthogonal) belongs to
    the layer that has the weight.

    Examples
    --------
    >>> owner("encoder.0.weight")
    'encoder.0'
    >>> owner("0.parametrizations.weight.original0")
    '0'
    """
    found = _PARAMETRIZED.search(parameter)
    return parameter.rpartition(".")[0] if found is None else parameter[: found.start()]


def plain_name(parameter: str) -> str:
    """Return what a parameter would be called without its parametrization, if it has one.

    Examples
    --------
    >>> plain_name("0.parametrizations.weight.original")
    '0.weight'
    >>> plain_name("0.parametrizations.weight.original1")
    '0.weight.original1'
    """
    plain = _PARAMETRIZED.sub(r"\1\2.\3", parameter)
    return parameter if plain == parameter else plain.removesuffix(".original")


class Owners:
    """The parameters of a record by the layers that they belong to.

    Parameters
    ----------
    parameters : iterable of str
        All of them, by name.
    """

    def __init__(self, parameters: Iterable[str]) -> None:
        self._own: dict[str, list[str]] = {}
        for name in parameters:
            self._own.setdefault(owner(name), []).append(name)

    def of(self, layer: str, kind: str) -> tuple[str, ...]:
        """Those of one layer; of one that is called several times ("fc #2") they are the same.

        A model that is itself one layer goes by the name of its class, which is its kind.
        """
        called = layer.partition(" #")[0]
        own = self._own.get(called) or (self._own.get("") if called == kind else None)
        return tuple(own or ())

    def weight(self, layer: str, kind: str, weights: Collection[str]) -> str:
        """The one that stands for a layer's weight; "" where it has none, or several."""
        own = self.of(layer, kind)
        called = [name for name in own if plain_name(name).rpartition(".")[2] == "weight"]
        chosen = called or [name for name in own if name in weights]
        return chosen[0] if len(chosen) == 1 else ""
