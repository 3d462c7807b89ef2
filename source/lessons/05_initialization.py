# %% [markdown] name="title" tags=["slide"]
# # 05 · Initialization
#
# **After this lesson you can choose the starting weights of a network so that 30 layers learn, say
# what your framework chose for you, and predict from two numbers how deep a signal will get.**
#
# *75 minutes. You need lessons 02 and 04: the factor $\sqrt\chi$ that a layer puts on a gradient,
# and ReLU, which lets half of a signal through.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory

digits = gc.digits()

# %% [markdown] name="notation" tags=["continue"]
# A layer computes $z = W h + b$, the pre-activation, and $\varphi(z)$, which is the next layer's
# $h$. $\delta_l = \partial\mathcal{L}/\partial z_l$. Layer 1 is nearest the input. A weight
# matrix has *fan_in* columns, one for each input of a unit, and *fan_out* rows, one for each unit.
# Weights are random with mean 0 and variance $v$; we write $v = \sigma_w^2/\text{fan\_in}$. Biases
# start at 0 unless we say otherwise. $\mathrm{E}[\cdot]$ is the mean over the random weights, so what
# follows is about networks *before* training. The *size* of many numbers is their root mean square.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Write on the board: *a layer adds up fan_in products.* Nearly all of today follows from it. Keep
# the ½ of ReLU from lesson 04 beside it.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lesson 04 ended with a loss: each ReLU layer throws half of the signal away. What weights would
# pay for it?
#
# Here are two networks with 30 hidden ReLU layers of 64 units. In one the weights have the standard
# deviation $\sqrt{1/64}$ (Xavier Glorot's, 2010), in the other $\sqrt{2/64}$ (Kaiming He's, 2015).
# A factor of 1.41 on the starting weights of each hidden layer (1.08 on the output's), and nothing
# else differs: same random numbers, same data, same 300 steps of gradient descent with momentum
# (each step adds 0.9 of the step before it). Five seeds each. The dotted lines are the best and the
# worst of the five. The dashed line at $\ln 10$ is the loss of guessing. Look where the two recipes part.


# %% name="puzzle-learn" tags=["fragment"]
def momentum(parameters):  # fused: the same arithmetic, in one pass
    return torch.optim.SGD(parameters, lr=0.003, momentum=0.9, fused=True)


def learn(nets, steps=300):
    return [
        gc.train(net, digits, steps=steps, lr=0.003, seed=s, every=steps, optimizer=momentum)
        for s, net in enumerate(nets)
    ]


# %% name="puzzle-train" tags=["fragment", "nbval-check-output"]
nets, runs = {}, {}
for init in ("xavier", "he"):
    nets[init] = [gc.mlp(30, activation="relu", init=init, seed=s) for s in range(5)]
    runs[init] = learn(nets[init])
    loss = np.array([run.loss[-50:].mean() for run in runs[init]])
    print(f"{init:6}  loss still above 2.2: {(loss > 2.2).sum()} of 5", end="   ")
    print(f"below 1.5: {(loss < 1.5).sum()} of 5")

# %% name="puzzle-picture" tags=["fragment"]
step, lines = np.arange(10, 301, 10), []
for init, name, color in (("xavier", "Xavier", "vermillion"), ("he", "He", "blue")):
    loss = np.array([run.loss[1:].reshape(-1, 10).mean(axis=1) for run in runs[init]])
    lines += [
        gc.Line(step, loss.mean(axis=0), f"{name}, mean of 5", color=color),
        gc.Line(step, loss.min(axis=0), f"{name}, lowest", "reference", color),
        gc.Line(step, loss.max(axis=0), f"{name}, highest", "reference", color),
    ]
lines.append(gc.Line([10, 300], [math.log(10)] * 2, "ln 10, guessing", "theory", "black"))
gc.Plot("A factor of 1.41 in the starting weights", gc.Axis("step"), gc.Axis("loss"), tuple(lines))

# %% [markdown] name="puzzle-question" tags=["continue"]
# He and his colleagues saw the same in 2015, with 30 layers and photographs. Xavier's network stands
# at $\ln 10$, where it would be without looking at the images. Why is 1.41 the difference between
# nothing and learning? And if a scale matters that much, **why are the weights random at all? Could
# they not all be the same good number?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 4 min
#
# While it trains (about ten seconds), ask what a factor of 1.41 can do. Somebody will say "nothing,
# training repairs it in a few steps". Keep that sentence for claim 3. The dotted lines are the
# best and the worst of five seeds: after 50 steps the two recipes never meet.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Why random at all?
#
# Two hidden layers of 32 tanh units. All weights get the same value, all biases 0.
#
# ### Predict

# %% name="predict-equal" tags=["fragment"]
gc.panel("init/equal-start")

# %% [markdown] name="drag-symmetry" tags=["subslide"]
# ### Drag
#
# All weights are 0.1, plus a little noise. The line shows how much the units of layer 1 differ.
# Make the noise smaller, ten times at each move. Look at *how much later* the line crosses 10 %.
# (The networks are trained once, when you open this; it takes a few seconds.)

# %% name="demo-symmetry" tags=["fragment"]
gc.demo("init/symmetry")

# %% [markdown] name="measure-rank-intro" tags=["subslide"]
# ### Measure
#
# Four starts: all weights 0, all 0.1, all 3, and random (Xavier). First the gradient of each of the
# three matrices, and its *rank*: the number of independent directions in it. Then 300 steps of
# training, and we count how many different units layer 1 has.


# %% name="measure-rank" tags=["fragment", "nbval-check-output"]
def rank(weight):
    return int(torch.linalg.matrix_rank(weight.grad.double(), rtol=1e-5))


for value in (0.0, 0.1, 3.0, "random"):
    ranks, units, right = set(), set(), []
    for seed in range(5):
        net = gc.mlp(2, width=32, activation="tanh", seed=seed)
        if value != "random":
            gc.nets.constant_(net, value)
        F.cross_entropy(net(digits.x_train), digits.y_train).backward()
        ranks.add(tuple(rank(p) for p in net.parameters() if p.dim() == 2))
        run = gc.train(net, digits, steps=300, lr=0.1, seed=seed, every=300)
        units.add(len(torch.unique(net.layer1.weight.detach().round(decimals=3), dim=0)))
        right.append(run.test_accuracy[-1])
    print(f"{value!s:6}  ranks {ranks}  different units {units}", end="  ")
    print(f"more than 90 % right: {sum(r > 0.9 for r in right)} of 5")

# %% [markdown] name="explain-symmetry" tags=["subslide"]
# ### Explain
#
# Let all units of a layer have the same weights in and the same weights out. Then they have the
# same $z$, and the same $\delta$, for every image. The gradient adds up over the images
#
# $$\frac{\partial\mathcal{L}}{\partial W} = \sum \delta\, h^\top
#   = \begin{pmatrix} 1 \\ \vdots \\ 1 \end{pmatrix} g^\top, \qquad \text{rank 1:}$$
#
# the same row $g$ for each unit. (In the output layer it is the columns that are equal, because $h$ is
# the same for all units: rank 1 again.) Equal rows stay equal. The 32 units are 32 copies of one,
# however long you train. This is the **symmetry** that a start must break.
#
# - **Zeros**: with $W = 0$ nothing comes through: $h = \tanh 0 = 0$, and $\delta = 0$ in the hidden
#   layers. Rank 0 everywhere; only the output biases learn.
# - **0.1**: rank 1. It learns what a network with one unit per layer can learn.
# - **3**: large equal weights add up: $|z|$ is up to $32 \cdot 3 = 96$ in layer 2, and float32 says that
#   tanh has slope exactly 0 there. Two diseases at once.
# - **Random**: full rank. (The output's gradient has rank 9, not 10: its ten rows add up to 0,
#   because δ there is the softmax minus the label's 1, and that adds up to 0 over the digits.)
#
# Noise breaks the symmetry, and while it is small the difference grows *exponentially*: each tenfold
# less noise costs about the same number of steps. So randomness is needed; its amount is another matter.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 6 min
#
# Wrong answers to expect: "ten, one per digit", and "32, training makes them different". Ask those
# for *two* units with equal weights: which of them should go first? A sharp student asks about
# rounding errors: they could break a symmetry as noise of 1e-8 does, given time; here the copies
# are computed alike. If someone says that biases should be random too: not needed, the exercises
# have the four cases. If the demo does not move: `gc.demo("init/symmetry").frame(noise=1e-6)`.

# %% [markdown] name="bridge-1" tags=["continue"]
# The weights must be random. **Then how large? What does one layer of random weights do to a
# signal, and 30 of them?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · How large?
#
# ### Predict

# %% name="predict-normal" tags=["fragment"]
gc.panel("init/standard-normal")

# %% [markdown] name="drag-two-ways" tags=["subslide"]
# ### Drag
#
# A random ReLU network of 30 layers. One line is the signal, from left to right; the other is the
# gradient, from right to left. Look at both slopes. Find the one $\sigma_w$ that makes both level.

# %% name="demo-two-ways" tags=["fragment"]
gc.demo("init/two-ways")

# %% [markdown] name="measure-recipes-intro" tags=["subslide"]
# ### Measure
#
# The networks of the puzzle, before training, with five recipes. `gc.mlp(init="default")` leaves
# the weights as `nn.Linear` makes them. The probe reads $z$ and δ in every layer. In the figure, look
# which line is level, and whether the measured lines lie on the dashed theory.

# %% name="recipes" tags=["fragment"]
recipes = {
    "N(0, 1)": (1.0, 1.0),
    "N(0, 0.01²)": (0.01, 1e-4),
    "Xavier": ("xavier", 1 / 64),
    "He": ("he", 2 / 64),
    "PyTorch": ("default", 1 / (3 * 64)),
}  # what mlp is told, and the variance v


def sizes(net, x, y, depth):
    """Size of z and of δ in each hidden layer."""
    with gc.probe(net) as record:
        F.cross_entropy(net(x), y).backward()
    layers = record.select("Linear")[:depth]
    return record.activation_rms[0, layers], record.output_gradient_rms[0, layers]


# %% name="measure-recipes" tags=["fragment", "nbval-check-output"]
x, y, back = digits.x_train, digits.y_train, {}
print("factor per layer   z, forwards   δ, backwards   theory √(64 v/2)")
for name, (init, v) in recipes.items():
    five = [gc.mlp(30, activation="relu", init=init, seed=seed) for seed in range(5)]
    z, back[name] = zip(*(sizes(net, x, y, depth=30) for net in five), strict=True)
    forwards = np.mean([(size[29] / size[0]) ** (1 / 29) for size in z])
    backwards = np.mean([(size[0] / size[29]) ** (1 / 29) for size in back[name]])
    print(f"{name:12} {forwards:16.2f} {backwards:14.2f} {math.sqrt(64 * v / 2):14.2f}")

# %% name="picture-recipes" tags=["fragment"]
layer, lines = np.arange(1, 31), []
colors = {"N(0, 1)": "sky", "He": "blue", "Xavier": "vermillion", "PyTorch": "orange"}
for name, color in colors.items():
    mean = np.exp(np.mean([np.log(size / size[29]) for size in back[name]], axis=0))
    expected = math.sqrt(64 * recipes[name][1] / 2) ** (30.0 - layer)
    lines += gc.with_theory(layer, mean, expected, name, color)
gc.Plot(
    "δ through 30 ReLU layers, mean of 5 networks",
    gc.Axis("layer (1 is nearest the input)"),
    gc.Axis("size of δ, relative to layer 30", "log"),
    tuple(lines),
)

# %% [markdown] name="explain-variance" tags=["subslide"]
# ### Explain
#
# A unit adds up fan_in products, $z_i = \sum_j W_{ij} h_j$. The weights are independent, with mean
# 0: of the square of the sum only the squares survive the mean, and each is $v\, \mathrm{E}[h_j^2]$.
# And ReLU keeps the positive half of $z$, which holds half of its mean square if $z$ is symmetric:
# $\mathrm{E}[h^2] = \tfrac12 \mathrm{E}[z^2]$. Backwards, a δ adds up fan_out products
# $W_{ij} \delta_i$, and the slope, 1 or 0, lets half of their mean square through. Both ways:
#
# $$\mathrm{E}[z_l^2] = \text{fan\_in}\; v \cdot \tfrac12\, \mathrm{E}[z_{l-1}^2], \qquad
#   \mathrm{E}[\delta_l^2] = \tfrac12 \cdot \text{fan\_out}\; v\; \mathrm{E}[\delta_{l+1}^2] .$$
#
# (Backwards, fan_out is that of layer $l+1$. And we take $\delta_{l+1}$ as independent of the weights
# and slopes that it meets next; that is good for wide networks at the start.) To keep $z$ you need
# $v = 2/\text{fan\_in}$; to keep δ, $v = 2/\text{fan\_out}$. Either is enough: one layer's fan_out is
# the next one's fan_in, so along a chain all but the first and the last cancel (He et al. 2015).
# Without the ½, for a linear layer, the two are $1/\text{fan\_in}$ and $1/\text{fan\_out}$; Glorot &
# Bengio (2010) take one between them, $2/(\text{fan\_in} + \text{fan\_out})$.
#
# So Xavier multiplies by $\sqrt{1/2} = 0.71$ per ReLU layer, and N(0, 1) by $\sqrt{32} = 5.66$. (The
# measured factors are up to 3 % lower. The theory is for the *mean* square, and a typical product
# lies below its mean, as in lesson 01; the wider the layers, the smaller this is.)
#
# Now the puzzle. The gradient of a matrix is δ times $h$, and what $h$ has not yet lost on its way
# up, δ has lost on its way down. So *every* matrix of Xavier's network should get a gradient of about
# $(1/\sqrt2)^{29} = 4 \cdot 10^{-5}$ times He's, at the start:

# %% name="measure-puzzle" tags=["fragment", "nbval-check-output"]
largest = []
for seed in range(5):
    norms = {}
    for init in ("xavier", "he"):
        net = gc.mlp(30, activation="relu", init=init, seed=seed)
        F.cross_entropy(net(x), y).backward()
        norms[init] = np.array([float(p.grad.norm()) for p in net.parameters() if p.dim() == 2])
    largest.append((norms["xavier"] / norms["he"]).max())
print("‖∂ℒ/∂W‖, Xavier's over He's, largest of the 31 matrices:", end=" ")
print(f"below 4e-5 in {sum(ratio < 4e-5 for ratio in largest)} of 5")

# %% [markdown] name="explain-pytorch" tags=["continue"]
# No wonder that 300 steps show nothing.
#
# **PyTorch** draws uniformly between $\pm 1/\sqrt{\text{fan\_in}}$. That has variance
# $1/(3\,\text{fan\_in})$, six times below He: $\sqrt{1/6} = 0.41$ per layer backwards. Forwards it
# looks healthy, 0.93. Look at what is there:

# %% name="measure-default" tags=["fragment", "nbval-check-output"]
print("size of z / how much z differs from image to image, layer 30")
for init in ("he", "default"):
    z_size, spread = [], []
    for seed in range(5):
        net = gc.mlp(30, activation="relu", init=init, seed=seed)[:-2].double()
        with torch.no_grad():
            z = net(digits.x_train.double())  # float64: what float32 cannot tell apart
        z_size.append(float(z.square().mean().sqrt()))
        spread.append(float(z.var(0, correction=0).mean().sqrt()))
    print(f"{init:8} {np.mean(z_size):.2f} / {np.mean(spread):.0e}")

# %% [markdown] name="explain-default" tags=["continue"]
# The default draws random *biases*, too. In layer 30 they are all that is left: the same for every
# image, to the last digit of float32. A signal that does not depend on the input is no signal. So
# look at δ, or at differences between images, not at the size of $z$ alone.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# For N(0, 1) expect "1, because the mean is 0", $8^{29}$ (no ReLU) and $32^{29}$ (mean square for
# size). N(0, 0.01²) leaves a δ of about $10^{-42}$ in layer 1, below float32's normal numbers: two or
# three layers more, and it is exactly 0. Let the hall do
# the sum $z_i = \sum_j W_{ij} h_j$ on paper; it is the whole of Xavier and He. The default is
# historical: `reset_parameters` calls `kaiming_uniform_(a=√5)`, which works out to this bound. Ask
# why nobody notices: few plain networks are 30 layers deep; lessons 06 and 07 are the reason.

# %% [markdown] name="bridge-2" tags=["continue"]
# For ReLU the answer is one number, $\sigma_w = \sqrt2$. tanh has slope 1 at 0, so Xavier's
# $\sigma_w = 1$ should keep its signal as it is. **Does it, for 100 layers?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · tanh fades slowly
#
# ### Predict

# %% name="predict-tanh" tags=["fragment"]
gc.panel("init/tanh-hundred")

# %% [markdown] name="drag-tanh" tags=["subslide"]
# ### Drag
#
# Both axes are logarithmic: a power of depth is a straight line, an exponential bends down. Look at
# the line left of 1.00, at 1.00, and right of it.

# %% name="demo-tanh" tags=["fragment"]
gc.demo("init/tanh-depth")

# %% [markdown] name="measure-tanh-intro" tags=["subslide"]
# ### Measure
#
# 100 tanh layers of 200 units, Xavier's weights, 64 real digits, five networks. If the variance $q$
# of $z$ falls like $1/(2l)$, then $2\,l\,q_l$ comes near 1. The theory starts at layer 1: Xavier's rule
# sees 64 pixels and 200 units there, so its $v$ is $2/264$. The gradient is on board, too. In the
# figure, look which of the two dotted lines tanh follows, "constant" or $1/(2l)$.

# %% name="measure-tanh" tags=["fragment", "nbval-check-output"]
five = [gc.mlp(100, width=200, activation="tanh", seed=seed) for seed in range(5)]
x, y = digits.x_train[:64], digits.y_train[:64]
z, delta = map(np.array, zip(*(sizes(net, x, y, depth=100) for net in five), strict=True))
fading, ends = z**2, (delta[:, 0] / delta[:, 99]).mean()
first = 64 * 2 / 264 * float((x**2).mean())  # fan_in · v · mean square of the pixels
expected = theory.q_trajectory("tanh", 1.0, depth=100, mean_square=first)
factors = [theory.gradient_decay("tanh", 1.0, value) for value in expected[:99]]
for layer in (10, 30, 100):
    measured, predicted = fading[:, layer - 1].mean(), expected[layer - 1]
    print(f"layer {layer:3d}  q = {measured:.3f}   2 l q: {2 * layer * measured:.2f}", end="   ")
    print(f"theory {2 * layer * predicted:.2f}")
print(f"δ in layer 1 / δ in layer 100: {ends:.2f}   theory {np.prod(factors):.2f}")

# %% name="picture-tanh" tags=["fragment"]
layer = np.arange(1, 101)
gc.Plot(
    "tanh with Xavier's weights, mean of 5 networks",
    gc.Axis("layer (1 is nearest the input)", "log"),
    gc.Axis("variance of z", "log"),
    (
        *gc.with_theory(layer, fading.mean(axis=0), expected, "tanh", "tanh"),
        gc.Line(layer, 1 / (2 * layer), "1/(2l)", "reference"),
        gc.Line(layer, np.full(100, fading[:, 0].mean()), "constant", "reference"),
    ),
)

# %% [markdown] name="explain-tanh" tags=["subslide"]
# ### Explain
#
# Write $q_l$ for the variance of $z$ in layer $l$. For small $z$, $\tanh^2 z = z^2 - \tfrac23 z^4 +
# \dots$, and a Gaussian has $\mathrm{E}[z^4] = 3q^2$. With $\sigma_w = 1$, and with
# $1/(1 - 2q) = 1 + 2q + \dots$:
#
# $$q_{l+1} = \mathrm{E}[\tanh^2 z] = q_l - 2q_l^2 + \dots
#   \quad\Rightarrow\quad \frac{1}{q_{l+1}} = \frac{1}{q_l} + 2 + \dots
#   \quad\Rightarrow\quad q_l \approx \frac{1}{2l} .$$
#
# The smaller the signal, the more linear tanh becomes, and the less it loses. So the decay is
# *algebraic*, a power of the depth and not a number to the power of the depth: $1/200 = 0.005$ in
# layer 100, give or take the scatter of five networks. The gradient follows: the mean squared slope
# is $\mathrm{E}[(1 - \tanh^2 z)^2] \approx 1 - 2q_l \approx 1 - 1/l = (l-1)/l$. In the product of
# these over $L$ layers nearly everything cancels, $\tfrac12 \cdot \tfrac23 \cdot \tfrac34 \cdots$: it
# falls like $1/L$. That is the mean square of δ; its size falls like $1/\sqrt L$, to 0.1 over
# 100 layers. Xavier is not constant for tanh, but it is as good as one $\sigma_w$ can be without
# biases: below 1 the decay is exponential, above 1 the signal settles at a size of its own and the
# gradient explodes.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 6 min
#
# Expect votes for "constant" and for an exponential, few for a power. Write $1/q$ on the board: it
# grows by 2 in each layer, as simple as that. A picky listener asks for the next term: $+\tfrac{17}{3}q^3$; it is why $2lq_l$ comes
# to 1 only slowly. One network of 200 units wanders around the theory by 20 % and more: that is why
# we average five.

# %% [markdown] name="bridge-3" tags=["continue"]
# $\sigma_w = 1$ is a border: below it everything fades, above it a signal survives. **Is there such
# a border with biases too, and is it where a network can be trained?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The edge of chaos
#
# Now two numbers: $\sigma_w$ for the weights and $\sigma_b$, the standard deviation of the biases.
# In a wide random network $z$ is nearly Gaussian, so for one image one number, its variance $q$, says
# all (Poole et al. 2016). From layer to layer it settles at $q^*$, and with it χ, the factor on the
# mean square of δ per layer (Schoenholz et al. 2017):
#
# $$q^* = \sigma_w^2\, \mathrm{E}\bigl[\varphi(\sqrt{q^*}\,\zeta)^2\bigr] + \sigma_b^2, \qquad
#   \chi = \sigma_w^2\, \mathrm{E}\bigl[\varphi'(\sqrt{q^*}\,\zeta)^2\bigr], \qquad
#   \xi = \frac{1}{|\ln \chi|},$$
#
# with ζ standard normal, and E now the mean over ζ. $\xi$ is the **depth scale**: over ξ layers the
# mean square of δ changes by a factor of e. Where $\chi < 1$ gradients vanish, and two images become
# alike: *order*. Where $\chi > 1$ gradients explode, and images that were almost alike are driven
# apart: *chaos*. Between them runs the **edge of chaos**, $\chi = 1$, where ξ is infinite.
#
# ### Predict

# %% name="predict-map" tags=["fragment"]
gc.panel("init/where-trains")

# %% [markdown] name="drag-map" tags=["subslide"]
# ### Drag, or click
#
# The colour is measured: how much δ grows from layer 30 back to layer 1 in a random tanh network of
# 64 units. The dashed line is theory: the edge. **Click anywhere on the map** (or use the sliders):
# a network of 30 layers starts there, is trained for 150 steps, and the title says how many test
# digits it then gets right. Look for the places that learn. How far from the edge do they reach?

# %% name="demo-map" tags=["fragment"]
gc.demo("init/edge-map")

# %% [markdown] name="measure-chi-intro" tags=["subslide"]
# ### Measure
#
# Eight points of the map. For each: five networks of 30 tanh layers of 256 units, real digits, the
# mean square of $z$ in layer 30, and the slope of δ from layer 30 to layer 10. The theory knows the
# two numbers and nothing else. In the figure, look at the slopes, right to left: which points lose δ,
# and which gain?

# %% name="measure-chi" tags=["fragment", "nbval-check-output"]
pairs = [(0.8, 0.1), (0.8, 0.5), (1.2, 0.3), (1.2, 0.8)]
pairs += [(1.6, 0.1), (1.6, 0.8), (2.0, 0.1), (2.5, 0.3)]
paths = {}
print(" σ_w  σ_b     q* theory, measured   χ theory, measured   ξ theory, measured")
for w, b in pairs:
    five = [gc.mlp(30, 256, "tanh", init="lecun", gain=w, bias_std=b, seed=s) for s in range(5)]
    z, paths[w, b] = map(np.array, zip(*(sizes(net, x, y, depth=30) for net in five), strict=True))
    slope = np.polyfit(np.arange(10, 31), np.log(paths[w, b]).mean(axis=0)[9:], 1)[0]
    q = theory.q_fixed_point("tanh", w, b), (z[:, 29] ** 2).mean()
    chi = theory.chi("tanh", w, b), math.exp(-2 * slope)
    xi = [theory.depth_scale(value) for value in chi]
    print(f"{w:4} {b:4} {q[0]:12.2f} {q[1]:8.2f} {chi[0]:12.2f} {chi[1]:8.2f}", end=" ")
    print(f"{xi[0]:11.1f} {xi[1]:8.1f}")

# %% name="picture-chi" tags=["fragment"]
layer, lines = np.arange(1, 31), []
shown = {(0.8, 0.5): "vermillion", (1.2, 0.3): "orange", (1.6, 0.8): "green", (2.0, 0.1): "blue"}
for pair, color in shown.items():
    mean = np.exp(np.mean([np.log(path / path[29]) for path in paths[pair]], axis=0))
    expected = math.sqrt(theory.chi("tanh", *pair)) ** (30.0 - layer)
    lines += gc.with_theory(layer, mean, expected, f"{pair[0]}, {pair[1]}", color)
gc.Plot(
    "δ at four points (σ_w, σ_b), mean of 5 networks",
    gc.Axis("layer (1 is nearest the input)"),
    gc.Axis("size of δ, relative to layer 30", "log"),
    tuple(lines),
)

# %% [markdown] name="explain-edge" tags=["subslide"]
# ### Explain
#
# The factor on δ in one layer has two parts, as in lesson 02: the matrix gives $\sigma_w^2$, the
# slopes give $\mathrm{E}[\varphi'^2]$. A bias does not multiply δ. But it moves $z$ to where tanh is
# flatter than at 0, and so it lowers the slopes: with biases the edge lies at larger weights. At
# $\sigma_b = 0$ it starts at $\sigma_w = 1$, the border of step 3. Near layer 1 the measured lines
# leave the theory a little: there the variance is still on its way to $q^*$.
#
# A plain network can learn only if a signal crosses it, so its depth should not exceed a few ξ: your
# clicks show a strip on both sides of the edge. (Schoenholz et al. 2017 found about six times the
# depth scale of the signal going forwards. On the ordered side that is the same as our ξ.) Here are
# five points, each from three seeds.

# %% name="measure-strip" tags=["fragment", "nbval-check-output"]
print("30 layers, σ_b = 0.3, 150 steps, 3 seeds")
for w in (0.8, 1.13, 1.4, 1.79, 2.8):
    three = [gc.mlp(30, 64, "tanh", init="lecun", gain=w, bias_std=0.3, seed=s) for s in range(3)]
    right = [run.test_accuracy[-1] for run in learn(three, steps=150)]
    xi = theory.depth_scale(theory.chi("tanh", w, 0.3))
    print(f"σ_w = {w:4}   ξ = {xi:5.1f}   depth/ξ = {30 / xi:4.1f}", end="   ")
    print(f"more than 40 % right: {sum(r > 0.4 for r in right)} of 3")

# %% [markdown] name="explain-strip" tags=["continue"]
# Where the depth is at most about six ξ, all three seeds learn; at 17 and 21 ξ none does.
#
# The two formulas serve every activation, not only tanh. Lesson 04 asked what weights would pay for
# each of them. At $\chi = 1$, without biases:

# %% name="measure-edges" tags=["fragment", "nbval-check-output"]
for name in ("tanh", "elu", "relu", "sigmoid"):
    print(f"{name:8} σ_w = {theory.edge_of_chaos(name):.2f}")

# %% [markdown] name="explain-edges" tags=["continue"]
# tanh and ELU have slope 1 at 0 and bend away from it elsewhere: with these weights their signal fades
# like a power of the depth, as in step 3. The sigmoid's slope is ¼ at most, and less where large
# weights send $z$: to reach $\chi = 1$ it takes weights ten times Xavier's.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 9 min
#
# Let volunteers call out points to click; collect accuracies on the board, by distance from the
# dashed line. Ask for a point that vanishes although its weights are large (up and left of the
# edge). Expect "bigger biases help, they bring signal in": they bring in a signal that is the same
# for all images. How far into chaos a network still learns depends on the learning rate, too; ξ
# gives the scale, not a law with sharp edges. For ReLU the map is one vertical line,
# $\sigma_w = \sqrt2$: its slopes do not depend on $q$. If the widget does not react, use
# `gc.demo("init/edge-map").rested(sigma_w=1.4, sigma_b=0.3)`.

# %% [markdown] name="bridge-4" tags=["continue"]
# χ is a mean over all directions of δ. A mean can be right while most directions are wrong. **Can we
# choose a matrix that treats all directions alike?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · Beyond one number
#
# Two recipes that are more than a variance.
#
# - **Orthogonal** (Saxe et al. 2014): $W = \sigma_w Q$ with $Q^\top Q = I$, the identity. All singular
#   values of $W$ are $\sigma_w$: no direction is stretched more than another.
# - **LSUV**, layer-sequential unit variance (Mishkin & Matas 2016): start orthogonal, send a batch
#   in, and divide each matrix, from the first to the last, by the standard deviation of what it
#   gives. No formula; the data say it.
#
# ### Predict

# %% name="predict-better" tags=["fragment"]
gc.panel("init/better-start")

# %% [markdown] name="drag-spectrum" tags=["subslide"]
# ### Drag
#
# All 64 singular values of a whole network's Jacobian: by how much each direction is stretched or
# squashed on its way through. Here $\sigma_w = 1$, without ReLU. Add layers, and look at the right end
# of the three lines. (Where a line leaves the picture, the title has its last value. Newman's theory
# is for very many layers.)

# %% name="demo-spectrum" tags=["fragment"]
gc.demo("init/spectrum")

# %% [markdown] name="measure-better-intro" tags=["subslide"]
# ### Measure
#
# He's experiment again, with all three. For ReLU, $\sigma_w = \sqrt2$ serves the orthogonal
# matrices, too. LSUV sees 256 training digits. First the factors per layer, as in step 2.

# %% name="measure-better-start" tags=["fragment", "nbval-check-output"]
relu = [gc.mlp(30, activation="relu", seed=s) for s in range(10)]
starts = {
    "orthogonal": [gc.nets.orthogonal_(n, math.sqrt(2), seed=s) for s, n in enumerate(relu[:5])],
    "lsuv": [gc.nets.lsuv_(n, digits.x_train[:256], seed=s) for s, n in enumerate(relu[5:])],
}
print("factor per layer   z, forwards   δ, backwards")
for name, five in starts.items():
    z, back[name] = zip(
        *(sizes(net, digits.x_train, digits.y_train, depth=30) for net in five), strict=True
    )
    forwards = np.mean([(size[29] / size[0]) ** (1 / 29) for size in z])
    backwards = np.mean([(size[0] / size[29]) ** (1 / 29) for size in back[name]])
    print(f"{name:12} {forwards:16.2f} {backwards:14.2f}")

# %% [markdown] name="measure-better-then" tags=["continue"]
# In the mean, all three keep $z$ and δ. Whatever differs now is not the variance. In the figure,
# look when the three lines part.

# %% name="measure-better" tags=["fragment", "nbval-check-output"]
runs |= {name: learn(five) for name, five in starts.items()}
late = {name: np.mean([run.loss[-50:].mean() for run in five]) for name, five in runs.items()}
for name in ("orthogonal", "lsuv"):
    print(f"{name:11} mean loss of 5 after 300 steps,", end=" ")
    print(f"at least a tenth below He's: {late[name] < 0.9 * late['he']}")

# %% name="picture-better" tags=["fragment"]
lines = []
for name, color in (("he", "blue"), ("orthogonal", "purple"), ("lsuv", "green")):
    loss = np.array([run.loss[1:].reshape(-1, 10).mean(axis=1) for run in runs[name]])
    lines.append(gc.Line(step, loss.mean(axis=0), f"{name}, mean of 5", color=color))
gc.Plot("Three starts of 30 ReLU layers", gc.Axis("step"), gc.Axis("loss"), tuple(lines))

# %% [markdown] name="explain-orthogonal" tags=["subslide"]
# ### Explain
#
# A square Gaussian matrix with $\sigma_w = 1$ keeps the *mean* square. Its singular values, though, run
# from nearly 0 to about 2, and a product of $L$ such matrices spreads them exponentially (lesson 01):
# after 50 layers the weakest direction comes through with about $10^{-60}$ of its size. A product of
# orthogonal matrices is orthogonal, and all singular values are exactly 1. Then the number of steps
# that a deep *linear* network needs hardly depends on its depth, if the learning rate suits the depth
# (Saxe et al. 2014). Between the matrices of a real network stand slopes, and they spread the values
# again. Orthogonal weights with tanh near its linear part almost keep them; with ReLU no weights do
# (Pennington et al. 2017).
#
# Both were ahead of He after 300 steps, in the mean of five. This is a head start, with one learning
# rate; it is not a promise about the end of a training, nor for every seed. And why the mean? Change
# the starting weights in the seventh digit, and the loss of *one* such run after 300 steps can double:
# at this rate the training itself is chaotic, too. A single run proves little here.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 5 min
#
# Expect "same variance, same result" from those who liked step 2 best; praise them, it is the right
# first approximation. Ask what is left to improve when all singular values are 1: nothing at the
# start, and this lasts for no more than a few steps. LSUV is orthogonal *and* measured, so the two
# cannot be told apart by this cell. We tried eight seeds, each three times with weights changed in
# the seventh digit. Of pairs with the same seed, orthogonal was ahead of He in 96 %, LSUV in 97 %; of
# means over five seeds, in all that we drew. If somebody asks for a real use: LSUV is how to
# initialize a network for which nobody has derived a formula.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1: never draw weights from a standard normal

# %% name="claim-normal" tags=["fragment", "nbval-check-output"]
broken, same, shallow = [], [], []
for s in range(5):
    deep = gc.mlp(30, activation="relu", init=1.0, seed=s)
    broken.append(bool(learn([deep])[0].stopped))
    scaled = gc.mlp(30, activation="relu", init=1.0, gain=math.sqrt(2 / 64), seed=s)
    he = gc.mlp(30, activation="relu", init="he", seed=s)
    same.append(torch.allclose(scaled.layer30.weight, he.layer30.weight))
    one = gc.mlp(1, activation="relu", init=1.0, seed=s)
    shallow.append(gc.train(one, digits, steps=600, lr=0.01, seed=s, every=600).test_accuracy[-1])
print(f"30 layers of N(0, 1), loss ends as NaN or ∞:   {sum(broken)} of 5")
print(f"the same numbers times √(2/64) are He's start: {sum(same)} of 5")
print(f"1 layer of N(0, 1), more than 80 % right:      {sum(r > 0.8 for r in shallow)} of 5")
print("verdict:", "holds only if" if all(broken) and all(same) and min(shallow) > 0.8 else "fails")

# %% [markdown] name="claim-normal-verdict" tags=["continue"]
# **Holds only if** nothing rescales the numbers, and the network is deep. The shape of the
# distribution is harmless; the *variance* decides. He's weights are standard normal numbers times
# $\sqrt{2/\text{fan\_in}}$. One raw layer of 64 units learns, from a bad start.

# %% [markdown] name="claim-tanh" tags=["subslide"]
# ### Claim 2: Xavier keeps a tanh network at constant variance, at any depth

# %% name="claim-tanh-measure" tags=["fragment", "nbval-check-output"]
left = fading[:, 99] / fading[:, 0]  # from step 3
print(f"variance left in layer 100: less than 5 % in {(left < 0.05).sum()} of 5 networks")
print("verdict:", "fails" if left.max() < 0.05 else "holds")

# %% [markdown] name="claim-tanh-verdict" tags=["continue"]
# **Fails.** It falls like $1/(2l)$. The rule is derived for a linear layer, and tanh is linear only
# where there is no signal. In layer 10 a ninth of the variance is left. Still, a power is mild: ½ per
# layer would leave $10^{-30}$ of it in layer 100.

# %% [markdown] name="claim-start" tags=["subslide"]
# ### Claim 3: initialization only matters at the start
#
# Two hidden ReLU layers, easy to train. One start is He's, the other is three times as large. 1500 steps
# with Adam (an optimizer that divides each gradient by its usual size) are enough for *every* training
# digit to be right.


# %% name="claim-start-adam" tags=["fragment"]
def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, fused=True)


# %% name="claim-start-measure" tags=["fragment", "nbval-check-output"]
test = {}
for gain in (1, 3):
    train, test[gain], moved = [], [], []
    for s in range(5):
        net = gc.mlp(2, activation="relu", init="he", gain=gain, seed=s)
        run = gc.train(net, digits, steps=1500, lr=1e-3, seed=s, every=1500, optimizer=adam)
        train.append(run.train_accuracy[-1])
        test[gain].append(run.test_accuracy[-1])
        moved.append(run.relative_change[-1].mean())
    print(f"He × {gain}: all training digits right: {sum(r == 1 for r in train)} of 5", end="   ")
    print(f"fewer than 5 % test errors: {sum(r > 0.95 for r in test[gain])} of 5")
    print(f"        weights moved by about {5 * round(20 * np.mean(moved))} % of their size")
worse = sum(b < a - 0.03 for a, b in zip(test[1], test[3], strict=True))
print("verdict:", "fails" if worse == 5 else "holds")

# %% [markdown] name="claim-start-verdict" tags=["continue"]
# **Fails.** Both are perfect on the training digits, and the second makes several times as many
# errors on new ones, from all five seeds. Both moved about as far, as Adam's steps do; but of weights
# three times as large that is only about 15 %. They are still mostly the random numbers they were
# born as. This is near to *lazy training* (Chizat, Oyallon & Bach 2019): a network of large scale can
# fit the data while its weights, and with them what its layers look for, hardly change.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Claim 3 is the surprise. Take out the sentence from the puzzle, "training repairs it". It repairs
# the training loss. Ask where the information about the start could hide if the loss is 0: in the
# many directions that the training data do not see.

# %% [markdown] name="after" tags=["slide"]
# ## What a start does not see
#
# The five networks with He's weights have been trained for 300 steps in the puzzle. At their start
# every layer had about the same size of $z$. And now?

# %% name="measure-after" tags=["fragment", "nbval-check-output"]
born = [gc.mlp(30, activation="relu", init="he", seed=s) for s in range(5)]
size = []
for five in (born, nets["he"]):
    with torch.no_grad():
        z = [net[:-2](digits.x_train).double() for net in five]
    size.append(np.array([float(one.square().mean().sqrt()) for one in z]))
print(f"size of z in layer 30: {size[0].mean():.1f} at the start")
print(f"more than twice as large after 300 steps: {(size[1] > 2 * size[0]).sum()} of 5")

# %% [markdown] name="after-explain" tags=["continue"]
# All five have left the scale they were given, in 300 steps. Nobody told the updates to keep
# $\text{fan\_in}\,v = 2$. An initialization sees to the first step. Its traces stay (claim 3), its
# guarantee does not.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model, batch and loss here. The model in the cell is a plain stack as PyTorch makes it.
# Read the picture from right to left; a straight line is one factor per layer.

# %% name="your-network-code" tags=["fragment"]
torch.manual_seed(0)
hidden = [m for _ in range(12) for m in (torch.nn.Linear(64, 64), torch.nn.ReLU())]
model = torch.nn.Sequential(*hidden, torch.nn.Linear(64, 10))
x, y = digits.x_train[:128], digits.y_train[:128]

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot(record)

# %% [markdown] name="your-network-mend" tags=["subslide"]
# If it falls towards layer 1, a few lines give each layer its variance back:

# %% name="your-network-mended" tags=["fragment"]
for layer in model:
    if isinstance(layer, torch.nn.Linear):
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        torch.nn.init.zeros_(layer.bias)

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot(record)

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 2 min
#
# `torch.nn.init` has `xavier_normal_`, `kaiming_normal_` and `orthogonal_`; the last with
# `gain=nn.init.calculate_gain("relu")`. For tanh `calculate_gain` says 5/3; exercise 5 shows what
# that does over 40 layers.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Equal weights make copies: the gradient has rank 1, or 0. Weights must be random.
# - A random layer multiplies mean squares by fan_in·v forwards and fan_out·v backwards, times ½ for
#   ReLU. He's $v = 2/\text{fan\_in}$ pays for the half; PyTorch's default is six times below it.
# - tanh with Xavier is not constant: $q_l \approx 1/(2l)$, a power of the depth.
# - With $\sigma_w, \sigma_b$ you can predict $q^*$, χ and the depth scale $\xi = 1/|\ln\chi|$. Deep plain
#   networks learn near the edge of chaos, $\chi = 1$.
# - A start is more than a variance (orthogonal, LSUV), and it can be seen in the trained network.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Eight questions, 16 points:
# [exercises/05_initialization.ipynb](../exercises/05_initialization.ipynb).
#
# **Next:** [06 · Batch normalization](06_batch_normalization.ipynb). An initialization sets the start.
# One step later the weights are others, and nobody has measured them since. **What keeps the layers
# in range *while* they train?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - LeCun, Bottou, Orr & Müller (1998), *Efficient BackProp*: weights of variance 1/fan_in.
# - Glorot & Bengio (2010), *Understanding the difficulty of training deep feedforward neural
#   networks*, AISTATS: fan_in and fan_out.
# - Saxe, McClelland & Ganguli (2014), *Exact solutions to the nonlinear dynamics of learning in
#   deep linear neural networks*, arXiv:1312.6120, ICLR: orthogonal weights.
# - He, Zhang, Ren & Sun (2015), *Delving deep into rectifiers*, arXiv:1502.01852, ICCV: the ½ of
#   ReLU, and 30 layers.
# - Mishkin & Matas (2016), *All you need is a good init*, arXiv:1511.06422, ICLR: LSUV.
# - Poole et al. (2016), *Exponential expressivity in deep neural networks through transient chaos*,
#   arXiv:1606.05340, NIPS: $q^*$, order and chaos.
# - Schoenholz et al. (2017), *Deep information propagation*, arXiv:1611.01232, ICLR: χ, ξ and which
#   depths train.
# - Pennington, Schoenholz & Ganguli (2017), *Resurrecting the sigmoid in deep learning through
#   dynamical isometry*, arXiv:1711.04735, NIPS: orthogonal weights with tanh.
# - Chizat, Oyallon & Bach (2019), *On lazy training in differentiable programming*,
#   arXiv:1812.07956, NeurIPS.
# - Mezzadri (2007), *How to generate random matrices from the classical compact groups*, Notices of
#   the AMS 54: the signs of a QR decomposition.
# - Newman (1986), *The distribution of Lyapunov exponents*, Communications in Mathematical Physics
#   103: the dashed line of the last demo.
