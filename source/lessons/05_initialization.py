# %% [markdown] name="title" tags=["slide"]
# # 05 · Initialization
#
# **After this lesson you can choose the starting weights of a network so that 30 layers learn, say
# what your framework chose for you, and predict from two numbers how deep a signal will get.**
#
# *45 minutes. With the deeper steps 75. You need lessons 02 and 04: the factor $\sqrt\chi$ that a layer
# puts on a gradient, and ReLU, which lets half of a signal through.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse.experiments import initialization as lab

digits = gc.digits()
x, y = digits.x_train, digits.y_train

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** Before 2006 hardly anybody trained a deep network from scratch. Then deep networks were
# built up layer by layer, each pre-trained without labels (Hinton, Osindero & Teh 2006). Still in 2014 the team of
# VGG did not start a network of 16 layers directly: they trained one of 11, and began the others with its weights.
# After the deadline they noticed that a random start does as well, if its *scale* is right (Simonyan &
# Zisserman 2015). Today your framework chooses that scale, in a line that you never see.

# %% [markdown] name="notation" tags=["continue"]
# A layer computes $z = W h + b$, and $\varphi(z)$ is the next layer's $h$; $\delta_l =
# \partial\mathcal{L}/\partial z_l$. Layer 1 is nearest the input. A matrix has *fan_in* columns, one for each input
# of a unit, and *fan_out* rows, one for each unit. Weights have mean 0 and variance $v = \sigma_w^2/\text{fan\_in}$,
# biases start at 0 unless we say otherwise. $\mathrm{E}$ is the mean over the random weights, and *size* the root
# mean square.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# Write on the board: *a layer adds up fan_in products.* Nearly all of today follows from it. Keep
# the ½ of ReLU from lesson 04 beside it.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# 30 hidden ReLU layers of 64 units. In one network their weights have the standard deviation $\sqrt{1/64}$ (Xavier
# Glorot's, 2010), in the other $\sqrt{2/64}$ (Kaiming He's, 2015): a factor of 1.41 in every layer, 1.08 at the output.
# Same random numbers, data and 300 steps of gradient descent with momentum.

# %% name="puzzle-train" tags=["fragment"]
runs = {}
for init in ("xavier", "he"):
    runs[init] = [lab.trained_from(init, seed)[1] for seed in range(5)]
    loss = [run.loss[-50:].mean() for run in runs[init]]
    print(f"{init:6}  loss after  300 steps: {gc.spread(loss)}")
print(f"xavier  loss after 1500 steps: {gc.spread(lab.long('Xavier'))} (stored)")

# %% name="puzzle-picture" tags=["fragment"]
lab.start_plot(runs)

# %% [markdown] name="puzzle-question" tags=["continue"]
# He and his colleagues saw the same with 30 layers and photographs. For 300 steps Xavier's networks stay at $\ln 10$,
# the loss of guessing; five times later they have begun. Why does 1.41 make this difference? And **why are the weights
# random at all? Could they not all be the same good number?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 4 min
#
# While it trains (about ten seconds), ask what a factor of 1.41 can do. Somebody will say "nothing,
# training repairs it in a few steps". Keep that sentence for the claim about the start.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Why random at all?
#
# Two hidden layers of 32 tanh units. All weights get the same value, all biases 0.
#
# ### Predict

# %% name="predict-equal" tags=["fragment"]
gc.panel("init/equal-start")

# %% [markdown] name="measure-rank-intro" tags=["subslide"]
# ### Measure
#
# Four starts. First the *rank* of the gradient of each of the three matrices: the number of independent directions
# in it. Then 300 steps, and we count how many different units layer 1 has.

# %% name="measure-rank" tags=["fragment"]
for value in (0.0, 0.1, 3.0, "random"):
    found = [lab.copies(value, seed) for seed in range(5)]
    units, right = [one.units for one in found], [one.right for one in found]
    print(f"{value!s:6} ranks {found[0].ranks}, units {min(units)} to {max(units)},", end=" ")
    print(f"right {gc.spread(right)}")

# %% [markdown] name="explain-symmetry" tags=["subslide"]
# ### Explain
#
# Let all units of a layer have the same weights in and the same weights out. Then they have the same $z$ and the
# same $\delta$ for every image. The gradient adds up over the images
#
# $$\frac{\partial\mathcal{L}}{\partial W} = \sum \delta\, h^\top
#   = \begin{pmatrix} 1 \\ \vdots \\ 1 \end{pmatrix} r^\top, \qquad \text{rank 1:}$$
#
# the same row $r$ for each unit. Equal rows stay equal: the 32 units are 32 copies of one, however long you train.
# (In the last matrix the columns are equal, as the $h$ are.) With zeros nothing comes through, and only the output
# biases learn. At 3 the equal weights add up, and tanh is saturated as well. **Something must tell the units apart
# from the start, and random weights do**; how large they should be is another matter.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 6 min
#
# Wrong answers to expect: "ten, one per digit", and "32, training makes them different". Ask those
# for *two* units with equal weights: which of them should go first? The random start has rank 9 at the output, not
# 10: δ there is the softmax minus the label's 1, so its ten rows add up to 0. A sharp student asks about
# rounding errors: they could break a symmetry as noise of 1e-8 does, given time; here the copies
# are computed alike. Random weights are one way of many: exercise 1 has others.

# %% [markdown] name="bridge-1" tags=["continue"]
# **How large, then? What does one layer of random weights do to a signal, and 30 of them?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · How large?
#
# ### Predict

# %% name="predict-normal" tags=["fragment"]
gc.panel("init/standard-normal")

# %% [markdown] name="drag-two-ways" tags=["subslide"]
# ### Drag
#
# A random ReLU network of 30 layers: the signal from left to right, the gradient from right to left. Find the one
# $\sigma_w$ that makes both level.

# %% name="demo-two-ways" tags=["fragment"]
gc.demo("init/two-ways")

# %% [markdown] name="measure-recipes-intro" tags=["subslide"]
# ### Measure
#
# The puzzle's networks before training, five recipes, five networks each. "PyTorch" leaves the weights as
# `nn.Linear` makes them: uniform, with variance $1/(3\,\text{fan\_in})$.

# %% name="measure-recipes" tags=["fragment"]
print("factor per layer    δ, backwards                √(64 v/2)")
for name in lab.RECIPES:
    _, backwards, expected = lab.recipe_factors(name)
    print(f"{name:12} {gc.spread(backwards, '.3f')}   {expected:.3f}")

# %% name="picture-recipes" tags=["fragment"]
lab.recipe_plot()

# %% name="drawing-fan" tags=["subslide"]
lab.fan_drawing()

# %% [markdown] name="explain-variance" tags=["continue"]
# ### Explain
#
# 1. *The sum.* A unit adds up fan_in products, $z_i = \sum_j W_{ij} h_j$. Square the sum and average: the weights are
#    independent, so the cross terms average to 0, and each of the fan_in squares gives $v\,\mathrm{E}[h_j^2]$.
# 2. *ReLU* keeps half of the mean square (lesson 04).
# 3. *Backwards* a δ adds up fan_out products, and the slopes let half through.
#
# $$\mathrm{E}[z_l^2] = \text{fan\_in}\; v \cdot \tfrac12\, \mathrm{E}[z_{l-1}^2], \qquad
#   \mathrm{E}[\delta_l^2] = \tfrac12 \cdot \text{fan\_out}\; v\; \mathrm{E}[\delta_{l+1}^2] .$$
#
# To keep $z$ you need $v = 2/\text{fan\_in}$; to keep δ, $2/\text{fan\_out}$. Either is enough, since one layer's
# fan_out is the next one's fan_in (He et al. 2015). Without the ½, for a linear layer, Glorot & Bengio (2010) take
# $2/(\text{fan\_in} + \text{fan\_out})$. So per ReLU layer Xavier keeps $\sqrt{1/2} = 0.71$, N(0, 1) multiplies by
# $\sqrt{32} = 5.7$, and **PyTorch's default, a sixth of He's variance, keeps $\sqrt{1/6} = 0.41$.**

# %% [markdown] name="explain-puzzle" tags=["subslide"]
# ### The puzzle's answer
#
# The gradient of a matrix is δ times $h$. Forwards $h$ shrinks by 0.71 per layer, backwards δ does, so for one image
# the product is the same in *every* layer: about $0.71^{29} = 4 \cdot 10^{-5}$ of He's. Over all images:

# %% name="measure-puzzle" tags=["fragment"]
print("‖∂ℒ/∂W‖, Xavier's over He's, largest of 31 matrices:", end=" ")
print(gc.spread([lab.gradient_ratio(seed) for seed in range(5)], ".1e"))

# %% [markdown] name="first-loss" tags=["continue"]
# Less still: Xavier's errors nearly cancel over the ten digits, and He's, from large outputs, do not. The first loss
# tells how large the *outputs* are. A network that knows nothing should say so: $\ln 10 = 2.30$. Two hidden layers:

# %% name="measure-first-loss" tags=["fragment"]
for name, init, outputs in (("He", "he", 1.0), ("N(0, 1)", 1.0, 1.0), ("outputs / 10", "he", 0.1)):
    first = [lab.first_loss(init, seed, outputs) for seed in range(5)]
    print(f"{name:12} first loss {gc.spread(first)}")

# %% [markdown] name="explain-first-loss" tags=["continue"]
# He's network begins with confident nonsense, worse than guessing. **Make the output layer small**: the first loss
# is then a test of everything after it (Karpathy 2019).

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# For N(0, 1) expect "1, because the mean is 0", $8^{29}$ (no ReLU) and $32^{29}$ (mean square for
# size). Let the class do the sum $z_i = \sum_j W_{ij} h_j$ on paper; it is the whole of Xavier and He. The medians
# lie up to 2 % below the theory: it is for the *mean* square, and a typical product lies below its mean, as
# in lesson 01. The default is historical: `reset_parameters` calls `kaiming_uniform_(a=√5)`, which works out to this
# bound. Ask why nobody notices: few plain networks are 30 layers deep; lessons 06 and 07 are the reason.

# %% [markdown] name="bridge-2" tags=["continue"]
# For ReLU the answer is one number, $\sigma_w = \sqrt2$. tanh has slope 1 at 0, and less elsewhere. **Is there a
# right scale for it, and for biases?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 3 · The edge of chaos
#
# Now two numbers: $\sigma_w$ for the weights and $\sigma_b$, the standard deviation of the biases. In a wide random
# network one number says all about one image: the variance $q$ of its $z$ (Poole et al. 2016). From layer to layer
# it settles at $q^*$, and with it χ, the factor on the mean square of δ (Schoenholz et al. 2017). With ζ standard
# normal,
#
# $$q^* = \sigma_w^2\, \mathrm{E}\bigl[\varphi(\sqrt{q^*}\,\zeta)^2\bigr] + \sigma_b^2, \qquad
#   \chi = \sigma_w^2\, \mathrm{E}\bigl[\varphi'(\sqrt{q^*}\,\zeta)^2\bigr], \qquad
#   \xi = \frac{1}{|\ln \chi|} .$$
#
# Over the **depth scale** ξ the mean square of δ changes by a factor of e.
#
# ### Predict

# %% name="predict-map" tags=["fragment"]
gc.panel("init/where-trains")

# %% [markdown] name="drag-map" tags=["subslide"]
# ### Drag, or click
#
# The colour is measured: how δ grows from layer 30 back to layer 1 in a random tanh network of 64 units.
# **Click anywhere**: a network of 30 layers starts there, is trained for 150 steps, and the title says how many
# test digits it gets right. How far from the dashed edge do the places reach that learn?

# %% name="demo-map" tags=["fragment"]
gc.demo("init/edge-map")

# %% [markdown] name="measure-strip-intro" tags=["subslide"]
# ### Measure
#
# Five points on the line $\sigma_b = 0.3$, three seeds each. And what becomes of two images: the cosine of their
# $z$ in layers 1, 10 and 30, over 40 digits.

# %% name="measure-strip" tags=["fragment"]
print("30 layers, 150 steps      depth/ξ   right")
for w in (0.8, 1.13, 1.4, 1.79, 2.8):
    right = [lab.trained_at(w, 0.3, seed) for seed in range(3)]
    xi = gc.theory.depth_scale(gc.theory.chi("tanh", w, 0.3))
    print(f"σ_w = {w:4}   ξ = {xi:5.1f} {30 / xi:9.1f}     {gc.spread(right)}")
for w in (0.8, 2.8):
    print(f"σ_w = {w:4}   750 steps (stored): right {gc.spread(lab.long(f'tanh, σ_w = {w}'))}")

# %% name="measure-cosine" tags=["fragment"]
for w in lab.NAMED:
    cosine = np.array([lab.image_cosines(w, seed) for seed in range(5)])
    for layer in (1, 10, 30):
        print(f"σ_w = {w}, layer {layer:2}: cosine {gc.spread(cosine[:, layer - 1], '.3f')}")

# %% name="picture-cosine" tags=["fragment"]
lab.cosine_plot()

# %% [markdown] name="explain-edge" tags=["subslide"]
# ### Explain
#
# Where $\chi < 1$, δ vanishes, and all images become alike: *order*. Where $\chi > 1$, δ explodes, and images that
# were alike are driven apart until nothing of their likeness is left: *chaos*. Neither end learns, nor in five times
# the steps: in one the outputs do not depend on the input, in the other in no useful way. Between them runs the
# **edge of chaos**, $\chi = 1$; near it images become alike slowly, from 0.47 to 0.88 in 30 layers. A plain network
# learns only if a signal crosses it, so its depth should not exceed a few ξ: here all three seeds learn at six, and
# none at 17 or 21.
#
# A bias does not multiply δ. But it moves $z$ to where tanh is flatter: with biases the edge lies at larger weights.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 9 min
#
# Let volunteers call out points to click; collect accuracies on the board, by distance from the
# dashed line. Ask for a point that vanishes although its weights are large (up and left of the
# edge). Expect "bigger biases help, they bring signal in": they bring in a signal that is the same
# for all images. How far into chaos a network still learns depends on the learning rate, too; ξ
# gives the scale, not a law with sharp edges. Schoenholz et al. found about six times the scale of the forward
# signal, which on the ordered side is our ξ. For ReLU the map is one vertical line, $\sigma_w = \sqrt2$: its slopes do
# not depend on $q$. If the widget does not react, use
# `gc.demo("init/edge-map").rested(sigma_w=1.4, sigma_b=0.3)`.

# %% [markdown] name="bridge-4" tags=["continue"]
# χ is a mean over all directions of δ. A mean can be right while most directions are wrong. **Does that matter?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 4 · Beyond one number
#
# An **orthogonal** start (Saxe et al. 2014) is $W = \sigma_w Q$ with $Q^\top Q = I$, the identity. Its entries have
# the same variance as Gaussian ones, $\sigma_w^2/n$.
#
# ### Predict

# %% name="predict-better" tags=["fragment"]
gc.panel("init/hundred-layers")

# %% [markdown] name="drag-spectrum" tags=["subslide"]
# ### Drag
#
# All 64 singular values of a network's Jacobian: by how much each direction is stretched or squashed on its way
# through. $\sigma_w = 1$, no activation or tanh. Add layers; then change the size of the input.

# %% name="demo-spectrum" tags=["fragment"]
gc.demo("init/spectrum")

# %% [markdown] name="measure-better-intro" tags=["subslide"]
# ### Measure
#
# 100 tanh layers of 64 units, $\sigma_w = 1$, 300 steps with momentum. First the Jacobians on one digit before the
# training, then what was learned. (Stored.)

# %% name="measure-directions" tags=["fragment"]
for kind in lab.KINDS:
    found = np.array([lab.directions(kind, seed) for seed in range(5)])
    print(f"{kind:10} decades from strongest to weakest: {gc.spread(found[:, 0], '.1f')}")
    print(f"{'':10} share above 1/1000 of the strongest: {gc.spread(found[:, 1])}")

# %% name="measure-better" tags=["fragment", "nbval-check-output"]
for rate in lab.RATES:
    for kind in lab.KINDS:
        print(f"rate {rate:6}, {kind:10} right {gc.spread(lab.hundred(kind, rate))}")
print(f"Gaussian at 0.001, 1500 steps: {gc.spread(lab.hundred('gaussian', 0.001, 1500))}")

# %% name="picture-better" tags=["fragment"]
lab.hundred_plot()

# %% [markdown] name="explain-orthogonal" tags=["subslide"]
# ### Explain
#
# A product of Gaussian matrices keeps the *mean* square and spreads the singular values exponentially (lesson 01):
# nearly all directions are lost on the way. A product of orthogonal matrices is orthogonal, and each value is exactly
# one: *dynamical isometry* (Saxe et al. 2014). tanh spreads them again, but far less, and least where its input is small
# (Pennington et al. 2017). **Same variance, another spectrum: in 300 steps the orthogonal networks learn through 100
# layers, at two rates; the median Gaussian one gets halfway at best.** Given five times as long, at 0.001, one of two
# has learned, one has failed. Nor is isometry a guarantee: at 0.01 all fail.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 7 min
#
# Expect "same variance, same result" from those who liked step 2 best; praise them, it is the right
# first approximation. Then the spectrum: mean right, nearly all directions wrong. The number of steps that a deep
# *linear* network needs hardly depends on its depth with orthogonal weights (Saxe et al. 2014). With convolutions
# the same idea trained 10,000 layers (Xiao et al. 2018). With ReLU orthogonal weights do not give isometry: half of
# the slopes are 0.

# %% [markdown] name="deeper-symmetry" tags=["slide", "deeper"]
# ## Deeper · How much noise is enough?
#
# Equal weights with a little noise: how many steps it takes until the copies differ.

# %% [markdown] name="drag-symmetry" tags=["continue"]
# All weights are 0.1, plus a little noise. The line shows how much the units of layer 1 differ. Make the noise
# smaller, ten times at each move: *how much later* does the line cross 10 %? (The networks are trained once, when
# you open this; it takes a few seconds.)

# %% name="demo-symmetry" tags=["fragment"]
gc.demo("init/symmetry")

# %% name="measure-noise" tags=["fragment"]
for noise in (1e-4, 1e-6, 1e-8):
    steps, differ, right = lab.awakening(noise)
    print(
        f"noise {noise:.0e}: 10 % after {steps[np.argmax(differ > 0.1)]} steps; right {right:.2f}"
    )

# %% [markdown] name="explain-noise" tags=["continue"]
# While the difference is small it grows *exponentially*: each tenfold less noise costs about the same number of
# steps, 30 to 40. So some difference is needed, and hardly any is too small.

# %% [markdown] name="deeper-default" tags=["slide", "deeper"]
# ## Deeper · What a default hides
#
# Why PyTorch's start looks healthy forwards, and what is left of the images in layer 30.

# %% name="measure-default" tags=["fragment"]
for init in ("he", "default"):
    found = np.array([lab.sizes_and_differences(init, seed) for seed in range(5)])
    print(f"{init:8} size of z in layer 30 {gc.spread(found[:, 0])}")
    print(f"{init:8} its difference from image to image {gc.spread(found[:, 1], '.0e')}")

# %% [markdown] name="explain-default" tags=["continue"]
# The default draws random *biases*, too. In layer 30 they are all that is left: the same for every image, to the
# last digit of float32. A signal that does not depend on the input is no signal. So look at δ, or at differences
# between images, not at the size of $z$ alone.

# %% [markdown] name="step-3" tags=["slide", "deeper"]
# ## Deeper · 100 tanh layers with Xavier's weights
#
# What becomes of the variance when tanh takes away a little in every layer, with its law.

# %% name="predict-tanh" tags=["fragment"]
gc.panel("init/tanh-hundred")

# %% [markdown] name="drag-tanh" tags=["subslide"]
# ### Drag
#
# Both axes are logarithmic: a power of depth is a straight line, an exponential bends down. Look at the line left
# of 1.00, at 1.00, and right of it.

# %% name="demo-tanh" tags=["fragment"]
gc.demo("init/tanh-depth")

# %% [markdown] name="measure-tanh-intro" tags=["subslide"]
# ### Measure
#
# 100 tanh layers of 200 units, 64 digits, five networks. We record the gradient as well. Theory starts from the
# pixels' mean square in layer 1.

# %% name="measure-tanh" tags=["fragment"]
z, delta = lab.tanh_sizes()
expected = lab.tanh_theory()
for layer in (10, 30, 100):
    q = z[:, layer - 1] ** 2
    print(f"layer {layer:3}: 2 l q {gc.spread(2 * layer * q)}", end="; ")
    print(f"mean {2 * layer * q.mean():.2f}, theory {2 * layer * expected[layer - 1]:.2f}")
factors = [gc.theory.gradient_decay("tanh", 1.0, q) for q in expected[:99]]
print(f"δ in layer 1 / δ in layer 100: {gc.spread(delta[:, 0] / delta[:, 99])}", end="; ")
print(f"theory {np.prod(factors):.2f}")

# %% name="picture-tanh" tags=["fragment"]
lab.tanh_plot()

# %% [markdown] name="explain-tanh" tags=["subslide"]
# ### Explain
#
# Write $q_l$ for the variance of $z$ in layer $l$. For small $z$, $\tanh^2 z = z^2 - \tfrac23 z^4 + \dots$, and a
# Gaussian has $\mathrm{E}[z^4] = 3q^2$. With $\sigma_w = 1$:
#
# $$q_{l+1} = \mathrm{E}[\tanh^2 z] = q_l - 2q_l^2 + \dots
#   \quad\Rightarrow\quad \frac{1}{q_{l+1}} = \frac{1}{q_l} + 2 + \dots
#   \quad\Rightarrow\quad q_l \approx \frac{1}{2l} .$$
#
# The smaller the signal, the more linear tanh becomes, and the less it loses. So the decay is *algebraic*, a power of
# the depth: $1/200 = 0.005$ in layer 100. The gradient follows: the mean squared slope is $\mathrm{E}[(1 - \tanh^2
# z)^2] \approx 1 - 2q_l \approx (l-1)/l$. In the product of these nearly everything cancels, $\tfrac12 \cdot \tfrac23
# \cdot \tfrac34 \cdots$: the mean square of δ falls like $1/L$, its size like $1/\sqrt L$, to 0.1 over 100 layers.
# Below $\sigma_w = 1$ the decay is exponential; above 1 the signal settles at a size of its own and δ explodes.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 6 min
#
# Expect votes for "constant" and for an exponential, few for a power. Write $1/q$ on the board: it
# grows by 2 in each layer. The next term is $+\tfrac{17}{3}q^3$; it is why $2lq_l$ comes
# to 1 only slowly. One network of 200 units wanders around the theory by 20 % and more.

# %% [markdown] name="deeper-chi" tags=["slide", "deeper"]
# ## Deeper · χ and q* at eight points
#
# The two formulas against networks, and the edge for other activations.

# %% [markdown] name="measure-chi-intro" tags=["continue"]
# Eight points of the map. For each: five networks of 30 tanh layers of 256 units, digits, the mean square of $z$ in
# layer 30, and χ from the slope of δ between layers 30 and 10. In the figure, look at the slopes, right to left:
# which points lose δ, and which gain?

# %% name="measure-chi" tags=["fragment"]
print(" σ_w  σ_b    q* theory, measured              χ theory, measured")
for w, b in lab.PAIRS:
    q = lab.at_point(w, b)[0][:, 29] ** 2
    print(f"{w:4} {b:4}   {gc.theory.q_fixed_point('tanh', w, b):.2f}, {gc.spread(q)}", end="   ")
    print(f"{gc.theory.chi('tanh', w, b):.2f}, {gc.spread(lab.chi_measured(w, b))}")

# %% name="picture-chi" tags=["fragment"]
lab.chi_plot()

# %% name="measure-edges" tags=["fragment"]
print("without biases      theory: χ = 1 at    δ in layer 1, of layer 30, there")
for name in ("tanh", "elu", "relu", "sigmoid"):
    edge = float(gc.theory.edge_of_chaos(name))
    nets = [gc.mlp(30, 256, name, init="lecun", gain=edge, seed=seed) for seed in range(3)]
    ends = [lab.first_to_last(lab.delta_by_layer(net)[:30]) for net in nets]
    print(f"{name:8}            σ_w = {edge:5.2f}         {gc.spread(ends)}")

# %% [markdown] name="explain-edges" tags=["continue"]
# Near layer 1 the measured lines leave the theory a little: there the variance is still on its way to $q^*$. The
# sigmoid's slope is ¼ at most, and less where large weights send $z$: to reach $\chi = 1$ it takes weights ten times
# Xavier's. With ReLU and sigmoid δ is level at the edge. With tanh and ELU $q^* = 0$ there, and on the way to it δ still
# falls, as a power of the depth.

# %% [markdown] name="deeper-lsuv" tags=["slide", "deeper"]
# ## Deeper · Scales from data
#
# LSUV, which measures the scale of each layer where nobody has a formula, on He's experiment.

# %% [markdown] name="measure-lsuv-intro" tags=["continue"]
# *Layer-sequential unit variance* (Mishkin & Matas 2016): start orthogonal, send a batch in, and divide each matrix,
# from the first to the last, by the standard deviation of what it gives.

# %% name="measure-better-start" tags=["fragment"]
growth = np.array([lab.relu_growth("lsuv", seed) for seed in range(5)]) ** (1 / 29)
print(f"factor per layer: z {gc.spread(growth[:, 0], '.3f')}; δ {gc.spread(growth[:, 1], '.3f')}")
for init in ("lsuv", "he"):
    loss = [lab.late_loss(init, seed) for seed in range(5)]
    print(f"{init:5} loss after 300 steps {gc.spread(loss)}")

# %% [markdown] name="explain-lsuv" tags=["continue"]
# It finds He's scale without a formula. The losses of single runs scatter by a factor of two or three, and the two
# ranges overlap: a race between two good starts over a few seeds decides nothing.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# The title of a paper of 2016 (Mishkin & Matas):
#
# > All you need is a good init

# %% name="vote-good-init" tags=["fragment"]
gc.panel("init/claim-good-init")

# %% [markdown] name="claim-good-init-intro" tags=["continue"]
# Step 4's orthogonal networks: the same start, data and steps, at two rates.

# %% name="claim-good-init-measure" tags=["fragment", "nbval-check-output"]
well, ill = lab.hundred("orthogonal", 0.003), lab.hundred("orthogonal", 0.01)
print(f"rate 0.003: right {gc.spread(well)}")
print(f"rate 0.01:  right {gc.spread(ill)}")
print(f"     1500 steps: {gc.spread(lab.hundred('orthogonal', 0.01, 1500))} (two seeds)")
print("verdict:", "holds only if" if well.min() > 0.9 and max(ill) < 0.5 else "holds")

# %% [markdown] name="claim-good-init-verdict" tags=["continue"]
# **Holds only if** the rate suits the depth. An initialization sees to the first step, and nobody tells the updates
# to keep what it set up. *Scope:* 100 tanh layers, momentum, 300 steps and 1500.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# It is a title, and titles are made to be remembered. The paper shows more: with its start, and rates that suit it, it
# trained networks that others had to normalize. Ask what else one needs: a rate, and something that keeps
# the layers in range later (lesson 06).

# %% [markdown] name="deeper-claims" tags=["slide", "deeper"]
# ## Deeper · Three more claims
#
# Whether Xavier's rule holds over depth, standard normal weights are a solution, and the start is forgotten in the end.

# %% [markdown] name="claim-xavier" tags=["continue"]
# ### Claim 2
#
# From the slides of a university course (CS 5720, autumn 2025), which names tanh and sigmoid among its assumptions:
#
# > Xavier initialization maintains the variance of activations and gradients approximately equal across all
# > layers.

# %% name="vote-xavier" tags=["fragment"]
gc.panel("init/claim-tanh")

# %% [markdown] name="claim-tanh" tags=["continue"]
# 100 layers of 200 units, digits, five networks: the variance of $z$ in layer 100 over that in layer 1. The control is
# the same without an activation, which the rule was derived for.

# %% name="claim-tanh-measure" tags=["fragment"]
left = {name: lab.left_after(name) for name in ("linear", "tanh")}
for name, share in left.items():
    print(f"{name:8} variance left in layer 100: {gc.spread(share, '.3f')}")
kept = np.median(left["linear"]) > 0.2
print("verdict:", "fails" if kept and left["tanh"].max() < 0.05 else "holds")

# %% [markdown] name="claim-tanh-verdict" tags=["continue"]
# **Fails.** It holds for layers without an activation; tanh takes away a little in each, and $q_l$ falls like $1/(2l)$:
# about a hundredth is left in layer 100. A power of the depth is mild, though: ReLU's ½ per layer would leave
# $10^{-30}$. *Scope:* before training, widths of 200.

# %% [markdown] name="claim-normal-quote" tags=["subslide"]
# ### Claim 3
#
# From a book for beginners, found online (*Deep learning for beginners*, on fliphtml5, read in November 2026):
#
# > A possible simple solution is to set the weights to zero mean and one standard deviation

# %% name="vote-normal" tags=["fragment"]
gc.panel("init/claim-normal")

# %% name="claim-normal" tags=["fragment"]
right = {depth: [lab.standard_normal(depth, seed) for seed in range(5)] for depth in (1, 2, 3, 30)}
he = [lab.trained_from("he", seed)[1].test_accuracy[-1] for seed in range(5)]
print(f" 1 layer  of N(0, 1), 600 steps:   right {gc.spread(right[1])}")
for depth in (2, 3, 30):
    print(f"{depth:2} layers of N(0, 1), 300 steps:   right {gc.spread(right[depth])}")
print(f"30 layers, times √(2/64) (He):     right {gc.spread(he)}   (0: loss NaN or ∞)")
shallow, deep = right[1] + right[2], right[30]
print("verdict:", "holds only if" if min(shallow) > 0.8 and max(deep) < 0.2 else "fails")

# %% [markdown] name="claim-normal-verdict" tags=["continue"]
# **Holds only if** the network is shallow: at three layers single seeds begin to fail. The shape of the distribution is
# harmless; the *variance* decides: He's weights are the same numbers times $\sqrt{2/\text{fan\_in}}$. *Scope:* 64 units,
# momentum at 0.003; the single layer gradient descent at 0.01.

# %% [markdown] name="claim-start" tags=["subslide"]
# ### Claim 4
#
# It is often said that the initialization matters for the start of a training only. Two hidden ReLU layers, easy to
# train; one start is He's, the other three times as large. Adam at 0.001 until *every* training digit is right.

# %% name="vote-start" tags=["fragment"]
gc.panel("init/claim-start")

# %% name="claim-start-measure" tags=["fragment"]
errors = {}
for gain in (1, 3):
    found = [lab.fitted(gain, seed) for seed in range(5)]
    errors[gain] = np.array([1 - one.right for one in found])
    print(f"He × {gain}: training errors {gc.spread([1 - one.train for one in found], '.3f')}")
    print(f"        test errors     {gc.spread(errors[gain], '.3f')}")
    print(f"        weights moved by {gc.spread([one.moved for one in found])} of their size")
    later = 1 - lab.long(f"He × {gain}, Adam")
    print(f"        test errors after 7500 steps (stored) {gc.spread(later, '.3f')}")
print("verdict:", "fails" if errors[3].min() > 2 * np.median(errors[1]) else "holds")

# %% [markdown] name="claim-start-verdict" tags=["continue"]
# **Fails.** Both are perfect on the training digits, and the second makes several times as many errors on new ones.
# Both moved about as far, as Adam's steps do; of weights three times as large that is little. They are still mostly
# the random numbers that they were at the start. This is near to *lazy training* (Chizat, Oyallon & Bach 2019): a
# network of large scale can fit the data while what its layers look for hardly changes. *Scope:* 1500 steps,
# and 7500; no weight decay, which makes weights forget.

# %% [markdown] name="notes-more-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Claim 4 is the surprise. Take out the sentence from the puzzle, "training repairs it". It repairs
# the training loss. Ask where the information about the start could hide if the loss is 0: in the
# many directions that the training data do not see.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Orthogonal starts at the edge of chaos trained convolutional networks of 10,000 layers without skips or norms (Xiao
#   et al. 2018).
# - Fixup starts residual networks so that they need no norm (Zhang, Dauphin & Ma 2019; lesson 07); many codes simply
#   begin each branch at 0.
# - Deep kernel shaping chooses activations and weights together (Martens et al. 2021).
# - In wide networks the start decides how far the layers move at all, and µP scales it for that (Yang et al. 2021;
#   lesson 12).
#
# What none of them sees is the second step. The puzzle's five networks with He's weights, size of $z$ in layer 30:

# %% name="measure-after" tags=["fragment"]
for when, nets in (
    ("at the start", [lab.start_net("he", seed) for seed in range(5)]),
    ("after 300 steps", [lab.trained_from("he", seed)[0] for seed in range(5)]),
):
    print(f"{when:15} {gc.spread([lab.size_at_the_end(net) for net in nets], '.1f')}")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model, batch and loss here, in place of a plain stack as PyTorch makes it. The picture shows δ: a straight line is one factor per layer, and its slope is the disease.

# %% name="your-network-code" tags=["fragment"]
torch.manual_seed(0)
hidden = [m for _ in range(12) for m in (torch.nn.Linear(64, 64), torch.nn.ReLU())]
model = torch.nn.Sequential(*hidden, torch.nn.Linear(64, 10))

with gc.probe(model) as before:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot(before, healthy=10.0, verdict=gc.diagnose(before))

# %% [markdown] name="your-network-mend" tags=["subslide"]
# A few lines give each layer its variance back:

# %% name="your-network-mended" tags=["fragment"]
for layer in model:
    if isinstance(layer, torch.nn.Linear):
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        torch.nn.init.zeros_(layer.bias)

with gc.probe(model) as after:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot({"as PyTorch makes it": before, "He": after}, healthy=10.0)

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 2 min
#
# The verdict calls modules by the model's own names: 0, 2 and 4 are the first three layers.
# Only zeroing the biases would make ‖∂ℒ/∂W‖ level and leave δ as it was: that is why the picture shows δ.
# `torch.nn.init` has `xavier_normal_`, `kaiming_normal_` and `orthogonal_`; the last with
# `gain=nn.init.calculate_gain("relu")`. For tanh `calculate_gain` says 5/3; exercise 9 shows what
# that does over 40 layers.

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague puts a normalization behind each layer and says: "Now the scale of the weights does not matter any more,
# so I need no initialization." **Where is she right, and what does she still have to choose?**
#
# <details>
# <summary>A model answer</summary>
#
# She is right about one step forwards: if a layer's output is divided by its own size, the factor on its weights cancels,
# forwards exactly, and backwards up to the size of the gradient of the matrix itself. Four things remain. Units must
# still differ: copies stay copies under any norm. The gradient of a matrix is divided by its scale, so twice the
# weights means a quarter of the relative step: the start sets an effective rate (lesson 06). The output layer has no
# norm behind it, and its scale sets the first loss. And a mean square is still one number: a norm fixes the size of a
# layer, not its spectrum, so directions can be lost as before. To find out, train with weights × 1, × 3 and × 10 at the
# same rate, and look at $\|\Delta W\|/\|W\|$ and at δ by layer.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# It leads into lesson 06. Do not give the effective rate away; collect guesses.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Equal weights make copies: the gradient has rank 1, or 0. Random weights tell the units apart.
# - A random layer multiplies mean squares by fan_in·v forwards and fan_out·v backwards, times ½ for
#   ReLU. He's $v = 2/\text{fan\_in}$ pays for the half; PyTorch's default is a sixth of it.
# - The first loss should be $\ln C$: it tells how large the outputs are.
# - With $\sigma_w, \sigma_b$ you can predict $q^*$, χ and the depth scale $\xi = 1/|\ln\chi|$. Deep plain
#   networks learn near the edge of chaos, $\chi = 1$, where images merge only slowly.
# - A start is more than a variance: through 100 tanh layers orthogonal weights learned in 300 steps, where Gaussian
#   ones of the same variance got halfway; at too large a rate neither learned.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Eleven questions, 19 points: [exercises/05_initialization.ipynb](../exercises/05_initialization.ipynb). Question 1
# belongs to step 1, 2 to 4 to step 2, 5 to 9 to step 3, 10 and 11 to step 4.
#
# **Next:** [06 · Batch normalization](06_batch_normalization.ipynb). An initialization sets the start.
# One step later the weights are others, and nobody has measured them since. **What keeps the layers
# in range *while* they train?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - LeCun, Bottou, Orr & Müller (1998), *Efficient BackProp*: weights of variance 1/fan_in.
# - Hinton, Osindero & Teh (2006), *A fast learning algorithm for deep belief nets*, Neural Computation 18:
#   layer by layer.
# - Glorot & Bengio (2010), *Understanding the difficulty of training deep feedforward neural
#   networks*, AISTATS: fan_in and fan_out.
# - Saxe, McClelland & Ganguli (2014), *Exact solutions to the nonlinear dynamics of learning in
#   deep linear neural networks*, arXiv:1312.6120, ICLR: orthogonal weights.
# - Simonyan & Zisserman (2015), *Very deep convolutional networks for large-scale image recognition*,
#   arXiv:1409.1556, ICLR: VGG.
# - He, Zhang, Ren & Sun (2015), *Delving deep into rectifiers*, arXiv:1502.01852, ICCV: the ½ of
#   ReLU, and 30 layers.
# - Mishkin & Matas (2016), *All you need is a good init*, arXiv:1511.06422, ICLR: LSUV.
# - Poole et al. (2016), *Exponential expressivity in deep neural networks through transient chaos*,
#   arXiv:1606.05340, NIPS: $q^*$, order and chaos, the cosine of two inputs.
# - Schoenholz et al. (2017), *Deep information propagation*, arXiv:1611.01232, ICLR: χ, ξ and which
#   depths train.
# - Pennington, Schoenholz & Ganguli (2017), *Resurrecting the sigmoid in deep learning through
#   dynamical isometry*, arXiv:1711.04735, NIPS: orthogonal weights with tanh.
# - Xiao et al. (2018), *Dynamical isometry and a mean field theory of CNNs: how to train 10,000-layer vanilla
#   convolutional neural networks*, arXiv:1806.05393, ICML.
# - Karpathy (2019), *A recipe for training neural networks*: the loss at the start.
# - Zhang, Dauphin & Ma (2019), *Fixup initialization*, arXiv:1901.09321,
#   ICLR.
# - Chizat, Oyallon & Bach (2019), *On lazy training in differentiable programming*,
#   arXiv:1812.07956, NeurIPS.
# - Martens et al. (2021), *Rapid training of deep neural networks without skip connections or normalization layers
#   using deep kernel shaping*, arXiv:2110.01765.
# - Yang et al. (2021), *Tensor programs V: tuning large neural networks via zero-shot hyperparameter transfer*, arXiv:2203.03466, NeurIPS.
# - Mezzadri (2007), *How to generate random matrices from the classical compact groups*, Notices of
#   the AMS 54: the signs of a QR decomposition.
# - Newman (1986), *The distribution of Lyapunov exponents*, Communications in Mathematical Physics
#   103: the dashed line of the demo in step 4.
