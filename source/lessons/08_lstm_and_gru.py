# %% [markdown] name="title" tags=["slide"]
# # 08 · LSTM and GRU
#
# **After this lesson you can write an LSTM and a GRU by hand, set the biases that decide how long
# they remember, and say what a gate can do about gradients and what it cannot.**
#
# *45 minutes. With the deeper steps 70. You need lesson 03: the gradient against lag, and the adding
# problem. Lesson 07's shortcut helps.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
from gradcourse.experiments import letters, plateau
from gradcourse.experiments import road as trial
from gradcourse.experiments.lstm import moves_at_marks
from gradcourse.experiments.measurements import stored

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In September 2016 Google described the network that was to run its translations:
# eight LSTM layers read a sentence, eight more write it in the other language, and people found 60 %
# fewer errors than before, on average (Wu et al. 2016). The RNN of lesson 03 lost its gradient within
# thirty steps. An LSTM is an RNN with a few more multiplications. **Which of them makes the difference?**

# %% [markdown] name="notation" tags=["continue"]
# As in lesson 03, $x_t$ is the input of step $t$, $h_t$ the state, $T$ the last step and $T - t$ the
# lag; $U$ reads the input, $W$ the state, $b$ is a bias. $\sigma(z) = 1/(1 + e^{-z})$, and $\odot$
# multiplies unit by unit.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Who has used an LSTM? Who knows what its forget bias was? Today is about the second question.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Hochreiter and Schmidhuber (1997) built a shortcut through time and called it **LSTM**, long short-term
# memory. Give 60 steps of the adding problem to an RNN, to an LSTM as torch makes it, and to *the same
# LSTM with one vector set anew*, its biases: 32 units, Adam at 0.015, gradients clipped to norm 1 (lesson
# 09), 1200 updates at most. A network that always answers with the mean has an error of $\tfrac16$. How
# many updates until the error is half of that? (This took minutes, so it is stored.)

# %% name="puzzle-train" tags=["fragment"]
print(stored("plateau"))
kinds = {"RNN": plateau.RNN, "LSTM": plateau.AS_IT_COMES, "set anew": plateau.CHRONO}
for name, kind in kinds.items():
    print(f"{name:8} {trial.in_words(trial.updates(kind))}")

# %% name="puzzle-picture" tags=["fragment"]
trial.strip_plot(tuple(kinds.values()), puzzle=True)

# %% [markdown] name="puzzle-question" tags=["continue"]
# No RNN has left by 1200. One vector makes the LSTM more than twice as fast. **What is written in it?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Do not give the vector away. If somebody says "forget bias 1": ask how many steps that is, and wait
# for step 2.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · A road through time
#
# Beside $h$ the LSTM keeps a second vector, the **cell** $c$. Three **gates**, numbers between 0 and 1,
# say what happens to it. Each is computed anew at each step:
#
# $$\begin{aligned}
# i_t &= \sigma(U_i x_t + W_i h_{t-1} + b_i) & &\text{input gate: how much is written} \\
# f_t &= \sigma(U_f x_t + W_f h_{t-1} + b_f) & &\text{forget gate: how much is kept} \\
# g_t &= \tanh(U_g x_t + W_g h_{t-1} + b_g) & &\text{what is written} \\
# o_t &= \sigma(U_o x_t + W_o h_{t-1} + b_o) & &\text{output gate: how much is shown} \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t, & & h_t = o_t \odot \tanh(c_t)
# \end{aligned}$$
#
# An *open* forget gate, $f = 1$, *keeps* everything: do not trust its name.

# %% name="drawing-cell" tags=["subslide"]
trial.cell_drawing()

# %% [markdown] name="road" tags=["continue"]
# The thick line leads from $c_t$ to $c_T$ through the cells alone. We call it the **road**. All other
# paths make a detour through some $h$.

# %% [markdown] name="predict-default-intro" tags=["subslide"]
# ### Predict

# %% name="predict-default" tags=["fragment"]
gc.panel("lstm/default-lstm")

# %% [markdown] name="drag-cell" tags=["subslide"]
# ### Drag
#
# 32 cells with small random weights. Which forget bias brings the line into the band at lag 100?

# %% name="demo-cell" tags=["fragment"]
gc.demo("lstm/cell")

# %% [markdown] name="measure-lstm-intro" tags=["subslide"]
# ### Measure
#
# First the equations, against torch's own cell. torch stacks the four blocks in the order i, f, g, o, and
# adds two biases, `bias_ih` and `bias_hh`.


# %% name="measure-lstm" tags=["fragment"]
def lstm_step(weights, x, h, c):
    U, W, b, d = weights
    i, f, g, o = (x @ U.T + h @ W.T + b + d).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


cell = torch.nn.LSTMCell(3, 8).double()
x, h, c = (torch.randn(4, n, dtype=torch.float64) for n in (3, 8, 8))
mine, theirs = lstm_step(list(cell.parameters()), x, h, c), cell(x, (h, c))
apart = max((a - b).abs().max().item() for a, b in zip(mine, theirs, strict=True))
print("largest distance from torch's h and c below 10⁻¹⁵:", apart < 1e-15)

# %% [markdown] name="measure-road-intro" tags=["subslide"]
# Now the gradient of the last cell with respect to all earlier ones, in the *typical* cell (the geometric
# mean over the 32). Detaching $h$ at every step leaves the road alone. How far apart do the lines end?

# %% name="measure-road" tags=["fragment"]
nets = [gc.recurrent("lstm", 2, 32, 1, seed=seed) for seed in range(5)]
road, paths = trial.left(nets, cut=True), trial.left(nets, cut=False)
print(f"lag 20, the road:  {gc.spread(road[:, 20], '.1e')}; theory {0.5**20:.1e}")
print(f"lag 20, all paths: {gc.spread(paths[:, 20], '.1e')}")
off = max(map(trial.off_the_product, nets))
print(f"the road is the product of the forget gates, to {off:.0e}")

# %% name="picture-road" tags=["fragment"]
trial.road_plot(road, paths)

# %% [markdown] name="explain-road" tags=["subslide"]
# ### Explain
#
# $c_t = f_t \odot c_{t-1} + \dots$ is a sum, like a residual block. On the road each step back is one factor
# $f_t$, unit by unit, with no matrix and no slope of an activation: $\partial c_T/\partial c_t =
# f_{t+1} \odot f_{t+2} \odot \dots \odot f_T$.
#
# In 1997 there was no forget gate: $f = 1$, the **constant error carousel**. Such a cell fills up, so Gers,
# Schmidhuber and Cummins (2000) added $f_t$. torch draws all biases near 0, and $\sigma(0) = \tfrac12$: the
# road loses a half per step, $0.5^{20} \approx 10^{-6}$. (The measured value is lower, since the geometric
# mean of gates that scatter about ½ is below ½.) The road is there, and it is closed. All paths together lose
# less, 0.62 per step, and end eleven decades higher: step 4 says why. **Which bias opens the road, and how far?**

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 9 min
#
# The most common wrong answer to the panel is 1, "it is a carousel"; the cell of 1997 was one. Go through
# the drawing gate by gate: i writes, f keeps, o shows. *Road* is our word. The full derivative has more
# paths, and they carry more here; step 4 follows them.

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · The bias is a half-life
#
# The **half-life** of a cell is the number of steps in which half of its gradient is lost on the road.
#
# ### Predict

# %% name="predict-fifty" tags=["fragment"]
gc.panel("lstm/fifty-steps")

# %% [markdown] name="drag-chrono" tags=["subslide"]
# ### Drag
#
# You rarely know the lag. **Chrono initialization** (Tallec & Ollivier 2018) gives every cell a time $u$ of
# its own, uniform between 1 and $T_{\max} - 1$, and sets $b_f = \ln u$, $b_i = -b_f$. Raise $T_{\max}$, and
# compare the far end of the line with one bias for all.

# %% name="demo-chrono" tags=["fragment"]
gc.demo("lstm/chrono")

# %% [markdown] name="measure-half-life-intro" tags=["subslide"]
# ### Measure
#
# torch's weights, forget bias $b$, five networks: half-life on the road; on all paths with $b_i = -b$; and
# on all paths with torch's own $b_i$ near 0. Where does the third line end?

# %% name="measure-half-life" tags=["fragment"]
for b in (1, 4):
    road, coupled = trial.half_lives(True, False)[:, b], trial.half_lives(False, True)[:, b]
    print(f"b = {b}, theory {gc.theory.forget_half_life(b):4.1f}; road {gc.spread(road, '.1f')}")
    print(f"                     all paths, input bias −b {gc.spread(coupled, '.1f')}")
grows = trial.factors(cut=False, coupled=False)[:, 5]
print(f"b = 5, input bias near 0: factor per step {gc.spread(grows, '.3f')}")

# %% name="picture-half-life" tags=["fragment"]
trial.half_life_plot()

# %% [markdown] name="explain-half-life" tags=["subslide"]
# ### Explain
#
# With its gates at their biases a cell keeps $\sigma(b)^k$ over $k$ steps. Since
# $-\ln\sigma(b) = \ln(1 + e^{-b})$,
#
# $$k_{1/2} = \frac{\ln 2}{\ln(1 + e^{-b})} \approx \ln 2 \cdot e^{\,b} \quad \text{for large } b .$$
#
# 1 step for $b = 0$, 2.2 for $b = 1$, 38 for $b = 4$. Time is *exponential* in the bias. With chrono's
# $b = \ln u$ a cell keeps $(1 + 1/u)^{-k} \approx e^{-k/u}$: it has the time $u$. At long lags only the slow
# cells still remember, so a spread of times keeps more than giving every cell the average one.
#
# And $b_i = -b_f$ makes $i = 1 - f$: the cell is a running mean of $g_t$ and cannot fill up. With $b_i$
# near 0 it can, and from $b = 3$ on the gradient *grows*. Step 4 says why. **The puzzle's vector: these
# biases, with $T_{\max} = 60$. Can a network couple them by itself?**

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# Expect 1 in the panel, and now and then 10. Write f = 0.986 on the board before b.

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · One gate for both
#
# Cho et al. (2014) put keeping and writing into *one* gate and dropped the cell. The **GRU**, gated recurrent
# unit, as torch has it:
#
# $$\begin{aligned}
# r_t &= \sigma(U_r x_t + W_r h_{t-1} + b_r) & &\text{reset gate} \\
# z_t &= \sigma(U_z x_t + W_z h_{t-1} + b_z) & &\text{update gate: how much is kept} \\
# n_t &= \tanh\bigl(U_n x_t + b_n + r_t \odot (W_n h_{t-1} + d_n)\bigr) & &\text{what is written} \\
# h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}
# \end{aligned}$$
#
# $b_n$ is `bias_ih` and $d_n$ is `bias_hh`: here $r_t$ multiplies the second alone. (Some papers exchange $z$
# and $1 - z$.)
#
# ### Predict

# %% name="predict-leave" tags=["fragment"]
gc.panel("lstm/gru-leaves")

# %% [markdown] name="measure-plateau-intro" tags=["subslide"]
# ### Measure
#
# The puzzle with all five kinds; then, trained now, a GRU, and an RNN without gates whose units are ReLUs and
# whose $W$ starts at $I$ (lesson 03), at a smaller rate.

# %% name="measure-plateau" tags=["fragment"]
for steps in (60, 100):
    for kind in plateau.KINDS[steps == 100 :]:
        print(f"{steps:3} steps, {kind:20} {trial.in_words(trial.updates(kind, steps))}")
now = plateau.updates_to_leave(plateau.GRU, 60, seed=10)
print(f"now, seed 10, 60 steps: a GRU leaves after {now['updates']}")
needed = [trial.leaves(trial.relu_from_identity(s), s, rate=0.002) for s in range(3)]
print(f"now, RNN, ReLU, W = I, rate 0.002: {trial.in_words(np.array(needed))}")

# %% name="picture-plateau" tags=["fragment"]
trial.strip_plot(plateau.KINDS)

# %% [markdown] name="explain-open" tags=["subslide"]
# ### Explain
#
# **At this rate and over 60 steps none of torch's RNNs leaves the plateau within the cap, and every gated network
# does.** A GRU needs 160 updates, an LSTM with chrono's biases 300, with torch's 760. Gates are not the only way:
# $W = I$ is a road, too (240 updates, at 0.002). What gates add to a forget factor is that it
# *reads the input and is learned*: after the training a GRU's $h$ moves at the two marks and hardly moves
# between them, although every step shows a number:

# %% name="measure-still" tags=["fragment"]
shares = [moves_at_marks(seed) for seed in range(2)]
print(f"GRU: h moves without a mark, relative to with one: {gc.spread(shares)}")

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 7 min
#
# Nobody bets on the GRU. Do not conclude that it never needs its bias set: this is one task, and one rate. At
# 0.002 a GRU needs 660 updates (one network), and the ReLU RNN from $W = I$, which stays on the plateau at 0.015, is the faster
# one; torch's RNN stays there at both rates. How a GRU gets there with half-open gates is the deeper step "Gates learn to open".

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · An LSTM that explodes
#
# Gates keep a gradient alive. Do they also keep it small?
#
# ### Predict

# %% name="predict-explode" tags=["fragment"]
gc.panel("lstm/can-explode")

# %% [markdown] name="drag-explode" tags=["subslide"]
# ### Drag
#
# Gaussian recurrent weights of variance gain²/n. Raise the gain slowly: what does the gradient do, and what
# does the state do?

# %% name="demo-explode" tags=["fragment"]
gc.demo("lstm/explode")

# %% [markdown] name="measure-explode-intro" tags=["subslide"]
# ### Measure
#
# LSTMs of 100 units, forget bias 0, 100 steps, five seeds: $\partial h_T/\partial c_t$ at lag 100, in decades
# relative to lag 0.

# %% name="measure-explode" tags=["fragment"]
for gain in (0.5, 1.0, 4.0, 8.0, 10.0):
    theory = f"; at rest {np.median(trial.decades_at_rest(gain)):.0f}" if gain < 2 else ""
    print(f"gain {gain:4}: 10 to the power {gc.spread(trial.decades(gain), '.0f')}{theory}")
print(f"gain  1.0, forget bias 4: {gc.spread(trial.decades(1.0, bias=4.0), '.0f')}")
print(f"gain 10: largest |h| {trial.largest_state(10.0):.2f}")

# %% name="picture-explode" tags=["fragment"]
trial.explosion_plot()

# %% [markdown] name="explain-explode" tags=["subslide"]
# ### Explain
#
# Take one unit near rest: $c$, $g$ and $h$ are small, so tanh has slope 1. Then $c_{t-1}$ reaches $c_t$ on the
# road, $f$, and through $h_{t-1} = o\,c_{t-1}$ and $g_t = w\,h_{t-1}$, which enters with $i$. For many units
# $w$ becomes $W_g$:
#
# $$\frac{\partial c_t}{\partial c_{t-1}} = f + i\,o\,w, \qquad
#   \frac{\partial c_t}{\partial c_{t-1}} = f\,I + i\,o\,W_g .$$
#
# No forget gate bounds the second term. With all gates at ½ a Gaussian $W_g$, whose spectral radius is its
# gain, gives $\tfrac12 + \tfrac14\,\text{gain}$, more than 1 beyond a gain of 2. There the cells leave rest and
# slopes shrink, but by gain 8 the gradient has grown by 14 decades while $|h|$ never exceeds 1. **The more open
# the forget gate, the smaller the weights that explode**: the threshold is a gain of $(1 - f)/(i\,o)$, only 0.07
# for a forget bias of 4. That is why in step 2 an open gate with $i = \tfrac12$ made the gradient grow, and
# $i = 1 - f$ did not.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 7 min
#
# "At most 1, it is a product of forget gates" is the most common answer, from people who know the LSTM well.
# Ask which path they mean. Nobody starts at gain 8; but weights grow in training, and an open forget gate
# lowers the threshold.

# %% [markdown] name="deeper-paths" tags=["slide", "deeper"]
# ## Deeper · All paths, gate by gate
#
# The full Jacobian of a step, and why RNN, LSTM and GRU as torch makes them start alike.

# %% name="predict-birth" tags=["fragment"]
gc.panel("lstm/at-birth")

# %% name="demo-three" tags=["fragment"]
gc.demo("lstm/three")

# %% [markdown] name="measure-birth-intro" tags=["subslide"]
# The knob is the bias of the gate that keeps: $b_f$ and $-b_i$ in the LSTM, $b_z$ in the GRU. Whose line does
# not move? Then the factor per step of all three, untrained:

# %% name="measure-birth" tags=["fragment"]
for kind in ("rnn", "lstm", "gru"):
    gradients, radii = trial.untrained(kind)
    factor = (gradients[:, 100] / gradients[:, 60]) ** (1 / 40)
    print(f"{kind.upper():4} factor per step {gc.spread(factor)}; at rest {gc.spread(radii)}")
    print(f"     left at lag 60, log₁₀: {gc.spread(np.log10(gradients[:, 60]), '.1f')}")

# %% name="picture-birth" tags=["fragment"]
trial.untrained_plot()

# %% [markdown] name="explain-rest" tags=["subslide"]
# $c_{t-1}$ reaches $c_t$ on the road, and through $h_{t-1} = o_{t-1} \odot \tanh(c_{t-1})$, which $i$, $f$ and
# $g$ of step $t$ read (we leave their index $t$ out):
#
# $$\frac{\partial c_t}{\partial c_{t-1}} = \operatorname{diag}(f) + \bigl[\,
#   \operatorname{diag}(g\, i')\, W_i + \operatorname{diag}(c_{t-1} f')\, W_f +
#   \operatorname{diag}(i\, g')\, W_g \bigr]\,
#   \operatorname{diag}\bigl(o_{t-1} (1 - \tanh^2 c_{t-1})\bigr)$$
#
# plus what runs through $o_t$ into the step after. A prime is the slope: $i' = i(1 - i)$, $f' = f(1 - f)$,
# $g' = 1 - g^2$. At rest only the road and the last term of the bracket are left. torch's $W_g$ has a spectral
# radius near 0.6, so a step keeps about $\tfrac12 + \tfrac14 \cdot 0.6 = 0.65$. For the GRU it is
# $z I + (1 - z)\, r\, W_n$: the same. And an untrained RNN keeps 0.63 at rest, and
# 0.60 where tanh bends: over 100 steps that is two decades. So with half-open gates the
# three start alike.

# %% [markdown] name="drag-whole" tags=["subslide"]
# Now open the forget gate, $b_f = 4$, and leave the input bias at 0; then bring the input bias down to $-4$.
# Look at all paths and at the road.

# %% name="demo-whole" tags=["fragment"]
gc.demo("lstm/whole")

# %% [markdown] name="explain-coupled" tags=["continue"]
# With $f \to 1$ and $i = \tfrac12$ the step is $I + \tfrac14 W_g$: radius above 1. With $i = 1 - f$ and
# $o = \tfrac12$ it is $f I + (1 - f)\,\tfrac12 W_g$, whose eigenvalues lie within
# $f + (1 - f)\,\tfrac12\rho(W_g)$, below 1 for any $f < 1$ if $\rho(W_g) < 2$. A GRU couples $z$ and $1 - z$ by
# construction.

# %% [markdown] name="deeper-open" tags=["slide", "deeper"]
# ## Deeper · Gates learn to open
#
# A GRU starts with half-open gates and loses its gradient, and yet it learns: what opens them, and a control that refutes the plausible story.

# %% name="predict-marks" tags=["fragment"]
gc.panel("lstm/at-marks")

# %% [markdown] name="drag-training" tags=["subslide"]
# RNN, LSTM and GRU with torch's biases, on 60 steps. The knob is training time. Watch the GRU's line at lag 59,
# and its loss in the title. Which of the two moves first?

# %% name="demo-training" tags=["fragment"]
gc.demo("lstm/training")

# %% [markdown] name="measure-opens-intro" tags=["subslide"]
# The first 40 updates, while the loss is still that of the mean: the gradient at lag 59 (decades, relative to
# lag 0), and the gate that keeps, in the unit in which it is most open. In the last two rows the answer is
# always 1, the mean of the sums: there is nothing to remember.

# %% name="measure-opens" tags=["fragment"]
for kind, constant in (("lstm", False), ("gru", False), ("lstm", True), ("gru", True)):
    before, after, gate = trial.opening(kind, constant)
    print(f"{kind.upper():4} {'always 1' if constant else 'sum':8} gate {gc.spread(gate)}")
    print(f"     decades before: {gc.spread(before, '.0f')}; after: {gc.spread(after, '.0f')}")

# %% [markdown] name="explain-opens" tags=["continue"]
# The plausible story: marks in the last few steps teach *keep*, and so the road opens bit by bit. The last
# row says no. With nothing to remember the GRU's road opens as fast: on its way to the mean some unit's $z$
# rises from ½ to about 0.9, and one open road is enough. It is a by-product, and it comes before the task is
# learned. An LSTM's forget gates open less, and its road stays closed. **Learning the mean opens a GRU's gates but not an LSTM's. We
# measured this; we cannot explain it yet.**

# %% [markdown] name="deeper-letters" tags=["slide", "deeper"]
# ## Deeper · Which letter decides?
#
# The gradient against lag, on text: a network that reads a sentence letter by letter and must say whether the verb takes an s.

# %% [markdown] name="letters-intro" tags=["continue"]
# "the dogs near the old gate behind the red house wait" takes no s, "the dog … wait" does: one letter decides,
# some forty letters earlier. (Linzen, Dupoux & Goldberg 2016 asked networks this; Madsen 2019 drew the gradient
# by letter.) 32 units, 120 updates; the GRU has chrono's biases.

# %% name="measure-letters" tags=["fragment"]
for kind in ("rnn", "gru"):
    right = [letters.reader(kind, seed)[1] for seed in range(3)]
    ratio = [letters.stands_out(kind, seed) for seed in range(3)]
    print(f"{kind.upper():4} right on new sentences: {gc.spread(right)}")
    print(f"     gradient by the letter that decides, over one between: {gc.spread(ratio, '.2g')}")

# %% name="picture-letters" tags=["fragment"]
letters.letters_plot()

# %% [markdown] name="explain-letters" tags=["continue"]
# Look at the s of "dogs", the eighth letter. The GRU's gradient stands out there, some fifty times above the letters
# between it and the verb. The RNN, which guesses, has no such letter: its gradient falls from right to left.

# %% [markdown] name="deeper-one-step" tags=["slide", "deeper"]
# ## Deeper · Dead without a NaN
#
# One ordinary step of gradient descent can end an LSTM, and the loss stays finite.

# %% name="one-step" tags=["fragment"]
for gain in (1.0, 8.0):
    growth, loss, gradient = trial.over(lambda seed, gain=gain: trial.one_step(seed, gain))
    print(f"gain {gain}: ‖W‖ grows by a factor of {gc.spread(growth, '.2g')}")
    print(f"   loss in the next step {gc.spread(loss)}; its ‖∂ℒ/∂W‖ {gc.spread(gradient, '.1e')}")

# %% [markdown] name="explain-one-step" tags=["continue"]
# The adding problem, 100 steps, 32 units, one step of $\eta = 0.1$. At gain 8 it throws $W$ so far that the
# gates are 0 or 1 and their slopes nothing: a dead network that looks like one on a plateau. The control, gain
# 1, goes on. In an RNN with ReLU such a step ended in NaN (lesson 03); here saturation hides it.

# %% [markdown] name="notes-deeper" tags=["notes"]
# **Speaker notes** · 3 min
#
# If there is time for one: "Gates learn to open" is a lesson in controls. The dead network is the reason why a
# loss curve alone cannot tell an exploded LSTM from one that learns slowly; lesson 10 comes back to it.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# *Dive into deep learning* (Zhang, Lipton, Li & Smola 2023), of the LSTM's memory cell:
#
# > Each memory cell contains an internal state, i.e., a node with a self-connected recurrent edge of fixed
# > weight 1, ensuring that the gradient can pass across many time steps without vanishing or exploding.

# %% name="vote-carousel" tags=["fragment"]
gc.panel("lstm/claim-carousel")

# %% [markdown] name="claim-one-intro" tags=["continue"]
# The factor per step over 100 steps, for three starts; the control is the cell of 1997. Then step 4's large
# weights once more, with a small gain as their control.

# %% name="claim-one" tags=["fragment"]
level = 0
for name, bias in (("torch's biases", None), ("forget bias 1", 1.0), ("f = 1, as in 1997", 50.0)):
    nets = [gc.recurrent("lstm", 2, 32, 1, forget_bias=bias, seed=seed) for seed in range(5)]
    road, paths = (trial.left(nets, cut)[:, 100] ** 0.01 for cut in (True, False))
    print(f"{name:17} road {gc.spread(road)}; all paths {gc.spread(paths)}")
    level += abs(np.median(road) - 1) < 0.01
large, small = trial.decades(10.0), trial.decades(0.5)
print(f"gain 10: decades {gc.spread(large, '.0f')}; gain 0.5: {gc.spread(small, '.0f')}")
print("verdict:", "holds" if level == 3 and np.median(large) < 3 else "holds only if")

# %% [markdown] name="claim-one-verdict" tags=["continue"]
# **Holds only if** you mean the cell of 1997, and its road. Today's factor is $f_t$: it depends on the input and
# begins where its bias says, at ½ or 0.7 per step. Without *exploding* holds for the road alone: with $f = 1$, and
# with large weights, all paths together grow. (In 1997 the paths beside the road were cut off in the backward
# pass; today's LSTMs are trained with the full gradient.) *Scope:* 32 and 100 units, untrained.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 6 min
#
# Ask *which* weight is 1; let somebody point at it in the drawing. Then ask for the reason of the second half in one
# sentence: *a bound on one path is no bound on the sum.* In the deeper claim: two biases of 1 in torch are a forget
# bias of 2; that is an exercise.

# %% [markdown] name="deeper-claim" tags=["slide", "deeper"]
# ## Deeper · A second claim
#
# The best-known advice on forget biases, "start them at 1", put on trial with the updates of step 3.

# %% [markdown] name="claim-three" tags=["continue"]
# From the abstract of Jozefowicz, Zaremba and Sutskever (2015):
#
# > We found that adding a bias of 1 to the LSTM's forget gate closes the gap between the LSTM and the GRU.

# %% name="vote-bias" tags=["fragment"]
gc.panel("lstm/claim-bias")

# %% [markdown] name="claim-three-intro" tags=["continue"]
# The gap: the updates that torch's LSTM needs beyond a GRU. Which share of it is left? The control is chrono.

# %% name="claim-three-measure" tags=["fragment"]
for kind in (plateau.BIAS_ONE, plateau.CHRONO):
    for steps in (60, 100):
        found = trial.share_of_the_gap(kind, steps)
        print(f"{steps:3} steps, {kind:19} of the gap is left: {gc.spread(found)}")
one, chrono = (np.median(trial.share_of_the_gap(k)) for k in (plateau.BIAS_ONE, plateau.CHRONO))
print("verdict:", "fails" if chrono < 0.5 < one else "holds")

# %% [markdown] name="claim-three-verdict" tags=["continue"]
# **Fails on this task.** A bias of 1 lifts the half-life from 1 step to 2.2, and the lag is 60: three quarters of
# the gap are left. Over 100 steps it is even slower than torch's start (two of three are cut off at 1200, and
# count as 1200). The authors had other tasks, and found it to help there; Gers et al. (2000) started $b_f$ above 0
# before them. *Scope:* adding problem, 32 units, Adam at 0.015, three to five seeds.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Highway networks (Srivastava, Greff & Schmidhuber 2015) are an LSTM through *depth*; lesson 07's shortcut is
#   one with its gates fixed open.
# - Let the gates read the *input only*, and all steps can be computed at once: Mamba (Gu & Dao 2023), minGRU (Feng
#   et al. 2024). LRU (Orvieto et al. 2023) has one learned number per unit in place of the gate. All paths are then the
#   road. Lesson 12 comes back to them.
#
# An LSTM whose $W$ is 0 and stays 0 is such a network. Chrono's biases, 60 steps, trained now:

# %% name="since-measure" tags=["fragment"]
nets = [trial.gates_that_read_the_input_only(seed) for seed in range(3)]
needed = [trial.leaves(net, seed) for seed, net in enumerate(nets)]
print(f"W = 0: leaves the plateau after {gc.spread(needed, '.0f')} updates")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model and a batch in place of ours: $\|\partial\mathcal{L}/\partial h_t\|$ against lag. In an LSTM it
# drops from lag 0 to 1, where it enters the gates; compare from lag 1 on. `longest` is the longest lag of your task.

# %% name="your-network-code" tags=["fragment"]
torch.manual_seed(0)
model = torch.nn.LSTM(8, 32, batch_first=True)
x = torch.randn(4, 100, 8)
before = gc.lag_gradient(model, x)["LSTM"]
after = gc.lag_gradient(gc.nets.chrono_(model, longest=100), x)["LSTM"]
gc.lag_plot({"as torch makes it": before, "chrono, T_max = 100": after})

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague sets the forget bias of all cells to 10, "so that nothing is ever lost", and leaves the input bias
# at 0. **What goes wrong, forwards and backwards, and which measurement would show it?**
#
# <details>
# <summary>A model answer</summary>
#
# Forwards: $f = 0.99995$ keeps everything and $i = \tfrac12$ adds something at each step, so the cell fills up;
# $\tanh c$ saturates, and $h$ says the same whatever comes. Backwards: the road is level, but a step is now about
# $I + \tfrac14 W_g$, so that all paths together grow until the cells saturate. And the gate can hardly learn to
# close: its slope $f(1 - f)$ is $5\cdot 10^{-5}$. Measurements: the size of $c$ against $t$, the gradient against
# lag on all paths and on the road, and the gradient of $b_f$ relative to that of other biases. The remedy is
# $b_i = -b_f$, and a spread of times no longer than the task.
#
# </details>

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 2 min
#
# This is the cell that closed lesson 03, with one line more. Chrono is for the start: set it before training, not
# in a trained model.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - On the road through the cells each step back is one factor, the forget gate; open means *keep*.
# - The forget bias is a half-life: $\ln 2/\ln(1 + e^{-b})$. torch's 0 is 1 step, 1 is 2.2, 4 is 38.
# - Beside the road runs $i\,o\,W_g$. No forget gate bounds it: an LSTM can explode, by 14 decades at gain 8.
# - $b_i = -b_f$, or a GRU's single gate, keeps the sum of keeping and writing at 1.
# - On 60 steps, at one rate, every gated network leaves the plateau within 1200 updates, and none of torch's RNNs;
#   a ReLU RNN from $W = I$ does at a smaller rate.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# 12 questions, 19 points: [exercises/08_lstm.ipynb](../exercises/08_lstm.ipynb). Questions 1 to 3 and 12
# belong to step 1, 4 to 6 and 11 to step 2, 7 and 8 to step 3, 9 and 10 to step 4.
#
# **Next:** [09 · Clipping and weight regularization](09_clipping_and_regularization.ipynb). A gate keeps a gradient
# alive; nothing keeps it from exploding. **When it does explode, what does one do with it?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Hochreiter & Schmidhuber (1997), *Long short-term memory*, doi:10.1162/neco.1997.9.8.1735, Neural Computation
#   9: the constant error carousel, the truncated gradient, the adding problem.
# - Gers, Schmidhuber & Cummins (2000), *Learning to forget: continual prediction with LSTM*,
#   doi:10.1162/089976600300015015, Neural Computation 12: the forget gate.
# - Cho et al. (2014), *Learning phrase representations using RNN encoder–decoder for statistical machine
#   translation*, arXiv:1406.1078, EMNLP: the GRU.
# - Jozefowicz, Zaremba & Sutskever (2015), *An empirical exploration of recurrent network architectures*, ICML.
# - Srivastava, Greff & Schmidhuber (2015), *Highway networks*, arXiv:1505.00387.
# - Linzen, Dupoux & Goldberg (2016), *Assessing the ability of LSTMs to learn syntax-sensitive dependencies*,
#   arXiv:1611.01368, TACL 4.
# - Wu et al. (2016), *Google's neural machine translation system*, arXiv:1609.08144.
# - Tallec & Ollivier (2018), *Can recurrent neural networks warp time?*, arXiv:1804.11188, ICLR: chrono.
# - Madsen (2019), *Visualizing memorization in RNNs*, doi:10.23915/distill.00016, Distill.
# - Gu & Dao (2023), *Mamba: linear-time sequence modeling with selective state spaces*, arXiv:2312.00752.
# - Orvieto et al. (2023), *Resurrecting recurrent neural networks for long sequences*, arXiv:2303.06349, ICML.
# - Zhang, Lipton, Li & Smola (2023), *Dive into deep learning*, Cambridge University Press.
# - Feng et al. (2024), *Were RNNs all we needed?*, arXiv:2410.01201.
