# %% [markdown] name="title" tags=["slide"]
# # 06 · Batch normalization
#
# **After this lesson you can write batch normalization forwards and backwards by hand, say why it
# makes thirty sigmoid layers learn, and say why it does not save fifty-six ReLU layers.**
#
# *45 minutes. With the deeper steps 75. You need lessons 02 and 05.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import torch
from gradcourse.experiments import batch_norm as trial
from gradcourse.experiments.common import loss_plot
from gradcourse.experiments.fivefold import told
from gradcourse.experiments.measurements import stored

digits, longer = gc.digits(), stored("fivefold").rows

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In February 2015 two people at Google put one small module into every layer of
# their image classifier. It reached the same accuracy in a fourteenth of the training steps, and even
# a version with sigmoids learned, which had stayed at chance (Ioffe & Szegedy 2015).

# %% [markdown] name="notation" tags=["subslide"]
# A **batch** is the $B$ images of one training step. A layer computes $u = W h$ for each of them, **batch
# norm** makes $z$ from $u$, and $a = \varphi(z)$. $\delta = \partial\mathcal{L}/\partial z$.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Write on the board: *u, then z, then a.* The new letter is u. Everything today happens between u and z.
# The link to lesson 05: initialization sets the start, and the layers do not stay there. In eight tanh
# layers z in layer 8 is 2.6 to 2.9 times as large after 60 steps; with batch norm it stays.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# How does a layer stay in range? *Put* it there: subtract from each unit's $u$ its mean over
# the batch, and divide by its standard deviation. Two learned numbers per unit, γ (at first 1) and β (0), then
# scale and shift the result $\hat x$.
#
# Thirty sigmoid layers with Glorot's weights and a rate of 0.1, with and without it. Printed: the share of
# training digits right (stored, five seeds).

# %% name="puzzle-train" tags=["fragment"]
losses = {"plain": [], "batch norm": []}
for seed in range(3):
    nets = gc.mlp(30, seed=seed), trial.deep_sigmoids("batch", 30, seed)
    for name, net in zip(losses, nets, strict=True):
        run = gc.train(net, digits, steps=200, lr=0.1, seed=seed, every=200)
        losses[name].append(run.loss)
print(told(longer, "30 sigmoid layers, plain", "30 sigmoid layers, batch norm"))

# %% name="puzzle-picture" tags=["subslide"]
loss_plot(losses, "Thirty sigmoid layers", 10, "linear")

# %% [markdown] name="puzzle-question" tags=["continue"]
# In lesson 02 each sigmoid layer divided δ by about four; these have the same slopes. **What does the module
# do to the image, what to the gradient, and at what price?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Collect theories: "it keeps z in the steep part" (in lesson 02 nothing was saturated); "it
# rescales the gradient" (true, step 4); "it stops the distributions from shifting" (the original
# paper's reason, claim 2). Keep the list.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Forwards
#
# Batch norm is one of a family that differ in *which numbers share a mean*:

# %% name="drawing-axes" tags=["fragment"]
trial.axes_drawing()

# %% [markdown] name="family" tags=["continue"]
# **Layer norm** takes mean and variance of each *image* over its $n$ units (Ba et al. 2016). **RMS norm**
# only divides each image by the root of its mean square (Zhang & Sennrich 2019). Neither needs a batch.

# %% [markdown] name="predict-norms"
# ### Predict

# %% name="predict-other-norms" tags=["fragment"]
gc.panel("batch-norm/other-norms")

# %% [markdown] name="drag-one-batch" tags=["subslide"]
# ### Drag
#
# One unit, eight images. You hold image 8. Watch the seven others.

# %% name="demo-one-batch" tags=["fragment"]
gc.demo("batch-norm/one-batch")

# %% [markdown] name="explain-forward" tags=["subslide"]
# ### Explain
#
# For each unit, over the images $i = 1 \dots B$ of the batch:
#
# $$\mu = \frac1B \sum_i u_i, \quad \sigma^2 = \frac1B \sum_i (u_i - \mu)^2, \quad
#   \hat x_i = \frac{u_i - \mu}{s}, \quad s = \sqrt{\sigma^2 + \varepsilon}, \quad
#   z_i = \gamma\, \hat x_i + \beta .$$
#
# $\varepsilon = 10^{-5}$ protects units that are the same for all images. If $W$ is multiplied by
# $c > 0$, so are $u$, $\mu$ and $\sigma$, and **$c$ cancels**, but for ε. A bias in front would be subtracted again.


# %% name="measure-forward" tags=["subslide"]
def batch_norm(u, gamma, beta, eps=1e-5):
    mean, variance = u.mean(0), u.var(0, correction=0)
    x_hat = (u - mean) / (variance + eps).sqrt()
    return gamma * x_hat + beta


x, (W, norm) = digits.x_train[:64].double(), trial.one_layer()
by_hand = batch_norm(x @ W.T, norm.weight, norm.bias)
large = batch_norm(x @ (1000 * W).T, norm.weight, norm.bias)
print(f"largest difference from torch:         {(by_hand - norm(x @ W.T)).abs().max():.0e}")
print(f"largest change of z by weights × 1000: {(large - by_hand).abs().max():.0e}")

# %% [markdown] name="measure-shared-intro" tags=["subslide"]
# ### Measure
#
# How much of $z$ *differs from image to image* before training: its spread over the images, of its size? And do
# networks with the other norms learn?

# %% name="measure-shared" tags=["fragment"]
for name in ("batch", "layer", "rms"):
    last = [trial.differing(name, seed)[-1] for seed in range(5)]
    print(f"{name:5} norm, share that differs in layer 30: {gc.spread(last, '.1e')}")
print(told(longer, "30 sigmoid layers, layer norm", "30 sigmoid layers, RMS norm"))

# %% name="picture-shared" tags=["subslide"]
trial.differing_plot()

# %% [markdown] name="explain-shared" tags=["continue"]
# A sigmoid is positive, so all images share a large mean, and what differs between them shrinks to 0.39 in
# every layer. Layer norm and RMS norm keep the size of each image's vector, which is soon the same for all. **Batch norm subtracts what all images share, and divides by what is left.**

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 10 min
#
# The last picture is the heart of the lesson; give it a minute. What did the readout of lesson 02 do
# before it fitted? It standardised each unit over the images. Somebody will object that Transformers use
# layer norm and are deep: they have shortcuts (lesson 07) and no sigmoids between. In the demo, drag image
# 8 to 8: the seven others lie nearly on one point. The dashed factor is √(E[φ′²]/E[φ²]).

# %% [markdown] name="bridge-1" tags=["continue"]
# You moved one image and seven others changed. **If the loss looks at image 8 only, do the other
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
# The loss looks at image 8 only: $\delta$ is 1 there and 0 elsewhere. Look at images 1 to 7, then at image 8
# while you drag it far away.

# %% name="demo-paths" tags=["fragment"]
gc.demo("batch-norm/paths")

# %% [markdown] name="explain-backward" tags=["subslide"]
# ### Explain
#
# $u_i$ reaches the loss in three ways:

# %% name="drawing-paths" tags=["fragment"]
trial.paths_drawing()

# %% [markdown] name="explain-backward-paths" tags=["subslide"]
# The derivative of $\hat x_j = (u_j - \mu)/s$ by $u_j$ is $1/s$, by $\mu$ it is $-1/s$, and by $\sigma^2$ it is
# $-\hat x_j/2s^2$. A bar is a mean over the batch:
#
# $$\begin{aligned}
# \text{directly:} && \frac{\partial\mathcal{L}}{\partial \hat x_i}\,\frac1s
#   &= \frac{\gamma}{s}\,\delta_i \\
# \text{through } \mu: && \Bigl(-\frac{\gamma}{s} \sum_j \delta_j\Bigr) \frac1B
#   &= -\frac{\gamma}{s}\, \overline{\delta} \\
# \text{through } \sigma^2: && \Bigl(-\frac{\gamma}{2 s^2} \sum_j \delta_j \hat x_j\Bigr)
#   \frac{2\,(u_i - \mu)}{B} &= -\frac{\gamma}{s}\, \hat x_i\, \overline{\delta \hat x}
# \end{aligned}$$
#
# Together:
#
# $$\frac{\partial\mathcal{L}}{\partial u_i} = \frac{\gamma}{s} \Bigl(\delta_i - \overline{\delta}
#   - \hat x_i\, \overline{\delta \hat x}\Bigr), \qquad
#   \frac{\partial\mathcal{L}}{\partial\gamma} = \sum_i \delta_i\, \hat x_i, \qquad
#   \frac{\partial\mathcal{L}}{\partial\beta} = \sum_i \delta_i .$$
#
# The bracket *removes* two directions of the batch: that in which all images move together, and that in
# which they spread. Batch norm undoes both moves, so neither can change the loss.

# %% [markdown] name="measure-backward-intro" tags=["subslide"]
# ### Measure
#
# The formula against autograd, then the share of a random δ that comes through.

# %% name="measure-backward" tags=["fragment"]
u = (x @ W.T).requires_grad_()
delta = torch.randn(u.shape, dtype=u.dtype, generator=torch.Generator().manual_seed(0))
norm(u).backward(delta)
s = (u.var(0, correction=0) + 1e-5).sqrt()
x_hat = (u - u.mean(0)) / s
formula = norm.weight / s * (delta - delta.mean(0) - x_hat * (delta * x_hat).mean(0))
print(f"largest difference from autograd: {(formula - u.grad).abs().max():.0e}")

# %% name="measure-share" tags=["fragment"]
for B in (2, 4, 64):
    share = [trial.share_of_gradient(B, seed) for seed in range(5)]
    print(f"batch of {B:2}: share {gc.spread(share)}; theory {math.sqrt(1 - 2 / B):.2f}")

# %% [markdown] name="explain-share" tags=["continue"]
# Of $B$ directions $B - 2$ are left, so a random δ keeps $\sqrt{1 - 2/B}$ of its length. **With two
# images next to nothing is left** (ε lets a little through): standardised, one is $+1$ and the other $-1$.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# Derive one path on the board, the one through μ; let the hall do σ². The usual slip is to forget
# that σ² depends on *every* image, and to write $\partial\sigma^2/\partial u_i = 2(u_i - \mu)$
# without the 1/B. (μ stands in σ² too, but that derivative is 0.) In the demo an outlier gets almost no
# gradient: $\hat x_8$ comes to rest near $\sqrt 7$, and what does not move has no gradient. The bracket is a
# projection, so it can only shorten δ. All growth comes from γ/s: step 4 needs that.

# %% [markdown] name="bridge-2" tags=["continue"]
# An image's $z$ depends on its neighbours. **What, then, is the $z$ of a single image after the
# training?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Training and evaluation
#
# ### Predict

# %% name="predict-sorted" tags=["fragment"]
gc.panel("batch-norm/sorted-digits")

# %% [markdown] name="explain-running" tags=["subslide"]
# ### Explain
#
# While it trains, batch norm keeps a **running mean** and a **running variance** for later. They start at 0
# and 1, and after each batch $r \leftarrow (1 - m)\, r + m \cdot \text{batch}$, with **momentum** $m$ (0.1 in
# torch). Mind that $m$ is the share of the *new* value, and that the variance averaged here is
# $\frac{1}{B - 1} \sum_i (u_i - \mu)^2$, though the batch itself was normalized with $B$. In *evaluation mode*
# batch norm uses the running values, and an image's answer no longer depends on its neighbours.

# %% [markdown] name="measure-modes-intro" tags=["continue"]
# Five trained networks; the test set as one batch, or sorted by digit.

# %% name="measure-modes" tags=["fragment"]
for mode, training in (("evaluation", False), ("training", True)):
    mixed = [trial.accuracy_mixed(seed, training) for seed in range(5)]
    by_digit = [trial.accuracy_sorted(seed, training) for seed in range(5)]
    print(f"{mode:10} mode: mixed {gc.spread(mixed)}, sorted {gc.spread(by_digit)}")

# %% [markdown] name="explain-modes" tags=["continue"]
# **Forget `model.eval()`, and a sorted test set is normalized away**: being a zero is what all zeros share.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 5 min
#
# Nearly nobody expects chance. Ask what the mean image of a batch of zeros is. The everyday
# forms: a test set sorted by class; a video, whose frames are alike; a last batch with one image,
# which torch refuses in training mode ("Expected more than 1 value per channel"). Keras calls 0.99 what
# torch calls 0.01.

# %% [markdown] name="bridge-4" tags=["continue"]
# Batch norm divides by the part that differs, which is smaller than the whole. **What does that do to
# δ, fifty-six times?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 4 · Depth
#
# ReLU, He's weights, and the depth of a famous failure: 56 layers (He et al. 2016).
#
# ### Predict

# %% name="predict-first-delta" tags=["fragment"]
gc.panel("batch-norm/first-delta")

# %% [markdown] name="drag-depth" tags=["subslide"]
# ### Drag
#
# Twenty ReLU layers; the knob multiplies all weights. What does it do to the two normalized lines? Are
# they level?

# %% name="demo-depth" tags=["fragment"]
gc.demo("batch-norm/depth")

# %% [markdown] name="measure-growth-intro" tags=["subslide"]
# ### Measure
#
# δ in 56 layers with batch norm, on 1024 digits, for three activations.

# %% name="measure-growth" tags=["fragment"] tolerance=["relu factor per layer: 0.01 0.01 0.01", "tanh factor per layer: 0.01 0.01 0.01", "sigmoid factor per layer: 0.01 0.01 0.01"]
delta = {}
for name in ("relu", "tanh", "sigmoid"):
    nets = [gc.normalized_mlp(56, activation=name, seed=seed) for seed in range(5)]
    delta[name] = [trial.deltas(net, images=1024) for net in nets]
    factor = [trial.factor_per_layer(d) for d in delta[name]]
    wide = gc.theory.normalized_gradient_growth(name)
    print(f"{name:8} factor per layer {gc.spread(factor)}   theory {wide:.2f}")

# %% name="picture-growth" tags=["subslide"]
trial.growth_plot(delta)

# %% [markdown] name="explain-growth" tags=["subslide"]
# ### Explain
#
# Let the weights be random with mean 0 and variance $\sigma_w^2/n$, layers wide and batches large. One
# layer back is $\varphi'$, $W^\top$ and $\gamma/s$ (the bracket takes almost nothing). Forwards $u = W a$,
# so $\sigma^2 = \sigma_w^2\, \mathrm{Var}[a]$:
#
# $$\frac{\mathrm{E}[\delta_l^2]}{\mathrm{E}[\delta_{l+1}^2]}
#   = \mathrm{E}[\varphi'^2] \cdot \sigma_w^2 \cdot \frac{\gamma^2}{\sigma_w^2\, \mathrm{Var}[\varphi]}
#   = \frac{\gamma^2\, \mathrm{E}[\varphi'^2]}{\mathrm{Var}[\varphi]} .$$
#
# **The scale of the weights cancels: no gain of random weights with mean 0 can help.** For ReLU and a
# standard normal $z$ half the slopes are 1, $\mathrm{E}[\varphi^2] = \tfrac12$, $\mathrm{E}[\varphi] = 1/\sqrt{2\pi}$:
#
# $$\mathrm{Var}[\varphi] = \frac12 - \frac1{2\pi}, \qquad
#   \sqrt{\frac{1/2}{1/2 - 1/2\pi}} = \sqrt{\frac{\pi}{\pi - 1}} = 1.211, \qquad
#   1.211^{55} \approx 38{,}000$$
#
# (Yang et al. 2019). No activation escapes: for a Gaussian $\mathrm{Var}[\varphi] \le \gamma^2\,
# \mathrm{E}[\varphi'^2]$, with equality for straight lines only (Chernoff 1981). (With 64 units
# two lie 0.02 above; the wider, the nearer.)

# %% [markdown] name="near-identity-intro" tags=["subslide"]
# ### Does it learn? And a control with other weights
#
# Every hidden matrix starts near the identity, $W = I + 0.02\,\mathcal{N}(0, 1)$. The same batch
# norm, the same rate of 0.1, 80 steps.

# %% name="measure-near-identity" tags=["fragment"]
starts = {"He": lambda seed: gc.normalized_mlp(56, seed=seed), "near I": trial.near_identity}
for name, build in starts.items():
    nets = [build(seed) for seed in range(5)]
    ratio = [trial.first_to_last(trial.deltas(net, images=1024)) for net in nets]
    first = [trial.first_step(net, seed) for seed, net in enumerate(nets)]
    runs = [trial.trained(net, 79, 0.1, seed=s) for s, net in enumerate(nets)]
    print(f"{name:6} δ in layer 1, of layer 56: {gc.spread(ratio, ',.0f')}")
    print(f"       step 1 moves layer 1 by {gc.spread(first, '.3g')} times its size")
    print(f"       right: {gc.spread([run.train_accuracy[-1] for run in runs])}")
print(told(longer, "56 ReLU layers", "10 ReLU layers"))

# %% [markdown] name="explain-near-identity" tags=["subslide"]
# With He's weights the first step moves layer 1 by hundreds of times its own size, and then its
# gradient is divided by that size. **Batch norm does not save 56 ReLU layers with
# He's weights** (they fail without it, too: lesson 07). But with $W \approx I$ neighbouring layers hold nearly
# the same image, $\mathrm{Var}[u]$ is not $\sigma_w^2 \mathrm{Var}[a]$, and **an initialization does help**:
# δ grows by 1.05 a layer.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 9 min
#
# The usual answer to the prediction is 1: "that is what batch norm is for". He et al.
# (2016) had batch norm in their plain nets too, and report healthy gradient norms; lesson 07 comes
# back to that. Nor is layer norm a way out: its δ is level, but without shortcuts its 56 ReLU layers make all
# images alike. Orthogonal matrices keep the *scale*, and do not help either; nor does another rate, from 0.003 to 1. A bold
# student may want to bend less: an exercise does that with β.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From the paper that introduced it (Ioffe & Szegedy 2015, section 3.3):
#
# > In traditional deep networks, too-high learning rate may result in the gradients that explode or
# > vanish, as well as getting stuck in poor local minima. Batch Normalization helps address these issues.

# %% name="vote-both" tags=["fragment"]
gc.panel("batch-norm/claim-both")

# %% [markdown] name="claim-both-intro" tags=["subslide"]
# Thirty layers at the start: log₁₀ of δ in layer 1 over δ in layer 30, for gains of 0.1, 1 and 10 and five
# seeds together. The control has no norm.

# %% name="claim-both" tags=["fragment"]
found = {}
for norm, name in (("none", "relu"), ("batch", "relu"), ("batch", "tanh"), ("batch", "sigmoid")):
    runs = [(gain, seed) for gain in (0.1, 1.0, 10.0) for seed in range(5)]
    found[norm, name] = [trial.decades(norm, name, gain, seed) for gain, seed in runs]
    print(f"{norm:5} norm, {name:7}: decades {gc.spread(found[norm, name], '.1f')}")

# %% name="claim-both-decided" tags=["fragment", "nbval-check-output"]
normed = [value for (norm, _), values in found.items() if norm == "batch" for value in values]
vanishes, explodes = min(normed) < -1, max(normed) > 2
print("verdict:", "fails" if vanishes else "holds only if" if explodes else "holds")

# %% [markdown] name="claim-both-verdict" tags=["continue"]
# **Holds only if** the size of the weights is at fault: gains of 0.1 and 10 cost the plain network 29 decades, the
# normalized one nothing (while $\sigma^2$ is far above $\varepsilon$). But at *every* gain its bent layers make δ explode,
# by 2.5 decades with ReLU. *Scope:* random weights with mean 0, at the start.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 3 min
#
# The authors speak of too high a rate, and we measure the start; ask what a high rate would add. At a gain of
# 0.001: ε is no longer small, and δ in layer 1 is below a millionth of that in layer 30.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Networks without any norm are as accurate, with adaptive clipping (Brock et al. 2021).
# - Straighter activations avoid the growth: leaky ReLUs tailored to the depth (Zhang et al. 2022), almost
#   linear layers with batch norm (Meterez et al. 2024). Here: 56 layers with a slope on the left.

# %% name="since-measure" tags=["subslide"]
for leak in (0.5, 0.8):
    nets = [trial.bent(leak, seed) for seed in range(3)]
    factor = [trial.growth(net) for net in nets]
    right = [trial.trained(net, 80, 0.1, seed=s).train_accuracy[-1] for s, net in enumerate(nets)]
    print(f"left slope {leak}: δ × {gc.spread(factor)} a layer", end=" ")
    print(f"(theory {trial.growth_with_leak(leak):.2f}); right {gc.spread(right)}")

# %% [markdown] name="deeper-shift" tags=["slide", "deeper"]
# ## Deeper · Is it covariate shift?
#
# The paper's own explanation on trial: put the shift back and see whether the network still learns.

# %% [markdown] name="claim-shift" tags=["subslide"]
# ### Claim 2
#
# The reason that Ioffe & Szegedy (2015) give, in section 2:
#
# > By fixing the distribution of the layer inputs x as the training progresses, we expect to improve the
# > training speed.

# %% name="vote-shift" tags=["fragment"]
gc.panel("batch-norm/claim-shift")

# %% [markdown] name="claim-shift-intro" tags=["subslide"]
# The **shift** of a step: how far it moves mean and standard deviation of every unit's $z$, here relative to
# the layer's spread, and in absolute numbers. Santurkar et al. (2018) put the shift *back*: noise after batch
# norm, whose mean and size jump at every step. If the reason is right, that network learns no better than the plain
# one. Four sigmoid layers, rate 0.1, 300 steps.

# %% name="claim-shift-measure" tags=["fragment"]
shift, right = {}, {}
for kind in ("plain", "batch norm", "batch norm + jumps"):
    nets = [trial.four_sigmoids(kind, seed) for seed in range(5)]
    meters = [gc.ShiftMeter(net, digits.x_train[:512], lr=0.1, every=20) for net in nets]
    for seed, (net, meter) in enumerate(zip(nets, meters, strict=True)):
        gc.train(net, digits, steps=300, lr=0.1, seed=seed, optimizer=meter, every=300)
    shift[kind] = [meter.shift for meter in meters]
    right[kind] = [gc.accuracy(net, digits.x_test, digits.y_test) for net in nets]
    first = [sum(move[0] for move in meter.moves) / len(meter.moves) for meter in meters]
    print(
        f"{kind:18} shift, relative {gc.spread(shift[kind], '.0e')}; right {gc.spread(right[kind])}"
    )
    print(f"{'':18} absolute, layer 1 {gc.spread(first, '.0e')}")
print(told(longer, "4 sigmoid layers, plain"))

# %% name="claim-shift-decided" tags=["fragment", "nbval-check-output"]
most = "batch norm + jumps"
fails = min(shift[most]) > max(shift["plain"]) and min(right[most]) > max(right["plain"])
print("verdict:", "fails" if fails else "holds")

# %% [markdown] name="claim-shift-verdict" tags=["continue"]
# **Fails.** The network whose layers receive the *most* shifting inputs learns, and the plain one does
# not. Batch norm does reduce the relative shift, several hundredfold; but most of that factor is the plain network's
# tiny spread over images. In absolute numbers it shifts layer 1 *more*. (The jumps do not help: they slow the
# learning a little.) *Scope:* four sigmoid layers, rate 0.1, 300 steps; in 1500 the plain network begins to learn. Other
# explanations: larger learning rates become possible (Bjorck et al. 2018); length and direction of the weights
# are separated (Kohler et al. 2019); the loss becomes smoother (Santurkar et al. 2018).

# %% [markdown] name="notes-shift" tags=["notes"]
# **Speaker notes** · 4 min
#
# Be fair: batch norm was a discovery, and its explanation a conjecture ("we expect"), tested three years later by
# others. Santurkar et al. also measure how far the *gradient* of a layer turns when the layers below are
# updated; there, too, batch norm does not shift less. Our explanation of the thirty sigmoids is about depth at
# the start, and does not compete with theirs.

# %% [markdown] name="deeper-batch-size" tags=["slide", "deeper"]
# ## Deeper · The size of the batch
#
# How noisy a batch's mean is, what batch norm can still learn from two images, and what norms without a batch do there.

# %% name="demo-noise" tags=["fragment"]
gc.demo("batch-norm/noise")

# %% name="measure-noise" tags=["subslide"]
trial.noise_plot()

# %% name="measure-sizes" tags=["subslide"]
for name in ("batch", "layer", "rms"):
    for B in (2, 64):
        nets = [gc.normalized_mlp(4, norm=name, seed=seed) for seed in range(3)]
        runs = [trial.trained(n, 200, 0.05, batch=B, seed=s) for s, n in enumerate(nets)]
        right = [run.test_accuracy[-1] for run in runs]
        print(f"{name:5} norm, batches of {B:2}: right {gc.spread(right)}")
print(told(longer, "batches of 2, batch norm", "batches of 2, layer norm"))

# %% [markdown] name="explain-sizes" tags=["continue"]
# The mean of $B$ random images is off by $\sigma/\sqrt B$ (drawn without replacement from $N$, by
# $\sqrt{(N-B)/(N-1)}$ of that). At $B = 64$ this is an eighth of σ: noise, but bearable. At $B = 8$ it is a third.
# At $B = 2$ only signs are left forwards, and nothing backwards (step 2). Norms without a batch do not
# notice. Group norm was made for this case (Wu & He 2018); synchronised batch norm shares μ and σ between
# machines instead.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 5 min
#
# In the demo look at the height of the green jumps while you enlarge the batch, then at batch size 2.
# Statistics across devices: each GPU normalizes by its own part of the batch, unless told otherwise.

# %% [markdown] name="deeper-running" tags=["slide", "deeper"]
# ## Deeper · A momentum that is too small
#
# The running statistics start at 0 and 1, and with a small momentum they are still there when you evaluate.

# %% name="demo-momentum" tags=["fragment"]
gc.demo("batch-norm/momentum")

# %% name="measure-momentum" tags=["fragment"]
for mode, training in (("evaluation", False), ("training", True)):
    right = [trial.accuracy_mixed(seed, training, momentum=0.001) for seed in range(5)]
    print(f"m = 0.001, {mode:10} mode: right {gc.spread(right)}")

# %% [markdown] name="explain-momentum" tags=["continue"]
# After $t$ batches the starting values still weigh $(1 - m)^t$. At $m = 0.1$ that is
# 0.1 % after 66 batches. At $m = 0.001$ it is $0.999^{200} = 82$ % after 200: these networks are
# well trained, and are evaluated with statistics that are mostly the initial 0 and 1.

# %% [markdown] name="notes-running" tags=["notes"]
# **Speaker notes** · 3 min
#
# This is the fault that is hardest to find: the training loss is fine, the evaluation is not.

# %% [markdown] name="deeper-scramble" tags=["slide", "deeper"]
# ## Deeper · Forwards, the same factor
#
# Small differences between images grow by the same factor as δ, until every image is equally different from every other.

# %% name="measure-apart" tags=["fragment"]
for name in ("sigmoid", "relu"):
    apart = [trial.growth_of_a_difference(name, seed) for seed in range(3)]
    law = gc.theory.normalized_gradient_growth(name)
    print(f"{name:8} a difference of 1e-6: × {gc.spread(apart)} a layer   theory {law:.2f}")

# %% name="measure-scramble" tags=["fragment"]
noise = torch.randn(5, 1024, 64, generator=torch.Generator().manual_seed(0))
print(f"random vectors {gc.spread([trial.share_between_digits(z) for z in noise])}")
for name in ("sigmoid", "relu"):
    shares = [trial.shares_between_digits(name, seed) for seed in range(5)]
    for layer, place in ((1, 0), (10, 1), (30, 2), (56, 3)):
        print(f"{name:8} layer {layer:2}: {gc.spread([share[place] for share in shares])}")
print(told(longer, "56 ReLU layers, Adam", "10 ReLU layers, Adam"))

# %% [markdown] name="explain-scramble" tags=["continue"]
# First two nearly equal images, through 30 layers. Then the share of all spread in $z$ that lies *between* the ten
# digits. In layer 30 of the ReLU network with He's
# weights two sevens are as different as a seven and a two, and the output receives noise. So a better
# optimizer is no way out: Adam gives each weight a step of about the same size, and the 56 layers learn little
# all the same.

# %% [markdown] name="deeper-decay" tags=["slide", "deeper"]
# ## Deeper · Large weights, and what weight decay does
#
# The gradient is at right angles to normalized weights, so their size sets the length of the steps, and weight decay sets their size.

# %% [markdown] name="claim-init" tags=["subslide"]
# ### Claim 3
#
# From the abstract of the same paper (Ioffe & Szegedy 2015):
#
# > Batch Normalization allows us to use much higher learning rates and be less careful about initialization.
#
# The second half is on trial.

# %% name="vote-init" tags=["fragment"]
gc.panel("batch-norm/claim-init")

# %% name="predict-large-weights" tags=["subslide"]
gc.panel("batch-norm/large-weights")

# %% name="claim-init-measure" tags=["subslide"]
right = {}
for factor in (1, 100):
    nets = [trial.hidden_weights_times(factor, seed) for seed in range(5)]
    first = [trial.first_step(net, seed) for seed, net in enumerate(nets)]
    runs = [trial.trained(net, 299, 0.1, seed=s) for s, net in enumerate(nets)]
    right[factor] = [run.test_accuracy[-1] for run in runs]
    print(f"hidden weights × {factor:3}: right {gc.spread(right[factor])}")
    print(f"   step 1 moves layer 1 by {gc.spread(first, '.0e')} of its size")
print(told(longer, "hidden weights × 100"))

# %% name="claim-init-decided" tags=["fragment", "nbval-check-output"]
print("verdict:", "holds" if max(right[100]) > min(right[1]) else "holds only if")

# %% [markdown] name="claim-init-verdict" tags=["continue"]
# **Holds only if** you speak of the forward pass, where the factor $c$ cancels. Backwards
# $\partial\mathcal{L}/\partial W$ is divided by $c$, because $s$ is $c$ times larger, and relative to $W$ the step is $c^2$
# times smaller: ten thousand times at $c = 100$. The hidden matrices stay where they started; γ, β and the
# output layer learn alone, and fit the training digits in five times the steps, from random features. *Scope:*
# rate 0.1, plain gradient descent, four layers.

# %% [markdown] name="decay-intro" tags=["subslide"]
# ### Weight decay
#
# Four layers are trained with weight decay λ until $\|W\|$ has settled; then with a fifth of the rate.

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

# %% [markdown] name="explain-equilibrium" tags=["subslide"]
# Batch norm makes the loss independent of the length of $W$: $\mathcal{L}(cW) = \mathcal{L}(W)$. Differentiate
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
# **Speaker notes** · 6 min
#
# Ask for the right angle before the derivation: what is the derivative of a function along a direction in
# which it does not change? Three of ten labels are drawn anew so that the gradient does not die out. For claim 3, let the hall
# derive the 1/c from the formula of step 2. γ and β are not normalized: decay on them is an ordinary penalty, and many leave it out.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# A line that rises towards layer 1 is an exploding gradient. Measure in training mode.

# %% name="your-network-code" tags=["fragment"]
model, x, y = gc.normalized_mlp(20), digits.x_train[:128], digits.y_train[:128]

with gc.probe(model) as record:
    torch.nn.functional.cross_entropy(model(x), y).backward()
gc.depth_plot(record, "output_gradient_rms", kind="BatchNorm1d", healthy=10.0)

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# For convolutions use `kind="BatchNorm2d"`: there mean and variance are taken over the batch *and*
# the pixels, so that one image alone can have a variance.

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague fine-tunes a network with batch norm, trained on photographs, on X-ray images in batches of
# four. As a test she sets the rate to 0. After a thousand steps no weight has changed, and **the accuracy in
# evaluation mode has. How can that be, and what would you measure?**
#
# <details>
# <summary>A model answer</summary>
#
# In training mode every forward pass moves the running statistics, whatever the rate is: they are no parameters, and no
# optimizer is asked. After a thousand batches at $m = 0.1$ nothing is left of the photographs' statistics; those of the X-rays
# have taken their place, estimated from about the last forty images. That may help (the right domain) or hurt
# (noisy, and with weights that were trained for other statistics). To separate the two: compare evaluation mode before and
# after; put the batch norms alone into evaluation mode ("frozen") and repeat, so that nothing can change; or estimate the statistics anew from many
# images at a small momentum. If frozen is better, keep them frozen while you train, and mind that `model.train()` thaws them.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# The frozen layer comes back in exercise 4, where a prediction must leave each layer in its own mode.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Batch norm subtracts what images share and divides by what differs: in layer 30 of sigmoids all of $z$ differs
#   from image to image, with layer norm one part in $10^{12}$.
# - Backwards it removes two of $B$ directions and divides by $s$.
# - In training mode an image's $z$ depends on its batch: without `model.eval()` sorted digits fall to 0.10.
# - With random weights of mean 0, of any size, δ grows by 1.21 a ReLU layer, and 56 layers do not learn; near
#   the identity they begin to.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Twelve questions, 19 points:
# [exercises/06_batch_norm.ipynb](../exercises/06_batch_norm.ipynb). Questions 1 and 5 belong to step 1, 2,
# 6 and 8 to step 2, 3, 4 and 7 to step 3, the others to step 4.
#
# **Next:** [07 · Residual networks](07_residual_networks.ipynb). Batch norm does not save 56 ReLU layers;
# weights near the identity do. **Can one build the identity into the network, so that it need not be
# drawn?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Ioffe & Szegedy (2015), *Batch normalization: accelerating deep network training by reducing
#   internal covariate shift*, arXiv:1502.03167, ICML.
# - Ba, Kiros & Hinton (2016), *Layer normalization*, arXiv:1607.06450.
# - Zhang & Sennrich (2019), *Root mean square layer normalization*, arXiv:1910.07467, NeurIPS.
# - Wu & He (2018), *Group normalization*, arXiv:1803.08494, ECCV: batch norm's error at small
#   batches.
# - Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz (2019), *A mean field theory of batch
#   normalization*, arXiv:1902.08129, ICLR: the explosion, and its factor.
# - Chernoff (1981), *A note on an inequality involving the normal distribution*, Annals of
#   Probability 9: the Gaussian Poincaré inequality, and when it is an equality.
# - He, Zhang, Ren & Sun (2016), *Deep residual learning for image recognition*, arXiv:1512.03385,
#   CVPR: 56 layers.
# - Santurkar, Tsipras, Ilyas & Mądry (2018), *How does batch normalization help optimization?*,
#   arXiv:1805.11604, NeurIPS: noise after batch norm.
# - Bjorck, Gomes, Selman & Weinberger (2018), *Understanding batch normalization*, arXiv:1806.02375,
#   NeurIPS.
# - Kohler et al. (2019), *Exponential convergence rates for batch normalization: the power of
#   length-direction decoupling in non-convex optimization*, arXiv:1805.10694, AISTATS.
# - Brock, De, Smith & Simonyan (2021), *High-performance large-scale image recognition without
#   normalization*, arXiv:2102.06171, ICML.
# - Zhang, Botev & Martens (2022), *Deep learning without shortcuts: shaping the kernel with tailored
#   rectifiers*, arXiv:2203.08120, ICLR.
# - Meterez, Joudaki, Orabona, Immer, Rätsch & Daneshmand (2024), *Towards training without depth limits:
#   batch normalization without gradient explosion*, arXiv:2310.02012, ICLR.
# - van Laarhoven (2017), *L2 regularization versus batch and weight normalization*, arXiv:1706.05350.
# - Li & Arora (2020), *An exponential learning rate schedule for deep learning*, arXiv:1910.07454,
#   ICLR.
# - Kosson, Messmer & Jaggi (2024), *Rotational equilibrium: how weight decay balances learning across
#   neural networks*, arXiv:2305.17212, ICML.
# - Defazio (2025), *Why gradients rapidly increase near the end of training*, arXiv:2506.02285.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49, UCI:
#   the data.
