# %% [markdown] name="title"
# # Exercises 01 · Products of the chain rule
#
# Seven questions, 13 points. They follow lesson
# [01](../lessons/01_products_of_the_chain_rule.ipynb).
#
# Write your answer in the cell below each question and run it, then run the panel's cell and press
# **Check**. Each check uses fresh random numbers. If it recognises a slip, it tells you which.
# There are three hints per question, and the last one is almost the answer.

# %% name="import"
import math

import gradcourse as gc
import numpy as np

# %% [markdown] name="ask-underflow"
# ## 1 · Where a power becomes 0 *(2 points)*
#
# Write `underflow_depth(factor, dtype)`: the smallest $L$ for which $r^L$, computed exactly and
# then rounded to the dtype, is 0. `factor` itself is not rounded.
#
# - `factor` is a float between 0 and 1, and `dtype` one of `"float16"`, `"bfloat16"`, `"float32"`.
# - Return an int. For example `underflow_depth(0.25, "float32")` is 75.
#
# The power is meant, not a product that is rounded after every factor: that one can stick above 0
# for ever, as you saw in step 1 of the lesson.


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

# %% [markdown] name="ask-scalar-backward"
# ## 2 · Backward through a chain of numbers *(2 points)*
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

# %% [markdown] name="ask-lyapunov"
# ## 3 · Lyapunov exponent *(3 points)*
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
# ## 4 · The typical product *(1 point)*
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

# %% [markdown] name="ask-matrix-backward"
# ## 5 · Backward through a chain of matrices *(2 points)*
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

# %% [markdown] name="ask-tune-gain"
# ## 6 · Keep a gradient alive *(2 points)*
#
# Going backward, each of 50 layers multiplies the gradient by a 128 × 128 matrix of Gaussian
# entries with standard deviation $g / \sqrt{128}$, and then each component by a slope of its own,
# uniform between 0 and 1. (Slopes like these come from an activation; lesson 02.) Choose the gain
# $g$ so that the gradient that reaches layer 1 is between 1/20 and 20 times the one that left
# layer 50.
#
# The panel has the knob. Set `gain` to the value you choose. It is measured with three new sets of
# matrices and slopes.

# %% name="tune-gain" answer="chain/tune-gain"
gain = None
### BEGIN SOLUTION
# The mean of the squared slope is 1/3, so the squared length needs a factor of 3.
gain = 1.74
### END SOLUTION

# %% check="chain/tune-gain"
gc.panel("chain/tune-gain")

# %% [markdown] name="ask-eigenvalues"
# ## 7 · All eigenvalues below 1 *(1 point)*
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

# %% [markdown] name="ask-score"
# ## Your score
#
# This cell checks all seven at once.

# %% name="score" tags=["nbval-check-output"]
gc.score("01")
