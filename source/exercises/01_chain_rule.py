# %% [markdown] name="title"
# # Exercises 01 · Products of the chain rule
#
# 12 questions, 18 points. They follow lesson
# [01](../lessons/01_products_of_the_chain_rule.ipynb).
#
# Write your answer in the cell below each question and run it, then run the panel's cell and press
# **Check**. Each check uses fresh random numbers. If it recognizes a slip, it tells you which.
# There are three hints per question, and the last one is almost the answer.

# %% name="import"
import math

import gradcourse as gc
import numpy as np
import torch
from scipy.special import digamma

# %% [markdown] name="ask-scalar-backward"
# ## 1 · Backward through a chain of numbers (2 points)
#
# A chain multiplies its input by one number per layer: $h_0 = x$, $h_l = w_l h_{l-1}$. A loss
# follows, and $\partial \mathcal L / \partial h_L$ is given. Write
# `chain_gradient(w, x, upstream)`: the gradient of the loss with respect to every $w_l$.
#
# - `w` is an array of shape `(L,)`, where `w[0]` meets the input; `x` and `upstream`
#   ($= \partial \mathcal L / \partial h_L$) are floats.
# - Return an array of shape `(L,)`. For example `chain_gradient(np.array([2.0, 3.0]), 10.0, 1.0)`
#   is `[30.0, 20.0]`.
#
# It must work when a factor is 0.


# %% name="scalar-backward" answer="chain/scalar-backward"
def chain_gradient(w, x, upstream):
    """Gradient of the loss with respect to each factor, shape (L,)."""
    ### BEGIN SOLUTION
    h = [x]  # h[l] is what enters factor l
    for factor in w[:-1]:
        h.append(factor * h[-1])
    gradient = np.zeros(len(w))
    delta = upstream
    for layer in reversed(range(len(w))):
        gradient[layer] = delta * h[layer]
        delta = delta * w[layer]
    return gradient
    ### END SOLUTION


# %% check="chain/scalar-backward"
gc.panel("chain/scalar-backward")

# %% [markdown] name="ask-matrix-backward"
# ## 2 · Backward through a chain of matrices (2 points)
#
# A deep linear net computes $h_L = W_L \cdots W_2 W_1 x$, and $\partial \mathcal L / \partial h_L$
# is given. Write `input_gradient(weights, upstream)`: the gradient of the loss with respect to the
# input $x$.
#
# - `weights` is the list $W_1, \dots, W_L$, where $W_l$ has shape $(n_l, n_{l-1})$; `upstream` has
#   shape $(n_L,)$.
# - Return an array of shape $(n_0,)$. For example, with `weights = [2 * np.eye(3)]` it is
#   `2 * upstream`.


# %% name="matrix-backward" answer="chain/matrix-backward"
def input_gradient(weights, upstream):
    """Gradient of the loss with respect to the input, shape (n_0,)."""
    ### BEGIN SOLUTION
    delta = upstream
    for W in reversed(weights):
        delta = W.T @ delta
    return delta
    ### END SOLUTION


# %% check="chain/matrix-backward"
gc.panel("chain/matrix-backward")

# %% [markdown] name="ask-weight-gradients"
# ## 3 · The gradient of every matrix (2 points)
#
# The same chain. What gradient descent needs is $\partial \mathcal L / \partial W_l$. Write
# `weight_gradients(weights, x, upstream)`, with $\delta_L$ = `upstream`.
#
# - `weights` and `upstream` are as in question 2; `x` has shape $(n_0,)$.
# - Return a list of arrays, one for each matrix and of its shape, $W_1$ first.


# %% name="weight-gradients" answer="chain/weight-gradients"
def weight_gradients(weights, x, upstream):
    """Gradient of the loss with respect to every matrix, a list of arrays."""
    ### BEGIN SOLUTION
    h = [x]  # h[l] is what enters matrix l
    for W in weights[:-1]:
        h.append(W @ h[-1])
    gradients, delta = [], upstream
    for W, entered in zip(reversed(weights), reversed(h), strict=True):
        gradients.append(np.outer(delta, entered))
        delta = W.T @ delta
    return gradients[::-1]
    ### END SOLUTION


# %% check="chain/weight-gradients"
gc.panel("chain/weight-gradients")

# %% [markdown] name="ask-write-probe"
# ## 4 · Write the probe (2 points)
#
# Write `delta_norms(layers, x, y)`: the norm of the gradient of the loss with respect to the output of
# each layer. It is what `gc.probe` writes down of δ; use plain PyTorch.
#
# - `layers` is a list of torch modules, through which `x` goes one after the other; `x` is a tensor of
#   shape (rows, inputs). The loss is `torch.nn.functional.cross_entropy` of the last output and the
#   labels `y`.
# - Return a list of floats, one for each layer, the layer that meets `x` first. The norm is that of the
#   whole gradient, rows and units together.


# %% name="write-probe" answer="chain/write-probe"
def delta_norms(layers, x, y):
    """Norm of the gradient at the output of each layer, a list of floats."""
    ### BEGIN SOLUTION
    h, outputs = x, []
    for layer in layers:
        h = layer(h)
        h.retain_grad()
        outputs.append(h)
    torch.nn.functional.cross_entropy(h, y).backward()
    return [h.grad.norm().item() for h in outputs]
    ### END SOLUTION


# %% check="chain/write-probe"
gc.panel("chain/write-probe")

# %% [markdown] name="ask-three-pictures"
# ## 5 · Three depth pictures (1 point)
#
# A, B and C are untrained networks of 20 layers: a linear one with gain 0.8 and a linear one with gain
# 1, both without biases, and a sigmoid network. The pictures show ‖δ‖ and the relative update
# ‖ΔW‖/‖W‖, each relative to layer 19. Which is which?

# %% name="three-pictures-shown"
from gradcourse.experiments.chain_rule import three_networks

three_networks()

# %% [markdown] name="three-pictures-options"
# - `"sigmoid-08-1"`: A sigmoid, B gain 0.8, C gain 1
# - `"08-1-sigmoid"`: A gain 0.8, B gain 1, C sigmoid
# - `"08-sigmoid-1"`: A gain 0.8, B sigmoid, C gain 1
# - `"1-08-sigmoid"`: A gain 1, B gain 0.8, C sigmoid
#
# Set `networks` to one of the four.

# %% name="three-pictures" answer="chain/three-pictures"
networks = None
### BEGIN SOLUTION
networks = "08-1-sigmoid"  # the sigmoid loses most of δ; at gain 1 it is level
### END SOLUTION

# %% check="chain/three-pictures"
gc.panel("chain/three-pictures")

# %% [markdown] name="ask-lyapunov"
# ## 6 · Lyapunov exponent (1 point)
#
# Write `lyapunov(factors)`: the rate $\frac1L \log |r_1 r_2 \cdots r_L|$ of a product, with the
# natural logarithm.
#
# - `factors` is an array of shape `(L,)`. No factor is 0; some may be negative, and $L$ may be
#   10,000.
# - Return a float. For example `lyapunov(np.array([0.5, 0.5]))` is $\log 0.5 = -0.693$.


# %% name="lyapunov" answer="chain/lyapunov"
def lyapunov(factors):
    """Mean growth per factor of the product, in natural logs."""
    ### BEGIN SOLUTION
    return float(np.mean(np.log(np.abs(factors))))
    ### END SOLUTION


# %% check="chain/lyapunov"
gc.panel("chain/lyapunov")

# %% [markdown] name="ask-typical"
# ## 7 · The typical product (2 points)
#
# Each of 50 factors is drawn uniformly between 0 and 2, so their mean is exactly 1. What is the
# **median** of their product, over 20,000 such chains? Set `typical_product` to a number. It counts
# as right within a factor of 5.

# %% name="typical-product" answer="chain/typical-product"
typical_product = None
### BEGIN SOLUTION
# The mean of log r, for r uniform between 0 and 2, is log 2 - 1.
typical_product = math.exp(50 * (math.log(2) - 1))
### END SOLUTION

# %% check="chain/typical-product"
gc.panel("chain/typical-product")

# %% [markdown] name="ask-layers-to-a-line"
# ## 8 · When is the product a line? (2 points)
#
# Multiply Gaussian $N \times N$ matrices with entries of variance $1/N$. The product has become a line
# when $\sigma_2 / \sigma_1$ is small. Write `layers_to_a_line(n, share)`: the smallest number of
# matrices for which theory says $e^{(\lambda_2 - \lambda_1) L} <$ `share`.
#
# - `n` is an int of at least 3, `share` a float below 1. Return an int.
# - Newman's formula is in step 2 of the lesson; `digamma` is $\psi$. For `n = 2` and `share = 0.001` the
#   answer would be 10, since each matrix halves the ratio.


# %% name="layers-to-a-line" answer="chain/layers-to-a-line"
def layers_to_a_line(n, share):
    """Number of matrices after which the second direction is below a share of the first."""
    ### BEGIN SOLUTION
    gap = 0.5 * (digamma(n / 2) - digamma((n - 1) / 2))  # λ_1 − λ_2
    return math.ceil(-math.log(share) / gap)
    ### END SOLUTION


# %% check="chain/layers-to-a-line"
gc.panel("chain/layers-to-a-line")

# %% [markdown] name="ask-eigenvalues"
# ## 9 · All eigenvalues below 1 (1 point)
#
# Every factor of a long matrix product has all its eigenvalues inside the unit circle,
# $|\text{eigenvalue}| < 1$. The factors differ from each other. What can you say about the product?
#
# - `"vanishes"`: it vanishes
# - `"may-grow"`: it may grow without bound
# - `"bounded"`: it may grow for a while, but must vanish in the end
#
# Set `eigenvalues` to one of the three.

# %% name="eigenvalues" answer="chain/eigenvalues"
eigenvalues = None
### BEGIN SOLUTION
eigenvalues = "may-grow"
### END SOLUTION

# %% check="chain/eigenvalues"
gc.panel("chain/eigenvalues")

# %% [markdown] name="ask-keeping-gain"
# ## 10 · The gain that makes up for slopes (1 point)
#
# Going backward, a layer multiplies the gradient by a wide matrix of Gaussian entries with standard
# deviation $g / \sqrt N$, and then each component by a slope of its own. (Slopes like these come from an
# activation; lesson 02.) Write `keeping_gain(slopes)`: the gain $g$ that keeps the gradient's size.
#
# - `slopes` is an array of shape `(N,)`, one slope for each component, all above 0.
# - Return a float. For slopes that are all 0.5 it is 2.


# %% name="keeping-gain" answer="chain/keeping-gain"
def keeping_gain(slopes):
    """The gain that keeps the size of a gradient whose components meet these slopes."""
    ### BEGIN SOLUTION
    return float(1 / np.sqrt(np.mean(slopes**2)))
    ### END SOLUTION


# %% check="chain/keeping-gain"
gc.panel("chain/keeping-gain")

# %% [markdown] name="ask-tune-gain"
# ## 11 · Keep a gradient alive (1 point)
#
# Question 10 on a real chain: 50 layers, matrices of 128 × 128, slopes uniform between 0 and 1. Compute
# the gain first, and set `gain` to it. Then see with the panel's knob what a little more or less does.
#
# It counts as right if the gradient that reaches layer 1 is between 1/20 and 20 times the one that left
# layer 50, in three new sets of matrices and slopes.

# %% name="tune-gain" answer="chain/tune-gain"
gain = None
### BEGIN SOLUTION
# The mean of the squared slope is 1/3, so the squared length needs a factor of 3: √3 = 1.732.
gain = 1.74
### END SOLUTION

# %% check="chain/tune-gain"
gc.panel("chain/tune-gain")

# %% [markdown] name="ask-underflow"
# ## 12 · Where a power becomes 0 (1 point)
#
# Write `underflow_depth(factor, dtype)`: the smallest $L$ for which $r^L$, computed exactly and
# then rounded to the dtype, is 0. `factor` itself is not rounded.
#
# - `factor` is a float between 0 and 1, and `dtype` one of `"float16"`, `"bfloat16"`, `"float32"`.
# - The smallest numbers above 0 are $2^{-24}$, $2^{-133}$ and $2^{-149}$. A number is rounded to the
#   nearest that the dtype has; halfway between two, to the one whose last binary digit is 0.
# - Return an int. For example `underflow_depth(0.25, "float32")` is 75.
#
# The power is meant. A product that is rounded after every factor can stay above 0 for any depth.


# %% name="underflow-depth" answer="chain/underflow-depth"
def underflow_depth(factor, dtype):
    """Smallest L for which factor**L, rounded to dtype, is 0."""
    ### BEGIN SOLUTION
    smallest_exponent = {"float16": -24, "bfloat16": -133, "float32": -149}[dtype]
    # Half of the smallest number, and everything below, rounds to 0.
    return math.ceil((smallest_exponent - 1) / math.log2(factor))
    ### END SOLUTION


# %% check="chain/underflow-depth"
gc.panel("chain/underflow-depth")

# %% [markdown] name="ask-score"
# ## Your score
#
# This cell checks all 12 at once.

# %% name="score" tags=["nbval-check-output"]
gc.score("01")
