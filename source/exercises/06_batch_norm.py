# %% [markdown] name="title"
# # Exercises 06 · Batch normalization
#
# Twelve questions, 19 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 06](../lessons/06_batch_normalization.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np
import torch

# %% [markdown] name="forward-question"
# ## 1 · Batch norm, forwards (2 points)
#
# `u` has shape (B, n): B images, n units. `gamma` and `beta` have shape (n,), `eps` is a float.
# Return $z = \gamma\, \hat x + \beta$ in training mode, shape (B, n). It must also work where a
# unit is the same for all images.
#
# For example, with `u = np.array([[1.0], [3.0]])`, γ = 2, β = 1 and ε = 0, $z$ is −1 and 3.


# %% name="forward" answer="batch-norm/forward"
def bn_forward(u, gamma, beta, eps):
    """Batch norm in training mode; an array with the shape of u."""
    ### BEGIN SOLUTION
    centred = u - u.mean(axis=0)
    return gamma * centred / np.sqrt(u.var(axis=0) + eps) + beta
    ### END SOLUTION


# %% check="batch-norm/forward"
gc.panel("batch-norm/forward")

# %% [markdown] name="backward-question"
# ## 2 · Batch norm, backwards (3 points)
#
# `delta` is $\partial\mathcal{L}/\partial z$, shape (B, n); `u`, `gamma` and `eps` are as above.
# Return
#
# - `bn_backward`: $\partial\mathcal{L}/\partial u$, shape (B, n). Three paths.
# - `bn_parameter_gradients`: $\partial\mathcal{L}/\partial\gamma$ and, below it,
#   $\partial\mathcal{L}/\partial\beta$, shape (2, n).


# %% name="backward" answer="batch-norm/backward"
def bn_backward(delta, u, gamma, eps):
    """∂ℒ/∂u; an array with the shape of u."""
    ### BEGIN SOLUTION
    s = np.sqrt(u.var(axis=0) + eps)
    x = (u - u.mean(axis=0)) / s
    return gamma / s * (delta - delta.mean(axis=0) - x * (delta * x).mean(axis=0))
    ### END SOLUTION


def bn_parameter_gradients(delta, u, eps):
    """∂ℒ/∂γ and ∂ℒ/∂β; an array of shape (2, n)."""
    ### BEGIN SOLUTION
    x = (u - u.mean(axis=0)) / np.sqrt(u.var(axis=0) + eps)
    return np.array([(delta * x).sum(axis=0), delta.sum(axis=0)])
    ### END SOLUTION


# %% check="batch-norm/backward"
gc.panel("batch-norm/backward")

# %% [markdown] name="running-question"
# ## 3 · Running statistics (2 points)
#
# `mean` and `variance`, shape (n,), are the running statistics so far, `u`, shape (B, n), is the
# next batch and `momentum` is $m$ in torch's convention. Return the new running mean and, below
# it, the new running variance, shape (2, n).
#
# For example, from mean 0 and variance 1, with $m = 0.1$ and the batch 1, 3, they are 0.2 and 1.1.


# %% name="running" answer="batch-norm/running"
def update_running(mean, variance, u, momentum):
    """Running mean and running variance after the batch u; an array of shape (2, n)."""
    ### BEGIN SOLUTION
    batch = np.array([u.mean(axis=0), u.var(axis=0, ddof=1)])
    return (1 - momentum) * np.array([mean, variance]) + momentum * batch
    ### END SOLUTION


# %% check="batch-norm/running"
gc.panel("batch-norm/running")

# %% [markdown] name="predict-question"
# ## 4 · A prediction that does not look at its neighbours (2 points)
#
# `model` is a torch module with batch norm inside; it gives ten outputs per image. `x` is a tensor
# of images. Return the digit of each image, a tensor of shape (rows,). An image's digit must not
# depend on the other images, and the model must be left exactly as it came: its running
# statistics, its mode and that of its layers, whichever that was.


# %% name="predict" answer="batch-norm/predict"
def predict(model, x):
    """The digit of each row of x; a tensor of shape (rows,)."""
    ### BEGIN SOLUTION
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        digits = model(x).argmax(dim=1)
    for module, training in modes:
        module.training = training
    return digits
    ### END SOLUTION


# %% check="batch-norm/predict"
gc.panel("batch-norm/predict")

# %% [markdown] name="layer-norm-question"
# ## 5 · Layer norm and RMS norm, at batch sizes 1 and 2 (1 point)
#
# Batch norm turns two images into +1 and −1, and one image into 0. Write the two norms of lesson 06 that
# do not need a batch, from what the drawing and one sentence say of them. `u` has shape (B, n) with B = 1 or
# 2; `gamma` and `beta` have shape (n,); RMS norm has no β. An image's result must not depend on the other
# image, and $\varepsilon$ stands under the root.


# %% name="layer-norm" answer="batch-norm/layer-norm"
def ln_forward(u, gamma, beta, eps):
    """Layer norm; an array with the shape of u."""
    ### BEGIN SOLUTION
    centred = u - u.mean(axis=1, keepdims=True)
    return gamma * centred / np.sqrt(u.var(axis=1, keepdims=True) + eps) + beta
    ### END SOLUTION


def rms_forward(u, gamma, eps):
    """RMS norm; an array with the shape of u."""
    ### BEGIN SOLUTION
    return gamma * u / np.sqrt((u**2).mean(axis=1, keepdims=True) + eps)
    ### END SOLUTION


# %% check="batch-norm/layer-norm"
gc.panel("batch-norm/layer-norm")

# %% [markdown] name="half-question"
# ## 6 · Weights of half the size (1 point)
#
# Every hidden matrix of four batch-normed layers is halved; images, γ, β and the rate stay. By which factor
# does the *relative* step $\|\Delta W\|/\|W\|$ of a hidden matrix change in the next update of plain gradient
# descent? The check takes the median of five networks and accepts what is within a factor of 1.3 of it.

# %% name="half" answer="batch-norm/half-the-weights"
relative_step = None
### BEGIN SOLUTION
relative_step = 4.0  # the gradient doubles, and W is half as large
### END SOLUTION

# %% check="batch-norm/half-the-weights"
gc.panel("batch-norm/half-the-weights")

# %% [markdown] name="dropout-question"
# ## 7 · Dropout in front of batch norm (1 point)
#
# Dropout sets half of $h$ (standard normal) to 0 and doubles the rest; then comes batch norm with γ = 1 and
# β = 0. In training mode $z$ has variance 1. You call `model.eval()`: dropout is off, and batch norm uses its
# running statistics. What is the variance of $z$ now? What is within a factor of 1.15 is right.

# %% name="dropout" answer="batch-norm/dropout"
variance = None
### BEGIN SOLUTION
variance = 0.5  # half of the entries, doubled, have mean square 2
### END SOLUTION

# %% check="batch-norm/dropout"
gc.panel("batch-norm/dropout")

# %% [markdown] name="accumulate-question"
# ## 8 · Eight batches of two, one update (1 point)
#
# Your memory holds two images. So you take the gradients of eight batches of two, average them,
# and then make one update: 16 images per update. Four ReLU layers, 120 updates, $\eta = 0.1$. With
# 16 images at once, both batch norm and layer norm reach more than 85 % of the test digits. Which
# of them still gets above 80 %? Set `accumulate` to one of
#
# - `"both"`: the average of eight gradients is the gradient of 16 images.
# - `"layer"`: layer norm only.
# - `"batch"`: batch norm only.
# - `"neither"`

# %% name="accumulate" answer="batch-norm/accumulate"
accumulate = None
### BEGIN SOLUTION
accumulate = "layer"
### END SOLUTION

# %% check="batch-norm/accumulate"
gc.panel("batch-norm/accumulate")

# %% [markdown] name="growth-question"
# ## 9 · What one batch-normed layer does to δ (2 points)
#
# You are given the activations `a` of a layer and the slopes $\varphi'(z)$ of the same units and
# images, both of shape (B, n). The next matrix is random with mean 0, and batch norm with $\gamma = 1$ follows
# it. Estimate from `a` and `slope` the factor by which the *size* of δ grows on its way back through both.
# Which spread does batch norm divide by: over images, over units, or over all? (Variances are divided by B.)


# %% name="growth" answer="batch-norm/growth"
def gradient_growth(a, slope):
    """Factor on the size of δ through one layer; a float."""
    ### BEGIN SOLUTION
    return float(np.sqrt(np.mean(slope**2) / np.mean(a.var(axis=0))))
    ### END SOLUTION


# %% check="batch-norm/growth"
gc.panel("batch-norm/growth")

# %% [markdown] name="thousandfold-question"
# ## 10 · A thousandfold gradient (1 point)
#
# An untrained network of 56 ReLU layers with batch norm, 64 units each, He's weights, 128 digits.
# δ leaves the last hidden layer and travels back. Through how many layers must it go to become
# 1000 times as large? The check takes the median of five networks and accepts every number that is within
# a factor of 1.25 of it.

# %% name="thousandfold" answer="batch-norm/thousandfold"
layers = None
### BEGIN SOLUTION
layers = 36  # ln 1000 / ln 1.211
### END SOLUTION

# %% check="batch-norm/thousandfold"
gc.panel("batch-norm/thousandfold")

# %% [markdown] name="three-question"
# ## 11 · Which norm is it? (1 point)
#
# δ in three ReLU networks of 20 layers: one without a norm, one with batch norm, one with layer norm. All
# matrices, He's, were multiplied by 0.8. Which is which? Set `which` to one of
#
# - `"ac"`: A batch norm, B layer norm, C none
# - `"bc"`: B batch norm, A layer norm, C none
# - `"ba"`: B batch norm, C layer norm, A none
# - `"cb"`: C batch norm, A layer norm, B none

# %% name="three-picture"
from gradcourse.experiments.batch_norm import three_networks_plot

three_networks_plot()

# %% name="three" answer="batch-norm/three-networks"
which = None
### BEGIN SOLUTION
which = "bc"
### END SOLUTION

# %% check="batch-norm/three-networks"
gc.panel("batch-norm/three-networks")

# %% [markdown] name="beta-question"
# ## 12 · A β for 56 layers (2 points)
#
# Every β starts at the same value, and you choose it, so that δ in layer 1 of 56 batch-normed ReLU layers is
# between 4 and 60 times δ in layer 56. More is an explosion; less means that hardly a unit ever switches
# off, and 56 layers are nearly one. **First on paper:** which factors per layer, 55 times, make 4 and 60?
# Then ask `gc.theory.normalized_gradient_growth("relu", beta=…)` for a β in between (64 units grow by about
# 0.03 more than its wide layers), and turn the knob there. The check measures three random networks, not the
# one in the picture.

# %% name="beta" answer="batch-norm/beta"
beta = None
### BEGIN SOLUTION
beta = 1.5
### END SOLUTION

# %% check="batch-norm/beta"
gc.panel("batch-norm/beta")

# %% [markdown] name="beta-after"
# It is worth a try: `gc.train(gc.normalized_mlp(56, beta=1.5), gc.digits(), steps=300, lr=0.1)`
# trains, and with `beta=0.0` it does not. The price is a network of units that hardly bend. Lesson
# 07 finds a better one.

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("06")
