# %% [markdown] name="title"
# # Exercises 05 · Initialization
#
# Eight questions, 16 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 05](../lessons/05_initialization.ipynb).

# %% name="import"
import math

import gradcourse as gc
import numpy as np

# %% [markdown] name="half-random-question"
# ## 1 · How random must a start be? (1 point)
#
# One hidden layer of 32 ReLU units, 600 steps with $\eta = 0.1$ on the digits. Biases start at 0
# where nothing else is said, and *random* means Xavier. Three of these four starts reach 90 % of the
# test digits. Which one learns nothing? Set `half_random` to
#
# - `"first"`: hidden weights all 0.1, output weights random
# - `"last"`: hidden weights random, output weights all 0.1
# - `"biases"`: all weights 0.1, hidden biases random with standard deviation 1
# - `"zero"`: hidden weights all 0, output weights random

# %% name="half-random" answer="init/half-random"
half_random = None
### BEGIN SOLUTION
half_random = "zero"
### END SOLUTION

# %% check="init/half-random"
gc.panel("init/half-random")

# %% [markdown] name="xavier-he-question"
# ## 2 · Xavier and He from a shape (3 points)
#
# `shape` is the shape of a weight as PyTorch stores it: `(out, in)` for a matrix, `(out, in,
# height, width)` for a convolution. Return the standard deviation of normally distributed weights,
# a float, by Xavier's rule and by He's rule for ReLU (the forward version). An output of a convolution
# adds up products over all `in` channels and a window of height × width inputs; an input is seen by
# as many outputs in each of the `out` channels.
#
# For example, `xavier_std((30, 20))` and `he_std((30, 50))` are both 0.2.


# %% name="xavier-he" answer="init/xavier-he"
def xavier_std(shape):
    """Standard deviation of the weights by Glorot & Bengio (2010); a float."""
    ### BEGIN SOLUTION
    kernel = math.prod(shape[2:])
    return math.sqrt(2 / ((shape[0] + shape[1]) * kernel))
    ### END SOLUTION


def he_std(shape):
    """Standard deviation of the weights by He et al. (2015), for ReLU; a float."""
    ### BEGIN SOLUTION
    return math.sqrt(2 / (shape[1] * math.prod(shape[2:])))
    ### END SOLUTION


# %% check="init/xavier-he"
gc.panel("init/xavier-he")

# %% [markdown] name="default-delta-question"
# ## 3 · Ten ReLU layers as PyTorch makes them (1 point)
#
# `nn.Linear` draws its weights with variance $1/(3\,\text{fan\_in})$ when nobody says otherwise. Ten
# hidden ReLU layers of 64 units, untrained, all training digits. How large is δ in layer 1, if it is
# 1 in layer 10? The check measures five networks and accepts a factor of 2.5.

# %% name="default-delta" answer="init/default-delta"
default_delta = None
### BEGIN SOLUTION
default_delta = (1 / 6) ** (9 / 2)  # a third from the weights, a half from ReLU, nine layers, root
### END SOLUTION

# %% check="init/default-delta"
gc.panel("init/default-delta")

# %% [markdown] name="tanh-layer-question"
# ## 4 · When has tanh lost 98 % of its variance? (1 point)
#
# tanh layers of 200 units with Xavier's weights, no biases, and 200 inputs of mean square 1. Which is
# the first layer in which the variance of $z$ is below 0.02 (mean of five networks)? The check
# accepts a third more or a quarter less.

# %% name="tanh-layer" answer="init/tanh-layer"
tanh_layer = None
### BEGIN SOLUTION
tanh_layer = 25  # 1/(2l) = 0.02
### END SOLUTION

# %% check="init/tanh-layer"
gc.panel("init/tanh-layer")

# %% [markdown] name="edge-question"
# ## 5 · Find the edge of chaos (2 points)
#
# Turn the knob until δ in layer 1 of a random tanh network of 40 layers, with biases of standard
# deviation 0.3, lies between 0.4 and 2.5 times δ in layer 40. Write your σ_w below. The check
# measures three random networks, not the one in the picture.

# %% name="edge" answer="init/edge"
sigma_w = None
### BEGIN SOLUTION
sigma_w = 1.42
### END SOLUTION

# %% check="init/edge"
gc.panel("init/edge")

# %% [markdown] name="chi-question"
# ## 6 · χ and q* of tanh (3 points)
#
# Compute, with a numerical integral over a standard normal ζ,
#
# - `chi(sigma_w, q)` $= \sigma_w^2\, \mathrm{E}[\tanh'(\sqrt q\,\zeta)^2]$
# - `q_star(sigma_w, sigma_b)`, the $q$ that solves
#   $q = \sigma_w^2\, \mathrm{E}[\tanh(\sqrt q\,\zeta)^2] + \sigma_b^2$
#
# for tanh; floats, right to two parts in a thousand. `np.polynomial.hermite_e.hermegauss` gives
# nodes and weights; take 60 nodes or more. Other integrals will do; random samples are not accurate
# enough.
#
# For example, `chi(2.0, 1.0)` is 1.858 and `q_star(1.5, 0.5)` is 1.218.


# %% name="chi" answer="init/chi"
def chi(sigma_w, q):
    """Factor on the mean square of δ in one tanh layer; a float."""
    ### BEGIN SOLUTION
    z, w = np.polynomial.hermite_e.hermegauss(80)
    slope = 1 - np.tanh(np.sqrt(q) * z) ** 2
    return float(sigma_w**2 * (w @ slope**2) / w.sum())
    ### END SOLUTION


def q_star(sigma_w, sigma_b):
    """Variance of z that a deep tanh network settles at; a float."""
    ### BEGIN SOLUTION
    z, w = np.polynomial.hermite_e.hermegauss(80)
    q = 1.0
    for _ in range(1000):
        q = sigma_w**2 * (w @ np.tanh(np.sqrt(q) * z) ** 2) / w.sum() + sigma_b**2
    return float(q)
    ### END SOLUTION


# %% check="init/chi"
gc.panel("init/chi")

# %% [markdown] name="orthogonal-question"
# ## 7 · A uniform orthogonal matrix (3 points)
#
# `a` is a matrix of Gaussian random numbers. In its QR decomposition $A = QR$ the columns of $Q$ are
# orthonormal and $R$ is upper triangular. Return the Q for which the diagonal of $R$ is positive. If `a` has more columns than rows, do this with its transpose and
# transpose the result. The answer has the shape of `a`.
#
# `np.linalg.qr` gives *a* Q, with signs of its own choice. Without the right signs Q is orthogonal
# but not uniformly distributed (Mezzadri 2007); the last part of the check shows it.
#
# For example, `orthogonal(np.array([[0.0, -1.0], [2.0, 1.0]]))` is `[[0, -1], [1, 0]]`.


# %% name="orthogonal" answer="init/orthogonal"
def orthogonal(a):
    """Q of a = QR with a positive diagonal of R; an array with the shape of a."""
    ### BEGIN SOLUTION
    if a.shape[0] < a.shape[1]:
        return orthogonal(a.T).T
    q, r = np.linalg.qr(a)
    return q * np.sign(np.diag(r))
    ### END SOLUTION


# %% check="init/orthogonal"
gc.panel("init/orthogonal")

# %% [markdown] name="lsuv-question"
# ## 8 · Scales from data: LSUV (2 points)
#
# `weights` is a list of matrices, each of shape (out, in), and `x` is a batch of shape (rows, in).
# There is a ReLU after each matrix, and no bias. Return an array with one factor per matrix, so that
# with the scaled matrices the outputs of *every* layer, before its ReLU, have standard deviation 1
# over all rows and units together (`z.std()`).
#
# Do not change the matrices that you are given.


# %% name="lsuv" answer="init/lsuv"
def lsuv_scales(weights, x):
    """Factors that give every layer's outputs standard deviation 1; an array."""
    ### BEGIN SOLUTION
    h, scales = x, []
    for w in weights:
        z = h @ w.T
        scales.append(1 / z.std())
        h = np.maximum(z / z.std(), 0)
    return np.array(scales)
    ### END SOLUTION


# %% check="init/lsuv"
gc.panel("init/lsuv")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("05")
