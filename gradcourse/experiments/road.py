"""Lesson 08: torch's LSTM followed by hand, its half-lives, its explosions, and the drawn cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse import theory
from gradcourse.experiments import plateau
from gradcourse.experiments.common import SEEDS, Array
from gradcourse.experiments.measurements import stored
from gradcourse.figures import Axis, Band, Line, Plot
from gradcourse.figures.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    import torch

    from gradcourse.nets import Recurrent

LAGS = 100
HEALTHY = Band(0.1, 10.0, "healthy: 0.1 to 10")

# ---------------------------------------------------------------- torch's LSTM, step by step


def _lstm_step(
    weights: Sequence[torch.Tensor], x: torch.Tensor, h: torch.Tensor, c: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One step of an LSTM with torch's four tensors: h, c and the forget gate, each (batch, n)."""
    read, recurrent, b, d = weights
    i, f, g, o = (x @ read.T + h @ recurrent.T + b + d).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c, f.sigmoid()


def followed(net: Recurrent, cut: bool) -> tuple[list[torch.Tensor], torch.Tensor]:
    """∂(v·c_T)/∂c_t for a random v, by lag, over 100 steps of the adding problem; float64.

    Parameters
    ----------
    net : Recurrent
        With an LSTM.
    cut : bool
        Detach h at every step, so that only the road through the cells is left.

    Returns
    -------
    gradients : list of tensor, each (8, n)
        Lag 0 first.
    gates : tensor, shape (100, 8, n)
        The forget gates, the last step first.
    """
    import torch

    from gradcourse.data import adding_problem

    x = adding_problem(LAGS, train=8, test=1).x_train.double()
    weights = [p.detach().double() for p in net.rnn.parameters()]
    h = torch.zeros(len(x), net.rnn.hidden_size, dtype=torch.float64)
    cells, gates = [h.clone().requires_grad_()], []
    for x_t in x.unbind(1):
        h, c, f = _lstm_step(weights, x_t, h.detach() if cut else h, cells[-1])
        cells.append(c)
        gates.append(f.detach())
    v = torch.randn(c.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradients = torch.autograd.grad((v * c).sum(), cells)
    return list(gradients[::-1]), torch.stack(gates[::-1])


def left(nets: Iterable[Recurrent], cut: bool) -> Array:
    """What is left of the gradient in the typical cell (geometric mean), by lag; (nets, 101)."""
    rows = []
    for net in nets:
        gradients, _ = followed(net, cut)
        rows.append([float((b / gradients[0]).abs().log().mean().exp()) for b in gradients])
    return np.array(rows)


def off_the_product(net: Recurrent) -> float:
    """Largest relative distance of the road's gradient from the product of the forget gates."""
    import torch

    gradients, gates = followed(net, cut=True)
    product = gradients[0] * gates.cumprod(0)
    return float(((torch.stack(gradients[1:]) - product) / product).abs().max())


def road_plot(road: Array, paths: Array) -> Plot:
    """Medians of `left` on the road and on all paths, and half of it per step."""
    lag = np.arange(LAGS + 1)
    return Plot(
        "An LSTM as torch makes it, untrained: one half a step on the road",
        Axis("lag T − t"),
        Axis("∂c_T/∂c_t in the typical cell", "log"),
        (
            Line(lag, np.median(road, 0), "the road", color="sky"),
            Line(lag, 0.5**lag, "dashed: theory, ½ a step", "theory", "sky"),
            Line(lag, np.median(paths, 0), "all paths", color="lstm"),
        ),
        (HEALTHY,),
    )


# ---------------------------------------------------------------- a bias is a half-life

BIASES = np.arange(7.0)


def forgetful(bias: float, seed: int, coupled: bool) -> Recurrent:
    """An LSTM with torch's weights and a forget bias; with the input bias −b if coupled."""
    import torch

    from gradcourse.nets import recurrent

    net = recurrent("lstm", 2, 32, 1, forget_bias=float(bias), seed=seed)
    if coupled:
        rnn: Any = net.rnn
        with torch.no_grad():
            rnn.bias_ih_l0[:32], rnn.bias_hh_l0[:32] = -bias, 0.0
    return net


@cache
def factors(cut: bool, coupled: bool) -> Array:
    """The factor on ∂c per step, from lag 50 to 100, for each forget bias; (seeds, biases)."""
    nets = [forgetful(bias, seed, coupled) for seed in SEEDS for bias in BIASES]
    kept = left(nets, cut)
    return ((kept[:, 100] / kept[:, 50]) ** (1 / 50)).reshape(len(SEEDS), len(BIASES))


def half_lives(cut: bool, coupled: bool) -> Array:
    """Steps until half is left, NaN where the gradient grows; (seeds, biases)."""
    factor = factors(cut, coupled)
    with np.errstate(divide="ignore"):
        return np.where(factor < 1, np.log(2) / -np.log(np.minimum(factor, 1.0)), np.nan)


def half_life_plot() -> Plot:
    """Half-life against forget bias, in three ways; a line ends where the gradient grows."""
    road, coupled, free = (
        half_lives(*ways) for ways in ((True, False), (False, True), (False, False))
    )
    level = np.isfinite(free).all(0)
    last = int(BIASES[level][-1])
    return Plot(
        f"With the input gate at ½ the gradient grows from b = {last + 1} on",
        Axis("forget bias b"),
        Axis("half-life in steps", "log"),
        (
            Line(BIASES, np.median(road, 0), "the road", color="sky"),
            Line(BIASES, theory.forget_half_life(BIASES), "dashed: theory", "theory", "sky"),
            Line(BIASES, np.median(coupled, 0), "all paths, input bias −b", color="lstm"),
            Line(
                BIASES[level],
                np.median(free[:, level], 0),
                "all paths, input bias near 0",
                color="purple",
            ),
        ),
    )


# ---------------------------------------------------------------- who leaves the plateau, and when


@cache
def _rows() -> tuple[dict[str, Any], ...]:
    return tuple(stored("plateau").rows)


def updates(kind: str, steps: int = 60) -> Array:
    """Updates until a stored network left the plateau, ∞ for those that did not; (seeds,)."""
    found = [row for row in _rows() if row["kind"] == kind and row["steps"] == steps]
    return np.array([np.inf if row["updates"] is None else row["updates"] for row in found])


def in_words(needed: Array) -> str:
    """Median and range of such updates."""
    if np.isinf(needed).all():
        return f"none of {len(needed)} within {plateau.CAP}"
    words = [f"{value:.0f}" if np.isfinite(value) else f"> {plateau.CAP}" for value in needed]
    order = np.argsort(needed)
    return (
        f"median {words[order[len(order) // 2]]}, {words[order[0]]} to {words[order[-1]]} updates"
    )


def _middle(needed: Array) -> str:
    """The median of such updates alone."""
    middle = np.median(needed)
    return f"median {middle:.0f}" if np.isfinite(middle) else "none leaves"


SHORT = {
    plateau.RNN: ("RNN", "rnn"),
    plateau.AS_IT_COMES: ("LSTM", "lstm"),
    plateau.BIAS_ONE: ("LSTM, b=1", "navy"),
    plateau.CHRONO: ("chrono", "sky"),
    plateau.GRU: ("GRU", "gru"),
}
HIDDEN = "one vector set"
"""What the puzzle calls chrono's biases, before they are explained."""


def strip_plot(kinds: Sequence[str], puzzle: bool = False) -> Plot:
    """A column of five dots for each kind: updates until it left the plateau, 60 steps.

    A network that did not leave stands at the cap.
    """
    names = [HIDDEN if puzzle and kind == plateau.CHRONO else SHORT[kind][0] for kind in kinds]
    columns = [
        Line(
            np.full(len(SEEDS), place),
            np.sort(np.minimum(updates(kind), plateau.CAP)),
            f"{name}: {_middle(updates(kind))}",
            color=SHORT[kind][1],
        )
        for place, (kind, name) in enumerate(zip(kinds, names, strict=True), start=1)
    ]
    ends = [0.6, len(kinds) + 0.4]
    cap = Line(ends, [plateau.CAP] * 2, "1200 updates: not left by then", "reference", "grey")
    return Plot(
        "60 steps: when does each of five networks leave 1/6?",
        Axis("network", limits=(ends[0], ends[1]), names=tuple(names)),
        Axis("updates until the error is halved", "log", (100.0, 2000.0)),
        (*columns, cap),
    )


def leaves(
    net: Recurrent,
    seed: int,
    steps: int = 60,
    cap: int = plateau.CAP,
    rate: float = plateau.RATE,
) -> float:
    """Updates until a network of any kind leaves the plateau, trained as the stored ones are.

    ∞ if ``cap`` updates do not do.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.instrument import clip_grad_norm_

    data = adding_problem(steps, train=4000, test=500, seed=seed)
    parameters = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    generator = torch.Generator().manual_seed(seed)
    squared = torch.nn.functional.mse_loss
    for update in range(1, cap + 1):
        rows = torch.randint(len(data.x_train), (plateau.BATCH,), generator=generator)
        optimizer.zero_grad()
        squared(net(data.x_train[rows]), data.y_train[rows]).backward()
        clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if update % plateau.EVERY == 0:
            with torch.no_grad():
                if float(squared(net(data.x_test), data.y_test)) < plateau.LEFT:
                    return float(update)
    return float("inf")


def relu_from_identity(seed: int) -> Recurrent:
    """An RNN of 32 ReLU units whose recurrent matrix starts as the identity."""
    from gradcourse.nets import recurrent

    return recurrent("rnn", 2, 32, 1, init="identity", nonlinearity="relu", seed=seed)


def gates_that_read_the_input_only(seed: int, steps: int = 60) -> Recurrent:
    """An LSTM with chrono's biases whose recurrent matrix is 0 and stays 0."""
    import torch

    from gradcourse.nets import chrono_, recurrent

    net = chrono_(recurrent("lstm", 2, 32, 1, seed=seed), steps, seed)
    rnn: Any = net.rnn
    with torch.no_grad():
        rnn.weight_hh_l0.zero_()
    rnn.weight_hh_l0.requires_grad_(False)
    return net  # type: ignore[return-value]


def share_of_the_gap(kind: str, steps: int = 60) -> Array:
    """Updates of one kind beyond the median GRU, over those of torch's median LSTM; (seeds,).

    0 if the gap between the two is closed, 1 if nothing is gained.
    """
    gru, lstm = (np.median(updates(of, steps)) for of in (plateau.GRU, plateau.AS_IT_COMES))
    needed = np.minimum(updates(kind, steps), plateau.CAP)
    return np.asarray((needed - gru) / (lstm - gru))


# ---------------------------------------------------------------- an LSTM that explodes

GAINS = (0.5, 1.0, 1.5, 4.0, 8.0, 10.0)


@cache
def _wide(gain: float, seed: int, bias: float = 0.0) -> Recurrent:
    from gradcourse.nets import recurrent

    return recurrent("lstm", 2, 100, 1, init="normal", gain=gain, forget_bias=bias, seed=seed)


def _sequence() -> torch.Tensor:
    from gradcourse.data import adding_problem

    return adding_problem(LAGS + 1, train=1, test=1).x_train[0]


@cache
def decades(gain: float, bias: float = 0.0) -> Array:
    """log₁₀ of ‖∂h_T/∂c_t‖ at lag 100, relative to lag 0, LSTMs of 100 units; (seeds,).

    ``bias`` is the forget gate's; all others are 0.
    """
    from gradcourse.instrument import lag_log_norms

    found = []
    for seed in SEEDS:
        logs = lag_log_norms(_wide(gain, seed, bias).rnn, _sequence(), of="cell")
        found.append((logs[0] - logs[-1]) / np.log(10.0))
    return np.array(found)


def largest_state(gain: float) -> float:
    """Largest |h| over those 100 steps and five networks."""
    return max(
        float(_wide(gain, seed).rnn(_sequence()[None])[0].detach().abs().max()) for seed in SEEDS
    )


def decades_at_rest(gain: float) -> Array:
    """The same from theory: 100 log₁₀ of the spectral radius of ½ I + ¼ W_g; (seeds,)."""
    found = []
    for seed in SEEDS:
        rnn: Any = _wide(gain, seed).rnn
        step = np.eye(100) / 2 + rnn.weight_hh_l0.detach().numpy()[200:300] / 4
        found.append(LAGS * np.log10(np.abs(np.linalg.eigvals(step)).max()))
    return np.array(found)


def explosion_plot() -> Plot:
    """That gradient against the gain of the recurrent weights, theory where it is at rest."""
    measured = [10 ** np.median(decades(gain)) for gain in GAINS]
    at_rest = [10 ** np.median(decades_at_rest(gain)) for gain in GAINS[:3]]
    return Plot(
        "∂h_T/∂c_t at lag 100 of untrained LSTMs, 100 units, median of 5",
        Axis("gain of the recurrent weights"),
        Axis("gradient, relative to lag 0", "log"),
        (
            Line(GAINS, measured, "all paths", color="lstm"),
            Line(GAINS[:3], at_rest, "dashed: theory, at rest", "theory", "lstm"),
            Line(GAINS, [1.0] * 6, "no product of forget gates is larger", "reference"),
        ),
        (HEALTHY,),
    )


# ---------------------------------------------------------------- three networks, untrained


@cache
def untrained(kind: str) -> tuple[Array, Array]:
    """Gradient against lag, relative to lag 0, and the radius of one step at rest.

    Of ∂h_T/∂h_t, in an LSTM ∂h_T/∂c_t.

    Returns
    -------
    gradients : array, shape (seeds, 101)
    radii : array, shape (seeds,)
    """
    from gradcourse.instrument import lag_log_norms
    from gradcourse.nets import recurrent

    of = "cell" if kind == "lstm" else "hidden"
    rows, radii = [], []
    for seed in SEEDS:
        rnn: Any = recurrent(kind, 2, 32, 1, seed=seed).rnn
        logs = lag_log_norms(rnn, _sequence(), of=of)[::-1]
        rows.append(np.exp(logs - logs[0]))
        weights = rnn.weight_hh_l0.detach().double().numpy()
        step = weights if kind == "rnn" else np.eye(32) / 2 + weights[64:96] / 4
        radii.append(np.abs(np.linalg.eigvals(step)).max())
    return np.array(rows), np.array(radii)


def untrained_plot() -> Plot:
    """The three of them, with the theory of a network at rest."""
    lag, lines = np.arange(LAGS + 1), []
    for kind in ("rnn", "lstm", "gru"):
        gradients, radii = untrained(kind)
        lines.append(Line(lag, np.median(gradients, 0), kind.upper(), color=kind))
        lines.append(Line(lag, np.median(radii) ** lag, "dashed: theory, at rest", "theory", kind))
    return Plot(
        "Three networks as torch makes them, untrained, median of 5",
        Axis("lag T − t"),
        Axis("gradient, relative to lag 0", "log"),
        tuple(lines),
        (HEALTHY,),
    )


# ---------------------------------------------------------------- what opens the gates


@cache
def opening(kind: str, constant: bool = False, steps: int = 60, count: int = 40) -> Array:
    """Before and after 40 updates: gradient at the first step, and the most open gate.

    Parameters
    ----------
    kind : {"lstm", "gru"}
    constant : bool
        Replace every answer by 1, the mean: there is nothing to remember.

    Returns
    -------
    array, shape (3, seeds)
        log₁₀ of the gradient at lag 59, relative to lag 0, before and after; then the mean
        forget or update gate, after, of the unit in which it is largest.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.experiments.lstm import gradient_by_lag
    from gradcourse.instrument import clip_grad_norm_
    from gradcourse.nets import recurrent

    rows = []
    for seed in range(3):
        data = adding_problem(steps, train=4000, test=500, seed=seed)
        net = recurrent(kind, 2, 32, 1, seed=seed)
        before = gradient_by_lag(net, data.x_test, data.y_test)[-1]
        optimizer = torch.optim.Adam(net.parameters(), lr=plateau.RATE)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(count):
            batch = torch.randint(4000, (plateau.BATCH,), generator=generator)
            goal = torch.ones_like(data.y_train[batch]) if constant else data.y_train[batch]
            optimizer.zero_grad()
            (net(data.x_train[batch]) - goal).square().mean().backward()
            clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        after = gradient_by_lag(net, data.x_test, data.y_test)[-1]
        rows.append((np.log10(before), np.log10(after), most_open(net, data.x_test)))
    return np.transpose(rows)


def most_open(net: Recurrent, x: torch.Tensor) -> float:
    """Mean forget gate (LSTM) or update gate (GRU) of the unit in which it is largest."""
    import torch

    rnn: Any = net.rnn
    with torch.no_grad():
        h, _ = rnn(x)
        before = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
        z = x @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + before @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
        return float(z[..., 32:64].sigmoid().mean((0, 1)).max())


# ---------------------------------------------------------------- one step that kills


def one_step(seed: int, gain: float = 8.0, lr: float = 0.1) -> tuple[float, float, float]:
    """One step of gradient descent on the adding problem, 100 steps, 32 units.

    Returns
    -------
    growth : float
        ‖W‖ after the step over ‖W‖ before it.
    loss, gradient : float
        After the step: the loss, and ‖∂ℒ/∂W‖.
    """
    import torch

    from gradcourse.data import adding_problem
    from gradcourse.nets import recurrent

    data = adding_problem(100, train=64, test=1, seed=seed)
    net = recurrent("lstm", 2, 32, 1, init="normal", gain=gain, seed=seed)
    weights: Any = net.rnn.weight_hh_l0
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    start = float(weights.detach().norm())

    def backward() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(data.x_train), data.y_train)
        loss.backward()
        return float(loss.detach())

    backward()
    optimizer.step()
    loss = backward()
    return float(weights.detach().norm()) / start, loss, float(weights.grad.norm())


def over(measure: Callable[[int], Any], seeds: Iterable[int] = SEEDS) -> Array:
    """One row of numbers for each seed, transposed; (numbers, seeds)."""
    return np.transpose([measure(seed) for seed in seeds])


# ---------------------------------------------------------------- the cell, drawn


def cell_drawing() -> Drawing:
    """An LSTM's cell: the road through c as a thick line, h and the gates below it."""
    road = 0.75
    gates = (
        (2.0, "f", "forget gate", "keeps"),
        (3.5, "i", "input gate", "writes"),
        (4.9, "g", "candidate", "what is written"),
        (6.4, "o", "output gate", "shows"),
    )
    boxes = [
        Box(0.75, road, 0.9, 0.5, "c, step\nt − 1", "blue", True),
        Box(7.9, road, 0.9, 0.5, "c, step\nt", "blue", True),
        Box(2.0, road, 0.42, 0.42, "×", "blue"),
        Box(4.2, road, 0.42, 0.42, "+", "blue"),
        Box(4.2, 1.65, 0.42, 0.42, "×", "grey"),
        Box(6.4, 1.65, 0.9, 0.42, "× tanh c", "grey"),
        Box(0.75, 3.55, 0.9, 0.5, "h, step\nt − 1", "orange", True),
        Box(7.9, 1.65, 0.9, 0.5, "h, step\nt", "orange", True),
        Box(0.75, 2.75, 0.9, 0.42, "x, step t", "grey"),
    ]
    arrows = [
        Arrow((1.2, road), (1.79, road), color="blue", width=5.0, head=False),
        Arrow((2.21, road), (3.99, road), color="blue", width=5.0, head=False),
        Arrow((4.41, road), (7.45, road), color="blue", width=5.0),
        Arrow((4.2, 1.44), (4.2, 0.96)),
        Arrow((6.4, road + 0.04), (6.4, 1.44)),
        Arrow((6.85, 1.65), (7.45, 1.65), color="orange"),
        Arrow((1.2, 3.55), (7.0, 3.55), color="orange"),
        Arrow((1.2, 2.8), (1.45, 3.5)),
    ]
    for x, letter, name, does in gates:
        color = "green" if letter == "g" else "purple"
        boxes.append(Box(x, 2.65, 1.25, 0.62, f"{letter}: {name}\n{does}", color))
        arrows.append(Arrow((x, 3.53), (x, 2.96)))
    arrows += [
        Arrow((2.0, 2.34), (2.0, 0.96)),
        Arrow((3.5, 2.34), (4.0, 1.76)),
        Arrow((4.9, 2.34), (4.41, 1.76)),
        Arrow((6.4, 2.34), (6.4, 1.86)),
    ]
    words = (
        "The cell of an LSTM, one step from left to right. Above, as a thick line, the road: the "
        "cell c of step t − 1 is multiplied by the forget gate f, unit by unit, the product of "
        "input gate i and candidate g is added, and that is c of step t. No matrix stands on it. "
        "Below, thin lines: h of step t − 1 and the input x of step t are read by all four, f, "
        "i, g and o. The tanh of c, multiplied by the output gate o, is h of step t."
    )
    return Drawing(8.6, 4.0, tuple(boxes), tuple(arrows), words)


# ---------------------------------------------------------------- for the exercises


def open_gate() -> str:
    """What a step with f = 1 and i = 0 does to the content of a cell, measured on torch's cell."""
    import torch

    cell = torch.nn.LSTMCell(1, 4)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih[:4], cell.bias_ih[4:8], cell.bias_ih[8:12] = -50.0, 50.0, 1.0
        before = torch.tensor([[0.5, -1.0, 2.0, 3.0]])
        _, after = cell(torch.zeros(1, 1), (torch.zeros(1, 4), before))
    if torch.allclose(after, before):
        return "keeps"
    return "forgets" if torch.allclose(after, torch.zeros(1, 4)) else "added"


LETTERED = {"A": (0.0, 0.0), "B": (5.0, 0.0), "C": (5.0, -5.0)}
"""Forget and input bias of the lines of an exercise."""


@cache
def _lettered(letter: str) -> Array:
    from gradcourse.experiments.lstm import cell_gradients, run

    return cell_gradients(run(*LETTERED[letter]))


def three_biases_plot() -> Plot:
    """∂c_T/∂c_t on all paths of one LSTM with three pairs of biases, as A, B and C."""
    lag = np.arange(LAGS + 1)
    colors = ("blue", "green", "vermillion")
    return Plot(
        "Three untrained LSTMs with the same weights",
        Axis("lag T − t"),
        Axis("∂c_T/∂c_t, all paths", "log"),
        tuple(
            Line(lag, _lettered(letter), letter, color=color)
            for letter, color in zip(LETTERED, colors, strict=True)
        ),
        (HEALTHY,),
    )


def line_that_grows() -> str:
    """The letter of the line that ends highest, in lower case."""
    return max(LETTERED, key=lambda letter: _lettered(letter)[-1]).lower()
