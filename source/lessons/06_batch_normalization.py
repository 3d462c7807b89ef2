# %% [markdown] name="title" tags=["slide"]
# # 06 · Batch normalization
#
# **After this lesson you can write batch normalization forwards and backwards by hand, say why it
# makes thirty sigmoid layers learn, and say why it does not save fifty-six ReLU layers.**
#
# *80 minutes. With the deeper steps 85. You need lesson 02: δ, and the image that fades in a deep sigmoid network. From
# lesson 05 you need the usual initializations.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory

digits = gc.digits()

# %% [markdown] name="notation" tags=["continue"]
# A **batch** is the $B$ images of one training step. A layer computes $u = W h$ for each of them.
# **Batch norm** makes $z$ from $u$, and $z$ is what the activation receives: $a = \varphi(z)$. As
# always $\delta = \partial\mathcal{L}/\partial z$, and layer 1 is nearest the input.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Write on the board: *u, then z, then a.* The new letter is u. All of today happens between u and
# z.
#
# In a hall all of it takes 50 minutes. For 45, leave out "Forwards, the same factor" in step 5.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lesson 05 found weights that keep every layer in range, and ended with a question: initialization
# sets the start; **what keeps the layers in range while they train?** By themselves they do not
# stay. Eight tanh layers, $\sigma_w = 1$, 300 steps: how large is $z$ in layer 8, compared with
# the start?


# %% name="puzzle-drift" tags=["fragment", "nbval-check-output"]
def spread_in_layer_8(net):  # all but the last tanh and the output
    with torch.no_grad():
        return float(net[:-2](digits.x_train).std())


drift = []
for seed in range(5):
    net = gc.mlp(8, activation="tanh", init="lecun", seed=seed)
    start = spread_in_layer_8(net)
    gc.train(net, digits, steps=300, lr=0.1, seed=seed, every=300)
    drift.append(spread_in_layer_8(net) / start)
print(f"z in layer 8, after / before: {np.mean(drift):.0f}, mean of 5 networks")
print(f"more than twice as large: {sum(d > 2 for d in drift)} of 5")

# %% [markdown] name="puzzle-radical" tags=["subslide"]
# Ioffe & Szegedy (2015) had a radical answer. Do not hope that a layer stays in range; *put* it
# there. In every layer, at every step, subtract from each unit's $u$ its mean over the batch, and
# divide by its standard deviation. Two learned numbers per unit, γ and β, may then scale and shift
# the result; they start at 1 and 0.
#
# Here are thirty layers of sigmoids, Glorot's weights, with and without this one module in each
# layer. The same weights to begin with, the same learning rate, five seeds.

# %% name="puzzle-train" tags=["fragment", "nbval-check-output"]
builds = {
    "plain": lambda s: gc.mlp(30, seed=s),
    "batch norm": lambda s: gc.normalized_mlp(30, activation="sigmoid", init="xavier", seed=s),
}
loss = {}
for name, build in builds.items():
    runs = [gc.train(build(s), digits, steps=200, lr=0.1, seed=s, every=200) for s in range(5)]
    loss[name] = np.mean([run.loss for run in runs], axis=0)
    right = [run.test_accuracy[-1] for run in runs]
    print(f"{name}, of 5 networks:")
    print(f"   more than 80 % of the test digits right: {sum(r > 0.8 for r in right)}")
    print(f"   less than 15 %, near chance:             {sum(r < 0.15 for r in right)}")

# %% name="puzzle-picture" tags=["fragment"]
step, lines = np.arange(10, 201, 10), []
for name, color in (("plain", "plain"), ("batch norm", "batch_norm")):
    smooth = loss[name][1:].reshape(-1, 10).mean(axis=1)
    lines.append(gc.Line(step, smooth, f"{name}, mean of 5", color=color))
lines.append(gc.Line([10, 200], [math.log(10)] * 2, "ln 10, guessing", "reference"))
gc.Plot("Thirty sigmoid layers", gc.Axis("step"), gc.Axis("loss"), tuple(lines))

# %% [markdown] name="puzzle-question" tags=["continue"]
# Lesson 02 said that each sigmoid layer costs δ about a factor of four, because no slope is above
# ¼. Thirty of them learn here, and no slope is above ¼. **What does this module do to the image,
# what to the gradient, and what is the price?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Collect theories: "it keeps z in the steep part" (in lesson 02 nothing was saturated); "it
# rescales the gradient" (true, step 5); "it stops the distributions from shifting" (the original
# paper's reason, claim 2). Keep the list. The training takes about ten seconds.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Forwards
#
# ### Predict

# %% name="predict-large-weights" tags=["fragment"]
gc.panel("batch-norm/large-weights")

# %% [markdown] name="drag-one-batch" tags=["subslide"]
# ### Drag
#
# One unit, eight images. Dotted is $u$; solid is $\hat x$, which is $u$ less its mean, divided by its
# standard deviation. You hold image 8. Look at the seven others, which you do not touch.

# %% name="demo-one-batch" tags=["fragment"]
gc.demo("batch-norm/one-batch")

# %% [markdown] name="measure-forward-intro" tags=["subslide"]
# ### Measure
#
# Batch norm in three lines, against torch's own, in float64. Then the same with weights a thousand
# times as large.


# %% name="measure-forward" tags=["fragment", "nbval-check-output"]
def batch_norm(u, gamma, beta, eps=1e-5):
    mean, variance = u.mean(0), u.var(0, correction=0)
    x_hat = (u - mean) / (variance + eps).sqrt()
    return gamma * x_hat + beta


x = digits.x_train[:64].double()
net = gc.normalized_mlp(1, seed=0).double()
W, norm = net.layer1.weight, net.norm1
generator = torch.Generator().manual_seed(0)
with torch.no_grad():
    norm.weight.uniform_(0.5, 2.0, generator=generator)
    norm.bias.normal_(generator=generator)
    by_hand = batch_norm(x @ W.T, norm.weight, norm.bias)
    large = batch_norm(x @ (1000 * W).T, norm.weight, norm.bias)
    print("farther than 1e-12 from torch:", int(((by_hand - norm(x @ W.T)).abs() > 1e-12).sum()))
    print(f"weights × 1000 change z by less than 1e-4: {(large - by_hand).abs().max() < 1e-4}")

# %% [markdown] name="explain-forward" tags=["subslide"]
# ### Explain
#
# For each unit, over the images $i = 1 \dots B$ of the batch:
#
# $$\mu = \frac1B \sum_i u_i, \qquad \sigma^2 = \frac1B \sum_i (u_i - \mu)^2, \qquad
#   \hat x_i = \frac{u_i - \mu}{s}, \quad s = \sqrt{\sigma^2 + \varepsilon}, \qquad
#   z_i = \gamma\, \hat x_i + \beta .$$
#
# $\hat x$ has mean 0 and variance $\sigma^2/(\sigma^2 + \varepsilon)$, nearly 1. The small number
# $\varepsilon = 10^{-5}$ is there for a unit that is the same for all images: it has $\sigma = 0$.
# $\gamma$ and $\beta$ let the network have any mean and any spread it likes, but as two parameters
# of its own, not as an accident of all the weights below.
#
# Multiply $W$ by $c > 0$: $u$, $\mu$ and $\sigma$ are all multiplied by $c$, and it cancels, as
# long as $\sigma^2$ stays far above $\varepsilon$. Add a bias to $u$: $\mu$ gets the same bias, and
# it is subtracted again. So a layer before batch norm needs no bias.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 6 min
#
# Wrong answer to expect: "γ could undo it, so nothing is gained". It could undo the *spread*; it
# cannot undo the dependence on all lower weights, and it starts at 1. In the demo, drag image 8 to
# 8: the seven others lie nearly on one point, though nobody touched them. Ask what that means for
# a single image at test time, and leave it for step 3.

# %% [markdown] name="bridge-1" tags=["continue"]
# You moved one image and seven others changed. **So if the loss looks at image 8, do the other
# seven get a gradient?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · Backwards
#
# ### Predict

# %% name="predict-two-images" tags=["fragment"]
gc.panel("batch-norm/two-images")

# %% [markdown] name="drag-paths" tags=["subslide"]
# ### Drag
#
# The loss looks at image 8 only: $\delta$ is 1 there and 0 for the other seven. Look at the
# gradient of images 1 to 7, and then at that of image 8 while you drag it far away from the rest.

# %% name="demo-paths" tags=["fragment"]
gc.demo("batch-norm/paths")

# %% [markdown] name="explain-backward" tags=["subslide"]
# ### Explain
#
# This time the maths comes first; then you measure it. $u_i$ reaches the loss on **three paths**.
# You need three derivatives of $\hat x_j = (u_j - \mu)/s$: by $u_j$ it is $1/s$, by $\mu$ it is
# $-1/s$, and by $\sigma^2$ it is $-(u_j - \mu)/2s^3 = -\hat x_j/2s^2$.
#
# $$\begin{aligned}
# \text{directly, through } \hat x_i: && \frac{\partial\mathcal{L}}{\partial \hat x_i}\,\frac1s
#   &= \frac{\gamma}{s}\,\delta_i \\
# \text{through } \mu: && \frac{\partial\mathcal{L}}{\partial\mu}\,\frac{\partial\mu}{\partial u_i}
#   = \Bigl(-\frac{\gamma}{s} \sum_j \delta_j\Bigr) \frac1B
#   &= -\frac{\gamma}{s}\, \overline{\delta} \\
# \text{through } \sigma^2: && \frac{\partial\mathcal{L}}{\partial\sigma^2}\,
#   \frac{\partial\sigma^2}{\partial u_i}
#   = \Bigl(-\frac{\gamma}{2 s^2} \sum_j \delta_j \hat x_j\Bigr) \frac{2\,(u_i - \mu)}{B}
#   &= -\frac{\gamma}{s}\, \hat x_i\, \overline{\delta \hat x}
# \end{aligned}$$
#
# A bar is a mean over the batch. ($\mu$ stands in $\sigma^2$ too, but there its derivative is
# $-\tfrac2B \sum_i (u_i - \mu) = 0$.) Together, and for the two parameters:
#
# $$\frac{\partial\mathcal{L}}{\partial u_i} = \frac{\gamma}{s} \Bigl(\delta_i - \overline{\delta}
#   - \hat x_i\, \overline{\delta \hat x}\Bigr), \qquad
#   \frac{\partial\mathcal{L}}{\partial\gamma} = \sum_i \delta_i\, \hat x_i, \qquad
#   \frac{\partial\mathcal{L}}{\partial\beta} = \sum_i \delta_i .$$
#
# $\gamma/s$ rescales. The bracket *removes* two directions of the batch: the one in which all
# images move together, and the one in which they spread. Batch norm undoes both moves, so
# neither can change the loss.

# %% [markdown] name="measure-backward-intro" tags=["subslide"]
# ### Measure
#
# The formula against torch's autograd, on 64 digits with random δ. Then the share of δ that is
# left, for batches of any size.


# %% name="measure-backward" tags=["fragment", "nbval-check-output"]
def count_far(mine, torchs):
    return int(((mine - torchs).abs() > 1e-12).sum())


u = (x @ W.T).detach().requires_grad_()
delta = torch.randn(u.shape, generator=generator, dtype=torch.float64)
norm(u).backward(delta)
with torch.no_grad():
    s = (u.var(0, correction=0) + 1e-5).sqrt()
    x_hat = (u - u.mean(0)) / s
    formula = norm.weight / s * (delta - delta.mean(0) - x_hat * (delta * x_hat).mean(0))
print("farther than 1e-12 from autograd:")
print(f"   ∂ℒ/∂u {count_far(formula, u.grad)}", end="")
print(f"   ∂ℒ/∂γ {count_far((delta * x_hat).sum(0), norm.weight.grad)}", end="")
print(f"   ∂ℒ/∂β {count_far(delta.sum(0), norm.bias.grad)}")
print(f"sum of ∂ℒ/∂u over the batch, farther than 1e-12 from 0: {count_far(u.grad.sum(0), 0)}")

# %% name="measure-share" tags=["fragment"]
sizes, left = np.array([2, 3, 4, 6, 8, 16, 32, 64]), []
for B in sizes:
    u = digits.x_train[:B].double() @ W.detach().T
    u, delta = u.requires_grad_(), torch.randn(u.shape, generator=generator, dtype=torch.float64)
    F.batch_norm(u, None, None, training=True).backward(delta)
    s = (u.detach().var(0, correction=0) + 1e-5).sqrt()
    left.append(float((u.grad * s).norm() / delta.norm()))
gc.Plot(
    "Share of δ that gets through; theory √(1 − 2/B)",
    gc.Axis("images in the batch", "log"),
    gc.Axis("‖s ∂ℒ/∂u‖ / ‖δ‖", limits=(-0.05, 1.05)),
    gc.with_theory(sizes, left, np.sqrt(1 - 2 / sizes), "share of δ", "batch_norm"),
)

# %% [markdown] name="explain-share" tags=["continue"]
# Of $B$ directions $B - 2$ are left. A random δ has on average one $B$-th of its squared length in
# each, so it keeps $\sqrt{1 - 2/B}$ of its length. With 64 images that is 98 %. **With two images
# nothing is left**, except what ε lets through in a unit where both happen to be nearly alike: of
# two numbers, standardised, one is $+1$ and the other $-1$, whatever they were.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# Derive one path on the board, the one through μ; let the hall do σ². The usual slip is to forget
# that σ² depends on *every* image, and to write $\partial\sigma^2/\partial u_i = 2(u_i - \mu)$
# without the 1/B. In the demo, an outlier gets almost no gradient: when image 8 runs away, $\hat
# x_8$ comes to rest near $\sqrt 7$, and what does not move has no gradient. If the hall is fast:
# the bracket is a projection, so it can only shorten δ. All growth comes from γ/s. Step 5 will
# need that.

# %% [markdown] name="bridge-2" tags=["continue"]
# An image's $z$ depends on its neighbours. That may do while you train. **But what is the $z$ of a
# single image that someone sends you after the training?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Training and evaluation
#
# ### Predict

# %% name="predict-sorted" tags=["fragment"]
gc.panel("batch-norm/sorted-digits")

# %% [markdown] name="drag-momentum" tags=["subslide"]
# ### Drag
#
# So batch norm keeps a **running mean** and a **running variance** while it trains, and uses them
# afterwards, in *evaluation mode*. They begin at 0 and 1, and each batch replaces a share $m$ of
# them, the **momentum**. Look at how soon the estimate reaches the dotted line, and how restless it
# is when it is there.

# %% name="demo-momentum" tags=["fragment"]
gc.demo("batch-norm/momentum")

# %% [markdown] name="measure-running-intro" tags=["subslide"]
# ### Measure
#
# First the rule, against torch's own. Then five trained networks, in three situations.

# %% name="measure-running" tags=["fragment", "nbval-check-output"]
layer, m = torch.nn.BatchNorm1d(64, momentum=0.1).double(), 0.1
mean, variance = torch.zeros(64).double(), torch.ones(64).double()
for start in (0, 16, 32):
    batch = digits.x_train[start : start + 16].double() @ W.detach().T
    layer(batch)
    mean = (1 - m) * mean + m * batch.mean(0)
    variance = (1 - m) * variance + m * batch.var(0, correction=1)
print("after 3 batches, farther than 1e-12 from torch:")
print(f"   running mean {count_far(mean, layer.running_mean)}", end="")
print(f"   running variance {count_far(variance, layer.running_var)}")


# %% name="measure-modes" tags=["fragment", "nbval-check-output"]
def right_by_batch(net, groups):
    with torch.no_grad():
        return sum(int((net(x).argmax(1) == y).sum()) for x, y in groups) / len(digits.y_test)


def show(name, right):
    above, below = sum(r > 0.9 for r in right), sum(r < 0.3 for r in right)
    print(f"{name:28}  more than 90 %: {above} of 5   less than 30 %: {below} of 5")


x, y = digits.x_test, digits.y_test
mixed, by_digit = [(x, y)], [(x[y == k], y[y == k]) for k in range(10)]
nets = [gc.normalized_mlp(4, seed=seed) for seed in range(5)]
for seed, net in enumerate(nets):
    gc.train(net, digits, steps=200, lr=0.1, seed=seed, every=200)
show("evaluation mode, sorted", [right_by_batch(net.eval(), by_digit) for net in nets])
show("training mode, all at once", [right_by_batch(net.train(), mixed) for net in nets])
show("training mode, sorted", [right_by_batch(net.train(), by_digit) for net in nets])

# %% [markdown] name="measure-momentum-intro" tags=["continue"]
# And five networks trained in the same way, with $m = 0.001$ instead of 0.1.

# %% name="measure-momentum" tags=["fragment", "nbval-check-output"]
nets = [gc.normalized_mlp(4, momentum=0.001, seed=seed) for seed in range(5)]
for seed, net in enumerate(nets):
    gc.train(net, digits, steps=200, lr=0.1, seed=seed, every=200)
show("m = 0.001, evaluation mode", [right_by_batch(net.eval(), mixed) for net in nets])
show("m = 0.001, training mode", [right_by_batch(net.train(), mixed) for net in nets])

# %% [markdown] name="explain-running" tags=["subslide"]
# ### Explain
#
# After each batch, with momentum $m$ ($m = 0.1$ in torch):
#
# $$\text{running} \leftarrow (1 - m)\,\text{running} + m\,\text{batch}, \qquad
#   \text{batch variance} = \frac{1}{B - 1} \sum_i (u_i - \mu)^2 .$$
#
# Mind two conventions. $m$ is the share of the *new* value (in an optimizer, momentum is the share
# of the old one). And the running variance is *unbiased*, with $B - 1$, though the batch itself
# was normalized with $B$: for the images to come, the estimate must be right on average.
#
# After $t$ batches the starting values, 0 and 1, still weigh $(1 - m)^t$. At $m = 0.1$ that is
# 0.1 % after 66 batches. At $m = 0.001$ it is $0.999^{200} = 82$ % after 200: those networks are
# well trained, and evaluated with statistics that are mostly the initial 0 and 1.
#
# In evaluation mode batch norm is a fixed $z = \gamma (u - \mu_{run})/s_{run} + \beta$: an image's
# answer no longer depends on its neighbours. Forget `model.eval()`, and a sorted test set is
# normalized away: in a batch of zeros, being a zero is what all images share.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 7 min
#
# Nearly nobody expects chance. Ask what the mean image of a batch of zeros is. Then the everyday
# forms: a test set sorted by class; a video, whose frames are alike; a last batch with one image,
# which torch refuses in training mode ("Expected more than 1 value per channel"). The small
# momentum is the bug that is hardest to find: the training loss is fine, the evaluation is not. It
# comes with a convention that is the other way round: Keras calls 0.99 what torch calls 0.01.

# %% [markdown] name="bridge-3" tags=["continue"]
# So in training, $z$ is a fact about the image plus a fact about its neighbours. **How large is
# that second part, and can one do without it?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The size of the batch, and norms without a batch
#
# **Layer norm** takes mean and variance of each *image* over its $n$ units (Ba et al. 2016). **RMS
# norm** only divides each image by the root of its mean square (Zhang & Sennrich 2019). Both are
# the same in training and evaluation, and at any batch size.
#
# ### Predict
#
# Would they have served in the puzzle?

# %% name="predict-other-norms" tags=["fragment"]
gc.panel("batch-norm/other-norms")

# %% [markdown] name="drag-noise" tags=["subslide"]
# ### Drag
#
# One digit, each time in a batch with other strangers. Look at the height of the green jumps while
# you enlarge the batch, and then at batch size 2.

# %% name="demo-noise" tags=["fragment"]
gc.demo("batch-norm/noise")

# %% [markdown] name="measure-noise-intro" tags=["subslide"]
# ### Measure
#
# The noise in a batch's mean. Then four ReLU layers, 200 steps with $\eta = 0.05$, three norms,
# three batch sizes, five seeds.

# %% name="measure-noise" tags=["fragment"]
u = (digits.x_train @ W.detach().float().T).numpy()
u = (u - u.mean(0)) / u.std(0)
rng, sizes = np.random.default_rng(0), 2 ** np.arange(1, 10)
noise = []
for B in sizes:
    means = [u[rng.choice(len(u), B, replace=False)].mean(0) for _ in range(200)]
    noise.append(np.sqrt(np.mean(np.square(means))))
expected = np.sqrt((len(u) - sizes) / (len(u) - 1) / sizes)
gc.Plot(
    "How far a batch's μ is from that of all 1438 digits",
    gc.Axis("images in the batch", "log"),
    gc.Axis("error of μ, in units of σ", "log"),
    gc.with_theory(sizes, noise, expected, "noise of μ", "batch_norm"),
)

# %% name="measure-sizes" tags=["fragment", "nbval-check-output"]
print("more than 50 % of the test digits right, of 5 networks")
print("batch size     2     8    64")
for norm_name in ("batch", "layer", "rms"):
    learned = []
    for B in (2, 8, 64):
        nets = [gc.normalized_mlp(4, norm=norm_name, seed=seed) for seed in range(5)]
        runs = [
            gc.train(net, digits, steps=200, lr=0.05, batch=B, seed=seed, every=200)
            for seed, net in enumerate(nets)
        ]
        learned.append(sum(run.test_accuracy[-1] > 0.5 for run in runs))
    print(f"{norm_name + ' norm':10}", *(f"{count:5d}" for count in learned))

# %% [markdown] name="measure-shared-intro" tags=["subslide"]
# And the thirty sigmoids of the puzzle? How much of $z$ *differs between images*, layer by layer,
# before training? Look at how far below the green line the two others end; they lie on each other.

# %% name="measure-shared" tags=["fragment"]
x = digits.x_train[:512].double()
layers, lines = np.arange(1, 31), []
for name in ("batch", "layer", "rms"):
    differs = []
    net = gc.normalized_mlp(30, activation="sigmoid", norm=name, init="xavier", seed=0).double()
    with torch.no_grad():
        h = x
        for part, module in net.named_children():
            h = module(h)
            if part.startswith("norm"):
                differs.append(float((h.var(0, correction=0).mean() / h.square().mean()).sqrt()))
    lines.append(gc.Line(layers, differs, f"{name} norm", color=f"{name}_norm"))
kept = theory.mean_squared_slope("sigmoid", 1.0) / theory.q_map("sigmoid", 1.0, 1.0)
expected = differs[0] * kept ** ((layers - 1) / 2)
lines.append(
    gc.Line(layers, expected, f"theory, × {kept**0.5:.2f} a layer", "theory", "layer_norm")
)
axis = gc.Axis("layer (1 is nearest the input)")
gc.Plot("Spread over the images / size of z", axis, gc.Axis("share", "log"), tuple(lines))

# %% name="measure-other-norms" tags=["fragment", "nbval-check-output"]
for name in ("layer", "rms"):
    nets = [
        gc.normalized_mlp(30, activation="sigmoid", norm=name, init="xavier", seed=seed)
        for seed in range(5)
    ]
    runs = [gc.train(net, digits, steps=90, lr=0.1, seed=s, every=90) for s, net in enumerate(nets)]
    stuck = sum(run.test_accuracy[-1] < 0.15 for run in runs)
    print(f"30 sigmoid layers with {name} norm, less than 15 % right: {stuck} of 5")

# %% [markdown] name="explain-sizes" tags=["subslide"]
# ### Explain
#
# The mean of $B$ random images is off by $\sigma/\sqrt B$. (Drawn without replacement from $N$, by
# $\sqrt{(N-B)/(N-1)}$ of that.) At $B = 64$ this is an eighth of σ: noise, but bearable, and often
# said to regularize. At $B = 8$ it is a third. At $B = 2$ batch norm is blind and deaf: forwards
# only signs are left, backwards nothing (step 2). Norms without a batch do not care.
#
# And yet they do not mend the sigmoids. A sigmoid is positive, so all images share a large mean,
# and in lesson 02 the *difference* between two images faded by four per layer while the shared part
# stayed. Layer norm and RMS norm keep the size of each image's vector, but not what that vector is
# about. Dividing by that size, $\sqrt{\mathrm{E}[\varphi^2]}$, helps the difference only a little:
# it keeps $\sqrt{\mathrm{E}[\varphi'^2]/\mathrm{E}[\varphi^2]}$ per layer, the dashed line. In
# layer 30 about one part in $10^{12}$ differs from image to image. **Batch norm subtracts what all
# images share, and divides by what is left**: the difference has size 1 in every layer. That is the
# answer to the puzzle.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# The heart of the lesson is the last picture; give it a minute. Ask: what did the readout in lesson
# 02 do before it fitted? It standardised each unit over the images. Somebody will object that
# Transformers use layer norm and are deep: they have skip connections (lesson 07), and no sigmoids
# between. If somebody asks for synchronised batch norm or group norm: the first shares μ and σ
# between machines to get a larger B, the second is layer norm on groups of units (Wu & He 2018).

# %% [markdown] name="bridge-4" tags=["continue"]
# Batch norm divides by the part that differs, which is smaller than the whole. **A division by a
# smaller number: what does that do to δ, fifty-six times?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · Depth
#
# Now ReLU, He's weights, and the depth of a famous failure: 56 layers (He et al. 2016).
#
# ### Predict

# %% name="predict-first-delta" tags=["fragment"]
gc.panel("batch-norm/first-delta")

# %% [markdown] name="drag-depth" tags=["subslide"]
# ### Drag
#
# Twenty ReLU layers; the knob multiplies all weights. Look at the two normalized lines: what does
# the knob do to them? And are they level?

# %% name="demo-depth" tags=["fragment"]
gc.demo("batch-norm/depth")

# %% [markdown] name="measure-growth-intro" tags=["subslide"]
# ### Measure
#
# δ in 56 layers with batch norm, on 1024 digits, for three activations.

# %% name="measure-growth" tags=["fragment"] tolerance=["relu factor per layer: 0.01 0.01 0.01", "tanh factor per layer: 0.01 0.01 0.01", "sigmoid factor per layer: 0.01 0.01 0.01"]
x, y = digits.x_train[:1024], digits.y_train[:1024]
delta = {}
for name in ("relu", "tanh", "sigmoid"):
    delta[name] = []
    for seed in range(5):
        net = gc.normalized_mlp(56, activation=name, seed=seed)
        with gc.probe(net) as record:
            F.cross_entropy(net(x), y).backward()
        delta[name].append(record.output_gradient_rms[0, record.select("BatchNorm1d")])
    factor = [(d[0] / d[-1]) ** (1 / 55) for d in delta[name]]
    wide = theory.normalized_gradient_growth(name)
    print(f"{name:8} factor per layer {gc.spread(factor)}   theory {wide:.2f}")

# %% name="picture-growth" tags=["fragment"]
layer, lines = np.arange(1, 57), []
for name, found in delta.items():
    mean = np.exp(np.mean([np.log(d / d[-1]) for d in found], axis=0))
    expected = theory.normalized_gradient_growth(name) ** (56.0 - layer)
    lines += gc.with_theory(layer, mean, expected, name, name)
gc.Plot(
    "δ on its way back through 56 layers with batch norm, mean of 5",
    gc.Axis("layer (1 is nearest the input)"),
    gc.Axis("size of δ, relative to layer 56", "log"),
    tuple(lines),
)

# %% name="measure-deep" tags=["fragment", "nbval-check-output"]
for depth, name in ((10, "relu"), (56, "relu"), (56, "sigmoid")):
    nets = [gc.normalized_mlp(depth, activation=name, seed=seed) for seed in range(5)]
    first = [gc.train(net, digits, steps=1, lr=0.1, seed=s) for s, net in enumerate(nets)]
    runs = [gc.train(net, digits, steps=79, lr=0.1, seed=s, every=79) for s, net in enumerate(nets)]
    moved = [run.relative_change[-1][0] for run in first]
    loss = [run.loss[-20:].mean() for run in runs]
    print(f"{depth} {name} layers with batch norm, 80 steps, of 5 networks:")
    print(f"   step 1 moved layer 1 by 100 times its size: {sum(m > 100 for m in moved)}")
    print(f"   loss at the end below 1.5: {sum(x < 1.5 for x in loss)}", end="")
    print(f"   above 2.1, nearly that of guessing: {sum(x > 2.1 for x in loss)}")

# %% [markdown] name="explain-growth" tags=["subslide"]
# ### Explain
#
# Let the weights be random with variance $\sigma_w^2/n$, the layers wide and the batch large. Then
# the bracket of step 2 takes almost nothing, and one layer back is $\varphi'$, $W^\top$ and
# $\gamma/s$. Forwards, $u = W a$, so over the batch $\sigma^2 = \sigma_w^2\, \mathrm{Var}[a]$:
#
# $$\frac{\mathrm{E}[\delta_l^2]}{\mathrm{E}[\delta_{l+1}^2]}
#   = \mathrm{E}[\varphi'^2] \cdot \sigma_w^2 \cdot \frac{\gamma^2}{\sigma_w^2\, \mathrm{Var}[\varphi]}
#   = \frac{\gamma^2\, \mathrm{E}[\varphi'^2]}{\mathrm{Var}[\varphi]} .$$
#
# The size of the weights cancels: no gain of *such* weights, random with mean 0, can help. Here
# $\varphi$ is taken at $z = \gamma \hat x + \beta$ with $\hat x$ standard normal. For ReLU with $\gamma = 1$, $\beta = 0$ half the slopes are
# 1, $\mathrm{E}[\varphi^2] = \tfrac12$ and $\mathrm{E}[\varphi] = 1/\sqrt{2\pi}$:
#
# $$\mathrm{Var}[\varphi] = \frac12 - \frac1{2\pi} = \frac{\pi - 1}{2\pi}, \qquad
#   \sqrt{\frac{1/2}{(\pi - 1)/2\pi}} = \sqrt{\frac{\pi}{\pi - 1}} = 1.211$$
#
# (Yang et al. 2019). He's weights are made for $\mathrm{E}[\varphi^2] = \tfrac12$: without batch
# norm the factor is 1. Batch norm divides by the *variance*, without the shared $1/2\pi$, and the
# missing part comes back 55 times: $1.211^{55} \approx 38{,}000$.

# %% [markdown] name="explain-poincare" tags=["subslide"]
# And no other activation escapes, with random weights. For a Gaussian $\hat x$ the **Poincaré inequality** says
# $\mathrm{Var}[\varphi] \le \gamma^2\, \mathrm{E}[\varphi'^2]$, with equality for straight lines
# only (Chernoff 1981). So with batch norm, at initialization, δ *never* vanishes, and *always*
# grows, the faster the more the activation bends: 1.02 for a sigmoid, 1.09 for tanh, 1.21 for ReLU.
# (Theory is for layers of infinite width. With 64 units tanh and the sigmoid lie up to 0.02 above
# it; the gap shrinks as the layers grow.)
#
# So batch norm saves 56 sigmoid layers, whose bend is the gentlest, and does not save 56 ReLU layers.
# (They fail without it, too: lesson 07 has that run.) Their first layers get gradients tens of thousands of times larger than the last. One learning rate cannot
# serve both: at $\eta = 0.1$ the very first step flung layer 1 hundreds of times its own size away.
# It is as random as before, and from then on frozen: claim 3 below says why.

# %% [markdown] name="near-identity-intro" tags=["subslide"]
# ### The control: the same 56 layers, other weights
#
# The derivation needs weights that are random with mean 0. Take others: every hidden matrix starts
# as $W = I + 0.02\,\mathcal{N}(0, 1)$, near the identity. The same network, the same batch norm, the
# same learning rate, 80 steps.

# %% name="measure-near-identity" tags=["fragment"]
from gradcourse.experiments import batch_norm as trial

starts = {"He": lambda s: gc.normalized_mlp(56, seed=s), "near I": trial.near_identity}
for name, build in starts.items():
    nets = [build(seed) for seed in range(3)]
    ratio = [trial.first_to_last(trial.deltas(net, images=1024)) for net in nets]
    runs = [gc.train(net, digits, steps=80, lr=0.1, seed=s, every=80) for s, net in enumerate(nets)]
    print(f"{name:7} δ in layer 1, of layer 56: {gc.spread(ratio, ',.0f')}")
    print(f"        right on the test digits: {gc.spread([r.test_accuracy[-1] for r in runs])}")

# %% [markdown] name="explain-near-identity" tags=["continue"]
# **An initialization can help after all.** With $W \approx I$ neighbouring layers hold nearly the same
# image: $\mathrm{Var}[u]$ is no longer $\sigma_w^2 \mathrm{Var}[a]$, δ grows by 1.05 a layer and not by
# 1.21, and the 56 layers train. (What keeps the *scale* of random weights, orthogonal ones for example,
# does not help.) So the question for lesson 07 is whether a network can be *built* near the identity.

# %% [markdown] name="measure-scramble-intro" tags=["subslide"]
# ### Forwards, the same factor
#
# As in lesson 02, what holds for δ backwards holds for differences forwards: *small* differences
# between images grow, too, until everything is equally different. Of all spread in $z$, how much
# lies *between* the ten digits, and not among images of one digit?


# %% name="measure-scramble" tags=["fragment", "nbval-check-output"]
def share_between_digits(z, y):
    share = torch.bincount(y) / len(y)
    means = torch.stack([z[y == k].mean(0) for k in range(10)])
    between = (share[:, None] * (means - z.mean(0)).square()).sum()
    return float(between / z.var(0, correction=0).sum())


noise = torch.randn(20, 1024, 64, generator=generator)
chance = np.mean([share_between_digits(z, y) for z in noise])
print(f"of random vectors: {chance:.2f}")
for name in ("sigmoid", "relu"):
    net, h, found = gc.normalized_mlp(56, activation=name, seed=0), x, {}
    with torch.no_grad():
        for part, module in net.named_children():
            h = found[part] = module(h)
    shares = [share_between_digits(found[f"norm{layer}"], y) for layer in (1, 10, 30, 56)]
    print(f"{name:8} layers 1, 10, 30, 56: ", *(f"{value:.2f}" for value in shares))

# %% [markdown] name="explain-scramble" tags=["continue"]
# In layer 30 of the ReLU network with He's weights two sevens are as different as a seven and a two; what the output
# receives is noise. So a better optimizer is no way out. Adam gives each weight a step of about the
# same size, and the 56 layers fail all the same: after 100 steps with $\eta = 0.001$ their loss is
# 2.4, that of ten layers 0.7 (medians of five).

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 9 min
#
# The usual answer to the prediction is 1: "that is what batch norm is for". Say that He et al.
# (2016) had batch norm in their plain nets too, and report healthy gradient norms; lesson 07 comes
# back to that. Let the hall guess before the training cell who wins, sigmoid or ReLU, at 56 layers.
# If asked what happens at a tiny learning rate: then the last layers stand still; after 400 steps
# with $\eta = 0.003$ the loss of 56 layers is 2.4, that of ten 1.4. Nor is layer norm a way out:
# its δ is level, but without skips its 56 ReLU layers make all images alike and stay at chance: after
# 75 steps 10 % of the training digits are right, of ten layers 87 %. A bold student may want to bend
# less: an exercise does just that with β, and it works, at the price of nearly linear layers.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Three sentences that one reads often, in our words.
#
# ### Claim 1: batch norm prevents both vanishing and exploding gradients

# %% name="claim-both" tags=["fragment", "nbval-check-output"]
smallest, largest = math.inf, 0.0
for name in ("relu", "tanh", "sigmoid"):
    for gain in (0.1, 1.0, 10.0):
        for seed in range(5):
            net = gc.normalized_mlp(30, activation=name, gain=gain, seed=seed)
            with gc.probe(net) as record:
                F.cross_entropy(net(x[:128]), y[:128]).backward()
            d = record.output_gradient_rms[0, record.select("BatchNorm1d")]
            smallest, largest = min(smallest, d[0] / d[-1]), max(largest, d[0] / d[-1])
vanishes, explodes = smallest < 0.1, largest > 100
print(f"δ in layer 1 below a tenth of layer 30 in any of 45 networks: {vanishes}")
print(f"δ in layer 1 above 100 times layer 30 in any:                 {explodes}")
print("verdict:", "holds" if not (vanishes or explodes) else "holds only if")

# %% [markdown] name="claim-both-verdict" tags=["continue"]
# **Holds only if** you strike out "exploding", and speak of the start of the training: true for
# vanishing, false for exploding. With a norm before every activation no gain makes δ vanish, as long as
# $\sigma^2$ stays far above $\varepsilon$. (At a gain of 0.001 it does not, and of δ in layer 30 no more
# than $3 \cdot 10^{-15}$ arrives in layer 1.) But with random weights every layer that bends makes it
# grow.

# %% [markdown] name="claim-shift" tags=["subslide"]
# ### Claim 2: batch norm works because it reduces internal covariate shift
#
# The **internal covariate shift** of a step is how far it moves the distribution of what a layer
# receives. We measure it: mean and standard deviation of every unit's $z$ before and after a step,
# relative to the layer's spread. If the claim holds, then more shift means less learning. To test
# this, Santurkar et al. (2018) added noise *after* batch norm. Its mean and size jump at every step. Four
# sigmoid layers, 300 steps.

# %% name="claim-shift-builds" tags=["fragment"]
builds = {
    "plain": lambda s: gc.mlp(4, seed=s),
    "batch norm": lambda s: gc.normalized_mlp(4, 64, "sigmoid", init="xavier", seed=s),
    "batch norm + jumps": lambda s: gc.normalized_mlp(
        4, 64, "sigmoid", init="xavier", noise=0.55, seed=s
    ),
}

# %% name="claim-shift-measure" tags=["fragment", "nbval-check-output"]
shift, learned, moves = {}, {}, {}
for name, build in builds.items():
    nets = [build(seed) for seed in range(5)]
    meters = [gc.ShiftMeter(net, digits.x_train[:512], lr=0.1, every=20) for net in nets]
    runs = [
        gc.train(net, digits, steps=300, lr=0.1, seed=seed, optimizer=meter, every=300)
        for seed, (net, meter) in enumerate(zip(nets, meters, strict=True))
    ]
    shift[name] = np.mean([meter.shift for meter in meters])
    moves[name] = np.mean([meter.moves for meter in meters], axis=(0, 1))
    learned[name] = sum(run.test_accuracy[-1] > 0.85 for run in runs)
    print(
        f"{name:18}  shift per step {shift[name]:.0e}   more than 85 % right: {learned[name]} of 5"
    )
most = "batch norm + jumps"
fails = shift[most] > shift["plain"] and learned[most] > learned["plain"]
print("verdict:", "fails" if fails else "holds")

# %% name="claim-shift-absolute" tags=["fragment"]
print("shift per step in layers 1 to 4, not relative to anything")
for name in ("plain", "batch norm"):
    print(f"{name:18}", *(f"{move:.5f}" for move in moves[name]))

# %% [markdown] name="claim-shift-verdict" tags=["continue"]
# **Fails.** The network whose layers receive the *most* shifting inputs learns, and the plain one,
# which shifts less, does not. Batch norm does reduce the *relative* shift, several hundredfold; but much
# of that factor is the plain network's tiny spread over images in layer 4. In absolute numbers batch norm
# shifts layer 1 more than the plain network does, and the four layers together several times less.
# (The jumps are no help: with them learning is a little slower than without.)
#
# Santurkar et al. also measure how far the *gradient* of a layer turns when the layers below are updated;
# there too batch norm does not shift less. What else it may do: it allows larger learning rates (Bjorck et
# al. 2018), and it separates the length of the weights from their direction (Kohler et al. 2019), which is
# the deeper step below.

# %% [markdown] name="claim-init" tags=["subslide"]
# ### Claim 3: with batch norm the size of the initial weights does not matter


# %% name="claim-init-measure" tags=["fragment", "nbval-check-output"]
def with_hidden_weights_times(factor, seed):
    net = gc.normalized_mlp(4, seed=seed)
    with torch.no_grad():
        for number in range(1, 5):
            net.get_submodule(f"layer{number}").weight.mul_(factor)
    return net


right = {}
for factor in (1, 100):
    nets = [with_hidden_weights_times(factor, seed) for seed in range(5)]
    first = [gc.train(net, digits, steps=1, lr=0.1, seed=s) for s, net in enumerate(nets)]
    runs = [gc.train(n, digits, steps=299, lr=0.1, seed=s, every=299) for s, n in enumerate(nets)]
    right[factor] = sum(run.test_accuracy[-1] > 0.93 for run in runs)
    print(f"hidden weights × {factor}: more than 93 % right: {right[factor]} of 5")
    moved = [np.median([run.relative_change[-1][0] for run in part]) for part in (first, runs)]
    print(f"   layer 1 moved, relative: by step 1 {moved[0]:.0e}, by the others {moved[1]:.0e}")
print("verdict:", "holds" if right[100] == right[1] else "holds only if")

# %% [markdown] name="claim-init-verdict" tags=["continue"]
# **Holds only if** you speak of the forward pass. $z$ is the same; but
# $\partial\mathcal{L}/\partial W$ is divided by $c$ when $W$ is multiplied by $c$, because $s$ is
# $c$ times larger. A relative step is $c^2$ times smaller: at $c = 100$ ten thousand times, as in
# step 1. (Later steps differ less: the loss stays large, and so does the gradient.) The hidden
# matrices stay where they were born; γ, β and the output layer learn alone, from random features.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 5 min
#
# Claim 2 is the title of the original paper; be fair. Batch norm was a discovery, the explanation
# was a conjecture, and Santurkar et al. tested it three years later; they argue for a smoother loss
# instead. We measure shift relative to a layer's spread: with plain sigmoids the spread is tiny, so
# a small absolute shift is large. Our explanation of the thirty sigmoids, subtracting what images
# share, is about depth at the start, and does not compete with theirs. For claim 3, let the hall
# derive the 1/c from the formula of step 2.

# %% [markdown] name="deeper-decay" tags=["slide", "deeper"]
# ## Deeper · What weight decay does to a normalized layer
#
# The gradient is at right angles to the weights, so weight decay does not make the network smaller; it sets the length of its steps.

# %% name="predict-fifth" tags=["fragment"]
gc.panel("batch-norm/fifth-of-the-rate")

# %% name="measure-equilibrium" tags=["fragment"]
for rate in (0.1, 0.02):
    settled = [trial.equilibrium(rate, seed) for seed in range(3)]
    print(f"η = {rate}, λ = 0.1: theory √(2λ/η) = {math.sqrt(0.2 / rate):.2f}")
    print(f"   ‖g‖/‖W‖ {gc.spread([one.ratio for one in settled])}", end="")
    print(f"   ‖W‖ {gc.spread([one.weight for one in settled])}", end="")
    print(f"   ‖g‖ {gc.spread([one.gradient for one in settled])}")
    print(f"   largest |cos(W, g)| {max(one.largest_cosine for one in settled):.0e}")

# %% [markdown] name="explain-equilibrium" tags=["continue"]
# Batch norm makes the loss blind to the length of $W$: $\mathcal{L}(cW) = \mathcal{L}(W)$. Differentiate
# by $c$ at $c = 1$: $\langle W, g \rangle = 0$. So a step $-\eta g$ can only lengthen $W$, by
# $\eta^2\|g\|^2$ in the square, and decay shortens it by $2\eta\lambda\|W\|^2$ (van Laarhoven 2017). They
# balance where
#
# $$\eta^2 \|g\|^2 = 2\eta\lambda\,\|W\|^2, \qquad \frac{\|g\|}{\|W\|} = \sqrt{\frac{2\lambda}{\eta}} ,
#   \qquad \frac{\|\Delta W\|}{\|W\|} = \sqrt{2\eta\lambda} .$$
#
# Claim 3 has $\|g\| \propto 1/\|W\|$. So **lower the learning rate, and the norm of the gradient rises**,
# while all is well: it happens at the end of the training of large language models, too (Defazio 2025).
# Weight decay is here a second learning rate (Li & Arora 2020; Kosson et al. 2024).

# %% [markdown] name="notes-decay" tags=["notes"]
# **Speaker notes** · 4 min
#
# Ask for the right angle before the derivation: what is the derivative of a function along a direction in
# which it does not change? Three of ten labels are drawn anew so that the gradient does not die out.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model, your batch and your loss in place of ours. `kind` picks the layers to look at.
# Read it from right to left: a line that rises towards layer 1 is a gradient that explodes. And
# look whether the model is in training mode when you measure: in evaluation mode you see the
# running statistics instead.

# %% name="your-network-code" tags=["fragment"]
model, x, y = gc.normalized_mlp(20), digits.x_train[:128], digits.y_train[:128]

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot(record, "output_gradient_rms", kind="BatchNorm1d")

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# For convolutions use `kind="BatchNorm2d"`: there mean and variance are taken over the batch *and*
# the pixels, so that one image alone can have a variance.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Batch norm subtracts what the images of a batch share and divides by what differs. Backwards it
#   removes two directions of the batch, and divides by $s$. Two images leave nothing.
# - Training uses the batch's statistics, evaluation the running ones: the new batch enters with
#   share $m$, the variance with $B - 1$.
# - Thirty sigmoids learn because differences between images keep their size. Layer norm and RMS
#   norm need no batch, but keep only the size of the whole.
# - With random weights of any size a batch-normed layer multiplies δ by $\gamma\sqrt{\mathrm{E}[
#   \varphi'^2]/\mathrm{Var}[\varphi]} \ge 1$: 1.211 for ReLU. 56 such layers do not train; near the
#   identity they do.
# - It is not covariate shift: with shift put back, batch norm still learns.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Nine questions, 17 points:
# [exercises/06_batch_norm.ipynb](../exercises/06_batch_norm.ipynb).
#
# **Next:** [07 · Residual networks](07_residual_networks.ipynb). Batch norm does not save 56 ReLU layers;
# weights near the identity do. **Can one build the identity into the network, so that it need not be
# drawn?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Ioffe & Szegedy (2015), *Batch normalization: accelerating deep network training by reducing
#   internal covariate shift*, arXiv:1502.03167, ICML.
# - Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz (2019), *A mean field theory of batch
#   normalization*, arXiv:1902.08129, ICLR: the explosion, and its factor.
# - Santurkar, Tsipras, Ilyas & Mądry (2018), *How does batch normalization help optimization?*,
#   arXiv:1805.11604, NeurIPS: noise after batch norm.
# - Bjorck, Gomes, Selman & Weinberger (2018), *Understanding batch normalization*, arXiv:1806.02375,
#   NeurIPS.
# - Kohler et al. (2019), *Exponential convergence rates for batch normalization: the power of
#   length-direction decoupling in non-convex optimization*, arXiv:1805.10694, AISTATS.
# - van Laarhoven (2017), *L2 regularization versus batch and weight normalization*, arXiv:1706.05350.
# - Li & Arora (2020), *An exponential learning rate schedule for deep learning*, arXiv:1910.07454,
#   ICLR.
# - Kosson, Messmer & Jaggi (2024), *Rotational equilibrium: how weight decay balances learning across
#   neural networks*, arXiv:2305.17212, ICML.
# - Defazio (2025), *Why gradients rapidly increase near the end of training*, arXiv:2506.02285.
# - Ba, Kiros & Hinton (2016), *Layer normalization*, arXiv:1607.06450.
# - Zhang & Sennrich (2019), *Root mean square layer normalization*, arXiv:1910.07467, NeurIPS.
# - Wu & He (2018), *Group normalization*, arXiv:1803.08494, ECCV: batch norm's error at small
#   batches.
# - He, Zhang, Ren & Sun (2016), *Deep residual learning for image recognition*, arXiv:1512.03385,
#   CVPR: 56 layers.
# - Chernoff (1981), *A note on an inequality involving the normal distribution*, Annals of
#   Probability 9: the Gaussian Poincaré inequality, and when it is an equality.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49, UCI:
#   the data.
