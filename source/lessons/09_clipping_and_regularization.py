# %% [markdown] name="title" tags=["slide"]
# # 09 · Clipping and weight regularization
#
# **After this lesson you can clip a gradient in three ways and say what each does to its direction,
# choose a threshold, and say what clipping and small weights cannot do.**
#
# *45 minutes. With the deeper steps 65. You need lesson 03: the cliff, and the gradient against lag.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
from gradcourse.experiments import clipped as runs
from gradcourse.experiments import clipping as trial
from gradcourse.experiments.measurements import stored
from gradcourse.experiments.recall import recall

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In April 2022 a team at Google described the training of a language model of 540 billion
# parameters (Chowdhery et al. 2022). About twenty times the loss jumped up, *although the gradient was
# clipped*. Each time they went back to a checkpoint about 100 updates earlier and left out a few hundred
# batches. Clipping is one line in almost every training script. **What does it do, and what does it not do?**

# %% [markdown] name="notation" tags=["continue"]
# $g$ is the **gradient** of the whole network in one update: all $\partial\mathcal{L}/\partial W$ and
# $\partial\mathcal{L}/\partial b$ as one long vector; $\|g\|$ is its norm. $\eta$ is the learning rate, $c$ the
# **threshold** of clipping.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Ask who has a clipping call in a training script, with which threshold, and who chose it. Usually it is 1.0, and
# nobody knows.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# The run of lesson 03 that ended in NaN after one update: ReLU, $W = I$, the adding problem of 100 steps, gradient
# descent with $\eta = 0.1$. And the same run with one more line: if $\|g\| > 1$, divide $g$ by its norm.

# %% name="puzzle-train" tags=["fragment"]
raw = [runs.run(seed)[0] for seed in range(5)]
survived = [runs.run(seed, runs.by_norm(1.0)) for seed in range(5)]
print(
    f"without the line: NaN or inf after {gc.spread([len(run.loss) - 1 for run in raw], '.0f')} updates"
)
errors = [6 * history.test_loss[-1] for history, _ in survived]
print(f"with it, after 60: error in units of 1/6 {gc.spread(errors)}")
largest = [np.log10(norms.max()) for _, norms in survived]
print(f"largest ‖g‖ on the way: 10 to the power {gc.spread(largest, '.1f')}")

# %% name="puzzle-picture" tags=["fragment"]
runs.norm_plot(survived[0][1])

# %% [markdown] name="puzzle-question" tags=["continue"]
# It survives a gradient of more than a million. It has not learned yet, either. **What has this line done to the
# gradient, what has it left, and why 1?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Somebody will say that a smaller learning rate would do as well. At $\eta = 0.001$ the unclipped network is thrown
# all the same: after 30 updates its loss stands above the start in each of twelve runs, by 15 decades in the median.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Three ways to clip
#
# - **By global norm**: if $\|g\| > c$, multiply all of $g$ by $c/\|g\|$ (Pascanu et al. 2013).
# - **By tensor**: the same for each weight matrix and each bias by itself.
# - **By value**: cut every entry at $\pm c$ (Mikolov 2012).
#
# Which of them keep the direction of $g$?

# %% name="drawing-arrow" tags=["fragment"]
runs.arrow_drawing()

# %% [markdown] name="predict-by-value-intro" tags=["subslide"]
# ### Predict

# %% name="predict-by-value" tags=["fragment"]
gc.panel("clipping/by-value")

# %% [markdown] name="drag-arrows" tags=["subslide"]
# ### Drag
#
# Lower $c$; then turn the gradient. For which directions does clipping by value not turn it?

# %% name="demo-arrows" tags=["fragment"]
gc.demo("clipping/arrows")

# %% [markdown] name="measure-angle-intro" tags=["subslide"]
# ### Measure
#
# The first gradient of the puzzle's network, clipped by torch's own functions, at thresholds from "no effect" down to
# a millionth of that.

# %% name="measure-angle" tags=["fragment"]
for way in runs.WAYS:
    largest = [runs.turned(seed)[way][0].max() for seed in range(5)]
    print(f"by {way:12} largest angle to the raw gradient {gc.spread(largest, '.0f')} degrees")

# %% name="picture-angle" tags=["fragment"]
runs.angle_plot()

# %% [markdown] name="explain-angle" tags=["subslide"]
# ### Explain
#
# All three are one rule. Cut $g$ into **pieces**: one piece, the tensors, or the single entries. A piece of size $s_i$
# keeps its direction and becomes $\min(s_i, c)$ long. Add up the dot product of old and new piece by piece:
#
# $$\cos(\text{angle}) = \frac{\sum_i s_i \min(s_i, c)}{\sqrt{\sum_i s_i^2}\,
#   \sqrt{\sum_i \min(s_i, c)^2}} \;\xrightarrow{\;c \to 0\;}\; \frac{\operatorname{mean}(s)}
#   {\operatorname{rms}(s)} ,$$
#
# where rms is the root of the mean square. With one piece the cosine is 1. With several a small $c$ makes all pieces
# equally large, and the angle says how unequal they were: 37° for Gaussian entries, here 50° to 61°, since a few pieces
# hold most of this gradient. No term of the upper sum is negative, so the angle is never above 90°: for this batch and a
# short step each way still goes downhill. **Only the global norm goes straight downhill.**

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 8 min
#
# Answers to the prediction: 0 ("it only gets shorter") and 90. By value with a tiny c is sign descent. Somebody may
# defend it: Adam is close to that, too, and works well. Turning is not wrong in itself; it is another algorithm.

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · How short is short enough?
#
# ### Predict

# %% name="predict-smallest" tags=["fragment"]
gc.panel("clipping/smallest")

# %% [markdown] name="drag-survive" tags=["subslide"]
# ### Drag
#
# Lesson 03's surface, and 300 updates from the dot. Lower the threshold from 10,000, where it does nothing. From where
# on does the run stay in the picture? When does it no longer arrive on the plain?

# %% name="demo-survive" tags=["fragment"]
gc.demo("clipping/survive")

# %% [markdown] name="measure-cliff-intro" tags=["subslide"]
# ### Measure
#
# 300 runs from random places on the plateau. *Arrived*: the loss at the end is below 0.01.

# %% name="measure-cliff" tags=["fragment", "nbval-check-output"]
print("η = 0.02, by c:     ", end="")
for c in (0.1, 1.0, 10.0, 20.0, 32.0, 50.0, math.inf):
    print(f"  {c:g}: {trial.share_that_arrives(c):.2f}", end="")
print("\nηc = 0.1, by η:     ", end="")
for rate in (0.001, 0.005, 0.02, 0.1):
    print(f"  {rate:g}: {trial.share_that_arrives(0.1 / rate, rate=rate):.2f}", end="")
longer = trial.descend(*trial.starts(300, seed=0), 100.0, updates=1500, rate=0.001)
print(f"\n1500 updates:         0.001: {trial.arrived(longer).mean():.2f}")

# %% name="picture-cliff" tags=["fragment"]
runs.cliff_plot()

# %% [markdown] name="explain-cliff" tags=["subslide"]
# ### Explain
#
# A clipped step is never longer than $\eta c$. The wall asks for a step shorter than about 0.45, the distance from its
# foot back over it: up to $\eta c = 0.4$ all arrive, at $\eta c = 1$ hardly more than without clipping (0.64 and 0.63). Since the direction
# is kept, a step from the wall then leads down the wall. The price is the way: 300 steps lead $300\,\eta c$ far at
# most, at $c = 0.1$ that is 0.6.
#
# **Two numbers count: where the threshold bites, the step is $\eta c$; elsewhere it is $\eta\|g\|$.** With the same
# $\eta c = 0.1$ a small η brings nearly all runs down the wall, but on the plain the gradient is small, and so is the step:
# at $\eta = 0.001$ five times as many updates let 0.56 arrive in place of 0.18. (For losses
# whose curvature grows with the gradient, clipped descent can be faster than any fixed rate: Zhang et al. 2020.)

# %% [markdown] name="history-intro" tags=["subslide"]
# ### Measure · a threshold from a history
#
# In a real network nobody knows the cliff, but one can look at the norms so far. The mean belongs to the few largest; a
# **percentile** does not mind them (Seetharaman et al. 2020). Eight ReLU layers learn the digits at $\eta = 0.1$. We
# take the 90th percentile of that run, and then dare $\eta = 1$.

# %% name="measure-history" tags=["fragment"]
found = {
    "no clipping": runs.right_at_rate_one(lambda seed: None),
    "90th percentile": runs.right_at_rate_one(lambda seed: runs.by_norm(runs.ninetieth(seed))),
    "a tenth of it": runs.right_at_rate_one(lambda seed: runs.by_norm(runs.ninetieth(seed) / 10)),
}
for name, right in found.items():
    print(f"η = 1, {name:15} test digits right {gc.spread(right)}")

# %% [markdown] name="history-explain" tags=["continue"]
# Unclipped most runs end in NaN, with no digit right. The percentile described the norms correctly but ignored η.
# With a ten times larger η, the same threshold allows steps ten times as long; a tenth of it, the same $\eta c$,
# works. **A threshold belongs to a learning rate.**

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# Most choose c = 5, some 0.1: "safer". Draw ηc as a stride on the board, between the width of the wall and the way home.
# Ask before the last table which row will fail. Nearly everybody trusts the percentile.

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · The place in the loop
#
# In half precision one multiplies the loss by a scale, here 1024, so that small gradients do not become 0 (lesson 12),
# and divides the gradients by it before the step: `unscale_`. The true gradient has norm 10, $c = 1$, $\eta = 0.1$: how
# long is the step, with the line in four places?


# %% name="loop-helper" tags=["fragment"]
def step_length(place):
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    loss = scaler.scale(w @ torch.tensor([6.0, 8.0]))
    for name in ("backward", "unscale_", "step"):
        loss.backward() if name == "backward" else getattr(scaler, name)(optimizer)
        if name == place:
            gc.clip_grad_norm_([w], 1.0)
    return float(w.detach().norm())


# %% name="measure-loop" tags=["fragment", "nbval-check-output"]
for place in ("nowhere", "backward", "unscale_", "step"):
    print(f"clip after {place:9} step of length {step_length(place):.4f}")

# %% [markdown] name="explain-loop" tags=["continue"]
# $\eta c = 0.1$ comes out in one place only: **zero_grad, backward, unscale_, clip, step, update.** While it is still
# scaled, the gradient looks 1024 times too large, and the step becomes a thousandth. Adding up several small batches
# before one update? Clip once, after the last backward.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 4 min
#
# The function returns the norm *before* clipping: a log that shows 37 at every update does not say that clipping is
# broken. An exercise asks for that, and for gradients that lie on several machines.

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · Small weights
#
# Clipping treats the symptom, update by update. Lesson 03: one step back multiplies by slope times $W$. If
# $\sigma_{\max}(W) < 1$, a tanh network cannot explode. Three ways to press weights down:
#
# - **L2**: add $\tfrac12 \lambda \sum w^2$ to the loss; its gradient is $\lambda w$.
# - **L1**: add $\lambda \sum |w|$; its gradient is $\lambda\, \mathrm{sign}(w)$.
# - **Decoupled decay**: leave the gradient alone, and take $\eta\lambda w$ off each weight besides the optimizer's step
#   (Loshchilov & Hutter 2019; torch's `AdamW`).
#
# ### Predict

# %% name="predict-press" tags=["fragment"]
gc.panel("clipping/press")

# %% [markdown] name="measure-press-intro" tags=["subslide"]
# ### Measure
#
# Weights with no gradient but the penalty's, those that read an input that is always 0. How much of them is left after 100
# updates?

# %% name="measure-press" tags=["fragment", "nbval-check-output"]
for kind, lr in (("sgd", 0.1), ("adam", 0.001), ("adamw", 0.001)):
    for strength in (0.01, 1.0):
        left, expected = trial.shrinkage(kind, strength), (1 - lr * strength) ** 100
        print(f"{kind:5} λ = {strength:4}: left {left:.2f}   (1 − ηλ)^100 = {expected:.2f}")

# %% [markdown] name="explain-press" tags=["continue"]
# SGD and AdamW do what the formula says. **In Adam λ has no effect here** (Kingma & Ba 2015): $\lambda w$ is divided by
# its own size, and each weight walks to 0 by about η per update. (Where a normalization follows, decay does not do what
# this step shows: it sets the effective rate, lesson 06.)

# %% [markdown] name="drag-decay" tags=["subslide"]
# ### Drag
#
# A tanh network that starts with $\sigma_{\max}(W) = 1.2$, trained on the adding problem of 20 steps with L2 on $W$.
# Raise λ until it can no longer explode. What has become of lag 19?

# %% name="demo-decay" tags=["fragment"]
gc.demo("clipping/decay")

# %% [markdown] name="measure-decay-intro" tags=["subslide"]
# ### Measure
#
# Five networks, with L2, with L1, and without. Which lines leave the band, and on which side?

# %% name="measure-decay" tags=["fragment"]
for kind, strength, label, _ in runs.PRESSES:
    norm, faint, zero = runs.pressed(kind, strength)
    print(f"{label:10} σ_max {gc.spread(norm)}; lag 19, decades {gc.spread(faint, '.1f')}")
    print(f"{'':10} share of |w| below 0.01: {gc.spread(zero)}")

# %% name="picture-decay" tags=["fragment"]
runs.pressed_plot()

# %% [markdown] name="explain-decay" tags=["subslide"]
# ### Explain
#
# L2 alone multiplies $W$ by $1 - \eta\lambda$ per update. After $t$ updates the bound on the gradient at lag $k$ is
#
# $$\sigma_{\max}(W_t)^k \approx \bigl[\sigma_{\max}(W_0)\,(1 - \eta\lambda)^t\bigr]^k ,$$
#
# with the lag in the exponent. (The loss pulls the other way, so the measured $\sigma_{\max}$ is larger.) **The decay that
# keeps a gradient from exploding at lag 19 makes it vanish there**, by four decades here. L1 takes the same amount off
# every weight: 62 % of them come near 0. The few large ones keep the norm at 0.85, and the gradient vanishes all the same:
# $\sigma_{\max}$ bounds it from above only.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# Panel: most answer "a hundred times as fast". Write Adam's step for g = λw on the board; λ cancels. Leave a minute for
# the bold sentence.

# %% [markdown] name="deeper-norms" tags=["slide", "deeper"]
# ## Deeper · Norms that overflow
#
# A finite gradient whose float32 norm is infinite is clipped to nothing: no weight moves, and no message says so.

# %% name="predict-huge" tags=["fragment"]
gc.panel("clipping/huge")


# %% name="measure-huge" tags=["fragment", "nbval-check-output"]
def after(clip, size):
    weight = torch.zeros(4, requires_grad=True)
    weight.grad = torch.full((4,), size)
    clip([weight], 1.0)
    return float(weight.grad.double().norm())


both = {"torch": torch.nn.utils.clip_grad_norm_, "gc": gc.clip_grad_norm_}
for size in (1e18, 1e20, math.inf, math.nan):
    print(f"each {size:5.0e}: torch leaves norm {after(both['torch'], size):3.1f}", end="   ")
    print(f"gc leaves norm {after(both['gc'], size):3.1f}")

# %% [markdown] name="measure-stuck-intro" tags=["subslide"]
# Does it matter? The puzzle's network, 16 units, but $W = 1.3\,I$. Neither a state, nor the loss (about $10^{20}$), nor
# one gradient is infinite. 60 updates, clipped at 1; always answering the mean costs 0.17, whose log₁₀ is −0.8.

# %% name="measure-stuck" tags=["fragment"] tolerance=["torch, log₁₀ of the last loss: 0.1 0.1 0.1", "gc, log₁₀ of the first norm: 0.1 0.1 0.1", "gc, log₁₀ of the median of the last 20 losses: 0.1 0.1 0.3", "gc, log₁₀ of the largest of them: 0.2"]
how, stuck = {"test": 64, "width": 16, "gain": 1.3}, {}
for name, clip in both.items():
    stuck[name] = [runs.run(s, lambda p, clip=clip: clip(p, 1.0), **how) for s in range(5)]
last = [history.loss[-1] for history, _ in stuck["torch"]]
moved = max(history.relative_change[-1].max() for history, _ in stuck["torch"])
print(f"torch, first norm {stuck['torch'][0][1][0]}, largest relative change of a matrix {moved}")
print(f"torch, log₁₀ of the last loss: {gc.spread(np.log10(last), '.1f')}")
print(f"gc, log₁₀ of the first norm: {gc.spread([np.log10(n[0]) for _, n in stuck['gc']], '.1f')}")
settled = np.log10([history.loss[-20:] for history, _ in stuck["gc"]])
print(f"gc, log₁₀ of the median of the last 20 losses: {gc.spread(np.median(settled, 1), '.1f')}")
print(f"gc, log₁₀ of the largest of them: {settled.max():.1f}")

# %% [markdown] name="explain-huge" tags=["continue"]
# A norm is the root of a sum of squares, and in float32 the square of anything above $1.8 \cdot 10^{19}$ is $\infty$. Then
# $c/\infty = 0$: torch multiplies the gradient by 0. As long as every batch overflows, the weights do not move, although
# the direction of the gradient is perfectly good. In float64 the squares of all float32 numbers are finite;
# `gc.clip_grad_norm_` uses it where needed. That heals the norm and not the network: it comes down to what the mean
# costs, and one batch among the last 20 still costs more than $10^{11}$. A gradient that *is* NaN or Inf is another
# thing. No factor makes it right: leave the update out, and find where it comes from (`gc.post_mortem`; torch has
# `error_if_nonfinite=True`).

# %% [markdown] name="deeper-adam" tags=["slide", "deeper"]
# ## Deeper · Clipping and Adam's memory
#
# Adam's step has nearly the same length whatever the length of the gradient, so what is left for clipping to do?

# %% [markdown] name="adam-intro" tags=["continue"]
# Adam keeps two running means, $m$ of the gradients ($\beta_1 = 0.9$) and $v$ of their squares ($\beta_2 = 0.999$), and
# steps by $\eta\, m / \sqrt v$, both corrected for their start at 0. Multiply all gradients by 1000, and the step is the
# same.

# %% name="predict-accident" tags=["fragment"]
gc.panel("clipping/accident")

# %% [markdown] name="drag-spike" tags=["subslide"]
# Gradients of size 1, and one spike. The line is the factor $1/\sqrt{\hat v}$. How long does it take to recover? Then
# lower the threshold.

# %% name="demo-spike" tags=["fragment"]
gc.demo("clipping/spike")

# %% [markdown] name="measure-adam-intro" tags=["subslide"]
# The accident of the panel, five networks each: at update 20 the gradient is 10,000 times too large. In the last row
# nothing is clipped, but Adam's memory is emptied right after it.

# %% name="measure-adam" tags=["fragment"]
for name in ("never", "at 20 only", "at all but 20"):
    print(f"clipped {name:15} right at update 100: {gc.spread(runs.after_accident(name)[:, -1])}")
emptied = runs.after_accident("never", forget=True)[:, -1]
print(f"never, memory emptied   right at update 100: {gc.spread(emptied)}")

# %% name="picture-adam" tags=["fragment"]
runs.accident_plot()

# %% [markdown] name="explain-adam" tags=["subslide"]
# A spike $S$ among gradients of size 1 enters $v$ with the share $1 - \beta_2 = 0.001$. $k$ updates later
#
# $$v \approx 1 + (1 - \beta_2)\,\beta_2^{\,k} S^2, \qquad \frac{1}{\sqrt v} \approx
#   \frac{1}{\sqrt{1 + 0.001 \cdot 0.999^k\, S^2}} .$$
#
# For $S = 10\,000$ the rate falls to $1/316$, and takes $\ln(100\,000)/0.001 \approx 11\,500$ updates to come back. (Long
# after the start, that is. Earlier the correction makes the share larger: 0.0055 after the demo's 200 updates, 0.05 at
# update 20, where the rate falls to $1/2200$.) Clipping the other 99 updates cannot take out of $v$ what is in it. Empty the memory instead, and the same weights learn: they were
# hardly harmed. **With SGD clipping guards the step. With Adam it guards the memory most of all.**

# %% [markdown] name="deeper-agc" tags=["slide", "deeper"]
# ## Deeper · A limit without a unit
#
# Adaptive gradient clipping compares a unit's gradient with its own weights, and does not mind a loss that is multiplied by 1000.

# %% [markdown] name="agc-intro" tags=["continue"]
# Brock et al. (2021): $\|g_i\| \le \lambda \max(\|W_i\|, 10^{-3})$, where $W_i$ is row $i$, the weights into unit $i$. With
# gradient descent a step never changes a unit's weights by more than the share $\eta\lambda$. (They leave out the last
# layer; here it is in.) Step 2's network at $\eta = 1$, $\lambda = 0.01$:

# %% name="measure-agc" tags=["fragment"]
for factor in (1.0, 1000.0):
    right = runs.right_at_rate_one(lambda seed: runs.agc, factor)
    print(f"loss × {factor:4.0f}: AGC, test digits right {gc.spread(right)}")

# %% [markdown] name="explain-agc" tags=["continue"]
# λ is a relative change, so it needs no history and no unit. (It has to be found, too; Brock et al. report 0.01 for
# large batches.)

# %% [markdown] name="deeper-omega" tags=["slide", "deeper"]
# ## Deeper · Asking for level gradients
#
# A penalty can only make weights smaller; Pascanu's Ω asks instead that gradients keep their size, and an orthogonal start does as well.

# %% [markdown] name="omega-intro" tags=["continue"]
# Pascanu, Mikolov and Bengio (2013): with $\delta_t = \partial\mathcal{L}/\partial h_t$, a row, and one step back
# $J_t = \operatorname{diag}(1 - h_t^2)\,W$,
#
# $$\Omega = \operatorname{mean}_t \left(\frac{\|\delta_t J_t\|}{\|\delta_t\|} - 1\right)^{\!2} .$$
#
# It is 0 where each step back keeps the length of *the gradient that comes*. Ω is added to the loss; $h_t$ and $\delta_t$
# count as constants, so its gradient reaches $W$ through $J_t$ only. (Theirs is a sum over $t$.) Recall a symbol after
# 20 silent steps, 200 updates at $\eta = 0.1$, clipped at 1 (stored; a second backward pass takes its time). The control
# has no Ω, but a $W$ that starts orthogonal (lesson 05). The last row has five times the budget.

# %% name="measure-omega" tags=["fragment"]
print(stored("recall"))
for kind in ("start", "omega", "orthogonal", "start, 1000 updates"):
    right, early, norm = runs.recalled(kind)
    print(f"{kind:19} right {gc.spread(right)}")
    print(f"{'':19} lag 20, decades {gc.spread(early, '.1f')}; σ_max {gc.spread(norm)}")
print(f"now, seed 5, orthogonal: right {recall(5, init='orthogonal')['right']:.2f}")

# %% name="picture-omega" tags=["fragment"]
runs.omega_plot()

# %% [markdown] name="explain-omega" tags=["continue"]
# From torch's start, clipping alone stays at chance, and five times as many updates do not change that. With Ω this
# gradient loses about one decade over the 20 steps, not five. **An orthogonal start does as well without Ω**, and costs
# nothing: Ω is worth its second backward pass where the start cannot be chosen. In both
# $\sigma_{\max}(W)$ ends above 1, so other directions may explode, and clipping has to stay.

# %% [markdown] name="notes-deeper" tags=["notes"]
# **Speaker notes** · 4 min
#
# If there is time for one: the accident. Most vote "all", since Adam's step is bounded. Let them explain "clipped at all but
# 20" with the formula. A smaller β₂, 0.95 as in many large runs, forgets a spike within some tens of updates.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# A comment that stands in many public training scripts (found in November 2026), above `clip_grad_norm_`:
#
# > Gradient clipping to prevent vanishing/exploding gradients

# %% name="vote-vanishing" tags=["fragment"]
gc.panel("clipping/claim-vanishing")

# %% [markdown] name="claim-vanishing-intro" tags=["continue"]
# Which share of $\partial\mathcal L/\partial W$ comes from the first half of 30 steps, raw, clipped at 0.001, and even
# stretched to norm 1? Then recall after 20 steps, clipped at 0.1 (stored); the control is an orthogonal start.

# %% name="claim-vanishing-measure" tags=["fragment"]
share = np.log10([runs.early_share(seed) for seed in range(5)])
print(f"share of the first 15 steps, log₁₀, whatever the factor: {gc.spread(share, '.1f')}")
for kind in (
    "start, clipped at 0.1",
    "start, clipped at 0.1, 1000 updates",
    "orthogonal, clipped at 0.1",
):
    print(f"recall, {kind:36} right {gc.spread(runs.recalled(kind)[0])}")
clipped = np.median(runs.recalled("start, clipped at 0.1, 1000 updates")[0])
print("verdict:", "fails" if clipped < 0.6 and np.median(share) < -1 else "holds")

# %% [markdown] name="claim-vanishing-verdict" tags=["continue"]
# **Fails** for vanishing. Clipping multiplies all of $g$ by one factor, so the *share* of the early steps stays what it
# was, and it is that share which vanishes (lesson 03). A floor, which stretches short gradients, leaves it as
# it is, too. *Scope:* tanh, 16 and 32 units, up to 1000 updates.

# %% [markdown] name="claim-direction" tags=["subslide"]
# ### Claim 2
#
# Goodfellow, Bengio and Courville (*Deep learning*, 2016), of clipping by norm:
#
# > … the latter method has the advantage of guaranteeing that each step is still in the gradient direction …

# %% name="vote-direction" tags=["fragment"]
gc.panel("clipping/claim-direction")

# %% [markdown] name="claim-direction-intro" tags=["continue"]
# Of one batch: step 1 measured it, 0°. But training follows the *mean* over many batches. 300 gradients of a trained
# network, each clipped: how far does that turn their mean?

# %% name="claim-direction-batches" tags=["fragment"]
for size in (1, 64):
    often, rarely = (runs.turned_by_batch(size, percent) for percent in (50, 90))
    print(f"batches of {size:2}: one in two clipped {gc.spread(often, '.1f')} degrees", end="; ")
    print(f"one in ten {gc.spread(rarely, '.1f')}")
more = trial.mean_turned(trial.gradients_by_batch(1, seed=0, count=900), 90)
print(f"three times as many single digits, seed 0: one in ten {more:.1f}")
apart = np.median(runs.turned_by_batch(1)) > 15 > 5 > np.median(runs.turned_by_batch(64))
print("verdict:", "holds only if" if apart else "holds")

# %% [markdown] name="claim-direction-verdict" tags=["continue"]
# **Holds only if** you speak of one batch, or of large batches that are rarely clipped. In the mean over single digits
# the few large gradients count for less, and three times as many digits do not mend it. (To clip each example by
# itself is the rule where training has to be private: Chen, Wu & Hong 2020 study that bias.) *Scope:* two tanh layers after 300 updates.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 6 min
#
# Claim 1: ask what a factor does to a share. Claim 2: let somebody find a bias with two gradients on paper: +10 once in
# ten, −0.5 otherwise, c = 1: the mean is 0.55, the mean of the clipped −0.35. For claim 3 ask *when*: before the step, or
# after a hundred.

# %% [markdown] name="deeper-claim" tags=["slide", "deeper"]
# ## Deeper · A third claim
#
# That a penalty on the recurrent weights helps against exploding gradients, put on trial with the puzzle's run and step 4's networks.

# %% [markdown] name="claim-weights" tags=["continue"]
# Pascanu, Mikolov and Bengio (2013), of earlier solutions:
#
# > Using an L1 or L2 penalty on the recurrent weights can help with exploding gradients.

# %% name="vote-weights" tags=["fragment"]
gc.panel("clipping/claim-weights")

# %% [markdown] name="claim-weights-intro" tags=["continue"]
# The puzzle's run, unclipped, with torch's `weight_decay`; the control is clipping (the puzzle). And the networks of step
# 4, whose norm L2 had already pressed below 1.

# %% name="claim-weights-measure" tags=["fragment"]
for strength in (0.01, 1.0):
    thrown = [runs.thrown_at(seed, strength) for seed in range(5)]
    print(f"weight_decay {strength:4}: not finite after {gc.spread(thrown, '.0f')} updates")
norm, faint, _ = runs.pressed("l2", 0.05)
print(f"tanh, pressed before: σ_max {gc.spread(norm)}, lag 19, decades {gc.spread(faint, '.1f')}")
print("verdict:", "holds only if" if max(thrown) <= 10 and max(norm) < 1 else "fails")

# %% [markdown] name="claim-weights-verdict" tags=["continue"]
# **Holds only if** the norm is *already* below $1/\gamma$ ($\gamma$ is the largest slope, 1 for tanh and ReLU), as the
# authors add, and then the gradient vanishes. A penalty works over hundreds of updates; one step off a cliff needs one.
# *Scope:* gradient descent, $\eta = 0.1$, $\lambda$ up to 1.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - The threshold follows the norm's own history: ZClip (Kumar et al. 2025) clips what lies many standard deviations above
#   the running mean, AdaGC (Wang et al. 2025) each tensor above a multiple of its own.
# - SPAM (Huang et al. 2025) empties Adam's memory from time to time, and clips spikes by it.
#
# Eight layers, Adam, and one gradient that is 10,000 times too large; clipped at twice the running mean of the norms:

# %% name="since-measure" tags=["fragment"]
for name in ("never", "at twice its running mean"):
    print(f"clipped {name:26} right at update 100: {gc.spread(runs.after_accident(name)[:, -1])}")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Between `backward` and `step`: clip, and keep the norm. Its history gives the threshold of the next run at the same rate.

# %% name="your-network-code" tags=["fragment"]
torch.manual_seed(0)
model, history = torch.nn.LSTM(8, 32, batch_first=True), []
for _ in range(20):
    model.zero_grad()
    model(torch.randn(4, 100, 8))[0].square().mean().backward()
    history.append(float(gc.clip_grad_norm_(model.parameters(), 1.0)))  # the norm before
print(
    f"90th percentile {np.percentile(history, 90):.3g}; clipped {np.mean(np.array(history) > 1):.0%}"
)

# %% name="your-network-picture" tags=["fragment"]
runs.norm_plot(np.array(history), "‖g‖ of your network: a threshold of 1 would never bite")

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# If `history` is above the threshold at nearly every update, the threshold is a learning rate in disguise. If it never is,
# it costs nothing, and guards.

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A log shows that 97 % of all updates were clipped at 1, and the run learns well. A colleague wants to raise $c$ to 100,
# "so that we stop destroying information". **What would change, and what would you do?**
#
# <details>
# <summary>A model answer</summary>
#
# With gradient descent nearly every step had the length $\eta c$: normalized gradient descent, whose step is set by
# $\eta c$ alone. With $c = 100$ most steps would be $\eta\|g\|$ long, perhaps fifty times as long as now, so the change is one
# of the learning rate; either $\eta$ goes down with it, or the run is likely to be thrown. Information in the direction is not
# lost; what is lost is the relative weight of large and small batches. With Adam most of it would hardly be seen: a constant
# factor cancels, and $c$ matters for what a spike leaves in $v$. I would look at the distribution of the norms: if it is
# narrow, $c$ above its bulk and $\eta$ scaled by the ratio give nearly the same run, and $c$ is a guard again.
#
# </details>

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Clipping by global norm keeps the direction of a batch's gradient; by tensor and by value turn it, by 50° to 61° here.
# - Two numbers count: $\eta c$, the longest step, and η. A threshold belongs to a learning rate.
# - Clip once, after `unscale_`, before `step`: anywhere else the step was 1000 times too short or not clipped.
# - Small weights prevented explosion and made the gradient vanish, by four decades at lag 19, and a penalty is too slow for a cliff.
# - Clipping does nothing against vanishing: the early steps' share of the gradient stays what it was.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# 12 questions, 21 points: [exercises/09_clipping.ipynb](../exercises/09_clipping.ipynb). Questions 1 and 2 belong to
# step 1, 4 and 5 to step 2, 3, 11 and 12 to step 3, 8 and 9 to step 4; 6, 7 and 10 say all that they need.
#
# **Next:** [10 · Diagnosis and the emergency room](10_diagnosis_and_the_emergency_room.ipynb). You now have a cure for every
# disease so far. But a run that has died does not say of which. **What does one measure, and in which order?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Mikolov (2012), *Statistical language models based on neural networks*, PhD thesis, Brno: clipping by value.
# - Pascanu, Mikolov & Bengio (2013), *On the difficulty of training recurrent neural networks*, arXiv:1211.5063, ICML:
#   clipping by norm, the cliff, Ω, and what small weights cost.
# - Kingma & Ba (2015), *Adam: a method for stochastic optimization*, arXiv:1412.6980, ICLR.
# - Goodfellow, Bengio & Courville (2016), *Deep learning*, MIT Press, section 10.11.1.
# - Loshchilov & Hutter (2019), *Decoupled weight decay regularization*, arXiv:1711.05101, ICLR.
# - Zhang, He, Sra & Jadbabaie (2020), *Why gradient clipping accelerates training: a theoretical justification for
#   adaptivity*, arXiv:1905.11881, ICLR.
# - Seetharaman, Wichern, Pardo & Le Roux (2020), *AutoClip: adaptive gradient clipping for source separation networks*,
#   arXiv:2007.14469, MLSP.
# - Chen, Wu & Hong (2020), *Understanding gradient clipping in private SGD: a geometric perspective*, arXiv:2006.15429,
#   NeurIPS.
# - Brock, De, Smith & Simonyan (2021), *High-performance large-scale image recognition without normalization*,
#   arXiv:2102.06171, ICML: AGC.
# - Chowdhery et al. (2022), *PaLM: scaling language modeling with Pathways*, arXiv:2204.02311.
# - Huang et al. (2025), *SPAM: spike-aware Adam with momentum reset for stable LLM training*, arXiv:2501.06842, ICLR.
# - Kumar et al. (2025), *ZClip: adaptive spike mitigation for LLM pre-training*, arXiv:2504.02507.
# - Wang et al. (2025), *AdaGC: enhancing LLM pretraining stability via adaptive gradient clipping*, arXiv:2502.11034.
