# %% [markdown] name="title" tags=["slide"]
# # 02 · Saturation
#
# **After this lesson you can say why eight sigmoid layers learn nothing where two learn to read,
# compute what each layer costs before you train, and mend the network with one number.**
#
# *70 minutes. You need lesson 01: the chain rule as a product, and δ, the gradient that travels
# back.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory

digits = gc.digits()

# %% [markdown] name="notation" tags=["continue"]
# A layer computes $z = W h + b$, the pre-activation, and $a = \varphi(z)$, the activation, which is
# the next layer's $h$. $\delta_l = \partial\mathcal{L}/\partial z_l$. Layer 1 is nearest the
# input. $\varphi$ is the sigmoid, $\sigma(z) = 1/(1 + e^{-z})$, or tanh.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Write on the board what stays there for the hour: *one layer = one matrix times one slope.*
# Lesson 01 was about the matrices. Today is about the slope.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Two networks read handwritten digits. Same data, same learning rate, same layers of 64 sigmoid
# units, same rule for the random weights (Glorot & Bengio 2010: standard deviation $1/\sqrt{64}$
# here). One has two hidden layers, the other eight. Each is trained five times, from five seeds.

# %% name="puzzle-train" tags=["fragment", "nbval-check-output"]
nets = {depth: [gc.mlp(depth, activation="sigmoid", seed=s) for s in range(5)] for depth in (2, 8)}
runs = {}
for depth, five in nets.items():
    runs[depth] = [
        gc.train(net, digits, steps=1000, lr=0.5, seed=s, every=1000) for s, net in enumerate(five)
    ]
    right = [run.test_accuracy[-1] for run in runs[depth]]
    loss = np.mean([run.loss[-100:] for run in runs[depth]])
    print(f"{depth} hidden layers: loss {loss:.1f}")
    print(f"   more than 90 % of the test digits right: {sum(r > 0.9 for r in right)} of 5")
    print(f"   less than 15 %, near chance:             {sum(r < 0.15 for r in right)} of 5")

# %% name="puzzle-picture" tags=["fragment"]
step = np.arange(20, 1001, 20)
lines = [
    gc.Line(
        step,
        np.mean([run.loss[1:].reshape(-1, 20).mean(axis=1) for run in runs[depth]], axis=0),
        f"{depth} hidden layers, mean of 5",
        color=color,
    )
    for depth, color in ((2, "blue"), (8, "sigmoid"))
]
lines.append(gc.Line([20, 1000], [math.log(10)] * 2, "ln 10, guessing", "reference"))
gc.Plot("Two layers learn, eight do not", gc.Axis("step"), gc.Axis("loss"), tuple(lines))

# %% [markdown] name="puzzle-question" tags=["continue"]
# A loss of $\ln 10 = 2.3$ is what you pay when you give each of the ten digits the same chance.
# The deep network could copy the shallow one as closely as you like (near $z = 0$ a sigmoid is almost
# a straight line, and passes on what it gets), and learns nothing, from any seed.
# **What do six more layers destroy, and where?** The usual suspect is called *saturation*. Meet it
# first.

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Collect suspects before you go on, and write them down: overfitting (no: the *training* loss is
# stuck), too few steps, a bad learning rate, saturation. Come back to the list after step 4. If
# training is slow on your machine, talk about $\ln 10$ meanwhile; it takes a few seconds.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · One unit
#
# Forwards, a unit turns $z$ into $a = \varphi(z)$. Backwards, it multiplies the gradient that
# arrives by its slope $\varphi'(z)$. So the slope is the price of passing through.
#
# ### Predict

# %% name="predict-slope" tags=["fragment"]
gc.panel("saturation/slope-at-six")

# %% [markdown] name="drag-tangent" tags=["subslide"]
# ### Drag
#
# Look at the slope in the title. Where is σ steepest, and how steep is it there? Then go right
# until the title says *saturated*.

# %% name="demo-tangent" tags=["fragment"]
gc.demo("saturation/tangent")

# %% [markdown] name="measure-slopes-intro" tags=["subslide"]
# ### Measure
#
# All 64 units of one layer, for all 1438 training digits. Autograd gives each of these 92,032
# pre-activations its slope. The rule gives the same from the activation alone.

# %% name="measure-slopes" tags=["fragment", "nbval-check-output"]
fresh = gc.mlp(8, seed=0)
slopes = {}
for name, phi in (("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
    z = fresh.layer1(digits.x_train).detach().double().requires_grad_()
    a = phi(z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    rule = a - a**2 if name == "sigmoid" else 1 - a**2
    slopes[name] = (z.detach().flatten(), slope.flatten())
    print(f"{name:8} largest slope {slope.max():.4f}   mean {slope.mean():.2f}")
    print(f"         farther than 1e-12 from the rule: {int(((slope - rule).abs() > 1e-12).sum())}")
print(f"sigmoid at z = 6: {float(theory.slope('sigmoid', 6.0)):.4f}")

# %% name="picture-slopes" tags=["fragment"]
grid = np.linspace(-4, 4, 161)
lines = []
for name, symbol in (("sigmoid", "σ′"), ("tanh", "tanh′")):
    z, slope = slopes[name]
    z, order = z.sort()
    k = torch.searchsorted(z, torch.linspace(float(z[0]), float(z[-1]), 80, dtype=z.dtype))
    lines.append(gc.Line(z[k], slope[order][k], f"{symbol} of 80 units", color=name))
    lines.append(gc.Line(grid, theory.slope(name, grid), f"{symbol}, rule", "theory", name))
gc.Plot("The slope is a bump", gc.Axis("pre-activation z"), gc.Axis("slope"), tuple(lines))

# %% [markdown] name="explain-slopes" tags=["subslide"]
# ### Explain
#
# $$\sigma'(z) = \frac{e^{-z}}{(1 + e^{-z})^2} = \sigma(z)\,\bigl(1 - \sigma(z)\bigr) = a - a^2 .$$
#
# $a - a^2$ is largest at $a = \tfrac12$, that is at $z = 0$, and it is $\tfrac14$ there. Since
# $\tanh(z) = 2\sigma(2z) - 1$,
#
# $$\tanh'(z) = 4\,\sigma'(2z) = 1 - \tanh^2(z) = 1 - a^2 \le 1,
#   \qquad = 1 \text{ only at } z = 0 .$$
#
# For large $|z|$ both fall like $e^{-|z|}$ and $4 e^{-2|z|}$: at $z = 6$, $\sigma' = 0.0025$. We
# call a unit **saturated** when its slope is below 5 % of the largest one.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 7 min
#
# Wrong answers to expect for $z = 6$: 0.9975 (the value, not the slope) and ¼ (the maximum). Ask
# who can say σ′(z) *without* knowing z: anyone who knows a. That is why a framework keeps the
# activations for the way back. If the demo does not move, draw both curves on the board and lay a
# ruler on them.

# %% [markdown] name="bridge-1" tags=["continue"]
# One σ unit lets at most a quarter of a gradient through. **A layer has 64 of them, each at its own
# $z$, and a matrix in between. What does a whole layer let through?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · One layer, and then eight
#
# Two questions about the deep network of the puzzle, before its first step.
#
# ### Predict

# %% name="predict-saturated" tags=["fragment"]
gc.panel("saturation/who-is-saturated")

# %% name="predict-delta" tags=["fragment"]
gc.panel("saturation/first-delta")

# %% [markdown] name="drag-decay" tags=["subslide"]
# ### Drag
#
# A network of 20 random layers; the weights are multiplied by a *gain*. Look at the slope of both
# lines. Which gain makes tanh level, and which one σ?

# %% name="demo-decay" tags=["fragment"]
gc.demo("saturation/decay")

# %% [markdown] name="measure-delta-intro" tags=["subslide"]
# ### Measure
#
# The probe sits in the real network, reads real digits, and writes down δ in each layer.

# %% name="measure-delta" tags=["fragment", "nbval-check-output"]
delta = []
for seed in range(5):
    net = gc.mlp(8, seed=seed)
    with gc.probe(net) as record:
        F.cross_entropy(net(digits.x_train), digits.y_train).backward()
    delta.append(record.output_gradient_rms[0, record.select("Linear")][:8])
ratio = np.array([d[0] / d[7] for d in delta])
print(f"δ in layer 1 / δ in layer 8: {ratio.min():.1e} to {ratio.max():.1e}")
print(f"factor per layer:            {np.mean(ratio ** (1 / 7)):.3f}")


# %% name="measure-saturated" tags=["fragment", "nbval-check-output"]
def saturated_share(net):
    """Share of all (unit, digit) pairs whose slope is below 5 % of ¼, all hidden layers."""
    shares, h = [], digits.x_train
    with torch.no_grad():
        for layer in net[:-1]:
            h = layer(h)
            if isinstance(layer, torch.nn.Sigmoid):
                shares.append(float((h - h**2 < 0.05 * 0.25).double().mean()))
    return np.mean(shares)


shares = [saturated_share(gc.mlp(8, seed=seed)) for seed in range(5)]
print(f"saturated units: {np.mean(shares):.1%}")

# %% name="theory-delta" tags=["fragment", "nbval-check-output"]
q = theory.q_trajectory("sigmoid", 1.0, depth=8, mean_square=1.0)
factor = [theory.gradient_decay("sigmoid", 1.0, value) for value in q]
print("layer     ", *(f"{layer:6d}" for layer in range(1, 9)))
print("q         ", *(f"{value:6.3f}" for value in q))
print("factor √χ ", *(f"{value:6.3f}" for value in factor))
print(
    f"layers 7 to 1: {np.prod(factor[:7]):.1e}, or {np.prod(factor[:7]) ** (1 / 7):.3f} per layer"
)

# %% name="picture-delta" tags=["fragment"]
layer = np.arange(1, 9)
mean = np.exp(np.mean([np.log(d / d[7]) for d in delta], axis=0))
expected = np.append(np.cumprod(factor[6::-1])[::-1], 1.0)
gc.Plot(
    title="δ on its way back through 8 sigmoid layers",
    x=gc.Axis("layer (1 is nearest the input)"),
    y=gc.Axis("size of δ, relative to layer 8", "log"),
    lines=(
        gc.Line(layer, mean, "σ, mean of 5 networks", color="sigmoid"),
        gc.Line(layer, expected, "σ, theory", "theory", "sigmoid"),
        gc.Line(layer, 0.25 ** (8.0 - layer), "¼ per layer", "reference"),
    ),
)

# %% [markdown] name="explain-delta" tags=["subslide"]
# ### Explain
#
# Backwards, one layer is $\delta_l = \varphi'(z_l) \odot W_{l+1}^\top \delta_{l+1}$. Let the
# weights be random with variance $\sigma_w^2/n$ for $n$ units. Then the mean square changes by
#
# $$\frac{\mathrm{E}[\delta_l^2]}{\mathrm{E}[\delta_{l+1}^2]}
#   = \chi_l = \sigma_w^2\, \mathrm{E}\bigl[\varphi'(\sqrt{q_l}\, \zeta)^2\bigr],
#   \qquad q_{l+1} = \sigma_w^2\, \mathrm{E}\bigl[\varphi(\sqrt{q_l}\, \zeta)^2\bigr],$$
#
# with $\zeta$ standard normal and $q_l$ the variance of $z_l$ (Schoenholz et al. 2017; going back
# they count the matrix as a fresh one, which is good for wide layers). Glorot's
# weights have $\sigma_w = 1$ here. Then $q$ settles at 0.265, so $|z|$ is mostly below 1 and the
# slopes are almost as large as slopes of σ can be: $\sqrt\chi = 0.236$, just below ¼. (Layer 1 has
# 0.212, because the pixels give it $q = 1$.) Layers 7 down to 1 make $3.6 \times 10^{-5}$, the
# number you measured.
#
# So the verdict on the suspect: **not guilty.** The gradient vanished without a saturated unit.
# The ceiling of ¼ is enough.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# Nearly everybody votes for saturation in the first panel. Let the measurement say it: 0.0 %. For
# δ expect ¼ (one layer only), $0.25^8$ (eight slopes; from layer 8 to layer 1 there are seven) and
# "about 1, because Glorot keeps the variance": true for slopes near 1. In the demo, let the hall
# find tanh level just above gain 1, and wonder that σ needs about 10. The picture is one random
# network: where many units are saturated, another one differs by a factor of 2 in layer 1. If the
# demo does not move: `gc.demo("saturation/decay").frame(gain=10.0)`.

# %% [markdown] name="bridge-2" tags=["continue"]
# Layer 1 receives a gradient some 28,000 times fainter than layer 8. **What does a layer do that
# hears almost nothing?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Layers that stay where they were born
#
# ### Predict

# %% name="predict-weights" tags=["fragment"]
gc.panel("saturation/early-weights")

# %% [markdown] name="drag-histogram" tags=["subslide"]
# ### Drag
#
# First the gradients before training. Each row is a layer; to the right are large gradients, one
# column is a factor of 2. Look at how the cloud leans at gain 1, and at what gain it stands
# upright.

# %% name="demo-histogram" tags=["fragment"]
gc.demo("saturation/gradient-histogram")

# %% [markdown] name="drag-change" tags=["continue"]
# Then what 1000 steps make of it. Here eight networks are trained, one for each depth; it takes a
# few seconds. Look at layer 1 while you add layers: at which depth does it let go?

# %% name="demo-change" tags=["fragment"]
gc.demo("saturation/weight-change")

# %% [markdown] name="measure-change-intro" tags=["subslide"]
# ### Measure
#
# How far did each weight matrix of the puzzle's networks get, relative to its own size?

# %% name="measure-change" tags=["fragment", "nbval-check-output"]
for depth in (2, 8):
    change = np.array([run.relative_change[-1] for run in runs[depth]])
    typical = np.exp(np.log(change).mean(axis=0))
    print(f"{depth} hidden layers, ‖W_t − W_0‖/‖W_0‖ from layer 1 to the output:")
    print("  ", *(f"{value:.0e}" for value in typical))

# %% [markdown] name="explain-change" tags=["subslide"]
# ### Explain
#
# Gradient descent adds up steps, so a weight gets no farther than the gradients carry it:
#
# $$W_t = W_0 - \eta \sum_{s<t} \frac{\partial\mathcal{L}}{\partial W}\Big|_s
#   \quad\Rightarrow\quad
#   \frac{\|W_t - W_0\|}{\|W_0\|} \le \frac{\eta}{\|W_0\|}
#   \sum_{s<t} \Bigl\|\frac{\partial\mathcal{L}}{\partial W}\Bigr\|_s .$$
#
# With $\partial\mathcal{L}/\partial W = \delta\, h^\top$, a layer whose δ is some 28,000 times
# fainter stays where it was born: layer 1 moved by $5 \times 10^{-4}$ of its size in 1000 steps. In
# the shallow network it moved by more than its size. Nothing in these equations pulls a weight
# towards 0.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 7 min
#
# The popular wrong answer is "towards 0"; keep its voters in mind for the trial below. A sharp
# student sees that layers 1 to 3 moved about equally, though δ falls by 4 from each to the next.
# The gradient of W is the mean over images of $\delta h^\top$. From layer 2 on, $h$ is nearly the
# same for all images (step 4), so it is the *mean* δ that counts, and that is soon near 0: the
# output biases have learned how frequent each digit is. If the trained demo takes too long, show
# the measured cell first.

# %% [markdown] name="bridge-3" tags=["continue"]
# It is tempting to stop here: the early layers are frozen, so the network cannot learn. But layers
# 7 and 8 moved a good deal, and the output layer is as free as ever. **Why can they not make do
# with what frozen layers give them?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The image fades too
#
# ### Predict

# %% name="predict-readout" tags=["fragment"]
gc.panel("saturation/frozen-readout")

# %% [markdown] name="drag-two-ways" tags=["subslide"]
# ### Drag
#
# Two lines: how much the 64 units' $z$ differ from image to image, going forwards, and δ, going
# backwards. Look at their angles while you raise the gain.

# %% name="demo-two-ways" tags=["fragment"]
gc.demo("saturation/two-ways")

# %% [markdown] name="measure-readout-intro" tags=["subslide"]
# ### Measure
#
# What does layer 8 of an *untrained* network still know about the digits? Standardise each unit,
# fit one linear layer by least squares, count.

# %% name="measure-readout" tags=["fragment", "nbval-check-output"]
fade, right = [], []
for seed in range(5):
    hidden = gc.mlp(8, seed=seed)[:-1].double()
    with torch.no_grad():
        first = hidden[:2](digits.x_train.double())
        train, test = hidden(digits.x_train.double()), hidden(digits.x_test.double())
    mean, std = train.mean(0), train.std(0)
    fade.append(float(std.square().mean().sqrt() / first.std(0).square().mean().sqrt()))
    target = F.one_hot(digits.y_train, 10).double() - 0.1
    W = torch.linalg.lstsq((train - mean) / std, target).solution
    right.append(float((((test - mean) / std @ W).argmax(1) == digits.y_test).double().mean()))
print(f"spread of the images in layer 8 / layer 1: {min(fade):.0e} to {max(fade):.0e}")
print(f"factor per layer: {np.mean(np.array(fade) ** (1 / 7)):.3f}")
print(f"readout, more than 90 % right: {sum(r > 0.9 for r in right)} of 5")

# %% [markdown] name="explain-fade" tags=["subslide"]
# ### Explain
#
# Take two images whose pre-activations in layer $l$ differ by a small $\Delta z_l$. Then
#
# $$\Delta z_{l+1} = W_{l+1}\, \bigl(\varphi'(z_l) \odot \Delta z_l\bigr), \qquad
#   \delta_l = \varphi'(z_l) \odot \bigl(W_{l+1}^\top\, \delta_{l+1}\bigr) .$$
#
# The same matrix and the same slopes, transposed. So the difference between two digits fades
# forwards by the same $\sqrt\chi = 0.236$ per layer as δ fades backwards. Layer 8 gives the output
# a constant, plus a digit some 25,000 times fainter than in layer 1. The digit is not lost, as the
# readout shows. But gradient descent learns the loud part first, and the loud part is the same for
# all digits. What can be learned from it is how frequent each digit is: $\mathcal{L} = \ln 10$.

# %% [markdown] name="repair-intro" tags=["subslide"]
# ### Mend it
#
# If each layer costs $\sqrt\chi$, then choose weights for which $\sqrt\chi$ is nearer to 1. Nothing
# else changes: same eight layers, same learning rate. Accuracy is given to the nearest 5 %.

# %% name="measure-gain" tags=["fragment", "nbval-check-output"]
print("gain   √χ    saturated units   test digits right, median of 5")
for gain in (1, 4, 10):
    right, shares = [], []
    for seed in range(5):
        net = gc.mlp(8, gain=gain, seed=seed)
        shares.append(saturated_share(net))
        run = gc.train(net, digits, steps=1000, lr=0.5, seed=seed, every=1000)
        right.append(run.test_accuracy[-1])
    root = math.sqrt(theory.chi("sigmoid", gain))
    percent = 5 * round(20 * np.median(right))
    print(f"{gain:4d}  {root:5.2f}  {np.mean(shares):12.0%}  {percent:16d} %")

# %% [markdown] name="repair-explain" tags=["subslide"]
# Weights four times larger, and the network that could not learn learns. Seven layers still cost
# $0.63^7 = 0.04$, but one part in 25 is enough.
#
# Look at the last row. At gain 10, $\sqrt\chi$ is almost 1, yet the test digits do worse. More than
# half of the units are saturated: their slope is almost 0, and the steep ones carry the gradient
# for all, through large weights. **Saturation is the price of gain.** A level gradient is not yet a
# good network; lesson 05 looks for weights that have both.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# This is the heart of the lesson; take the time. Most textbooks stop at "early layers do not
# learn". Ask: *if early layers are frozen, why is random better than nothing for two layers, and
# useless for eight?* Vote on the readout; few say 90 %. Now go back to the list of suspects from
# the puzzle. Somebody will ask for Adam: it divides each gradient by its own size, so it does
# move the early layers, and the loss does fall below ln 10, slowly. Lesson 06 standardises inside
# the network, which is what the readout did by hand. If the last cell is slow: fifteen
# trainings, about half a second each. It takes the median because at gain 10 a run may stumble in
# its last steps; which one does can change with the number of threads.

# %% [markdown] name="bridge-4" tags=["continue"]
# Inside a network saturated units have neighbours that still pass something on. **The output has no
# neighbours. What if the output saturates?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · The output saturates too
#
# An output $a = \sigma(z)$ should be 1. It starts at $z = -10$: sure, and wrong.
#
# ### Predict

# %% name="predict-output" tags=["fragment"]
gc.panel("saturation/delta-ratio")

# %% [markdown] name="drag-output" tags=["subslide"]
# ### Drag
#
# Move the output from wrong (left) to right. Look at both lines on the *left*: which loss pulls
# hardest on the worst mistake?

# %% name="demo-output" tags=["fragment"]
gc.demo("saturation/output")

# %% [markdown] name="measure-output-intro" tags=["subslide"]
# ### Measure
#
# A network without any hidden layer: ten sigmoid outputs, one per digit. All biases start at −10,
# so it is sure that no image shows any digit. Two losses, five seeds, 300 steps.


# %% name="output-losses" tags=["fragment"]
def squared_error(z, y):
    return 0.5 * (torch.sigmoid(z) - F.one_hot(y, 10)).square().sum() / len(z)


def cross_entropy(z, y):
    target = F.one_hot(y, 10).float()
    return F.binary_cross_entropy_with_logits(z, target, reduction="sum") / len(z)


# %% name="measure-output" tags=["fragment", "nbval-check-output"]
right = {}
for loss in (squared_error, cross_entropy):
    right[loss.__name__] = []
    for seed in range(5):
        net = gc.mlp(0, seed=seed)
        torch.nn.init.constant_(net.output.bias, -10.0)
        run = gc.train(net, digits, steps=300, lr=0.5, seed=seed, loss=loss, every=300)
        right[loss.__name__].append(run.test_accuracy[-1])
    learned = sum(r > 0.9 for r in right[loss.__name__])
    print(f"{loss.__name__:14} more than 90 % right: {learned} of 5")

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
# The denominator of the logarithm cancels the slope exactly. Cross-entropy pulls with force 1 at
# the worst mistake; the squared error pulls with $\sigma'(-10) = 4.5 \times 10^{-5}$, least where
# the error is largest. (Solla, Levin & Fleisher 1988 compared the two.)
#
# The cancellation must happen on paper: in float32, $\sigma(-200)$ is exactly 0 and its logarithm
# is $-\infty$. So losses take $z$, not $a$. You will write such a loss in the exercises.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 6 min
#
# Ask in which case a teacher should correct most: when the student is unsure, or sure and wrong?
# The squared error corrects the unsure. Expect "but squared error has the minimum at the same
# place": it has; the way there is flat. If somebody asks about softmax: the same cancellation,
# δ = softmax(z) − y.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Three sentences that one reads often, in our words. Each verdict is computed from the measurement
# below it.
#
# ### Claim 1: the gradient of tanh is always less than 1

# %% name="claim-tanh" tags=["fragment", "nbval-check-output"]
at_zero = float(theory.slope("tanh", 0.0))
elsewhere = float(theory.slope("tanh", np.array([-0.1, 0.1])).max())
growth = []
for seed in range(5):
    net = gc.mlp(20, activation="tanh", gain=2.0, seed=seed)
    with gc.probe(net) as record:
        F.cross_entropy(net(digits.x_train), digits.y_train).backward()
    delta = record.output_gradient_rms[0, record.select("Linear")]
    growth.append((delta[0] / delta[19]) ** (1 / 19))
print(f"slope of tanh at z = 0: {at_zero:.2f}, at ±0.1: {elsewhere:.2f}")
print(f"factor on δ per tanh layer at gain 2: {min(growth):.1f} to {max(growth):.1f}")
slope_holds, gradient_holds = at_zero >= 1 > elsewhere, max(growth) < 1
print("verdict:", "holds" if gradient_holds else "holds only if" if slope_holds else "fails")

# %% [markdown] name="claim-tanh-verdict" tags=["continue"]
# **Holds only if** you speak of the *slope*, and of $z \ne 0$. The gradient is multiplied by weight
# times slope, and that product can be above 1: a tanh network can explode.

# %% [markdown] name="claim-zero" tags=["subslide"]
# ### Claim 2: you recognise a vanishing gradient by weights that go to 0

# %% name="claim-zero-measure" tags=["fragment", "nbval-check-output"]
left = []
for seed, net in enumerate(nets[8]):
    start = gc.mlp(8, seed=seed).layer1.weight
    left.append(float((net.layer1.weight.norm() / start.norm()).detach()))
print(f"‖W‖ of layer 1 after training / before: {min(left):.3f} to {max(left):.3f}")
print("verdict:", "holds" if max(left) < 0.5 else "fails")

# %% [markdown] name="claim-zero-verdict" tags=["continue"]
# **Fails.** The weights stall at their first values, which were random and not small. What goes to
# 0 is their *change*. Weights that do shrink to 0 have another cause; an exercise finds it.

# %% [markdown] name="claim-deep" tags=["subslide"]
# ### Claim 3: saturation is a problem of deep networks only

# %% name="claim-deep-measure" tags=["fragment", "nbval-check-output"]
stuck = sum(r < 0.5 for r in right["squared_error"])
print(f"hidden layers: 0, stuck with a saturated output: {stuck} of 5")
print("verdict:", "fails" if stuck else "holds")

# %% [markdown] name="claim-deep-verdict" tags=["continue"]
# **Fails.** One layer is enough, if its output saturates and the loss leaves the slope in. And the
# deep network of the puzzle vanished without saturation. The two words are often used as one; they
# are two things.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Let the hall vote before each cell. For claim 1 ask: which gradient, of what with respect to
# what? For claim 2, ask its voters from step 3 what force would pull the weights to 0. For claim 3
# ask for a deep network without saturation: they have just seen one.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model, your batch and your loss in place of ours. Three lines, no change to the model.
# Read the picture from right to left, as the gradient travels: a straight line is one factor per
# layer. If it falls towards layer 1 the gradient vanishes, if it rises it explodes. In the table
# below, a *mean slope* near 0 means that most units are saturated.

# %% name="your-network-code" tags=["fragment"]
model, x, y = gc.mlp(6, activation="tanh", gain=1.5), digits.x_train[:128], digits.y_train[:128]

with gc.probe(model) as record:
    F.cross_entropy(model(x), y).backward()
gc.depth_plot(record)

# %% name="your-network-record" tags=["fragment"]
record

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# Ask who has a model at hand and run it. The one in the cell is tanh at gain 1.5: its line rises a
# little towards layer 1, as claim 1 said it may. If a model has no Sigmoid or Tanh modules, the
# column of slopes stays empty; the picture works all the same.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A unit multiplies the gradient by its slope: at most ¼ for σ, at most 1 for tanh, and 1 only at
#   $z = 0$. It is saturated where the curve is flat.
# - A layer multiplies δ by $\sqrt\chi = \sigma_w \sqrt{\mathrm{E}[\varphi'^2]}$: 0.236 for σ with
#   Glorot's weights, and not one unit needs to be saturated for that.
# - Early layers do not go to 0; they stay where they were born.
# - The input fades forwards by the same factor. It is there, but too faint to be learned from. A
#   larger gain mends both, and saturates units in return.
# - A saturated output stalls under the squared error, at any depth. Cross-entropy from $z$ cancels
#   the slope.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Eight questions, 16 points: [exercises/02_saturation.ipynb](../exercises/02_saturation.ipynb).
#
# **Next:** [03 · The recurrent weight](03_the_recurrent_weight.ipynb). Every layer here had a matrix
# of its own. **What if all factors of the product are the same matrix?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Hochreiter (1991), *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, TU
#   München: gradients through many sigmoids, analysed for the first time.
# - Solla, Levin & Fleisher (1988), *Accelerated learning in layered neural networks*, Complex
#   Systems 2: squared error against cross-entropy.
# - LeCun, Bottou, Orr & Müller (1998), *Efficient BackProp*: sigmoids, their slopes, and where to
#   start.
# - Glorot & Bengio (2010), *Understanding the difficulty of training deep feedforward neural
#   networks*, AISTATS: saturation watched layer by layer; the initialization used here.
# - Poole et al. (2016), *Exponential expressivity in deep neural networks through transient chaos*,
#   arXiv:1606.05340, NIPS: $q$ from layer to layer.
# - Schoenholz et al. (2017), *Deep information propagation*, arXiv:1611.01232, ICLR: χ, forwards
#   and backwards.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49, UCI:
#   the data.
