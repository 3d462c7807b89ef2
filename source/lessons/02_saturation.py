# %% [markdown] name="title" tags=["slide"]
# # 02 · Saturation
#
# **After this lesson you can say why eight sigmoid layers learn nothing where two learn to read,
# compute what each layer costs before you train, and repair the network with one number.**
#
# *45 minutes. With the deeper steps 75. You need lesson 01: the chain rule as a product, and δ, the
# gradient that travels back.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory
from gradcourse.experiments import saturation

digits = gc.digits()

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** Until 2006 hardly anybody trained a network of more than three layers, convolutional
# ones apart; then deep ones were built up layer by layer (Hinton, Osindero & Teh 2006). In 2010 Glorot and Bengio watched the layers
# while they learned, and named two reasons: saturation, and weights of the wrong size.

# %% [markdown] name="notation" tags=["continue"]
# A layer computes the pre-activation $z = W h + b$ and the activation $a = \varphi(z)$, the next layer's
# $h$. $\varphi$ is the sigmoid, $\sigma(z) = 1/(1 + e^{-z})$, or tanh. $\delta_l = \partial\mathcal{L}/\partial z_l$.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Write on the board what stays there for the hour: *one layer = one matrix times one slope.*
# Lesson 01 was about the matrices. Today is about the slope.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Two networks read handwritten digits. Same data, same learning rate, layers of 64 sigmoid units,
# the same rule for the random weights (Glorot & Bengio 2010: standard deviation $1/\sqrt{64}$ here).
# One has two hidden layers, the other eight. Five seeds each.

# %% name="puzzle-train" tags=["fragment"]
runs = {}
for depth in (2, 8):
    nets = [gc.mlp(depth, activation="sigmoid", seed=seed) for seed in range(5)]
    runs[depth] = [
        gc.train(net, digits, steps=1000, lr=0.5, seed=s, every=1000) for s, net in enumerate(nets)
    ]
    right = [100 * run.test_accuracy[-1] for run in runs[depth]]
    print(f"{depth} hidden layers, % of the test digits right: {gc.spread(right, '.0f')}")
    print(f"   loss at the end: {gc.spread([r.loss[-100:].mean() for r in runs[depth]], '.3f')}")

# %% name="puzzle-picture" tags=["fragment"]
saturation.loss_plot(runs)

# %% [markdown] name="puzzle-question" tags=["continue"]
# $\ln 10 = 2.303$ is the price of a guess. Near $z = 0$ a sigmoid is almost a straight line, so six more layers
# could simply pass the signal on. **What do they destroy, and where?** The usual suspect is saturation.

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Collect suspects before you go on, and write them down: overfitting (no: the *training* loss is
# stuck), too few steps, a bad learning rate, the optimizer, saturation. Come back to the list after
# step 4. The optimizer is on trial at the end.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · One unit
#
# Backwards, a unit multiplies the gradient that arrives by its slope $\varphi'(z)$.
#
# ### Predict

# %% name="predict-slope" tags=["fragment"]
gc.panel("saturation/slope-at-six")

# %% name="drawing-unit" tags=["fragment"]
saturation.unit_drawing()

# %% [markdown] name="drag-tangent" tags=["subslide"]
# ### Drag
#
# Where is σ steepest, and how steep is it there? Then go right until the title says *saturated*.

# %% name="demo-tangent" tags=["fragment"]
gc.demo("saturation/tangent")

# %% [markdown] name="measure-slopes-intro" tags=["subslide"]
# ### Measure
#
# All 64 units of layer 1, for all 1438 training digits. Autograd gives each of these 92,032
# pre-activations its slope.

# %% name="measure-slopes" tags=["fragment", "nbval-check-output"]
z = gc.mlp(8, seed=0).layer1(digits.x_train).detach().double().requires_grad_()
for name, phi in (("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
    (slope,) = torch.autograd.grad(phi(z).sum(), z)
    print(f"{name:8} largest slope {slope.max():.4f}, mean {slope.mean():.2f}", end="; ")
    print(f"at z = 6: {float(theory.slope(name, 6.0)):.1e}")

# %% name="picture-slopes" tags=["fragment"]
saturation.slopes_plot()

# %% [markdown] name="explain-slopes" tags=["subslide"]
# ### Explain
#
# $$\sigma'(z) = \frac{e^{-z}}{(1 + e^{-z})^2} = a - a^2 \le \tfrac14, \qquad
#   \tanh'(z) = 1 - a^2 \le 1 .$$
#
# Both are largest at $z = 0$ and only there; $\sigma'(6) = 0.0025$. We call a unit **saturated** when
# its slope is below 5 % of the largest one.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 7 min
#
# Wrong answers to expect for $z = 6$: 0.9975 (the value, not the slope) and ¼ (the maximum). Ask
# who can say σ′(z) *without* knowing z: anyone who knows a. That is why a framework keeps the
# activations for the way back. tanh(z) = 2σ(2z) − 1, so tanh′(z) = 4σ′(2z).

# %% [markdown] name="bridge-1" tags=["continue"]
# One σ unit lets at most a quarter of a gradient through. **What does a layer of 64, behind a matrix, let
# through?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · One layer, and then eight
#
# ### Predict

# %% name="predict-saturated" tags=["fragment"]
gc.panel("saturation/who-is-saturated")

# %% name="predict-delta" tags=["fragment"]
gc.panel("saturation/first-delta")

# %% [markdown] name="drag-decay" tags=["subslide"]
# ### Drag
#
# Twenty random layers; the weights are multiplied by a **gain** $\sigma_w$. At which gain is the tanh line
# level? And the sigmoid line?

# %% name="demo-decay" tags=["fragment"]
gc.demo("saturation/decay")

# %% [markdown] name="measure-delta-intro" tags=["subslide"]
# ### Measure
#
# The probe writes down δ in each layer of the real network, on all training digits.

# %% name="measure-delta" tags=["fragment"]
delta = []
for seed in range(5):
    net = gc.mlp(8, seed=seed)
    with gc.probe(net) as record:
        F.cross_entropy(net(digits.x_train), digits.y_train).backward()
    delta.append(record.output_gradient_rms[0, record.select("Linear")][:8])
ratio = np.array([d[0] / d[7] for d in delta])
print(f"δ in layer 1 / δ in layer 8: {gc.spread(ratio, '.1e')}")
print(f"factor a layer:              {gc.spread(ratio ** (1 / 7), '.3f')}")

# %% name="theory-delta" tags=["fragment", "nbval-check-output"]
q = theory.q_trajectory("sigmoid", 1.0, depth=8, mean_square=1.0)
factor = [theory.gradient_decay("sigmoid", 1.0, value) for value in q]
print("theory, factor of layers 1 to 8:", *(f"{value:.3f}" for value in factor))
print(f"layers 7 to 1: {np.prod(factor[:7]):.1e}, or {np.prod(factor[:7]) ** (1 / 7):.3f} a layer")

# %% name="picture-delta" tags=["fragment"]
expected = np.append(np.cumprod(factor[6::-1])[::-1], 1.0)
saturation.delta_plot(np.array(delta), expected)

# %% [markdown] name="explain-delta" tags=["subslide"]
# ### Explain
#
# Backwards, a layer does $\delta_l = \varphi'(z_l) \odot W_{l+1}^\top \delta_{l+1}$ (⊙ multiplies unit
# by unit). With random weights of variance $\sigma_w^2/n$ for $n$ units the mean square changes by
#
# $$\frac{\mathrm{E}[\delta_l^2]}{\mathrm{E}[\delta_{l+1}^2]}
#   = \chi_l = \sigma_w^2\, \mathrm{E}\bigl[\varphi'(\sqrt{q_l}\, \zeta)^2\bigr],
#   \qquad q_{l+1} = \sigma_w^2\, \mathrm{E}\bigl[\varphi(\sqrt{q_l}\, \zeta)^2\bigr],$$
#
# $\zeta$ standard normal, $q_l$ the variance of $z_l$ (Poole et al. 2016; Schoenholz et al. 2017).
# Glorot's weights have $\sigma_w = 1$ here. $q$ settles at 0.265, so the slopes are almost as large as
# slopes of σ can be: $\sqrt\chi = 0.236$. **The seven factors make $3.6 \times 10^{-5}$.** In the demo tanh is
# level a little above gain 1, σ only near 10.

# %% [markdown] name="saturated-intro" tags=["subslide"]
# ### And saturation?
#
# Where do the activations lie? At gain 1, the puzzle's, and for comparison at 4 and 10 (the picture of
# Glorot & Bengio 2010).

# %% name="picture-activations" tags=["fragment"]
saturation.activation_plot()

# %% name="measure-saturated" tags=["fragment"]
for gain in (1, 4, 10):
    fresh = [gc.mlp(8, gain=gain, seed=seed) for seed in range(5)]
    shares = [100 * saturation.saturated_by_layer(net).mean() for net in fresh]
    print(f"gain {gain:2}, before training: saturated {gc.spread(shares, '.1f')} %")
after = np.array([100 * saturation.saturated_by_layer(net) for net in nets])
print(f"gain  1, after 1000 steps, layer 1: {gc.spread(after[:, 0], '.2f')} %", end="; ")
print(f"most in any layer {after.max():.2f} %")

# %% [markdown] name="explain-saturated" tags=["continue"]
# **Not guilty**: 0.0 % of the units are saturated, at most 0.03 % after training. The ceiling of ¼ is enough.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# Expect votes for saturation in the first panel. Let the measurement say it. For
# δ expect ¼ (one layer only), $0.25^8$ (from layer 8 to layer 1 there are seven) and "about 1, because
# Glorot keeps the variance": true for slopes near 1. Glorot and Bengio saw the last hidden layer
# saturate in their networks of four and five layers, with another rule for the weights; it depends on
# the start. Going back, theory counts the matrix as a fresh one, which is good for wide layers.

# %% [markdown] name="bridge-2" tags=["continue"]
# Layer 1 receives a gradient some 28,000 times smaller than layer 8. **What does it do with that?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · A thousand updates later
#
# ### Predict

# %% name="predict-weights" tags=["fragment"]
gc.panel("saturation/early-weights")

# %% [markdown] name="measure-change-intro" tags=["subslide"]
# ### Measure
#
# How far did each weight matrix get, relative to its own size?

# %% name="measure-change" tags=["fragment"]
for depth in (2, 8):
    change = np.array([run.relative_change[-1] for run in runs[depth]])
    print(f"{depth} hidden layers, ‖W_t − W_0‖/‖W_0‖ in layer 1: {gc.spread(change[:, 0], '.1e')}")
    print("   layer 1 to the output:", *(f"{value:.0e}" for value in np.median(change, axis=0)))

# %% [markdown] name="explain-change" tags=["subslide"]
# ### Explain
#
# Descent adds up steps: a weight gets no farther than its gradients carry it, and
# $\partial\mathcal{L}/\partial W = \delta\, h^\top$. **In 1000 steps layer 1 moved by $5 \times 10^{-4}$ of
# its size**; in the shallow network by more than its size. Nothing here pulls a weight towards 0.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 5 min
#
# The wrong answer to expect is "towards 0"; a deeper step puts it on trial. A sharp student sees that
# layers 1 to 3 moved about equally, though δ falls by 4 from each to the next. The gradient of W is the
# mean over images of $\delta h^\top$. From layer 2 on, $h$ is nearly the same for all images (step 4), so
# it is the *mean* δ that counts, and that is soon near 0: the output biases have learned how frequent
# each digit is.

# %% [markdown] name="bridge-3" tags=["continue"]
# But layers 7 and 8 moved a good deal. **Why can they not use what frozen layers give them?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The image fades too
#
# ### Predict

# %% name="predict-readout" tags=["fragment"]
gc.panel("saturation/frozen-readout")

# %% [markdown] name="drag-two-ways" tags=["subslide"]
# ### Drag
#
# How much $z$ differs from image to image, going forwards, and δ, going backwards. Compare their steepness
# while you raise the gain.

# %% name="demo-two-ways" tags=["fragment"]
gc.demo("saturation/two-ways")

# %% [markdown] name="measure-readout-intro" tags=["subslide"]
# ### Measure
#
# Only an output layer is fitted to layer 8 of an *untrained* network, by least squares, then by the puzzle's
# descent, on the activations as they are and on standardized ones.

# %% name="measure-readout" tags=["fragment"]
spread = np.array([saturation.two_ways(1.0, seed, 1438)[0] for seed in range(5)])
fade = (spread[:, 7] / spread[:, 0]) ** (1 / 7)
print(f"differences of images, factor a layer:   {gc.spread(fade, '.3f')}")
right = [100 * saturation.readout_accuracy(seed) for seed in range(5)]
print(f"% right, least squares:                  {gc.spread(right, '.0f')}")
for standardized in (False, True):
    right = [100 * saturation.output_only(seed, standardized) for seed in range(5)]
    what = "standardized" if standardized else "as they are"
    print(f"% right, gradient descent, {what}: {gc.spread(right, '.0f')}")

# %% [markdown] name="explain-fade" tags=["subslide"]
# ### Explain
#
# Let $z_l$ of two images differ by a small $\Delta z_l$. Then
#
# $$\Delta z_{l+1} = W_{l+1}\, \bigl(\varphi'(z_l) \odot \Delta z_l\bigr), \qquad
#   \delta_l = \varphi'(z_l) \odot \bigl(W_{l+1}^\top\, \delta_{l+1}\bigr) .$$
#
# The same factors, transposed: the difference between two digits shrinks going forwards by the
# same $\sqrt\chi = 0.236$ a layer as δ going back. Layer 8 gives the output a constant, plus a digit some
# 30,000 times fainter than in layer 1. It is not lost: least squares finds it. **Gradient descent does not**: it
# learns large differences first. Standardize, and the same descent reads the digits from the same frozen
# layers. From a constant one learns how frequent each digit is: $\mathcal{L} = \ln 10$.

# %% [markdown] name="repair-intro" tags=["subslide"]
# ### Repair it
#
# Choose weights for which $\sqrt\chi$ is nearer to 1. Nothing else changes.

# %% name="measure-gain" tags=["fragment"]
for gain in (4, 10):
    new = [gc.mlp(8, gain=gain, seed=seed) for seed in range(5)]
    done = [gc.train(n, digits, steps=1000, lr=0.5, seed=s, every=1000) for s, n in enumerate(new)]
    learned = [100 * run.train_accuracy[-1] for run in done]
    right = [100 * run.test_accuracy[-1] for run in done]
    print(f"gain {gain:2}: √χ {np.sqrt(theory.chi('sigmoid', gain)):.2f}", end=", ")
    print(f"% right: training {gc.spread(learned, '.0f')}; test {gc.spread(right, '.0f')}")

# %% [markdown] name="repair-explain" tags=["subslide"]
# Weights four times larger, and the network learns: seven layers still cost $0.63^7 = 0.04$, but that is
# enough. At gain 10, $\sqrt\chi$ is almost 1 and the training digits are learned as well, but fewer *new* ones are
# read, from a start with more than half of the units saturated. **Saturation is the price of gain.** Lesson 05
# looks for weights that have a level gradient without it.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 9 min
#
# This is the heart of the lesson. Do not stop at "early layers do not learn". Ask: *if early
# layers are frozen, why is random better than nothing for two layers, and useless for eight?* Vote on
# the readout; do not expect many for 90 %. Now go back to the list of suspects. Lesson 06 standardizes
# inside the network, which is what the readout did by hand. At gain 10 ask what is worse: not the
# learning, but what it is good for on new digits. It is the median that counts: at gain 10 a run may
# stumble in its last steps, and which one does can change with the number of threads.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From a question about Adam and RMSProp (stats.stackexchange.com 318370, 2017):
#
# > So if the first layer has gradient much smaller than the last layer, each update to the weight should
# > be still similar in magnitude, right? Then why do we need other methods like batch normalization to
# > deal with vanishing gradients?

# %% name="vote-adam" tags=["fragment"]
gc.panel("saturation/claim-adam")

# %% [markdown] name="claim-adam-intro" tags=["subslide"]
# The puzzle's network, two layers as a control, and sixteen. (Stored; one is trained now.)

# %% name="claim-adam-updates" tags=["fragment"]
for kind in ("SGD 0.5", "Adam 0.003", "Adam 0.003, 16 layers"):
    moved = saturation.stored_change(kind, 100)
    print(f"{kind}, moved in 100 updates: layer 1 {gc.spread(moved[:, 0], '.2g')}")
    print(f"{'':29}layer 8 {gc.spread(moved[:, 7], '.2g')}")

# %% name="claim-adam-measure" tags=["fragment"]
for kind in ("SGD 0.5", "Adam 0.003", "Adam 0.003, 2 layers", "Adam 0.003, 16 layers"):
    for updates in (100, 5000):
        right = saturation.stored_right(kind, updates)
        print(f"{kind:21} {updates:4} updates, % right: {gc.spread(right, '.0f')}")
now = saturation.right_now("Adam 0.003", 300)
print(f"trained now: Adam 0.003, 300 updates, % right: {now:.0f}")

# %% name="claim-adam-line" tags=["fragment", "nbval-check-output"]
eight = np.median(saturation.stored_right("Adam 0.003", 5000))
sixteen = np.median(saturation.stored_right("Adam 0.003, 16 layers", 5000))
print("verdict:", "fails" if eight < 50 else "holds only if" if sixteen < 15 else "holds")

# %% [markdown] name="claim-adam-verdict" tags=["continue"]
# **Holds only if** the network is not much deeper. With eight layers layer 1 moves even farther than layer 8, and 96 %
# are read in the end (plain descent: 9 %). It costs time: after 100 updates two layers, the control, read 87 % and
# eight 19 %. With sixteen the updates are *not* alike: gradients below Adam's $\epsilon = 10^{-8}$ leave layer 1 where
# it was, to $2 \times 10^{-4}$, and 8 % are read. *Scope:* rate 0.003, 5000 updates.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 5 min
#
# Two questions in one; take them apart. Are the updates alike? (Yes.) Is that enough? Vote on each.

# %% [markdown] name="step-5" tags=["slide", "deeper"]
# ## Deeper · The output saturates too
#
# Without any hidden layer an output that is sure and wrong learns nothing under the squared error, and learns at once under cross-entropy.

# %% name="predict-output" tags=["fragment"]
gc.panel("saturation/delta-ratio")

# %% [markdown] name="drag-output" tags=["continue"]
# Move the output from wrong (left) to right. Which loss pulls hardest on the worst mistake?

# %% name="demo-output" tags=["fragment"]
gc.demo("saturation/output")

# %% [markdown] name="measure-output-intro" tags=["subslide"]
# ### Measure
#
# No hidden layer: ten sigmoid outputs, one per digit. All biases start at −10, so the network is sure that
# no image shows any digit. Two losses, five seeds, 300 steps, and the squared error for five times as long.


# %% name="output-losses" tags=["fragment"]
def squared_error(z, y):
    return 0.5 * (torch.sigmoid(z) - F.one_hot(y, 10)).square().sum() / len(z)


def cross_entropy(z, y):
    target = F.one_hot(y, 10).float()
    return F.binary_cross_entropy_with_logits(z, target, reduction="sum") / len(z)


# %% name="measure-output" tags=["fragment"]
sure = {}
for loss, steps in ((cross_entropy, 300), (squared_error, 300), (squared_error, 1500)):
    right = []
    for seed in range(5):
        net = gc.mlp(0, seed=seed)
        torch.nn.init.constant_(net.output.bias, -10.0)
        run = gc.train(net, digits, steps=steps, lr=0.5, seed=seed, loss=loss, every=steps)
        right.append(100 * run.test_accuracy[-1])
    sure[loss.__name__, steps] = right
    print(f"{loss.__name__:14} {steps:4} steps, % right: {gc.spread(right, '.0f')}")

# %% name="measure-output-delta" tags=["fragment", "nbval-check-output"]
z = torch.tensor([[-10.0]], requires_grad=True)
a = torch.sigmoid(z)
(slow,) = torch.autograd.grad(0.5 * (a - 1) ** 2, z, retain_graph=True)
(fast,) = torch.autograd.grad(F.softplus(-z), z)
print(f"squared error: {slow.item():.1e}   cross-entropy: {fast.item():.4f}")
print(f"ratio: {slow.item() / fast.item():.1e}   σ′(−10): {theory.slope('sigmoid', -10.0):.1e}")

# %% [markdown] name="explain-output" tags=["subslide"]
# ### Explain
#
# $$\mathcal{L} = \tfrac12 (a - y)^2 \;\Rightarrow\; \delta = (a - y)\,\sigma'(z), \qquad
#   \mathcal{L} = -y \log a - (1 - y) \log(1 - a) \;\Rightarrow\;
#   \delta = \frac{a - y}{a(1 - a)}\,\sigma'(z) = a - y .$$
#
# The denominator of the logarithm cancels the slope exactly. Cross-entropy pulls with force 1 at the worst
# mistake, the squared error with $\sigma'(-10) = 4.5 \times 10^{-5}$, least where the error is largest
# (Solla, Levin & Fleisher 1988 compared the two).
#
# The cancellation must happen on paper: in float32, $\sigma(-200)$ is exactly 0 and its logarithm is
# $-\infty$. So losses take $z$, not $a$.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 6 min
#
# Ask in which case a teacher should correct most: when the student is unsure, or sure and wrong?
# The squared error corrects the unsure. Expect "but squared error has the minimum at the same
# place": it has; the way there is flat. If somebody asks about softmax: the same cancellation,
# δ = softmax(z) − y.

# %% [markdown] name="deeper-layers" tags=["slide", "deeper"]
# ## Deeper · Layer by layer
#
# Where the gradients of all weights lie on a log axis before training, and at which depth layer 1 stops moving.

# %% [markdown] name="drag-histogram" tags=["continue"]
# Each row is a layer; to the right are large gradients, one column is a factor of 2. Look at how the cloud
# leans at gain 1, and at what gain it stands upright.

# %% name="demo-histogram" tags=["fragment"]
gc.demo("saturation/gradient-histogram")

# %% [markdown] name="drag-change" tags=["continue"]
# What 1000 steps make of it: eight networks are trained, one for each depth. From which depth on does
# layer 1 move by less than 1 %?

# %% name="demo-change" tags=["fragment"]
gc.demo("saturation/weight-change")

# %% [markdown] name="explain-change-depth" tags=["continue"]
# Four layers learn, five do not; with six and more layer 1 moves by less than 1 %.

# %% [markdown] name="deeper-claims" tags=["slide", "deeper"]
# ## Deeper · Three more claims
#
# That tanh cannot but vanish, that the weights of a vanishing gradient go to 0, and that a shallow network has nothing to fear from saturation.

# %% [markdown] name="claim-tanh-quote" tags=["continue"]
# ### Claim 2
#
# Why tanh cannot prevent vanishing (datascience.stackexchange.com 51545, 2019):
#
# > […] we cannot prevent that because each derivative is smaller than one, except for $x = 0$.

# %% name="vote-tanh" tags=["fragment"]
gc.panel("saturation/claim-tanh")

# %% name="claim-tanh-measure" tags=["fragment"]
growth = {}
for gain in (0.7, 2.0):
    ends = [saturation.deep_delta("tanh", gain, seed) for seed in range(5)]
    growth[gain] = [d[0] / d[-1] for d in ends]
    print(f"20 tanh layers, gain {gain}: δ in layer 1 / layer 20 {gc.spread(growth[gain], '.2g')}")
slopes = theory.slope("tanh", np.array([0.0, 0.1]))
print(f"slope of tanh at z = 0: {slopes[0]:.2f}, at 0.1: {slopes[1]:.2f}")

# %% name="claim-tanh" tags=["fragment", "nbval-check-output"]
explodes, fades = np.median(growth[2.0]) > 1, np.median(growth[0.7]) < 1
print("verdict:", "holds only if" if explodes and fades else "fails" if explodes else "holds")

# %% [markdown] name="claim-tanh-verdict" tags=["continue"]
# **Holds only if** one speaks of the *slope*, and of $z \ne 0$. The gradient is multiplied by weight times slope:
# the same tanh vanishes at gain 0.7, which is the control, and explodes at gain 2. *Scope:* 20 layers of 64,
# untrained.

# %% [markdown] name="claim-zero" tags=["subslide"]
# ### Claim 3
#
# From an introduction to recurrent networks (IBM Cloud Education 2020):
#
# > When the gradient is too small, it continues to become smaller, updating the weight parameters until
# > they become insignificant—i.e. 0.

# %% name="vote-zero" tags=["fragment"]
gc.panel("saturation/claim-zero")

# %% name="claim-zero-measure" tags=["fragment", "nbval-check-output"]
left = {"trained": [], "with weight decay": []}
for seed, net in enumerate(nets):  # the puzzle's, trained
    start = gc.mlp(8, seed=seed).layer1.weight
    left["trained"].append((net.layer1.weight.norm() / start.norm()).item())
    left["with weight decay"].append(saturation.norm_ratio_with_decay(seed)[0])
for name, ratios in left.items():
    print(f"{name}: ‖W‖ of layer 1, after / before: {gc.spread(ratios, '.3f')}")
print("verdict:", "holds" if max(left["trained"]) < 0.5 else "fails")

# %% [markdown] name="claim-zero-verdict" tags=["continue"]
# **Fails.** The weights keep their first values, which were random and not small; what goes to 0 is their
# *change*. The control does shrink: it is weight decay that pulls to 0, and the vanished gradient does not
# resist. *Scope:* eight sigmoid layers, SGD at 0.5, 1000 steps; decay 0.005.

# %% [markdown] name="claim-deep" tags=["subslide"]
# ### Claim 4
#
# From an article on vanishing gradients, about sigmoids (Wang 2019):
#
# > For shallow network with only a few layers that use these activations, this isn't a big problem.

# %% name="vote-deep" tags=["fragment"]
gc.panel("saturation/claim-deep")

# %% name="claim-deep-measure" tags=["fragment", "nbval-check-output"]
stuck, free = np.median(sure["squared_error", 1500]), np.median(sure["cross_entropy", 300])
print("verdict:", "holds only if" if stuck < 50 < free else "holds")

# %% [markdown] name="claim-deep-verdict" tags=["continue"]
# **Holds only if** no unit is saturated where it counts. Two hidden layers learned. A single layer does not, if its
# output is sure and wrong and the loss leaves the slope in, nor in five times the steps; cross-entropy, the control,
# reads the digits in 300. And the deep network of the puzzle vanished without saturation: they are two things.
# *Scope:* outputs that start at −10, SGD at 0.5.

# %% [markdown] name="notes-more-claims" tags=["notes"]
# **Speaker notes** · 3 min
#
# For claim 2 ask *which* derivative, of what with respect to what. For claim 3 ask what force would pull the weights to 0. For claim 4 ask for a deep network without
# saturation: they have just seen one. Saturating and vanishing are two things.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Units with a slope of 1 made pre-training needless (Glorot, Bordes & Bengio 2011; lesson 04).
# - Sigmoids stayed where they are to saturate: gates (lesson 08), attention's softmax (lesson 11), outputs.
# - A unit can be shifted and scaled so that signals keep their size (LeCun et al. 1998; without norms or
#   skips Martens et al. 2021, Zhang et al. 2022). The simplest case is $4(\sigma(z) - \tfrac12)$, with slope 1 at
#   $z = 0$. The puzzle's weights, at a rate of 0.1 (at 0.5 the scaled ones jump about):

# %% name="since-measure" tags=["fragment"]
for build in (saturation.deep_net, saturation.scaled_net):
    nets = [build(seed=seed) for seed in range(5)]
    done = [gc.train(net, digits, steps=1000, lr=0.1, seed=s) for s, net in enumerate(nets)]
    right = [100 * run.test_accuracy[-1] for run in done]
    print(f"{build.__name__:10} % of the test digits right: {gc.spread(right, '.0f')}")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put in your model, batch and loss. Read the picture from right to left, as δ
# travels: a straight line is one factor a layer. In the table, a *mean slope* near 0 means saturated units.

# %% name="your-network-code" tags=["fragment"]
model, x, y = gc.mlp(6, activation="tanh", gain=1.5), digits.x_train[:128], digits.y_train[:128]

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot(record, healthy=10.0)

# %% name="your-network-record" tags=["fragment"]
record

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# Ask who has a model at hand and run it. The one in the cell is tanh at gain 1.5: its line is nearly
# level, and rises a little on its way back, as claim 2 said it may. If a model has no Sigmoid or Tanh modules, the
# column of slopes stays empty; the picture works all the same.

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague finds that after training 60 % of the units in her tanh network are saturated, at 97 % of the
# test digits right. **Should she lower the gain?**
#
# <details>
# <summary>A model answer</summary>
#
# Not because of this number. A unit that is saturated for *most* images and steep for some tells two
# groups of images apart; a classifier that is sure of its answers has many such units at the end. What
# matters is whether the layers still receive a gradient while there is something to learn. Measure δ in the
# first layer relative to the last, and the update relative to the weights, at the start and half-way. Ask
# also whether the same units are saturated for *all* images: those are constants and of no use. If δ is
# level and no unit is constant, saturation is the result of learning, not its obstacle. If you lower the
# gain all the same, compare the test digits, over several seeds.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# The order matters: saturation before learning is a price, after learning it may be a result.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A unit multiplies the gradient by its slope: at most ¼ for σ, at most 1 for tanh.
# - A layer multiplies δ by $\sqrt\chi = \sigma_w \sqrt{\mathrm{E}[\varphi'^2]}$: 0.236 for σ with
#   Glorot's weights, with 0.0 % of the units saturated.
# - Early layers stay where they started, to $5 \times 10^{-4}$ of their size.
# - Going forwards the input fades by the same factor: too small for gradient descent, 11 % right, but 92 % if
#   standardized.
# - A larger gain repairs both, and saturates units in return. Adam reads 96 % with eight layers, 8 % with 16.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# 12 questions, 18 points: [exercises/02_saturation.ipynb](../exercises/02_saturation.ipynb). Questions 1, 2 and
# 4 belong to step 1; 3, 5, 8 and 9 to step 2; 11 and 12 to step 3; 10 to step 4; 6 and 7 to the output.
#
# **Next:** [03 · The recurrent weight](03_the_recurrent_weight.ipynb). Every layer here had a matrix
# of its own. **What if all factors of the product are the same matrix?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Hinton, Osindero & Teh (2006), *A fast learning algorithm for deep belief nets*, Neural
#   Computation 18: training layer by layer.
# - Glorot & Bengio (2010), *Understanding the difficulty of training deep feedforward neural
#   networks*, AISTATS: saturation watched layer by layer; the initialization used here.
# - Solla, Levin & Fleisher (1988), *Accelerated learning in layered neural networks*, Complex
#   Systems 2: squared error against cross-entropy.
# - LeCun, Bottou, Orr & Müller (1998), *Efficient BackProp*: slopes, and where to start.
# - Glorot, Bordes & Bengio (2011), *Deep sparse rectifier neural networks*, AISTATS.
# - Poole et al. (2016), *Exponential expressivity in deep neural networks through transient chaos*,
#   arXiv:1606.05340, NIPS: $q$ from layer to layer.
# - Schoenholz et al. (2017), *Deep information propagation*, arXiv:1611.01232, ICLR: χ, forwards
#   and backwards.
# - Martens et al. (2021), *Rapid training of deep neural networks without skip connections or
#   normalization layers using deep kernel shaping*, arXiv:2110.01765.
# - Zhang, Botev & Martens (2022), *Deep learning without shortcuts: shaping the kernel with tailored
#   rectifiers*, arXiv:2203.08120, ICLR.
# - IBM Cloud Education (2020), *Recurrent neural networks*, a web page; Wang (2019), *The vanishing gradient
#   problem*, Towards Data Science; questions 318370 of stats.stackexchange.com and 51545 of
#   datascience.stackexchange.com: the claims.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49, UCI:
#   the data.
