"""The long Jacobians ∂h_T/∂h_t of recurrent networks: norms, spectra, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.instrument.lags.unroll import (
    Unrolled,
    forward,
    time_first,
    unroll,
    weights_of,
    why_not_plain,
)
from gradcourse.instrument.norms import NO_FLOAT64
from gradcourse.instrument.spectra.graded_product import log_singular_values
from gradcourse.support import GradcourseError

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def lag_log_norms(
    module: nn.Module | Step, x: torch.Tensor, state: Any = None, of: str = "hidden"
) -> np.ndarray:
    """Return log ‖∂h_T/∂h_t‖ for every t: how far back a recurrent state is remembered.

    Frobenius norms, in natural logs, since over a long lag the norm itself leaves every float
    format. One matrix product per step.

    Parameters
    ----------
    module : nn.RNN, nn.LSTM, nn.GRU, one of their cells, or callable
        Any other step is a function ``step(x_t, h) -> h`` of one example.
    x : torch.Tensor, shape (T, inputs)
        One sequence, also with a batch dimension of 1.
    state : tensor or tuple, optional
        The first state; zeros by default. A function needs it.
    of : {"hidden", "cell"}
        Of an LSTM: ∂h_T/∂h_t with c_t held fixed, or ∂h_T/∂c_t, which also acts through h_t.

    Returns
    -------
    numpy.ndarray, shape (T,), float64
        In the order of time; the last one is lag 0: log √n of the identity (of ∂h_T/∂c_T for a
        cell). -inf where nothing is left. Relative error of a norm about 1e-5.

    Raises
    ------
    GradcourseError
        If the module's states cannot be known or x is not one sequence.

    References
    ----------
    Bengio, Simard & Frasconi (1994); Pascanu, Mikolov & Bengio (2013).
    """
    if of not in ("hidden", "cell"):
        raise GradcourseError(f"of is {of!r}; expected 'hidden' or 'cell'.")
    if of == "cell" and not isinstance(module, nn.LSTM | nn.LSTMCell):
        raise GradcourseError(f"A {type(module).__name__} has no cell; of='hidden' it must be.")
    with torch.no_grad():
        if not isinstance(module, nn.Module) or why_not_plain(module):
            jacobians = [torch.from_numpy(j) for j in state_jacobians(module, x, state)[1:]]
            return _accumulate(len(jacobians) + 1, jacobians)
        unrolled = _unrolled(module, x, state)
        if unrolled.weights.kind == "lstm":
            return _accumulate_lstm(unrolled, of)
        # Slopes come from float64, so none is rounded to 0; the products need no more than
        # float32, twice as fast, since each is scaled to size 1.
        blocks = _Blocks(unrolled, torch.float32)
        steps = len(unrolled.slopes["hh" if unrolled.weights.kind == "gru" else "h"])
        return _accumulate(steps, blocks)


def _accumulate(steps: int, jacobians: Any) -> np.ndarray:
    """Logs of the norms of J_T ⋯ J_{t+1}; ``jacobians[k]`` leads from step k to k + 1."""
    logs = np.full(steps, -np.inf)
    product, log = None, 0.0
    for t in reversed(range(steps)):
        if product is None:
            n = jacobians[0].shape[0] if steps > 1 else 1
            product = torch.eye(n, dtype=jacobians[0].dtype if steps > 1 else torch.float64)
        else:
            product = product @ jacobians[t]
        size = float(torch.linalg.vector_norm(product))
        if not size > 0:
            break
        log += math.log(size)
        logs[t] = log
        product = product / size
    return logs


class _Blocks:
    """The step Jacobians ∂h_{t+1}/∂h_t of an RNN or GRU, each built when it is asked for."""

    def __init__(self, unrolled: Unrolled, dtype: torch.dtype) -> None:
        self._hidden = unrolled.weights.hidden.to(dtype).chunk(
            3 if unrolled.weights.kind == "gru" else 1
        )
        self._slopes = {name: s[:, 0].to(dtype) for name, s in unrolled.slopes.items()}

    def __getitem__(self, k: int) -> torch.Tensor:
        slopes = {name: slope[k + 1] for name, slope in self._slopes.items()}
        if "h" in slopes:
            return slopes["h"][:, None] * self._hidden[0]
        r, z, n = (slopes[g][:, None] * w for g, w in zip("rzn", self._hidden, strict=True))
        return r.add_(z).add_(n) + torch.diag(slopes["hh"])


def _accumulate_lstm(unrolled: Unrolled, of: str) -> np.ndarray:
    """As `_accumulate`, for the pair (∂h_T/∂h_t, ∂h_T/∂c_t), whose scale is shared."""
    dtype = torch.float32
    s = {name: slope[:, 0].to(dtype) for name, slope in unrolled.slopes.items()}
    wi, wf, wg, wo = unrolled.weights.hidden.to(dtype).chunk(4)
    steps, n = s["cc"].shape
    dh, dc, log = torch.eye(n, dtype=dtype), torch.zeros(n, n, dtype=dtype), 0.0
    logs = np.full(steps, -np.inf)
    for t in reversed(range(steps)):
        dc = torch.addcmul(dc, dh, s["ch"][t])
        size = float(torch.linalg.vector_norm(dc if of == "cell" else dh))
        if size > 0:
            logs[t] = log + math.log(size)
        # All three gates multiply ∂c_t, so their weights are added before the one product.
        to_gates = s["i"][t][:, None] * wi
        to_gates.addcmul_(s["f"][t][:, None], wf).addcmul_(s["g"][t][:, None], wg)
        dh = torch.addmm(dh @ (s["o"][t][:, None] * wo), dc, to_gates)
        dc = dc * s["cc"][t]
        whole = max(float(torch.linalg.vector_norm(dh)), float(torch.linalg.vector_norm(dc)))
        if not whole > 0:
            break
        log += math.log(whole)
        dh /= whole
        dc /= whole
    return logs


def state_jacobians(module: nn.Module | Step, x: torch.Tensor, state: Any = None) -> np.ndarray:
    """Return ∂s_t/∂s_{t-1} for every step, s the state: h, and for an LSTM h and c together.

    Parameters and errors as for `lag_log_norms`.

    Returns
    -------
    numpy.ndarray, shape (T, S, S), float64
        In the order of time, the first with respect to the given state. S is n, and 2n for an
        LSTM. `lyapunov_exponents` and `product_log_singular_values` take them as they are.
    """
    if not isinstance(module, nn.Module):
        return _by_torch(module, x, state)
    reason = why_not_plain(module)
    if reason:
        raise GradcourseError(
            f"The states of this module cannot be followed: {reason}. Give a function "
            "step(x_t, h) -> h instead."
        )
    with torch.no_grad():
        unrolled = _unrolled(module, x, state)
        s = {name: slope[:, 0] for name, slope in unrolled.slopes.items()}
        w = unrolled.weights.hidden
        if unrolled.weights.kind == "lstm":
            return _lstm_jacobians(s, w)
        if unrolled.weights.kind == "gru":
            stacked = torch.cat([s[gate] for gate in "rzn"], dim=-1)[:, :, None] * w
            whole = stacked.unflatten(1, (3, -1)).sum(dim=1) + torch.diag_embed(s["hh"])
        else:
            whole = s["h"][:, :, None] * w
    return np.asarray(whole.cpu().numpy())


def _lstm_jacobians(s: dict[str, torch.Tensor], w: torch.Tensor) -> np.ndarray:
    wi, wf, wg, wo = w.chunk(4)
    to_c = s["i"][:, :, None] * wi + s["f"][:, :, None] * wf + s["g"][:, :, None] * wg
    to_h = s["o"][:, :, None] * wo + s["ch"][:, :, None] * to_c
    right = torch.cat([torch.diag_embed(s["ch"] * s["cc"]), torch.diag_embed(s["cc"])], dim=1)
    left = torch.cat([to_h, to_c], dim=1)
    return np.asarray(torch.cat([left, right], dim=2).cpu().numpy())


def _by_torch(step: Step, x: torch.Tensor, state: Any) -> np.ndarray:
    if not callable(step) or not isinstance(state, torch.Tensor) or state.dim() != 1:
        raise GradcourseError(
            "A step is a function step(x_t, h) -> h, and needs the first state h, one vector."
        )
    if x.device.type in NO_FLOAT64:
        raise GradcourseError(
            f"The device {x.device.type} has no float64, which a Jacobian needs; move x, state and "
            "what the step uses to the CPU."
        )
    inputs, states = x.detach().double(), [state.detach().double()]
    for x_t in inputs:
        states.append(step(x_t, states[-1]).detach())
    differentiated = torch.func.vmap(torch.func.jacrev(step, argnums=1))
    return np.asarray(differentiated(inputs, torch.stack(states[:-1])).detach().cpu().numpy())


def lag_spectrum(
    module: nn.Module | Step, x: torch.Tensor, state: Any = None, lag: int | None = None
) -> np.ndarray:
    """Return the natural logs of all singular values of ∂s_T/∂s_{T-lag}.

    s is the state: h, and for an LSTM h and c together. No lag is too long (see
    `product_log_singular_values`).

    Parameters
    ----------
    module, x, state
        As for `lag_log_norms`.
    lag : int, optional
        From 1 to T; by default T, back to the given state.

    Returns
    -------
    numpy.ndarray, shape (S,), float64
        From the largest to the smallest; -inf for a singular value that is 0.
    """
    jacobians = state_jacobians(module, x, state)
    steps = len(jacobians)
    lag = steps if lag is None else lag
    if not isinstance(lag, int) or not 1 <= lag <= steps:
        raise GradcourseError(f"lag is {lag!r}; expected 1 to {steps}, the number of steps.")
    return log_singular_values(list(jacobians[steps - lag :]))


def _unrolled(module: nn.Module, x: torch.Tensor, state: Any) -> Unrolled:
    """The top layer of one sequence, in float64."""
    x = time_first(module, x)
    if x.shape[1] != 1:
        raise GradcourseError(
            f"x holds {x.shape[1]} sequences; a Jacobian belongs to one: pass x[:1] or x[:, :1]."
        )
    if getattr(module, "num_layers", 1) > 1:
        raise GradcourseError(
            "The module has several layers, whose states act on each other; give a module of one "
            "layer, or a function step(x_t, h) -> h over all of them."
        )
    hidden, first, cell, entering = forward(module, x, state)
    return unroll(weights_of(module).double(), entering, hidden, first, cell)
