# %% [markdown] name="title" tags=["slide"]
# # 07 · Residual networks
#
# **After this lesson you can say what a shortcut does to a product of Jacobians, choose the size of
# a branch before you train, and say what residual networks cure. It is not what most people say.**
#
# *80 minutes. You need lesson 01 (singular values of a product), He's weights from lesson 05, and
# the 56 layers of lesson 06.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory
from gradcourse.nets import residual_cnn, residual_mlp

digits = gc.digits()

# %% [markdown] name="notation" tags=["continue"]
# A **residual block** adds something to what it was given:
#
# $$x_l = x_{l-1} + \alpha\, F_l(x_{l-1}), \qquad l = 1 \dots L .$$
#
# $F_l$ is the **branch**, here two ReLUs and two matrices; $x_{l-1}$ goes around it on the
# **shortcut**; the number $\alpha$ is the **branch scale**, 1 unless we say otherwise. A first
# matrix, the **stem**, makes $x_0$ from the image, and a last one makes the outputs from $x_L$. So
# $L = 27$ blocks have $2 \cdot 27 + 2 = 56$ layers. In this lesson $\delta_l =
# \partial\mathcal{L}/\partial x_l$, and $J_l = \partial F_l / \partial x_{l-1}$. A **plain**
# network has the same matrices and no shortcuts: $x_l = F_l(x_{l-1})$.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# Draw one block: a straight line, and a loop beside it with two boxes. Leave it on the board; every
# step adds something to the drawing. Mind the δ: it now belongs to the x between the blocks.
#
# In a hall all of it takes 55 minutes. For 45, leave out the block that is cut out (step 2), the
# projection (step 4) and claim 3.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lesson 06 ended with 56 ReLU layers that batch norm could not save, and weights near the identity
# could. And with a question: **can one build the identity into the network?** He et al. (2016a) did:
# they added the input of a piece of the network to its output.
#
# Here are the 56 layers again, with batch norm as they had it: plain, and with a shortcut around every
# second layer. The same matrices to begin with, the same steps. Look at the
# **training** error. A network that is wrong on its own training images is not overfitting; it has not
# learned.


# %% name="puzzle-train" tags=["fragment", "nbval-check-output"]
def training_error(net, steps, seed, lr=0.1):
    run = gc.train(net, digits, steps=steps, lr=lr, seed=seed, every=steps)
    return 1 - run.train_accuracy[-1], run.loss


loss, trained = {}, {}
for name, skip in (("plain", False), ("residual", True)):
    nets = [residual_mlp(27, order="post", norm="batch", skip=skip, seed=s) for s in range(5)]
    runs = [training_error(net, 50, seed) for seed, net in enumerate(nets)]
    trained[name] = nets
    loss[name] = np.mean([curve for _, curve in runs], axis=0)
    below, above = sum(e < 0.1 for e, _ in runs), sum(e > 0.7 for e, _ in runs)
    print(f"56 layers, {name:9} training error below 10 %: {below} of 5   above 70 %: {above} of 5")

# %% name="puzzle-picture" tags=["fragment"]
step, lines = np.arange(5, 51, 5), []
for name, curve in loss.items():
    smooth = curve[1:].reshape(-1, 5).mean(axis=1)
    lines.append(gc.Line(step, smooth, f"{name}, mean of 5", color=name))
lines.append(gc.Line([5, 50], [math.log(10)] * 2, "ln 10, guessing", "reference"))
y_axis = gc.Axis("training loss", "log")
gc.Plot("56 layers with batch norm", gc.Axis("step"), y_axis, tuple(lines))

# %% [markdown] name="puzzle-question" tags=["continue"]
# Ten such layers train without shortcuts (lesson 06). And the 56 *contain* the ten: let 46 layers
# copy their input (ReLU copies what is positive). So good weights exist, and the plain network does
# not find them. (That of He et al., with convolutions and long training, did learn, but it stayed
# worse than 20 layers, in its training error too.) **What does "$x +$" change about the search?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# The argument with the copying layers is He et al.'s own. Collect theories and keep them on the
# board: "the gradient takes the shortcut", "gradients do not vanish any more", "it is shallower
# than it looks". Each of them will be measured; the second one does not survive. The training
# takes a few seconds.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · One plus something
#
# ### Predict

# %% name="predict-span" tags=["fragment"]
gc.panel("residual/span")

# %% [markdown] name="drag-spectrum" tags=["subslide"]
# ### Drag
#
# All 64 singular values of a product of 27 factors (lesson 01): how the product stretches and
# squeezes. Look at the right end of both lines, the direction that suffers most, while you make
# the branches smaller.

# %% name="demo-spectrum" tags=["fragment"]
gc.demo("residual/spectrum")

# %% [markdown] name="measure-spectrum-intro" tags=["subslide"]
# ### Measure
#
# The same in real networks with ReLUs: $\partial x_{27}/\partial x_0$ at one digit, plain and
# residual, $\alpha = 1/\sqrt{27}$, five networks.

# %% name="measure-spectrum" tags=["fragment", "nbval-check-output"]
logs = {"plain": [], "residual": []}
for seed in range(5):
    for name in logs:
        net = residual_mlp(27, scale="inverse_sqrt", skip=name == "residual", seed=seed)
        x0 = net.stem(digits.x_train[seed : seed + 1]).detach()
        logs[name].append(gc.jacobian_spectrum(net[1:28], x0))
inside = sum(bool((abs(s) < math.log(10)).all()) for s in logs["residual"])
zeros = [int(np.isneginf(s).sum()) for s in logs["plain"]]
print(f"residual: all 64 singular values between 1/10 and 10: {inside} of 5")
print(f"plain: more than half of them exactly 0:              {sum(z > 32 for z in zeros)} of 5")

# %% name="picture-spectrum" tags=["fragment"]
index, decades = np.arange(1, 65), {k: np.array(v) / np.log(10) for k, v in logs.items()}
plain = np.where(np.isfinite(decades["plain"][0]), decades["plain"][0], np.nan)
wide = theory.residual_log_singular_values(27, 27**-0.5, 64) / np.log(10)
residual = decades["residual"].mean(axis=0)
gc.Plot(
    "Singular values of ∂x₂₇/∂x₀ at a digit; what is missing is 0",
    gc.Axis("singular value (1 = largest)"),
    gc.Axis("log₁₀ of the singular value"),
    (
        gc.Line(index, plain, "plain, one network", color="plain"),
        *gc.with_theory(index, residual, wide, "residual, mean of 5", "residual"),
    ),
)

# %% [markdown] name="explain-spectrum" tags=["subslide"]
# ### Explain
#
# The derivative of a block is the identity and something small, so backwards
#
# $$\delta_0 = (I + \alpha J_1^\top)(I + \alpha J_2^\top) \cdots (I + \alpha J_L^\top)\, \delta_L .$$
#
# Let the branches be random and keep the mean square, as He's weights do at the start:
# $\mathrm{E}|J^\top v|^2 = |v|^2$, a mean over the weights. The cross term $2\alpha\, v^\top J^\top
# v$ has mean 0: a matrix and its negative are equally likely. So for any $v$
#
# $$\mathrm{E}\,|v + \alpha J^\top v|^2 = |v|^2 + \alpha^2 |v|^2 = (1 + \alpha^2)\,|v|^2 .$$
#
# With $\alpha = 1/\sqrt L$ that is $(1 + 1/L)^L < e = 2.72$ for the whole network, **however
# deep**. That is the mean over all directions. None of them is lost, either: the dashed line, the
# exact law for 27 wide random matrices, goes from 4.1 down to 0.23, and for 10,000 of them, each
# with $\alpha = 1/\sqrt{10{,}000}$, from 4.2 to 0.24. In real ReLU networks with 64 units the range
# is a little wider.
#
# A plain layer *is* its something: a ReLU that is off sets a direction to 0, and no later layer
# brings it back.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 8 min
#
# Wrong answer to expect: "1 plus something is larger than 1, so it explodes". As a product of
# *numbers* above 1 it would; a random J pushes as often against v as along it, and only the square
# remains. Ask what happens at α = 1 in the demo: the smallest singular value sinks again. There,
# αA is as large as I and can undo it. The law of the dashed line comes from free probability
# (Tarnowski et al. 2019); the exact computation is in `gradcourse/theory/residual.py`. That wide
# layers with any activation give one law is their main result, for many weak branches.

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
# the number of branches on them. Look at the solid one: where the squared gradient goes. At $\alpha = 1$
# the two go together; make α smaller.

# %% name="demo-paths" tags=["fragment"]
gc.demo("residual/paths")

# %% [markdown] name="measure-paths-intro" tags=["subslide"]
# ### Measure
#
# All $2^{27}$ paths, exactly, in 27 steps. Row $k$ of `parts` carries what arrives by $k$
# branches so far, for all 64 directions of δ at once.


# %% name="measure-paths" tags=["fragment"]
def shares_by_length(net, x):
    parts = torch.zeros(64, 28, 64, dtype=torch.float64)
    parts[:, 0] = torch.eye(64, dtype=torch.float64)
    states = [net[: 1 + blocks](x) for blocks in range(27)]
    for block, below in zip(list(net)[27:0:-1], states[::-1], strict=True):
        J = torch.func.jacrev(block.branch)(below)
        parts[:, 1:] += block.alpha * (parts[:, :-1] @ J)
    squares = parts.square().sum((0, 2))
    return (squares / squares.sum()).detach().numpy()


# %% name="measure-paths-mean" tags=["fragment", "nbval-check-output"]
length, shares, images = np.arange(28), {}, digits.x_train.double()
for alpha in (1.0, 27**-0.5):
    nets = [residual_mlp(27, scale=alpha, seed=s).double() for s in range(5)]
    shares[alpha] = [shares_by_length(net, images[s]) for s, net in enumerate(nets)]
    mean = [share @ length for share in shares[alpha]]
    expected = 27 * alpha**2 / (1 + alpha**2)
    near = sum(abs(m - expected) < 0.1 * expected + 0.3 for m in mean)
    print(f"α = {alpha:.2f}: branches on average, theory {expected:4.1f}; near it: {near} of 5")

# %% name="picture-paths" tags=["fragment"]
lines = []
for alpha, color, name in ((1.0, "orange", "α = 1"), (27**-0.5, "residual", "α = 1/√27")):
    found = np.mean(shares[alpha], axis=0)
    lines += gc.with_theory(length, found, theory.path_shares(27, alpha), name, color)
gc.Plot(
    "Where the squared gradient goes, mean of 5",
    gc.Axis("branches on the path"),
    gc.Axis("share of the squared gradient"),
    tuple(lines),
)

# %% [markdown] name="explain-paths" tags=["subslide"]
# ### Explain
#
# Two blocks already show it:
#
# $$(I + \alpha J_1^\top)(I + \alpha J_2^\top) = I + \alpha J_1^\top + \alpha J_2^\top + \alpha^2
#   J_1^\top J_2^\top .$$
#
# With $L$ blocks there are $\binom{L}{k}$ paths through $k$ branches, each with the factor
# $\alpha^k$. For random weights two different paths are uncorrelated, so their squares add, and the
# share of length $k$ is binomial (the paths are those of Veit et al. 2016):
#
# $$\binom{L}{k} \frac{\alpha^{2k}}{(1 + \alpha^2)^L}, \qquad
#   \text{mean length } \frac{L\, \alpha^2}{1 + \alpha^2} .$$
#
# At $\alpha = 1$ that is 13.5 of 27, at $\alpha = 1/\sqrt{27}$ it is $27/28 \approx 1.0$. **56
# layers deep, and the gradient meets one branch on its way.** More than 99 % of its square comes on
# paths of at most four branches.

# %% [markdown] name="measure-cut-intro" tags=["subslide"]
# ### Cut a block out
#
# If the paths are many and short, a trained network should survive the loss of any one block: half
# of its paths remain. Veit et al. did that to ResNets and to a plain network. Here are four blocks
# with batch norm, plain and residual, trained; then each block is taken out in turn.


# %% name="measure-cut" tags=["fragment", "nbval-check-output"]
def accuracy_without(net, block):
    kept = [module for name, module in net.named_children() if name != block]
    return gc.accuracy(torch.nn.Sequential(*kept), digits.x_train, digits.y_train)


for name in ("plain", "residual"):
    left = []
    for seed in range(5):
        net = residual_mlp(4, norm="batch", skip=name == "residual", seed=seed)
        assert training_error(net, 100, seed)[0] < 0.1
        left.append([accuracy_without(net, f"block{b}") for b in range(1, 5)])
    above, below = (np.array(left) > 0.5).sum(), (np.array(left) < 0.3).sum()
    print(f"{name:9} 20 cuts: more than 50 % right: {above:2d}   less than 30 %: {below:2d}")

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# The usual answer to the prediction is 13.5, and it is right about the *number* of paths. Write the
# two-block product on the board and let the hall count. The trick of `parts` is the triangle of
# Pascal with vectors in it; it is an exercise. Cross terms: single networks of width 64 scatter by
# about 20 %, since two paths are uncorrelated only on average. The cut is a good moment for
# questions: in a plain network block 3 has only ever seen the output of block 2.

# %% [markdown] name="bridge-2" tags=["continue"]
# Everything hung on α. The first residual networks had none: $\alpha = 1$. **What does that do to
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
# 256 digits, width 256: without any care, and with two ways to keep it down: $\alpha = 1/\sqrt L$,
# and a batch norm at the beginning of the branch.


# %% name="measure-variance" tags=["fragment"]
def mean_squares(net, x):
    found = []
    with torch.no_grad():
        for module in net[:28]:  # the stem and 27 blocks
            x = module(x)
            found.append(float(x.square().mean()))
    return np.array(found)


# %% name="picture-variance" tags=["fragment"]
x, block, lines = digits.x_train[:256], np.arange(28), []
for name, options, color in (
    ("α = 1", {"scale": 1.0}, "orange"),
    ("α = 1/√27", {"scale": 27**-0.5}, "residual"),
    ("batch norm, α = 1", {"norm": "batch"}, "batch_norm"),
):
    q = np.mean([mean_squares(residual_mlp(27, 256, seed=s, **options), x) for s in range(5)], 0)
    growth = theory.residual_variance(27, options.get("scale", 1.0))
    expected = q[0] + block if "norm" in name else q[0] * growth
    lines += gc.with_theory(block, q, expected, name, color)
y_axis = gc.Axis("mean square of x", "log")
gc.Plot("27 residual blocks, mean of 5", gc.Axis("block (0 is the stem)"), y_axis, tuple(lines))

# %% [markdown] name="explain-variance" tags=["subslide"]
# ### Explain
#
# Forwards it is the same sum as backwards. $F(x)$ has the mean square of $x$ and is uncorrelated
# with it, so with $q_l = \mathrm{E}[x_l^2]$
#
# $$q_l = (1 + \alpha^2)\, q_{l-1} .$$
#
# At $\alpha = 1$ it **doubles in every block**: $2^{27} = 1.3 \cdot 10^8$ (in expectation; a
# network of finite width typically falls a little short, as products do, lesson 01). With
# $\alpha = 1/\sqrt L$ it ends at $e$.
#
# A norm at the beginning of the branch makes its output independent of the size of $x$. Then each
# block *adds* 1, and $q_l = q_0 + l$. Block $l$ adds 1 to something that has grown to $q_0 + l - 1$:
# its α is, in effect, $1/\sqrt{q_{l-1}}$. **Batch norm scales the branches down without being
# told** (De & Smith 2020).

# %% name="measure-delta" tags=["fragment", "nbval-check-output"]
x, y, ends = digits.x_train[:1024], digits.y_train[:1024], {}
for name, skip in (("plain", False), ("residual", True)):
    ends[name] = []
    for seed in range(5):
        net = residual_mlp(27, norm="batch", skip=skip, seed=seed)
        x0 = net.stem(x).detach().requires_grad_()
        xL = net[1:28](x0)
        g0, gL = torch.autograd.grad(F.cross_entropy(net[28:](xL), y), (x0, xL))
        ends[name].append(float(g0.norm() / gL.norm()))
print(f"batch norm, δ₀/δ₂₇: plain above 10,000: {sum(r > 10_000 for r in ends['plain'])} of 5")
print(f"                    residual 15 to 30:  {sum(15 < r < 30 for r in ends['residual'])} of 5")

# %% [markdown] name="explain-delta" tags=["continue"]
# Backwards, a batch-normed ReLU layer multiplies $|\delta|^2$ by $\pi/(\pi - 1)$ (lesson 06), a
# branch of two by its square, $c = 2.15$; so a block multiplies it by about $1 + c/q_{l-1}$. Plain,
# the factor is $c$, 27 times. Here it falls as $q$ grows: the logarithms add up to about $c
# \sum_l 1/q_l \approx c \ln(q_L/q_0)$, and the product is only a power of the depth,
# $(q_L/q_0)^{c/2} = (29/2)^{1.08} \approx 18$ for δ, with $q_0 = 2$ for the digits. Measured:
# between 15 and 30, from all five seeds.

# %% [markdown] name="recipes" tags=["subslide"]
# ### Four ways to say it
#
# | recipe | first α | learned? | and |
# |---|---|---|---|
# | $1/\sqrt L$ (Hayou et al. 2021) | $1/\sqrt L$ | no | |
# | ReZero, SkipInit (both 2020–21) | 0 | yes | every block starts as the identity |
# | Fixup (Zhang et al. 2019) | 1 | yes | the branch's last matrix starts at 0, its others shrink |
# | batch norm in the branch | 1 | no | see above |
#
# All of them let nearly every block start near the identity. Batch norm you saw in the puzzle; here
# are the others, three networks each, 50 steps.

# %% name="measure-recipes" tags=["fragment", "nbval-check-output"]
recipes = {
    "α = 1": {"scale": 1.0},
    "1/√L": {"scale": "inverse_sqrt"},
    "ReZero": {"scale": "rezero"},
    "Fixup": {"scale": "fixup"},
}
errors = {}
for name, options in recipes.items():
    nets = [residual_mlp(27, seed=seed, **options) for seed in range(3)]
    errors[name] = [training_error(net, 50, seed)[0] for seed, net in enumerate(nets)]
    learned = sum(e < 0.2 for e in errors[name])
    print(f"{name:10}  training error below 20 % after 50 steps: {learned} of 3")

# %% [markdown] name="identity-intro" tags=["subslide"]
# ### The control: the identity without a shortcut
#
# A shortcut does two things: it makes every block start near the identity, and it adds. Which of the two
# matters for learning? Take the shortcut away, the norm as well, and let the *matrices* start near the
# identity: $W = I + 0.02\,\mathcal{N}(0, 1)$ in 56 plain ReLU layers. Rate 0.02, 150 steps, three
# networks each.

# %% name="measure-identity" tags=["fragment"]
from gradcourse.experiments.residual import plain_layers

for start, rate in (("He", 0.02), ("near I", 0.02), ("near I", 0.1)):
    nets = [plain_layers(start, seed) for seed in range(3)]
    error = [training_error(net, 150, seed, lr=rate)[0] for seed, net in enumerate(nets)]
    print(f"{start:7} rate {rate:4}: training error after 150 steps {gc.spread(error)}")

# %% [markdown] name="explain-identity" tags=["continue"]
# **It is the start near the identity.** The plus sign is one way to get it, and the one that stays while
# the weights change; these matrices are another. Balduzzi et al. (2017) trained 200 layers without
# shortcuts so ("looks linear"); Zhao et al. (2022), Zhang et al. (2022) and others made recipes of it. It
# is less robust: at a rate of 0.1, where the residual networks learn, these do not.

# %% [markdown] name="learned-alpha-intro" tags=["subslide"]
# ReZero's α starts at 0 and is free. Where does gradient descent take it?

# %% name="learned-alpha" tags=["fragment"]
depths, learned = np.array([9, 18, 36]), []
for blocks in depths:
    net = residual_mlp(int(blocks), scale="rezero")
    training_error(net, 150, 0)
    alphas = [float(p.detach()) for name, p in net.named_parameters() if "alpha" in name]
    learned.append(np.sqrt(np.mean(np.square(alphas))))
gc.Plot(
    "ReZero after 150 steps: α, root mean square over the blocks",
    gc.Axis("blocks L", "log"),
    gc.Axis("α", "log", (0.05, 1.0)),
    (
        gc.Line(depths, learned, "learned", color="residual"),
        gc.Line(depths, depths**-0.5, "1/√L", "reference"),
    ),
)

# %% [markdown] name="learned-alpha-explain" tags=["continue"]
# Nobody told it, and it falls with the depth, about as $L^{-0.4}$: near $1/\sqrt L$, and not equal to it.
# (One seed on one task. With more steps α goes on growing, slowly, and the slope becomes steeper.)

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 9 min
#
# Let the hall guess the loss at α = 1 before the cell: it is not large but NaN, after one step. If
# somebody asks why not 1/L: at the start mean squares add, so all branches together then change the
# signal by 1/L only. But after some updates the branches are no longer independent, and their changes
# add up linearly: 1/L keeps the best learning rate the same at every depth (Dey et al. 2025; lesson 12). Fixup's exponent −1/(2m − 2) for m matrices in a branch is an
# exercise. So is the trap of doing both, ReZero's zero and Fixup's: then nothing ever moves.

# %% [markdown] name="bridge-3" tags=["continue"]
# A block can start as the identity, if nothing stands on the shortcut. **What if something must
# stand there?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · What may stand on the road
#
# ### Predict

# %% name="predict-road" tags=["fragment"]
gc.panel("residual/open-road")

# %% [markdown] name="drag-road" tags=["subslide"]
# ### Drag
#
# The first ResNets were **post-activation**: a ReLU behind each sum, $x \leftarrow
# \mathrm{relu}(x + \alpha F(x))$. In their next paper the same authors moved it into the branch,
# **pre-activation** (He et al. 2016b); all the blocks above, save those of the puzzle, are built
# like that. Look at the share of units whose shortcuts are open all the way.

# %% name="demo-road" tags=["fragment"]
gc.demo("residual/road")

# %% [markdown] name="measure-order-intro" tags=["subslide"]
# ### Measure
#
# 56 layers with batch norm. The branches are always the same; behind each sum stands nothing, a
# ReLU, or a factor of ½.


# %% name="measure-order" tags=["fragment", "nbval-check-output"]
class Half(torch.nn.Module):
    def forward(self, x):
        return x / 2


wrong = {}
for name, after in (("nothing", torch.nn.Identity), ("a ReLU", torch.nn.ReLU), ("½", Half)):
    nets = [residual_mlp(27, norm="batch", seed=seed) for seed in range(3)]
    for net in nets:
        for block in net[1:28]:
            block.after = after()
    wrong[name] = [training_error(net, 30, seed)[0] for seed, net in enumerate(nets)]
    more = sum(a > b for a, b in zip(wrong[name], wrong["nothing"], strict=True))
    chance = sum(e > 0.5 for e in wrong[name])
    print(f"{name:8} error above the clear road's: {more} of 3   above 50 %: {chance} of 3")

# %% [markdown] name="projection" tags=["subslide"]
# ### Where the shape changes
#
# In a convolutional network the picture shrinks and the channels multiply. Where they do, the
# branch's output has another shape than $x$, and the identity cannot be added. There the shortcut
# becomes a **projection**: one matrix for all pixels (a 1×1 convolution), with stride 2, so that it
# takes every second pixel. Stride 2 halves the picture, and there are only two such places in the
# network below: all other shortcuts are identities.
#
# 56 layers again, in three stages of nine blocks with batch norm (He et al. 2016a), but with 4, 8
# and 16 channels on the digits' 8×8 pixels.

# %% name="measure-cnn" tags=["fragment", "nbval-check-output"]
cnn = {}
for name in ("plain", "residual"):
    nets = [residual_cnn(9, 4, skip=name == "residual", seed=seed) for seed in range(3)]
    cnn[name] = nets, [training_error(net, 30, seed)[0] for seed, net in enumerate(nets)]
for module in cnn["residual"][0][0].modules():
    if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (1, 1):
        print("a projection:", tuple(module.weight.shape), "stride", module.stride)
better = sum(r < p - 0.2 for r, p in zip(cnn["residual"][1], cnn["plain"][1], strict=True))
print(f"56 convolutional layers, training error lower by more than 20 points: {better} of 3")

# %% [markdown] name="explain-road" tags=["subslide"]
# ### Explain
#
# Let a factor $D_l$ stand behind the sum, $x_l = D_l\,(x_{l-1} + \alpha F_l)$. Then the shortest
# path is no longer $I$ but $D_L \cdots D_1$: **a plain product is back**, with all that lesson 01
# says about it. A factor of ½ makes $2^{-L}$ of it, and the network does not learn. (He et al. 2016b
# tried it with 110 layers: the sum halved trained badly, the shortcut alone halved not at all.) A
# projection is such a factor, too; but two of them are a product of two, and do no harm.
#
# A ReLU is a $D_l$ of zeros and ones. It does not close the road altogether: $x$ is positive behind
# a ReLU, and stays so where the branch takes away little. At $\alpha = 1/\sqrt{60}$ about 40 % of
# the units are open through 60 blocks. So the network learns, more slowly.

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

# %% [markdown] name="bridge-4" tags=["continue"]
# The road is clear, and the network learns. But the plain network without batch norm never had a
# *small* gradient: He's weights keep δ. **If not its size, what was wrong with it?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · Shattered gradients
#
# ### Predict

# %% name="predict-shattered" tags=["fragment"]
gc.panel("residual/shattered")

# %% [markdown] name="drag-shattering" tags=["subslide"]
# ### Drag
#
# You walk from one digit to another, along an arc. $f$ is a random sum of the last layer's units;
# the picture shows its slope along the walk. Look at neighbouring points while the networks get
# deeper.

# %% name="demo-shattering" tags=["fragment"]
gc.demo("residual/shattering")

# %% [markdown] name="measure-shattering-intro" tags=["subslide"]
# ### Measure
#
# Two inputs 20° apart. The cosine of the angle between their two gradients $\partial f/\partial
# x_0$, after 1 to 27 blocks; plain, and two residual networks.


# %% name="measure-shattering" tags=["fragment"]
def gradient_cosine(net, x0, blocks, outputs):
    x = x0.repeat_interleave(len(outputs), 0).requires_grad_()
    (net[1 : 1 + blocks](x) * outputs.repeat(2, 1)).sum().backward()
    one, other = x.grad.chunk(2)
    return float(F.cosine_similarity(one, other).mean())


generator, angle = torch.Generator().manual_seed(0), math.radians(20)
u, v, outputs = torch.randn(3, 16, 256, generator=generator)
u, v = u[0] / u[0].norm(), v[0] / v[0].norm()
v = F.normalize(v - (v @ u) * u, dim=0)
x0 = 16 * torch.stack([u, math.cos(angle) * u + math.sin(angle) * v])

# %% name="measure-shattering-depth" tags=["fragment"]
blocks, lines = np.array([1, 2, 3, 5, 8, 12, 17, 22, 27]), []
for name, scale, color in (("plain", None, "plain"), ("α = 1", 1.0, "orange"),
                           ("α = 1/√27", 27**-0.5, "residual")):  # fmt: skip
    nets = [
        residual_mlp(27, 256, scale=scale or 1.0, skip=scale is not None, seed=s) for s in range(5)
    ]
    found = [np.mean([gradient_cosine(n, x0, b, outputs) for n in nets]) for b in blocks]
    expected = theory.gradient_correlation(math.cos(angle), 27, scale, layers=2)[blocks]
    lines += gc.with_theory(blocks, found, expected, name, color)

# %% name="picture-shattering" tags=["fragment"]
gc.Plot(
    "How alike two gradients are, inputs 20° apart",
    gc.Axis("blocks of two layers"),
    gc.Axis("cosine, mean of 5", limits=(-0.1, 1.0)),
    tuple(lines),
)

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
# and keeps almost nothing: the gradient at one image says nothing about the gradient 20° away.
# Balduzzi et al. (2017) call it **shattered**: it looks like white noise. A step that helps one
# image is a random step for its neighbour. And all the while the *size* of the gradient is perfect:
# $\mathrm{E}|\delta|^2$ is the same in all layers.
#
# With $\alpha = 1/\sqrt L$ each block takes at most $1/L$ of it away: $c$ stays above $1/e$,
# **however deep**. With $\alpha = 1$ each block may take up to half: shortcuts alone help
# a little, small branches help.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 9 min
#
# The heart of the lesson. Wrong answer to expect: "the gradients are alike, since the images are";
# ask how many units change sides in one layer, and then 54 times. Balduzzi et al. give $2^{-L}$
# for plain and $(3/4)^L$ for residual networks with α = 1: that is κ = ½, inputs at 90°. Mind
# the conditions: wide, random weights, at the start. If asked about batch norm: Balduzzi et al.
# expect a slow decay, about $1/\sqrt L$. Here gradients 20° apart have a cosine of 0.2 in the
# residual network too (median of five networks, −0.1 to 0.4), and yet that network learns. So
# shattering is not the whole story; claim 2 goes on from here.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Three sentences that one reads often, in our words.
#
# ### Claim 1: shortcuts let the gradient bypass the layers

# %% name="claim-bypass" tags=["fragment", "nbval-check-output"]
direct = {alpha: np.mean([share[0] for share in shares[alpha]]) for alpha in shares}
for alpha, share in direct.items():
    text = "below one millionth" if share < 1e-6 else f"about {share:.1f}"
    print(f"α = {alpha:.2f}: share of the squared gradient that takes no branch at all: {text}")
verdict = "holds only if" if direct[27**-0.5] > 0.2 > direct[1.0] else "holds"
print("verdict:", verdict)

# %% [markdown] name="claim-bypass-verdict" tags=["continue"]
# **Holds only if** the branches are small. There is a path around all layers in any case. At
# $\alpha = 1$ it carries $2^{-27}$ of the squared gradient.

# %% [markdown] name="claim-vanishing" tags=["subslide"]
# ### Claim 2: plain deep networks fail because their gradients vanish, and shortcuts cure that
#
# Three kinds of plain networks with 56 layers, three of each. δ behind the first layer, relative to
# the last hidden one: it *explodes* if it is more than 100 times as large, *vanishes* if less than
# a hundredth. Before training and after, and what they have learned.


# %% name="claim-vanishing-measure" tags=["fragment"]
def first_to_last(net, kind):
    with gc.probe(net) as record:
        F.cross_entropy(net(digits.x_train[:256]), digits.y_train[:256]).backward()
    d = record.output_gradient_rms[0, record.select(kind)]
    return d[0] / d[-2 if kind == "Linear" else -1]


def in_a_word(ratios):
    return "explodes" if min(ratios) > 100 else "vanishes" if max(ratios) < 0.01 else "is in range"


# %% name="claim-vanishing-build" tags=["fragment"]
builds = {
    "no norm": lambda s: residual_mlp(27, order="post", skip=False, seed=s),
    "batch norm": lambda s: residual_mlp(27, order="post", norm="batch", skip=False, seed=s),
    "convolutions": lambda s: residual_cnn(9, 4, skip=False, seed=s),
}
trained["no norm"] = [builds["no norm"](seed) for seed in range(3)]
for seed, net in enumerate(trained["no norm"]):
    training_error(net, 50, seed)
after = dict(zip(builds, (trained["no norm"], trained["plain"][:3], cnn["plain"][0]), strict=True))

# %% name="claim-vanishing-verdict-cell" tags=["fragment", "nbval-check-output"]
vanished, learned = 0, 0
for name, build in builds.items():
    kind = "Conv2d" if name == "convolutions" else "Linear"
    start = [first_to_last(build(seed), kind) for seed in range(3)]
    end = [first_to_last(net, kind) for net in after[name]]
    right = [gc.accuracy(net, digits.x_train, digits.y_train) for net in after[name]]
    vanished += sum(d < 0.01 for d in start)
    learned += sum(r > 0.5 for r in right)
    print(f"{name:13} δ at the start {in_a_word(start)}, trained {in_a_word(end)}")
print(f"δ vanished at the start: {vanished} of 9   more than 50 % right: {learned} of 9")
print("verdict:", "fails" if not vanished and not learned else "holds")

# %% [markdown] name="claim-vanishing-verdict" tags=["continue"]
# **Fails.** None of them learns in its 30 or 50 steps, and none starts with a vanishing gradient: it
# is level without a norm, and with batch norm it *explodes* (lesson 06). (What happens later is a
# symptom. Without a norm δ loses a decade or two while the network fails to learn, or the loss ends
# as NaN: from one start up to three decades, as the last digits decide. And weights
# that are too small do make a gradient vanish: lessons 02 and 04. He's weights, or batch norm, had
# mended that before there were shortcuts.)
#
# The inventors did not say so. They wrote that vanishing gradients were unlikely to be the cause,
# since with batch norm the forward signals have a variance, and that they had checked that the
# gradients of their plain networks have healthy norms (He et al. 2016a, section 4.1). (Their next
# paper says that in a residual network the gradient is unlikely to vanish: true, and another claim.)
# Measured here: at the very start the norms are not healthy, δ grows by a factor of hundreds to
# tens of thousands. But the first steps make the first layers' weights a hundred times as large,
# batch norm divides their gradients by that, and soon δ *does look* healthy, in networks that have
# learned nothing. A healthy norm is not enough.
#
# **What is solved, then?** With batch norm, the explosion at the start (step 3). Without a norm and
# with small branches, the shattering (step 5). And forwards? Take untrained networks and fit a
# linear readout to $x_{27}$: does the image arrive at all?


# %% name="claim-arrives" tags=["fragment"]
def readout(net):
    with torch.no_grad():
        z = net[:28](digits.x_train).double()
    z = torch.cat([(z - z.mean(0)) / (z.std(0) + 1e-12), torch.ones(len(z), 1)], 1)
    fit, held_out = z[:1024], z[1024:]
    target = F.one_hot(digits.y_train[:1024], 10).double()
    weights = torch.linalg.solve(fit.T @ fit + torch.eye(65, dtype=z.dtype), fit.T @ target)
    return float(((held_out @ weights).argmax(1) == digits.y_train[1024:]).double().mean())


# %% name="claim-arrives-count" tags=["fragment", "nbval-check-output"]
for name, options in (
    ("α = 1/√27", {"scale": "inverse_sqrt"}),
    ("batch norm", {"norm": "batch"}),
    ("layer norm", {"norm": "layer"}),
):
    plain = [readout(residual_mlp(27, skip=False, seed=s, **options)) for s in range(5)]
    right = [readout(residual_mlp(27, seed=s, **options)) for s in range(5)]
    below, above = sum(r < 0.5 for r in plain), sum(r > 0.6 for r in right)
    print(f"{name:10}  plain below 50 %: {below} of 5   with shortcuts above 60 %: {above} of 5")

# %% [markdown] name="claim-arrives-verdict" tags=["continue"]
# In all plain networks most of the image is lost on the way up: without a norm all images become
# alike, with batch norm they become equally different (lesson 06). With shortcuts it arrives, in all of
# those that train. **A straight road carries the image up as well as the gradient down**, and the
# size of the gradient is the least of it.

# %% [markdown] name="claim-care" tags=["subslide"]
# ### Claim 3: with shortcuts the initialization no longer matters

# %% name="claim-care-measure" tags=["fragment", "nbval-check-output"]
fails = min(errors["α = 1"]) > 0.8 and max(errors["1/√L"]) < 0.2
print("the same He weights, without a norm:")
print(f"   α = 1    learned nothing in {sum(e > 0.8 for e in errors['α = 1'])} of 3")
print(f"   α = 1/√L learned in         {sum(e < 0.2 for e in errors['1/√L'])} of 3")
print("verdict:", "fails" if fails else "holds")

# %% [markdown] name="claim-care-verdict" tags=["continue"]
# **Fails.** A branch scale *is* an initialization. Batch norm in the branch provides one silently,
# and then the claim looks true.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 7 min
#
# Claim 2 is the one to remember, because nearly every blog has it. Quote section 4.1 of the paper
# from the original. Careful with the positive statement: the readout and the shattering are
# measured at the start, on random weights. With batch norm in the branches gradients 20° apart are
# shattered too, and yet it learns: no single number explains it all. Do not say that batch norm's
# explosion is the only obstacle: 56 layers with layer norm have a level δ and stay at chance too
# (lesson 06).

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model, your batch and your loss in place of ours. `kind` picks the layers to look at.
# In a residual network the line should be level or bend gently; if it is straight and steep on this
# log axis, each block multiplies: look at the size of the branches.

# %% name="your-network-code" tags=["fragment"]
model, x, y = residual_cnn(3), digits.x_train[:128], digits.y_train[:128]

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot(record, "output_gradient_rms", kind="Conv2d")

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# At layers 8 and 15 a new stage begins: the picture is half as wide, δ spreads over a quarter of the
# pixels, and each gets more. A branch's inner layer has a δ of its own, between those of the sums.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A shortcut turns a product of $J_l$ into one of $I + \alpha J_l$. With $\alpha = 1/\sqrt L$ and
#   random branches its singular values stay between about ¼ and 4, however many blocks.
# - Multiplied out, that is $2^L$ paths. The squared gradient takes $L\alpha^2/(1+\alpha^2)$
#   branches on average: half of them at $\alpha = 1$, about one at $1/\sqrt L$.
# - At $\alpha = 1$ the signal's mean square doubles in every block. $1/\sqrt L$, ReZero, SkipInit,
#   Fixup, and batch norm in the branch each prevent it. Keep the shortcut clear: a factor of ½ on it
#   stops the learning, a ReLU slows it down.
# - What counts is that the network starts near the identity: plain layers that start there learn too,
#   without norm or shortcut.
# - With He's weights or batch norm, plain deep networks do not fail because gradients vanish. Without
#   a norm their gradients are shattered: for images 20° apart they have next to nothing in common.
#   And in both most of the image is lost on its way to the output.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Nine questions, 15 points:
# [exercises/07_residual.ipynb](../exercises/07_residual.ipynb).
#
# **Next:** [08 · LSTM and GRU](08_lstm_and_gru.ipynb). A recurrent network is as deep as its sequence
# is long, and its road through time is the product of lesson 03. The skip makes a straight road
# through depth. Months before residual networks, *highway networks* (Srivastava et al. 2015) had built one
# with gates, after the model of a network from 1997: **can such a road be built through time?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - He, Zhang, Ren & Sun (2016a), *Deep residual learning for image recognition*, arXiv:1512.03385,
#   CVPR: 56 layers, projections, and section 4.1 on vanishing gradients.
# - He, Zhang, Ren & Sun (2016b), *Identity mappings in deep residual networks*, arXiv:1603.05027,
#   ECCV: what may stand on the shortcut.
# - Veit, Wilber & Belongie (2016), *Residual networks behave like ensembles of relatively shallow
#   networks*, arXiv:1605.06431, NeurIPS: paths, and cutting blocks out.
# - Balduzzi, Frean, Leary, Lewis, Ma & McWilliams (2017), *The shattered gradients problem: if
#   resnets are the answer, then what is the question?*, arXiv:1702.08591, ICML.
# - Srivastava, Greff & Schmidhuber (2015), *Highway networks*, arXiv:1505.00387.
# - Zhao, Schäfer & Anandkumar (2022), *ZerO initialization*, arXiv:2110.12661, TMLR.
# - Zhang, Botev & Martens (2022), *Deep learning without shortcuts: shaping the kernel with tailored
#   rectifiers*, arXiv:2203.08120, ICLR.
# - Dey et al. (2025), *Don't be lazy: CompleteP enables compute-efficient deep transformers*,
#   arXiv:2505.01618, NeurIPS.
# - Cho & Saul (2009), *Kernel methods for deep learning*, NeurIPS: κ.
# - Tarnowski, Warchoł, Jastrzębski, Tabor & Nowak (2019), *Dynamical isometry is achieved in
#   residual networks in a universal way for any activation function*, arXiv:1809.08848, AISTATS.
# - Zhang, Dauphin & Ma (2019), *Fixup initialization*, arXiv:1901.09321, ICLR.
# - De & Smith (2020), *Batch normalization biases residual blocks towards the identity function in
#   deep networks*, arXiv:2002.10444, NeurIPS: SkipInit.
# - Bachlechner, Majumder, Mao, Cottrell & McAuley (2021), *ReZero is all you need*,
#   arXiv:2003.04887, UAI.
# - Hayou, Clerico, He, Deligiannidis, Doucet & Rousseau (2021), *Stable ResNet*, arXiv:2010.12859,
#   AISTATS: $1/\sqrt L$.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49, UCI:
#   the data.
