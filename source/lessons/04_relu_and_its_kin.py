# %% [markdown] name="title" tags=["slide"]
# # 04 · ReLU and its kin
#
# **After this lesson you can say what a ReLU layer costs and why, tell a dead unit from a vanished signal
# (counting zeros cannot), and choose the right fix for each.**
#
# *45 minutes. With the deeper steps 80. You need lesson 02: δ, the slope as the price of passing through,
# and χ.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse.experiments import relu as lab

digits = gc.digits()
x, y = digits.x_train, digits.y_train

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In 2012 networks of eight layers cut the error of the ImageNet competition from 26 to
# 15 % (Krizhevsky, Sutskever & Hinton 2012). One of their ingredients was an activation that few had used, ReLU. On small
# photographs, the authors wrote, it reached the same training error six times faster than tanh. **Was that the
# end of lesson 02's vanishing gradients?**

# %% [markdown] name="notation" tags=["continue"]
# A layer computes $z = W h + b$, and $\varphi(z)$ is the next layer's $h$; $\delta_l =
# \partial\mathcal{L}/\partial z_l$. Layer 1 is nearest the input. Weights have mean 0 and standard deviation
# $\sigma_w/\sqrt{n}$, where $n$ is the number of inputs; between layers of equal width, Xavier's rule (Glorot &
# Bengio 2010) is $\sigma_w = 1$. Biases start at 0. The *size* of many numbers is their root mean square.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# On the board from lesson 02: *one layer = one matrix times one slope.* Lesson 03 had one matrix
# for all steps. Today the matrix is random again, and the slope is the best that one can buy. The older
# history: Fukushima used the function in 1969, Jarrett et al. tried |z| in 2009.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# No slope so far was above 1. The rectified linear unit, $\mathrm{relu}(z) =
# \max(0, z)$, has slope exactly 1 wherever it passes anything. Eight sigmoid layers learned nothing in lesson
# 02. Here are eight ReLU layers, and then thirty, with Xavier's weights. Look which losses leave $\ln 10$.

# %% name="puzzle-train" tags=["fragment"]
runs = {}
for depth in (8, 30):
    nets = [gc.mlp(depth, activation="relu", seed=seed) for seed in range(5)]
    runs[depth] = [
        gc.train(net, digits, steps=300, lr=0.1, seed=seed, every=300)
        for seed, net in enumerate(nets)
    ]
    right = [run.test_accuracy[-1] for run in runs[depth]]
    print(f"{depth:2d} layers, right on the test digits after  300 steps: {gc.spread(right)}")
print(f"30 layers, right after 1500 steps (stored): {gc.spread(lab.long('30 ReLU layers'))}")

# %% name="puzzle-picture" tags=["fragment"]
lab.depth_puzzle_plot(runs)

# %% [markdown] name="puzzle-question" tags=["continue"]
# Eight layers learn; thirty stay at a guess, which gives 0.1, and after five times as many steps have hardly begun.
# No slope of ReLU lies between 0 and 1. **So where does the gradient go?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Let the class enjoy the first line for a moment: this is why everybody left the sigmoid. Then the
# second. Suspects to expect: "too few steps" (see the stored line), "dead units" (keep that one, it is
# the topic of step 3), "the zeros". The last one is right; ask how much the zeros cost, as a number.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Slope 1, or nothing
#
# $\mathrm{relu}'(z)$ is 1 for $z > 0$ and 0 for $z < 0$. (At $z = 0$ there is no slope; PyTorch takes 0.)

# %% name="drawing-unit" tags=["continue"]
lab.unit_drawing()

# %% [markdown] name="predict-half-intro" tags=["subslide"]
# ### Predict

# %% name="predict-half" tags=["continue"]
gc.panel("relu/half")

# %% [markdown] name="drag-two-ways" tags=["subslide"]
# ### Drag
#
# One random network of 20 ReLU layers. Look at both lines at $\sigma_w = 1$: $z$ on its way forwards, δ on its
# way back. At which $\sigma_w$ are both level?

# %% name="demo-two-ways" tags=["fragment"]
gc.demo("relu/two-ways")

# %% [markdown] name="measure-halving-intro" tags=["subslide"]
# ### Measure
#
# Digits, 20 layers of 256 units, 60 networks. First one network alone, then the mean squares over all.

# %% name="measure-halving" tags=["fragment"]
net = gc.mlp(20, width=256, activation="relu", init="lecun")  # σ_w = 1 in every layer
with gc.probe(net) as record:
    F.cross_entropy(net(x[:128]), y[:128]).backward()
z = record.activation_rms[0, record.select("Linear")]
print(f"one network: z in layer 20 / z in layer 1 = {z[19] / z[0]:.1e}; theory {2**-9.5:.1e}")

forward, backward, zeros = lab.halving()
print(f"share of activations that are 0, of 60 networks: {gc.spread(zeros)}")
for name, end in (("z", forward[:, 19]), ("δ", backward[:, 0])):
    print(f"mean square of {name} per layer, over 60 networks: × {end.mean() ** (1 / 19):.3f}")
    print(f"  size over 19 layers / theory, each network: {gc.spread(np.sqrt(end * 2**19))}")

# %% name="picture-halving" tags=["fragment"]
lab.halving_plot()

# %% [markdown] name="explain-halving" tags=["subslide"]
# ### Explain
#
# Draw a weight matrix; its negative was just as likely. It turns each $z$ into $-z$, and of the two ReLU keeps
# one. So in the mean over the weights, with biases 0 and for any input,
#
# $$\mathrm{E}\bigl[\mathrm{relu}(z)^2\bigr] = \tfrac12\,\mathrm{E}\bigl[z^2\bigr],
#   \qquad \mathrm{E}\bigl[\mathrm{relu}'(z)^2\bigr] = \tfrac12, \qquad
#   \chi = \sigma_w^2\,\mathrm{E}\bigl[\varphi'^2\bigr] = \frac{\sigma_w^2}{2} .$$
#
# χ is lesson 02's factor on the mean square of δ, so sizes are multiplied by $\sqrt\chi = \sigma_w/\sqrt2$ per
# layer, forwards and backwards. **The slope is 1 for half of the units; the other half is the price**, at any
# size of $z$. The factor is 1 at $\sigma_w = \sqrt2$: *He's weights* (`init="he"`). At $\sigma_w = 1$, the
# puzzle's 29 layers leave $2^{-29/2} = 4 \times 10^{-5}$. (The law is about the mean over networks: one may lie a
# factor of two beside it.)

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 9 min
#
# Wrong answers to expect: 1 ("the slope is 1") and $2^{-19}$ (half of the units, so half of the
# size). A size is a root of a sum of squares; losing half of the terms costs √½. The *expected* mean square
# halves exactly; a typical product lies below the mean one (lesson 01), here by 7 % in size. Single networks
# stray by about a quarter, less with more width (Hanin & Rolnick 2018). If the demo does not move:
# `gc.demo("relu/two-ways").frame(gain=1.4)`.

# %% [markdown] name="bridge-1" tags=["continue"]
# A factor of 0.71 per layer is far better than the 0.236 of σ, and still not enough. **What if the other side
# passes a little as well?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · A slope for the other side
#
# A *leaky* ReLU gives $a z$ for $z < 0$; PyTorch's default is $a = 0.01$.
#
# ### Predict

# %% name="predict-leak" tags=["fragment"]
gc.panel("relu/small-leak")

# %% [markdown] name="measure-leak-intro" tags=["subslide"]
# ### Measure
#
# 20 layers of 128 units on digits, $\sigma_w = 1$, five networks of each.

# %% name="measure-leak" tags=["fragment"]
print("    a   factor on δ per layer        √((1 + a²)/2)")
for a in (-1.0, 0.0, 0.01, 0.25, 0.5, 1.0):
    found = [lab.leaky_factor(a, seed) for seed in range(5)]
    print(f"{a:5.2f}   {gc.spread(found)}   {np.sqrt((1 + a**2) / 2):.4f}")

# %% [markdown] name="explain-leak" tags=["subslide"]
# ### Explain
#
# Half of the slopes are 1, half are $a$. Take the mean of the squares, then the $\sigma_w$ that makes χ equal
# to 1 (He et al. 2015):
#
# $$\mathrm{E}\bigl[\varphi'^2\bigr] = \tfrac12 \cdot 1^2 + \tfrac12 \cdot a^2 = \frac{1 + a^2}{2}
#   \qquad\Rightarrow\qquad \sigma_w = \sqrt{\frac{2}{1 + a^2}} .$$
#
# A leak of 0.01 turns ½ into 0.50005: **a small leak gives next to nothing back.** At $a = 1$ nothing is lost,
# and the network is linear. At $a = -1$ the activation is $|z|$: bent, and its slope has size 1 everywhere.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 6 min
#
# "Leaky ReLU against vanishing gradients" stands in many lists; the vote will show it. Make them
# square 0.01. For $a = -1$ let somebody say "absolute value" before you do. Level δ is necessary, not
# sufficient: in claim 1's 300 steps thirty |z| layers reach about 30 %, ReLU with He's weights twice that.

# %% [markdown] name="bridge-2" tags=["continue"]
# So what is a small leak good for? ReLU has a second way to lose a gradient, which has nothing to do with
# depth. **What happens to a unit whose $z$ is below zero for every image?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Dead units
#
# A ReLU unit is *silent* on an image when its output is 0. It is **dead** when it is silent on *all* data. Its
# slope is then 0 on all data, so the gradient of its weights and bias is exactly 0.
#
# ### Predict

# %% name="predict-accident" tags=["fragment"]
gc.panel("relu/accident")

# %% [markdown] name="drag-step" tags=["subslide"]
# ### Drag
#
# The 64 units of layer 1 after *one* step. Each has a highest and a lowest $z$ over all digits. Raise the
# learning rate from 0.05, a good one: how many highest values sink below the line? Do all of them?

# %% name="demo-step" tags=["fragment"]
gc.demo("relu/large-step")

# %% [markdown] name="measure-accident-intro" tags=["subslide"]
# ### Measure
#
# An ordinary accident. Two hidden ReLU layers, He's weights, plain gradient descent on batches of 64, 300
# steps. Only the learning rate changes. Look at the points of rate 1.

# %% name="measure-accident" tags=["fragment"]
net = gc.mlp(2, activation="relu", init="he")
run = gc.train(net, digits, steps=300, lr=1.0, every=300)
print("one network, rate 1: dead", lab.dead_units(net), f"right {run.test_accuracy[-1]:.2f}")

for rate in (0.05, 0.5, 1.0):
    first, second, right = lab.ordinary_runs(rate)
    print(f"rate {rate:4}: dead of 64 in layer 1 {gc.spread(first, '.0f')}")
    print(f"           in layer 2 {gc.spread(second, '.0f')}; right {gc.spread(right)}")

# %% name="picture-accident" tags=["fragment"]
lab.accident_plot()

# %% [markdown] name="explain-step" tags=["subslide"]
# ### Explain
#
# One step with rate η changes the $z$ of unit $i$ on an image $h$ to
#
# $$z_i'(h) = z_i(h) - \eta\, s_i(h), \qquad
#   s_i(h) = \operatorname{mean}_{h'}\; \delta_i(h')\,\bigl(h' \cdot h + 1\bigr) ,$$
#
# with the mean over the training images $h'$; the 1 is the bias. Images are alike: nearly all pairs have $h'
# \cdot h + 1 > 0$. So whether $s_i$ is positive hangs on the $\delta_i$, hardly on $h$, and a large step moves most
# units *down on nearly all images, or up on nearly all* (80 %, see below). Those that fall below
# zero everywhere have a slope of 0 from then on. In layer 1 that is final under plain gradient descent: its inputs are
# the images, which never change.
#
# **But dead units do not mean a failed network**: half of a layer can be missing, and the rest reads the digits. It
# fails when few units of a layer are left; where none is, every gradient before that layer is 0.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 10 min
#
# The popular answer to the demo is "all". Ask why a step of gradient descent should lower *every* unit, and why
# some must survive: somebody's δ is negative. In the picture, up to about 37 dead units of 64 cost
# nothing, and from 50 on the network fails: the dead are missing capacity, not a broken path.

# %% [markdown] name="bridge-3" tags=["continue"]
# A dead layer is full of zeros. So one reads: count the zeros. **Are zeros a sign of death?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The same zeros, three networks
#
# ### Predict

# %% name="predict-zeros" tags=["fragment"]
gc.panel("relu/who-learns")

# %% [markdown] name="drag-zeros" tags=["subslide"]
# ### Drag
#
# Two networks with four hidden layers and the same count of zeros. Make the weights of one smaller: which changes, its
# line or its share of zeros?

# %% name="demo-zeros" tags=["fragment"]
gc.demo("relu/same-zeros")

# %% [markdown] name="measure-zeros-intro" tags=["subslide"]
# ### Measure
#
# Biases decide how often a unit is silent. In the *healthy* network each unit is silent on 75 % of the digits;
# the *vanished* one is the same with weights a tenth as large; in the *dead* one layer 4 is silent on all digits,
# and the others on two thirds.

# %% name="measure-zeros" tags=["fragment", "nbval-check-output"]
print("network   zeros  dead, worst layer   output of layers 1 and 4   gc.diagnose")
for kind in ("healthy", "vanished", "dead"):
    net = lab.same_zeros(kind)
    with gc.probe(net) as record:
        F.cross_entropy(net(x), y).backward()
    relu = record.select("ReLU")
    zeros, dead = record.zero_fraction[0, relu].mean(), record.dead_fraction[0, relu].max()
    first, last = record.activation_rms[0, relu][[0, -1]]
    named = gc.diagnose(record).primary.kind
    print(f"{kind:9} {zeros:4.0%} {dead:13.0%} {first:18.1f} {last:13.4f}       {named}")

# %% [markdown] name="measure-cures-intro" tags=["continue"]
# Three treatments, and each network gets each: a leak of 0.1, weights ten times larger, or all biases back to 0.
# Then 300 steps, five seeds.

# %% name="measure-cures" tags=["fragment"]
print("right on the test digits")
for kind in ("healthy", "vanished", "dead"):
    for cure in ("nothing", "leak", "weights", "biases"):
        print(f"{kind:9} {cure:8} {gc.spread(lab.after_cure(kind, cure))}")
print("vanished, after five times as many steps (stored)")
for name in ("vanished", "vanished, leak", "vanished, biases"):
    print(f"          {name:16} {gc.spread(lab.long(name))}")

# %% [markdown] name="explain-zeros" tags=["subslide"]
# ### Explain
#
# For every $c > 0$,
#
# $$\mathrm{relu}(c\,z) = c\;\mathrm{relu}(z) .$$
#
# Multiply the weights by $c$ and the biases of layer $l$ by $c^l$: every output of layer $l$ is multiplied by
# $c^l$, and **exactly the same entries are 0**. A count of zeros cannot see size. Nor can it see who is dead: in
# the healthy network a unit is silent on 75 % of the digits and gets a gradient from the other 25 %. So look at
# two numbers: the share of units that are silent on *all* data, and the size of the output by layer.
#
# The two have different cures. Scaling cannot wake the dead: $c \cdot 0 = 0$. A dead layer wakes by a leak,
# or without the biases that hold it down. The vanished network needs larger weights: a leak or fewer zeros do little
# for it in 300 steps. **Vanished is slow, dead is never**: after 1500 steps the vanished network reads 92 % with a leak
# and 96 % without biases.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# The vote usually splits between "none" and "all": 75 % sounds like one diagnosis. Draw the
# table of treatments on the board empty, and let the class fill it in before the cell runs. A healthy network
# that is given larger weights explodes. `gc.diagnose` calls a layer dead from 90 % of dead units on; a healthy
# deep network has some, because in depth all images look alike (Poole et al. 2016). If somebody asks about the
# leak's row for the healthy one: it does no harm.

# %% [markdown] name="deeper-kin" tags=["slide", "deeper"]
# ## Deeper · The kin
#
# Nine activations under the same instrument, and which of them begin to learn first.

# %% [markdown] name="kin" tags=["continue"]
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
# $\Phi(z)$ is the probability that a standard normal number is below $z$, $\sigma$ the sigmoid. (Maas et al.
# 2013; He et al. 2015; Clevert et al. 2016; Klambauer et al. 2017; Hendrycks & Gimpel 2016; Elfwing et al. 2018.)

# %% name="predict-fades" tags=["fragment"]
gc.panel("relu/fades-most")

# %% [markdown] name="drag-kin" tags=["subslide"]
# ### Drag
#
# Look at the order of the four lines at $\sigma_w = 1$. Then raise $\sigma_w$: at 2, which lines have come
# together, and why these?

# %% name="demo-kin" tags=["fragment"]
gc.demo("relu/kin")

# %% [markdown] name="measure-kin-intro" tags=["subslide"]
# ### Measure
#
# Eight layers of 64 units, Xavier's weights, all training digits, five networks each. In the pictures, look for
# lines that bend: there the factor changes from layer to layer.

# %% name="measure-kin" tags=["fragment"]
print("factor on δ per layer                    theory")
for name in lab.KIN:
    expected = lab.kin_theory(name)[0] ** (1 / 7)
    print(f"{name:11} {gc.spread(lab.kin_factors(name))}   {expected:.2f}")

# %% name="picture-kin" tags=["fragment"]
lab.kin_plot("The old ones, and ReLU", ["sigmoid", "tanh", "relu"])

# %% name="picture-smooth-kin" tags=["fragment"]
lab.kin_plot("Three of the younger kin", ["elu", "selu", "gelu"])

# %% [markdown] name="explain-kin" tags=["subslide"]
# ### Explain
#
# Each line is a product of $\sqrt{\chi_l} = \sigma_w \sqrt{\mathrm{E}[\varphi'^2]}$, and what counts is the slope
# *where the signal is*. At $\sigma_w = 1$ the pre-activations shrink from layer to layer for all but SELU and the
# sigmoid, so late layers work near $z = 0$. There ELU and tanh have slope 1 and lose less and less; even tanh
# loses less than ReLU here. GELU and SiLU have slope ½ **on both sides**: they come near ½ per layer. They are
# used where something else keeps the size of $z$: normalization (lesson 06), Transformers (lesson 11). SELU's
# constants map mean 0 and variance 1 to themselves at $\sigma_w = 1$, and $\sqrt\chi = 1.04$.
#
# At $\sigma_w = 2$, $z$ grows from layer to layer, and far from 0 ELU, GELU and SiLU are nearly ReLU: a line on
# the right, next to nothing on the left. Does the order show when they learn?

# %% name="measure-kin-training" tags=["fragment"]
print("right on the test digits after 400 steps, 3 seeds")
for name in ("sigmoid", "silu", "gelu", "relu", "selu"):
    right = [run.test_accuracy[-1] for run in lab.kin_training(name)]
    print(f"{name:11} {gc.spread(right)}")
print(f"sigmoid, 2000 steps (stored): {gc.spread(lab.long('8 sigmoid layers'))}")

# %% name="picture-kin-training" tags=["fragment"]
lab.kin_loss_plot()

# %% [markdown] name="explain-kin-training" tags=["continue"]
# What loses less per layer starts earlier: SELU, ReLU, GELU, SiLU, in the order of their factors, and the sigmoid
# not at all. This is the start of a training, at one learning rate, with Xavier's weights. It does not say which
# activation ends best.

# %% [markdown] name="notes-kin" tags=["notes"]
# **Speaker notes** · 8 min
#
# Most vote for ReLU in the panel, "because it throws half away". GELU throws half of everything
# away, near 0. In the demo at gain 2, ReLU, GELU and ELU come together (1.41, 1.42, 1.43 per
# layer). SELU stays above, at 1.52. At a learning rate of 0.1, three of ten SELU networks ended in NaN.

# %% [markdown] name="deeper-prelu" tags=["slide", "deeper"]
# ## Deeper · Slopes that are learned
#
# PReLU's gradient by hand, and which slopes a network chooses when its weights are too small.

# %% [markdown] name="drag-leak" tags=["continue"]
# Leave $\sigma_w$ at 1 and move $a$: from which leak on do you *see* a difference? Then go to $a = -1$.

# %% name="demo-leak" tags=["fragment"]
gc.demo("relu/leak")

# %% [markdown] name="prelu-intro" tags=["subslide"]
# PReLU learns $a$, one for each layer here (He et al. 2015). For a unit with $z < 0$, where $h = a z$, the chain
# rule has $\partial h/\partial a = z$. All units of the layer share $a$, on all images, so
#
# $$\frac{\partial\mathcal{L}}{\partial a}
#   = \sum_{z < 0} \frac{\partial\mathcal{L}}{\partial h}\, z .$$

# %% name="measure-prelu" tags=["fragment"]
prelu = torch.nn.PReLU().double()
z = gc.mlp(1, seed=0).layer1(x).detach().double()
h = prelu(z)
(h**2).mean().backward()
upstream = 2 * h.detach() / h.numel()
by_hand = float((upstream * z)[z < 0].sum())
print(f"∂ℒ/∂a by hand {by_hand:.12f}, by autograd {prelu.weight.grad.item():.12f}")

# %% [markdown] name="learned-slopes-intro" tags=["continue"]
# Eight layers learn their slopes for 400 steps, once from Xavier's weights and once from He's, which are √2 times
# larger. The mean slope of the eight layers, five seeds; each begins at 0.25:

# %% name="measure-learned-slopes" tags=["fragment"]
for init in ("xavier", "he"):
    print(f"{init:6} {gc.spread([lab.learned_slope(init, seed) for seed in range(5)])}")

# %% [markdown] name="explain-prelu" tags=["continue"]
# The network opens its leaks, and opens them wider when its weights are too small. A larger $(1 + a^2)/2$ would
# pay for small weights. The measurement fits this reading; it does not prove it.

# %% [markdown] name="notes-prelu" tags=["notes"]
# **Speaker notes** · 5 min
#
# Ask why the sum runs over images as well: one $a$, many paths from it to the loss.

# %% [markdown] name="deeper-step" tags=["slide", "deeper"]
# ## Deeper · One large step, and what follows
#
# A single step that is 1000 times too large, counted: who falls, who rises, how the next layer dies, and how a leak brings it back.

# %% name="predict-step" tags=["fragment"]
gc.panel("relu/one-step")

# %% [markdown] name="measure-step-intro" tags=["subslide"]
# ### Measure
#
# Layer 1 of a healthy network takes one step at a rate of 50 in place of 0.05. Then 300 good steps.

# %% name="measure-step" tags=["fragment"]
for when, name in (("killed", "after the step"), ("later", "300 steps later")):
    for layer in (0, 1):
        dead = lab.of_five(lab.aftermath, when, str(layer))
        print(f"{name:15} dead of 64 in layer {layer + 1}: {gc.spread(dead, '.0f')}")
print(f"largest change of a dead unit's weight: {max(lab.of_five(lab.aftermath, 'moved'))}")
print(f"right on the test digits: {gc.spread(lab.of_five(lab.aftermath, 'right'))}")

# %% [markdown] name="explain-pairs" tags=["continue"]
# The survivors are now very large: their $z$ has grown many times. Part of layer 2 is silent at once. For the
# rest, whose gradient is δ times their input, an ordinary step is now a large one, and most of them die next.
#
# Who falls and who rises? Once for the network as it is, once with output weights ten times smaller:

# %% name="measure-pairs" tags=["fragment"]
print(f"pairs of digits with h′·h + 1 > 0: {(x @ x.T + 1 > 0).double().mean():.2%}")
for factor in (1.0, 0.1):
    for k, word in enumerate(("loss at the start", "share that falls", "share that rises")):
        found = [lab.one_way(seed, factor)[k] for seed in range(5)]
        print(f"outputs × {factor}: {word:17} {gc.spread(found)}")

# %% [markdown] name="explain-one-way" tags=["continue"]
# More fall than rise, since the untrained network guesses at random, and its outputs are large: its loss is above
# $\ln 10 = 2.3$, and turning units down makes it smaller. With outputs ten times smaller about as many rise as
# fall. (Lesson 05 comes back to this first loss.)

# %% [markdown] name="revive-intro" tags=["subslide"]
# ### Revive
#
# The dead networks, all weights as they are, with a leaky ReLU of $a = 0.1$ in place of each ReLU. 500 careful
# steps at a rate of 0.01; beside it the same steps without the leak.

# %% name="measure-revive" tags=["fragment"]
for leak, word in ((0.0, "ReLU"), (0.1, "leaky ReLU")):
    found = [lab.revived(leak, seed) for seed in range(5)]
    print(f"{word:10} right {gc.spread([one.right for one in found])}")
    for layer in (0, 1):
        dead = [one.dead[layer] for one in found]
        print(f"{'':10} still below 0 on all digits, layer {layer + 1}: {gc.spread(dead, '.0f')}")

# %% [markdown] name="explain-revive" tags=["continue"]
# With a leak no slope is 0: every unit passes at least a tenth of the gradient that arrives, and moves. Units of
# layer 2 come back. In layer 1 most stay on the negative side; they need not come back, since that side now
# passes something, too. **This is what a leak is for: it helps against death, not against depth.**

# %% [markdown] name="notes-deeper-step" tags=["notes"]
# **Speaker notes** · 8 min
#
# With a rate of 30 instead of 50, one network of ten recovers by itself, and two more in part. The careful 0.01
# for the revival is needed because the survivors are so large: at 0.05, three of five revivals ended in NaN. With
# momentum or Adam a dead unit can coast on for a while; with weight decay its weights shrink, and so may its
# negative bias.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From the slides of a university course (CS 5720, autumn 2025, on ReLU, under "Solves Vanishing Gradients"):
#
# > Gradient is 1 for positive inputs, enabling deep network training

# %% name="vote-vanish" tags=["fragment"]
gc.panel("relu/claim-vanish")

# %% [markdown] name="claim-vanish-intro" tags=["continue"]
# The factor on δ per layer, and 30 layers at a rate of 0.01. The control: the same layers, data, rate and steps; only
# $\sigma_w$ is √2.

# %% name="claim-vanish" tags=["fragment"]
print(f"factor on δ per layer, σ_w = 1: {gc.spread(backward[:, 0] ** (1 / 38))}")
lost, paid = (lab.thirty_layers(init) for init in ("xavier", "he"))
print(f"30 layers, σ_w = 1:  right {gc.spread(lost)}")
print(f"30 layers, σ_w = √2: right {gc.spread(paid)}")
print("verdict:", "holds only if" if max(lost) < 0.15 and np.median(paid) > 0.35 else "fails")

# %% [markdown] name="claim-vanish-verdict" tags=["continue"]
# **Holds only if** the weights pay for the half that is lost. What is true without a condition: the slope stays 1
# however large $z$ is, so ReLU does not saturate at the upper end. *Scope:* 30 layers of 64 units, plain gradient
# descent, 300 steps; after 1500 at 0.1 some have begun.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Claim 1 is what most believe; ask whose networks had 30 plain layers.

# %% [markdown] name="deeper-claims" tags=["slide", "deeper"]
# ## Deeper · Three more claims
#
# Whether zeros show dead units, whether a leak helps over depth, and whether ReLU explodes less than sigmoid and tanh.

# %% [markdown] name="claim-zeros" tags=["continue"]
# ### Claim 2
#
# From a page on how to recognise dying ReLUs (deeplearning.jonwalls.dev, read in November 2026):
#
# > a growing fraction of neurons output exactly 0.0 for every input in a batch — track
# > `(activations == 0).float().mean()` per layer

# %% name="vote-zeros" tags=["fragment"]
gc.panel("relu/claim-zeros")

# %% [markdown] name="claim-zeros-intro" tags=["continue"]
# Does this mean find dead units? Layer 1 of networks whose units are *selective*, each silent on 90 % of the digits,
# and of step 3's networks: untrained, and trained at rates of 0.5 and of 1. The control is the share of units that are
# 0 on *all* rows.

# %% name="claim-zeros-measure" tags=["fragment"]
selective = np.array([lab.first_layer(lab.selective(seed)) for seed in range(5)])
fresh = [gc.mlp(2, activation="relu", init="he", seed=seed) for seed in range(10)]
start = np.array([lab.first_layer(net) for net in fresh])
calm, hit = (
    np.array([lab.first_layer(lab.ordinary(rate, seed).net) for seed in range(10)])
    for rate in (0.5, 1.0)
)
names = ("selective", "untrained", "after rate 0.5", "after rate 1")
for name, found in zip(names, (selective, start, calm, hit), strict=True):
    print(f"{name:14} zeros {gc.spread(found[:, 0])}; dead units {gc.spread(found[:, 1])}")
print(f"selective      right after 300 steps {gc.spread(lab.selective_learn())}")
alike = hit[np.argsort(abs(hit[:, 0] - np.median(selective[:, 0])))[:3]]
print("after rate 1, the three with nearly as many zeros as the selective:")
print(f"{'':14} zeros {gc.spread(alike[:, 0])}; dead units {gc.spread(alike[:, 1])}")
lost = np.median(alike[:, 1])  # 0.30 to 0.48 under other kernels and disturbances
print("verdict:", "fails" if selective[:, 1].max() == 0 and lost > 0.1 else "holds")

# %% [markdown] name="claim-zeros-verdict" tags=["continue"]
# **Fails.** The selective layer has as many zeros as layers that have lost a third of their units, but not one dead
# unit, and it learns. Half zeros is what ReLU does from the start, and at a rate of 0.5 their share grows to 0.60 while
# hardly a unit dies. Dead is silent on *all* data, and `(h == 0).all(0)` asks for it.
# *Scope:* 64 units, digits, all rows at once; over single batches one has to combine the answers.

# %% [markdown] name="claim-leak" tags=["subslide"]
# ### Claim 3
#
# From a book on the mathematics of deep learning (Dawani 2020), of leaky ReLU:
#
# > it not only enables the network to learn faster but it is also more balanced as it helps deal with vanishing
# > gradients

# %% name="vote-leak" tags=["fragment"]
gc.panel("relu/claim-leak")

# %% name="claim-leak-measure" tags=["fragment"]
leaky, plain = ([lab.leaky_factor(a, seed) for seed in range(5)] for a in (0.01, 0.0))
gained = np.array(leaky) / plain
print(f"factor on δ per layer, leak of 0.01 over none: {gc.spread(gained, '.4f')}")
for kind in ("vanished", "dead"):
    print(f"{kind:8} with a leak of 0.1: right {gc.spread(lab.after_cure(kind, 'leak'))}")
later = {name: lab.long(name) for name in ("vanished", "vanished, leak")}
for name, right in later.items():
    print(f"{name}, 1500 steps (stored): right {gc.spread(right)}")
late = max(lab.after_cure("vanished", "leak")) < 0.5 < min(later["vanished, leak"])
print("verdict:", "holds only if" if late and gained.max() < 1.05 else "holds")

# %% [markdown] name="claim-leak-verdict" tags=["continue"]
# **Holds only if** the leak is larger than the usual one, and you wait. At $a = 0.01$ δ becomes 0.03 % larger per layer
# (0.005 % in theory).
# A leak of 0.1 leaves the vanished network where it was for 300 steps, while larger weights, the control, cure it
# (step 4); in 1500 steps it does arrive, and without a leak it has only begun. What a leak is for is dead units.
# *Scope:* 20 layers at $\sigma_w = 1$, four layers on digits, rate 0.05.

# %% [markdown] name="claim-explode" tags=["subslide"]
# ### Claim 4
#
# It is often said that gradients explode more easily with sigmoid and tanh than with ReLU. At equal weights, 20
# layers of 128 units, five networks each:

# %% name="vote-explode" tags=["fragment"]
gc.panel("relu/claim-explode")

# %% name="claim-explode-measure" tags=["fragment"]
worse = []
for gain in (1.4, 2.0, 4.0):
    found = {n: [lab.factor_at(n, gain, s) for s in range(5)] for n in ("sigmoid", "tanh", "relu")}
    print(f"σ_w = {gain}, factor on δ per layer")
    for name, values in found.items():
        print(f"  {name:8} {gc.spread(values)}")
    worse += [np.median(found[n]) > np.median(found["relu"]) for n in ("sigmoid", "tanh")]
print("verdict:", "holds" if all(worse) else "holds only if" if any(worse) else "fails")

# %% [markdown] name="claim-explode-verdict" tags=["continue"]
# **Holds only if** you mean tanh, and weights of $\sigma_w$ near 1.4. There tanh, with slope 1 near 0, makes δ grow
# a little, while ReLU still loses a little. From about 1.5 on it is the other way round: ReLU's factor grows in
# proportion to $\sigma_w$, that of tanh about with its root, because it saturates. At $\sigma_w = 4$, 19 layers of
# ReLU multiply δ by more than $10^8$, 19 of tanh by some $10^3$, and the sigmoid still shrinks it. *Scope:* before
# training.

# %% [markdown] name="notes-more-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Claim 2 is half right: its words are the definition, its line of code is not. Claim 4 is the one worth arguing
# about: ask at *which* weights. It usually comes with the argument "ReLU's slope is at most 1", which holds for tanh
# as well. For claim 3, ask its defenders which of the two problems their network had.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Transformers went over to the smooth kin, GELU and SiLU, often with a gate (Shazeer 2020).
# - In the largest OPT model, whose units are ReLUs, more than 70 % of the units of some layers never become active
#   (Voita et al. 2024).
# - Agents that learn for a long time lose units to silence, and need new ones (Sokar et al. 2023; Dohare et al.
#   2024).
#
# Does the accident happen with Adam? Step 3's networks again:

# %% name="since-measure" tags=["fragment"]
for rate in (0.001, 0.01, 0.1):
    first, _, right = lab.ordinary_runs(rate, "adam", 5)
    print(f"Adam, rate {rate:5}: dead of 64 {gc.spread(first, '.0f')}; right {gc.spread(right)}")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put in your model, batch and loss. The model in the cell is what `nn.Linear` and `nn.ReLU` give by themselves.

# %% name="your-network-code" tags=["fragment"]
model = gc.mlp(12, activation="relu", init="default")

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.diagnose(record)

# %% name="your-network-dead" tags=["fragment"]
print(np.round(record.dead_fraction[0, record.select("ReLU")], 2))
gc.depth_plot(record, kind="Linear", healthy=10.0, verdict=gc.diagnose(record))

# %% [markdown] name="your-network-read" tags=["continue"]
# Its gradient vanishes. About half of the units in its late layers are dead, but that is not the cause: the signal
# has faded below the random biases that `nn.Linear` starts with, and a unit that gets only its bias is on or off
# for all digits alike. Larger weights wake many of them (exercise 10).

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# PyTorch's default weights have $\sigma_w = 0.58$, so a ReLU layer keeps 0.41. Ask before they read the
# explanation: which of the two came first?

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague reports: "93 % of the activations in layer 6 are zero, so I shall use a leaky ReLU." **What do you ask
# for before you agree, and what would each answer make you do?**
#
# <details>
# <summary>A model answer</summary>
#
# Two numbers. First the share of units of layer 6 that are 0 on *all* rows. If it is near 0, the units are
# selective, and nothing needs a cure. If it is large, ask whether it was large before
# training. If it was not, the training did it: look for a rate that is too large, and lower it first; a leak then
# brings the units back. Second, the size of the outputs, layer by layer. If it falls on the way to layer 6, the
# dead units may be a consequence: a signal that has faded below the biases leaves each unit on or off for all rows
# alike, and a leak would open units through which nothing comes. Then the weights must become larger. And the test
# of any answer: train with the change and without it, from the same seeds.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# The order matters: death is exact and cheap to ask for, size is relative and needs all layers.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Half of the slopes of a ReLU layer are 0, so sizes are multiplied by $\sigma_w/\sqrt2$ per layer: 0.71 with
#   Xavier's weights.
# - A leak $a$ makes the mean squared slope $(1 + a^2)/2$, and $\sigma_w = \sqrt{2/(1 + a^2)}$ pays for it;
#   $a = 0.01$ leaves 0.71.
# - A unit is dead when it is silent on all data: its gradient is exactly 0. A rate of 1 killed a quarter
#   to nine tenths of a layer, and half of these networks read the digits all the same.
# - Zeros tell neither death nor health, 75 % in all three networks: look at units that are silent on all data, and at
#   sizes.
# - Dead: a leak, or biases that let units wake (94 and 96 % right). Vanished: larger weights (91 %). In 300 steps each
#   cure did little for the other problem.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Ten questions, 17 points: [exercises/04_relu.ipynb](../exercises/04_relu.ipynb). Question 2 belongs to step 1, 1 and
# 3 to 6 to step 2, 7 to step 3, 8 to 10 to step 4.
#
# **Next:** [05 · Initialization](05_initialization.ipynb). Half of the signal is lost at each layer,
# and you know by what factor. **What weights would pay for it**, forwards and backwards, and for
# every activation?

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Nair & Hinton (2010), *Rectified linear units improve restricted Boltzmann machines*, ICML, and
#   Glorot, Bordes & Bengio (2011), *Deep sparse rectifier neural networks*, AISTATS: they made ReLU
#   the usual choice. It is older: Fukushima (1969), *Visual feature extraction by a multilayered network of analog
#   threshold elements*, IEEE Transactions on Systems Science and Cybernetics 5.
# - Glorot & Bengio (2010), *Understanding the difficulty of training deep feedforward neural
#   networks*, AISTATS: Xavier's weights.
# - Krizhevsky, Sutskever & Hinton (2012), *ImageNet classification with deep convolutional neural networks*, NIPS.
# - Maas, Hannun & Ng (2013), *Rectifier nonlinearities improve neural network acoustic models*,
#   ICML workshop on deep learning for audio, speech and language processing: leaky ReLU.
# - He, Zhang, Ren & Sun (2015), *Delving deep into rectifiers*, arXiv:1502.01852, ICCV: the lost
#   half, PReLU and its gradient, the gain for a slope $a$.
# - Clevert, Unterthiner & Hochreiter (2016), *Fast and accurate deep network learning by
#   exponential linear units*, arXiv:1511.07289, ICLR: ELU.
# - Hendrycks & Gimpel (2016), *Gaussian error linear units*, arXiv:1606.08415: GELU, and SiLU by
#   name; Elfwing, Uchibe & Doya (2018), *Sigmoid-weighted linear units for neural network function
#   approximation in reinforcement learning*, arXiv:1702.03118, Neural Networks 107. (Many call it Swish.)
# - Klambauer, Unterthiner, Mayr & Hochreiter (2017), *Self-normalizing neural networks*,
#   arXiv:1706.02515, NIPS: SELU.
# - Hanin & Rolnick (2018), *How to start training*, arXiv:1803.01719, NeurIPS: how far one ReLU
#   network strays from the average.
# - Poole et al. (2016), *Exponential expressivity in deep neural networks through transient chaos*,
#   arXiv:1606.05340, NIPS: $q$ and χ.
# - Dawani (2020), *Hands-on mathematics for deep learning*, Packt.
# - Shazeer (2020), *GLU variants improve Transformer*, arXiv:2002.05202.
# - Sokar, Agarwal, Castro & Evci (2023), *The dormant neuron phenomenon in deep reinforcement learning*,
#   arXiv:2302.12902, ICML.
# - Voita, Ferrando & Nalmpantis (2024), *Neurons in large language models: dead, n-gram, positional*,
#   arXiv:2309.04827, Findings of ACL.
# - Dohare et al. (2024), *Loss of plasticity in deep continual learning*, Nature 632.
