# %% [markdown] name="title" tags=["slide"]
# # 03 · The recurrent weight
#
# **After this lesson you can say how far back in time a recurrent network can learn, why one step
# of training can destroy it, and which of the usual explanations hold.**
#
# *45 minutes. With the deeper steps 70. You need lessons 01 and 02, and of linear algebra eigenvalues,
# singular values and orthogonal matrices.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
from gradcourse import theory
from gradcourse.experiments import recurrent as rnn
from gradcourse.experiments import recurrent_figures as figures

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In 1991 a student in Munich found out why recurrent networks do not learn what lies far
# back in time: a product of factors (Hochreiter 1991). Three years later a paper said it in its title,
# *Learning long-term dependencies with gradient descent is difficult* (Bengio, Simard & Frasconi 1994).
# The LSTM of 1997 was built against it (lesson 08).

# %% [markdown] name="notation" tags=["continue"]
# A recurrent network reads a sequence $x_1 \dots x_T$ and keeps a state
# $h_t = \varphi(W h_{t-1} + U x_t + b)$, with the *same* $W$, $U$ and $b$ at every step. The **lag** of
# step $t$ is $T - t$. We follow $\partial\mathcal{L}/\partial h_t$ back in time. $\varphi$ is tanh unless we say so.

# %% name="drawing-unrolled" tags=["fragment"]
figures.unrolled_drawing()

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Time is depth. Ask what is new, compared with lessons 01 and 02: all factors are the same matrix, so
# they cannot average out. J is the Jacobian of one step, slope times W.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Hochreiter and Schmidhuber (1997) designed a task that needs a long memory, the **adding problem** (here in its
# simpler form). Each step shows a random number between 0 and 1, and beside it a mark, 1
# or 0. Two numbers are marked, one in each half. At the end the network must say their sum. Always
# answering 1, the mean, costs a squared error of $2 \cdot \tfrac1{12} = \tfrac16$.
#
# Same network of 16 tanh units, five seeds, 400 updates of Adam. Only the sequences differ: 5 steps, or 30.

# %% name="puzzle-train" tags=["fragment"] tolerance=["5 steps, test error in units of 1/6: 0.02 0.02 0.02", "30 steps, test error in units of 1/6: 0.02 0.02 0.02"]
runs = {}
for length in (5, 30):
    runs[length] = [rnn.adding_run(length, seed) for seed in range(5)]
    error = [6 * run.test_loss[-1] for run in runs[length]]
    print(f"{length:2d} steps, test error in units of 1/6:  {gc.spread(error, '.2f')}")

# %% name="puzzle-picture" tags=["fragment"]
figures.loss_plot(runs)

# %% [markdown] name="puzzle-question" tags=["continue"]
# It is the same sum of two numbers. **What does not survive 30 steps?**

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

# %% [markdown] name="measure-scalar-intro" tags=["subslide"]
# ### Measure
#
# Three networks of one unit, 100 steps, random inputs. The use of $w$ at step $t$ adds
# $h_{t-1}\,\partial h_T/\partial h_t$ to its gradient.

# %% name="measure-scalar" tags=["fragment", "nbval-check-output"]
x = torch.randn(100, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
back = {}
for w in (0.9, 1.0, 1.1):
    states = [torch.zeros(1, dtype=torch.float64, requires_grad=True)]
    for x_t in x:
        states.append(w * states[-1] + x_t)
    gradients = torch.autograd.grad(states[-1].sum(), states)
    back[w] = np.array([float(g) for g in gradients[::-1]])
    terms = back[w][:-1] * [h.item() for h in states[-2::-1]]
    print(f"w = {w}", *(f"lag {k} {back[w][k]:.3g}" for k in (1, 50, 100)), sep="   ")
    print(f"   ∂h_T/∂w = {terms.sum():.3g}; of it, from lag 50 on {terms[50:].sum():.3g}")

# %% name="picture-scalar" tags=["fragment"]
figures.scalar_plot(back)

# %% [markdown] name="explain-scalar" tags=["subslide"]
# ### Explain
#
# Write the steps out, $h_T = w\,h_{T-1} + x_T = w^2 h_{T-2} + w\,x_{T-1} + x_T = \dots$:
#
# $$\frac{\partial h_T}{\partial h_t} = w^{\,T-t}, \qquad
#   \frac{\partial\mathcal{L}}{\partial w}
#   = \frac{\partial\mathcal{L}}{\partial h_T} \sum_{t=1}^{T} w^{\,T-t}\, h_{t-1} .$$
#
# $0.9^{50} = 0.00515$ and $1.1^{50} = 117$. At $w = 0.9$ the gradient of the weight does *not* vanish, it
# is 24.9; but the fifty early steps bring $-0.08$ of it, at $w = 1$ half. **What vanishes is the share of the early
# steps.**

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 5 min
#
# Wrong answers to expect: "0.9, since there is one weight" and 1/50. The inputs do not enter, and
# some will not believe it; let them change the seed. The sentence to leave on the board: *∂ℒ/∂w
# does not vanish, its early terms do.* Live: `gc.demo("recurrent/scalar")`. A gradient within a factor
# 10 over 100 steps needs |w| from 0.977 to 1.023.

# %% [markdown] name="bridge-1" tags=["continue"]
# For one unit, $|w|$ is the whole story. **A matrix has many numbers. Which of them must be below 1?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · One matrix, and two ways to be large
#
# Without an activation $\partial h_T/\partial h_t = W^{T-t}$. A matrix has two sizes. The **spectral
# radius** $\rho$ is the largest absolute value of its eigenvalues. The **spectral norm** $\sigma_{\max}$ is
# the largest factor by which $W$ stretches any vector in *one* step, its largest singular value.
#
# ### Predict

# %% name="predict-first-grows" tags=["fragment"]
gc.panel("recurrent/first-grows")

# %% [markdown] name="drag-two-units" tags=["subslide"]
# ### Drag
#
# The second unit drives the first with weight $a$; the radius is $\rho$ for every $a$. Change $a$: where does the
# gradient peak, and does the place move?

# %% name="demo-two-units" tags=["fragment"]
gc.demo("recurrent/two-units")

# %% [markdown] name="measure-powers-intro" tags=["subslide"]
# ### Measure
#
# Now 100 units, in a real `nn.RNN`. Without input and biases its state stays 0, where tanh has slope 1, so the
# step's Jacobian $\partial h_t/\partial h_{t-1}$ is exactly $W$. Two kinds, scaled to $\rho = 0.95$: orthogonal
# ones, which stretch all vectors alike, and Gaussian ones. How much can a gradient grow, at most?

# %% name="measure-powers" tags=["fragment"] tolerance=["orthogonal σ_max: 0.01 0.01 0.01", "orthogonal largest: 0.01 0.01 0.01", "orthogonal at lag 60: 0.01 0.01 0.01", "Gaussian σ_max: 0.01 0.01 0.01", "Gaussian largest: 0.01 0.01 0.01", "Gaussian at lag 60: 0.01 0.01 0.01"]
no_input, grown = torch.zeros(60, 1, dtype=torch.float64), {}
for init, name in (("orthogonal", "orthogonal"), ("normal", "Gaussian")):
    nets = [gc.recurrent("rnn", 1, 100, 1, init=init, radius=0.95, seed=s) for s in range(5)]
    grown[init] = [rnn.growth(gc.state_jacobians(net.double().rnn, no_input)) for net in nets]
    norms = [np.linalg.norm(net.rnn.weight_hh_l0.detach(), 2) for net in nets]
    largest, last = np.array([(g.max(), g[-1]) for g in grown[init]]).T
    for what, values in (("σ_max", norms), ("largest", largest), ("at lag 60", last)):
        print(f"{name:10}  {what:9}  {gc.spread(values, '.2f')}")

# %% name="measure-two-units" tags=["fragment", "nbval-check-output"]
W = np.array([[0.95, 1.0], [0.0, 0.95]])
powers = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in range(101)]
print(f"two units, a = 1: largest at lag {np.argmax(powers)}, by a factor of {max(powers):.2f}")

# %% name="picture-powers" tags=["fragment"]
figures.powers_plot(grown, norms[-1])

# %% [markdown] name="explain-powers" tags=["subslide"]
# ### Explain
#
# In $k$ steps the gradient has $k$ moments to cross from unit 1 to unit 2; each such path has $k - 1$
# factors $\rho$ and one factor $a$:
#
# $$W^k = \begin{pmatrix} \rho^k & k\,a\,\rho^{k-1} \\ 0 & \rho^k \end{pmatrix}, \qquad
#   k\,\rho^{k-1} \text{ is largest near } k = \frac{-1}{\ln \rho} = 19.5 .$$
#
# There the norm is 7.57. Such a matrix is **non-normal**: it has no basis of eigenvectors at right
# angles. Nor has a large Gaussian one; its $\sigma_{\max}$ is near $2\rho$ (Geman 1980, 1986), and it grows about
# twofold first. For any $W$, $\rho^k \le \|W^k\| \le \sigma_{\max}^k$: **the radius rules the end, the norm the
# start.**

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 7 min
#
# Most vote "falls": they know the rule for eigenvalues, and it is a rule for the end only. Count
# paths on the board: to get from unit 2 to unit 1 in three steps you may cross at step 1, 2 or 3.
# Somebody may ask whether 20 lags matter when the end is 0: many tasks have a lag of 20, and Ganguli, Huh
# and Sompolinsky (2008) show that memory in a linear network profits from such transients.

# %% [markdown] name="bridge-2" tags=["continue"]
# So far the activation did nothing. **What becomes of these rules when tanh stands between the
# matrices?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · tanh between the matrices
#
# Now $h_t = \tanh(W h_{t-1} + u_t)$. The entries of $W$ are random with variance $g^2/n$: $g$ is
# the **gain**, lesson 02's $\sigma_w$, and for a large $W$ also its spectral radius (Ginibre 1965). The
# input $u_t$ is random, new at each step, with standard deviation $s$: its **strength**.
#
# ### Predict

# %% name="predict-strong" tags=["fragment"]
gc.panel("recurrent/strong-input")

# %% [markdown] name="drag-gain" tags=["subslide"]
# ### Drag
#
# A random tanh network of gain 2. Look at gradient and state while you turn the input up from 0. At which
# strength is the gradient level? (Dashed: infinitely many units; here are 64.)

# %% name="demo-gain" tags=["fragment"]
gc.demo("recurrent/gain")

# %% [markdown] name="measure-pascanu-intro" tags=["subslide"]
# ### Measure
#
# Two conditions of Pascanu, Mikolov and Bengio (2013), with $\gamma$ the largest slope (1 for tanh): if
# $\sigma_{\max}(W) < 1/\gamma$, gradients vanish; to explode they *need* $\sigma_{\max}(W) > 1/\gamma$. Five
# networks each: an orthogonal $W$ times 0.9 with some input, a Gaussian $W$ of gain 2 without input, and with a
# strong one. Growth over 100 steps, in decades.

# %% name="measure-pascanu" tags=["fragment"] tolerance=["σ_max 0.9, input 0.5: 0.2 0.2 0.2", "σ_max 4.0, input 0.0: 0.6 0.6 1.2", "σ_max 4.0, input 2.0: 0.2 0.2 0.2", "σ_max 0.9, largest of gradient / 0.9^lag: 0.02 0.02 0.02"]
curves = {}
for kind in (("orthogonal", 0.9, 0.5), ("normal", 2.0, 0.0), ("normal", 2.0, 2.0)):
    norms, curves[kind] = rnn.log_gradients(*kind)
    decades = curves[kind][:, -1] / np.log(10)
    print(f"σ_max {np.median(norms):.1f}, input {kind[2]}:  {gc.spread(decades, '+.1f')} decades")
bound = np.log(0.9) * np.arange(101)
over = np.exp(curves["orthogonal", 0.9, 0.5] - bound)[:, 1:].max(axis=1)
print(f"σ_max 0.9, largest of gradient / 0.9^lag:  {gc.spread(over, '.2f')}")
roots = [np.sqrt(theory.chi("tanh", 2.0, strength)) for strength in (0.0, 1.28, 2.0)]
print("theory, √χ at gain 2, inputs 0, 1.28 and 2:", *(f"{root:.2f}" for root in roots))

# %% name="picture-pascanu" tags=["fragment"]
figures.pascanu_plot(curves)

# %% [markdown] name="explain-pascanu" tags=["subslide"]
# ### Explain
#
# Since $\tanh' = 1 - \tanh^2$, the Jacobian of one step is slope times weight, $J_t = \partial h_t/\partial h_{t-1}
# = \operatorname{diag}(1 - h_t^2)\, W$, and $\|J_t\| \le \gamma\, \sigma_{\max}(W)$. If that bound is below 1, the
# gradient falls at least as fast as its powers, whatever the inputs are. If it is above 1, nothing follows: with the
# same matrices the gradient grows by six decades without input and falls by six with it, since the input drives
# units to where $1 - h^2$ is small. **A norm below 1 suffices to vanish; one above 1 is needed to
# explode, and is not enough.** What decides is slope times weight: lesson 02's $\sqrt\chi$, 1.17 a step without
# input and 0.89 with it (measured 1.15 and 0.87). At an input of 1.28 it is 1, and the gradient level.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 8 min
#
# Nearly all vote "explodes" in the panel. Take the two words apart: *sufficient* for vanishing,
# *necessary* for exploding. It must be the norm: with only ρ below 1 it may grow first. Ask for a network
# with norm 4 that vanishes: they have one. For γ = ¼ (sigmoid) the bound is 4; an exercise uses it. In the
# demo the lag counts backwards in time.

# %% [markdown] name="bridge-3" tags=["continue"]
# A tanh state is bounded, and so is the loss. **How can a bounded loss have an enormous gradient?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The cliff
#
# One tanh unit, $h_t = \tanh(w h_{t-1} + b)$, $h_0 = -0.5$, runs for 50 steps. The loss is
# $\tfrac12 (h_{50} - 0.7)^2$, never above 1.5. In the plane of $w$ and $b$ there is an edge: below it the unit
# ends low and the loss is about 1, above it high and about 0.
#
# ### Predict

# %% name="predict-cliff" tags=["fragment"]
gc.panel("recurrent/off-the-cliff")

# %% [markdown] name="drag-cliff" tags=["subslide"]
# ### Drag
#
# You stand at the cross; the line from it is one step of gradient descent with learning rate 0.02. Walk with
# $b$ up to the edge, near 0.2. What does the step do in the last two hundredths?

# %% name="demo-cliff" tags=["fragment"]
gc.demo("recurrent/cliff")

# %% [markdown] name="measure-cliff-intro" tags=["subslide"]
# ### Measure
#
# The gradient on the edge and below it; then descent at the demo's rate, 0.02, from 1000 random places on the
# plateau, 300 steps each.

# %% name="measure-cliff" tags=["fragment", "nbval-check-output"]
edge = float(rnn.cliff_line(1.5))
s = 1.5 * (1 - 0.5**2)
steepness = 1.2 * 0.75 * np.hypot(0.5, 1) * (s**50 - 1) / (s - 1)
below = np.array([0, 0.0001, 0.001, 0.01, 0.1])
_, by_w, by_b = rnn.loss_and_gradient(1.5, edge - below)
sizes = np.hypot(by_w, by_b)
print(f"edge at w = 1.5: b = {edge:.4f}; ‖gradient‖ there {sizes[0]:.0f}, theory {steepness:.0f}")
print("below the edge by ", *(f"{d:8.4f}" for d in below[1:]))
print("‖gradient‖        ", *(f"{size:8.2g}" for size in sizes[1:]))

# %% name="measure-descent" tags=["fragment"] tolerance=["of these in one step, from above 0.5: 0.2", "thrown farther than 1 by one step: 2"]
descent = rnn.descents()
share = rnn.thrown(descent)
print(f"over the wall, to a loss below 0.3: {share['over']:.0f} % of the runs")
print(f"of these in one step, from above 0.5: {share['in one step']:.1f} %")
print(f"thrown farther than 1 by one step: {share['farther than 1']:.0f} % of the runs")

# %% name="picture-cliff" tags=["fragment"]
figures.cliff_picture(descent)

# %% [markdown] name="explain-cliff" tags=["subslide"]
# ### Explain
#
# On the edge the start is a state that stays, $\tanh(-0.5\,w + b) = -0.5$, like a ball on a ridge: each step
# multiplies a small difference by slope times weight, $s = (1 - 0.5^2)\,w = 1.125$. And $b$ acts on $h_t$ directly,
# and through $h_{t-1}$:
#
# $$\frac{\partial h_t}{\partial b} = 0.75 + s\, \frac{\partial h_{t-1}}{\partial b}, \qquad
#   \frac{\partial h_{50}}{\partial b} = 0.75\,\frac{s^{50} - 1}{s - 1} = 2161 .$$
#
# $w$ acts by way of $h_{t-1} = -0.5$, and $|h_{50} - 0.7| = 1.2$, so the gradient's length is
# $1.2 \cdot 2161 \cdot \sqrt{1.25} = 2899$. Since the loss falls by no more than about 1, so steep a wall is thin:
# 0.001 below the edge 17 is left. **Every run gets over the wall, 99.7 % in one jump, and 39 % are thrown farther
# than 1 by one step.**

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# Expect 0.1 (the learning rate) in the panel. Say: *a bounded function can be as steep as it likes,
# in a thin place.* In the demo, let them find the angle of the throw: always across the wall.
# Whether a run is thrown depends on how near the edge its last point happens to lie. Clipping, lesson 09,
# is for this wall. If asked about the dashed line for w between 1 and 4/3: there it is where the low state
# ceases to exist.

# %% [markdown] name="step-5" tags=["slide"]
# ## Back to the puzzle
#
# What arrives at each step of the puzzle, before training? The first mark is at lag 15 or more.

# %% name="measure-puzzle" tags=["fragment"] tolerance=["what arrives at lag 15, in decades: 0.1 0.1 0.1", "what arrives at lag 29, in decades: 0.1 0.1 0.1", "factor per step: 0.01 0.01 0.01"]
decades, factors = [], []
for seed in range(5):
    net = gc.recurrent("rnn", 2, 16, 1, seed=seed)
    shares = rnn.arriving(net, gc.adding_problem(30, seed=seed))
    decades.append(np.log10(shares))
    factors.append(10 ** -gc.lag_slope(shares[::-1]))
for k in (15, 29):
    print(f"what arrives at lag {k}, in decades:  {gc.spread([d[k] for d in decades], '.1f')}")
print("factor per step:                     ", gc.spread(factors, ".2f"))

# %% [markdown] name="explain-puzzle" tags=["continue"]
# torch draws $W$ with variance $1/(3n)$, so its radius is near $1/\sqrt 3 = 0.58$. Over 29 steps $10^{-6.7}$ is
# left, one part in five million, and of the nearest first mark, at lag 15, one part in 8000. **That does not survive
# 30 steps.**

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 5 min
#
# The puzzle's own network is at 0.90 to 1.04 of 1/6 after 2000 updates. Seeds differ: of ten others with
# ReLU and clipping three were above half of 1/6 after 400 updates, and below a tenth after 1200. That ρ(W)
# does not stay at 1 matters for claim 1. Bengio, Simard and Frasconi add a dilemma: a state that keeps one bit
# safe from noise is one that noise hardly moves, so the gradient fades there too.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From a textbook, on powers of a matrix in recurrent networks (Goodfellow, Bengio & Courville 2016, 8.2.5):
#
# > Any eigenvalues λᵢ that are not near an absolute value of 1 will either explode if they are greater than 1
# > in magnitude or vanish if they are less than 1 in magnitude.

# %% name="claim-one-vote" tags=["fragment"]
gc.panel("recurrent/claim-one")

# %% name="claim-one" tags=["fragment"] tolerance=["radius 1.0, input 0.0, factor per step: 0.01 0.01 0.01", "radius 1.0, input 0.5, factor per step: 0.01 0.01 0.01", "radius 1.6, input 0.5, factor per step: 0.01 0.01 0.01"]
level = {}
for gain, strength in ((1.0, 0.0), (1.0, 0.5), (1.6, 0.5)):
    factors = np.exp(rnn.log_gradients("orthogonal", gain, strength)[1][:, -1] / 100)
    level[gain, strength] = np.median(factors)
    print(f"radius {gain}, input {strength}, factor per step:  {gc.spread(factors, '.2f')}")
linear, driven, larger = (abs(value - 1) < 0.03 for value in level.values())
print("verdict:", "holds only if" if linear and larger and not driven else "holds")

# %% [markdown] name="claim-one-verdict" tags=["continue"]
# **Holds only if** there is no activation, as in the section it comes from. All eigenvalues of these orthogonal
# matrices have one absolute value. The control, 1 without input, is level; with tanh and an input, 1 vanishes by
# 0.76 a step, and 1.6 is level. What must be near 1 is slope times weight, over the lags that the task needs.
# *Scope:* 100 units, untrained, 100 steps, input 0.5.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# Ask *1 what*: radius, norm, or slope times weight? The LSTM is often explained with it; lesson 08 puts
# that on trial. For claims 2 and 3 ask: large against *what*?

# %% [markdown] name="lyapunov-intro" tags=["slide", "deeper"]
# ## Deeper · The onset of chaos
#
# At which gain a network without input becomes chaotic, and why its saturated state does not stop its gradient.

# %% [markdown] name="explain-chi" tags=["continue"]
# For a wide random network slope times weight is lesson 02's $\chi$. The variance $q$ of a pre-activation has
# two parts, from $W$ and from the input, and once the network has settled it is the same at each step:
#
# $$q = g^2\, \mathrm{E}[\tanh^2(\sqrt q\,\zeta)] + s^2, \qquad
#   \chi = g^2\, \mathrm{E}[\tanh'(\sqrt q\,\zeta)^2], \qquad \zeta \text{ standard normal.}$$
#
# The gradient changes by $\sqrt\chi$ a step. (100 units lie a little below. And of forty matrices of gain 2
# without input two settle on a cycle, where nothing grows.)

# %% [markdown] name="lyapunov-words" tags=["subslide"]
# The growth per step of a long product, as a natural logarithm, is the **Lyapunov exponent** of lesson 01, one for
# each of $n$ directions. (`gc.lyapunov_exponents` keeps the directions apart, after Benettin et al. 1980; you
# write it in exercise 4.) The largest, $\lambda$, also says what happens to two states that differ by very little:
# for $\lambda < 0$ they meet, for $\lambda > 0$ they part, and the network is **chaotic**. Five networks without
# input, at nine gains.

# %% name="measure-lyapunov" tags=["fragment"]
gains = (0.5, 0.7, 0.9, 1.1, 1.3, 1.6, 2.0, 2.5, 3.0)
both = np.array([[rnn.largest_exponent(gain, seed) for seed in range(5)] for gain in gains])
exponents, log_radius = both[..., 0], both[..., 1]

# %% name="count-lyapunov" tags=["fragment"] tolerance=["λ at gain 0.5: 0.02 0.02 0.02", "λ at gain 1.1: 0.002 0.002 0.002", "λ at gain 1.3: 0.002 0.002 0.002", "λ at gain 2.0: 0.02 0.04 0.02", "λ at gain 3.0: 0.03 0.03 0.04", "λ − ln ρ(W) at gain 0.5: 0.002 0.002 0.002"]
for gain, digits in ((0.5, 2), (1.1, 3), (1.3, 3), (2.0, 2), (3.0, 2)):
    row = exponents[gains.index(gain)]
    print(f"λ at gain {gain}:  {gc.spread(row, f'+.{digits}f')}")
print(f"λ − ln ρ(W) at gain 0.5:  {gc.spread(exponents[0] - log_radius[0], '+.3f')}")
chi = theory.chi("tanh", 2.0)
print(f"theory, gain 2: mean square slope {chi / 4:.2f}, χ = 4 · {chi / 4:.2f} = {chi:.2f}")

# %% name="picture-lyapunov" tags=["fragment"]
figures.chaos_plot(gains, exponents)

# %% [markdown] name="explain-lyapunov" tags=["subslide"]
# ### Explain
#
# At gain 0.5 all activity dies. There tanh has slope 1, so $\lambda = \ln \rho(W)$. Above gain 1 activity stays, and
# each step brings $\sqrt\chi$, so $\lambda = \ln \sqrt\chi$ (Molgedey, Schuchhardt & Schuster 1992). An infinitely
# wide network is chaotic from gain 1 on (Sompolinsky, Crisanti & Sommers 1988, in continuous time). At 100 units
# the onset is blurred: at gains 1.1 and 1.3 the five lie between $-0.05$ and $+0.02$, at gain 2 near $+0.14$, at gain 3
# near $+0.3$.
#
# Throughout, $|h| < 1$. **Saturation holds the state, not the gradient**: at gain 2 the mean square slope has
# fallen to 0.34, but the weights bring a factor $g^2 = 4$. $W h$ alone cannot push the units further into
# saturation. A strong input can.

# %% [markdown] name="mend-intro" tags=["slide", "deeper"]
# ## Deeper · Starting from the identity
#
# What arrives if W begins as the identity, with tanh and with ReLU, with clipping and without, and what becomes of it in training.

# %% [markdown] name="mend-words" tags=["continue"]
# The puzzle's 30 steps and 400 updates again, with $W = I$ at the start (Le, Jaitly & Hinton 2015). Gradients longer
# than 1 are scaled down to length 1 (clipping, lesson 09); the last lines are the control without.

# %% name="measure-mend" tags=["fragment"] tolerance=["tanh share: 0.02 0.02 0.02", "tanh its log10: 3.4 10 5.4", "tanh error in units of 1/6: 0.06 0.06 0.09", "tanh ρ(W): 0.36 0.34 0.42", "ReLU share: 0.02 0.02 0.02", "ReLU its log10: 0.2 0.3 0.2", "ReLU error in units of 1/6: 0.2 0.1 0.75", "ReLU ρ(W): 0.24 0.3 0.74", "ReLU, not clipped share: 0.02 0.02 0.02", "ReLU, not clipped its log10: 0.2 0.2 0.2", "ReLU, not clipped error in units of 1/6: 0.02 0.03 0.02", "ReLU, not clipped ρ(W): 0.02 0.02 0.1"]
shown = ("share that arrives", "its log10 after training", "error in units of 1/6", "ρ(W) then")
for name, clipped in (("tanh", True), ("ReLU", True), ("ReLU", False)):
    rows = [rnn.repaired(name.lower(), clipped, seed) for seed in range(5)]
    title = name if clipped else f"{name}, not clipped"
    for what, values, digits in zip(shown, np.array(rows).T, "2122", strict=True):
        print(f"{title:18}{what:26}{gc.spread(values, f'.{digits}f')}")

# %% [markdown] name="explain-mend" tags=["continue"]
# From $W = I$, 400 updates are enough with ReLU and clipping together. With tanh 0.04 to 0.22 of the gradient
# arrives at the start; training raises the states, tanh leaves its steep part, and in the median $10^{-6.9}$ is left. With ReLU it
# is 0.46 to 0.94 before, and 0.6 to 1.3 after. Without clipping the median error stays near 1/6. *What is bought is
# time:* after 2000 updates tanh is at 0.46 to 1.12 of 1/6, ReLU without clipping at 0.01 to 0.95, and ReLU with it
# below a tenth.

# %% [markdown] name="nan-intro" tags=["slide", "deeper"]
# ## Deeper · A run that ends in NaN
#
# A step that is too long, in a real ReLU network: which update, which module, and why its states grow as they do.

# %% [markdown] name="nan-words" tags=["continue"]
# The adding problem once more, 100 steps long, ReLU with $W = I$, plain gradient descent at 0.1. `gc.watch` stops
# the run at the first NaN or Inf and says where it began. Then the fatal batch runs once more in float64, whose
# numbers reach $10^{308}$.

# %% name="nan-run" tags=["fragment", "nbval-check-output"]
reports = [rnn.fatal_batch(seed).report for seed in range(5)]
ends = [f"update {r.step}, {r.direction} pass, module {r.module!r} ({r.kind})" for r in reports]
for end in sorted(set(ends)):
    print(f"{ends.count(end)} of 5 runs end at {end}")

# %% name="nan-replay" tags=["fragment"] tolerance=["step at which a state passes 3.4e38: 1 1 1", "factor per step: 0.1 0.1 0.1", "ρ of W, over that factor: 0.01 0.01 0.01", "ρ of W's active part, over it: 0.01 0.01 0.01"]
fatal = [rnn.fatal_batch(seed) for seed in range(5)]
passed = [np.argmax(f.sizes > 3.4e38) + 1 for f in fatal]
factors = np.array([(f.sizes[99] / f.sizes[49]) ** (1 / 50) for f in fatal])
radii, active = np.array([(f.radius, f.active_radius) for f in fatal]).T
print("step at which a state passes 3.4e38:", gc.spread(passed, ".0f"))
print("factor per step:                    ", gc.spread(factors, ".1f"))
print("ρ of W, over that factor:           ", gc.spread(radii / factors, ".2f"))
print("ρ of W's active part, over it:      ", gc.spread(active / factors, ".2f"))

# %% name="picture-nan" tags=["fragment"]
figures.nan_plot()

# %% [markdown] name="explain-nan" tags=["subslide"]
# With $W = I$ the states add up their inputs and grow like $t$; the gradient of $W$ adds up a hundred terms of that
# size. One update of 0.1 times it, and the next forward pass multiplies the states by 4 to 70 at every step. After
# 22 to 64 steps they pass the end of float32. Nothing was wrong with the data, the loss or the code. (Updates are
# counted from 0, so update 1 is the second batch.)
#
# **The factor is not the spectral radius of $W$**, but that of $W$ between the units that are on: slope times weight
# again.

# %% [markdown] name="truncated-intro" tags=["slide", "deeper"]
# ## Deeper · A window on purpose
#
# Truncated backpropagation through time goes back through the last steps only: what it can teach, and what the state carries all the same.

# %% name="predict-window" tags=["fragment"]
gc.panel("recurrent/window")

# %% [markdown] name="measure-window-intro" tags=["subslide"]
# ### Measure
#
# The panel's task, a plain form of the latch problem of Bengio, Simard and Frasconi (1994). `gc.nets.Truncated` runs the
# steps before the window under `torch.no_grad()` (Williams & Peng 1990). "Blank": the weights that read the symbol
# start at 0; "random": as torch draws them.

# %% name="measure-window" tags=["fragment"] tolerance=["window 13, blank, right in %: 2 2 2", "window 13, blank, reading weights moved: 0.003 0.003 0.003", "window 5, blank, right in %: 3 3 3", "window 5, random, right in %: 2 2 2"]
for window, blank in ((13, True), (5, True), (5, False)):
    right, moved = np.array([rnn.recall(window, seed, blank=blank) for seed in range(5)]).T
    title = f"window {window:2d}, {'blank' if blank else 'random'}"
    print(f"{title}, right in %:             {gc.spread(right, '.0f')}")
    print(f"{title}, reading weights moved:  {gc.spread(moved, '.2g')}")

# %% [markdown] name="explain-window" tags=["subslide"]
# ### Explain
#
# The weights that read the symbol are used at the first step, and there alone. In the sum
# $\partial\mathcal{L}/\partial U = \sum_t \partial\mathcal{L}/\partial z_t\; x_t^\top$ every later $x_t$ has a 0
# where the symbol would stand, and the first step is outside the window. So their gradient is exactly 0, they
# never move, and the network stays near 50 %.
#
# Random reading weights do not move either, and yet the *same* window is enough: they write some trace of the
# symbol into the state, the forward pass carries it into the window, and there descent learns to read it, with a
# $W$ that is the same at all steps. **Truncation cuts the gradient, not the memory**: steps before the window get
# no gradient, but whatever they left in the state can still be used.

# %% [markdown] name="deeper-claim" tags=["slide", "deeper"]
# ## Deeper · Two more claims, and how high a hump
#
# Whether large outputs or large weights mean an exploding gradient, and what decides how far a gradient grows before it falls.

# %% [markdown] name="claim-two" tags=["continue"]
# ### Claim 2
#
# The paper that gave us $W = I$ names what one expects, before it shows otherwise (Le, Jaitly & Hinton 2015):
#
# > At first sight, ReLUs seem inappropriate for RNNs because they can have very large outputs so they might be
# > expected to be far more likely to explode than units that have bounded values.

# %% name="claim-two-vote" tags=["fragment"]
gc.panel("recurrent/claim-two")

# %% name="claim-two-measure" tags=["fragment"] tolerance=["tanh gain 1.2, 50 steps: 0.1 0.1 0.1", "relu gain 1.2, 50 steps: 0.1 0.1 0.1", "tanh gain 2, 50 steps: 0.1 0.1 0.1", "relu gain 2, 50 steps: 0.1 0.1 0.1"]
more = {}
for gain in (1.2, 2.0):
    kinds = rnn.growth_of_kinds(gain)
    more[gain] = np.median(kinds["relu"]) - np.median(kinds["tanh"])
    for name in ("tanh", "relu"):
        print(f"{name} gain {gain:g}, 50 steps:  {gc.spread(kinds[name], '+.1f')} decades")
h = first = torch.zeros((), requires_grad=True)
for _ in range(1000):
    h = torch.relu(h + 1.0)
level = float(torch.autograd.grad(h, first)[0])
print(f"h_t = relu(h_(t−1) + 1): after 1000 steps h = {h.item():.0f}, and ∂h_T/∂h_0 = {level:.0f}")
print("verdict:", "holds only if" if more[1.2] < -1 and more[2.0] > 1 else "fails")

# %% [markdown] name="claim-two-verdict" tags=["continue"]
# **Holds only if** the weights are large. At gain 2 ReLU's gradient grows by 8.6 decades and tanh's by 3.3; at 1.2
# ReLU's fades by 2.5 while tanh's stays, since half of its slopes are 0, however large its outputs are. Nor do outputs
# tell of gradients: with tanh $|h| < 1$, and it explodes all the same; a ReLU state of 1000 has a level gradient.
# *Scope:* the same five Gaussian matrices of 100 units for both, untrained, without input; one unit.

# %% [markdown] name="claim-three" tags=["subslide"]
# ### Claim 3
#
# From a blog (*The exploding gradient problem*, To learn is to teach, June 2019):
#
# > The exploding gradient problem is mostly caused by using large weight values in combination with using a large
# > number of layers.

# %% name="claim-three-vote" tags=["fragment"]
gc.panel("recurrent/claim-three")

# %% name="claim-three-measure" tags=["fragment"] tolerance=["sigmoid gain 2, 50 steps: 0.1 0.1 0.1", "tanh gain 2, 50 steps: 0.1 0.1 0.1", "relu gain 2, 50 steps: 0.1 0.1 0.1", "linear gain 2, 50 steps: 0.1 0.1 0.1", "sigmoid gain 20, 50 steps: 0.1 0.1 0.1"]
for name, decades in kinds.items():
    print(f"{name:8} gain 2, 50 steps:  {gc.spread(decades, '+.1f')} decades")
larger = rnn.growth_of_kinds(20.0)["sigmoid"]
print(f"sigmoid  gain 20, 50 steps:  {gc.spread(larger, '+.1f')} decades")
fades, grows = np.median(kinds["sigmoid"]), np.median(larger)
print("verdict:", "holds only if" if fades < -2 and min(grows, *kinds["linear"]) > 2 else "fails")

# %% [markdown] name="claim-three-verdict" tags=["continue"]
# **Holds only if** "large" is measured against the slope. The same weights of gain 2 over as many steps vanish with σ,
# explode slowly with tanh, faster with ReLU and fastest without an activation; σ wants a gain of 20. Each factor is
# slope times weight, and the state, which the inputs drive, chooses the slope (step 3). *Scope:* Gaussian weights, 100
# units, untrained.

# %% [markdown] name="kreiss" tags=["continue"]
# **How high is the hump** of a non-normal matrix? Eigenvalues do not say, but the resolvent does. With Kreiss's
# constant $K = \sup_{|z|>1} (|z|-1)\,\|(zI - W)^{-1}\|$ the largest $\|W^k\|$ is at least $K$ (Kreiss 1962) and at most
# $e\,n\,K$ (Spijker 1991); see Trefethen & Embree (2005). For step 2's two units, where a positive $z$ is the worst:

# %% name="measure-kreiss" tags=["fragment", "nbval-check-output"]
outside = np.linspace(1.001, 3, 2000)
smallest = [np.linalg.svd(z * np.eye(2) - W, compute_uv=False)[-1] for z in outside]
K = max((outside - 1) / smallest)
print(f"K = {K:.2f}; largest ‖W^k‖ {max(powers):.2f}; e n K = {2 * np.e * K:.1f}")

# %% [markdown] name="notes-deeper" tags=["notes"]
# **Speaker notes** · 8 min
#
# Gains of 1.1 to 1.6: finite networks there rest, circle or are chaotic, depending on the matrix. A ReLU network
# has no ceiling for its states, so it reaches NaN; a tanh network would jump, and sit somewhere saturated. In the
# window panel both "chance" and "learns" have good reasons: those who said "learns" because the weights are shared
# have the right argument for W. With a longer lag, or noise in place of silence, the last line is a matter of luck.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Orthogonal and unitary recurrent matrices keep the linear part level (Arjovsky, Shah & Bengio 2016).
# - A mean-field theory says which start lets signals pass, also through gates (Chen, Pennington & Schoenholz 2018).
# - Over long times the gradient of a chaotic network grows with the largest Lyapunov exponent (Mikhaeil, Monfared &
#   Durstewitz 2022). Over 100 steps:

# %% name="since-measure" tags=["fragment"]
for gain in (2.0, 3.0):
    growth = rnn.log_gradients("normal", gain, 0.0)[1][:, -1] / 100
    exponents = [rnn.largest_exponent(gain, seed)[0] for seed in range(5)]
    print(f"gain {gain}: ln of the gradient's growth a step {gc.spread(growth, '.2f')}", end="; ")
    print(f"λ {gc.spread(exponents, '.2f')}")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put in your recurrent model and a batch. The label says how many decades a step costs; multiply by the lag of your
# task. Where lag 15 cost four, the puzzle did not learn.

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

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague divides $W$ by its spectral radius after every update, so that $\rho(W) = 1$ throughout. "Now it can
# neither vanish nor explode." **What do you answer, and what do you measure?**
#
# <details>
# <summary>A model answer</summary>
#
# The radius is not the factor. With tanh and inputs the slopes are below 1, so a radius of 1 vanishes: measure the
# gradient against lag on her own inputs. At $\rho = 1$ a non-normal $W$ can still grow over many steps before the
# radius counts: measure $\sigma_{\max}$, or the largest growth over the lags of the task. With ReLU it is $W$ between
# the active units that counts, whose radius may be above 1. If something is to be held, hold what is measured,
# the gradient over the lags that the task needs, and clip what exceeds it.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# Every part of the answer is a measurement of this lesson. Let pairs find them.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - $k$ steps back a gradient has passed $k$ times through the same weight: fifty steps at 0.9 leave 0.005 of it.
# - The spectral radius rules the end, the norm the start: with $\rho = 0.95$ a gradient grew by 7.57 first.
# - With an activation it is slope times weight. $\sigma_{\max}(W) < 1/\gamma$ suffices to vanish; with 4 the input
#   decides between $+6$ and $-6$ decades.
# - A bounded loss does not bound the gradient: below 1.5 it had one of 2899, and 39 % of the runs were thrown.
# - In the puzzle one part in five million arrives at lag 29.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Ten questions, 17 points: [exercises/03_recurrent.ipynb](../exercises/03_recurrent.ipynb). Questions 1 and 8 belong
# to step 1; 2 and 10 to step 2; 3, 5, 6 and 7 to step 3; 4 and 9 to the deeper steps.
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
# - Goodfellow, Bengio & Courville (2016), *Deep learning*, MIT Press: claim 1.
# - Ginibre (1965), *Statistical ensembles of complex, quaternion, and real matrices*, Journal of
#   Mathematical Physics 6. Geman (1980), *A limit theorem for the norm of random matrices*, and (1986), *The
#   spectral radius of large random matrices*, Annals of Probability 8 and 14.
# - Kreiss (1962), *Über die Stabilitätsdefinition für Differenzengleichungen die partielle
#   Differentialgleichungen approximieren*, BIT 2; Spijker (1991), *On a conjecture by LeVeque and
#   Trefethen related to the Kreiss matrix theorem*, BIT 31; Trefethen & Embree (2005), *Spectra and
#   Pseudospectra*: growth of non-normal matrices.
# - Ganguli, Huh & Sompolinsky (2008), *Memory traces in dynamical systems*, PNAS 105.
# - Sompolinsky, Crisanti & Sommers (1988), *Chaos in random neural networks*,
#   doi:10.1103/PhysRevLett.61.259, Physical Review Letters 61. Molgedey, Schuchhardt & Schuster
#   (1992), *Suppressing chaos in neural networks by noise*, Physical Review Letters 69: discrete
#   time, and the input.
# - Benettin, Galgani, Giorgilli & Strelcyn (1980), *Lyapunov characteristic exponents for smooth
#   dynamical systems and for Hamiltonian systems*, Meccanica 15: exponents by repeated
#   orthogonalization.
# - Le, Jaitly & Hinton (2015), *A simple way to initialize recurrent networks of rectified linear
#   units*, arXiv:1504.00941: ReLU with W = I, and claim 2.
# - Arjovsky, Shah & Bengio (2016), *Unitary evolution recurrent neural networks*, arXiv:1511.06464, ICML.
# - Chen, Pennington & Schoenholz (2018), *Dynamical isometry and a mean field theory of RNNs*,
#   arXiv:1806.05394, ICML.
# - Mikhaeil, Monfared & Durstewitz (2022), *On the difficulty of learning chaotic dynamics with RNNs*,
#   arXiv:2110.07238, NeurIPS.
# - *The exploding gradient problem: why your neural network gives NaNs* (28 June 2019), To learn is to teach, a
#   blog: claim 3.
