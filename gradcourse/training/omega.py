"""A penalty that keeps the gradient level through time (Pascanu, Mikolov & Bengio 2013)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from gradcourse.nets.recurrent import Recurrent
from gradcourse.support import GradcourseError


def pascanu_omega(
    net: Recurrent, x: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return Ω, the mean over steps and sequences of (‖δ_t J_t‖ / ‖δ_t‖ − 1)².

    δ_t = ∂ℒ/∂h_t is a row, J_t = ∂h_t/∂h_{t−1} = diag(1 − h_t²) W. As in the paper, states and δ
    count as constants: Ω depends on W through J_t alone.

    Parameters
    ----------
    net : Recurrent
        Of kind "rnn", with tanh, starting from state 0.
    x : torch.Tensor, shape (batch, steps, inputs)
        Two steps or more.
    loss : callable
        From the network's output to a scalar.

    Returns
    -------
    torch.Tensor, shape ()
        It can be differentiated with respect to ``net.rnn.weight_hh_l0``. A step whose δ is exactly
        0 is left out.

    Raises
    ------
    GradcourseError
        If the network is no tanh RNN or the sequence has fewer than two steps.
    """
    rnn = net.rnn
    if not isinstance(rnn, nn.RNN) or rnn.nonlinearity != "tanh":
        raise GradcourseError("pascanu_omega needs a network of kind 'rnn' with tanh.")
    if x.dim() != 3 or x.shape[1] < 2:
        raise GradcourseError(f"x has shape {tuple(x.shape)}; expected (batch, steps, inputs).")
    with torch.no_grad():
        states = rnn(x)[0]
    last = states[:, -1].clone().requires_grad_()
    (delta,) = torch.autograd.grad(loss(net.readout(last)), last)
    terms = []
    for t in range(x.shape[1] - 1, 0, -1):
        back = (delta * (1 - states[:, t] ** 2)) @ rnn.weight_hh_l0
        size = delta.norm(dim=1)
        heard = size > 0
        terms.append((back.norm(dim=1)[heard] / size[heard] - 1) ** 2)
        # Only ratios count: bring δ back to length 1, so that it never underflows.
        delta = back.detach()
        delta = delta / delta.norm(dim=1, keepdim=True).clamp_min(1e-30)
    return torch.cat(terms).mean()
