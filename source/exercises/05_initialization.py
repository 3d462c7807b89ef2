# %% [markdown] name="title"
# # Exercises 05 · Initialization
#
# Eleven questions, 19 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 05](../lessons/05_initialization.ipynb).

# %% name="import"
import math

import gradcourse as gc
import numpy as np
import torch

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

# %% [markdown] name="initialize-question"
# ## 3 · Start a torch model (2 points)
#
# `model` is a stack of `nn.Linear` and `nn.ReLU`, as PyTorch makes it. Change it in place: He's weights in every
# `nn.Linear` (by fan_in), a tenth of that in the last one, so that the first loss is near $\ln C$. The biases stay,
# filled with 0. Nothing is returned.


# %% name="initialize" answer="init/initialize"
def initialize(model):
    """He's weights, a small output layer, biases 0; changes the model in place."""
    ### BEGIN SOLUTION
    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    for layer in layers:
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        torch.nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layers[-1].weight.mul_(0.1)
    ### END SOLUTION


# %% check="init/initialize"
gc.panel("init/initialize")

# %% [markdown] name="default-delta-question"
# ## 4 · Ten tanh layers as PyTorch makes them (1 point)
#
# `nn.Linear` draws its weights with variance $1/(3\,\text{fan\_in})$ when nobody says otherwise. Ten
# hidden *tanh* layers of 64 units, untrained, all training digits. How large is δ in layer 1, if it is
# 1 in layer 10? The check measures five networks and accepts a factor of 2.

# %% name="default-delta" answer="init/default-delta"
default_delta = None
### BEGIN SOLUTION
default_delta = (1 / 3) ** (9 / 2)  # the signal shrinks, so tanh has slope 1; nine layers, root
### END SOLUTION

# %% check="init/default-delta"
gc.panel("init/default-delta")

# %% [markdown] name="tanh-layer-question"
# ## 5 · When has tanh lost 98 % of its variance? (1 point)
#
# tanh layers of 200 units with Xavier's weights, $\sigma_w = 1$, no biases, and 200 inputs of mean square 1. Let
# $q_l$ be the variance of $z$ in layer $l$. For small $z$, $\tanh^2 z \approx z^2 - \tfrac23 z^4$, and a Gaussian has
# $\mathrm{E}[z^4] = 3q^2$. What is $q_{l+1}$, then, and what becomes of $1/q_l$ from layer to layer? Use it to
# predict the first layer in which the variance is below 0.02 (mean of five networks). The check
# accepts a third more or a quarter less.

# %% name="tanh-layer" answer="init/tanh-layer"
tanh_layer = None
### BEGIN SOLUTION
tanh_layer = 25  # q − 2q², so 1/q grows by 2: 1/(2l) = 0.02
### END SOLUTION

# %% check="init/tanh-layer"
gc.panel("init/tanh-layer")

# %% [markdown] name="alike-question"
# ## 6 · Read δ, and say what became of the images (1 point)
#
# The picture shows δ by layer in three untrained tanh networks with biases of $\sigma_b = 0.3$. In which of them are
# the $z$ of two different digits in layer 30 nearly the same? Set `alike` to `"a"`, `"b"`, `"c"`, or to `"none"` if δ
# does not tell.

# %% name="alike-picture"
from gradcourse.experiments.initialization import three_starts_plot

three_starts_plot()

# %% name="alike" answer="init/alike"
alike = None
### BEGIN SOLUTION
alike = "b"
### END SOLUTION

# %% check="init/alike"
gc.panel("init/alike")

# %% [markdown] name="chi-question"
# ## 7 · χ and q* of tanh (3 points)
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

# %% [markdown] name="edge-value-question"
# ## 8 · Where is the edge? (1 point)
#
# With your two functions: at which $\sigma_w$ is $\chi = 1$, if the biases have $\sigma_b = 0.3$? The check measures
# where five networks of 40 layers keep the size of δ, and accepts 6 %.

# %% name="edge-value" answer="init/edge-value"
edge_value = None
### BEGIN SOLUTION
low, high = 1.0, 2.0
for _ in range(15):
    middle = (low + high) / 2
    low, high = (middle, high) if chi(middle, q_star(middle, 0.3)) < 1 else (low, middle)
edge_value = (low + high) / 2
### END SOLUTION

# %% check="init/edge-value"
gc.panel("init/edge-value")

# %% [markdown] name="edge-question"
# ## 9 · Does it hold for single networks? (1 point)
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

# %% [markdown] name="orthogonal-question"
# ## 10 · A uniform orthogonal matrix (3 points)
#
# `a` is a matrix of Gaussian random numbers. In its QR decomposition $A = QR$ the columns of $Q$ are
# orthonormal and $R$ is upper triangular. Return the Q for which the diagonal of $R$ is positive. If `a` has more
# columns than rows, do this with its transpose and transpose the result. The answer has the shape of `a`.
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
# ## 11 · Scales from data: LSUV (2 points)
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
