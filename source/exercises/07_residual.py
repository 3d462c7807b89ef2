# %% [markdown] name="title"
# # Exercises 07 · Residual networks
#
# Nine questions, 15 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 07](../lessons/07_residual_networks.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np
import torch
from torch import nn

# %% [markdown] name="block-question"
# ## 1 · A residual block (2 points)
#
# Write the pre-activation block $x + \alpha F(x)$ as a torch module. The branch $F$ is ReLU,
# `layer1`, ReLU, `layer2`. The number `alpha` that it is given is where $\alpha$ *starts*: it must
# be learned, as `self.alpha`. The check gives your block random weights and biases, runs it
# forwards and backwards, and looks whether it changed its input.


# %% name="block" answer="residual/block"
class ResidualBlock(nn.Module):
    """x + α F(x), with F = ReLU, layer1, ReLU, layer2."""

    def __init__(self, width, alpha):
        super().__init__()
        self.layer1 = nn.Linear(width, width)
        self.layer2 = nn.Linear(width, width)
        ### BEGIN SOLUTION
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        branch = self.layer2(torch.relu(self.layer1(torch.relu(x))))
        return x + self.alpha * branch
        ### END SOLUTION


# %% check="residual/block"
gc.panel("residual/block")

# %% [markdown] name="projection-question"
# ## 2 · A shortcut where the shape changes (2 points)
#
# The branch of this block halves the picture and changes the number of channels. Add the shortcut
# as `self.shortcut`: a projection, that is one 1×1 convolution without bias, of $x$ itself. Return
# the sum, with nothing behind it.


# %% name="projection" answer="residual/projection"
class DownBlock(nn.Module):
    """A projection of x, plus conv2(relu(conv1(relu(x))))."""

    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        ### BEGIN SOLUTION
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=2, bias=False)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.shortcut(x) + self.conv2(torch.relu(self.conv1(torch.relu(x))))
        ### END SOLUTION


# %% check="residual/projection"
gc.panel("residual/projection")

# %% [markdown] name="variance-question"
# ## 3 · The size of the signal in a stack (1 point)
#
# Block $l$ is $x_l = x_{l-1} + \alpha_l F_l(x_{l-1})$, without a norm; each $F_l$ is random, keeps
# the mean square of what it is given, and is uncorrelated with it. `alphas` holds
# $\alpha_1 \dots \alpha_L$. Return the expected mean squares of $x_0 \dots x_L$, relative to $x_0$:
# an array of $L + 1$ numbers, the first of them 1.


# %% name="variance" answer="residual/variance"
def mean_squares(alphas):
    """Mean squares of x_0 … x_L, relative to x_0; an array of shape (L + 1,)."""
    ### BEGIN SOLUTION
    return np.concatenate([[1.0], np.cumprod(1 + alphas**2)])
    ### END SOLUTION


# %% check="residual/variance"
gc.panel("residual/variance")

# %% [markdown] name="scale-question"
# ## 4 · A branch scale for 100 blocks (2 points)
#
# 100 residual blocks without a norm, all with the same α. Turn the knob until the mean square of
# $x$ in block 100 is between 1.7 and 5 times that behind the stem: the branches must have their
# say, and nothing may explode. The check measures three random networks, not the one in the
# picture.

# %% name="scale" answer="residual/scale"
alpha = None
### BEGIN SOLUTION
alpha = 0.1
### END SOLUTION

# %% check="residual/scale"
gc.panel("residual/scale")

# %% [markdown] name="fixup-question"
# ## 5 · Fixup (1 point)
#
# `matrices` is a list of the $m \ge 2$ matrices of one branch, first to last, with He's weights;
# `blocks` is $L$. Return the list that Fixup starts with (Zhang et al. 2019): the last matrix is 0,
# the others are multiplied by $L^{-1/(2m-2)}$. Do not change the matrices that you were given.


# %% name="fixup" answer="residual/fixup"
def fixup(matrices, blocks):
    """The matrices to start with; a list of arrays."""
    ### BEGIN SOLUTION
    factor = blocks ** (-1 / (2 * len(matrices) - 2))
    return [factor * W for W in matrices[:-1]] + [np.zeros_like(matrices[-1])]
    ### END SOLUTION


# %% check="residual/fixup"
gc.panel("residual/fixup")

# %% [markdown] name="both-zero-question"
# ## 6 · Twice careful (1 point)
#
# SkipInit starts with $\alpha = 0$, learned. To be twice careful you also start the last matrix of
# every branch at 0, as Fixup does. What in the blocks moves in 30 steps of gradient descent? Set
# `both_zero` to one of
#
# - `"all"`: everything, a little later
# - `"alpha"`: α first, then the matrices
# - `"matrices"`: the last matrices first, then the rest
# - `"nothing"`

# %% name="both-zero" answer="residual/both-zero"
both_zero = None
### BEGIN SOLUTION
both_zero = "nothing"  # ∂ℒ/∂α = δ · F(x) = 0, and every gradient in the branch has the factor α = 0
### END SOLUTION

# %% check="residual/both-zero"
gc.panel("residual/both-zero")

# %% [markdown] name="paths-question"
# ## 7 · The gradient, sorted by length (3 points)
#
# `jacobians` has shape (L, n, n) and holds $J_1 \dots J_L$, `delta` is $\delta_L$, shape (n,). Each
# block is $x + \alpha F(x)$, so backwards δ is multiplied by $I + \alpha J^\top$. Return an array of
# shape (L + 1, n): row $k$ is the sum of what arrives at $x_0$ on all paths through exactly $k$
# branches. Do not list $2^L$ paths; one pass through the blocks is enough.


# %% name="paths" answer="residual/paths"
def gradients_by_length(jacobians, alpha, delta):
    """What paths through 0, 1, …, L branches bring to ∂ℒ/∂x_0; an array of shape (L + 1, n)."""
    ### BEGIN SOLUTION
    parts = np.zeros((len(jacobians) + 1, len(delta)))
    parts[0] = delta
    for J in jacobians[::-1]:
        parts[1:] = parts[1:] + alpha * parts[:-1] @ J
    return parts
    ### END SOLUTION


# %% check="residual/paths"
gc.panel("residual/paths")

# %% [markdown] name="branches-question"
# ## 8 · How many branches does the gradient take? (1 point)
#
# An untrained residual network of 50 blocks, two ReLU layers each, He's weights, $\alpha = 0.4$, no
# norm. Sort the gradient by the number of branches on its path, and weight each length by its
# squared share. How many branches is that on average? The check takes the mean of eight networks
# and accepts what is within a factor of 1.25 of it.

# %% name="branches" answer="residual/branches"
branches = None
### BEGIN SOLUTION
branches = 6.9  # 50 · 0.16/1.16
### END SOLUTION

# %% check="residual/branches"
gc.panel("residual/branches")

# %% [markdown] name="shattering-question"
# ## 9 · The shattering curve (2 points)
#
# `gradients` has shape (m, n): the gradient $\partial f/\partial x$ at $m$ equally spaced points of
# a walk. Return
#
# - `cosines`: the cosine of the angle between every two gradients, shape (m, m).
# - `shattering_curve`: for $k = 0, 1, \dots, m - 1$ the mean cosine of all pairs of points that are
#   $k$ steps apart, shape (m,). The first number is 1.


# %% name="shattering" answer="residual/shattering"
def cosines(gradients):
    """Cosines between all gradients; an array of shape (m, m)."""
    ### BEGIN SOLUTION
    g = gradients / np.linalg.norm(gradients, axis=1, keepdims=True)
    return g @ g.T
    ### END SOLUTION


def shattering_curve(gradients):
    """Mean cosine of the pairs that are k steps apart; an array of shape (m,)."""
    ### BEGIN SOLUTION
    found = cosines(gradients)
    return np.array([np.diag(found, k).mean() for k in range(len(found))])
    ### END SOLUTION


# %% check="residual/shattering"
gc.panel("residual/shattering")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("07")
