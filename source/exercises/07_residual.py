# %% [markdown] name="title"
# # Exercises 07 · Residual networks
#
# Thirteen questions, 18 points. Each has a cell for your answer and a panel below it. Run both,
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

# %% [markdown] name="scale-first-question"
# ## 4 · The formula's α for 100 blocks (1 point)
#
# 100 residual blocks without a norm, He's weights, all with the same α. At which α does the mean square of $x$
# grow from the stem to block 100 by a factor of $e = 2.72$? The check looks for it in three networks; what is
# within a factor of 1.25 is right.

# %% name="scale-first" answer="residual/scale-first"
alpha_for_e = None
### BEGIN SOLUTION
alpha_for_e = 0.1  # (1 + α²)^100 ≈ exp(100 α²)
### END SOLUTION

# %% check="residual/scale-first"
gc.panel("residual/scale-first")

# %% [markdown] name="scale-question"
# ## 5 · A branch scale for 100 blocks (1 point)
#
# The same 100 blocks. Turn the knob until the mean square of $x$ in block 100 is between 1.7 and 5 times that
# after the stem: the branches must count, and nothing may explode. Does your formula's α do? The check
# measures three random networks, not the one in the picture.

# %% name="scale" answer="residual/scale"
alpha = None
### BEGIN SOLUTION
alpha = 0.1
### END SOLUTION

# %% check="residual/scale"
gc.panel("residual/scale")

# %% [markdown] name="fixup-question"
# ## 6 · Fixup (1 point)
#
# `matrices` is a list of the $m \ge 2$ matrices of one branch, first to last, with He's weights;
# `blocks` is $L$. Return the list that Fixup starts with (Zhang et al. 2019). The last matrix is 0. The
# $m - 1$ others are all multiplied by one factor, so that *together* they multiply by $1/\sqrt L$: then the
# first steps of $L$ branches do not add up to too much. Which factor is it? (For $L = 64$ and $m = 3$ it
# is 0.354.) Do not change the matrices that you were given.


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
# ## 7 · Twice careful (1 point)
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
# ## 8 · The gradient, sorted by length (3 points)
#
# `jacobians` has shape (L, n, n) and holds $J_1 \dots J_L$, `delta` is $\delta_L$, shape (n,). Each
# block is $x + \alpha F(x)$, so backwards δ is multiplied by $I + \alpha J^\top$. Return an array of
# shape (L + 1, n): row $k$ is the sum of what arrives at $x_0$ on all paths through exactly $k$
# branches. For two blocks the three rows are
#
# $$\delta, \qquad \alpha\,(J_1^\top + J_2^\top)\,\delta, \qquad \alpha^2 J_1^\top J_2^\top \delta .$$
#
# Do not list $2^L$ paths: one pass from the last block to the first is enough. When a block comes, a path
# either takes its branch and becomes longer by one, or takes the shortcut and keeps its length.


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
# ## 9 · How many branches does the gradient take? (1 point)
#
# An untrained residual network of 50 blocks, two ReLU layers each, He's weights, $\alpha = 0.4$, no
# norm. Sort the gradient by the number of branches on its path, and weight each length by its
# squared share. How many branches is that on average? The check takes the mean of eight networks
# and accepts what is within a factor of 1.15 of it.

# %% name="branches" answer="residual/branches"
branches = None
### BEGIN SOLUTION
branches = 6.9  # 50 · 0.16/1.16
### END SOLUTION

# %% check="residual/branches"
gc.panel("residual/branches")

# %% [markdown] name="shattering-question"
# ## 10 · The shattering curve (2 points)
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

# %% [markdown] name="gamma-question"
# ## 11 · The last γ at 0 (1 point)
#
# 27 blocks of the order of 2015, with batch norm: the branch is matrix, norm, ReLU, matrix, norm, and a ReLU
# follows the sum. The γ of each branch's *last* norm starts at 0 (Goyal et al. 2017), everything else as
# usual. How large is the mean square of $x$ after block 27, relative to that after the stem's ReLU, before
# training? What is within a factor of 1.3 is right.

# %% name="gamma" answer="residual/last-gamma"
growth = None
### BEGIN SOLUTION
growth = 1.0  # every block starts as the identity
### END SOLUTION

# %% check="residual/last-gamma"
gc.panel("residual/last-gamma")

# %% [markdown] name="curves-question"
# ## 12 · Three depth pictures (1 point)
#
# δ by block in three untrained networks of 27 blocks: plain with batch norm; residual with batch norm in the
# branches; residual with $\alpha = 1/\sqrt{27}$ and no norm. Which curve is the residual network with batch
# norm? Set `curve` to `"a"`, `"b"` or `"c"`.

# %% name="curves-picture"
from gradcourse.experiments.residual import three_networks_plot

three_networks_plot()

# %% name="curves" answer="residual/three-curves"
curve = None
### BEGIN SOLUTION
curve = "b"
### END SOLUTION

# %% check="residual/three-curves"
gc.panel("residual/three-curves")

# %% [markdown] name="cost-question"
# ## 13 · What shortcuts cost (1 point)
#
# Twenty-seven shortcuts are added to a plain network of width 64, all of them identities, with α = 1. How many
# more parameters has it to learn? Set `cost` to `"matrices"` (a matrix for each shortcut), `"numbers"` (one
# number for each) or `"none"`.

# %% name="cost" answer="residual/shortcuts-cost"
cost = None
### BEGIN SOLUTION
cost = "none"
### END SOLUTION

# %% check="residual/shortcuts-cost"
gc.panel("residual/shortcuts-cost")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("07")
