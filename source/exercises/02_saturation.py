# %% [markdown] name="title"
# # Exercises 02 · Saturation
#
# 12 questions, 18 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 02](../lessons/02_saturation.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np
import torch

# %% [markdown] name="slopes-question"
# ## 1 · The slopes of σ and tanh (2 points)
#
# Write $\sigma'(z)$ and $\tanh'(z)$ for an array `z` of any shape. Where $|z|$ is 800 they are 0,
# not NaN.
#
# For example, `sigmoid_prime(np.array([0.0, 2.0]))` is `[0.25, 0.105]` and
# `tanh_prime(np.array([0.0, 2.0]))` is `[1, 0.0707]`.


# %% name="slopes" answer="saturation/slopes"
def sigmoid_prime(z):
    """Slope of the sigmoid at z; an array with the shape of z."""
    ### BEGIN SOLUTION
    e = np.exp(-np.abs(z))  # at most 1: nothing overflows, and σ′(−z) = σ′(z)
    return e / (1 + e) ** 2
    ### END SOLUTION


def tanh_prime(z):
    """Slope of tanh at z; an array with the shape of z."""
    ### BEGIN SOLUTION
    return 1 - np.tanh(z) ** 2
    ### END SOLUTION


# %% check="saturation/slopes"
gc.panel("saturation/slopes")

# %% [markdown] name="log-slope-question"
# ## 2 · The logarithm of a slope (1 point)
#
# To multiply the slopes of a hundred layers, add their logarithms. Write $\ln\sigma'(z)$ for an array
# `z` of any shape, right for $|z|$ up to 800, where $\sigma'$ itself is too small for float64.
#
# For example, `log_sigmoid_prime(np.array([0.0, 800.0]))` is `[-1.386, -800]`.


# %% name="log-slope" answer="saturation/log-slope"
def log_sigmoid_prime(z):
    """Natural logarithm of the sigmoid's slope at z; an array with the shape of z."""
    ### BEGIN SOLUTION
    size = np.abs(z)  # σ′(−z) = σ′(z), and e^(−|z|) is at most 1
    return -size - 2 * np.log1p(np.exp(-size))
    ### END SOLUTION


# %% check="saturation/log-slope"
gc.panel("saturation/log-slope")

# %% [markdown] name="gradient-bound-question"
# ## 3 · The largest gradient a chain can have (2 points)
#
# A chain of single units, $h_l = \varphi(w_l\, h_{l-1} + b_l)$ for $l = 1 \dots L$. How large can
# $|\partial h_L / \partial h_0|$ be, if input and biases may be anything? `weights` is an array of
# shape (L,), `activation` is `"sigmoid"` or `"tanh"`. Return a float.
#
# For example, `gradient_bound(np.array([2.0, -3.0]), "tanh")` is 6.0.


# %% name="gradient-bound" answer="saturation/gradient-bound"
def gradient_bound(weights, activation):
    """Largest |∂h_L/∂h_0| of a chain with these weights; a float."""
    ### BEGIN SOLUTION
    largest = 0.25 if activation == "sigmoid" else 1.0
    return float(np.prod(np.abs(weights) * largest))
    ### END SOLUTION


# %% check="saturation/gradient-bound"
gc.panel("saturation/gradient-bound")

# %% [markdown] name="saturated-fraction-question"
# ## 4 · The share of saturated units (2 points)
#
# You are given the *activations* `a` of a layer, an array of any shape, and the name of the
# activation, `"sigmoid"` or `"tanh"`. An entry is saturated when its slope is below 5 % of the
# largest slope that the function can have, ¼ or 1. Return the share of saturated entries, between 0
# and 1.
#
# For example, `saturated_fraction(np.array([0.5, 0.99]), "sigmoid")` is 0.5.


# %% name="saturated-fraction" answer="saturation/saturated-fraction"
def saturated_fraction(a, activation):
    """Share of the entries of a whose slope is below 5 % of the largest; a float."""
    ### BEGIN SOLUTION
    slope = a - a**2 if activation == "sigmoid" else 1 - a**2
    largest = 0.25 if activation == "sigmoid" else 1.0
    return float(np.mean(slope < 0.05 * largest))
    ### END SOLUTION


# %% check="saturation/saturated-fraction"
gc.panel("saturation/saturated-fraction")

# %% [markdown] name="deaf-layer-question"
# ## 5 · From which layer on does nothing change? (1 point)
#
# A network of 20 sigmoid layers of 64 units and an output layer, Glorot's initialization,
# float32. It takes one step of gradient descent with $\eta = 0.1$ on 64 digits. A layer is *unchanged*
# when more than half of its weights are exactly the same number after the step as before: the
# step was too small for float32 to notice.
#
# Count from the output: the output layer is 1, the layer nearest the input is 21. Which is the
# first unchanged layer? Predict it, with $\sqrt\chi$ from the lesson and the step of the output layer,
# which the next cell measures; the check measures five networks and accepts one layer more or less.

# %% name="deaf-layer-step"
from gradcourse.experiments.saturation import output_step

print(f"step of the output layer, relative to its weights: {output_step():.0e}")

# %% name="deaf-layer" answer="saturation/deaf-layer"
deaf_layer = None
### BEGIN SOLUTION
deaf_layer = 10  # 1e-2 · 0.24^k = 6e-8 at k = 8.4 layers below the output layer, which is 1
### END SOLUTION

# %% check="saturation/deaf-layer"
gc.panel("saturation/deaf-layer")

# %% [markdown] name="output-delta-question"
# ## 6 · δ of a σ output, for two losses (2 points)
#
# `z` holds the pre-activations of several sigmoid outputs, `y` their targets, both of shape (n,);
# $a = \sigma(z)$. Write $\delta = \partial\mathcal{L}/\partial z$, shape (n,), for
#
# - the squared error, $\mathcal{L} = \tfrac12 \sum (a - y)^2$
# - cross-entropy, $\mathcal{L} = -\sum \bigl(y \log a + (1 - y)\log(1 - a)\bigr)$; also where
#   $|z|$ is 200.
#
# For example, at $z = 0$, $y = 1$ the two are −0.125 and −0.5.


# %% name="output-delta" answer="saturation/output-delta"
def delta_squared_error(z, y):
    """∂ℒ/∂z of the squared error; an array of shape (n,)."""
    ### BEGIN SOLUTION
    a = 1 / (1 + np.exp(-z))
    return (a - y) * a * (1 - a)
    ### END SOLUTION


def delta_cross_entropy(z, y):
    """∂ℒ/∂z of cross-entropy; an array of shape (n,)."""
    ### BEGIN SOLUTION
    return 1 / (1 + np.exp(-z)) - y
    ### END SOLUTION


# %% check="saturation/output-delta"
gc.panel("saturation/output-delta")

# %% [markdown] name="loss-from-logits-question"
# ## 7 · Repair a saturated output (3 points)
#
# This loss is right on paper and useless at $z = -200$, $y = 1$: `torch.sigmoid(z)` is exactly 0
# there, the loss is infinite and its gradient NaN.
#
#     a = torch.sigmoid(z)
#     loss = -(y * torch.log(a) + (1 - y) * torch.log(1 - a)).mean()
#
# Write the same loss, the mean over all outputs, so that loss and gradient are right for every
# $z$ up to 250 in size, and for $z = 0$. `z` and `y` are float32 tensors of shape (n,); return a
# tensor of shape (). The check differentiates it: the gradient must be $(\sigma(z) - y)/n$.
#
# For example, at `z = [-200.]`, `y = [1.]` the loss is 200 and its gradient −1.


# %% name="loss-from-logits" answer="saturation/loss-from-logits"
def loss_from_logits(z, y):
    """Mean cross-entropy of σ(z) against y, finite for every z; a tensor of shape ()."""
    ### BEGIN SOLUTION
    return (torch.nn.functional.softplus(z) - y * z).mean()
    ### END SOLUTION


# %% check="saturation/loss-from-logits"
gc.panel("saturation/loss-from-logits")

# %% [markdown] name="edge-question"
# ## 8 · The gain at which theory says level (1 point)
#
# At which gain $\sigma_w$ is $\chi = 1$ for sigmoid layers, once $q$ has settled?
# `gc.theory.chi("sigmoid", gain)` gives χ. The check accepts what is within 0.2.

# %% name="edge" answer="saturation/edge"
edge = None
### BEGIN SOLUTION
edge = 10.15
### END SOLUTION

# %% check="saturation/edge"
gc.panel("saturation/edge")

# %% [markdown] name="gain-question"
# ## 9 · A gain for 20 sigmoid layers (1 point)
#
# Does it hold in real networks? Turn the knob until δ in layer 1 of a random 20-layer sigmoid network
# lies between 0.1 and 10 times δ in layer 20, and write the gain below. The check measures three random
# networks, not the one in the picture.

# %% name="gain" answer="saturation/gain"
gain = None
### BEGIN SOLUTION
gain = 10.5
### END SOLUTION

# %% check="saturation/gain"
gc.panel("saturation/gain")

# %% [markdown] name="three-starts-question"
# ## 10 · Three histograms of activations (1 point)
#
# Three untrained networks of eight sigmoid layers, which differ in the gain only. Each will be trained for
# 1000 steps at $\eta = 0.5$. Which reads most test digits? Set `best_start` to `"a"`, `"b"` or `"c"`.

# %% name="three-starts-picture"
from gradcourse.experiments.saturation import three_starts

three_starts()

# %% name="three-starts" answer="saturation/three-starts"
best_start = None
### BEGIN SOLUTION
best_start = "c"  # B passes on a constant, A has slopes near 0
### END SOLUTION

# %% check="saturation/three-starts"
gc.panel("saturation/three-starts")

# %% [markdown] name="weight-decay-question"
# ## 11 · The early weights under weight decay (1 point)
#
# Train the lesson's 8-layer network again, 1000 steps with $\eta = 0.5$, now with weight decay
# $\lambda = 0.005$: each step is $W \leftarrow W - \eta\,(\partial\mathcal{L}/\partial W + \lambda
# W)$. What becomes of $\|W\|$ in layer 1? Set `weight_decay` to one of
#
# - `"stay"`: it stays within 10 % of its start.
# - `"shrink"`: it shrinks to $e^{-\eta\lambda \cdot 1000}$, 8 % of its start, whatever the digits
#   show.
# - `"learn"`: it shrinks less, because the digits pull the other way.

# %% name="weight-decay" answer="saturation/weight-decay"
weight_decay = None
### BEGIN SOLUTION
weight_decay = "shrink"
### END SOLUTION

# %% check="saturation/weight-decay"
gc.panel("saturation/weight-decay")

# %% [markdown] name="larger-rate-question"
# ## 12 · A rate for layer 1 (1 point)
#
# δ in layer 1 of the lesson's 8-layer network is about 28,000 times smaller than in layer 8. You multiply
# the learning rate by 28,000. Set `larger_rate` to `"learns"`, `"same"` (the loss stays near ln 10) or
# `"thrown"` (the loss becomes enormous).

# %% name="larger-rate" answer="saturation/larger-rate"
larger_rate = None
### BEGIN SOLUTION
larger_rate = "thrown"  # one rate for all layers
### END SOLUTION

# %% check="saturation/larger-rate"
gc.panel("saturation/larger-rate")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("02")
