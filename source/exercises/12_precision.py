# %% [markdown] name="title"
# # Exercises 12 · Precision, width, and the recurrent weight's return
#
# Eight questions, 10 points. Write your answer in the cell that says so, run it, and run the cell below
# it. You need [lesson 12](../lessons/12_precision_width_and_the_recurrent_weight.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np

# %% [markdown] name="stands-still-question"
# ## 1 · The smallest weight that stands still (1 point)
#
# Weights are stored in bfloat16 and Adam adds 0.001. Set `weight` to the smallest positive weight that stays
# exactly as it is. The check tries all of them.

# %% name="stands-still" answer="precision/stands-still"
weight = None
### BEGIN SOLUTION
# Half a step is 2^(e-8) from 2^e on; it exceeds 0.001 from e = -1 on.
weight = 0.5
### END SOLUTION

# %% check="precision/stands-still"
gc.panel("precision/stands-still")

# %% [markdown] name="master-question"
# ## 2 · A copy that can count (1 point)
#
# A network reads its `weights` in float16, shape (n,). `updates`, float32, shape (steps, n), are added one after
# the other. Keep a copy in float32 that gets them all, and return what the network reads in the end, in float16.


# %% name="master" answer="precision/master"
def train_half(weights, updates):
    """The weights after all updates, as the network reads them: float16, shape (n,)."""
    ### BEGIN SOLUTION
    copy = weights.astype(np.float32)
    for update in updates:
        copy = copy + update
    return copy.astype(np.float16)
    ### END SOLUTION


# %% check="precision/master"
gc.panel("precision/master")

# %% [markdown] name="flushed-question"
# ## 3 · What float16 flushes (1 point)
#
# `gradient` is a float64 array, shape (n,), as it would be without rounding. The loss is multiplied by `scale`,
# and the gradient with it; then it is cast to float16. Which share of the entries that are not 0 become 0?


# %% name="flushed" answer="precision/flushed"
def flushed_share(gradient, scale):
    """The share that is flushed; a float."""
    ### BEGIN SOLUTION
    alive = gradient[gradient != 0]
    return float(np.mean((alive * scale).astype(np.float16) == 0))
    ### END SOLUTION


# %% check="precision/flushed"
gc.panel("precision/flushed")

# %% [markdown] name="scaler-question"
# ## 4 · A gradient scaler (2 points)
#
# `gradient` is a float16 array, shape (n,), as the backward pass of a loss times `scale` left it. Write
#
# - `unscaled(gradient, scale, max_norm)`: the gradient for the update, in float32: without the scale, and
#   clipped to the norm `max_norm`. If an entry is Inf or NaN, the update is skipped: return zeros.
# - `next_scale(gradient, scale, good)`: half of the scale if an entry is Inf or NaN, twice the scale if this was the
#   2000th good update in a row, otherwise the scale. `good` counts them, this one included.


# %% name="scaler" answer="precision/scaler"
def unscaled(gradient, scale, max_norm):
    """The gradient for the update; float32, shape (n,)."""
    ### BEGIN SOLUTION
    if not np.isfinite(gradient).all():
        return np.zeros(gradient.shape, dtype=np.float32)
    g = gradient.astype(np.float32) / np.float32(scale)
    norm = np.linalg.norm(g)
    return g * np.float32(max_norm / norm) if norm > max_norm else g
    ### END SOLUTION


def next_scale(gradient, scale, good):
    """The scale of the next update; a float."""
    ### BEGIN SOLUTION
    if not np.isfinite(gradient).all():
        return scale / 2
    return scale * 2 if good == 2000 else scale
    ### END SOLUTION


# %% check="precision/scaler"
gc.panel("precision/scaler")

# %% [markdown] name="mup-question"
# ## 5 · µP's multipliers (1 point)
#
# A network reads 64 pixels and has hidden layers of `width` units. You found `rate` to be Adam's best at the width
# `base`, in the standard parametrization: standard deviations $\sqrt{2/64}$ for the first matrix, $\sqrt{2/n}$
# for the hidden ones, $\sqrt{1/n}$ for the output. At `base` µP is the same. Return what it takes at `width`, a row
# for each of the three kinds of matrix: the standard deviation of its weights, and its rate.


# %% name="mup" answer="precision/mup"
def mup(width, base, rate):
    """Standard deviation and rate of input, hidden and output matrices; shape (3, 2)."""
    ### BEGIN SOLUTION
    ratio = base / width
    return np.array(
        [
            [np.sqrt(2 / 64), rate],  # it reads 64 pixels at every width
            [np.sqrt(2 / width), rate * ratio],
            [np.sqrt(1 / width) * np.sqrt(ratio), rate * ratio],
        ]
    )
    ### END SOLUTION


# %% check="precision/mup"
gc.panel("precision/mup")

# %% [markdown] name="which-width-question"
# ## 6 · Which curve is width 1024? (1 point)
#
# Loss after 60 updates against Adam's rate, standard parametrization: the stored networks of the lesson, for 64, 256
# and 1024 units, in another order. Set `curve` to `"a"`, `"b"` or `"c"`.

# %% name="which-width-picture"
from gradcourse.experiments.precision import anonymous_rates_plot

anonymous_rates_plot()

# %% name="which-width" answer="precision/which-width"
curve = None
### BEGIN SOLUTION
curve = "a"
### END SOLUTION

# %% check="precision/which-width"
gc.panel("precision/which-width")

# %% [markdown] name="scan-question"
# ## 7 · A diagonal recurrence (2 points)
#
# Each unit keeps a share of its state, at every step another one: $h_t = f_t h_{t-1} + (1 - f_t)\,v_t$, with
# $h_0 = 0$. `keep` holds the $f_t$ and `value` the $v_t$, both of shape (T, n). Return all states from `scan`, shape
# (T, n). Then `scan_gradient`: `delta` is $\partial\mathcal L/\partial h_T$, shape (n,), and the loss reads the last
# state only. Return $\partial\mathcal L/\partial v_t$ for all t, shape (T, n).


# %% name="scan" answer="precision/scan"
def scan(keep, value):
    """The states h_1, …, h_T; shape (T, n)."""
    ### BEGIN SOLUTION
    h, states = np.zeros(value.shape[1]), []
    for f, v in zip(keep, value, strict=True):
        h = f * h + (1 - f) * v
        states.append(h)
    return np.array(states)
    ### END SOLUTION


def scan_gradient(keep, delta):
    """The gradient with respect to v_1, …, v_T; shape (T, n)."""
    ### BEGIN SOLUTION
    gradient, road = np.zeros(keep.shape), delta
    for t in range(len(keep) - 1, -1, -1):
        gradient[t] = (1 - keep[t]) * road
        road = road * keep[t]
    return gradient
    ### END SOLUTION


# %% check="precision/scan"
gc.panel("precision/scan")

# %% [markdown] name="forgotten-question"
# ## 8 · How soon Adam forgets (1 point)
#
# Many large runs take Adam with $\beta_2 = 0.95$. Gradients have the size 1, and one of them is 10,000. Set
# `forgotten` to the number of updates after which what the spike left in $v$ weighs no more than the ordinary squares.
# The check accepts what is within 8 % of it.

# %% name="forgotten" answer="precision/forgotten"
forgotten = None
### BEGIN SOLUTION
forgotten = float(np.log(0.05 * 1e4**2) / -np.log(0.95))
### END SOLUTION

# %% check="precision/forgotten"
gc.panel("precision/forgotten")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("12")
