"""Who may come in: each kind draws its own depth, width, rate and batch from a seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradcourse.experiments.ward.recipe import Recipe
from gradcourse.support import GradcourseError

Rng = np.random.Generator


@dataclass(frozen=True)
class Kind:
    """One way to be sick, or healthy.

    Attributes
    ----------
    key : str
        Short: "cut off".
    names : tuple of str
        Of `NAMES`: the diagnoses that are right for it; ("healthy",) for a healthy one.
    story : str
        What was wrong, told afterwards.
    draw : callable
        From a generator to a recipe.
    cure : tuple of tuple of str
        Sets of treatments that mend it; ((),) for a healthy one. The tests carry out each.
    on_call : bool
        Whether it comes into the emergency room; the others serve the trial of the signs.
    """

    key: str
    names: tuple[str, ...]
    story: str
    draw: Callable[[Rng], Recipe]
    cure: tuple[tuple[str, ...], ...]
    on_call: bool = True

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.names == ("healthy",)


NAMES: dict[str, str] = {
    "healthy": "nothing is wrong: leave it alone",
    "vanishing": "the gradient vanishes over the depth",
    "exploding": "the gradient explodes over the depth",
    "saturated": "units are saturated",
    "dead units": "units are dead",
    "step too small": "the updates are too small for the weights",
    "step too large": "the updates are too large for the weights",
    "memory of a spike": "the optimizer remembers one enormous gradient",
    "head": "the last layer does not fit the loss and the targets",
    "cut off": "a part gets no gradient, or the optimizer does not hold it",
    "data": "inputs or targets come in unfit units",
    "pairs": "rows and targets do not belong together",
    "mode": "the test runs in the wrong mode, or with stale statistics",
}
"""The diagnoses one can name."""


# ---------------------------------------------------------------- dice


def _pick(rng: Rng, *options: object) -> object:
    return options[int(rng.integers(len(options)))]


def _between(rng: Rng, low: float, high: float) -> float:
    """Uniform on a log axis, two digits."""
    return float(f"{math.exp(rng.uniform(math.log(low), math.log(high))):.2g}")


def _rate(rng: Rng, optimizer: str) -> float:
    return _between(rng, 0.05, 0.15) if optimizer == "sgd" else _between(rng, 1e-3, 3e-3)


def _common(rng: Rng, task: str = "digits", **given: object) -> Recipe:
    """A sound network of two to five layers; what is given is not drawn."""
    optimizer = str(given.get("optimizer") or _pick(rng, "sgd", "adam"))
    if task == "regression":
        optimizer = "adam"
    drawn: dict[str, object] = {
        "task": task,
        "seed": int(rng.integers(1, 1_000_000)),
        "depth": int(rng.integers(2, 6)),
        "width": _pick(rng, 32, 48, 64),
        "activation": _pick(rng, "relu", "tanh"),
        "batch": _pick(rng, 32, 64),
        "updates": int(rng.integers(22, 30)) * 10,
        "optimizer": optimizer,
        "rate": _rate(rng, optimizer) * (3 if task == "regression" else 1),
    }
    return Recipe(**(drawn | given))  # type: ignore[arg-type]


def _memory(rng: Rng, **given: object) -> Recipe:
    """A sound LSTM that recalls a symbol."""
    drawn: dict[str, object] = {
        "task": "recall",
        "cell": "lstm",
        "seed": int(rng.integers(1, 1_000_000)),
        "width": _pick(rng, 16, 24),
        "lag": int(rng.integers(8, 13)),
        "forget_bias": 1.0,
        "optimizer": "adam",
        "rate": _between(rng, 0.008, 0.015),
        "batch": 32,
        "updates": int(rng.integers(15, 19)) * 10,
    }
    return Recipe(**(drawn | given))  # type: ignore[arg-type]


# ---------------------------------------------------------------- the sick


def _deep_sigmoid(rng: Rng) -> Recipe:
    return _common(rng, depth=int(rng.integers(7, 11)), activation="sigmoid", optimizer="sgd")


def _overflow(rng: Rng) -> Recipe:
    return _common(
        rng,
        depth=int(rng.integers(12, 15)),
        activation="relu",
        init=_between(rng, 40, 80),
        optimizer="sgd",
        clip=1.0,
        clipper="float32",
    )


def _hidden_explosion(rng: Rng) -> Recipe:
    return _common(
        rng,
        depth=int(rng.integers(8, 12)),
        activation="tanh",
        init=_between(rng, 6, 10),
        optimizer="sgd",
    )


def _dead(rng: Rng) -> Recipe:
    return _common(rng, activation="relu", bias=-_between(rng, 8, 40))


def _timid(rng: Rng) -> Recipe:
    sound = _common(rng)
    return replace(sound, rate=sound.rate / _between(rng, 100, 300))


def _bold(rng: Rng) -> Recipe:
    sound = _common(rng)
    return replace(sound, rate=sound.rate * _between(rng, 60, 150))


def _spiked(rng: Rng) -> Recipe:
    return _common(
        rng,
        activation="relu",
        optimizer="adam",
        spike_at=int(rng.integers(1, 5)),
    )


def _squashed_classes(rng: Rng) -> Recipe:
    return _common(
        rng,
        head=_pick(rng, "softmax", "sigmoid"),
        depth=int(rng.integers(3, 6)),
        optimizer="sgd",
        rate=_between(rng, 0.04, 0.08),
        updates=int(rng.integers(15, 20)) * 10,
    )


def _squashed_number(rng: Rng) -> Recipe:
    return _common(
        rng,
        "regression",
        head=_pick(rng, "sigmoid", "tanh", "relu"),
        target_shift=-_between(rng, 1.5, 3),
    )


def _detached(rng: Rng) -> Recipe:
    return _common(rng, depth=int(rng.integers(5, 8)), activation="tanh", connected=False, width=16)


def _forgotten_parameters(rng: Rng) -> Recipe:
    return _common(rng, trained=False)


def _detached_in_time(rng: Rng) -> Recipe:
    return _memory(
        rng, connected=False, forget_bias=0.0, lag=int(rng.integers(11, 15)), updates=300
    )


def _dead_memory(rng: Rng) -> Recipe:
    return _memory(
        rng,
        optimizer="sgd",
        rate=_between(rng, 15, 25),
        lag=int(rng.integers(8, 11)),
        updates=300,
    )


def _mispaired(rng: Rng) -> Recipe:
    return _common(rng, paired=False)


def _in_training_mode(rng: Rng) -> Recipe:
    return _common(
        rng,
        norm=True,
        dropout=0.4,
        tested="training",
        depth=int(rng.integers(3, 5)),
        width=_pick(rng, 48, 64),
        batch=64,
    )


def _stale(rng: Rng) -> Recipe:
    return _common(
        rng,
        norm=True,
        momentum=0.0005,
        batch=64,
        depth=int(rng.integers(3, 6)),
        input_shift=_between(rng, 5, 20),
    )


def _unscaled(rng: Rng) -> Recipe:
    return _common(
        rng,
        activation="tanh",
        input_scale=_between(rng, 50, 200),
        input_shift=_between(rng, 300, 900),
    )


def _two_at_once(rng: Rng) -> Recipe:
    sound = _common(rng, trained=False)
    return replace(sound, rate=sound.rate * _between(rng, 60, 150))


# ---------------------------------------------------------------- the healthy


def _sound(rng: Rng) -> Recipe:
    return _common(rng)


def _sound_number(rng: Rng) -> Recipe:
    return _common(
        rng, "regression", target_scale=_between(rng, 5, 20), rate=0.01, updates=400, depth=3
    )


def _converged(rng: Rng) -> Recipe:
    return _common(rng, updates=1200)


def _rising(rng: Rng) -> Recipe:
    return _common(
        rng,
        norm=True,
        init=_between(rng, 5, 7),
        optimizer="sgd",
        decay=_between(rng, 0.03, 0.05),
        rate=0.15,
        noise=0.3,
        updates=400,
    )


def _noisy(rng: Rng) -> Recipe:
    return _common(rng, noise=float(rng.uniform(0.4, 0.55)))


def _restless(rng: Rng) -> Recipe:
    sound = _common(rng, batch=int(rng.integers(2, 5)), optimizer="sgd", updates=800)
    return replace(sound, rate=sound.rate / 10)


def _silent_half(rng: Rng) -> Recipe:
    return _common(rng, activation="relu", bias=-0.3, width=64, updates=350)


def _faint(rng: Rng) -> Recipe:
    """Adam on a loss that is multiplied by a small number."""
    return _common(rng, optimizer="adam", scale=_between(rng, 1e-4, 1e-3))


def _loud(rng: Rng) -> Recipe:
    """Adam on a loss that is multiplied by a large number."""
    return _common(rng, optimizer="adam", scale=_between(rng, 1e2, 1e4))


def _late(rng: Rng) -> Recipe:
    return _memory(rng, lag=int(rng.integers(14, 18)), updates=300)


KINDS: tuple[Kind, ...] = (
    Kind("deep sigmoid", ("vanishing",), "Seven to ten sigmoid layers: each slope is at most ¼.",
         _deep_sigmoid, (("relu",), ("normalize",))),
    Kind("overflow", ("exploding",),
         "Weights 20 times too large: the gradient's norm overflowed float32, and torch's clipping "
         "divided by infinity: every update was exactly 0.",
         _overflow, (("initialize",), ("relu",))),
    Kind("hidden explosion", ("exploding", "saturated"),
         "tanh layers with weights several times too large: the outputs stay within ±1 and look "
         "tame, while the gradient grows from layer to layer.",
         _hidden_explosion, (("initialize",), ("relu",))),
    Kind("dead units", ("dead units",), "Biases far below 0 kept the ReLUs shut for every row.",
         _dead, (("initialize",), ("normalize",))),
    Kind("timid", ("step too small",), "The learning rate was 100 times and more too small.",
         _timid, (("raise the rate",),)),
    Kind("bold", ("step too large", "dead units"),
         "The learning rate was about 100 times too large.",
         _bold, (("lower the rate",),)),
    Kind("spiked", ("memory of a spike",),
         "One early batch was broken: noise, 10,000 times too large. Adam remembered its gradient "
         "for the rest of the run, and took tiny steps.",
         _spiked, (("clip",),)),
    Kind("squashed classes", ("head",),
         "A softmax or sigmoid stood before a cross-entropy that brings its own.",
         _squashed_classes, (("free the head",),)),
    Kind("squashed number", ("head",), "The last layer could not reach the targets.",
         _squashed_number, (("free the head",),)),
    Kind("detached", ("cut off",), "A detach() kept the gradient from all hidden layers.",
         _detached, (("connect all parts",),)),
    Kind("forgotten", ("cut off",),
         "The optimizer was older than the network: all but the last bias that it held were "
        "parameters of another one.",
        _forgotten_parameters, (("connect all parts",),)),
    Kind("detached in time", ("cut off",),
         "The state was detached before the last step: nothing that came earlier could be learned.",
         _detached_in_time, (("connect all parts",),)),
    Kind("dead memory", ("step too large", "saturated"),
         "One step at 100 times the rate drove the LSTM's gates flat; since then hardly any "
         "gradient passes, and nothing is NaN.",
         _dead_memory, (("lower the rate",),)),
    Kind("mispaired", ("pairs",), "Inputs were shuffled and targets were not.",
         _mispaired, (("mend the data loader",),)),
    Kind("training mode", ("mode",),
         "model.eval() was forgotten: the test ran with dropout and the statistics of four rows.",
         _in_training_mode, (("test in evaluation mode",),)),
    Kind("stale", ("mode",),
         "The running statistics, at momentum 0.0005, were still near those of the start.",
         _stale, (("test in evaluation mode",),)),
    Kind("unscaled", ("data", "saturated"),
         "The inputs came in raw units, hundreds wide: the first layer was flat.",
         _unscaled, (("scale the data",),)),
    Kind("two at once", ("cut off", "step too large"),
         "The optimizer held the parameters of an older network, so nobody could see that its rate "
        "was 100 times too large.",
        _two_at_once, (("connect all parts", "lower the rate"),)),
    Kind("converged", ("healthy",),
         "Trained to the end: loss and gradient are tiny because nothing is left to learn.",
         _converged, ((),)),
    Kind("rising", ("healthy",),
         "The norm rises because weight decay shrinks weights that are normalized anyway.",
         _rising, ((),)),
    Kind("noisy", ("healthy",),
         "Half of the training targets are drawn at random: the loss cannot become small, and the "
         "test rows are read as well as can be.",
         _noisy, ((),)),
    Kind("restless", ("healthy",), "The loss jumps because a batch has two to four rows.",
         _restless, ((),)),
    Kind("late", ("healthy",),
         "An LSTM whose gradient hardly reached the symbol at first; it learned it all the same.",
         _late, ((),)),
    Kind("loud", ("healthy",),
         "The loss is multiplied by a large number, which Adam does not mind: the norm is above "
         "1 at every step.",
         _loud, ((),)),
    Kind("faint", ("healthy",),
         "The loss is multiplied by a small number, which Adam does not mind: the norm is tiny.",
         _faint, ((),)),
    Kind("sound", ("healthy",), "Nothing was wrong.", _sound, ((),), on_call=False),
    Kind("sound number", ("healthy",), "Nothing was wrong.", _sound_number, ((),), on_call=False),
    Kind("silent half", ("healthy",), "Nothing was wrong.", _silent_half, ((),), on_call=False),
)  # fmt: skip
"""Sick ones first."""


def kind(key: str) -> Kind:
    """Return a kind by its key.

    Raises
    ------
    GradcourseError
        If there is none.
    """
    for row in KINDS:
        if row.key == key:
            return row
    raise GradcourseError(f"there is no kind {key!r} of network: {', '.join(k.key for k in KINDS)}")


def admit(key: str, seed: int) -> Recipe:
    """Return the recipe of one network of a kind; the same seed gives the same one."""
    number = [row.key for row in KINDS].index(kind(key).key)
    return kind(key).draw(np.random.default_rng([10, number, seed]))
