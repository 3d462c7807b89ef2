# %% [markdown] name="title" tags=["slide"]
# # 03 · The recurrent weight
#
# **After this lesson you can say how far back in time a recurrent network can learn, why one step
# of training can destroy it, and which of the usual explanations hold.**
#
# *95 minutes. You need lessons 01 and 02: products of factors, and the slope of tanh.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory

# %% [markdown] name="notation" tags=["continue"]
# A recurrent network reads a sequence $x_1 \dots x_T$ and keeps a state
# $h_t = \varphi(W h_{t-1} + U x_t + b)$: the *same* $W$, $U$ and $b$ at every step. The **lag** of
# step $t$ is $T - t$, the number of steps back from the end. A loss reads $h_T$, and we follow its
# gradient $\partial\mathcal{L}/\partial h_t$ back in time. $\varphi$ is tanh unless we say so.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Draw the network unrolled: T copies side by side, one letter W on every arrow. Time is depth. Ask
# what is new, compared with lessons 01 and 02: all factors are the same matrix, so they cannot
# average out.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lesson 02 left us with a question: what if all layers share one matrix? Here is a task that
# Hochreiter and Schmidhuber (1997) made for it, the **adding problem**, in the plainer form that is
# usual today. Each step shows a random number between 0 and 1, and beside it a mark, 1 or 0. Two
# numbers are marked, one in each half. At the end the network must say their sum. A random number
# between 0 and 1 has variance $\tfrac1{12}$. So always answering 1, the mean of the sum, costs a
# squared error of $2 \cdot \tfrac1{12} = \tfrac16$.
#
# Same network, five seeds, same optimizer: Adam, gradient descent that scales each weight's step by
# itself. Only the sequences differ: 5 steps, or 30. Each printed line has the median of the five
# seeds, the smallest and the largest. Look at which one leaves 1/6.


# %% name="puzzle-helpers" tags=["fragment"]
def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


# %% name="puzzle-train" tags=["fragment"] tolerance=["5 steps, test error in units of 1/6: 0.02 0.02 0.02", "30 steps, test error in units of 1/6: 0.02 0.02 0.02"]
runs = {}
for length in (5, 30):
    runs[length] = []
    for seed in range(5):
        data = gc.adding_problem(length, train=4000, test=2000, seed=seed)
        net = gc.recurrent("rnn", 2, 16, 1, seed=seed)
        how = {"steps": 400, "lr": 0.01, "loss": "mse", "seed": seed, "optimizer": adam}
        runs[length].append(gc.train(net, data, every=400, **how))
    error = [6 * run.test_loss[-1] for run in runs[length]]
    print(f"{length:2d} steps, test error in units of 1/6:  {gc.spread(error, '.2f')}")

# %% name="puzzle-picture" tags=["fragment"]
update = np.arange(20, 401, 20)
lines = [
    gc.Line(
        update,
        np.mean([run.loss[1:].reshape(-1, 20).mean(axis=1) for run in runs[length]], axis=0),
        f"{length} steps, mean of 5",
        color=color,
    )
    for length, color in ((5, "blue"), (30, "rnn"))
]
lines.append(gc.Line([20, 400], [1 / 6] * 2, "1/6, the mean is the answer", "reference"))
gc.Plot("The adding problem", gc.Axis("update"), gc.Axis("squared error", "log"), tuple(lines))

# %% [markdown] name="puzzle-question" tags=["continue"]
# It is the same sum of two numbers, whether 5 steps are shown or 30, and the same number of
# weights. **What is it that does not survive 30 steps?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 2 min
#
# Collect suspects: too few units (the same 16 solve 5 steps), too little data, too few updates. The
# last one is fair: with 2000 updates all five are still between 0.9 and 1.05 of 1/6, but nobody has
# shown that they stay there. It is a plateau, not a wall. Do not promise "never".

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · One weight
#
# The smallest recurrent network: one unit, no activation, $h_t = w\, h_{t-1} + x_t$.
#
# ### Predict

# %% name="predict-lag" tags=["fragment"]
gc.panel("recurrent/lag-fifty")

# %% [markdown] name="drag-scalar" tags=["subslide"]
# ### Drag
#
# Look at lag 30 and lag 100. For which $w$ is the line inside the band at both?

# %% name="demo-scalar" tags=["fragment"]
gc.demo("recurrent/scalar")

# %% [markdown] name="measure-scalar-intro" tags=["subslide"]
# ### Measure
#
# Three networks of one unit, 100 steps, random inputs. Autograd goes back step by step.

# %% name="measure-scalar" tags=["fragment", "nbval-check-output"]
lag = np.arange(101)
x = torch.randn(100, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
back = {}
for w in (0.9, 1.0, 1.1):
    states = [torch.zeros(1, dtype=torch.float64, requires_grad=True)]
    for x_t in x:
        states.append(w * states[-1] + x_t)
    gradients = torch.autograd.grad(states[-1].sum(), states)
    back[w] = np.array([float(g) for g in gradients[::-1]])
    print(f"w = {w}", *(f"lag {k} {back[w][k]:.3g}" for k in (1, 50, 100)), sep="   ")

# %% name="picture-scalar" tags=["fragment"]
pairs = [
    gc.with_theory(lag, back[w], w**lag, f"w = {w}", color)
    for w, color in ((0.9, "blue"), (1.0, "green"), (1.1, "vermillion"))
]
gc.Plot(
    title="One weight, 100 steps back",
    x=gc.Axis("lag T − t"),
    y=gc.Axis("|∂h_T/∂h_t|", "log"),
    lines=tuple(line for pair in pairs for line in pair),
    bands=(gc.Band(0.1, 10.0, "healthy: 0.1 to 10"),),
)

# %% [markdown] name="explain-scalar" tags=["subslide"]
# ### Explain
#
# Write the steps out: $h_T = w\,h_{T-1} + x_T = w^2 h_{T-2} + w\,x_{T-1} + x_T = \dots$ Hence
#
# $$\frac{\partial h_T}{\partial h_t} = w^{\,T-t}, \qquad
#   \frac{\partial\mathcal{L}}{\partial w}
#   = \frac{\partial\mathcal{L}}{\partial h_T} \sum_{t=1}^{T} w^{\,T-t}\, h_{t-1} .$$
#
# $0.9^{50} = 0.00515$ and $1.1^{50} = 117$: both are measured above. Read the sum, too: $w$ is used
# at every step, and every use adds a term. For $w = 0.9$ the gradient of the weight does *not*
# vanish: the terms of the last steps are there in full. What vanishes is the share of the early
# steps. The network learns, but from the recent past only.
#
# A gradient within a factor 10 over $T$ steps needs $|w|$ between $10^{-1/T}$ and $10^{1/T}$: for
# $T = 100$ from 0.977 to 1.023.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 6 min
#
# Wrong answers to expect: "0.9, since there is one weight" and 1/50. The inputs do not enter, and
# some will not believe it; let them change the seed. The sentence to leave on the board: *∂ℒ/∂w
# does not vanish, its early terms do.* If the demo does not move:
# `gc.demo("recurrent/scalar").frame(w=1.02)`.

# %% [markdown] name="bridge-1" tags=["continue"]
# For one unit, $|w|$ below 1 or above 1 is the whole story. **A matrix has many numbers. Which of
# them must be below 1?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · One matrix, and two ways to be large
#
# Without an activation $\partial h_T/\partial h_t = W^{T-t}$. A vector that $W$ only multiplies by
# a number is an eigenvector, and the number is its eigenvalue. So a matrix has two sizes. The
# **spectral radius** $\rho$ is the largest absolute value of its eigenvalues: what counts after
# very many steps. The **spectral norm** $\sigma_{\max}$ is the largest factor by which $W$
# stretches any vector in *one* step, its largest singular value. Always $\rho \le \sigma_{\max}$.
#
# ### Predict

# %% name="predict-first-grows" tags=["fragment"]
gc.panel("recurrent/first-grows")

# %% [markdown] name="drag-two-units" tags=["subslide"]
# ### Drag
#
# Two units; each keeps $\rho$ of itself, and the second drives the first with weight $a$. The
# radius is $\rho$ for every $a$. Leave $\rho$ at 0.95 and raise $a$: where does the gradient peak,
# and does the place move?

# %% name="demo-two-units" tags=["fragment"]
gc.demo("recurrent/two-units")

# %% [markdown] name="measure-powers-intro" tags=["subslide"]
# ### Measure
#
# Now 100 units, in a real `nn.RNN`. Without input its state stays 0, where tanh has slope 1, so the
# step's Jacobian $\partial h_t/\partial h_{t-1}$ is exactly $W$. Two matrices, both scaled to
# $\rho = 0.95$: one orthogonal, which turns vectors and stretches all alike, and one random
# Gaussian. Beside them the two units with $a = 1$. How much can a gradient grow, at most? Look at
# the first ten lags.


# %% name="growth-helper" tags=["fragment"]
def growth(jacobians):
    """Norm of the product of the last k Jacobians, for k = 1, 2, …"""
    product, norms = np.eye(len(jacobians[0])), []
    for jacobian in jacobians[::-1]:
        product = product @ jacobian
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


# %% name="measure-powers" tags=["fragment"] tolerance=["orthogonal σ_max: 0.01 0.01 0.01", "orthogonal largest: 0.01 0.01 0.01", "orthogonal at lag 60: 0.01 0.01 0.01", "Gaussian σ_max: 0.01 0.01 0.01", "Gaussian largest: 0.01 0.01 0.01", "Gaussian at lag 60: 0.01 0.01 0.01"]
silence, lags, grown = torch.zeros(60, 1, dtype=torch.float64), np.arange(1, 61), {}
for init, name in (("orthogonal", "orthogonal"), ("normal", "Gaussian")):
    nets = [gc.recurrent("rnn", 1, 100, 1, init=init, radius=0.95, seed=s) for s in range(5)]
    grown[init] = [growth(gc.state_jacobians(net.double().rnn, silence)) for net in nets]
    norms = [np.linalg.norm(net.rnn.weight_hh_l0.detach(), 2) for net in nets]
    largest, last = np.array([(g.max(), g[-1]) for g in grown[init]]).T
    for what, values in (("σ_max", norms), ("largest", largest), ("at lag 60", last)):
        print(f"{name:10}  {what:9}  {gc.spread(values, '.2f')}")

# %% name="measure-two-units" tags=["fragment", "nbval-check-output"]
W = np.array([[0.95, 1.0], [0.0, 0.95]])
powers = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in range(101)]
print(f"two units, a = 1: largest at lag {np.argmax(powers)}, by a factor of {max(powers):.2f}")

# %% name="picture-powers" tags=["fragment"]
W = nets[-1].rnn.weight_hh_l0.detach().numpy()
exact = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in lags]
cross, keep = lags * 0.95 ** (lags - 1.0), 0.95**lags  # the entries of W^k, and below its norm
two_units = cross / 2 + np.sqrt(cross**2 / 4 + keep**2)
gc.Plot(
    title="Three matrices with ρ = 0.95",
    x=gc.Axis("lag T − t"),
    y=gc.Axis("largest growth, ‖∂h_T/∂h_t‖", "log"),
    lines=(
        *gc.with_theory(lags, grown["orthogonal"][-1], 0.95**lags, "orthogonal, n = 100", "blue"),
        *gc.with_theory(lags, grown["normal"][-1], exact, "Gaussian, n = 100", "rnn"),
        *gc.with_theory(lags, powers[1:61], two_units, "two units, a = 1", "green"),
    ),
)

# %% [markdown] name="explain-powers" tags=["subslide"]
# ### Explain
#
# In the two-unit network there are $k$ moments at which the gradient can cross from unit 1 to
# unit 2, and each such path has $k - 1$ factors $\rho$ and one factor $a$:
#
# $$W^k = \begin{pmatrix} \rho^k & k\,a\,\rho^{k-1} \\ 0 & \rho^k \end{pmatrix}, \qquad
#   k\,\rho^{k-1} \text{ is largest near } k = \frac{-1}{\ln \rho} = 19.5 \text{ for } \rho = 0.95$$
#
# (set the derivative to 0). There it is 7.55; with the diagonal the norm is 7.57, as measured. Such
# a matrix is called **non-normal**: it has no basis of eigenvectors at right angles. An orthogonal
# matrix times 0.95 has one, so $\sigma_{\max} = \rho$, and it falls from the first step on. A large
# random Gaussian matrix is far from having one. Its $\sigma_{\max}$ is near $2\rho$: it grows
# first.
#
# For any $W$, with $\|\cdot\|$ the spectral norm, $\rho^k \le \|W^k\| \le \sigma_{\max}^k$: an
# eigenvector gives the left side, $k$ single stretches the right. **The radius rules the end, the
# norm the start.**
#
# <details>
# <summary>For those who know complex analysis: how high is the hump?</summary>
#
# Eigenvalues do not say, but the resolvent does. With Kreiss's constant $K = \sup_{|z|>1} (|z|-1)\,
# \|(zI - W)^{-1}\|$ the largest $\|W^k\|$ is at least $K$ (Kreiss 1962) and at most $e\,n\,K$
# (Spijker 1991).
#
# </details>

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 7 min
#
# Most vote "falls": they know the rule for eigenvalues, and it is a rule for the end only. Count
# paths on the board: to get from unit 2 to unit 1 in three steps you may cross at step 1, 2 or 3.
# Somebody may ask whether 20 lags matter when the end is 0: many tasks have a lag of 20.

# %% [markdown] name="bridge-2" tags=["continue"]
# So far the activation did nothing. **What becomes of these rules when tanh stands between the
# matrices?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · tanh between the matrices
#
# Now $h_t = \tanh(W h_{t-1} + u_t)$. The entries of $W$ are random with variance $g^2/n$: $g$ is
# the **gain**, lesson 02's $\sigma_w$. For a large $W$ it is the spectral radius, too. The input
# $u_t$ is random, new at each step, with standard deviation $s$: its **strength**.
#
# ### Predict

# %% name="predict-strong" tags=["fragment"]
gc.panel("recurrent/strong-input")

# %% [markdown] name="drag-gain" tags=["subslide"]
# ### Drag
#
# A random tanh network. Look at the two lines, gradient and state, while you raise the gain above 1
# without input. Which one leaves the band, and on which side? Then stay at gain 2 and turn the
# input up. (The dashed line is for infinitely many units; here are 64. Below gain 1 without input
# the state dies as time goes on. Lag counts backwards in time, so its line rises.)

# %% name="demo-gain" tags=["fragment"]
gc.demo("recurrent/gain")

# %% [markdown] name="measure-pascanu-intro" tags=["subslide"]
# ### Measure
#
# Pascanu, Mikolov and Bengio (2013) gave two conditions. With $\gamma$ the largest slope (1 for
# tanh): if $\sigma_{\max}(W) < 1/\gamma$, gradients vanish; to explode they *need*
# $\sigma_{\max}(W) > 1/\gamma$.
#
# Three kinds of networks of 100 units, five of each: an orthogonal $W$ times 0.9 with some input,
# and a Gaussian $W$ of gain 2, first without input, then with a loud one. The growth over 100
# steps is printed in decades: $-2$ is one part in 100, $+2$ a hundredfold. In the picture, look at
# which line ends above 1.


# %% name="log-gradient" tags=["fragment"]
def log_gradient(init, gain, strength, seed):
    """The network, and ln ‖∂h_T/∂h_t‖ (Frobenius, over √n) for lags 0 to 100."""
    net = gc.recurrent("rnn", 100, 100, 1, init=init, gain=gain, seed=seed)
    normal = torch.randn(202, 100, generator=torch.Generator().manual_seed(seed))
    x = strength * math.sqrt(3) * normal[1:]  # U has variance 1/300
    logs = gc.lag_log_norms(net.rnn, x, normal[:1, None])[:-102:-1]
    return net, logs - math.log(10)


# %% name="measure-pascanu" tags=["fragment"] tolerance=["σ_max 0.9, input 0.5: 0.2 0.2 0.2", "σ_max 4.0, input 0.0: 0.6 0.6 1.2", "σ_max 4.0, input 2.0: 0.2 0.2 0.2", "σ_max 0.9, largest of gradient / 0.9^lag: 0.02 0.02 0.02"]
curves = {}
for init, gain, strength in (("orthogonal", 0.9, 0.5), ("normal", 2.0, 0.0), ("normal", 2.0, 2.0)):
    both = [log_gradient(init, gain, strength, seed) for seed in range(5)]
    curves[gain, strength] = np.array([logs for _, logs in both])
    norms = [torch.linalg.matrix_norm(net.rnn.weight_hh_l0.detach(), 2).item() for net, _ in both]
    decades = curves[gain, strength][:, -1] / math.log(10)
    print(f"σ_max {np.median(norms):.1f}, input {strength}:  {gc.spread(decades, '+.1f')} decades")
over_bound = np.exp(curves[0.9, 0.5] - np.log(0.9) * lag)[:, 1:].max(axis=1)
print(f"σ_max 0.9, largest of gradient / 0.9^lag:  {gc.spread(over_bound, '.2f')}")
roots = [math.sqrt(theory.chi("tanh", 2.0, strength)) for strength in (0.0, 2.0)]
print(f"theory, √χ at gain 2: {roots[0]:.2f} without input, {roots[1]:.2f} with input 2")

# %% name="picture-pascanu" tags=["fragment"]
lines = [gc.Line(lag, 0.9**lag, "σ_max^lag for σ_max = 0.9", "reference")]
for (gain, strength), color in (
    ((0.9, 0.5), "green"),
    ((2.0, 0.0), "tanh"),
    ((2.0, 2.0), "purple"),
):
    mean = np.exp(curves[gain, strength].mean(axis=0))
    label = f"gain {gain}, input {strength}"
    if gain == 2.0:
        chi = theory.chi("tanh", gain, strength)
        lines += gc.with_theory(lag, mean, chi ** (lag / 2), label, color)
    else:
        lines.append(gc.Line(lag, mean, "gain 0.9, orthogonal", color=color))
gc.Plot(
    title="A norm above 1 is needed to explode, and is not enough",
    x=gc.Axis("lag T − t"),
    y=gc.Axis("size of the gradient", "log"),
    lines=tuple(lines),
)

# %% [markdown] name="explain-pascanu" tags=["subslide"]
# ### Explain
#
# One step back multiplies by $J_t^\top$. Since $\tanh' = 1 - \tanh^2$,
#
# $$J_t = \frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}\bigl(1 - h_t^2\bigr)\, W,
#   \qquad \|J_t\| \le \gamma\, \sigma_{\max}(W) :$$
#
# row $i$ of $W$ times the slope of unit $i$. $W$ stretches by at most $\sigma_{\max}$, a slope by
# at most $\gamma$. If that bound is below 1, the gradient falls at least as fast as its powers,
# whatever the inputs are; the green line falls faster, since its slopes are below 1. This is
# **sufficient**. (It must be the norm: with only $\rho$ below 1 it
# may grow first.) If the bound is above 1, nothing follows: with the same matrix the gradient grows
# by six decades without input and falls by six with it, since the input drives units to where
# $1 - h^2$ is small. (Even without input a network can settle on a cycle, where its gradient does
# not grow. Of forty such matrices two do that.) So for tanh a norm above 1 is **necessary** for
# exploding, and **not enough**.
#
# What decides is slope times weight, at every step. For a wide random network that is lesson 02's
# $\chi$, the mean square slope times $g^2$. The slopes depend on $q$, the variance of a
# pre-activation. $W$ brings one part of it, the input the other, $s^2$. Once the network has
# settled, $q$ is the same at each step, so it stands on both sides:
#
# $$q = g^2\, \mathrm{E}[\tanh^2(\sqrt q\,\zeta)] + s^2, \qquad
#   \chi = g^2\, \mathrm{E}[\tanh'(\sqrt q\,\zeta)^2], \qquad \zeta \text{ standard normal.}$$
#
# The gradient changes by $\sqrt\chi$ per step: the dashed lines. At gain 2 that is 1.17 without
# input. A loud input makes $q$ larger, the slopes flatter, and $\sqrt\chi = 0.89$. (Both are for
# infinitely many units; 100 lie a little below.)

# %% [markdown] name="lyapunov-intro" tags=["subslide"]
# ### Measure · the onset of chaos
#
# The growth per step of a long product, as a natural logarithm, is the **Lyapunov exponent** of
# lesson 01, one for each of $n$ directions. (`gc.lyapunov_exponents` keeps the directions apart,
# after Benettin et al. 1980; you write it in exercise 4.) The largest, $\lambda$, also says what
# happens to two states that differ by very little: for $\lambda < 0$ they meet, for $\lambda > 0$
# they part, and the network is **chaotic**. Five networks without input, at nine gains. Look at
# where $\lambda$ passes 0, and how far the five are apart there.

# %% name="measure-lyapunov" tags=["fragment"]
gains, exponents, log_radius = (0.5, 0.7, 0.9, 1.1, 1.3, 1.6, 2.0, 2.5, 3.0), [], []
for gain in gains:
    row = []
    for seed in range(5):
        net = gc.recurrent("rnn", 1, 100, 1, init="normal", gain=gain, seed=seed).double()
        start = torch.randn(1, 1, 100, generator=torch.Generator().manual_seed(seed)).double()
        jacobians = gc.state_jacobians(net.rnn, torch.zeros(500, 1).double(), start)
        row.append(gc.lyapunov_exponents(jacobians[200:], count=1)[0][0])
        if gain == 0.5:
            radius = torch.linalg.eigvals(net.rnn.weight_hh_l0.detach()).abs().max()
            log_radius.append(float(radius.log()) - math.log(0.5))
    exponents.append(row)

# %% name="count-lyapunov" tags=["fragment"] tolerance=["λ at gain 0.5: 0.02 0.02 0.02", "λ at gain 1.1: 0.002 0.002 0.002", "λ at gain 1.3: 0.002 0.002 0.002", "λ at gain 2.0: 0.02 0.04 0.02", "λ at gain 3.0: 0.04 0.04 0.02", "λ − ln ρ(W) at gain 0.5: 0.002 0.002 0.002"]
exponents = np.array(exponents)
digits = {0.5: 2, 1.1: 3, 1.3: 3, 2.0: 2, 3.0: 2}
for gain, row in zip(gains, exponents, strict=True):
    if gain in digits:
        print(f"λ at gain {gain}:  {gc.spread(row, f'+.{digits[gain]}f')}")
missing = exponents[0] - math.log(0.5) - log_radius
print(f"λ − ln ρ(W) at gain 0.5:  {gc.spread(missing, '+.3f')}")
chi = theory.chi("tanh", 2.0)
print(f"gain 2: mean square slope {chi / 4:.2f}, χ = 4 · {chi / 4:.2f} = {chi:.2f}")

# %% name="picture-lyapunov" tags=["fragment"]
grid = np.linspace(0.5, 3.0, 51)
expected = [0.5 * math.log(theory.chi("tanh", g)) if g > 1 else math.log(g) for g in grid]
gc.Plot(
    title="Lyapunov exponent of random tanh networks without input",
    x=gc.Axis("gain"),
    y=gc.Axis("λ, natural logarithm per step"),
    lines=(
        gc.Line(gains, exponents.mean(axis=1), "100 units, mean of 5", color="tanh"),
        gc.Line(gains, exponents.min(axis=1), "smallest of 5", color="sky"),
        gc.Line(gains, exponents.max(axis=1), "largest of 5", color="purple"),
        gc.Line(grid, expected, "theory, infinitely wide", "theory", "tanh"),
        gc.Line([0.5, 3.0], [0, 0], "λ = 0", "reference"),
    ),
)

# %% [markdown] name="explain-lyapunov" tags=["subslide"]
# ### Explain
#
# At gain 0.5 all activity dies. There tanh has slope 1, so in the long run $\lambda = \ln \rho(W)$,
# and $\rho$ is near the gain. Above gain 1 activity stays, and each step brings $\sqrt\chi$, so
# $\lambda = \ln \sqrt\chi$ (Molgedey, Schuchhardt & Schuster 1992). Both are the dashed line: an
# infinitely wide network is chaotic from gain 1 on (Sompolinsky, Crisanti & Sommers 1988, in
# continuous time). At 100 units the onset is blurred. At gains 1.1 and 1.3 the five lie between
# $-0.05$ and $+0.02$: such a network rests, circles or is barely chaotic, depending on its matrix.
# At gain 2 the smallest of the five exponents is about $+0.1$, at gain 3 near $+0.3$: all five are
# chaotic.
#
# Throughout, $|h| < 1$. **Saturation holds the state. It does not hold the gradient.** At gain 2
# the mean square slope has fallen to 0.34, but the weights bring a factor $g^2 = 4$: $\chi = 1.36$
# is still above 1. To lose more slope the units would have to be more saturated than $Wh$ makes
# them. A loud input does that.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 9 min
#
# Nearly all vote "explodes" in the panel. Take the two words apart: *sufficient* for vanishing,
# *necessary* for exploding. Ask for a network with norm 4 that vanishes: they have one. For γ = ¼
# (sigmoid) the bound is 4; an exercise uses it. An expert may ask about gains of 1.1 to 1.6: finite
# networks there rest, circle or are chaotic, depending on the matrix.

# %% [markdown] name="bridge-3" tags=["continue"]
# The state is bounded, so the loss is bounded, too. **How can a bounded loss have an enormous
# gradient?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The cliff
#
# One tanh unit, $h_t = \tanh(w h_{t-1} + b)$, $h_0 = -0.5$, runs for 50 steps. The loss is
# $\tfrac12 (h_{50} - 0.7)^2$: it can never be above 1.5. In the plane of $w$ and $b$ there is an
# edge. Below it the unit ends low and the loss is about 1; above it the unit ends high and the loss
# is about 0.
#
# ### Predict

# %% name="predict-cliff" tags=["fragment"]
gc.panel("recurrent/off-the-cliff")

# %% [markdown] name="drag-cliff" tags=["subslide"]
# ### Drag
#
# Colour is the loss. You stand at the cross; the line from it is one step of gradient descent with
# learning rate 0.02. Walk with $b$ from 0 up to the edge, near 0.2. What does the step do in the
# last two hundredths?

# %% name="demo-cliff" tags=["fragment"]
gc.demo("recurrent/cliff")

# %% [markdown] name="measure-cliff-intro" tags=["subslide"]
# ### Measure
#
# The surface again, now by autograd, and its gradient on the edge and at four distances below it.
# Then gradient descent from 1000 random places on the plateau, 300 steps each. In the picture, look
# at the angle at which the last step leaves the edge.


# %% name="cliff-loss" tags=["fragment"]
def loss(w, b):
    h = torch.full_like(w, -0.5)
    for _ in range(50):
        h = torch.tanh(w * h + b)
    return 0.5 * (h - 0.7) ** 2


def gradient(points):
    """(∂ℒ/∂w, ∂ℒ/∂b) at each point (w, b), shape (n, 2)."""
    points = points.clone().requires_grad_()
    return torch.autograd.grad(loss(*points.unbind(1)).sum(), points)[0]


w, b = (torch.linspace(low, low + 1.5, 76, dtype=torch.float64) for low in (0.5, -0.5))
surface = loss(*torch.meshgrid(w, b, indexing="xy"))

# %% name="measure-cliff" tags=["fragment", "nbval-check-output"]
edge = math.atanh(-0.5) + 0.5 * 1.5
s = 1.5 * (1 - 0.5**2)
steepness = 1.2 * 0.75 * math.hypot(0.5, 1) * (s**50 - 1) / (s - 1)
below = torch.tensor([0, 0.0001, 0.001, 0.01, 0.1], dtype=torch.float64)
sizes = gradient(torch.stack([torch.full_like(below, 1.5), edge - below], 1)).norm(dim=1)
print(f"edge at w = 1.5: b = {edge:.4f}", end="; ")
print(f"on it ‖gradient‖ is {sizes[0]:.0f}, theory {steepness:.0f}")
print("below the edge by ", *(f"{d:8.4f}" for d in below.tolist()[1:]))
print("‖gradient‖        ", *(f"{size:8.2g}" for size in sizes.tolist()[1:]))

# %% name="measure-descent" tags=["fragment"] tolerance=["of these in one step, from above 0.5: 0.2", "thrown farther than 1 by one step: 2", "thrown farther than 5 by one step: 2"]
start = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
path = [torch.tensor([1.35, -0.1]) + start * torch.tensor([0.25, 0.2])]
for _ in range(300):
    path.append(path[-1] - 0.02 * gradient(path[-1]))
height = torch.stack([loss(*points.unbind(1)) for points in path]).numpy()
path = torch.stack(path).numpy()
step = np.linalg.norm(np.diff(path, axis=0), axis=2)
longest = step.max(axis=0)
over = height.min(axis=0) < 0.3
jump = over & (height[(height < 0.3).argmax(axis=0) - 1, range(1000)] > 0.5)
print(f"over the wall, to a loss below 0.3: {100 * over.mean():.0f} % of the runs")
print(f"of these in one step, from above 0.5: {100 * jump.sum() / over.sum():.1f} %")
for limit in (1, 5):
    print(
        f"thrown farther than {limit} by one step: {100 * (longest > limit).mean():.0f} % of the runs"
    )

# %% name="one-thrown-run" tags=["fragment"]
above_one = w[w >= 1].numpy()
state = np.maximum(-0.5, -np.sqrt(1 - 1 / above_one))  # the state on the ridge
at_once = [height[: k + 1, i].min() > 0.5 for i, k in enumerate(step.argmax(axis=0))]
run = np.argmax(at_once & (longest > 1) & (path[-1, :, 1] > 0.5))
until = step[:, run].argmax() + 1
one = path[: until + 1, run]
here, there = one[-2:]
way = here + np.linspace(0, 1, 200)[:, None] * (there - here)
way = way[(way[:, 0] > 0.5) & (way[:, 0] < 2) & (way[:, 1] < 1) & (way[:, 1] > -0.5)]

# %% name="picture-cliff" tags=["fragment"]
gc.Picture(
    title="Loss after 50 steps: a plateau, a wall and a plain",
    x=gc.Axis("recurrent weight w"),
    y=gc.Axis("bias b"),
    values=surface.numpy(),
    rows=b.numpy(),
    columns=w.numpy(),
    color_label="loss",
    lines=(
        gc.Line(
            above_one, np.arctanh(state) - state * above_one, "edge, theory", "theory", "black"
        ),
        gc.Line(one[:-1, 0], one[:-1, 1], "descent", color="vermillion"),
        gc.Line(way[:, 0], way[:, 1], "the step off the edge", "reference"),
    ),
)

# %% [markdown] name="explain-cliff" tags=["subslide"]
# ### Explain
#
# On the edge the start is a state that stays: $-0.5 = \tanh(-0.5\,w + b)$, that is $b =
# \operatorname{artanh}(-0.5) + 0.5\,w$. It stays like a ball on a ridge. Each step multiplies a
# small difference by slope times weight, $s = (1 - 0.5^2)\,w$, which is 1.125 for $w = 1.5$ (and
# above 1 for every $w > \tfrac43$). A little less $b$, and the unit ends low; a little more, and it
# ends high.
#
# Now the gradient. $b$ acts on $h_t$ directly, and through $h_{t-1}$:
#
# $$\frac{\partial h_t}{\partial b} = 0.75 + s\, \frac{\partial h_{t-1}}{\partial b}, \qquad
#   \frac{\partial h_{50}}{\partial b} = 0.75\,(1 + s + \dots + s^{49})
#   = 0.75\,\frac{s^{50} - 1}{s - 1} = 2161 .$$
#
# $w$ acts by way of $h_{t-1} = -0.5$, so $\partial h_{50}/\partial w$ is $-0.5$ times that. With
# $h_{50} - 0.7 = -1.2$ the length is $1.2 \cdot 2161 \cdot \sqrt{1 + 0.5^2} = 2899$, as measured.
# Where the panel stood, 0.0001 below, 550 is left: with a learning rate of 0.1 a step of length 55.
#
# The height of the wall is fixed, about 1. So a wall that is twice as steep is half as wide. Every
# run gets over it, almost every one in one jump from beside its steepest part. But there, too, the
# gradient is large: more than a third of the runs is thrown farther than 1 by a single step, two
# thirds of the width of the picture. Pascanu et al. (2013) drew such a wall for a unit like this
# one.

# %% [markdown] name="nan-intro" tags=["subslide"]
# ### A step that is too long, in a real network
#
# The adding problem once more, 100 steps long. Now the activation is ReLU, $\max(0, z)$, whose
# slope is 1 for every $z > 0$, and $W$ starts as the identity (Le, Jaitly & Hinton 2015): level at
# the start. Plain gradient descent, learning rate 0.1. `gc.watch` stops the run at the first NaN or
# Inf and says where it was born. Then the fatal batch runs once more in float64, whose numbers
# reach $10^{308}$: look at where the states pass the end of float32.

# %% name="nan-run" tags=["fragment", "nbval-check-output"]
reports, after = [], []
for seed in range(5):
    data = gc.adding_problem(100, train=2000, test=64, seed=seed)
    net = gc.recurrent("rnn", 2, 32, 1, init="identity", nonlinearity="relu", seed=seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    try:
        with gc.watch(net, optimizer, F.mse_loss) as watch:
            for x, y in zip(data.x_train.split(64), data.y_train.split(64), strict=True):
                optimizer.zero_grad()
                watch.loss(net(x), y).backward()
                optimizer.step()
    except gc.NonFiniteError as error:
        reports.append(error.post_mortem)
        after.append((net, x))
ends = [f"update {r.step}, {r.direction} pass, module {r.module!r} ({r.kind})" for r in reports]
for end in sorted(set(ends)):
    print(f"{ends.count(end)} of 5 runs end at {end}")

# %% name="nan-replay" tags=["fragment"] tolerance=["step at which a state passes 3.4e38: 1 1 1", "factor per step: 0.1 0.1 0.1", "ρ of W, over that factor: 0.01 0.01 0.01", "ρ of W's active part, over it: 0.01 0.01 0.01"]
sizes, factors, radii, active = [], [], [], []
for net, x in after:
    W = net.rnn.weight_hh_l0.detach().double().numpy()
    with torch.no_grad():
        states, _ = net.double().rnn(x.double())
    sizes.append(states.amax(dim=(0, 2)).numpy())
    factors.append((sizes[-1][99] / sizes[-1][49]) ** (1 / 50))
    on = states[:, -1][states[:, -1].amax(dim=1).argmax()].numpy() > 0
    radii.append(np.abs(np.linalg.eigvals(W)).max())
    active.append(np.abs(np.linalg.eigvals(W[np.ix_(on, on)])).max())
passed = [np.argmax(s > 3.4e38) + 1 for s in sizes]
print("step at which a state passes 3.4e38:", gc.spread(passed, ".0f"))
print("factor per step:                    ", gc.spread(factors, ".1f"))
print("ρ of W, over that factor:           ", gc.spread(np.divide(radii, factors), ".2f"))
print("ρ of W's active part, over it:      ", gc.spread(np.divide(active, factors), ".2f"))

# %% name="picture-nan" tags=["fragment"]
time = np.arange(1, 101)
lines = [gc.Line([1, 100], [3.4e38] * 2, "end of float32", "reference")]
for seed, color in ((0, "relu"), (3, "purple")):
    expected = sizes[seed][19] * active[seed] ** (time - 20.0)
    lines += gc.with_theory(time, sizes[seed], expected, f"seed {seed}", color)
gc.Plot(
    title="The fatal batch again, in float64, after one update",
    x=gc.Axis("time step t"),
    y=gc.Axis("largest |h_t|", "log"),
    lines=tuple(lines),
)

# %% [markdown] name="explain-nan" tags=["subslide"]
# With $W = I$ the states add up their inputs and grow like $t$; the gradient with respect to $W$
# adds up a hundred terms of that size. One update of 0.1 times it, and the next forward pass
# multiplies the states by 4 to 70 at every step. After 22 to 64 of the hundred steps they pass the
# end of float32. Nothing was wrong with the data, the loss or the code. The post-mortem names
# update 1 (they are counted from 0, so this is the second batch), the forward pass, the recurrent
# module.
#
# The factor is *not* the spectral radius of $W$. ReLU passes only units whose $z$ is above 0, and
# it is the radius of $W$ between those units that counts: slope times weight again.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# Expect 0.1 (the learning rate) in the panel. Say: *a bounded function can be as steep as it likes,
# in a thin place.* In the demo, let them find the angle of the throw: always across the wall.
# Whether a run is thrown depends on how near the edge its last point happens to lie. A ReLU network
# has no ceiling for its states, so it reaches NaN; a tanh network would jump, and sit somewhere
# saturated. Clipping, lesson 09, is for this wall. If asked about the dashed line for w between 1
# and 4/3: there it is where the low state ceases to exist.

# %% [markdown] name="bridge-4" tags=["continue"]
# Exploding shows itself. Vanishing is silent. **Back to the puzzle: what exactly did the network
# not hear?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · What cannot be learned
#
# ### Measure
#
# The puzzle's network before training: gradient against lag, in its own loss. The first mark is in
# the first half, at lag 15 or more: look at what is left there.

# %% name="measure-puzzle" tags=["fragment"] tolerance=["what arrives at lag 15, in decades: 0.1 0.1 0.1", "what arrives at lag 29, in decades: 0.1 0.1 0.1", "factor per step: 0.01 0.01 0.01"]
decades, factors = [], []
for seed in range(5):
    data = gc.adding_problem(30, seed=seed)
    net = gc.recurrent("rnn", 2, 16, 1, seed=seed)
    x, y = data.x_train[:64], data.y_train[:64]
    (norms,) = gc.lag_gradient(net, x, lambda output, y=y: F.mse_loss(output, y)).values()
    decades.append(np.log10(norms[::-1] / norms[-1]))
    factors.append(10 ** -gc.lag_slope(norms))
for k in (15, 29):
    print(f"what arrives at lag {k}, in decades:  {gc.spread([d[k] for d in decades], '.1f')}")
print("factor per step:                     ", gc.spread(factors, ".2f"))

# %% name="picture-puzzle" tags=["fragment"]
radius = float(torch.linalg.eigvals(net.rnn.weight_hh_l0.detach()).abs().max())
past = np.arange(30)
gc.Plot(
    title="What the loss of the adding problem tells each step",
    x=gc.Axis("lag T − t"),
    y=gc.Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log"),
    lines=(
        gc.Line(past, norms[::-1] / norms[-1], "untrained RNN, 30 steps", color="rnn"),
        gc.Line(past, radius**past, "ρ^lag, if tanh had slope 1", "reference", "grey"),
    ),
)

# %% [markdown] name="explain-puzzle" tags=["subslide"]
# ### Explain
#
# torch draws $W$ uniformly between $\pm 1/\sqrt n$: variance $1/(3n)$, so for wide networks the
# spectral radius is near $1/\sqrt 3 = 0.58$, and tanh takes a little more. Sixteen units are few,
# and their factor is near it, but differs from seed to seed. Over 29 steps it leaves $10^{-6.7}$,
# one part in five million. The network hears the second mark, if it is late. The first is at lag 15
# or more, where one part in 8000 is left. **That does not survive 30 steps.**
#
# Hochreiter (1991) and Bengio, Simard and Frasconi (1994) found it. The latter add a dilemma: a state
# that keeps one bit safe from noise is one that noise hardly moves, so the gradient fades there too.

# %% [markdown] name="mend-intro" tags=["subslide"]
# ### Mend it
#
# Start with $W = I$. A gradient longer than 1 is scaled down to length 1 (clipping, in lesson 09).
# Same 30 steps, same 400 updates: with tanh, with ReLU, the network that exploded in step 4, and
# with ReLU but without the clipping. Look at how much of the gradient arrives at lag 29, before
# training and after, and then at the error.


# %% name="arrives-helper" tags=["fragment"]
def clip(parameters):
    gc.clip_grad_norm_(parameters, 1.0)


def arrives(net, data):
    """The gradient at lag 29, relative to lag 0."""
    x, y = data.x_train[:64], data.y_train[:64]
    (norms,) = gc.lag_gradient(net, x, lambda output: F.mse_loss(output, y)).values()
    return norms[0] / norms[-1]


# %% name="measure-mend" tags=["fragment"] tolerance=["tanh share: 0.02 0.02 0.02", "tanh its log10: 3.4 10 5.4", "tanh error in units of 1/6: 0.06 0.12 0.2", "tanh ρ(W): 0.36 0.34 0.44", "ReLU share: 0.02 0.02 0.02", "ReLU its log10: 0.2 0.4 0.2", "ReLU error in units of 1/6: 0.12 0.06 0.75", "ReLU ρ(W): 0.16 0.1 0.44", "ReLU, not clipped share: 0.02 0.02 0.02", "ReLU, not clipped its log10: 0.2 0.2 0.2", "ReLU, not clipped error in units of 1/6: 0.02 0.08 0.02", "ReLU, not clipped ρ(W): 0.02 0.02 0.1"]
how = {"steps": 400, "lr": 0.01, "loss": "mse", "optimizer": adam, "every": 400}
shown = ("share that arrives", "its log10 after training", "error in units of 1/6", "ρ(W) then")
for name, clipping in (("tanh", clip), ("ReLU", clip), ("ReLU", None)):
    rows = []
    for seed in range(5):
        data = gc.adding_problem(30, train=4000, test=2000, seed=seed)
        start = {"init": "identity", "nonlinearity": name.lower()}
        net = gc.recurrent("rnn", 2, 16, 1, seed=seed, **start)
        before = arrives(net, data)
        run = gc.train(net, data, before_update=clipping, seed=seed, **how)
        radius = torch.linalg.eigvals(net.rnn.weight_hh_l0.detach()).abs().max().item()
        rows.append((before, math.log10(arrives(net, data)), 6 * run.test_loss[-1], radius))
    title = name if clipping else f"{name}, not clipped"
    for what, values, digits in zip(shown, np.array(rows).T, "2122", strict=True):
        print(f"{title:18}{what:26}{gc.spread(values, f'.{digits}f')}")

# %% [markdown] name="explain-mend" tags=["continue"]
# In 400 updates it takes ReLU, $W = I$ and clipping together. With tanh in ReLU's place part of the
# gradient arrives at the start, in the median run 0.16 of it. Then training raises the states, tanh
# leaves its steep part, about a millionth is left, and the error stays at 1/6. A ReLU unit that is
# on has slope 1, however large its state. In the median run more than half of the gradient arrives,
# before training and after it, and the error gets down to about a tenth of 1/6. Without the clipping
# it stays near 1/6.
#
# What is bought is time. After 2000 updates the five with ReLU and clipping are at a tenth of
# 1/6 or less. Without clipping four of five have left the plateau, too, and with tanh some have
# begun to (0.46 to 1.12 of 1/6). The network of the puzzle, with torch's $W$, is still at 1/6 (0.90
# to 1.04). And seeds differ: of ten others with ReLU and clipping three were above half of 1/6 after
# 400 updates, and below a tenth after 1200.
#
# That $\rho(W)$ does not stay at 1 matters for the first claim below.

# %% [markdown] name="truncated-intro" tags=["subslide"]
# ### Predict · a window on purpose
#
# **Truncated backpropagation through time** goes back through the last steps only, a window, to
# save time and memory. The forward pass is whole.

# %% name="predict-window" tags=["fragment"]
gc.panel("recurrent/window")

# %% [markdown] name="measure-window-intro" tags=["subslide"]
# ### Measure
#
# The panel's task, a plain form of the latch problem of Bengio, Simard and Frasconi (1994).
# `Truncated` runs the steps before the window under `torch.no_grad()`. The first four lines start
# with reading weights of 0, "blank", as in the panel; the last two with torch's random ones. A run
# can stumble for some updates after it has learned, so what counts is the median of the last ten
# checks, one every 20 updates.

# %% name="measure-window" tags=["fragment"] tolerance=["window 13, blank, right in %: 2 2 2", "window 13, blank, reading weights moved: 0.02 0.02 0.02", "window 5, blank, right in %: 3 3 3", "window 5, random, right in %: 2 2 2"]
for window, blank in ((13, True), (5, True), (5, False)):
    right, moved = [], []
    for seed in range(5):
        data = gc.delayed_recall(12, noise=0.0, train=2000, test=500, seed=seed)
        net = gc.recurrent("rnn", 3, 32, 2, init="orthogonal", seed=seed)
        reading = net.rnn.weight_ih_l0.detach()[:, :2]  # a view: it shows the weights as they are
        reading *= 0.0 if blank else 1.0
        before, cut = reading.clone(), gc.nets.Truncated(net, window)
        run = gc.train(cut, data, steps=400, lr=0.01, every=20, seed=seed, optimizer=adam)
        right.append(100 * np.median(run.test_accuracy[-10:]))
        moved.append((reading - before).abs().max().item())
    title = f"window {window:2d}, {'blank' if blank else 'random'}"
    print(f"{title}, right in %:             {gc.spread(right, '.0f')}")
    print(f"{title}, reading weights moved:  {gc.spread(moved, '.2g')}")

# %% [markdown] name="explain-window" tags=["subslide"]
# ### Explain
#
# The weights that read the symbol are used at the first step, and there alone. In the sum
# $\partial\mathcal{L}/\partial U = \sum_t \partial\mathcal{L}/\partial z_t\; x_t^\top$ every later
# $x_t$ has a 0 where the symbol would stand, and the first step is outside the window. So their
# gradient is exactly 0, they never move, and the network stays at chance, near 50 %. Through all 13
# steps it learns to recall every symbol.
#
# Now read the last two lines. Random reading weights do not move either, and yet the *same* window
# is enough: they write some trace of the symbol into the state, the forward pass carries it into
# the window, and there descent learns to read and to amplify it, with a $W$ that is the same at all
# steps. Truncation cuts off teaching, not memory. No step before the window teaches anything; what
# it left in the state can be used if it happens to be there.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 7 min
#
# In the panel both "chance" and "learns" have good reasons; collect them before the measurement.
# Those who said "learns" because the weights are shared have the right argument for W, and the last
# line is theirs. With a longer lag, or noise in place of silence, the last line is a matter of
# luck: some seeds learn, some do not. On the mend: clipping is borrowed from lesson 09. Someone
# should ask for ReLU with torch's own W: it vanishes at the start.

# %% [markdown] name="bridge-5" tags=["continue"]
# **Which of the sentences that one reads about all this hold?**

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Three sentences that one reads often, in our words.
#
# ### Claim 1: the recurrent weight must equal 1

# %% name="claim-one-vote" tags=["fragment"]
gc.panel("recurrent/claim-one")

# %% name="claim-one" tags=["fragment"] tolerance=["radius 1.0, input 0.0, factor per step: 0.01 0.01 0.01", "radius 1.0, input 0.5, factor per step: 0.01 0.01 0.01", "radius 1.6, input 0.5, factor per step: 0.01 0.01 0.01"]
level = {}
for gain, strength in ((1.0, 0.0), (1.0, 0.5), (1.6, 0.5)):
    ends = [log_gradient("orthogonal", gain, strength, seed)[1][-1] for seed in range(5)]
    factors = np.exp(np.array(ends) / 100)
    level[gain, strength] = np.median(factors)
    print(f"radius {gain}, input {strength}, factor per step:  {gc.spread(factors, '.2f')}")
print(f"one linear unit, 30 steps, within a factor 10: w from {0.1 ** (1 / 30):.2f}", end=" ")
print(f"to {10 ** (1 / 30):.2f}")
one_is_level = abs(level[1.0, 0.5] - 1) < 0.03
print("verdict:", "holds" if one_is_level else "holds only if")

# %% [markdown] name="claim-one-verdict" tags=["continue"]
# **Holds only if** the unit is linear and the lag has no end. For a given lag a range of weights
# will do. With tanh and an input, a radius of 1 vanishes, and a larger one is level. And training
# moved $\rho(W)$ away from 1 in step 5, yet with ReLU the gradient still arrived. What should be
# near 1 is the product of slope and weight, over the lags that the task needs. Hochreiter and
# Schmidhuber (1997) wrote it so: $\varphi'(z)\,w = 1$.

# %% [markdown] name="claim-two" tags=["subslide"]
# ### Claim 2: exploding outputs and exploding gradients are the same

# %% name="claim-two-vote" tags=["fragment"]
gc.panel("recurrent/claim-two")

# %% name="claim-two-measure" tags=["fragment"] tolerance=["tanh, gain 2, |h| < 1, gradient over 100 steps: 0.6 0.6 1.2"]
decades = curves[2.0, 0.0][:, -1] / math.log(10)
print(f"tanh, gain 2, |h| < 1, gradient over 100 steps:  {gc.spread(decades, '+.1f')} decades")
h = first = torch.zeros((), requires_grad=True)
for _ in range(1000):
    h = h + 1.0
level = float(torch.autograd.grad(h, first)[0])
print(f"h_t = h_(t−1) + 1: after 1000 steps h = {h.item():.0f}, and ∂h_T/∂h_0 = {level:.0f}")
print("verdict:", "fails" if np.median(decades) > 2 and h > 100 and level == 1 else "holds")

# %% [markdown] name="claim-two-verdict" tags=["continue"]
# **Fails**, both ways. A bounded state can have an exploding gradient, and a growing state a level
# one. They go together in linear networks with $\rho > 1$, and in ReLU networks where the active
# part of $W$ has $\rho > 1$, as in step 4.

# %% [markdown] name="claim-three" tags=["subslide"]
# ### Claim 3: it is the weights, not the activation

# %% name="claim-three-vote" tags=["fragment"]
gc.panel("recurrent/claim-three")

# %% name="claim-three-measure" tags=["fragment"] tolerance=["sigmoid gain 2, 50 steps: 0.1 0.1 0.1", "tanh gain 2, 50 steps: 0.1 0.1 0.1", "linear gain 2, 50 steps: 0.1 0.1 0.1"]
kinds = {}
for name in ("sigmoid", "tanh", "linear"):
    kinds[name] = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        W, h = 2 * rng.normal(size=(100, 100)) / 10, rng.normal(size=100)
        product = np.eye(100)
        for _ in range(50):
            z = W @ h / max(1.0, float(np.abs(h).max()))  # the linear state must not overflow
            h = theory.activation(name, z)
            product = theory.slope(name, z)[:, None] * W @ product
        kinds[name].append(math.log10(np.linalg.norm(product) / 10))
    print(f"{name:8} gain 2, 50 steps:  {gc.spread(kinds[name], '+.1f')} decades")
signs = {name: np.sign(np.median(values)) for name, values in kinds.items()}
print("verdict:", "holds" if len(set(signs.values())) == 1 else "fails")

# %% [markdown] name="claim-three-verdict" tags=["continue"]
# **Fails.** The same matrices vanish with σ, explode slowly with tanh and fast without an
# activation. It holds for linear networks only. In all others each factor is slope times weight,
# and the state, which the inputs drive, chooses the slope.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Vote before each cell. For claim 1 ask *1 what*: radius, norm, or slope times weight? The LSTM is
# often explained with it; lesson 08 puts that on trial. For claim 2 ask for one example of each
# kind; both are in the lesson. For claim 3 ask what would have to be true of the slopes.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your recurrent model and a batch in place of ours. The line is $\|\partial\mathcal{L}/\partial
# h_t\|$ against lag; the label says how many decades a step costs. Multiply by the lag of your
# task: 0.2 decades per step are 5 decades at lag 25. Where five decades are lost, as in the puzzle,
# do not expect to learn soon.

# %% name="your-network-code" tags=["fragment"]
torch.manual_seed(0)
model = torch.nn.LSTM(8, 32, batch_first=True)
x = torch.randn(4, 100, 8)

gc.lag_plot(gc.lag_gradient(model, x))

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# The one in the cell is an LSTM as torch makes it, untrained: it fades, too. Lesson 08 finds out
# why, and what its forget bias does.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A gradient that goes $k$ steps back passes $k$ times through the same weight: $w^k$ for one
#   unit. What fades is the share of the early steps, not the whole gradient.
# - The spectral radius of $W$ rules the end, its norm the start: a gradient may grow first and
#   vanish later.
# - With an activation it is slope times weight. $\sigma_{\max}(W) < 1/\gamma$ suffices to vanish;
#   above it everything is possible, and the input decides.
# - A bounded state does not bound the gradient. The loss can then have cliffs, and one step off a
#   cliff can end a run.
# - Backpropagation cut off at a window teaches nothing about the steps before it. What the state
#   happens to carry into the window can still be used.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Eight questions, 16 points: [exercises/03_recurrent.ipynb](../exercises/03_recurrent.ipynb).
#
# **Next:** [04 · ReLU and its kin](04_relu_and_its_kin.ipynb). In each factor, slope times weight, we
# turned the weight. **What if the slope is exactly 1, as for ReLU?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Hochreiter (1991), *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, TU München.
# - Bengio, Simard & Frasconi (1994), *Learning long-term dependencies with gradient descent is
#   difficult*, doi:10.1109/72.279181, IEEE Transactions on Neural Networks 5.
# - Hochreiter & Schmidhuber (1997), *Long short-term memory*, doi:10.1162/neco.1997.9.8.1735,
#   Neural Computation 9: the adding problem.
# - Williams & Peng (1990), *An efficient gradient-based algorithm for on-line training of recurrent
#   network trajectories*, Neural Computation 2: truncated backpropagation through time.
# - Pascanu, Mikolov & Bengio (2013), *On the difficulty of training recurrent neural networks*,
#   arXiv:1211.5063, ICML: the two conditions, and the cliff.
# - Kreiss (1962), *Über die Stabilitätsdefinition für Differenzengleichungen die partielle
#   Differentialgleichungen approximieren*, BIT 2; Spijker (1991), *On a conjecture by LeVeque and
#   Trefethen related to the Kreiss matrix theorem*, BIT 31; Trefethen & Embree (2005), *Spectra and
#   Pseudospectra*: growth of non-normal matrices.
# - Sompolinsky, Crisanti & Sommers (1988), *Chaos in random neural networks*,
#   doi:10.1103/PhysRevLett.61.259, Physical Review Letters 61. Molgedey, Schuchhardt & Schuster
#   (1992), *Suppressing chaos in neural networks by noise*, Physical Review Letters 69: discrete
#   time, and the input.
# - Benettin, Galgani, Giorgilli & Strelcyn (1980), *Lyapunov characteristic exponents for smooth
#   dynamical systems and for Hamiltonian systems*, Meccanica 15: exponents by repeated
#   orthogonalization.
# - Le, Jaitly & Hinton (2015), *A simple way to initialize recurrent networks of rectified linear
#   units*, arXiv:1504.00941: ReLU with W = I.
