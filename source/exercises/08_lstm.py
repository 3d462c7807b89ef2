# %% [markdown] name="title"
# # Exercises 08 · LSTM and GRU
#
# 12 questions, 19 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 08](../lessons/08_lstm_and_gru.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np
import torch

# %% [markdown] name="open-gate-question"
# ## 1 · An open forget gate (1 point)
#
# In one step of an LSTM the forget gate of a cell is 1 and its input gate is 0. What becomes of what
# was in the cell? Set `open_gate` to one of
#
# - `"forgets"`: it is forgotten, the forget gate is open.
# - `"keeps"`: it stays as it is.
# - `"replaced"`: it is replaced by what is written.
# - `"added"`: it stays, and what is written is added.

# %% name="open-gate" answer="lstm/open-gate"
open_gate = None
### BEGIN SOLUTION
open_gate = "keeps"
### END SOLUTION

# %% check="lstm/open-gate"
gc.panel("lstm/open-gate")

# %% [markdown] name="lstm-step-question"
# ## 2 · One step of an LSTM (2 points)
#
# `cell` holds the four tensors of an `nn.LSTMCell`, under torch's names: `cell.weight_ih` of shape
# (4n, inputs), `cell.weight_hh` of shape (4n, n), `cell.bias_ih` and `cell.bias_hh` of shape (4n,).
# It is no module: you cannot call it. `x` has shape (batch, inputs), `h` and `c` (batch, n). Return
# h and c after the step, as `nn.LSTMCell` does. torch's order of the blocks is i, f, g, o.


# %% name="lstm-step" answer="lstm/lstm-step"
def lstm_step(cell, x, h, c):
    """h and c after one step; two tensors of shape (batch, n)."""
    ### BEGIN SOLUTION
    z = x @ cell.weight_ih.T + h @ cell.weight_hh.T + cell.bias_ih + cell.bias_hh
    i, f, g, o = z.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
    ### END SOLUTION


# %% check="lstm/lstm-step"
gc.panel("lstm/lstm-step")

# %% [markdown] name="direct-path-question"
# ## 3 · The road (2 points)
#
# The array `f` holds the forget gates of an LSTM's n cells at steps 1 to T: shape (T, n), the first
# step in the first row. Return $\partial c_T/\partial c_t$ along the cells alone, for every lag
# $T - t$ from 0 to T: shape (T + 1, n), row k for lag k.
#
# For example, with one cell and the gates 0.5, 0.8, 0.9 it is 1, 0.9, 0.72, 0.36.


# %% name="direct-path" answer="lstm/direct-path"
def direct_path(f):
    """∂c_T/∂c_t along the cells alone, by lag; an array of shape (T + 1, n)."""
    ### BEGIN SOLUTION
    return np.concatenate([np.ones((1, f.shape[1])), np.cumprod(f[::-1], axis=0)])
    ### END SOLUTION


# %% check="lstm/direct-path"
gc.panel("lstm/direct-path")

# %% [markdown] name="half-life-question"
# ## 4 · The half-life of a forget bias (2 points)
#
# Gates are at their biases. Return
#
# - `half_life`: the number of steps, not rounded, after which half of the gradient is left on the
#   road. torch adds the two biases that you are given.
# - `forget_bias_for`: the forget bias whose half-life is `steps`.
#
# For example, biases of 0 and 0 have a half-life of 1 step.


# %% name="half-life" answer="lstm/half-life"
def half_life(bias_ih, bias_hh):
    """Steps until half is left; a float."""
    ### BEGIN SOLUTION
    f = 1 / (1 + np.exp(-(bias_ih + bias_hh)))
    return float(np.log(2) / -np.log(f))
    ### END SOLUTION


def forget_bias_for(steps):
    """The forget bias with this half-life; a float."""
    ### BEGIN SOLUTION
    f = 0.5 ** (1 / steps)
    return float(np.log(f / (1 - f)))
    ### END SOLUTION


# %% check="lstm/half-life"
gc.panel("lstm/half-life")

# %% [markdown] name="one-percent-question"
# ## 5 · How far does a forget bias of 1 reach? (1 point)
#
# The usual advice is to start the forget bias at 1. An untrained LSTM of 32 units has it; its
# recurrent weights have the variance of torch's own, 1/(3 · 32), and its input adds a noise of 0.1 to
# each gate. At which lag is 1 % of the gradient left on the road? The check takes the median of five
# networks and accepts what is within a factor of 1.2 of it.

# %% name="one-percent" answer="lstm/one-percent"
one_percent_lag = None
### BEGIN SOLUTION
one_percent_lag = 14.7  # ln 100 / −ln σ(1)
### END SOLUTION

# %% check="lstm/one-percent"
gc.panel("lstm/one-percent")

# %% [markdown] name="chrono-question"
# ## 6 · Chrono initialization (2 points)
#
# `lstm` is an `nn.LSTM` of n units and one layer. Give each unit a time $u$ of its own: `uniform` is a
# tensor of n numbers between 0 and 1, which you stretch so that 0 becomes a time of 1 step and 1 a time
# of $T_{\max} - 1$ steps; `longest` is $T_{\max}$. With its gates at their biases a unit shall keep
# the share $u/(1 + u)$ of its cell per step, and write with the share that it lets go. Find the biases that
# do this, and set them in place; those of g and o are 0.
#
# torch adds `lstm.bias_ih_l0` and `lstm.bias_hh_l0`, both of shape (4n,), in the order i, f, g, o. Leave
# the weights alone, and work under `torch.no_grad()`.


# %% name="chrono" answer="lstm/chrono"
def chrono_(lstm, longest, uniform):
    """Set the biases in place; returns nothing."""
    ### BEGIN SOLUTION
    n, bias = len(uniform), torch.log(1 + (longest - 2) * uniform)
    with torch.no_grad():
        lstm.bias_ih_l0.zero_()
        lstm.bias_hh_l0.zero_()
        lstm.bias_ih_l0[:n] = -bias
        lstm.bias_ih_l0[n : 2 * n] = bias
    ### END SOLUTION


# %% check="lstm/chrono"
gc.panel("lstm/chrono")

# %% [markdown] name="gru-step-question"
# ## 7 · One step of a GRU (2 points)
#
# As in question 2, `cell` holds the tensors of an `nn.GRUCell`, with 3n rows in the order r, z, n.
# Return h after the step, as `nn.GRUCell` does.


# %% name="gru-step" answer="lstm/gru-step"
def gru_step(cell, x, h):
    """h after one step; a tensor of shape (batch, n)."""
    ### BEGIN SOLUTION
    xr, xz, xn = (x @ cell.weight_ih.T + cell.bias_ih).chunk(3, dim=1)
    hr, hz, hn = (h @ cell.weight_hh.T + cell.bias_hh).chunk(3, dim=1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h
    ### END SOLUTION


# %% check="lstm/gru-step"
gc.panel("lstm/gru-step")

# %% [markdown] name="keep-bias-question"
# ## 8 · A GRU that remembers (1 point)
#
# You want torch's `nn.GRU` to start with a memory of about a hundred steps. Which bias do you set?
# Set `keep_bias` to one of
#
# - `"plus"`: the update gate's, to +5.
# - `"minus"`: the update gate's, to −5: to update little is to remember.
# - `"reset"`: the reset gate's, to +5: then nothing is reset.
# - `"none"`: no bias will do, a GRU has no forget gate.

# %% name="keep-bias" answer="lstm/keep-bias"
keep_bias = None
### BEGIN SOLUTION
keep_bias = "plus"
### END SOLUTION

# %% check="lstm/keep-bias"
gc.panel("lstm/keep-bias")

# %% [markdown] name="rest-growth-question"
# ## 9 · An LSTM at rest (2 points)
#
# An LSTM of n units without input is at rest: h, c and g are 0; all biases are 0 but the forget
# bias. The array `W_hh` holds its recurrent weights in torch's order i, f, g, o, shape (4n, n). By
# which factor per step does $\partial c_T/\partial c_t$ grow or fall in the long run, on all paths?
# Return the spectral radius of $\partial c_t/\partial c_{t-1}$.
#
# For example, one unit with $W_g = 4$ and forget bias 0 has $\tfrac12 + \tfrac14 \cdot 4 = 1.5$.


# %% name="rest-growth" answer="lstm/rest-growth"
def rest_growth(W_hh, forget_bias):
    """Spectral radius of ∂c_t/∂c_(t−1) at rest; a float."""
    ### BEGIN SOLUTION
    n = W_hh.shape[1]
    J = np.eye(n) / (1 + np.exp(-forget_bias)) + W_hh[2 * n : 3 * n] / 4
    return float(np.abs(np.linalg.eigvals(J)).max())
    ### END SOLUTION


# %% check="lstm/rest-growth"
gc.panel("lstm/rest-growth")

# %% [markdown] name="which-line-question"
# ## 10 · Three pairs of biases (1 point)
#
# $\partial c_T/\partial c_t$ on all paths against lag, for three untrained LSTMs with the same weights: one
# with $b_f = b_i = 0$, one with $b_f = 5$ and $b_i = -5$, and one with $b_f = 5$ and $b_i = 0$. Which line is
# the last one? Set `which_line` to `"a"`, `"b"` or `"c"`.

# %% name="which-line-picture"
from gradcourse.experiments.road import three_biases_plot

three_biases_plot()

# %% name="which-line" answer="lstm/which-line"
which_line = None
### BEGIN SOLUTION
which_line = "b"
### END SOLUTION

# %% check="lstm/which-line"
gc.panel("lstm/which-line")

# %% [markdown] name="tune-bias-question"
# ## 11 · A forget bias for 60 steps (2 points)
#
# A random LSTM of 32 units has the forget bias b and the input bias −b. Between 0.3 and 0.7 of ∂c shall be
# left at lag 60, through all paths. Less would forget the start; more would hardly let go in the time of
# the task. First compute the b that leaves one half on the road, with `forget_bias_for` of question 4. Then
# turn the knob, and see how much the other paths change that. The check measures three random networks, not
# the one in the picture.

# %% name="tune-bias" answer="lstm/tune-bias"
bias = None
### BEGIN SOLUTION
bias = 4.5
### END SOLUTION

# %% check="lstm/tune-bias"
gc.panel("lstm/tune-bias")

# %% [markdown] name="tune-bias-after"
# With these two biases in all cells an LSTM of the lesson's puzzle learns the 60 steps in 360 updates, as it
# does with chrono's; with the forget bias alone it does not.

# %% [markdown] name="detach-question"
# ## 12 · The second window (1 point)
#
# A long sequence is read in windows. In the second one `backward` raises *Trying to backward through the graph
# a second time*:
#
# ```python
# state = None
# for window, y in windows:
#     out, state = lstm(window, state)
#     optimizer.zero_grad()
#     F.mse_loss(out, y).backward()
#     optimizer.step()
# ```
#
# The state $(h, c)$ shall be carried over. What do you add or change? Set `second_window` to one of
#
# - `"retain"`: `backward(retain_graph=True)`, as the message says.
# - `"hidden"`: `state = (state[0].detach(), state[1])` after the step.
# - `"both"`: `state = (state[0].detach(), state[1].detach())` after the step.
# - `"none"`: `state = None` after the step.

# %% name="detach" answer="lstm/detach"
second_window = None
### BEGIN SOLUTION
second_window = "both"
### END SOLUTION

# %% check="lstm/detach"
gc.panel("lstm/detach")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("08")
