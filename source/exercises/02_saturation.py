# %% [markdown] name="title"
# # Exercises 02 · Saturation
#
# Eight questions, 16 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 02](../lessons/02_saturation.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np
import torch

# %% [markdown] name="slopes-question"
# ## 1 · The slopes of σ and tanh (3 points)
#
# Write $\sigma'(z)$ and $\tanh'(z)$ for an array `z` of any shape. Both must also work where
# $|z|$ is 800: no NaN.
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

# %% [markdown] name="gradient-bound-question"
# ## 2 · The largest gradient a chain can have (2 points)
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
# ## 3 · The share of saturated units (2 points)
#
# You are given the *activations* `a` of a layer, an array of any shape, and the name of the
# activation, `"sigmoid"` or `"tanh"`. An entry is saturated when its slope is below 5 % of the
# activation's largest slope, whether or not an entry reaches it. Return the share of saturated entries, between 0 and 1.
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
# ## 4 · From which layer on is the network deaf? (1 point)
#
# A network of 20 sigmoid layers of 64 units and an output layer, Glorot's initialization,
# float32. It takes one step of gradient descent with $\eta = 0.1$ on 64 digits. A layer is *deaf*
# when more than half of its weights are exactly the same number after the step as before: the
# step was too small for float32 to notice.
#
# Count from the output: the output layer is 1, the layer nearest the input is 21. Which is the
# first deaf layer? Predict it, with $\sqrt\chi$ from the lesson; the check measures five networks
# and accepts one layer more or less.

# %% name="deaf-layer" answer="saturation/deaf-layer"
deaf_layer = None
### BEGIN SOLUTION
deaf_layer = 10  # 1e-2 · 0.24^k = 6e-8 at k = 8.4 layers below the output layer, which is 1
### END SOLUTION

# %% check="saturation/deaf-layer"
gc.panel("saturation/deaf-layer")

# %% [markdown] name="output-delta-question"
# ## 5 · δ of a σ output, for two losses (2 points)
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
# ## 6 · Repair a saturated output (3 points)
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

# %% [markdown] name="gain-question"
# ## 7 · A gain for 20 sigmoid layers (2 points)
#
# Turn the knob until δ in layer 1 of a random 20-layer sigmoid network lies between 0.1 and 10
# times δ in layer 20, and write the gain below. The check measures three random networks, not the
# one in the picture.

# %% name="gain" answer="saturation/gain"
gain = None
### BEGIN SOLUTION
gain = 10.5
### END SOLUTION

# %% check="saturation/gain"
gc.panel("saturation/gain")

# %% [markdown] name="weight-decay-question"
# ## 8 · The early weights under weight decay (1 point)
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

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("02")
