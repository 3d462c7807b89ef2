# %% [markdown] name="title" tags=["slide"]
# # 07 · Residual networks
#
# **After this lesson you can say what a shortcut does to a product of Jacobians, choose the size of
# a branch before you train, and say what residual networks cure. It is not what most people say.**
#
# *45 minutes. With the deeper steps 70. You need lessons 01, 05 and 06.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
from gradcourse.experiments import residual as trial
from gradcourse.experiments.common import loss_plot
from gradcourse.experiments.depth_transfer import best_rates
from gradcourse.experiments.fivefold import told
from gradcourse.experiments.measurements import stored
from gradcourse.nets import linear_start_, residual_cnn, residual_mlp

digits, longer = gc.digits(), stored("fivefold").rows

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In December 2015 networks of up to 152 layers won the ImageNet competition; the year
# before, 22 had won. The paper opens with a failure: with 56 ordinary layers the *training* error was higher
# than with 20, although batch norm stood in every layer (He et al. 2016a).

# %% [markdown] name="notation" tags=["subslide"]
# A **residual block** adds something to what it was given:
#
# $$x_l = x_{l-1} + \alpha\, F_l(x_{l-1}), \qquad l = 1 \dots L .$$
#
# $F_l$ is the **branch**, here two ReLUs and two matrices; $x_{l-1}$ goes around it on the
# **shortcut**; $\alpha$ is the **branch scale**, 1 unless we say otherwise. A first
# matrix, the **stem**, makes $x_0$ from the image, and a last one makes the outputs. So
# $L = 27$ blocks have 56 layers. In this lesson $\delta_l = \partial\mathcal{L}/\partial x_l$ and
# $J_l = \partial F_l / \partial x_{l-1}$. A **plain** network has the same matrices and no
# shortcuts.

# %% name="drawing-block" tags=["subslide"]
trial.block_drawing()

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# Leave the drawing on the board. Mind the δ: it now belongs to the x between the blocks. The order in the
# middle, with the ReLU behind the sum, is that of 2015 and of the puzzle; all later blocks are of the kind
# on the right.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lesson 06 ended with 56 ReLU layers that batch norm could not save. Here they are again, with batch norm
# and 50 steps: plain, and with a shortcut around every second layer. Look at the **training** digits: a
# network that is wrong on its own training images is not overfitting; it has not learned.

# %% name="puzzle-train" tags=["fragment"]
losses, trained = {"plain": [], "residual": []}, {"plain": [], "residual": []}
for name in losses:
    for seed in range(5):
        net = residual_mlp(27, order="post", norm="batch", skip=name == "residual", seed=seed)
        losses[name].append(gc.train(net, digits, steps=50, lr=0.1, seed=seed, every=50).loss)
        trained[name].append(net)
print("share of the training digits that is right (stored)")
print(told(longer, "56 layers, plain", "56 layers, residual"))

# %% name="puzzle-picture" tags=["subslide"]
loss_plot(losses, "56 layers with batch norm", 5, "log")

# %% [markdown] name="puzzle-question" tags=["continue"]
# (The residual network begins high: each block has added to $x$.) The 56 layers *contain* the ten that train:
# let 46 copy their input. Good weights exist, and the plain
# network does not find them. **What does "$x +$" change about the search?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# The argument with the copying layers is He et al.'s own (ReLU copies what is positive). Collect theories
# and keep them on the board: "the gradient takes the shortcut", "gradients do not vanish any more", "it is
# shallower than it looks". Each of them will be measured; the second one does not survive. The plain network
# of He et al., with convolutions and long training, did learn, but it stayed worse than 20 layers.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · One plus something
#
# ### Predict

# %% name="predict-span" tags=["fragment"]
gc.panel("residual/span")

# %% [markdown] name="drag-spectrum" tags=["subslide"]
# ### Drag
#
# All 64 singular values of a product of 27 factors (lesson 01). Look at the right end of both lines, the
# direction that suffers most, while you make the branches smaller.

# %% name="demo-spectrum" tags=["fragment"]
gc.demo("residual/spectrum")

# %% [markdown] name="measure-spectrum-intro" tags=["subslide"]
# ### Measure
#
# The same in real ReLU networks: $\partial x_{27}/\partial x_0$ at one digit, $\alpha = 1/\sqrt{27}$.

# %% name="measure-spectrum" tags=["fragment"]
residual = np.exp([trial.log_singular_values(True, seed) for seed in range(5)])
plain = np.exp([trial.log_singular_values(False, seed) for seed in range(5)])
print(f"residual: largest  {gc.spread(residual[:, 0])}")
print(f"          smallest {gc.spread(residual[:, -1])}")
print(f"plain: exactly 0 are {gc.spread((plain == 0).sum(1), '.0f')} of 64")

# %% name="picture-spectrum" tags=["subslide"]
trial.spectrum_plot()

# %% [markdown] name="explain-spectrum" tags=["subslide"]
# ### Explain
#
# The derivative of a block is the identity and something small, so backwards
#
# $$\delta_0 = (I + \alpha J_1^\top)(I + \alpha J_2^\top) \cdots (I + \alpha J_L^\top)\, \delta_L .$$
#
# Let the branches be random and keep the mean square, as He's weights do: $\mathrm{E}|J^\top v|^2 =
# |v|^2$. The cross term $2\alpha\, v^\top J^\top v$ has mean 0: a matrix and its negative are equally
# likely. So
#
# $$\mathrm{E}\,|v + \alpha J^\top v|^2 = (1 + \alpha^2)\,|v|^2, \qquad
#   (1 + 1/L)^L < e \quad\text{for } \alpha = 1/\sqrt L ,$$
#
# **however deep**. And no direction is lost: the dashed law (Tarnowski et al. 2019) goes from 4.1 down to 0.23
# for 27 factors, and from 4.2 to 0.24 for 10,000 (64 units spread a little wider). In a plain layer a ReLU that is off sets a direction to 0,
# and no later layer brings it back.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 8 min
#
# Wrong answer to expect: "1 plus something is larger than 1, so it explodes". As a product of
# *numbers* above 1 it would; a random J pushes as often against v as along it, and only the square
# remains. Ask what happens at α = 1 in the demo: the smallest singular value sinks again, because αA is
# as large as I and can undo it. The law is free probability: wide layers, many weak branches.

# %% [markdown] name="bridge-1" tags=["continue"]
# Multiply the brackets out, and there are $2^{27}$ terms. **Which of them does the gradient
# take?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · Paths
#
# ### Predict

# %% name="predict-length" tags=["fragment"]
gc.panel("residual/mean-length")

# %% [markdown] name="drag-paths" tags=["subslide"]
# ### Drag
#
# Every path takes, in each block, the shortcut or the branch. The dotted line counts the paths by
# the number of their branches; the solid one says where the squared gradient goes.

# %% name="demo-paths" tags=["fragment"]
gc.demo("residual/paths")

# %% [markdown] name="measure-paths-intro" tags=["subslide"]
# ### Measure
#
# All $2^{27}$ paths of real networks, exactly. (One pass through the blocks is enough: exercise 8.)

# %% name="measure-paths" tags=["fragment"]
shares = {a: [trial.shares_by_length(a, seed) for seed in range(5)] for a in (1.0, 27**-0.5)}
for alpha, found in shares.items():
    mean = [share @ np.arange(28) for share in found]
    law = 27 * alpha**2 / (1 + alpha**2)
    print(f"α = {alpha:.2f}: branches on average {gc.spread(mean, '.1f')}; theory {law:.1f}")

# %% name="picture-paths" tags=["subslide"]
trial.paths_plot(shares)

# %% [markdown] name="explain-paths" tags=["subslide"]
# ### Explain
#
# Two blocks already show it:
#
# $$(I + \alpha J_1^\top)(I + \alpha J_2^\top) = I + \alpha J_1^\top + \alpha J_2^\top + \alpha^2
#   J_1^\top J_2^\top .$$
#
# With $L$ blocks there are $\binom{L}{k}$ paths through $k$ branches (Veit et al. 2016), each with the factor
# $\alpha^k$. For random weights two different paths are uncorrelated, so their squares add:
#
# $$\text{share of length } k = \binom{L}{k} \frac{\alpha^{2k}}{(1 + \alpha^2)^L}, \qquad
#   \text{mean length } \frac{L\, \alpha^2}{1 + \alpha^2} .$$
#
# At $\alpha = 1$ that is 13.5 of 27, at $1/\sqrt{27}$ it is 1.0. **56 layers deep, and the gradient meets one
# branch on its way.**

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# The usual answer to the prediction is 13.5, and it is right about the *number* of paths. Write the
# two-block product on the board and let the hall count. Single networks of width 64 scatter by
# about 20 %, since two paths are uncorrelated only on average.

# %% [markdown] name="bridge-2" tags=["continue"]
# Everything depends on α. The first residual networks had none: $\alpha = 1$. **What does that do to
# the signal, forwards?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · The size of the branches
#
# ### Predict

# %% name="predict-variance" tags=["fragment"]
gc.panel("residual/first-variance")

# %% [markdown] name="drag-variance" tags=["subslide"]
# ### Drag
#
# Twenty-seven blocks without any norm. Look at the slope of the line while you turn α down from 1.

# %% name="demo-variance" tags=["fragment"]
gc.demo("residual/variance")

# %% [markdown] name="measure-variance-intro" tags=["subslide"]
# ### Measure
#
# 256 digits, width 256: without any care, with $\alpha = 1/\sqrt L$, and with a batch norm in the branch.

# %% name="measure-variance" tags=["fragment"]
for name in trial.STACKS:
    growth = [trial.sizes(name, seed)[-1] / trial.sizes(name, seed)[0] for seed in range(5)]
    print(f"{name:18} mean square × {gc.spread(growth, '.3g')}")

# %% name="picture-variance" tags=["subslide"]
trial.sizes_plot()

# %% [markdown] name="explain-variance" tags=["subslide"]
# ### Explain
#
# It is the same sum as backwards: with $q_l = \mathrm{E}[x_l^2]$, $q_l = (1 + \alpha^2)\, q_{l-1}$. At
# $\alpha = 1$ it **doubles in every block**, $2^{27} = 1.3 \cdot 10^8$ (measured: × 1.95 a block); with $\alpha = 1/\sqrt L$
# it ends at $e$ (2.7).
# With a norm at its beginning a branch adds 1, whatever the size of $x$, and $q_l = q_0 + l$. Relative to $x$
# that is an α of $1/\sqrt{q_{l-1}}$: **batch norm scales the branches down by itself** (De & Smith 2020), and δ
# grows by a power of the depth only:

# %% name="measure-delta" tags=["fragment"]
for name, skip in (("plain", False), ("residual", True)):
    ends = [trial.end_to_end(skip, seed) for seed in range(5)]
    print(f"batch norm, {name:8}: δ₀/δ₂₇ {gc.spread(ends, ',.0f')}")

# %% [markdown] name="recipes" tags=["subslide"]
# ### Five ways to start near the identity
#
# | recipe | first α | learned? | and |
# |---|---|---|---|
# | $1/\sqrt L$ (Hayou et al. 2021) | $1/\sqrt L$ | no | |
# | ReZero, SkipInit (both 2020–21) | 0 | yes | every block starts as the identity |
# | Fixup (Zhang et al. 2019) | 1 | yes | the branch's last matrix starts at 0, its others shrink |
# | batch norm in the branch | 1 | no | see above |
# | **no shortcut at all** | | | each matrix starts at $I + 0.02\,\mathcal{N}(0, 1)$ |
#
# The last row is a control. A shortcut makes every block start near the identity, *and* it adds. Which of
# the two matters? 56 layers without a norm; with shortcuts 50 steps at a rate of 0.1, without them 150 steps.

# %% name="measure-recipes" tags=["subslide"]
recipes = {"1/√L": "inverse_sqrt", "ReZero": "rezero", "Fixup": "fixup", "α = 1": 1.0}
for name, scale in recipes.items():
    error = [trial.error_after(residual_mlp(27, scale=scale, seed=s), 50, s) for s in range(3)]
    print(f"shortcuts, {name:6}  training error {gc.spread(error)}")

# %% name="measure-identity" tags=["fragment"]
for start, rate in (("He", 0.02), ("near I", 0.02), ("near I", 0.1)):
    error = [trial.error_after(trial.plain_layers(start, s), 150, s, rate) for s in range(3)]
    print(f"no shortcut, {start:6} rate {rate:4}: training error {gc.spread(error)}")

# %% [markdown] name="explain-identity" tags=["continue"]
# **Here the start near the identity decides, not the plus sign**: plain layers learn with it, and shortcuts
# without it do not. The plus sign is one way to get it, and the one that stays while the weights change. The
# other is less robust: at a rate of 0.1 it does not learn. (An error of 1 is a loss that became NaN.)

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 10 min
#
# Let the hall guess the loss at α = 1 before the cell: it is not large but NaN, after one step. The growth
# of δ with batch norm: a block multiplies |δ|² by about $1 + c/q_{l-1}$ with $c = (\pi/(\pi-1))^2 = 2.15$, and
# the logarithms add up to $c \ln(q_L/q_0)$, so δ grows by $(29/2)^{1.08} \approx 18$ for $q_0 = 2$. Fixup's exponent is an
# exercise. So is the trap of doing both, ReZero's zero and Fixup's: then nothing ever moves. In expectation
# the mean square doubles; a network of finite width falls a little short, as products do (lesson 01).

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From the paper on DenseNets (Huang et al. 2017, section 3):
#
# > An advantage of ResNets is that the gradient can flow directly through the identity function from later
# > layers to the earlier layers.

# %% name="vote-bypass" tags=["fragment"]
gc.panel("residual/claim-bypass")

# %% name="claim-bypass" tags=["subslide", "nbval-check-output"]
direct = {alpha: np.median([share[0] for share in shares[alpha]]) for alpha in shares}
for alpha, share in direct.items():
    print(f"α = {alpha:.2f}: of the squared gradient takes no branch at all: {share:.0e}")
print(f"batch norm, (δ₂₇/δ₀)²: {np.median(ends) ** -2:.0e}")
print("verdict:", "holds only if" if direct[27**-0.5] > 0.2 > direct[1.0] else "holds")

# %% [markdown] name="claim-bypass-verdict" tags=["continue"]
# **Holds only if** the branches are small. At $\alpha = 1$ that way carries $2^{-27}$ of the squared gradient,
# at $1/\sqrt L$ about $1/e$. With batch norm, as ResNets have it, it brings $\delta_{27}$ alone, and $\delta_0$
# is 23 times as large: 0.2 %. *Scope:* untrained, 27 blocks.

# %% [markdown] name="claim-vanishing" tags=["subslide"]
# ### Claim 2
#
# The abstract of Veit et al. (2016) ends:
#
# > Residual networks avoid the vanishing gradient problem by introducing short paths which can carry gradient
# > throughout the extent of very deep networks.

# %% name="vote-vanishing" tags=["fragment"]
gc.panel("residual/claim-vanishing")

# %% [markdown] name="claim-vanishing-intro" tags=["subslide"]
# Then *plain* networks must have it. δ after the first layer, relative to the last hidden one, in plain
# networks of 56 layers with He's weights; far below 1 it vanishes.

# %% name="claim-vanishing-measure" tags=["fragment"]
plain = {"order": "post", "norm": "batch", "skip": False}
fresh = {"no norm": [trial.plain_layers("He", seed) for seed in range(5)]}
fresh["batch norm"] = [residual_mlp(27, seed=seed, **plain) for seed in range(5)]
start = {name: [trial.first_to_last_layer(n) for n in nets] for name, nets in fresh.items()}
later = [trial.first_to_last_layer(net) for net in trained["plain"]]
for name, found in start.items():
    print(f"{name:10} at the start:   {gc.spread(found, ',.1f')}")
print(f"batch norm after 50 steps: {gc.spread(later)}")
print(told(longer, "56 layers, no norm, He", "56 layers, no norm, near I"))

# %% name="claim-vanishing-decided" tags=["fragment", "nbval-check-output"]
smallest = min(min(found) for found in start.values())
print("verdict:", "fails" if smallest > 0.1 else "holds")

# %% [markdown] name="claim-vanishing-verdict" tags=["subslide"]
# **Fails.** None of these networks starts with a vanishing gradient, and none learns, in five times the steps
# either (0.37 right at most). Without a norm δ is level; with batch norm it *explodes*, and after 50 steps looks healthy, in
# networks that have learned nothing. The inventors said so: vanishing gradients were unlikely to be the cause
# (He et al. 2016a, section 4.1). *Scope:* He's weights, which had mended vanishing before.
#
# **What is cured, then?** For one: in plain networks the *image* does not arrive. A linear readout of the
# untrained $x_{27}$ (with shortcuts and no norm, $\alpha = 1/\sqrt{27}$):

# %% name="claim-arrives" tags=["fragment"]
for name, options in (("no norm", {"scale": "inverse_sqrt"}), ("batch norm", {"norm": "batch"})):
    for skip in (False, True):
        right = [trial.readout(residual_mlp(27, skip=skip, seed=s, **options)) for s in range(5)]
        print(f"{name:10} {'shortcuts' if skip else 'plain':9} read out: {gc.spread(right)}")

# %% [markdown] name="claim-arrives-verdict" tags=["continue"]
# Without a norm all images become alike; with batch norm they stay different, but no longer where the digits
# are. **A straight road carries the image up as well as the gradient down.**

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 7 min
#
# Claim 2 is the one to remember, because nearly every blog has it. Quote section 4.1 of He et al. from the
# original: they had checked that their plain networks' gradients have healthy norms. Measured here, the start is not healthy: δ grows by tens of thousands; the first steps make the first layers' weights a hundred times as large, batch
# norm divides their gradients by that, and δ looks level. What happens later without a norm is a
# symptom: δ loses a decade or two while the network fails to learn. Their next paper says that in a residual network the gradient
# is unlikely to vanish: true, and another claim. Do not say that
# the explosion is the only obstacle: 56 layers with layer norm have a level δ and stay at chance too. "Alike": two
# digits' $x_{27}$ correlate by 0.99 in the plain network without a norm, with shortcuts by 0.63. "No longer where the digits
# are": with batch norm the correlations of all pairs at $x_{27}$ have nothing to do with those of their pixels (0.00;
# with shortcuts 0.31, medians of five).

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - **Highway networks** (Srivastava et al. 2015), months earlier, had gates on the shortcut, as in lesson 08.
# - Plain networks of 200 layers were trained from a start at which they are linear (Balduzzi et al. 2017), and
#   ones with leaky ReLUs of chosen slopes (TAT, Zhang et al. 2022). ZerO and IDInit start residual networks at
#   the identity (Zhao et al. 2022; Pan et al. 2025).
# - $1/\sqrt L$ is right for the *start*, where random branches add as squares. After some updates they change
#   together and add linearly: with $1/L$ the best rate transfers over depth (Dey et al. 2025).

# %% name="since-measure" tags=["subslide"]
rows = stored("depth_transfer").rows
print("best power of two for Adam's rate, and those within 10 % of it, at 2, 8 and 32 blocks")
for exponent, name in ((0.0, "1"), (0.5, "1/√L"), (1.0, "1/L")):
    print(f"α = {name:5}", "   ".join(best_rates(rows, exponent, blocks) for blocks in (2, 8, 32)))

# %% [markdown] name="deeper-shattered" tags=["slide", "deeper"]
# ## Deeper · Shattered gradients
#
# A plain network without a norm has gradients of a perfect size, and those of two similar images have nothing in common.

# %% name="predict-shattered" tags=["fragment"]
gc.panel("residual/shattered")

# %% [markdown] name="drag-shattering" tags=["subslide"]
# ### Drag
#
# You walk from one digit to another, along an arc. $f$ is a random sum of the last layer's units;
# the picture shows its slope along the walk. Look at neighbouring points, and make the networks shallower.

# %% name="demo-shattering" tags=["fragment"]
gc.demo("residual/shattering")

# %% [markdown] name="measure-shattering-intro" tags=["subslide"]
# ### Measure
#
# Two inputs 20° apart: the cosine of the angle between their gradients $\partial f/\partial x_0$.

# %% name="measure-shattering" tags=["fragment"]
for name in trial.COSINES:
    found = [trial.cosines_by_depth(name, seed) for seed in range(5)]
    print(f"{name:10} 3 blocks: {gc.spread([cosine[2] for cosine in found])}")
    print(f"{'':10} 27 blocks: {gc.spread([cosine[-1] for cosine in found])}")

# %% name="picture-shattering" tags=["subslide"]
trial.cosines_plot()

# %% [markdown] name="explain-shattering" tags=["subslide"]
# ### Explain
#
# Two inputs at an angle θ switch on different units: of those active at one, a share
# $\kappa = 1 - \theta/\pi$ is active at the other. At 20° that is 89 %. Going back through a wide
# random layer multiplies the correlation $c$ of the two gradients by this share (Cho & Saul 2009
# for κ; the angle itself shrinks from layer to layer, so κ rises):
#
# $$\text{plain layer:}\quad c \leftarrow \kappa\, c, \qquad
#   \text{residual block:}\quad c \leftarrow \frac{1 + \alpha^2\, \kappa_1 \kappa_2}{1 + \alpha^2}\, c ,$$
#
# with one κ for each of the block's two ReLUs. A plain network of 54 layers multiplies 54 of them
# and keeps almost nothing. Balduzzi et al. (2017) call such a gradient **shattered**: it looks like white noise. A step that helps one
# image is a random step for its neighbour. And all the while the *size* of the gradient is perfect.
#
# With $\alpha = 1/\sqrt L$ each block takes at most $1/L$ of it away: $c$ stays above $1/e$,
# **however deep**. With $\alpha = 1$ each block may take up to half: shortcuts alone help
# a little, small branches help.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 9 min
#
# Wrong answer to expect: "the gradients are alike, since the images are";
# ask how many units change sides in one layer, and then 54 times. Balduzzi et al. give $2^{-L}$
# for plain and $(3/4)^L$ for residual networks with α = 1: that is κ = ½, inputs at 90°. Mind
# the conditions: wide, random weights, at the start. With batch norm in the branches gradients 20° apart have a cosine of 0.2
# (median of five networks, −0.1 to 0.4), and yet that network learns: no single number explains it all.

# %% [markdown] name="deeper-road" tags=["slide", "deeper"]
# ## Deeper · What may stand on the shortcut
#
# A ReLU, a factor of ½, a projection: whatever stands behind the sum brings a plain product back.

# %% name="predict-road" tags=["fragment"]
gc.panel("residual/open-road")

# %% [markdown] name="drag-road" tags=["subslide"]
# ### Drag
#
# The first ResNets had a ReLU behind each sum; a year later the same authors moved it into the branch (He et al. 2016b).
# Look at the share of units whose shortcuts are open all the way.

# %% name="demo-road" tags=["fragment"]
gc.demo("residual/road")

# %% [markdown] name="measure-order-intro" tags=["subslide"]
# ### Measure
#
# 56 layers with batch norm, 30 steps. The branches are always the same; behind each sum stands nothing, a
# ReLU, or a factor of ½.


# %% name="measure-order" tags=["fragment"]
class Half(torch.nn.Module):
    def forward(self, x):
        return x / 2


for name, after in (("nothing", torch.nn.Identity), ("a ReLU", torch.nn.ReLU), ("½", Half)):
    nets = [residual_mlp(27, norm="batch", seed=seed) for seed in range(3)]
    for net in nets:
        for block in net[1:28]:
            block.after = after()
    error = [trial.error_after(net, 30, seed) for seed, net in enumerate(nets)]
    print(f"behind each sum {name:8}: training error {gc.spread(error)}")
print(told(longer, "½ behind each sum", "nothing behind the sums"))

# %% [markdown] name="explain-road" tags=["continue"]
# Let a factor $D_l$ stand behind the sum, $x_l = D_l\,(x_{l-1} + \alpha F_l)$. Then the shortest
# path is no longer $I$ but $D_L \cdots D_1$: **a plain product is back**, with all that lesson 01
# says about it. A factor of ½ makes $2^{-L}$ of it, and the network has only begun to learn after five times the steps. (He et
# al. 2016b tried it with 110 layers: the sum halved trained badly, the shortcut alone halved not at all.) A ReLU is a $D_l$ of zeros and ones. The road is
# not fully blocked: after a ReLU $x$ is positive, and stays positive unless the branch subtracts a lot. At
# $\alpha = 1/\sqrt{60}$ about 40 % of the units are open through 60 blocks.

# %% [markdown] name="projection" tags=["subslide"]
# ### Where the shape changes
#
# In a convolutional network the picture shrinks and the channels multiply, and where they do the identity cannot be added. There the shortcut
# becomes a **projection**: one matrix for all pixels (a 1×1 convolution), with stride 2. A projection is such a
# factor $D_l$, too; but two of them are a product of two. 56 layers, three stages of nine blocks with batch norm (He et al. 2016a),
# with 4, 8 and 16 channels on the digits' 8×8 pixels:

# %% name="measure-cnn" tags=["fragment"]
for module in residual_cnn(9, 4).modules():
    if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (1, 1):
        print("a projection:", tuple(module.weight.shape), "stride", module.stride)
print(told(longer, "convolutions, plain", "convolutions, residual"))

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 7 min
#
# If the demo's line is called pessimistic: it is. A path may leave the closed unit by a branch and
# come back. The cell changes one thing at a time. The original order also moves the norm to the end
# of the branch. At 56 layers with batch norm it is as fast as the clear road: after 30 steps 9 % of
# the training digits are wrong, 10 % where the output gets a norm as well, and 11 % on the clear road
# (medians of five; single networks 7 to 13 %). He et al. (2016b) found a small gain at 110 layers on
# CIFAR-10 and a large one at 1001 (7.6 % against less than 5 % test error). With layer norm and
# $\eta = 0.1$, the original order is wrong on 87 % after 50 steps (83 to 90 %), and on 34 % (21 to
# 52 %) once its output gets a norm: blame the size of the output, not the road. Lesson 11 has the
# same story about Transformers. Projections: on CIFAR He et al. (2016a) padded with zeros instead; on
# ImageNet the two differed by half a point.

# %% [markdown] name="deeper-cut" tags=["slide", "deeper"]
# ## Deeper · Cut a block out, and what a learned α does
#
# If the paths are many and short, a trained network should survive the loss of any block; and where does gradient descent take ReZero's α?

# %% name="measure-cut" tags=["fragment"]
for name, skip in (("plain", False), ("residual", True)):
    right = np.array([trial.right_without_a_block(skip, seed) for seed in range(5)])
    print(f"{name:9} whole: right {gc.spread(right[:, 0])}")
    print(f"{'':9} 20 cuts of one block in four: right {gc.spread(right[:, 1:].ravel())}")

# %% name="learned-alpha" tags=["fragment"]
for blocks in (9, 18, 36):
    alpha = [trial.learned_scale(blocks, seed) for seed in range(3)]
    print(f"{blocks} blocks, 150 steps: α {gc.spread(alpha)}; 1/√L = {blocks**-0.5:.2f}")

# %% [markdown] name="learned-alpha-explain" tags=["continue"]
# Veit et al. (2016) cut real ResNets, and a plain network. In a plain network block 3 has only ever seen the output of block 2; with shortcuts half of
# all paths remain. And α: it falls with the depth, from 0.32 to 0.20 over four times
# the blocks, about as $L^{-1/3}$: more slowly than $1/\sqrt L$.

# %% [markdown] name="notes-cut" tags=["notes"]
# **Speaker notes** · 4 min
#
# Lesson 11 cuts blocks out of a Transformer, with the same picture and the same caution.

# %% [markdown] name="deeper-necessary" tags=["slide", "deeper"]
# ## Deeper · Are shortcuts necessary?
#
# A third claim on trial, decided by the control of step 3 with a larger budget, and by a start that is far from the identity.

# %% [markdown] name="claim-care" tags=["subslide"]
# ### Claim 3
#
# The first sentence of the abstract of Orhan & Pitkow (2018):
#
# > Skip connections made the training of very deep networks possible and have become an indispensable
# > component in a variety of neural architectures.

# %% name="vote-care" tags=["fragment"]
gc.panel("residual/claim-necessary")

# %% name="claim-care-measure" tags=["subslide"]
nets = [trial.plain_layers("near I", seed) for seed in range(5)]
error = [trial.error_after(net, 300, seed, 0.02) for seed, net in enumerate(nets)]
right = [gc.accuracy(net, digits.x_test, digits.y_test) for net in nets]
print(f"56 layers, no shortcut, near I, 300 steps: training error {gc.spread(error)}")
print(f"   right on the test digits {gc.spread(right)}")
print(told(longer, "56 layers, no norm, He"))

# %% name="claim-care-decided" tags=["fragment", "nbval-check-output"]
print("verdict:", "fails" if np.median(right) > 0.5 else "holds")  # He: 0.37 at most, in 750 steps

# %% [markdown] name="claim-care-verdict" tags=["continue"]
# **Fails**, for training to be possible. Fifty-six layers learn without a norm and without a shortcut if they start
# near the identity. One of five may be thrown back in its last steps, and which one does depends on rounding: the
# verdict is about the median. *Scope:* a rate of 0.02, width 64, digits; at 0.1 they do not learn, and whether such
# networks are as *good* at scale is another question. A branch scale is an initialization, too: shortcuts with α = 1
# and no norm end as NaN at 0.1, and at $10^{-5}$ they learn little:

# %% name="slow-shortcuts" tags=["fragment"]
error = [trial.error_after(residual_mlp(27, seed=s), 50, s, 1e-5) for s in range(3)]
print(f"shortcuts, α = 1, no norm, rate 10⁻⁵, 50 steps: training error {gc.spread(error)}")

# %% [markdown] name="linear-start-intro" tags=["subslide"]
# ### It need not be the identity
#
# A pair of ReLUs loses nothing: $\mathrm{relu}(v) - \mathrm{relu}(-v) = v$. So let the lower half of the stem be the
# upper one with a minus, and every later matrix $\begin{pmatrix} O & -O \\ -O & O \end{pmatrix}$ with a random
# orthogonal $O$ of its own. Then the layers start as one linear map, far from the identity (Balduzzi et al. 2017):

# %% name="linear-start" tags=["fragment"]
nets = [linear_start_(trial.plain_layers("He", seed), seed=seed) for seed in range(3)]
error = [trial.error_after(net, 150, seed, 0.02) for seed, net in enumerate(nets)]
print(f"56 layers, no shortcut, linear at the start, 150 steps: training error {gc.spread(error)}")

# %% [markdown] name="linear-start-explain" tags=["continue"]
# Each layer turns what it is given, and the network learns. **The start decides, and the identity is one of several
# that do.**

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# In a residual network the line should be level or bend gently; if it is straight and steep on this log
# axis, each block multiplies: look at the size of the branches.

# %% name="your-network-code" tags=["fragment"]
model, x, y = residual_cnn(3), digits.x_train[:128], digits.y_train[:128]

with gc.probe(model) as record:
    torch.nn.functional.cross_entropy(model(x), y).backward()
gc.depth_plot(record, "output_gradient_rms", kind="Conv2d", healthy=10.0)

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# At layers 8 and 15 a new stage begins: the picture is half as wide, δ spreads over a quarter of the
# pixels, and each gets more. A branch's inner layer has a δ of its own, between those of the sums.

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# Somebody proposes $x_l = 0.99\,x_{l-1} + F_l(x_{l-1})$, "a little weight decay on the stream". **For how many blocks is that harmless,
# and what would you measure first?**
#
# <details>
# <summary>A model answer</summary>
#
# The way around all branches carries $0.99^L$: 0.76 after 27 blocks, 0.37 after 100, $4\cdot 10^{-5}$ after 1000. So a few dozen blocks
# hardly notice, and a thousand do. But the shortest way is not all: the mean square goes like $q_l = (0.98 + 1)\,q_{l-1}$ where the branch keeps
# the size of $x$, and $q_l = 0.98\,q_{l-1} + 1$ where a norm stands in front of it. Then $q$ settles at $1/0.02 = 50$, and each
# late block has the same share of the stream: late blocks are no longer diluted, and in exchange the image of block 0 fades. Measure δ by
# block and $q$ by block of an untrained network, at the depth that you mean to use, and the readout of this lesson; then train both with
# the same budget.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# The LSTM of lesson 08 has exactly this factor on its stream, learned: the forget gate.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A shortcut turns a product of $J_l$ into one of $I + \alpha J_l$. With $\alpha = 1/\sqrt L$ its
#   singular values stay near 1: here between 0.16 and 6.7.
# - The squared gradient takes $L\alpha^2/(1+\alpha^2)$ branches: about one at $1/\sqrt L$ (0.9 of 27).
# - Without a norm and at $\alpha = 1$ the mean square doubles in every block (× 1.95).
# - The start near the identity counts: plain layers learn from there, too (6 % wrong at a rate of 0.02, from He's
#   weights 79 %).
# - Plain layers with He's weights do not fail because gradients vanish: δ is level, or explodes with batch norm.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Thirteen questions, 18 points:
# [exercises/07_residual.ipynb](../exercises/07_residual.ipynb). Questions 1, 2 and 13 belong to the
# drawing, 3 to 7, 11 and 12 to step 3, 8 and 9 to step 2; 10 needs no more than a cosine.
#
# **Next:** [08 · LSTM and GRU](08_lstm_and_gru.ipynb). A recurrent network is as deep as its sequence
# is long, and its way through time is the product of lesson 03. A shortcut makes a straight road
# through depth; highway networks had built one with gates, after the model of a network from 1997: **can such a road be built through
# time?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - He, Zhang, Ren & Sun (2016a), *Deep residual learning for image recognition*, arXiv:1512.03385,
#   CVPR: 56 layers, projections, and section 4.1 on vanishing gradients.
# - He, Zhang, Ren & Sun (2016b), *Identity mappings in deep residual networks*, arXiv:1603.05027,
#   ECCV: what may stand on the shortcut.
# - Srivastava, Greff & Schmidhuber (2015), *Highway networks*, arXiv:1505.00387.
# - Veit, Wilber & Belongie (2016), *Residual networks behave like ensembles of relatively shallow
#   networks*, arXiv:1605.06431, NeurIPS: paths, and cutting blocks out.
# - Huang, Liu, van der Maaten & Weinberger (2017), *Densely connected convolutional networks*,
#   arXiv:1608.06993, CVPR.
# - Balduzzi, Frean, Leary, Lewis, Ma & McWilliams (2017), *The shattered gradients problem: if
#   resnets are the answer, then what is the question?*, arXiv:1702.08591, ICML.
# - Orhan & Pitkow (2018), *Skip connections eliminate singularities*, arXiv:1701.09175, ICLR.
# - Tarnowski, Warchoł, Jastrzębski, Tabor & Nowak (2019), *Dynamical isometry is achieved in
#   residual networks in a universal way for any activation function*, arXiv:1809.08848, AISTATS.
# - Cho & Saul (2009), *Kernel methods for deep learning*, NeurIPS: κ.
# - Zhang, Dauphin & Ma (2019), *Fixup initialization*, arXiv:1901.09321, ICLR.
# - De & Smith (2020), *Batch normalization biases residual blocks towards the identity function in
#   deep networks*, arXiv:2002.10444, NeurIPS: SkipInit.
# - Bachlechner, Majumder, Mao, Cottrell & McAuley (2021), *ReZero is all you need*,
#   arXiv:2003.04887, UAI.
# - Hayou, Clerico, He, Deligiannidis, Doucet & Rousseau (2021), *Stable ResNet*, arXiv:2010.12859,
#   AISTATS: $1/\sqrt L$.
# - Zhao, Schäfer & Anandkumar (2022), *ZerO initialization*, arXiv:2110.12661, TMLR.
# - Zhang, Botev & Martens (2022), *Deep learning without shortcuts: shaping the kernel with tailored
#   rectifiers*, arXiv:2203.08120, ICLR: TAT, after DKS.
# - Pan et al. (2025), *IDInit: a universal and stable initialization method for neural network training*,
#   ICLR.
# - Dey et al. (2025), *Don't be lazy: CompleteP enables compute-efficient deep transformers*,
#   arXiv:2505.01618, NeurIPS.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49, UCI:
#   the data.
