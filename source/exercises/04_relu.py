# %% [markdown] name="title"
# # Exercises 04 · ReLU and its kin
#
# Ten questions, 17 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 04](../lessons/04_relu_and_its_kin.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np

# %% [markdown] name="prelu-question"
# ## 1 · PReLU, forwards and backwards (3 points)
#
# $h = z$ for $z > 0$, and $h = a z$ elsewhere; `z` is an array of any shape, `a` *any* number: it
# is learned, and nothing holds it between 0 and 1. `upstream` is $\partial\mathcal{L}/\partial h$,
# an array with the shape of `z`. Write $h$, and then the two gradients
# $\partial\mathcal{L}/\partial z$ (an array) and $\partial\mathcal{L}/\partial a$ (a float; all
# entries share one `a`).
#
# For example, `prelu(np.array([-2.0, 3.0]), 0.5)` is `[-1, 3]`, and with `upstream` = `[1, 1]` the
# gradients are `[0.5, 1]` and −2.


# %% name="prelu" answer="relu/prelu"
def prelu(z, a):
    """PReLU of z with the slope a on the negative side; an array with the shape of z."""
    ### BEGIN SOLUTION
    return np.where(z > 0, z, a * z)
    ### END SOLUTION


def prelu_backward(z, a, upstream):
    """∂ℒ/∂z, an array with the shape of z, and ∂ℒ/∂a, a float."""
    ### BEGIN SOLUTION
    dz = upstream * np.where(z > 0, 1.0, a)
    da = float(np.sum(upstream * np.where(z > 0, 0.0, z)))
    return dz, da
    ### END SOLUTION


# %% check="relu/prelu"
gc.panel("relu/prelu")

# %% [markdown] name="masks-question"
# ## 2 · δ through a stack of ReLU layers (3 points)
#
# $L$ ReLU layers have run forwards, row by row of a batch: $h_l = \mathrm{relu}(z_l)$ and
# $z_{l+1} = h_l W^\top$, in code `z_next = h @ W.T`. You are given
#
# - `weights`, a list of the $L - 1$ matrices between the layers, from the input to the output,
# - `zs`, a list of the $L$ arrays $z_1 \dots z_L$, each of shape (rows, width),
# - `upstream`, $\partial\mathcal{L}/\partial h_L$, of shape (rows, width).
#
# Return $\delta_1 = \partial\mathcal{L}/\partial z_1$, an array of shape (rows, width).


# %% name="masks" answer="relu/masks"
def delta_of_layer_1(weights, zs, upstream):
    """∂ℒ/∂z of the first layer; an array of shape (rows, width)."""
    ### BEGIN SOLUTION
    delta = upstream * (zs[-1] > 0)
    for W, z in zip(weights[::-1], zs[-2::-1], strict=True):
        delta = (delta @ W) * (z > 0)
    return delta
    ### END SOLUTION


# %% check="relu/masks"
gc.panel("relu/masks")

# %% [markdown] name="gain-question"
# ## 3 · The gain for a leak (2 points)
#
# A leaky ReLU has the slope `a` on its negative side; `a` may be larger than 1. Write the
# $\sigma_w$ that keeps the mean square of the signal from layer to layer, for random weights with
# mean 0 and biases 0. Then the standard deviation of the weights themselves, of a layer with
# `fan_in` inputs. Both are floats.
#
# For example, `leaky_gain(0.5)` is 1.265 and `leaky_std(0.5, 100)` is 0.1265.


# %% name="gain" answer="relu/gain"
def leaky_gain(a):
    """σ_w that keeps the mean square; a float."""
    ### BEGIN SOLUTION
    return float(np.sqrt(2 / (1 + a**2)))
    ### END SOLUTION


def leaky_std(a, fan_in):
    """Standard deviation of the weights of a layer with fan_in inputs; a float."""
    ### BEGIN SOLUTION
    return leaky_gain(a) / float(np.sqrt(fan_in))
    ### END SOLUTION


# %% check="relu/gain"
gc.panel("relu/gain")

# %% [markdown] name="deep-leaky-question"
# ## 4 · δ through 30 leaky layers (1 point)
#
# 30 layers of leaky ReLU with $a = 0.5$ and weights of $\sigma_w = 1$. δ travels from layer 30 down
# to layer 1, through 29 layers. How large is it in layer 1, if it is 1 in layer 30? The check
# measures five random networks and accepts a factor of 2.

# %% name="deep-leaky" answer="relu/deep-leaky"
deep_leaky = None
### BEGIN SOLUTION
deep_leaky = 0.625 ** (29 / 2)
### END SOLUTION

# %% check="relu/deep-leaky"
gc.panel("relu/deep-leaky")

# %% [markdown] name="leak-value-question"
# ## 5 · Which leak does the formula ask for? (1 point)
#
# Somebody gives you a network of 50 layers whose weights have $\sigma_w = 1.3$, and you may not change them. Which
# leak keeps the size of δ from layer to layer? Compute it first. The check measures the leak at which five networks
# are level, and accepts 15 %.

# %% name="leak-value" answer="relu/leak-value"
leak_value = None
### BEGIN SOLUTION
leak_value = (2 / 1.3**2 - 1) ** 0.5
### END SOLUTION

# %% check="relu/leak-value"
gc.panel("relu/leak-value")

# %% [markdown] name="leak-question"
# ## 6 · Does it hold for single networks? (1 point)
#
# The same 50 layers. Turn the knob until δ in layer 1 lies between 0.2 and 5 times δ in layer 50, and
# write the leak below. The check measures three random networks, not the one in the picture.

# %% name="leak" answer="relu/leak-for-weights"
leak = None
### BEGIN SOLUTION
leak = 0.43
### END SOLUTION

# %% check="relu/leak-for-weights"
gc.panel("relu/leak-for-weights")

# %% [markdown] name="dead-units-question"
# ## 7 · Which units are dead? (2 points)
#
# `batches` is a list of arrays of shape (rows, units): the *outputs* of one ReLU layer, batch by
# batch; the batches together are all data. Return an array of True and False, shape (units,): is
# this unit dead?
#
# For example, with the two batches `[[0, 0, 0.7], [0, 0, 0]]` and `[[0, 0.4, 0]]` only the first of
# the three units is dead.


# %% name="dead-units" answer="relu/dead-units"
def dead_units(batches):
    """Whether each unit is silent on all data; an array of True and False, shape (units,)."""
    ### BEGIN SOLUTION
    return np.all([(h == 0).all(axis=0) for h in batches], axis=0)
    ### END SOLUTION


# %% check="relu/dead-units"
gc.panel("relu/dead-units")

# %% [markdown] name="which-question"
# ## 8 · Three pictures of δ (1 point)
#
# Three networks with four hidden ReLU layers, 75 % zeros in each. One is healthy, in one the signal has vanished, in
# one a layer is dead. Which is which? Set `which` to
#
# - `"hvd"`: A is healthy, B vanished, C dead
# - `"vhd"`: A is vanished, B healthy, C dead
# - `"vdh"`: A is vanished, B dead, C healthy
# - `"dvh"`: A is dead, B vanished, C healthy

# %% name="which-picture"
from gradcourse.experiments.relu import three_networks_plot

three_networks_plot()

# %% name="which" answer="relu/which-is-which"
which = None
### BEGIN SOLUTION
which = "vdh"
### END SOLUTION

# %% check="relu/which-is-which"
gc.panel("relu/which-is-which")

# %% [markdown] name="disease-question"
# ## 9 · Which disease? (2 points)
#
# `layers` is a list of the outputs of all ReLU layers of one network on all data, from the first
# to the last, each of shape (rows, units). Return
#
# - `"dead"` if a layer lets no gradient back on any row,
# - `"vanished"` if gradients come through, but the signal loses decades on its way,
# - `"healthy"` if neither is the case.
#
# What you look at, and where you draw the lines, is for you to design. The check has clear cases only; among the
# healthy ones are networks with many zeros, with some dead units, and with small outputs everywhere.


# %% name="disease" answer="relu/disease"
def disease(layers):
    """ "dead", "vanished" or "healthy"."""
    ### BEGIN SOLUTION
    if any((h == 0).all() for h in layers):
        return "dead"
    first, last = (np.sqrt(np.mean(layers[k] ** 2)) for k in (0, -1))
    return "vanished" if last < 1e-3 * first else "healthy"
    ### END SOLUTION


# %% check="relu/disease"
gc.panel("relu/disease")

# %% [markdown] name="right-cure-question"
# ## 10 · The right cure (1 point)
#
# Twelve ReLU layers as `nn.Linear` makes them stay at chance. In the last four layers about half of the units are
# silent on all digits; in each layer δ is 0.41 times what it is in the layer behind. Which single change lets the
# network learn in 300 steps? Set `right_cure` to
#
# - `"leak"`: a leak of 0.1 on the negative side.
# - `"weights"`: all weights $\sqrt6$ times larger.
# - `"biases"`: all biases to 0.
# - `"rate"`: a learning rate ten times larger.
#
# The check tries all four, on three networks each; give it a few seconds.

# %% name="right-cure" answer="relu/right-cure"
right_cure = None
### BEGIN SOLUTION
right_cure = "weights"
### END SOLUTION

# %% check="relu/right-cure"
gc.panel("relu/right-cure")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("04")
