"""Recurrent networks by recipe: a fused layer, and a readout of its last state."""

from __future__ import annotations

import math
from types import MappingProxyType

import torch
from torch import nn

from gradcourse.support import GradcourseError, check_integers

_KINDS = MappingProxyType({"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU})
_INITS = ("default", "normal", "orthogonal", "identity")


class Recurrent(nn.Module):
    """A recurrent layer over time, and a matrix that reads its last state.

    Attributes
    ----------
    rnn : nn.RNN, nn.LSTM or nn.GRU
        One layer, ``batch_first``.
    readout : nn.Linear
    """

    def __init__(self, rnn: nn.RNNBase, readout: nn.Linear) -> None:
        super().__init__()
        self.rnn = rnn
        self.readout = readout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map sequences (batch, steps, inputs) to outputs (batch, outputs)."""
        states, _ = self.rnn(x)
        return self.readout(states[:, -1])


class Truncated(nn.Module):
    """The same network, whose backward pass ends ``window`` steps before the end.

    The forward pass is unchanged: the state that enters the window comes from the steps before.
    Only its history is cut off (truncated backpropagation through time, Williams & Peng 1990).

    Parameters
    ----------
    net : Recurrent
        Shared, not copied.
    window : int
        1 or more; where a sequence is no longer, nothing is cut off.
    """

    def __init__(self, net: Recurrent, window: int) -> None:
        super().__init__()
        check_integers(1, window=window)
        self.net = net
        self.window = window

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map sequences (batch, steps, inputs) to outputs (batch, outputs)."""
        before, inside = x[:, : -self.window], x[:, -self.window :]
        state = None
        if before.shape[1]:
            with torch.no_grad():
                _, state = self.net.rnn(before)
        states, _ = self.net.rnn(inside, state)
        return self.net.readout(states[:, -1])


def recurrent(
    kind: str,
    inputs: int,
    width: int,
    outputs: int,
    *,
    init: str = "default",
    gain: float = 1.0,
    radius: float | None = None,
    nonlinearity: str = "tanh",
    forget_bias: float | None = None,
    seed: int = 0,
) -> Recurrent:
    """Build a recurrent network.

    Input and readout weights are uniform on ±1/√width, as torch has them; ``init`` is about the
    recurrent matrix W. An LSTM has four blocks of size width × width in it, a GRU three: each is
    drawn by itself.

    Parameters
    ----------
    kind : str
        "rnn", "lstm" or "gru".
    inputs, width, outputs : int
        Channels per step, hidden units, outputs.
    init : str
        - "default": uniform on ±1/√width, variance 1/(3 width): for a large W a spectral radius
          near 0.58. Biases are drawn from the same. What torch does by itself.
        - "normal": Gaussian with variance 1/width: a spectral radius near 1. As in the two below,
          biases are 0.
        - "orthogonal": every singular value 1 (Saxe, McClelland & Ganguli 2014)
        - "identity": W = I (Le, Jaitly & Hinton 2015, with nonlinearity "relu")
    gain : float
        Multiplies W.
    radius : float, optional
        Scales W to this spectral radius instead. For "rnn" only.
    nonlinearity : str
        "tanh" or "relu", for "rnn" only.
    forget_bias : float, optional
        For "lstm" only: the bias of the forget gate. torch adds two biases, and this is their sum.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    Recurrent
        float32, on the CPU. Its parts are called ``rnn`` and ``readout``.

    Raises
    ------
    GradcourseError
        If an argument is none of the above.

    Examples
    --------
    >>> net = recurrent("rnn", 2, 16, 1, init="orthogonal", gain=0.9)
    >>> net(torch.zeros(5, 30, 2)).shape
    torch.Size([5, 1])
    """
    _check(kind, inputs, width, outputs, init, nonlinearity)
    _check_options(kind, gain, radius, nonlinearity, forget_bias)
    generator = torch.Generator().manual_seed(seed)
    options = {"nonlinearity": nonlinearity} if kind == "rnn" else {}
    # Made on no device: torch's own initialization would draw from the global generator.
    fused = _KINDS[kind](inputs, width, batch_first=True, device="meta", **options)
    rnn = fused.to_empty(device="cpu")
    readout = nn.utils.skip_init(nn.Linear, width, outputs)
    bound = 1 / math.sqrt(width)
    with torch.no_grad():
        for parameter in [*rnn.parameters(), *readout.parameters()]:
            parameter.uniform_(-bound, bound, generator=generator)
        for block in rnn.weight_hh_l0.split(width):
            block.copy_(_recurrent_matrix(block, init, generator) * gain)
        if init != "default":
            for bias in (rnn.bias_ih_l0, rnn.bias_hh_l0, readout.bias):
                bias.zero_()
        if radius is not None:
            rnn.weight_hh_l0.mul_(radius / _spectral_radius(rnn.weight_hh_l0))
        if forget_bias is not None:
            # Gates in torch's order: input, forget, cell, output.
            rnn.bias_ih_l0[width : 2 * width] = forget_bias
            rnn.bias_hh_l0[width : 2 * width] = 0.0
    return Recurrent(rnn, readout)


def _recurrent_matrix(block: torch.Tensor, init: str, generator: torch.Generator) -> torch.Tensor:
    if init == "default":
        return block
    if init == "identity":
        return torch.eye(len(block))
    normal = torch.randn(block.shape, generator=generator, dtype=torch.float64)
    if init == "normal":
        return normal / math.sqrt(len(block))
    q, r = torch.linalg.qr(normal)
    # Without the signs of r the matrices would not be spread evenly (Mezzadri 2007).
    return q * r.diagonal().sign()


def _spectral_radius(matrix: torch.Tensor) -> float:
    radius = float(torch.linalg.eigvals(matrix.double()).abs().max())
    if radius == 0:
        raise GradcourseError("The recurrent matrix has spectral radius 0: it cannot be scaled.")
    return radius


def _check(kind: str, inputs: int, width: int, outputs: int, init: str, nonlinearity: str) -> None:
    check_integers(1, inputs=inputs, width=width, outputs=outputs)
    for name, value, known in (
        ("kind", kind, tuple(_KINDS)),
        ("init", init, _INITS),
        ("nonlinearity", nonlinearity, ("tanh", "relu")),
    ):
        if value not in known:
            raise GradcourseError(f"{name} is {value!r}; expected one of {', '.join(known)}.")


def _check_options(
    kind: str, gain: float, radius: float | None, nonlinearity: str, forget_bias: float | None
) -> None:
    if not math.isfinite(gain):
        raise GradcourseError(f"gain is {gain}; it must be finite.")
    if radius is not None and (kind != "rnn" or gain != 1.0 or not 0 <= radius < math.inf):
        raise GradcourseError(
            f"radius is {radius}; it must be 0 or more, is for kind 'rnn', and takes the place of "
            "gain: give one of the two."
        )
    if nonlinearity != "tanh" and kind != "rnn":
        raise GradcourseError(f"nonlinearity is for kind 'rnn'; a {kind} has its own.")
    if forget_bias is not None and kind != "lstm":
        raise GradcourseError(f"forget_bias is for kind 'lstm'; a {kind} has no forget gate.")
