# %% [markdown] name="title" tags=["slide"]
# # 01 · Products of the chain rule
#
# **After this lesson you can look at the factors of a long product, of numbers or of matrices, and
# say how large the gradient is at its far end.**
#
# *45 minutes. With the deeper steps 70. You need the chain rule, the product of two matrices, and
# what a variance is.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
from gradcourse.experiments import chain_rule as chain

digits = gc.digits()

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In 1991 a diploma thesis in Munich asked why recurrent networks do not learn from
# what lies many steps back. The answer was a long product: the error signal is multiplied by one factor
# after the other, and shrinks or grows exponentially (Hochreiter 1991). In 2018 a team at Google trained
# a plain convolutional network of **10,000 layers** (Xiao et al. 2018). They had chosen its starting
# weights so that no factor shrinks or stretches much.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# One sentence to keep on the board for the whole hour: *backpropagation multiplies one factor per
# layer.* Everything today is a property of long products.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Here is a network with nothing in it that could saturate: 50 layers of `nn.Linear`, with the
# weights that PyTorch gives them, and no activation. We train it on handwritten digits for 200
# updates. How many of the 4096 weights of layer 1, the layer nearest the input, have changed?

# %% name="puzzle-weights" tags=["fragment", "nbval-check-output"]
net = gc.mlp(depth=49, activation="linear", init="default")  # 49 hidden ones and the output
before = net.layer1.weight.detach().clone()
history = gc.train(net, digits, steps=200, lr=0.003)

changed = int((net.layer1.weight != before).sum())
print(f"weights of layer 1 that changed: {changed} of {before.numel()}")
print(f"share of test digits recognized: {history.test_accuracy[-1]:.1f}")

# %% [markdown] name="puzzle-picture-intro" tags=["subslide"]
# None, to the last bit. Yet the gradient is not zero. Here is its size at the output of every layer,
# before training. Read the picture from right to left, as the gradient travels.

# %% name="puzzle-picture" tags=["fragment"]
net = gc.mlp(depth=49, activation="linear", init="default")
with gc.probe(net) as record:
    torch.nn.functional.cross_entropy(net(digits.x_train), digits.y_train).backward()
gc.depth_plot(record, title="Gradient at the output of each layer")

# %% [markdown] name="puzzle-question" tags=["subslide"]
# A straight line on a log axis: every layer multiplies the gradient by 0.57. **Where does this factor
# come from, and who chose it?** Step 3 answers.

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 2 min
#
# Ask before running: *how many of 4096?* Do not expect a 0. Expect two explanations: "the activation
# saturates" (there is none) and "the learning rate is too small" (ask what a thousandfold rate would
# do to the last layer). Do not resolve it yet.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · A product of numbers
#
# The simplest chain multiplies by one number per layer, $h_l = r_l\, h_{l-1}$. The gradient of the
# loss $\mathcal L$ comes back through the same factors,
# $\partial \mathcal L / \partial h_0 = r_1 r_2 \cdots r_L \; \partial \mathcal L / \partial h_L$. If
# all are equal, the product is $r^L$: a straight line on a log axis.

# %% name="drawing-chain" tags=["fragment"]
chain.chain_drawing()

# %% [markdown] name="step-2" tags=["subslide"]
# ### Predict
#
# No two layers are equal. So let every layer toss a coin for its factor.

# %% name="predict-typical" tags=["fragment"]
gc.panel("chain/predict-typical")

# %% [markdown] name="drag-random" tags=["subslide"]
# ### Drag
#
# Move the larger factor. In which range does the mean grow while the median chain vanishes?

# %% name="demo-random" tags=["fragment"]
gc.demo("chain/random-factors")

# %% [markdown] name="measure-random-intro" tags=["subslide"]
# ### Measure
#
# Ten thousand chains of 100 factors, five times. Then five long chains: at which rate does each end?

# %% name="measure-random" tags=["fragment", "nbval-check-output"]
products = np.array([chain.coin_factors(seed).prod(axis=1) for seed in range(5)])
largest = np.sort(products, axis=1)[:, -100:].sum(axis=1) / products.sum(axis=1)
print(f"median product:      {gc.spread(np.median(products, axis=1), '.1e')}")
print(f"share below 1:       {gc.spread(np.mean(products < 1, axis=1))}")
print(f"mean product:        {gc.spread(products.mean(axis=1), '.0f')}")
print(f"held by largest 1 %: {gc.spread(largest)}")
print(f"theory: median {0.8**50:.1e}, mean {1.05**100:.0f}")

# %% name="measure-rates" tags=["subslide"]
chain.rates_plot()

# %% [markdown] name="explain-random" tags=["subslide"]
# ### Explain
#
# The natural log of a product is a *sum*, and a sum of independent terms obeys the law of large numbers:
#
# $$\frac1L \log \Big| \prod_{l=1}^{L} r_l \Big| \;=\; \frac1L \sum_{l=1}^{L} \log |r_l|
# \;\longrightarrow\; \lambda = \mathbb E \log |r| .$$
#
# $\lambda$ is the **Lyapunov exponent**: almost every chain goes like $e^{\lambda L}$. Here
# $\lambda = \tfrac12(\log 0.5 + \log 1.6) = -0.112$ and $e^{100\lambda} = 1.4 \times 10^{-5}$, the
# median. The *mean*, $\mathbb E[r]^L = 132$, belongs to chains so rare that 10,000 do not measure it. In
# the demo the mean grows from 1.5 on, the median chain only from 2 on, where $0.5 \times 2 = 1$. A network
# is one chain: it meets the typical product.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 7 min
#
# Let the hall vote: *grows* or *vanishes*? Expect *grows*, because the factors are 1.05 in the mean. If
# somebody says "take more chains": ten times as many do not help, the mean lives at about one chain in
# ten million. One chain scatters about the typical one by a factor of some 300: the standard deviation
# of its log is $\sqrt{100} \cdot \tfrac12 \log 3.2 = 5.8$.

# %% [markdown] name="bridge-2" tags=["continue"]
# The derivative of a whole layer is a matrix. **What does a product of matrices do to all directions?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 2 · A product of matrices
#
# A matrix turns a circle into an ellipse. The lengths of its half axes are the *singular values*
# $\sigma_1 \ge \sigma_2 \ge \dots$; the largest is the *norm*. Here is the unit circle under random
# 2 × 2 matrices, each picture scaled to its longer axis.

# %% name="drawing-circle" tags=["fragment"]
chain.circle_drawing()

# %% [markdown] name="predict-directions-intro" tags=["subslide"]
# ### Predict
#
# Now 64 directions, and 50 matrices.

# %% name="predict-directions" tags=["fragment"]
gc.panel("chain/predict-directions")

# %% [markdown] name="drag-spectrum" tags=["subslide"]
# ### Drag
#
# Begin with one matrix, then take more. Watch the lower end of the vertical axis.

# %% name="demo-spectrum" tags=["fragment"]
gc.demo("chain/spectrum")

# %% [markdown] name="measure-spectrum-intro" tags=["subslide"]
# ### Measure
#
# Eight products of 50 matrices, with $\sigma_i = e^{\lambda_i L}$, by a method that keeps all decades
# (Drmač & Veselić 2008).

# %% name="measure-spectrum" tags=["fragment", "nbval-check-output"]
N, L = 64, 50
logs, theory = chain.spectra(N, L), chain.predicted_rates(N)  # ln σ_i, shape (8, 64)
for i in (1, 16, 32, 48, 64):
    print(f"λ_{i:<2} {gc.spread(logs[:, i - 1] / L, '+.2f')}; theory {theory[i - 1]:+.2f}")
left = [chain.directions_left(row) for row in logs]
print(f"directions above σ_1/1000: {gc.spread(left, '.0f')} of {N}")
print(f"decades from σ_1 to σ_64: {gc.spread((logs[:, 0] - logs[:, -1]) / math.log(10), '.0f')}")

# %% name="measure-thinning" tags=["subslide", "nbval-check-output"]
halvings, top = chain.thinning(depth=200), chain.spectra(64, 2000, 4)[:, 0] / 2000
print(f"2 × 2: each matrix halves σ_2/σ_1 {np.median(halvings):.2f} times, median of 1000")
print(f"64 × 64: λ_1 after 2000 matrices {gc.spread(top, '+.3f')}")

# %% [markdown] name="explain-spectrum" tags=["subslide"]
# ### Explain
#
# Each direction has a Lyapunov exponent of its own (Furstenberg & Kesten 1960; Oseledets 1968). For
# Gaussian entries of variance $s^2$ they are known exactly, with $\psi$ the digamma function (Newman
# 1986; derived in a deeper step). For our $s$, $\lambda_1 \approx -1/(2N)$:
#
# $$\lambda_i = \tfrac12 \Big( \log 2 s^2 + \psi \big( \tfrac{N-i+1}{2} \big) \Big) .$$
#
# The gaps between them make the ratios of the $\sigma_i$ fall exponentially, so **the product tends
# to rank one**: whatever goes in, the same pattern comes out. For $2 \times 2$ matrices
# $\lambda_1 - \lambda_2 = \log 2$: typically each matrix halves the ellipse's width.
#
# One number does not fit: $\lambda_1$ is measured *above* theory, which speaks of $L \to \infty$. After
# 50 matrices many values are still close together, and $\sigma_1$ is the largest of them. It takes about
# $2N$ layers to tell the top two apart.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 8 min
#
# Expect 64 ("they keep the length") and 1 ("it goes to rank one"). Both are right
# about a limit: width to infinity, and depth to infinity. If asked what it means for learning: a
# gradient that has passed such a product always points into the same few directions. A plain SVD of
# the product gets only the top 16 decades right.

# %% [markdown] name="bridge-3" tags=["continue"]
# **Where in a network is this product, and what does it do to the gradient of each layer?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 3 · Backpropagation by hand
#
# A deep linear net is the product and nothing else: $h_0 = x$, $z_l = W_l h_{l-1}$, $h_l = z_l$.
# We write $\delta_l = \partial \mathcal L / \partial z_l$ for the gradient at the output of layer
# $l$.
#
# ### Predict

# %% name="predict-gain" tags=["fragment"]
gc.panel("chain/predict-gain")

# %% [markdown] name="drag-backward" tags=["subslide"]
# ### Drag
#
# The **gain** $g$ is the standard deviation of the weights, times $\sqrt N$. Move it: what does it do to
# the slope, and where is the line level?

# %% name="demo-backward" tags=["fragment"]
gc.demo("chain/backward")

# %% [markdown] name="measure-backward-intro" tags=["subslide"]
# ### Measure
#
# δ in plain PyTorch: backpropagation (Rumelhart, Hinton & Williams 1986) computes it anyway, and
# `retain_grad` keeps it. `gc.probe` reads the same δ from any model. (The loss is
# *cross-entropy*: −log of the probability that a softmax gives the right digit.)


# %% name="backward-by-hand" tags=["fragment"]
def outputs_with_gradients(net, x, y):
    h, outputs = x, []
    for layer in net:
        h = layer(h)
        h.retain_grad()  # else autograd throws this gradient away
        outputs.append(h)
    torch.nn.functional.cross_entropy(h, y).backward()
    return outputs


# %% name="measure-backward" tags=["subslide"]
x, y = digits.x_train, digits.y_train
net = gc.deep_linear(depth=50, gain=1 / math.sqrt(3), inputs=64, outputs=10)
deltas = [h.grad for h in outputs_with_gradients(net, x, y)]  # a row is an image's δᵀ
with gc.probe(net) as record:
    torch.nn.functional.cross_entropy(net(x), y).backward()
print(f"‖δ_1‖ by hand   {gc.gradient_norm(deltas[0])[0]:.4g}")
print(f"      by probe  {record.output_gradient_norm[0, 0]:.4g}")
error = gc.gradient_norm(deltas[0] - deltas[1] @ net.layer2.weight) / gc.gradient_norm(deltas[0])
print(f"δ_1 differs from Wᵀ δ_2, relatively, by {error[0]:.0e}")

# %% name="measure-factor" tags=["fragment", "nbval-check-output"]
factors = [chain.factor_back(seed) for seed in range(5)]
print(f"factor per layer, five nets: {gc.spread(factors, '.3f')}; 1/√3 = {3**-0.5:.3f}")

# %% [markdown] name="explain-backward" tags=["subslide"]
# ### Explain
#
# The chain rule for one layer, $z_{l+1} = W_{l+1} z_l$:
#
# $$\frac{\partial \mathcal L}{\partial z_{l,j}} = \sum_i (W_{l+1})_{ij}\,
# \frac{\partial \mathcal L}{\partial z_{l+1,i}}
# \quad\Longrightarrow\quad \delta_l = W_{l+1}^{\top} \delta_{l+1} .$$
#
# Each component of $\delta_l$ is a sum of $N$ independent terms, so that
# $\|\delta_l\|^2 \approx N s^2\, \|\delta_{l+1}\|^2$ for weights of variance $s^2$: the gain is the
# factor per layer, and 1 keeps the size. `nn.Linear` draws its weights uniformly between
# $-1/\sqrt N$ and $1/\sqrt N$. That is a variance of $1/(3N)$, a gain of $1/\sqrt 3 = 0.577$, and over
# 48 layers $3^{-24} = 3.5 \times 10^{-12}$. **This is the puzzle's factor.** Nobody chose it: it is a
# default.

# %% [markdown] name="mended-intro" tags=["subslide"]
# The puzzle's network again, five times as long, and with starting weights times √3:

# %% name="measure-mended" tags=["fragment"]
for factor, steps, seeds in ((1.0, 200, 3), (1.0, 1000, 2), (math.sqrt(3), 200, 3)):
    changed, right = zip(*(chain.puzzle_run(factor, s, steps) for s in range(seeds)), strict=True)
    print(f"weights × {factor:.2f}, {steps:4} updates: {gc.spread(changed, '.0f')} of 4096 changed")
    print(f"{'':29}digits recognized: {gc.spread(right)}")

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 7 min
#
# Derive $\delta_l = W_{l+1}^\top \delta_{l+1}$ on the board with two layers, in components. The
# transpose is where learners slip: ask for the shapes first. Wrong predictions for the standard
# deviation: 1 (a factor 8 per layer) and 1/64 (forgetting the root). The spread over seeds is real:
# 48 random factors, each off by some 9 %, see step 1.

# %% [markdown] name="bridge-4" tags=["continue"]
# $\delta$ is not what changes the weights; $\partial \mathcal L / \partial W_l$ is. **Does the
# layer with the smallest $\delta$ also learn the least?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 4 · Which layers learn?
#
# Gradient descent changes $W_l$ by $-\eta\, \partial \mathcal L / \partial W_l$, with $\eta$ the
# learning rate. What counts is the *relative update*, $\|\Delta W_l\| / \|W_l\|$.
#
# ### Predict

# %% name="predict-stillest" tags=["fragment"]
gc.panel("chain/predict-stillest")

# %% [markdown] name="measure-updates-intro" tags=["subslide"]
# ### Measure
#
# The first step in three nets of 20 layers, one of them with biases: the factor between layers 8 and 18,
# away from both ends. Then ‖ΔW‖/‖W‖ in a small network that learns. In the picture, which line is level?

# %% name="measure-updates" tags=["fragment", "nbval-check-output"]
for kind, theory in chain.predicted_factors().items():
    updates = np.array([chain.first_updates(kind, seed) for seed in range(5)])  # (5, 20)
    factor = (updates[:, 7] / updates[:, 17]) ** (1 / 10)  # from layer 18 back to layer 8
    print(f"{kind:11} factor per layer {gc.spread(factor)}; theory {theory:.2f}")

# %% name="measure-healthy" tags=["fragment"]
ratios, right = zip(*(chain.healthy_updates(seed) for seed in range(5)), strict=True)
print(f"a network that learns ({min(right):.0%} recognized or more): {gc.spread(ratios, '.1e')}")
tiny = [chain.puzzle_update(seed) for seed in range(5)]
print(f"the puzzle's layer 1: {gc.spread(tiny, '.0e')}")

# %% name="measure-updates-picture" tags=["subslide"]
chain.updates_plot()

# %% [markdown] name="explain-updates" tags=["subslide"]
# ### Explain
#
# $\partial \mathcal L / \partial W_l = \delta_l\, h_{l-1}^{\top}$ has *two* factors that depend on
# depth. In a linear net with gain $g$ and no biases,
#
# $$\left\| \frac{\partial \mathcal L}{\partial W_l} \right\| \propto
# \|\delta_l\|\, \|h_{l-1}\| \propto g^{\,L-l}\, g^{\,l-1} = g^{\,L-1} .$$
#
# The layer drops out: all vanish together. **Early layers fall behind where $h$ keeps its size and
# $\delta$ does not**: a sigmoid's outputs lie near ½ at any depth, and biases feed every layer of
# the puzzle's net.
#
# **A healthy relative update is about $10^{-3}$**, as a rule of thumb (Karpathy 2016); our small network
# has a few times as much. The puzzle's $10^{-15}$ is less than float32 resolves, $6 \times 10^{-8}$, and
# $W + \Delta W$ was rounded to $W$.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 7 min
#
# This is the step that surprises people who know the subject: "early layers learn slowest" is not a
# law of backpropagation. It needs a signal that keeps its size forward and a gradient that does not
# keep it backward. If asked why the first layers move more than the dashed line says: their input
# is the image itself, larger than what comes later, and different for every image.

# %% [markdown] name="deeper-formats" tags=["slide", "deeper"]
# ## Deeper · Where the numbers end
#
# What float32, float16 and bfloat16 make of a product that becomes too small for them, and whether more digits help.

# %% name="predict-underflow" tags=["fragment"]
gc.panel("chain/predict-underflow")

# %% name="demo-scalar" tags=["subslide"]
gc.demo("chain/scalar-product")

# %% [markdown] name="drag-scalar" tags=["continue"]
# Look at where each format leaves the dashed line. Then try $r = 0.9$ with 1000 factors.

# %% name="measure-scalar" tags=["subslide", "nbval-check-output"]
for name in ("float16", "bfloat16", "float32"):
    product = chain.running_product(0.25, 100, name)
    normal = np.argmax(product < torch.finfo(getattr(torch, name)).tiny)
    print(f"{name:8} not normal from L = {normal}, zero from L = {np.argmax(product == 0)}")

stuck = chain.running_product(0.9, 5000, "float32")[-1]
print(f"0.9 multiplied 5000 times: {stuck:.1e} = {stuck / 2.0**-149:.0f} × 2^-149")
print(f"exactly:                   10^{5000 * math.log10(0.9):.0f}")

# %% [markdown] name="explain-scalar" tags=["subslide"]
# $r = 0.25$ is $2^{-2}$, so $r^L = 2^{-2L}$ exactly. The smallest *normal* float32, with all its
# digits, is $2^{-126}$; the smallest of all is $2^{-149}$, and $2^{-150}$, halfway to 0, rounds to 0
# (IEEE 754):
#
# $$2L > 126 \;\Rightarrow\; L \ge 64, \qquad 2L \ge 150 \;\Rightarrow\; L \ge 75 .$$
#
# float16 has fewer exponent bits, $2^{-14}$ and $2^{-24}$; bfloat16 has the exponents of float32 but
# fewer digits, and ends at $2^{-133}$. A product that is rounded after *every* factor need not reach 0
# at all: down there numbers are whole multiples of $2^{-149}$, four of them times 0.9 are 3.6, and the
# nearest whole number is four again. Every factor between ½ and 1 gets stuck like this.

# %% [markdown] name="claim-float" tags=["subslide"]
# ### Would float64 help?
#
# One often reads that vanishing gradients are a matter of precision. The puzzle's net in both formats:

# %% name="trial-float" tags=["fragment"]
for name in ("float32", "float64"):
    gradients, right = zip(*(chain.in_format(name, seed, 100) for seed in range(3)), strict=True)
    print(f"{name}: ‖∂ℒ/∂W_1‖ {gc.spread(gradients, '.2e')}; recognized {gc.spread(right)}")

# %% [markdown] name="claim-float-why" tags=["continue"]
# It would not. The gradient is small in exact arithmetic. More digits keep it from being rounded away;
# they do not make it larger.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 6 min
#
# Wrong answers to expect: 63 (the end of the normal numbers), 538 (float64), and "never". Some hardware
# treats subnormal numbers as 0 (`torch.set_flush_denormal(True)`); there the product is 0 from L = 64 on.

# %% [markdown] name="deeper-newman" tags=["slide", "deeper"]
# ## Deeper · Why these exponents
#
# The derivation of Newman's formula, a circle that you can drag, and how the depth at which a gradient survives depends on the width.

# %% name="demo-rank-one" tags=["fragment"]
gc.demo("chain/rank-one")

# %% [markdown] name="derive-newman" tags=["subslide"]
# Follow $i$ orthogonal directions. A Gaussian matrix has no preferred direction. So at each layer the
# part of direction $i$ that is orthogonal to the $i - 1$ before it is a Gaussian vector of $N - i + 1$
# components of variance $s^2$. Its squared length is $s^2$ times a $\chi^2$ variable with
# $k = N - i + 1$ degrees of freedom, and
#
# $$\lambda_i = \tfrac12\, \mathbb E \log\big(s^2 \chi^2_k\big), \qquad
# \mathbb E \log \chi^2_k = \log 2 + \psi\big(\tfrac k2\big) .$$
#
# With $s^2 = 1/N$, $\lambda_1 \approx -1/(2N)$. So a typical vector has the length $e^{-L/2N}$ although
# its mean square is 1: **what counts is depth over width** (Hanin & Nica 2018).

# %% name="trial-mean-square" tags=["fragment", "nbval-check-output"]
for width, depth in ((64, 16), (8, 200)):
    lengths = [chain.typical_length(width, depth, seed=seed) for seed in range(5)]
    theory = math.exp(depth * gc.theory.ginibre_exponents(width, width**-0.5)[0])
    print(f"width {width:2}, depth {depth:3}: {gc.spread(lengths, '.2g')}; theory {theory:.2g}")

# %% [markdown] name="deeper-learning" tags=["slide", "deeper"]
# ## Deeper · After fifty updates
#
# How far each layer has come when a network has been trained for a while, instead of one step.

# %% name="demo-learning" tags=["fragment"]
gc.demo("chain/learning")

# %% [markdown] name="drag-learning" tags=["subslide"]
# Add hidden layers, and look at the left end of both lines. The linear net's layers keep together. The
# sigmoid's fall behind by a factor of about four a layer, back to the third; from there on the line
# flattens. Deep linear nets are simple enough that for suitable data their training can be solved on
# paper (Saxe, McClelland & Ganguli 2014).

# %% [markdown] name="claims" tags=["slide"]
# ## A claim on trial
#
# From a question (AI Stack Exchange, 31821, 2021), whose answer calls it totally correct:
#
# > If all the gradient terms on the right-hand side are between 0 and 1 then the gradient will become
# > less and less […]

# %% name="vote-factors" tags=["fragment"]
gc.panel("chain/claim-factors")

# %% [markdown] name="claim-factors" tags=["subslide"]
# Numbers first, as the control. Then Gaussian matrices whose norms are *all above* 1; and a matrix and
# its transpose in turn, whose eigenvalues are *all below* 1. (An eigenvalue is the factor on a vector
# that the matrix does not turn.)

# %% name="trial-factors" tags=["fragment", "nbval-check-output"]
print(f"numbers: 0.9^50 = {0.9**50:.0e}, 1.1^50 = {1.1**50:.0e}")
norms, lengths = zip(*(chain.norm_and_length(0.8, seed) for seed in range(5)), strict=True)
print(f"smallest norm of 50 factors: {gc.spread(norms)}; length {gc.spread(lengths, '.0e')}")

A = np.array([[0.5, 3.0], [0.0, 0.5]])  # its eigenvalues stand on the diagonal
alone, turns = (np.linalg.norm(np.linalg.matrix_power(M, 10), 2) for M in (A @ A, A.T @ A))
print(f"eigenvalues 0.5: A twenty times {alone:.0e}; A and Aᵀ in turn {turns:.0e}")
differ = min(norms) > 1 > 100 * max(lengths) and alone < 1 < turns
print("verdict:", "holds only if" if differ else "holds")

# %% [markdown] name="claim-factors-why" tags=["continue"]
# **Holds only if** it is said of numbers, or of *all* singular values of a matrix. Its norm is only the
# largest stretch, which a typical vector does not meet. Eigenvalues multiply where the factors share
# eigenvectors. The Lyapunov exponents decide. *Scope:* 50 Gaussian factors of width 64; 20 factors of width 2.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 5 min
#
# Ask for a matrix with both eigenvalues 0 that makes a growing product with its transpose (rows 0 2 and
# 0 0). Why are all singular values enough? A product's norm is at most the product of the norms. A second
# claim, that deeper is better, stands in the next deeper step; the objection that another optimizer would
# help is lesson 02.

# %% [markdown] name="deeper-claim" tags=["slide", "deeper"]
# ## Deeper · A second claim on trial
#
# Whether a deeper network learns more: a sentence from a textbook, with a vote.

# %% [markdown] name="claim-deeper" tags=["continue"]
# From a textbook (*Machine Learning Quick Reference*, Packt 2019):
#
# > The deeper the network, the higher the chances of picking those complex features.

# %% name="vote-deeper" tags=["fragment"]
gc.panel("chain/claim-deeper")

# %% [markdown] name="claim-deeper-intro" tags=["subslide"]
# Three tests. Is a trained linear net of eight layers more than one matrix? Does a sigmoid net of eight
# hidden layers learn what one of a single hidden layer learns (the control), at the same rate? And where
# gradients arrive (ReLU and He's weights, lessons 04 and 05): do eight layers read more than one?

# %% name="trial-deeper" tags=["fragment"]
apart, right = zip(*(chain.distance_from_one_matrix(8, seed) for seed in range(5)), strict=True)
print(f"8 linear layers against one matrix, relative: {gc.spread(apart, '.0e')}")
print(f"                                  recognized: {gc.spread(right)}")
found = {}
for depth, steps, seeds in ((1, 300, 5), (8, 300, 5), (8, 1500, 3)):
    found[depth, steps] = [chain.sigmoid_accuracy(depth, seed, steps) for seed in range(seeds)]
    right = gc.spread(found[depth, steps])
    print(f"sigmoid, depth {depth}, {steps:4} updates: recognized {right}")
for depth in (1, 8):
    right = gc.spread([chain.relu_accuracy(depth, seed) for seed in range(5)])
    print(f"ReLU,    depth {depth},  300 updates: recognized {right}")
deep = max(found[8, 300] + found[8, 1500])
print("verdict:", "fails" if deep < min(found[1, 300]) / 2 else "holds")

# %% [markdown] name="claim-deeper-why" tags=["continue"]
# **Fails**, as a rule. A deep linear net computes what one matrix computes. With activations in between a
# deeper net *can* express more, but it learns only what its gradients let it learn; and where they arrive,
# eight ReLU layers read these digits as well as one, not better. *Scope:* digits, width 64, gradient
# descent at 0.5 (ReLU: 0.1), batches of 64, and five times the budget; lesson 02 asks what Adam does.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Orthogonal starting weights keep *every* direction; a deep linear net then learns in a time that
#   does not depend on its depth (Saxe et al. 2014).
# - The whole spectrum of the product became a design rule: *dynamical isometry* (Pennington, Schoenholz
#   & Ganguli 2017). It trained the 10,000 layers (Xiao et al. 2018).
# - What random networks of finite width do is an expansion in depth over width (Hanin & Nica 2018;
#   Roberts, Yaida & Hanin 2022).

# %% name="since-measure" tags=["fragment"]
for name, rates in (("Gaussian", logs[0] / L), ("orthogonal", chain.orthogonal_rates(N, L))):
    print(f"{name:10} λ_1 = {rates[0]:+.3f}, λ_64 = {rates[-1]:+.3f} after {L} matrices")

# %% [markdown] name="own-network" tags=["slide"]
# ## In your own network
#
# Put in a model, a batch and a loss of yours. Is the line straight? Then it is a product, and the
# figure names its factor per layer.

# %% name="own-network-probe" tags=["fragment"]
model = gc.mlp(depth=12, activation="sigmoid")  # your model
x, y = digits.x_train[:64], digits.y_train[:64]  # your batch

with gc.probe(model) as record:
    torch.nn.functional.cross_entropy(model(x), y).backward()  # your loss

# %% name="own-network-picture" tags=["subslide"]
gc.depth_plot(record)

# %% [markdown] name="notes-own" tags=["notes"]
# **Speaker notes** · 2 min
#
# Offer to run a model that somebody in the hall brings: any `torch.nn.Module` works, the loop stays
# as it is. A kink in the line is a layer with a factor of its own: a different width, a
# normalization, an activation.

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague plots ‖∂ℒ/∂W‖ for all 50 layers of her linear net, gain 0.577, without biases. The line is
# level: layer 1 has as much as layer 49. She concludes that nothing vanishes. **Is she right?**
#
# <details>
# <summary>A model answer</summary>
#
# No. A level line says that all layers have the *same* gradient. Each gradient holds the product of all
# the other factors, some $0.577^{48} = 3.5 \times 10^{-12}$: the line is level, and far down. For ‖∂ℒ/∂W‖
# the *level* counts, and a level has units, those of the loss. Two measurements settle it. ‖δ‖ falls by
# more than eleven decades from layer 49 to layer 1, as in the demo of step 3. And the relative update is
# below $10^{-13}$ at a learning rate of 0.1, where $10^{-3}$ would be healthy. A sigmoid net would have
# shown it in both lines, since its signal keeps its size on the way forward.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# Many tools plot the gradients of the weights only. It is why the course's picture is δ.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Backpropagation multiplies one factor per layer. Equal factors make a straight line on a log axis.
# - A typical product follows $\lambda = \mathbb E \log |r|$: factors 0.5 and 1.6, 1.05 in the mean, leave
#   $10^{-5}$ after 100 layers.
# - A product of matrices tends to rank one: after 50 layers, about 14 of 64 directions are above a thousandth
#   of the strongest.
# - $\delta_l = W_{l+1}^{\top} \delta_{l+1}$: the factor per layer is the gain, 0.577 for `nn.Linear`.
# - $\partial \mathcal L / \partial W_l = \delta_l h_{l-1}^{\top}$: early layers fall behind where $h$ keeps
#   its size and $\delta$ does not.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# 12 questions, 18 points: [exercises/01_chain_rule.ipynb](../exercises/01_chain_rule.ipynb).
# Questions 1 to 4 belong to step 3, 5 to step 4, 6 and 7 to step 1, 8 to step 2, 9 to the claim on trial,
# 10 and 11 to step 3 again, and 12 looks at what number formats do.
#
# **Next:** [02 · Saturation](02_saturation.ipynb). In step 4 each sigmoid layer cost a
# factor of a little less than ¼. **Where does the ¼ come from?**

# %% [markdown] name="sources" tags=["skip"]
# ## Sources
#
# - IEEE 754 (2019), *Standard for floating-point arithmetic.*
# - Furstenberg & Kesten (1960), *Products of random matrices.* doi:10.1214/aoms/1177705909.
# - Oseledets (1968), *A multiplicative ergodic theorem.*
# - Newman (1986), *The distribution of Lyapunov exponents: exact results for random matrices.*
# - Rumelhart, Hinton & Williams (1986), *Learning representations by back-propagating errors.*
#   doi:10.1038/323533a0.
# - Hochreiter (1991), *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, TU Munich.
# - Drmač & Veselić (2008), *New fast and accurate Jacobi SVD algorithm*: the spectra of this lesson.
# - Saxe, McClelland & Ganguli (2014), *Exact solutions to the nonlinear dynamics of learning in
#   deep linear neural networks.* arXiv:1312.6120.
# - Karpathy (2016), *CS231n: Convolutional neural networks for visual recognition*, course notes,
#   Stanford: the relative update.
# - Pennington, Schoenholz & Ganguli (2017), *Resurrecting the sigmoid in deep learning through dynamical
#   isometry*, NeurIPS. arXiv:1711.04735.
# - Hanin & Nica (2018), *Products of many large random matrices and gradients in deep neural
#   networks.* arXiv:1812.05994.
# - Xiao, Bahri, Sohl-Dickstein, Schoenholz & Pennington (2018), *Dynamical isometry and a mean field
#   theory of CNNs: how to train 10,000-layer vanilla convolutional neural networks*, ICML.
#   arXiv:1806.05393.
# - Roberts, Yaida & Hanin (2022), *The principles of deep learning theory*, Cambridge University Press.
# - Alpaydin & Kaynak (1998), *Optical recognition of handwritten digits*, doi:10.24432/C50P49 (the
#   data).
