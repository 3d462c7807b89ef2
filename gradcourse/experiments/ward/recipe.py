"""A training run as data: a network, its data, its optimizer, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import nn

from gradcourse.experiments.common import digits
from gradcourse.nets import activation_function

Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run; two equal recipes give the same numbers.

    Attributes
    ----------
    task : {"digits", "regression", "recall"}
        Ten classes; one number from eight; which of two symbols stood at the first step.
    seed : int
        Decides weights, data and batches.
    depth, width, activation
        Hidden layers of a network of matrices; a recurrent one has ``width`` units.
    init : str or float
        "matched": He for ReLU, Xavier for the others. A number: Gaussian, σ_w = that number.
    bias : float
        Of all hidden units at the start.
    norm, skip : bool
        Batch normalization after each hidden matrix; h + f(h) in place of f(h).
    momentum : float
        Of the running statistics.
    dropout : float
    head : {"", "softmax", "sigmoid", "tanh", "relu"}
        What stands behind the last matrix.
    cell : {"", "lstm", "rnn"}
    lag : int
        Steps between the symbol and the end.
    forget_bias : float
    optimizer : {"sgd", "adam"}
    rate : float
    batch, updates : int
    rows : int
        Train on so many rows only; 0: on all.
    decay : float
        Weight decay, added to the gradient.
    clip : float
        Largest norm of a gradient; 0 for none.
    clipper : {"exact", "float32"}
        The second is torch's own, whose norm overflows.
    scale : float
        The loss is multiplied by it.
    input_scale, input_shift, target_scale, target_shift : float
    paired : bool
        Whether a row keeps its own target.
    noise : float
        Share of the training targets that are drawn at random; the test rows have none.
    connected : bool
        Whether the gradient reaches every part.
    trained : bool
        Whether the optimizer holds the parameters of this network, and not of an older one.
    tested : {"evaluation", "training"}
        The mode in which the network is tested; in training mode four rows at a time.
    recount : bool
        Whether the running statistics are taken anew from the training data before the test.
    spike_at : int
        Update whose batch is noise, 10,000 times as large as the data; −1 for none.
    """

    task: str = "digits"
    seed: int = 0
    depth: int = 2
    width: int = 48
    activation: str = "relu"
    init: str | float = "matched"
    bias: float = 0.0
    norm: bool = False
    skip: bool = False
    momentum: float = 0.1
    dropout: float = 0.0
    head: str = ""
    cell: str = ""
    lag: int = 0
    forget_bias: float = 0.0
    optimizer: str = "sgd"
    rate: float = 0.1
    batch: int = 64
    updates: int = 250
    rows: int = 0
    decay: float = 0.0
    clip: float = 0.0
    clipper: str = "exact"
    scale: float = 1.0
    input_scale: float = 1.0
    input_shift: float = 0.0
    target_scale: float = 1.0
    target_shift: float = 0.0
    paired: bool = True
    noise: float = 0.0
    connected: bool = True
    trained: bool = True
    tested: str = "evaluation"
    recount: bool = False
    spike_at: int = -1


SPIKE = 1e4


# ---------------------------------------------------------------- networks

_HEADS = {
    "": nn.Identity,
    "softmax": lambda: nn.Softmax(dim=1),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


class Cut(nn.Module):
    """Lets values through, and no gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x without its history."""
        return x.detach()


class Skip(nn.Module):
    """x plus a branch of it."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        return x + self.branch(x)


class Reader(nn.Module):
    """A recurrent layer, and a matrix that reads its last state."""

    def __init__(self, core: nn.RNNBase, outputs: int, cut: bool) -> None:
        super().__init__()
        self.core, self.readout, self.cut = core, nn.Linear(core.hidden_size, outputs), cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map sequences (batch, steps, channels) to outputs (batch, outputs)."""
        state = None
        if self.cut:  # everything but the last step is history
            with torch.no_grad():
                _, state = self.core(x[:, :-1])
            x = x[:, -1:]
        states, _ = self.core(x, state)
        return self.readout(states[:, -1])


def build(recipe: Recipe) -> nn.Module:
    """Make the network; weights are drawn from torch's global generator."""
    if recipe.cell:
        return _recurrent(recipe)
    inputs, outputs = (64, 10) if recipe.task == "digits" else (8, 1)
    layers: list[nn.Module] = []
    for k in range(recipe.depth):
        layers.append(_hidden(recipe, inputs if k == 0 else recipe.width))
    if not recipe.connected:
        layers.append(Cut())
    layers.append(nn.Linear(inputs if not recipe.depth else recipe.width, outputs))
    if recipe.head:
        layers.append(_HEADS[recipe.head]())  # type: ignore[operator]
    model = nn.Sequential(*layers)
    last = layers[-2] if recipe.head else layers[-1]
    assert isinstance(last, nn.Linear)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            # Normalization cancels the scale of the hidden matrices, and of them only.
            _draw(
                module,
                replace(recipe, init="matched") if recipe.norm and module is last else recipe,
            )
    nn.init.zeros_(last.bias)
    return model


def _hidden(recipe: Recipe, inputs: int) -> nn.Module:
    parts: list[nn.Module] = [nn.Linear(inputs, recipe.width)]
    if recipe.norm:
        parts.append(nn.BatchNorm1d(recipe.width, momentum=recipe.momentum))
    parts.append(activation_function(recipe.activation))
    if recipe.dropout:
        parts.append(nn.Dropout(recipe.dropout))
    layer = nn.Sequential(*parts)
    return Skip(layer) if recipe.skip and inputs == recipe.width else layer


def _draw(layer: nn.Linear, recipe: Recipe) -> None:
    fan_in, fan_out = layer.in_features, layer.out_features
    if recipe.init == "matched":
        rectified = recipe.activation == "relu"
        std = (2 / fan_in) ** 0.5 if rectified else (2 / (fan_in + fan_out)) ** 0.5
    else:
        std = float(recipe.init) / fan_in**0.5
    nn.init.normal_(layer.weight, std=std)
    nn.init.constant_(layer.bias, recipe.bias)


def _recurrent(recipe: Recipe) -> Reader:
    make = nn.LSTM if recipe.cell == "lstm" else nn.RNN
    core = make(3, recipe.width, batch_first=True)
    matrix = dict(core.named_parameters())["weight_hh_l0"]
    if recipe.init == "matched":
        for block in matrix.detach().split(recipe.width):
            nn.init.orthogonal_(block)
    else:
        nn.init.normal_(matrix, std=float(recipe.init) / recipe.width**0.5)
    if recipe.cell == "lstm":
        for name, bias in core.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(bias)
                bias.detach()[recipe.width : 2 * recipe.width] = recipe.forget_bias / 2
    return Reader(core, 2, not recipe.connected)


# ---------------------------------------------------------------- data


@cache
def clean_rows(task: str, lag: int, seed: int) -> tuple[torch.Tensor, ...]:
    """Inputs and targets for training and test, as they ought to be."""
    if task == "digits":
        data = digits()
        return data.x_train, data.y_train, data.x_test, data.y_test
    if task == "recall":
        from gradcourse.data import delayed_recall

        rows = delayed_recall(lag, noise=0.5, train=1000, test=300, seed=seed)
        return rows.x_train, rows.y_train, rows.x_test, rows.y_test
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1000, 8, generator=generator)
    slope = torch.randn(8, generator=generator)
    y = (x @ slope + x[:, 0].square() - 1.0)[:, None]
    y = y / y[:700].std()
    return x[:700], y[:700], x[700:], y[700:]


def rows_of(recipe: Recipe) -> tuple[torch.Tensor, ...]:
    """Inputs and targets as this run gets them; tested is on rows that belong together."""
    x, y, x_test, y_test = clean_rows(recipe.task, recipe.lag, recipe.seed)
    x, x_test = (recipe.input_scale * rows + recipe.input_shift for rows in (x, x_test))
    if recipe.task == "regression":
        y, y_test = (recipe.target_scale * t + recipe.target_shift for t in (y, y_test))
    if recipe.rows:
        x, y = x[: recipe.rows], y[: recipe.rows]
    if not recipe.paired:
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(recipe.seed))]
    if recipe.noise:
        y = _with_noise(y, recipe)
    return x, y, x_test, y_test


def _with_noise(y: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    generator = torch.Generator().manual_seed(recipe.seed)
    drawn = torch.randint(10, y.shape, generator=generator)
    return torch.where(torch.rand(y.shape, generator=generator) < recipe.noise, drawn, y)


def loss_of(recipe: Recipe, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits, or the mean squared error."""
    if recipe.task == "regression":
        return nn.functional.mse_loss(outputs, targets)
    return nn.functional.cross_entropy(outputs, targets)
