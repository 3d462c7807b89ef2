# %% [markdown] name="title" tags=["slide"]
# # 01 · Products of the chain rule
#
# **After this lesson you can look at the factors of a long product, of numbers or of matrices, and
# say how large the gradient is at its far end.**
#
# *75 minutes. You need the chain rule, the product of two matrices, and what a variance is.*

# %% name="import" tags=["continue"]
import math
from dataclasses import replace

import gradcourse as gc
import numpy as np
import torch

digits = gc.digits()

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# One sentence to keep on the board for the whole hour: *backpropagation multiplies one factor per
# layer.* Everything today is a property of long products.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Here is a network with nothing in it that could go wrong: 50 layers of `nn.Linear`, drawn as
# PyTorch draws them by default. There is no activation, so nothing saturates. We train it on
# handwritten digits for 200 updates. Then we ask how many of the 4096 weights of layer 1, the layer
# nearest the input, are not exactly what they were at the start.

# %% name="puzzle-weights" tags=["fragment", "nbval-check-output"]
net = gc.mlp(depth=49, activation="linear", init="default")
before = net.layer1.weight.detach().clone()
history = gc.train(net, digits, steps=200, lr=0.1)

changed = int((net.layer1.weight != before).sum())
print(f"weights of layer 1 that changed: {changed} of {before.numel()}")
print(f"share of test digits named right: {history.test_accuracy[-1]:.1f}")

# %% [markdown] name="puzzle-picture-intro" tags=["subslide"]
# None, to the last bit. The gradient is not zero, though. Here is its size at every layer of the
# untrained net, on a log axis: read it from right to left, as the gradient travels.

# %% name="puzzle-picture" tags=["fragment"]
net = gc.mlp(depth=49, activation="linear", init="default")
with gc.probe(net) as record:
    loss = torch.nn.functional.cross_entropy(net(digits.x_train), digits.y_train)
    loss.backward()
title = "Gradient at the output of each layer"
gc.depth_plot(record, "output_gradient_norm", title=title)

# %% [markdown] name="puzzle-question" tags=["continue"]
# A straight line on a log axis, over some twelve decades (factors of ten): every layer takes the
# same share.
# **Which factor per layer is that, and who chose it?** You will have it at the end of step 4.

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 2 min
#
# Ask before running: *how many of 4096?* Nobody says 0. Expect two explanations from the hall:
# "the activation saturates" (there is none) and "the learning rate is too small" (ask what a
# thousandfold rate would do to the last layer). Do not resolve it yet. If the training cell is
# slow, talk over it; it takes about a second.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · One factor, many layers
#
# Take the simplest chain, $h_l = r\, h_{l-1}$, with the same number $r$ in every layer. The chain
# rule multiplies the derivatives of all layers,
#
# $$\frac{\partial \mathcal L}{\partial h_0} = \frac{\partial \mathcal L}{\partial h_L}
# \cdot \frac{\partial h_L}{\partial h_{L-1}} \cdots \frac{\partial h_1}{\partial h_0}
# = \frac{\partial \mathcal L}{\partial h_L} \cdot r^L ,$$
#
# where $\mathcal L$ is the loss and $L$ the depth. With $r < 1$ the gradient shrinks. But a
# computer's numbers do not shrink for ever.
#
# ### Predict

# %% name="predict-underflow" tags=["fragment"]
gc.panel("chain/predict-underflow")

# %% [markdown] name="drag-scalar" tags=["subslide"]
# ### Drag
#
# Look at where each number format leaves the dashed line. Start at $r = 0.25$, then try
# $r = 0.9$ with 1000 factors: what does the product do in the end?

# %% name="demo-scalar" tags=["fragment"]
gc.demo("chain/scalar-product")

# %% [markdown] name="measure-scalar-intro" tags=["subslide"]
# ### Measure
#
# We multiply by 0.25 and note two depths: where the product is no longer a *normal* number, with
# all its digits, and where it is 0.

# %% name="measure-scalar" tags=["fragment", "nbval-check-output"]
for dtype in (torch.float16, torch.bfloat16, torch.float32):
    product, depth, below_normal = torch.ones((), dtype=dtype), 0, 0
    while product > 0:
        product, depth = 0.25 * product, depth + 1
        if product >= torch.finfo(dtype).tiny:
            below_normal = depth + 1
    print(f"{dtype}: not normal from L = {below_normal}, zero from L = {depth}")

# %% [markdown] name="explain-scalar" tags=["subslide"]
# ### Explain
#
# $r = 0.25$ is $2^{-2}$, so $r^L = 2^{-2L}$ exactly. The smallest normal float32 is $2^{-126}$,
# the smallest of all is $2^{-149}$, and $2^{-150}$, halfway to 0, rounds to 0:
#
# $$2L > 126 \;\Rightarrow\; L \ge 64, \qquad 2L \ge 150 \;\Rightarrow\; L \ge 75 .$$
#
# float16 has fewer exponent bits: $2^{-14}$ and $2^{-24}$, hence 8 and 13. bfloat16 has the
# exponents of float32 but fewer digits, and ends at $2^{-133}$: 64 and 67.

# %% [markdown] name="stuck-intro" tags=["subslide"]
# You may have met something odd in the demo. A product that is rounded after *every* factor need
# not reach 0 at all. Here are 5000 factors of 0.9:

# %% name="measure-stuck" tags=["fragment", "nbval-check-output"]
product = torch.ones(())
for _ in range(5000):
    product = 0.9 * product
units = float(product) / 2.0**-149
print(f"float32:  {float(product):.1e}, which is {units:.0f} × 2^-149")
print(f"exact:    10^{5000 * math.log10(0.9):.0f}")

# %% [markdown] name="stuck-explain" tags=["fragment"]
# Down there numbers are whole multiples of $2^{-149}$. Four of them times 0.9 are 3.6, and the
# nearest whole number is four again. Every factor above ½ gets stuck like this. So a gradient of
# $10^{-45}$ in float32 says nothing: it may be a rounding error that refuses to die.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 6 min
#
# Wrong answers to expect: 63 (the end of the normal numbers), 538 (float64), and "never". Let the
# last group find $r = 0.9$ in the demo. Some hardware treats subnormal numbers as 0
# (`torch.set_flush_denormal(True)`); there the product is 0 from L = 64 on, and nothing sticks.
# If the demo does not answer, run
# `gc.demo("chain/scalar-product").frame(factor=0.9, depth=1000)` for the picture.

# %% [markdown] name="bridge-1" tags=["continue"]
# All factors equal: $r$ decides. But no two layers of a network are equal. **What decides when the
# factors are random?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · Random factors
#
# Now every layer draws its factor afresh: 0.5 or 1.6, like a coin. On average a factor is 1.05,
# so on average the gradient grows.
#
# ### Predict

# %% name="predict-typical" tags=["fragment"]
gc.panel("chain/predict-typical")

# %% [markdown] name="drag-random" tags=["subslide"]
# ### Drag
#
# Move the larger factor. Look for the range in which the mean grows while the median chain still
# vanishes: where does it begin, and where does it end?

# %% name="demo-random" tags=["fragment"]
gc.demo("chain/random-factors")

# %% [markdown] name="measure-random-intro" tags=["subslide"]
# ### Measure
#
# Ten thousand chains of 100 factors, and five different seeds.

# %% name="measure-random" tags=["fragment", "nbval-check-output"]
print("seed  median   below 1   mean   held by the largest 1 %")
for seed in range(5):
    rng = np.random.default_rng(seed)
    products = rng.choice([0.5, 1.6], size=(10_000, 100)).prod(axis=1)
    below, mean = np.mean(products < 1), products.mean()
    share = np.sort(products)[-100:].sum() / products.sum()
    median = np.median(products)
    print(f"{seed:4d}  {median:.1e}  {below:6.0%}  {mean:6.0f}  {share:8.0%}")
print(f"exact mean: {1.05**100:.1f}    0.8^50: {0.8**50:.1e}")

# %% [markdown] name="rates-intro" tags=["subslide"]
# Five chains, each with a path of its own. Plotted is each chain's *rate*,
# $\frac1L \log |r_1 r_2 \cdots r_L|$. Look at where all five go.

# %% name="measure-rates" tags=["fragment"]
L = np.arange(1, 2001)
factors = np.random.default_rng(0).choice([0.5, 1.6], size=(5, len(L)))
rates = np.cumsum(np.log(factors), axis=1) / L
law = gc.theory.two_point_factors(0.5, 1.6)
ends, rate, rate_of_mean = L[[0, -1]], law.lyapunov_exponent, law.log_mean
colors = ("blue", "vermillion", "green", "orange", "purple")
gc.Plot(
    title="The rate of five chains",
    x=gc.Axis("depth L", "log"),
    y=gc.Axis("log of the product, per factor"),
    lines=(
        *(gc.Line(L, rates[k], f"chain {k + 1}", color=colors[k]) for k in range(5)),
        gc.Line(ends, [rate, rate], "E[log r]", "theory", "black"),
        gc.Line(ends, [rate_of_mean, rate_of_mean], "log E[r]", "reference"),
    ),
)

# %% [markdown] name="explain-random" tags=["subslide"]
# ### Explain
#
# The log of a product is a *sum*, and a sum of independent terms obeys the law of large numbers:
#
# $$\frac1L \log \Big| \prod_{l=1}^{L} r_l \Big| \;=\; \frac1L \sum_{l=1}^{L} \log |r_l|
# \;\longrightarrow\; \lambda = \mathbb E \log |r| .$$
#
# $\lambda$ is the **Lyapunov exponent**, the rate to which almost every chain tends. Here
# $\lambda = \tfrac12 (\log 0.5 + \log 1.6) = -0.112$, so $e^{100 \lambda} = 0.8^{50} =
# 1.4 \times 10^{-5}$, the median you measured. (One chain scatters about it: the sum of 100 logs
# has a standard deviation of $\sqrt{100} \cdot \tfrac12 \log 3.2 = 5.8$, a factor of some 300 in
# size.) The *mean* is $\mathbb E[r]^L = 1.05^{100}$, about 131. Since
# $\mathbb E \log |r| \le \log \mathbb E |r|$ (Jensen), the mean is never below the typical chain.
# It belongs to a few huge chains, so rare that 10,000 chains do not even measure it: compare the
# five seeds.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 7 min
#
# Let the hall vote: *grows* or *vanishes*? Nearly all vote *grows*, because 1.05 is above 1. The
# range in the demo: the mean grows from 1.5 on (mean factor 1), the median only from 2 on
# ($0.5 \times 2 = 1$). A good question to wait for: "which of the two does my network see?" One
# network is one chain: the typical one. If somebody says "take more chains": ten times as many do
# not help, the mean lives at about one chain in ten million.

# %% [markdown] name="bridge-2" tags=["continue"]
# A number has one size. The derivative of a whole layer is a matrix, its *Jacobian*, and stretches
# every direction differently.
# **What does a product of matrices do to all its directions?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Matrices: the whole spectrum
#
# Let each factor be a Gaussian matrix, 64 × 64, with entries of variance 1/64. Such a matrix keeps
# the length of a vector in the mean square. A matrix turns a sphere into an ellipsoid; the lengths of
# its axes are the *singular values*. They tell what is left of the 64 directions: the largest is the
# matrix's *norm*, the others are what a norm does not say.
#
# ### Predict

# %% name="predict-directions" tags=["fragment"]
gc.panel("chain/predict-directions")

# %% [markdown] name="drag-spectrum" tags=["subslide"]
# ### Drag
#
# Begin with a single matrix, then raise their number. Look at the vertical axis, and at how the
# measured curve closes in on the dashed one.

# %% name="demo-spectrum" tags=["fragment"]
gc.demo("chain/spectrum")

# %% [markdown] name="measure-spectrum-intro" tags=["subslide"]
# ### Measure
#
# Fifty matrices. Each singular value is written as $\sigma_i = e^{\lambda_i L}$, so that
# $\lambda_i$ is its rate per matrix. (A plain SVD of the product gets only the top 16 decades
# right; this function keeps all of them, after Drmač & Veselić 2008.)

# %% name="measure-spectrum" tags=["fragment", "nbval-check-output"]
N, L = 64, 50
rng = np.random.default_rng(0)
factors = rng.normal(0, 1 / np.sqrt(N), size=(L, N, N))
logs = gc.product_log_singular_values(factors)
theory = gc.theory.ginibre_exponents(N, 1 / np.sqrt(N))

print("  i  measured    theory")
for i in (1, 16, 32, 48, 64):
    print(f"{i:3d}  {logs[i - 1] / L:+8.2f}  {theory[i - 1]:+8.2f}")
decades = (logs[0] - logs) / math.log(10)
print(f"above 1/1000 of the largest: {int(np.sum(decades < 3))} of {N}")
print(f"decades from the largest to the smallest: {decades[-1]:.0f}")

# %% [markdown] name="explain-spectrum" tags=["subslide"]
# ### Explain
#
# Matrices have Lyapunov exponents too, the largest (Furstenberg & Kesten 1960) and one for each
# further direction (Oseledets 1968). Follow $i$ orthogonal directions. A Gaussian matrix has no
# preferred direction, so at each layer the part of direction $i$ that is orthogonal to the $i-1$
# before it is a Gaussian vector with $N-i+1$ components of variance $s^2$. Its squared length is
# $s^2 \chi^2_{N-i+1}$, and the mean of $\log \chi^2_k$ is $\log 2 + \psi(k/2)$, with $\psi$ the
# digamma function. Therefore (Newman 1986)
#
# $$\lambda_i = \tfrac12 \Big( \log 2 s^2 + \psi \big( \tfrac{N-i+1}{2} \big) \Big) .$$
#
# With $s^2 = 1/N$ and $N = 64$ this gives
#
# $$\lambda_1 \approx -\frac{1}{2N} = -0.01, \qquad
# \lambda_{64} = \tfrac12 \Big( \log \tfrac{2}{64} + \psi(\tfrac12) \Big) = -2.71 .$$
#
# The strongest direction keeps its size; the weakest loses a factor 15 in every layer. The gaps
# between the $\lambda_i$ make the ratios of the $\sigma_i$ fall exponentially with depth, so the
# product tends to *rank one*: whatever goes in, the same pattern comes out.

# %% [markdown] name="drag-rank-one" tags=["subslide"]
# You can watch it. Small matrices get there sooner. Raise $L$ and look at the rows: when do they
# all become multiples of one row?

# %% name="demo-rank-one" tags=["fragment"]
gc.demo("chain/rank-one")

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 8 min
#
# Most of the hall says 64 ("they keep the length") or 1 ("it goes to rank one"). Both are right
# about a limit: width to infinity, and depth to infinity. The two top rates differ by only
# $1/(2N)$ or so, hence about $2N$ layers to tell the top two apart. The measured top value is a
# little above theory at finite depth: the largest of many nearly equal values. If asked what it
# means for learning: a gradient that has passed such a product always points into the same few
# directions.

# %% [markdown] name="bridge-3" tags=["continue"]
# So far the matrices came from nowhere. **Where in a network is this product, and what does it do
# to the gradient of each layer?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · Backpropagation by hand
#
# A deep linear net is the product and nothing else: $h_0 = x$, $h_l = W_l h_{l-1}$, and a loss
# $\mathcal L(h_L)$. Layer 1 is nearest the input. Such nets are so simple that for suitable data and
# starting weights their training can be solved on paper (Saxe, McClelland & Ganguli 2014), and they
# already have this lesson's disease.
#
# ### Predict

# %% name="predict-gain" tags=["fragment"]
gc.panel("chain/predict-gain")

# %% [markdown] name="drag-backward" tags=["subslide"]
# ### Drag
#
# Move the gain. Look at the slope of ‖δ‖ first. Then ask why the other line does not tilt
# with it: step 5 is about that.

# %% name="demo-backward" tags=["fragment"]
gc.demo("chain/backward")

# %% [markdown] name="measure-backward-intro" tags=["subslide"]
# ### Measure
#
# Backpropagation (Rumelhart, Hinton & Williams 1986) written out, for real digits and *cross-entropy*:
# softmax makes ten probabilities of the ten outputs, and the loss is −log of the right digit's.
# Write $\delta_l = \partial \mathcal L / \partial z_l$ for the gradient at $z_l = W_l h_{l-1}$, one
# row per image; without an activation $h_l$ is $z_l$. Behind the softmax there are only matrix
# products. Then we ask autograd, torch's automatic differentiation, what it thinks.


# %% name="backward-by-hand" tags=["fragment"]
def backward_by_hand(weights, x, y):
    """δ and the gradients of the weights, layers 1 to L, for cross-entropy."""
    h = [x]
    for W in weights:
        h.append(h[-1] @ W.T)
    one_hot = torch.nn.functional.one_hot(y, 10)
    deltas = [(torch.softmax(h[-1], dim=1) - one_hot) / len(y)]
    for W in reversed(weights[1:]):
        deltas.insert(0, deltas[0] @ W)
    gradients = [deltas[k].T @ h[k] for k in range(len(weights))]
    return deltas, gradients


# %% name="measure-backward" tags=["fragment", "nbval-check-output"]
x, y = digits.x_train, digits.y_train
net = gc.deep_linear(depth=50, gain=1 / math.sqrt(3), inputs=64, outputs=10)
torch.nn.functional.cross_entropy(net(x), y).backward()
with torch.no_grad():
    deltas, by_hand = backward_by_hand([layer.weight for layer in net], x, y)
autograd = [layer.weight.grad for layer in net]
errors = gc.gradient_norm([by_hand[k] - autograd[k] for k in range(50)])
largest = max(errors / gc.gradient_norm(autograd))
print(f"relative disagreement with autograd below 1e-4: {largest < 1e-4}")

# %% name="measure-delta" tags=["fragment"]
layer = np.arange(1, 50)
measured = gc.gradient_norm(deltas[:-1])
theory = measured[-1] * 3.0 ** (-(49 - layer) / 2)
gc.Plot(
    title="The gradient on its way back",
    x=gc.Axis("layer"),
    y=gc.Axis("‖δ‖", "log"),
    lines=(
        gc.Line(layer, measured, "measured", color="linear"),
        gc.Line(layer, theory, "1/√3 per layer", "theory", "linear"),
    ),
)

# %% name="measure-factor" tags=["fragment", "nbval-check-output"]
gain = 1 / math.sqrt(3)
for seed in range(5):
    net = gc.deep_linear(depth=50, gain=gain, inputs=64, outputs=10, seed=seed)
    with torch.no_grad():
        deltas, _ = backward_by_hand([layer.weight for layer in net], x, y)
    first, last = gc.gradient_norm([deltas[0], deltas[48]])
    factor = (first / last) ** (1 / 48)
    print(f"seed {seed}: factor per layer {factor:.2f}, in all {first / last:.0e}")

# %% [markdown] name="explain-backward" tags=["subslide"]
# ### Explain
#
# The chain rule for one layer, $z_{l+1} = W_{l+1} z_l$, in components and then in matrices:
#
# $$\frac{\partial \mathcal L}{\partial z_{l,j}} = \sum_i (W_{l+1})_{ij}\,
# \frac{\partial \mathcal L}{\partial z_{l+1,i}}
# \quad\Longrightarrow\quad \delta_l = W_{l+1}^{\top} \delta_{l+1},
# \qquad \frac{\partial \mathcal L}{\partial W_l} = \delta_l\, h_{l-1}^{\top} .$$
#
# Each component of $\delta_l$ is a sum of $N$ independent terms, so
# $\|\delta_l\|^2 \approx N s^2 \|\delta_{l+1}\|^2$ for weights of variance $s^2$. The size is kept
# when $s = 1/\sqrt N$: for $N = 64$, that is $1/8$. `nn.Linear` draws its weights uniformly between
# $-1/\sqrt N$ and $1/\sqrt N$, which makes a variance of $1/(3N)$. Its factor is
# $1/\sqrt 3 = 0.577$ per layer. From layer 49 to layer 1 (layer 50 has only 10 outputs, so it has a
# factor of its own) that makes
#
# $$3^{-48/2} = 3.5 \times 10^{-12} .$$
#
# **This is the puzzle's factor**; its biases do not enter $\delta$. Nobody chose it: it is a
# default.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 7 min
#
# Derive $\delta_l = W_{l+1}^\top \delta_{l+1}$ on the board with two layers, in components. The
# transpose is where learners slip: ask for the shapes first. Wrong predictions for the standard
# deviation: 1 (a standard normal: a factor 8 per layer) and 1/64 (forgetting the root). The spread
# over seeds is real: 48 random factors, each off by some 9 %, see step 2.

# %% [markdown] name="bridge-4" tags=["continue"]
# $\delta$ is not what changes the weights; $\partial \mathcal L / \partial W_l$ is. **Does the
# layer with the smallest $\delta$ also learn the least?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · Which layers learn?
#
# Gradient descent changes $W_l$ by $-\eta\, \partial \mathcal L / \partial W_l$. What counts is the
# change relative to what was there: $\eta \, \|\partial \mathcal L / \partial W_l\| / \|W_l\|$, the
# *relative update*.
#
# ### Predict

# %% name="predict-stillest" tags=["fragment"]
gc.panel("chain/predict-stillest")

# %% [markdown] name="drag-learning" tags=["subslide"]
# ### Drag
#
# Now with training: how far has each layer come after 50 updates on the digits? Add hidden layers,
# and look at the left end of both lines.

# %% name="demo-learning" tags=["fragment"]
gc.demo("chain/learning")

# %% [markdown] name="measure-updates-intro" tags=["subslide"]
# ### Measure
#
# The relative update of the first step, layer by layer, in three nets of 20 layers: linear,
# sigmoid, and one like the puzzle's, which is linear but has biases. We read the factor per layer
# between layers 8 and 18: nearer the input, the image itself is still felt.


# %% name="measure-updates" tags=["fragment", "nbval-check-output"]
def relative_updates(net, lr=0.1):
    with gc.probe(net) as record:
        torch.nn.functional.cross_entropy(net(x), y).backward()
    weights = [p for p in net.parameters() if p.dim() == 2]
    return lr * record.weight_gradient_norm[0] / gc.gradient_norm(weights)


nets = {
    "linear": gc.deep_linear(depth=20, gain=0.8, inputs=64, outputs=10),
    "sigmoid": gc.mlp(depth=19, activation="sigmoid", init="lecun"),
    "with biases": gc.mlp(depth=19, activation="linear", init="default"),
}
updates = {name: relative_updates(net) for name, net in nets.items()}
for name, update in updates.items():
    early, late = update[7], update[17]
    factor = (early / late) ** (1 / 10)
    print(f"{name:12s} layer 8: {early:.0e}  layer 18: {late:.0e}  factor {factor:.2f}")

# %% name="measure-updates-picture" tags=["fragment"]
layer, inner = np.arange(1, 21), np.arange(8.0, 20.0)
q = gc.theory.q_fixed_point("sigmoid", sigma_w=1.0)
factors = (1.0, gc.theory.gradient_decay("sigmoid", 1.0, q), 3**-0.5)
colors = ("linear", "sigmoid", "purple")
lines = []
for (name, update), r, color in zip(updates.items(), factors, colors, strict=True):
    theory = update[18] * r ** (19 - inner)
    lines += [
        gc.Line(layer, update, name, color=color),
        gc.Line(inner, theory, f"{r:.2f} per layer", "theory", color),
    ]
title = "Relative update of the first step"
gc.Plot(title, gc.Axis("layer"), gc.Axis("relative update", "log"), tuple(lines))

# %% [markdown] name="explain-updates" tags=["subslide"]
# ### Explain
#
# $\partial \mathcal L / \partial W_l = \delta_l\, h_{l-1}^{\top}$ has *two* factors that know about
# depth. In a linear net with gain $g$ and no biases,
#
# $$\|\delta_l\| \propto g^{\,L-l}, \qquad \|h_{l-1}\| \propto g^{\,l-1}, \qquad
# \Big\| \frac{\partial \mathcal L}{\partial W_l} \Big\| \propto
# g^{\,L-l}\, g^{\,l-1} = g^{\,L-1} .$$
#
# The layer drops out. Every layer's gradient is the product of all the *other* layers, so all
# vanish together. The early layers fall behind only when $h$ does *not* shrink on its way: a
# sigmoid's outputs lie near ½ at any depth, and biases feed every layer of the puzzle's net. Then
# $\delta$ alone decides, and the relative update falls by a constant factor per layer: $1/\sqrt 3$
# with `nn.Linear`'s weights, a little less than ¼ for the sigmoid. In the puzzle it fell so far that
# $W - \eta\, \partial \mathcal L / \partial W$ rounded back to $W$, bit for bit.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 7 min
#
# This is the step that surprises people who know the subject: "early layers learn slowest" is not a
# law of backpropagation. It needs a signal that keeps its size forward and a gradient that does not
# keep it backward. If asked why the first layers move more than the dashed line says: their input
# is the image itself, larger than what comes later, and different for every image. The demo
# computes its frames once, in about a second.

# %% [markdown] name="bridge-5" tags=["continue"]
# Where the sigmoid's ¼ comes from is lesson 02. First, what the web says about products.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Four sentences that you can read in many places, in our words. Each gets a measurement, and the
# verdict is computed from it.

# %% [markdown] name="claim-factors" tags=["subslide"]
# ### "Factors below 1 make the gradient vanish, factors above 1 make it explode."
#
# First numbers. Then two kinds of matrices: Gaussian ones of gain 0.8, whose norms are *all above*
# 1; and a triangular matrix and its transpose in turn, whose eigenvalues are *all below* 1. (An
# eigenvalue is the factor on a vector that the matrix does not turn.)

# %% name="trial-factors" tags=["fragment", "nbval-check-output"]
print(f"numbers: 0.9^50 = {0.9**50:.0e}, 1.1^50 = {1.1**50:.0e}")

rng = np.random.default_rng(0)
vector, norms = np.ones(64) / 8, []
for _ in range(50):
    factor = 0.8 * rng.normal(size=(64, 64)) / 8
    norms.append(np.linalg.norm(factor, 2))
    vector = factor @ vector
norm, length = min(norms), np.linalg.norm(vector)
print(f"all norms above {math.floor(10 * norm) / 10}, vector's length {length:.0e}")

A = np.array([[0.5, 3.0], [0.0, 0.5]])
radius = max(abs(np.linalg.eigvals(A)))
size = np.linalg.norm(np.linalg.matrix_power(A.T @ A, 10))
print(f"largest eigenvalue {radius:.1f}, norm of the product {size:.0e}")
matrices_differ = norm > 1 > length and radius < 1 < size
print("verdict:", "holds only if the factors are numbers" if matrices_differ else "holds")

# %% [markdown] name="claim-factors-why" tags=["fragment"]
# For matrices the Lyapunov exponents decide, and neither norms nor eigenvalues of single factors
# give them. A norm is the largest stretch, which a typical vector does not meet. Eigenvalues
# multiply only when the factors share eigenvectors.

# %% [markdown] name="claim-mean-square" tags=["subslide"]
# ### "An initialization that keeps the gradient's mean square at 1 keeps the gradient."
#
# Two shapes, both with entries of variance $1/N$, so that the mean square of a vector's length
# stays 1 exactly. We follow 200 vectors, each through matrices of its own.


# %% name="trial-mean-square" tags=["fragment", "nbval-check-output"]
def typical_length(width, depth, chains=200):
    rng = np.random.default_rng(0)
    v = np.ones((chains, width, 1)) / math.sqrt(width)
    for _ in range(depth):
        v = rng.normal(size=(chains, width, width)) @ v / math.sqrt(width)
    return np.median(np.linalg.norm(v, axis=(1, 2)))


kept = []
for N, L in ((64, 16), (8, 200)):
    length = typical_length(width=N, depth=L)
    theory = math.exp(L * gc.theory.ginibre_exponents(N, 1 / math.sqrt(N))[0])
    print(f"width {N:2d}, depth {L:3d}: {length:.1g}, theory {theory:.1g}")
    kept.append(0.5 < length < 2)
condition = "holds only if the depth is small beside the width"
print("verdict:", "holds" if all(kept) else condition if any(kept) else "fails")

# %% [markdown] name="claim-mean-square-why" tags=["fragment"]
# Step 2 again, with matrices. The typical length follows $\lambda_1 \approx -1/(2N)$, so it is
# about $e^{-L/2N}$: what counts is depth over width (Hanin & Nica 2018).

# %% [markdown] name="claim-float" tags=["subslide"]
# ### "Vanishing gradients are a problem of precision: use float64."
#
# The puzzle's net again, in both precisions.

# %% name="trial-float" tags=["fragment", "nbval-check-output"]
gradients, accuracies = [], []
for dtype in (torch.float32, torch.float64):
    x_train, x_test = digits.x_train.to(dtype), digits.x_test.to(dtype)
    data = replace(digits, x_train=x_train, x_test=x_test)
    net = gc.mlp(depth=49, activation="linear", init="default").to(dtype)
    torch.nn.functional.cross_entropy(net(x_train), data.y_train).backward()
    gradients.append(gc.gradient_norm(net.layer1.weight.grad)[0])
    accuracies.append(gc.train(net, data, steps=200, lr=0.1).test_accuracy[-1])
    print(f"{dtype}: ‖∂ℒ/∂W_1‖ = {gradients[-1]:.1e}, accuracy {accuracies[-1]:.1f}")
same = abs(gradients[0] / gradients[1] - 1) < 1e-3
print("verdict:", "fails" if same and accuracies[1] < 0.3 else "holds")

# %% [markdown] name="claim-float-why" tags=["fragment"]
# The gradient is small in exact arithmetic too. More digits keep a smaller number from rounding
# away; they do not make it larger. Precision matters only near a format's end, as in step 1.

# %% [markdown] name="claim-deeper" tags=["subslide"]
# ### "A deeper network always learns more complex functions."
#
# Two tests: is a trained linear net of eight layers more than one matrix? And does a sigmoid net of
# eight hidden layers learn what a net of one does, at the same learning rate and number of updates?

# %% name="trial-deeper" tags=["fragment", "nbval-check-output"]
linear = gc.deep_linear(depth=8, inputs=64, outputs=10)
gc.train(linear, digits, steps=300, lr=0.02)
with torch.no_grad():
    product = torch.eye(64)
    for layer in linear:
        product = layer.weight @ product
    outputs = linear(digits.x_test)
    difference = (outputs - digits.x_test @ product.T).norm() / outputs.norm()
one_matrix = bool(difference < 1e-4)
print(f"eight trained linear layers are one matrix: {one_matrix}")

accuracy = {}
for depth in (1, 8):
    net = gc.mlp(depth, activation="sigmoid")
    accuracy[depth] = gc.train(net, digits, steps=300, lr=0.5).test_accuracy[-1]
    print(f"sigmoid, {depth} hidden: above 90 %: {accuracy[depth] > 0.9}")
print("verdict:", "fails" if one_matrix or accuracy[8] < accuracy[1] else "holds")

# %% [markdown] name="claim-deeper-why" tags=["fragment"]
# A deep linear net computes what one matrix computes, at any depth. With activations in between a
# deeper net *can* express more, but it learns only what its gradients let it learn.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 5 min
#
# Take a show of hands for each sentence before its cell. The first one divides the hall best: ask
# for a matrix with both eigenvalues 0 that makes a growing product with its transpose (rows 0 2
# and 0 0). If somebody objects that the deep sigmoid net would learn with more updates or another
# optimizer: agree, and keep the objection for lesson 02. The verdict is about *always*.

# %% [markdown] name="own-network" tags=["slide"]
# ## In your own network
#
# Three lines, on a model and a batch of yours. Replace the first three lines; the rest stays. Is
# the line straight? Then it is a product, and its slope tells the factor per layer.

# %% name="own-network-probe" tags=["fragment"]
model = gc.mlp(depth=12, activation="sigmoid")  # your model
x, y = digits.x_train[:64], digits.y_train[:64]  # your batch
loss_function = torch.nn.functional.cross_entropy  # your loss

with gc.probe(model) as record:
    loss_function(model(x), y).backward()
gc.depth_plot(record)

# %% [markdown] name="notes-own" tags=["notes"]
# **Speaker notes** · 2 min
#
# Offer to run a model that somebody in the hall brings: any `torch.nn.Module` works, the loop stays
# as it is. A kink in the line is a layer with a factor of its own: a different width, a
# normalization, an activation.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Backpropagation multiplies one factor per layer; a product of equal factors is a straight line
#   on a log axis, and its slope tells the factor.
# - With random factors the typical product follows $\lambda = \mathbb E \log |r|$, the Lyapunov
#   exponent. The mean can grow while almost every product vanishes.
# - A product of matrices has one exponent per direction. It tends to rank one, and norms or
#   eigenvalues of single factors do not tell its size.
# - $\delta_l = W_{l+1}^{\top} \delta_{l+1}$: weights of standard deviation $1/\sqrt N$ keep its
#   size. PyTorch's default for `nn.Linear` multiplies it by $1/\sqrt 3$ in every layer.
# - $\partial \mathcal L / \partial W_l = \delta_l h_{l-1}^{\top}$: early layers fall behind where
#   the signal keeps its size going forward and $\delta$ does not going back.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Seven questions, 13 points: [exercises/01_chain_rule.ipynb](../exercises/01_chain_rule.ipynb).
#
# **Next:** [02 · Saturation](02_saturation.ipynb). In step 5 a sigmoid layer passed on a
# little less than ¼ of δ. **Where does the ¼ come from?**

# %% [markdown] name="sources" tags=["slide"]
# ## Sources
#
# - IEEE 754 (2019), *Standard for floating-point arithmetic.*
# - Furstenberg & Kesten (1960), *Products of random matrices.* doi:10.1214/aoms/1177705909.
# - Oseledets (1968), *A multiplicative ergodic theorem.*
# - Newman (1986), *The distribution of Lyapunov exponents: exact results for random matrices.*
# - Drmač & Veselić (2008), *New fast and accurate Jacobi SVD algorithm.*
# - Rumelhart, Hinton & Williams (1986), *Learning representations by back-propagating errors.*
#   doi:10.1038/323533a0.
# - Saxe, McClelland & Ganguli (2014), *Exact solutions to the nonlinear dynamics of learning in
#   deep linear neural networks.* arXiv:1312.6120.
# - Hanin & Nica (2018), *Products of many large random matrices and gradients in deep neural
#   networks.* arXiv:1812.05994.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49 (the
#   data).
