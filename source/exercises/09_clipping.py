# %% [markdown] name="title"
# # Exercises 09 · Clipping and weight regularization
#
# 12 questions, 21 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 09](../lessons/09_clipping_and_regularization.ipynb).

# %% name="import"
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F

# torch loads a large part of itself with the first optimizer: let it do so here, not in a check.
_ = torch.optim.SGD([torch.zeros(1)], lr=0.1)

# %% [markdown] name="global-norm-question"
# ## 1 · Clip by the global norm (3 points)
#
# `parameters` is a list of torch parameters. Scale their gradients **in place**, all by one factor,
# so that their joint norm is at most `max_norm`. Return the joint norm *before* clipping, a float.
#
# - A norm within `max_norm` changes nothing.
# - Some parameters, or all of them, have `grad` None: leave these out. The norm of nothing is 0.
# - If any gradient holds NaN or Inf, change nothing; the norm you return says so (NaN or inf).
# - A finite gradient of 1e24 must be clipped like any other, though it is float32.


# %% name="global-norm" answer="clipping/global-norm"
def clip_by_global_norm(parameters, max_norm):
    """Clip in place; return the joint norm before, a float."""
    ### BEGIN SOLUTION
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients))
    if math.isfinite(norm) and norm > max_norm:
        for g in gradients:
            g.copy_(g.double() * (max_norm / norm))
    return norm
    ### END SOLUTION


# %% check="clipping/global-norm"
gc.panel("clipping/global-norm")

# %% [markdown] name="angle-question"
# ## 2 · The angle to the raw gradient (1 point)
#
# `raw` and `clipped` are lists of arrays, one for each tensor of a network. Return the angle between
# the two gradients in degrees, over all tensors together.


# %% name="angle" answer="clipping/angle"
def angle_to_raw(raw, clipped):
    """The angle in degrees; a float."""
    ### BEGIN SOLUTION
    a, b = (np.concatenate([np.ravel(t) for t in g]) for g in (raw, clipped))
    return float(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))
    ### END SOLUTION


# %% check="clipping/angle"
gc.panel("clipping/angle")

# %% [markdown] name="loop-question"
# ## 3 · The place of clipping in the loop (3 points)
#
# Write one training step with the squared error, `F.mse_loss(model(x), y)`. `scaler` is a
# `torch.amp.GradScaler`: it scales the loss, and leaves out an update whose gradients overflowed.
# The gradient must be clipped to norm `max_norm` at its true size. The model may still hold gradients
# from before.
#
# You need these, in the right order: `torch.nn.utils.clip_grad_norm_` (or `gc.clip_grad_norm_`),
# `optimizer.zero_grad()`, `scaler.scale(loss)`, `scaler.unscale_(optimizer)`,
# `scaler.step(optimizer)`, `scaler.update()`, and `backward()`.


# %% name="loop" answer="clipping/loop"
def training_step(model, x, y, optimizer, scaler, max_norm):
    """One update of the model; returns nothing."""
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    scaler.scale(F.mse_loss(model(x), y)).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    ### END SOLUTION


# %% check="clipping/loop"
gc.panel("clipping/loop")

# %% [markdown] name="threshold-question"
# ## 4 · A threshold from the norm's history (2 points)
#
# `norms` holds the norms of the updates so far, some of them NaN or Inf. Return the threshold that would have
# left `percent` percent (0 to 100) of the finite norms alone and clipped the rest. Where the place in the sorted
# list falls between two norms, the threshold lies between them, in proportion.


# %% name="threshold" answer="clipping/threshold"
def threshold_from_history(norms, percent):
    """The percentile of the finite norms; a float."""
    ### BEGIN SOLUTION
    norms = np.asarray(norms)
    return float(np.percentile(norms[np.isfinite(norms)], percent))
    ### END SOLUTION


# %% check="clipping/threshold"
gc.panel("clipping/threshold")

# %% [markdown] name="choose-question"
# ## 5 · Choose a threshold (1 point)
#
# $\|g\|$ in 500 updates of a run that went well. For the next run, at the same rate, c shall clip both spikes
# down to an ordinary size, and after the warm-up leave at least 95 of 100 updates alone. Set `threshold` to
# `"0.3"`, `"3"`, `"30"` or `"300"`.

# %% name="choose-picture"
from gradcourse.experiments.clipped import history_plot

history_plot()

# %% name="choose" answer="clipping/choose"
threshold = None
### BEGIN SOLUTION
threshold = "3"
### END SOLUTION

# %% check="clipping/choose"
gc.panel("clipping/choose")

# %% [markdown] name="adaptive-question"
# ## 6 · Adaptive clipping (2 points)
#
# `G` is the gradient of the weight matrix `W`; row $i$ belongs to unit $i$. With $\eta = 1$ no step of gradient
# descent shall change the weights of a unit by more than the share `limit` of their norm; weights with a norm
# below `eps` count as `eps`. Scale down the rows of `G` that are too long, keep their direction, and leave the
# others alone. Return the new `G`.


# %% name="adaptive" answer="clipping/adaptive"
def adaptive_clip(G, W, limit, eps):
    """G, clipped row by row; an array with the shape of G."""
    ### BEGIN SOLUTION
    allowed = limit * np.maximum(np.linalg.norm(W, axis=1, keepdims=True), eps)
    return G * np.minimum(1.0, allowed / np.linalg.norm(G, axis=1, keepdims=True))
    ### END SOLUTION


# %% check="clipping/adaptive"
gc.panel("clipping/adaptive")

# %% [markdown] name="memory-question"
# ## 7 · What Adam remembers (1 point)
#
# Adam divides its steps by $\sqrt{\hat v}$; $v$ is a running mean of the squared gradients, which gives each new
# square the share $1 - \beta_2 = 0.001$. It has run for 4000 updates on gradients of size 1. Then comes one gradient of
# size 100, and after it ordinary ones again. By which factor is Adam's rate $1/\sqrt{\hat v}$ changed,
# 100 updates after the spike? Set `rate` to that factor. The check accepts what is within a factor
# of 1.25 of it.

# %% name="memory" answer="clipping/memory"
rate = None
### BEGIN SOLUTION
rate = 0.32  # 1 / √(1 + 0.001 · 0.905 · 10,000)
### END SOLUTION

# %% check="clipping/memory"
gc.panel("clipping/memory")

# %% [markdown] name="penalties-question"
# ## 8 · L1, L2, decoupled (2 points)
#
# - `l2_gradient`: the gradient of $\lambda \sum w^2$ (mind: without ½)
# - `l1_gradient`: the gradient of $\lambda \sum |w|$, 0 where $w = 0$
# - `decoupled_step`: the new weights. `step` is what an optimizer made of the loss's gradient; the
#   weights lose $\eta$ times `step`, and besides the share $\eta\lambda$ of what they were.
#
# `strength` is λ, `lr` is η.


# %% name="penalties" answer="clipping/penalties"
def l2_gradient(W, strength):
    """An array with the shape of W."""
    ### BEGIN SOLUTION
    return 2 * strength * W
    ### END SOLUTION


def l1_gradient(W, strength):
    """An array with the shape of W."""
    ### BEGIN SOLUTION
    return strength * np.sign(W)
    ### END SOLUTION


def decoupled_step(W, step, lr, strength):
    """The new weights; an array with the shape of W."""
    ### BEGIN SOLUTION
    return W - lr * step - lr * strength * W
    ### END SOLUTION


# %% check="clipping/penalties"
gc.panel("clipping/penalties")

# %% [markdown] name="decay-question"
# ## 9 · Between exploding and forgetting (2 points)
#
# A tanh network with 32 units starts with $\sigma_{\max}(W) = 1.2$ and learns the adding problem of 20
# steps for 150 updates, $\eta = 0.1$. The gradient is clipped at norm 1; then $\lambda W$ is added to that
# of $W$. $\sigma_{\max}(W)$ shall end between 0.75 and 1.05. First compute the λ for which decay alone would
# end at 0.9. Then turn the knob: the loss pulls the other way. The check trains three random networks, not
# the one in the picture.

# %% name="decay" answer="clipping/decay"
strength = None
### BEGIN SOLUTION
strength = 0.035
### END SOLUTION

# %% check="clipping/decay"
gc.panel("clipping/decay")

# %% [markdown] name="omega-question"
# ## 10 · Pascanu's Ω (2 points)
#
# One sequence of a tanh network, $h_t = \tanh(W h_{t-1} + \dots)$. Row $t$ of `delta` is
# $\delta_t = \partial\mathcal{L}/\partial h_t$, row $t$ of `h` is $h_t$; both have shape (T, n). One step back
# through tanh and $W$ makes $\delta_t$ longer or shorter. Return the mean, over $t = 2 \dots T$, of the square of
# the relative change of its length. (0 if every step keeps the length, 1 if every step doubles it.)


# %% name="omega" answer="clipping/omega"
def omega(delta, h, W):
    """Ω of one sequence; a float."""
    ### BEGIN SOLUTION
    back = (delta[1:] * (1 - h[1:] ** 2)) @ W
    ratio = np.linalg.norm(back, axis=1) / np.linalg.norm(delta[1:], axis=1)
    return float(np.mean((ratio - 1) ** 2))
    ### END SOLUTION


# %% check="clipping/omega"
gc.panel("clipping/omega")

# %% [markdown] name="returns-question"
# ## 11 · 37 at every update (1 point)
#
# `norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)` stands between `backward` and `step`, and the
# log shows a norm of about 37 at every update. What does it say? Set `thirty_seven` to one of
#
# - `"broken"`: clipping does not work, it should show 1.
# - `"before"`: the norm before clipping is 37; every step has the length η, whatever the gradient.
# - `"exploding"`: the gradient explodes by a factor of 37.
# - `"place"`: the line belongs after the step.

# %% name="returns" answer="clipping/returns"
thirty_seven = None
### BEGIN SOLUTION
thirty_seven = "before"
### END SOLUTION

# %% check="clipping/returns"
gc.panel("clipping/returns")

# %% [markdown] name="shards-question"
# ## 12 · A gradient in four parts (1 point)
#
# Four machines hold a quarter of the parameters each. On each the gradient's part has a norm of about 500, and
# each calls `clip_grad_norm_` on its own part, with a threshold of 1. Set `whole_norm` to the norm of the whole
# gradient afterwards.

# %% name="shards" answer="clipping/shards"
whole_norm = None
### BEGIN SOLUTION
whole_norm = 2.0  # √(1 + 1 + 1 + 1)
### END SOLUTION

# %% check="clipping/shards"
gc.panel("clipping/shards")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("09")
