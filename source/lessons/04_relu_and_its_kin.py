# %% [markdown] name="title" tags=["slide"]
# # 04 · ReLU and its kin
#
# **After this lesson you can say what a ReLU layer costs and why, tell a dead unit from a signal
# that vanished where a count of zeros cannot, and give each the cure that helps it.**
#
# *80 minutes. You need lesson 02: δ, the slope as the price of passing through, and χ.*

# %% name="import" tags=["continue"]
import copy
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory
from torch import nn

digits = gc.digits()
x, y = digits.x_train, digits.y_train

# %% [markdown] name="notation" tags=["continue"]
# A layer computes $z = W h + b$, the pre-activation, and then $\varphi(z)$, which is the next
# layer's $h$. $\delta_l = \partial\mathcal{L}/\partial z_l$. Layer 1 is nearest the input.
# $\sigma_w$ is the size of the weights: each is drawn with mean 0 and standard deviation
# $\sigma_w/\sqrt{n}$, where $n$ is the number of inputs of the layer (*fan_in*). Between layers of
# equal width, Xavier's rule (Glorot & Bengio 2010) is $\sigma_w = 1$; `init="lecun"` in the code is
# $\sigma_w = 1$ for any widths. All biases start at 0. The letter $a$ means one thing here: the
# slope on the negative side.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# On the board from lesson 02: *one layer = one matrix times one slope.* Lesson 03 had one matrix
# for all steps. Today the matrix stays random, and the slope is the best that one can buy.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# The slope multiplies every step, and no slope so far was above 1; most were well below. **What if
# an activation had slope exactly 1?** The rectified linear unit does, wherever it passes anything:
# $\mathrm{relu}(z) = \max(0, z)$. Lesson 02 began with eight sigmoid layers that learned nothing.
# Here are eight ReLU layers, and then thirty. Same data, same rule for the weights, five seeds.
# In the picture, look at which loss leaves $\ln 10$.

# %% name="puzzle-train" tags=["fragment"] tolerance=["8 ReLU layers: 0.03 0.06 0.04", "30 ReLU layers: 0.01 0.01 0.01"]
runs = {}
print("share of the test digits right after 300 steps; guessing gives 0.1")
for depth in (8, 30):
    nets = [gc.mlp(depth, activation="relu", seed=seed) for seed in range(5)]
    runs[depth] = [
        gc.train(net, digits, steps=300, lr=0.1, seed=seed, every=300)
        for seed, net in enumerate(nets)
    ]
    right = [run.test_accuracy[-1] for run in runs[depth]]
    print(f"{depth:2d} ReLU layers: {gc.spread(right)}")

# %% name="puzzle-picture" tags=["fragment"]
step = np.arange(10, 301, 10)
lines = [
    gc.Line(
        step,
        np.mean([run.loss[1:].reshape(-1, 10).mean(axis=1) for run in runs[depth]], axis=0),
        f"{depth} ReLU layers, mean of 5",
        color=color,
    )
    for depth, color in ((8, "relu"), (30, "vermillion"))
]
lines.append(gc.Line([10, 300], [math.log(10)] * 2, "ln 10, guessing", "reference"))
gc.Plot("Eight layers learn, thirty do not", gc.Axis("step"), gc.Axis("loss"), tuple(lines))

# %% [markdown] name="puzzle-question" tags=["continue"]
# Eight layers: solved. Thirty: nothing at all. No slope of ReLU lies between 0 and 1.
# **So who takes the gradient away?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Let the hall enjoy the first line for a moment: this is why everybody left the sigmoid. Then the
# second. Suspects to expect: "too few steps" (the loss does not move at all), "dead units" (keep
# that one, it is the topic of step 4), "the zeros". The last one is right; ask how much the zeros
# cost, as a number.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Slope 1, or nothing
#
# $\mathrm{relu}'(z)$ is 1 for $z > 0$ and 0 for $z < 0$. (At $z = 0$ there is no slope; PyTorch
# takes 0.)
#
# ### Predict

# %% name="predict-half" tags=["fragment"]
gc.panel("relu/half")

# %% [markdown] name="drag-two-ways" tags=["subslide"]
# ### Drag
#
# One random network of 20 ReLU layers. Look at both lines at $\sigma_w = 1$, Xavier's: $z$ on its
# way forwards, δ on its way back. At which $\sigma_w$ are both level?

# %% name="demo-two-ways" tags=["fragment"]
gc.demo("relu/two-ways")

# %% [markdown] name="measure-halving-intro" tags=["subslide"]
# ### Measure
#
# Real digits, 20 layers of 256 units, five networks. The wide layers keep one network close to the
# average of many. In the picture, hold each solid line against the dashed one: a factor of √½ per
# layer.

# %% name="measure-halving" tags=["fragment", "nbval-check-output"]
forward, backward, zeros = [], [], []
for seed in range(5):
    net = gc.mlp(20, width=256, activation="relu", init="lecun", seed=seed)
    with gc.probe(net) as record:
        F.cross_entropy(net(x), y).backward()
    linear = record.select("Linear")[:20]
    forward.append(record.activation_rms[0, linear])
    backward.append(record.output_gradient_rms[0, linear])
    zeros.append(record.zero_fraction[0, record.select("ReLU")].mean())
forward = np.array([z / z[0] for z in forward])
backward = np.array([delta / delta[-1] for delta in backward])
print(f"mean square of z per layer, forwards:  × {np.mean(forward[:, -1] ** (2 / 19)):.2f}")
print(f"mean square of δ per layer, backwards: × {np.mean(backward[:, 0] ** (2 / 19)):.2f}")
print(f"share of activations that are 0:       {np.mean(zeros):.2f}")
print(f"δ in layer 1 / δ in layer 20: {np.median(backward[:, 0]):.1e}, theory {2**-9.5:.1e}")

# %% name="picture-halving" tags=["fragment"]
layer = np.arange(1, 21)
typical_z, typical_delta = (np.exp(np.log(s).mean(axis=0)) for s in (forward, backward))
gc.Plot(
    title="Second moments halve, so sizes fall as 2^(−L/2)",
    x=gc.Axis("layer (1 is nearest the input)"),
    y=gc.Axis("relative size", "log"),
    lines=(
        *gc.with_theory(layer, typical_z, 2.0 ** (-(layer - 1) / 2), "z, from layer 1", "blue"),
        *gc.with_theory(
            layer, typical_delta, 2.0 ** (-(20 - layer) / 2), "δ, from layer 20", "relu"
        ),
    ),
)

# %% [markdown] name="explain-halving" tags=["subslide"]
# ### Explain
#
# Draw a weight matrix; its negative was just as likely. It turns each $z$ into $-z$, and of the
# two ReLU keeps one. So, in expectation over the weights, with biases 0 and any input,
#
# $$\mathrm{E}\bigl[\mathrm{relu}(z)^2\bigr] = \tfrac12\,\mathrm{E}\bigl[z^2\bigr],
#   \qquad \mathrm{E}\bigl[\mathrm{relu}'(z)^2\bigr] = \tfrac12 .$$
#
# The matrix multiplies the mean square by $\sigma_w^2$, forwards and (between layers of equal
# width) backwards. With lesson 02's $\chi$, the factor on the mean square of δ,
#
# $$\chi = \sigma_w^2\,\mathrm{E}\bigl[\varphi'^2\bigr] = \frac{\sigma_w^2}{2},
#   \qquad \text{size per layer: } \sqrt\chi = \frac{\sigma_w}{\sqrt2} .$$
#
# (Backwards, the formula treats the matrix as independent of the slopes. For wide layers that is
# right.) The factor is 1 at $\sigma_w = \sqrt2 = 1.41$, where both lines of the demo are level. At
# $\sigma_w = 1$, 19 layers leave $2^{-19/2} = 1.4 \times 10^{-3}$, near what you measured. The
# puzzle's 29 leave $4 \times 10^{-5}$, as little as lesson 02's eight sigmoid layers. The slope is
# 1 for half of the units. **The other half is the price.** It does not depend on the size of $z$:
# ReLU has no scale of its own.
#
# In the picture, $z$ lies below its theory. The theory is an average over many networks. A single
# one strays from it, here by about a quarter in size, and five are few.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 7 min
#
# Wrong answers to expect: 1 ("the slope is 1") and $2^{-19}$ (half of the units, so half of the
# size). A size is a root of a sum of squares; losing half of the terms costs √½. A sharp student
# sees forwards 0.49 and not 0.50: the *expected* mean square halves exactly. Lesson 01 taught
# that a typical product lies below the mean one: over 60 seeds, the size in layer 20 by 7 %. The
# rest of the gap is the luck of these five; a single network strays by 26 %. Both shrink with
# the width (Hanin & Rolnick 2018). If the demo does not move:
# `gc.demo("relu/two-ways").frame(gain=1.4)`.

# %% [markdown] name="bridge-1" tags=["continue"]
# A factor of 0.71 per layer is far better than the 0.23 of σ, and still not enough. **ReLU has a
# family of younger relatives. Do they pay less?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · The kin
#
# | | for $z > 0$ | for $z < 0$ | slope near $z = 0$ |
# |---|---|---|---|
# | ReLU | $z$ | 0 | 0 or 1 |
# | leaky ReLU | $z$ | $a z$, with $a = 0.01$ | 0.01 or 1 |
# | PReLU | $z$ | $a z$, $a$ is learned, first 0.25 | $a$ or 1 |
# | ELU | $z$ | $e^z - 1$ | 1 |
# | SELU | $1.0507\, z$ | $1.7581\,(e^z - 1)$ | 1.76 or 1.05 |
# | GELU | $z\,\Phi(z)$ | the same | ½ |
# | SiLU | $z\,\sigma(z)$ | the same | ½ |
#
# $\Phi(z)$ is the probability that a standard normal number is below $z$, $\sigma$ the sigmoid.
# Leak and constants are those that PyTorch takes.
#
# ### Predict

# %% name="predict-fades" tags=["fragment"]
gc.panel("relu/fades-most")

# %% [markdown] name="drag-kin" tags=["subslide"]
# ### Drag
#
# Look at the order of the four lines at $\sigma_w = 1$. Then raise $\sigma_w$: at 2, which lines
# have come together, and why these?

# %% name="demo-kin" tags=["fragment"]
gc.demo("relu/kin")

# %% [markdown] name="measure-kin-intro" tags=["subslide"]
# ### Measure
#
# Nine activations, the same instrument: eight layers of 64 units, Xavier's weights, all training
# digits, five networks each. In the pictures, look for lines that bend: there the factor changes
# from layer to layer.


# %% name="kin-networks" tags=["fragment"]
def network(name, seed, depth=8):
    if name == "prelu":
        return gc.nets.with_activation(gc.mlp(depth, activation="relu", seed=seed), nn.PReLU)
    return gc.mlp(depth, activation=name, seed=seed)


def delta_by_theory(name, depth=8):
    if name == "prelu":
        return math.sqrt((1 + 0.25**2) / 2) ** np.arange(depth - 1, -1, -1)
    q = theory.q_trajectory(name, 1.0, depth=depth)
    factors = [theory.gradient_decay(name, 1.0, value) for value in q[: depth - 1]]
    return np.append(np.cumprod(factors[::-1])[::-1], 1.0)


# %% name="measure-kin" tags=["fragment", "nbval-check-output"]
kin = ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu"]
delta = {}
print("factor on δ per layer   measured   theory")
for name in kin:
    found = []
    for seed in range(5):
        net = network(name, seed)
        with gc.probe(net) as record:
            F.cross_entropy(net(x), y).backward()
        size = record.output_gradient_rms[0, record.select("Linear")][:8]
        found.append(size / size[-1])
    delta[name] = np.exp(np.log(found).mean(axis=0))
    expected = delta_by_theory(name)[0] ** (1 / 7)
    print(f"{name:22}  {delta[name][0] ** (1 / 7):8.2f}  {expected:7.2f}")

# %% name="picture-kin" tags=["fragment"]
layer = np.arange(1, 9)


def picture(title, names):
    lines = [
        line for n in names for line in gc.with_theory(layer, delta[n], delta_by_theory(n), n, n)
    ]
    axis = gc.Axis("size of δ, relative to layer 8", "log", (1e-5, 10.0))
    return gc.Plot(title, gc.Axis("layer (1 is nearest the input)"), axis, tuple(lines))


picture("The old ones, and ReLU", ["sigmoid", "tanh", "relu"])

# %% name="picture-smooth-kin" tags=["fragment"]
picture("Three of the younger kin", ["elu", "selu", "gelu"])

# %% [markdown] name="explain-kin" tags=["subslide"]
# ### Explain
#
# Each line is lesson 02's product of $\sqrt{\chi_l} = \sigma_w \sqrt{\mathrm{E}[\varphi'^2]}$, and
# what counts is the slope *where the signal is*.
#
# At $\sigma_w = 1$ the pre-activations shrink from layer to layer for all but SELU and the sigmoid,
# so their late layers live near $z = 0$. There ELU and tanh have slope 1 and lose less and less. So
# even tanh loses less than ReLU here. (What ReLU has and tanh has not: its slope stays 1 for large
# $z$.) GELU and SiLU have slope ½ **on both sides**: they come near a factor of ½ per layer, less
# than ReLU's 0.71. They are used where something else keeps the size of $z$: normalization (lesson
# 06), in Transformers (lesson 11). SELU's two constants are chosen such that mean 0 and variance 1
# map to themselves at $\sigma_w = 1$ (Klambauer et al. 2017): $q$, the variance of $z$, stays 1,
# and $\sqrt\chi = 1.04$.
#
# At $\sigma_w = 2$, $z$ grows from layer to layer. Far from 0, ELU, GELU and SiLU are nearly ReLU:
# a line on the right, next to nothing on the left. SELU is 1.05 times that.
#
# Does the order show when they learn? Train all nine, and look at when each loss leaves $\ln 10$.

# %% name="measure-kin-training" tags=["fragment", "nbval-check-output"]
loss = {}
print("test digits right after 400 steps, median of 3 seeds")
for name in kin:
    found = [
        gc.train(network(name, s), digits, steps=400, lr=0.05, seed=s, every=400) for s in range(3)
    ]
    loss[name] = np.mean([run.loss[1:].reshape(-1, 20).mean(axis=1) for run in found], axis=0)
    right = np.median([run.test_accuracy[-1] for run in found])
    print(
        f"{name:12}", "above 90 %" if right > 0.9 else "near chance" if right < 0.15 else "between"
    )

# %% name="picture-kin-training" tags=["fragment"]
step = np.arange(20, 401, 20)
lines = [gc.Line(step, loss[n], n, color=n) for n in ("sigmoid", "silu", "gelu", "relu", "selu")]
gc.Plot("Eight layers, the same weights", gc.Axis("step"), gc.Axis("loss"), tuple(lines))

# %% [markdown] name="explain-kin-training" tags=["continue"]
# Who loses less per layer starts earlier: SELU, ReLU, GELU, SiLU, in the order of their factors,
# and the sigmoid not at all. This is a race at the start, with one learning rate and
# Xavier's weights. It does not say which activation ends best.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# Most vote for ReLU in the panel, "because it throws half away". GELU throws half of everything
# away, near 0. In the demo at gain 2, ReLU, GELU and ELU come together (1.41, 1.42, 1.43 per
# layer): $z$ is large there, and for large $z$ they are the same. SELU stays above, at 1.52. If
# training is slow on your machine, show the picture of δ first; it takes no training. At a
# learning rate of 0.1, three of ten SELU networks ended in NaN.

# %% [markdown] name="bridge-2" tags=["continue"]
# Two rows of the table are equal: ReLU and leaky ReLU. **A leak opens the closed half. Why does
# it not help, and how wide would it have to be?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · A slope for the other side
#
# ### Predict

# %% name="predict-leak" tags=["fragment"]
gc.panel("relu/small-leak")

# %% [markdown] name="drag-leak" tags=["subslide"]
# ### Drag
#
# Leave $\sigma_w$ at 1 and move $a$, the slope for $z < 0$: from which leak on do you *see* a
# difference? Then go to $a = -1$. What function is that?

# %% name="demo-leak" tags=["fragment"]
gc.demo("relu/leak")

# %% [markdown] name="measure-leak-intro" tags=["subslide"]
# ### Measure
#
# 20 layers of 128 units, as in the demo, with six leaks. Now the input is digits.


# %% name="measure-leak" tags=["fragment", "nbval-check-output"]
def factor_per_layer(net):
    with gc.probe(net) as record:
        F.cross_entropy(net(x[:256]), y[:256]).backward()
    size = record.output_gradient_rms[0, record.select("Linear")]
    return (size[0] / size[19]) ** (1 / 19)


print("    a   factor per layer   theory √((1 + a²)/2)")
for a in (-1.0, 0.0, 0.01, 0.25, 0.5, 1.0):
    nets = [gc.mlp(20, width=128, activation="relu", init="lecun", seed=s) for s in range(5)]
    nets = [gc.nets.with_activation(net, lambda a=a: nn.LeakyReLU(a)) for net in nets]
    factor = np.mean([factor_per_layer(net) for net in nets])
    print(f"{a:5.2f}  {factor:13.2f}  {math.sqrt((1 + a**2) / 2):14.4f}")

# %% [markdown] name="explain-leak" tags=["subslide"]
# ### Explain
#
# Half of the units have slope 1, half have slope $a$. Take the mean of the squares, and then the
# $\sigma_w$ that makes $\chi = \sigma_w^2\,\mathrm{E}[\varphi'^2]$ equal to 1 (He et al. 2015):
#
# $$\mathrm{E}\bigl[\varphi'^2\bigr] = \tfrac12 \cdot 1^2 + \tfrac12 \cdot a^2 = \frac{1 + a^2}{2}
#   \qquad\Rightarrow\qquad \sigma_w = \sqrt{\frac{2}{1 + a^2}} .$$
#
# Forwards it is the same factor, since $\varphi(z) = \varphi'(z)\, z$. For ReLU, $a = 0$, this is
# $\sigma_w = \sqrt2$: *He's weights*, `init="he"` in the code.
#
# A leak of 0.01 changes ½ into 0.50005. So a small leak is no cure for a vanishing gradient. At
# $a = 1$ nothing is lost, and nothing is bent: the network is linear. At $a = -1$ the activation
# is $|z|$: bent, and its slope has size exactly 1 everywhere but at 0. So the activation that you
# asked for exists. It keeps the size; it also makes $z$ and $-z$ the same.

# %% [markdown] name="prelu-intro" tags=["subslide"]
# PReLU learns $a$, one for each layer here. The chain rule, for a unit with $z < 0$ where
# $h = a z$: $\partial h/\partial a = z$. All units of the layer share $a$, on all images, so the
# sum goes over all of them with $z < 0$:
#
# $$\frac{\partial\mathcal{L}}{\partial a}
#   = \sum_{z < 0} \frac{\partial\mathcal{L}}{\partial h}\, z .$$

# %% name="measure-prelu" tags=["fragment", "nbval-check-output"]
prelu = nn.PReLU().double()
z = gc.mlp(1, seed=0).layer1(x).detach().double()
h = prelu(z)
(h**2).mean().backward()
upstream = 2 * h.detach() / h.numel()
by_hand = float((upstream * z)[z < 0].sum())
print(f"∂ℒ/∂a by hand and by autograd agree: {math.isclose(by_hand, prelu.weight.grad.item())}")

# %% [markdown] name="learned-slopes-intro" tags=["continue"]
# Which slopes does a network choose? Eight layers learn theirs for 400 steps, once from Xavier's
# weights and once from He's, which are √2 times larger. Five seeds each.

# %% name="measure-learned-slopes" tags=["fragment", "nbval-check-output"]
start = {"xavier": [], "he": []}
for init, slopes in start.items():
    for seed in range(5):
        net = gc.nets.with_activation(gc.mlp(8, activation="relu", init=init, seed=seed), nn.PReLU)
        gc.train(net, digits, steps=400, lr=0.05, seed=seed, every=400)
        slopes.append(np.mean([m.weight.item() for m in net if isinstance(m, nn.PReLU)]))
opened = sum(s > 0.25 for slopes in start.values() for s in slopes)
wider = sum(s > t for s, t in zip(start["xavier"], start["he"], strict=True))
print(f"the mean slope of the 8 layers rose above its first value, 0.25: {opened} of 10")
print(f"it rose higher with Xavier's weights than with √2 times larger ones: {wider} of 5")

# %% [markdown] name="explain-prelu" tags=["continue"]
# The network opens its leaks, and it opens them wider when its weights are too small. A larger
# $(1 + a^2)/2$ would pay for small weights. The measurement fits this reading; it does not prove it.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 6 min
#
# "Leaky ReLU against vanishing gradients" stands in many lists; the vote will show it. Make them
# square 0.01. For $a = -1$ let somebody say "absolute value" before you do. If someone asks why
# nobody uses it: level δ is necessary, not sufficient, as the last row of lesson 02's table showed.
# Lesson 05 comes back to He's weights.

# %% [markdown] name="bridge-3" tags=["continue"]
# So what is a small leak good for? ReLU has a second way to lose a gradient, which has nothing to
# do with depth. **What happens to a unit that is below zero for every image?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · Dead
#
# A ReLU unit is *silent* on an image when its output is 0. We call it **dead** when it is silent
# on *all* data. Its slope is then 0 on all data, so the gradient of its weights and bias is
# exactly 0.
#
# ### Predict

# %% name="predict-step" tags=["fragment"]
gc.panel("relu/one-step")

# %% [markdown] name="drag-step" tags=["subslide"]
# ### Drag
#
# The 64 units of layer 1 after *one* step. Each has a highest and a lowest $z$ over all digits.
# Raise the learning rate from 0.05, a good one. Look at how many highest values sink below the
# line. Do all of them, in the end? (A large step makes $z$ large; the axis is rescaled to the
# typical $z$.)

# %% name="demo-step" tags=["fragment"]
gc.demo("relu/large-step")

# %% [markdown] name="measure-step-intro" tags=["subslide"]
# ### Measure
#
# An accident: layer 1 of a healthy network, with He's weights, takes one step with a learning rate
# of 50, which is 1000 times too large. Everything after it is done right.


# %% name="dead-units" tags=["fragment"]
def dead_units(net):
    """Units of each of the two hidden layers with z ≤ 0 for every training digit."""
    with torch.no_grad():
        z1 = net[0](x)
        z2 = net[2](net[1](z1))
    return int((z1 <= 0).all(0).sum()), int((z2 <= 0).all(0).sum())


def accident(seed):
    net = gc.mlp(2, activation="relu", init="he", seed=seed)
    F.cross_entropy(net(x), y).backward()
    with torch.no_grad():
        for parameter in net.layer1.parameters():
            parameter -= 50 * parameter.grad
    return net


# %% name="measure-step" tags=["fragment", "nbval-check-output"]
born, killed, later, right, still = [], [], [], [], 0
for seed in range(5):
    born.append(dead_units(gc.mlp(2, activation="relu", init="he", seed=seed))[0])
    net = accident(seed)
    killed.append(dead_units(net))
    dead, weights = (net.layer1(x) <= 0).all(0), net.layer1.weight.detach().clone()
    run = gc.train(net, digits, steps=300, lr=0.05, seed=seed, every=300)
    still += torch.equal(net.layer1.weight[dead], weights[dead])
    later.append(dead_units(net)[1] > 50)
    right.append(run.test_accuracy[-1])
one, two = np.array(killed).T
print(f"dead in layer 1, of 64: {max(born)} at most before, {one.min()} to {one.max()} after")
print(f"their weights after 300 good steps: exactly as before, {still} of 5 networks")
print(f"dead in layer 2: {two.min()} to {two.max()} at once, then more than 50: {sum(later)} of 5")
print(f"test digits, near chance: {sum(r < 0.15 for r in right)} of 5")

# %% [markdown] name="explain-step" tags=["subslide"]
# ### Explain
#
# One step takes $\eta \operatorname{mean}(\delta_i\, h')$ from the weights of unit $i$ and
# $\eta \operatorname{mean}(\delta_i)$ from its bias; the mean is over all training images $h'$.
# Multiply by an image $h$ to see what becomes of its $z$:
#
# $$z_i'(h) = z_i(h) - \eta\, s_i(h), \qquad
#   s_i(h) = \operatorname{mean}_{h'}\; \delta_i(h')\,\bigl(h' \cdot h + 1\bigr) .$$
#
# (The 1 is the bias.) Nearly all pairs of digits have $h' \cdot h + 1 > 0$: images are like each
# other. So $s_i(h)$ adds up the same $\delta_i(h')$ for every image $h$, with factors that are
# nearly all positive. For most units it has one sign on nearly all images, as the next cell counts:
# at a large η such a unit falls for nearly all of them, or rises. δ has either sign, so **a third
# to a half of the layer dies**, not all of it.
#
# In layer 1 death is for good, under plain gradient descent: its inputs are the images, which never
# change, and its gradient is exactly 0. (In a deeper layer the inputs change while the layers
# before it learn, and may wake a unit.)
#
# The rest is a chain reaction. The survivors now shout: their $z$ is many times larger. Part of
# layer 2 is silent at once. For the others, whose gradient is δ times their input, an ordinary step
# is now a large one. Most of them die next. When a whole layer is dead, every gradient nearer the
# input is exactly 0, and the output is the same for all images. The few units that are left in some
# of the five change little.
#
# The next cell counts who falls and who rises; then once more, with output weights ten times
# smaller.

# %% name="measure-pairs" tags=["fragment", "nbval-check-output"]
print(f"pairs of training digits with h′·h + 1 > 0: {(x @ x.T + 1 > 0).double().mean():.2%}")
print("units whose z moves one way on more than 95 % of the digits")
for factor in (1.0, 0.1):
    found = []
    for seed in range(5):
        net = gc.mlp(2, activation="relu", init="he", seed=seed)
        net.output.weight.data *= factor
        start_loss = F.cross_entropy(net(x), y)
        start_loss.backward()
        s = x @ net.layer1.weight.grad.T + net.layer1.bias.grad
        one_way = [((way * s > 0).double().mean(0) > 0.95).double().mean() for way in (1, -1)]
        found.append([start_loss.item(), *one_way])
    mean_loss, falls, rises = np.mean(found, axis=0)
    print(f"outputs × {factor}: loss {mean_loss:.1f}, {falls:.0%} fall, {rises:.0%} rise")

# %% [markdown] name="explain-pairs" tags=["continue"]
# Why do twice as many fall as rise? The untrained network guesses at random, and loudly: its loss,
# 3.2, is above $\ln 10 = 2.3$. Turning units down makes it quieter. With outputs ten times smaller
# there is little to make quieter, and about as many rise as fall.

# %% [markdown] name="revive-intro" tags=["subslide"]
# ### Revive
#
# Take the dead networks as they are. The only change: each ReLU becomes a leaky ReLU with
# $a = 0.1$. All weights stay. Then 500 careful steps, at a rate of 0.01; beside it, the same steps
# without the leak.

# %% name="measure-revive" tags=["fragment", "nbval-check-output"]
revived = {"ReLU": [], "leaky ReLU": []}
awake, below = 0, 0
for seed in range(5):
    corpse = accident(seed)
    gc.train(corpse, digits, steps=300, lr=0.05, seed=seed, every=300)
    leaky = gc.nets.with_activation(corpse, lambda: nn.LeakyReLU(0.1))
    silent = dead_units(corpse)
    for word, net in (("ReLU", corpse), ("leaky ReLU", leaky)):
        run = gc.train(net, digits, steps=500, lr=0.01, seed=seed, every=500)
        revived[word].append(run.test_accuracy[-1])
    below += dead_units(leaky)[0] > silent[0] / 2
    awake += dead_units(leaky)[1] < silent[1] - 10
for word, right in revived.items():
    print(f"{word:10} more than 70 % of the test digits: {sum(r > 0.7 for r in right)} of 5")
print(f"layer 2, more than 10 units are above 0 again:  {awake} of 5")
print(f"layer 1, more than half of the dead stay below: {below} of 5")

# %% [markdown] name="explain-revive" tags=["continue"]
# With a leak no slope is 0. Every unit passes at least a tenth of the gradient that arrives, and
# moves. Units of layer 2 come back. In layer 1 most stay far on the negative side. They need not
# come back, for the negative side now speaks, too. **This is what a leak is for: it cures death,
# not distance.**

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# The popular answer in the panel is "all". Ask why a step of gradient descent should lower
# *every* unit. Then why some must survive: somebody's δ is negative. With a rate of 30 instead
# of 50, one network of ten recovers by itself, and two more in part. The careful 0.01 for the
# revival is needed because the survivors are so loud: at 0.05, three of five revivals ended in
# NaN. With momentum or Adam a dead unit can coast on for a while; with weight decay its weights
# shrink, and so may its negative bias.

# %% [markdown] name="bridge-4" tags=["continue"]
# A dead layer is full of zeros. So one reads: count the zeros, and if there are many, add a leak.
# **Are zeros a sign of death?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · The same zeros, three networks
#
# ### Predict

# %% name="predict-zeros" tags=["fragment"]
gc.panel("relu/who-learns")

# %% [markdown] name="drag-zeros" tags=["subslide"]
# ### Drag
#
# Two networks with four hidden layers and the same count of zeros. Make the weights of one
# smaller. Look at its line, and at its share of zeros in the title.

# %% name="demo-zeros" tags=["fragment"]
gc.demo("relu/same-zeros")

# %% [markdown] name="measure-zeros-intro" tags=["subslide"]
# ### Measure
#
# The biases decide how often a unit is silent, so we can order it. `with_zeros` makes every unit
# silent on a given share of the digits and keeps each layer's output at size 1; `scaled` multiplies
# the weights, and the biases along with them, so that the same outputs stay 0. Dead units are given
# as the share in the worst layer. `gc.diagnose` reads what the probe wrote down and names the
# disease.


# %% name="three-networks" tags=["fragment"]
def three_networks(seed):
    net = gc.mlp(4, activation="relu", init="he", seed=seed)
    healthy = gc.nets.with_zeros(net, x, 0.75)
    return {
        "healthy": healthy,
        "vanished": gc.nets.scaled(healthy, 0.1),
        "dead": gc.nets.with_zeros(net, x, [2 / 3, 2 / 3, 2 / 3, 1.0]),
    }


# %% name="measure-zeros" tags=["fragment", "nbval-check-output"]
print("network    zeros   dead units   output of layers 1 and 4   gc.diagnose")
for name, net in three_networks(0).items():
    with gc.probe(net) as record:
        F.cross_entropy(net(x), y).backward()
    relu = record.select("ReLU")
    zeros, dead = record.zero_fraction[0, relu].mean(), record.dead_fraction[0, relu].max()
    first, last = record.activation_rms[0, relu][[0, -1]]
    kind = gc.diagnose(record).primary.kind
    print(f"{name:9} {zeros:6.0%} {dead:12.0%} {first:14.1f} {last:13.4f}      {kind}")

# %% [markdown] name="measure-cures-intro" tags=["subslide"]
# Three cures, and each network gets each of them: a leak of 0.1, weights ten times larger (by
# `scaled`), or all biases back to 0, so that half of the outputs are 0, as at birth. Five seeds,
# 300 steps. How many networks reach 80 % of the test digits?


# %% name="cures" tags=["fragment"]
def without_biases(net):
    net = copy.deepcopy(net)
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    return net


cures = {
    "nothing": copy.deepcopy,
    "leak": lambda net: gc.nets.with_activation(net, lambda: nn.LeakyReLU(0.1)),
    "weights × 10": lambda net: gc.nets.scaled(net, 10.0),
    "biases 0": without_biases,
}


# %% name="measure-cures" tags=["fragment", "nbval-check-output"]
learned = {(name, cure): 0 for name in three_networks(0) for cure in cures}
for seed in range(5):
    for name, sick in three_networks(seed).items():
        for cure, treat in cures.items():
            run = gc.train(treat(sick), digits, steps=300, lr=0.05, seed=seed, every=300)
            learned[name, cure] += run.test_accuracy[-1] > 0.8
print("network   ", *(f"{cure:>14}" for cure in cures))
for name in three_networks(0):
    print(f"{name:10}", *(f"{learned[name, cure]:9d} of 5" for cure in cures))

# %% [markdown] name="explain-zeros" tags=["subslide"]
# ### Explain
#
# For every $c > 0$,
#
# $$\mathrm{relu}(c\,z) = c\;\mathrm{relu}(z) .$$
#
# Multiply the weights by $c$, and the biases of layer $l$ by $c^l$: every activation of layer $l$
# is multiplied by $c^l$, and **exactly the same entries are 0**. The first two networks have the
# same zeros, digit by digit. A count of zeros cannot see size.
#
# In the healthy network a unit is silent on 75 % of the digits, and hears a gradient on the other
# 25 %. In the dead one, all 64 units of layer 4 are silent on 100 %, those of layers 1 to 3 on two
# thirds. The average is the same; what differs is *whether a unit is ever awake*. So look at two
# numbers, not at one: the share of units that are silent on all data, and the size of the output
# from layer to layer.
#
# Now the table of cures. Scaling cannot wake the dead: $c \cdot 0 = 0$. (Weights alone, without the
# biases, wake them and explode.) A leak cannot make up for weights that are ten times too small.
# Nor do fewer zeros: with its biases at 0 the vanished network stays where it is. A dead layer
# wakes by a leak, or by taking back the biases that hold it down. And the healthy network, given
# larger weights, explodes: a cure for the wrong patient kills.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 7 min
#
# The vote usually splits between "none" and "all": 75 % sounds like one diagnosis. Draw the
# table on the board empty, and let the hall fill it in before the cell runs. The dead network's
# biases are pushed below everything that the digits can reach; a real accident is less tidy: in
# step 4 the weights were at fault as well. `gc.diagnose` calls a layer dead from 90 % of silent
# units on; a healthy deep network has some, because in depth all images look alike (Poole et al.
# 2016). If somebody asks about the leak's column for the healthy one: it does no harm.

# %% [markdown] name="bridge-5" tags=["continue"]
# Two ways to lose a gradient, two cures, and one number that tells neither. Now to what one reads
# about all this.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Four sentences that one reads often, in our words. Each verdict is computed from the measurement
# beside it.
#
# ### Claim 1: with ReLU the gradient cannot vanish

# %% name="claim-vanish" tags=["fragment", "nbval-check-output"]
per_layer = np.mean(backward[:, 0] ** (1 / 19))
chance = sum(run.test_accuracy[-1] < 0.15 for run in runs[30])
print(f"factor on δ per ReLU layer, Xavier's weights: {per_layer:.2f}")
print(f"30 layers near chance after 300 steps: {chance} of 5")
print("verdict:", "fails" if per_layer < 0.9 and chance == 5 else "holds")

# %% [markdown] name="claim-vanish-verdict" tags=["continue"]
# **Fails.** At the start each layer multiplies it by $\sigma_w/\sqrt2$. What is true: the slope
# stays 1 however large $z$ is, so a ReLU does not saturate at the upper end.

# %% [markdown] name="claim-zeros" tags=["subslide"]
# ### Claim 2: a large share of zeros means dead neurons

# %% name="claim-zeros-measure" tags=["fragment", "nbval-check-output"]
net = three_networks(0)["healthy"]
with gc.probe(net) as record:
    F.cross_entropy(net(x), y).backward()
relu = record.select("ReLU")
zeros, dead = record.zero_fraction[0, relu].mean(), record.dead_fraction[0, relu].max()
print(f"zeros: {zeros:.0%}, dead units: {dead:.0%}, learned: {learned['healthy', 'nothing']} of 5")
print("verdict:", "fails" if zeros > 0.5 and dead == 0 else "holds")

# %% [markdown] name="claim-zeros-verdict" tags=["continue"]
# **Fails.** Half zeros is what ReLU does by birth. A unit that speaks for few digits is choosy.
# Dead is silent on *all* data.

# %% [markdown] name="claim-explode" tags=["subslide"]
# ### Claim 3: sigmoid and tanh explode worse than ReLU
#
# At equal size of the weights, 20 layers of 128 units, five networks each.

# %% name="claim-explode-measure" tags=["fragment", "nbval-check-output"]
worse = []
print("σ_w   factor on δ per layer: sigmoid   tanh   ReLU")
for gain in (1.4, 2.0, 4.0):
    typical = {}
    for name in ("sigmoid", "tanh", "relu"):
        nets = [gc.mlp(20, 128, name, init="lecun", gain=gain, seed=seed) for seed in range(5)]
        typical[name] = np.median([factor_per_layer(net) for net in nets])
    sigmoid, tanh, relu = typical.values()
    worse += [sigmoid > relu, tanh > relu]
    print(f"{gain:3.1f} {sigmoid:30.2f} {tanh:6.2f} {relu:6.2f}")
print("verdict:", "holds" if all(worse) else "holds only if" if any(worse) else "fails")

# %% [markdown] name="claim-explode-verdict" tags=["continue"]
# **Holds only if** you mean tanh, and weights of $\sigma_w$ near 1.4. There tanh, with slope 1 near
# 0, makes δ grow a little, while ReLU still loses a little. From about 1.5 on it is the other way
# round: ReLU's factor grows in proportion to $\sigma_w$, that of tanh about with its root, because
# it saturates. At $\sigma_w = 4$, 19 layers of ReLU multiply δ by more than $10^8$, 19 of tanh by
# some $10^3$, and σ still shrinks it. Saturation, which costs a gradient in lesson 02, here holds
# it back.

# %% [markdown] name="claim-leak" tags=["subslide"]
# ### Claim 4: leaky ReLU cures the vanishing gradient

# %% name="claim-leak-measure" tags=["fragment", "nbval-check-output"]
gained = (delta["leaky_relu"][0] / delta["relu"][0]) ** (1 / 7)
print(f"factor per layer, leaky ReLU over ReLU: {gained:.2f}")
print(f"dead networks that learn with a leak of 0.1:     {learned['dead', 'leak']} of 5")
print(f"vanished networks that learn with a leak of 0.1: {learned['vanished', 'leak']} of 5")
print("verdict:", "fails" if gained < 1.05 and not learned["vanished", "leak"] else "holds")

# %% [markdown] name="claim-leak-verdict" tags=["continue"]
# **Fails.** It cures dead units. With $a = 0.01$, δ becomes 0.005 % larger per layer.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Vote before each cell. Claim 3 is the one worth arguing about: ask at *which* weights. The claim
# usually comes with the argument "ReLU's slope is at most 1", which holds for tanh as well. For
# claim 4, ask its defenders which of the two diseases their network had.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model, your batch and your loss in place of ours; use a batch that looks like all of
# your data. Two numbers decide: the share of dead units in each layer, and the size from layer
# to layer. `gc.diagnose` asks for both, and which came first.

# %% name="your-network-code" tags=["fragment"]
model = gc.mlp(12, activation="relu", init="default")

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.diagnose(record)

# %% name="your-network-dead" tags=["fragment"]
np.round(record.dead_fraction[0, record.select("ReLU")], 2)

# %% [markdown] name="your-network-read" tags=["continue"]
# The model in the cell is what `nn.Linear` and `nn.ReLU` give you if you ask for nothing: its
# gradient vanishes. (A *decade* is a factor of 10.) About half of the units in its late layers
# never wake, but they are not the disease. The signal has faded below the random biases that
# `nn.Linear` starts with, and a unit that gets only its bias is on or off for all digits alike.
# Larger weights wake many of them.

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# PyTorch's default weights have $\sigma_w = 0.58$, so a ReLU layer keeps 0.41. Ask about the last
# line before you read the explanation: which of the two diseases came first?

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A ReLU has slope 1 or 0. Half of the mean square is lost per layer, so sizes go as
#   $(\sigma_w/\sqrt2)^L$; with Xavier's weights $2^{-L/2}$, forwards and backwards.
# - What counts for the kin is the slope where the signal is. Near 0: ELU 1, GELU and SiLU ½. A
#   leak $a$ makes the mean squared slope $(1 + a^2)/2$, and $\sigma_w = \sqrt{2/(1 + a^2)}$ pays
#   for it.
# - A unit is dead when it is silent on all data: slope 0, gradient exactly 0. One step with a rate
#   1000 times too large killed a third to a half of a layer, and its loud survivors most of the
#   next.
# - Zeros tell neither death nor health. Count units that are never awake, and look at sizes.
# - Dead: a leak, or biases that let it wake. Vanished: larger weights. The other's cure did
#   nothing.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Eight questions, 16 points: [exercises/04_relu.ipynb](../exercises/04_relu.ipynb).
#
# **Next:** [05 · Initialization](05_initialization.ipynb). Half of the signal is lost at each layer,
# and you know by what factor. **What weights would pay for it**, forwards and backwards, and for
# every activation?

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Nair & Hinton (2010), *Rectified linear units improve restricted Boltzmann machines*, ICML, and
#   Glorot, Bordes & Bengio (2011), *Deep sparse rectifier neural networks*, AISTATS: they made ReLU
#   (which is older) the usual choice; its zeros as a virtue.
# - Glorot & Bengio (2010), *Understanding the difficulty of training deep feedforward neural
#   networks*, AISTATS: the weights used here.
# - Maas, Hannun & Ng (2013), *Rectifier nonlinearities improve neural network acoustic models*,
#   ICML workshop on deep learning for audio, speech and language processing: leaky ReLU.
# - He, Zhang, Ren & Sun (2015), *Delving deep into rectifiers*, arXiv:1502.01852, ICCV: the lost
#   half, PReLU and its gradient, the gain for a slope $a$.
# - Clevert, Unterthiner & Hochreiter (2016), *Fast and accurate deep network learning by
#   exponential linear units*, arXiv:1511.07289, ICLR: ELU.
# - Hendrycks & Gimpel (2016), *Gaussian error linear units*, arXiv:1606.08415: GELU, and SiLU by
#   name; Elfwing, Uchibe & Doya (2018), *Sigmoid-weighted linear units for neural network function
#   approximation in reinforcement learning*, arXiv:1702.03118, Neural Networks 107: SiLU, put to
#   work. (Many call it Swish.)
# - Klambauer, Unterthiner, Mayr & Hochreiter (2017), *Self-normalizing neural networks*,
#   arXiv:1706.02515, NIPS: SELU.
# - Hanin & Rolnick (2018), *How to start training*, arXiv:1803.01719, NeurIPS: how far one ReLU
#   network strays from the average.
# - Lu, Shin, Su & Karniadakis (2020), *Dying ReLU and initialization*, arXiv:1903.06733,
#   Communications in Computational Physics 28: networks that are born dead.
# - Poole et al. (2016), *Exponential expressivity in deep neural networks through transient chaos*,
#   arXiv:1606.05340, NIPS; Schoenholz et al. (2017), *Deep information propagation*,
#   arXiv:1611.01232, ICLR: $q$ and χ.
