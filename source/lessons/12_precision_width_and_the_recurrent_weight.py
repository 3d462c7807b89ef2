# %% [markdown] name="title" tags=["slide"]
# # 12 · Precision, width, and the recurrent weight's return
#
# **After this lesson you can say what updates and gradients lose in sixteen bits, which rate a wider network
# bears, and why the recurrent weight is a plain number again.**
#
# *45 minutes. With the deeper steps 60. You need lessons 01, 03, 08 and 09.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
from gradcourse.experiments import precision as bits
from gradcourse.experiments.measurements import stored
from gradcourse.experiments.modern import formats, memory, spikes

# %% [markdown] name="why" tags=["continue"]
# **Why it matters.** BLOOM, a language model of 176 billion parameters, was trained from March to July 2022. Earlier
# trials in float16 had been unstable, so this run used bfloat16: as many bits, spent differently (Le Scao et al. 2022).
# Sixteen bits halve the memory. **What do they cost?**

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# Ask who has a line with `autocast` or `bf16` in a training script, and who knows what it does to the weights. Four
# parts, each an old friend: rounding (lesson 01), a window (01), a sum over units (05), the recurrent weight (03).

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Three ReLU layers learn to read digits with Adam at 0.0001. The same start, rows and rate; in one case the
# weights are kept in float32, in the other in bfloat16, whose range is as wide. Adam's memory is in float32 in both.

# %% name="puzzle-measure" tags=["fragment"]
print(stored("formats"))
for kind in ("float32", "bfloat16"):
    now = formats.training(kind, 0, 400)["loss"][-1]
    print(f"{kind:8} loss after 400 updates: {gc.spread(bits.loss_of(kind, 400))}; now {now:.2f}")

# %% name="puzzle-picture" tags=["fragment"]
bits.formats_plot({"bfloat16": "vermillion", "float32": "blue"})

# %% name="drawing-formats" tags=["fragment"]
bits.formats_drawing()

# %% [markdown] name="puzzle-question" tags=["continue"]
# Nothing overflows, and nothing becomes 0. **What is lost?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Most suspect the gradients. They are rounded, too, by half a per cent each, and that does no harm: step 1 has the
# control.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · An update that is too small
#
# ### Predict

# %% name="predict-stuck" tags=["fragment"]
gc.panel("precision/stuck")

# %% [markdown] name="measure-stuck-intro" tags=["subslide"]
# ### Measure
#
# One subtraction, and the update of the panel in five matrices. Then updates of a thousandth of each weight. Then the
# puzzle's networks with both passes in bfloat16, and the updates added to a float32 *copy* of the weights.

# %% name="measure-stuck" tags=["fragment"]
print("1 − 0.001 in bfloat16:", float(torch.tensor(1.0).bfloat16() - 0.001))
still = [bits.stuck(1e-4, seed) for seed in range(5)]
print(f"weights that stay: {gc.spread(still)}; theory {gc.theory.stuck_share(1e-4, 32**-0.5):.2f}")
for dtype in ("bfloat16", "float16"):
    print(f"updates of w/1000 that are lost in {dtype}: {bits.lost_updates(0.001, dtype):.2f}")
for kind in ("bfloat16, float32 copy", "bfloat16, random rounding"):
    print(f"{kind}: loss after 400 updates {gc.spread(bits.loss_of(kind, 400))}")

# %% name="picture-stuck" tags=["fragment"]
bits.stuck_plot()

# %% [markdown] name="explain-stuck" tags=["subslide"]
# ### Explain
#
# bfloat16 has 8 bits of precision: from $2^e$ on its numbers are $2^{e-7}$ apart, and less than half of that is
# rounded away:
#
# $$w + \Delta w = w \quad\text{if}\quad |\Delta w| < 2^{e-8}, \qquad 2^e < |w| < 2^{e+1} .$$
#
# For $|\Delta w| = 0.0001$ this begins at $|w| = 1/32$, and 86 % of He's weights are larger. **The healthy update, a
# thousandth of the weight (lesson 01), is less than half a step of bfloat16.** Nothing was wrong with the gradients: add
# the updates to a copy in float32, the *master weights* of Micikevicius et al. (2018), and the training is that of
# float32. Or round up and down at random, in the right proportion (Gupta et al. 2015).

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 8 min
#
# Have them compute 256 + 1 in bfloat16 (256). At $2^e$ itself the step downwards is half as long: 255 exists. The
# stairs in the picture are octaves. Somebody will ask about the
# optimizer's memory: 0.999 v in bfloat16 is v, so keep that in float32, too, or give v a shorter memory.

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · A gradient that leaves the window
#
# float16 gives three bits of the exponent to the fraction: updates are safer by a factor of eight. What is the price?
#
# ### Predict

# %% name="predict-window" tags=["fragment"]
gc.panel("precision/window")

# %% [markdown] name="drag-window" tags=["subslide"]
# ### Drag
#
# δ in the 30 layers. Raise the loss scale: which layers gain a gradient, and when do the first lose theirs?

# %% name="demo-window" tags=["fragment"]
gc.demo("precision/window")

# %% [markdown] name="measure-shares-intro" tags=["subslide"]
# ### Measure
#
# A real gradient now: lesson 11's Transformer of four blocks after 60 updates, five networks. *Lost* is what becomes
# 0, infinite, or loses digits. Dashed: a *lognormal* gradient with the same mean and spread of $\log_2|g|$.

# %% name="measure-shares" tags=["fragment"]
for scale in (0, 10, 20, 30):
    lost = [bits.lost(seed, "float16", scale) for seed in range(5)]
    brain = [bits.lost(seed, "bfloat16", scale) for seed in range(5)]
    print(f"loss × 2^{scale:2}: float16 loses {gc.spread(lost, '.3f')}; bfloat16 {max(brain):.3f}")
served = [bits.layers_served(seed) for seed in range(5)]
law = gc.theory.layers_in_range(bits.deep_factor())
print(f"sigmoid layers served: {gc.spread(served, '.0f')} of 30; theory {law:.1f}")

# %% name="picture-shares" tags=["fragment"]
bits.shares_plot()

# %% [markdown] name="explain-window" tags=["subslide"]
# ### Explain
#
# float16 ends at $65504 \approx 2^{16}$ and at $2^{-24}$ (below $2^{-14}$ its numbers, *subnormal* ones, lose digits): 40 powers of two. A gradient
# that each layer multiplies by $r$ fits for $L \le 40/|\log_2 r| = 40/2.08 = 19$ layers.
#
# **A loss scale moves the window; it does not widen it.** What vanishes over the depth (lesson 02) needs a cure of its own. A
# *healthy* gradient fits: from $2^4$ to $2^{22}$ less than 1 % is lost. A scaler finds such a scale: it raises it
# now and then, and after an overflow skips the update and halves it. Clip after the scale has been taken out (lesson 09).

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# The order that a scaler forces: scale, backward, unscale, look for Inf, clip, step. Exercise 4 writes it. Near
# lognormal gradients: Chmiel et al. (2021). Where the dashes miss, the tail on the left is fatter than Gaussian.

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · A wider network
#
# Three ReLU layers on the digits, 60 updates of Adam, widths 64 to 1024.
#
# ### Predict

# %% name="predict-rate" tags=["fragment"]
gc.panel("precision/best-rate")

# %% [markdown] name="drag-width" tags=["subslide"]
# ### Drag
#
# Loss against the rate, in the median over five networks (stored). Start at 64, where both kinds are the same, and
# widen: whose lowest point stays?

# %% name="demo-width" tags=["fragment"]
gc.demo("precision/width")

# %% [markdown] name="measure-width-intro" tags=["subslide"]
# ### Measure
#
# The best rate of each of five networks, as a power of two. Then *why*: by how much one update changes
# $z_2$, at one rate (dashed: laid through the widest).

# %% name="measure-width" tags=["fragment", "nbval-check-output"]
for kind in ("standard", "µP"):
    for width in (64, 256, 1024):
        best = bits.best_rates(kind, width)
        print(f"{kind:8} width {width:4}: log₂ of the best rate {gc.spread(best, '.0f')}")

# %% name="picture-moved" tags=["fragment"]
bits.moved_plot()

# %% [markdown] name="explain-width" tags=["subslide"]
# ### Explain
#
# Adam's first step has the same length for every weight, with signs that follow what the row reads. All $n$ terms of the
# sum pull the same way:
#
# $$\Delta z_i = \sum_{j=1}^{n} \Delta W_{ij}\,h_j \;\sim\; \eta\, n\, \overline{|h|} .$$
#
# The *start* is a sum with random signs, $\sqrt n$, and initialization takes care of it (lesson 05); an *update* is a sum
# with one sign, $n$. µP, the *maximal update parametrization*, divides the rate of every matrix that reads $n$ units by
# $n$, and the output's weights at the start by $n$ instead of $\sqrt n$ (Yang & Hu 2021; Yang et al. 2022).

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 9 min
#
# "Coherent" is the word: noise adds like √n, a signal like n. The picture of Δz is what practitioners call a
# coordinate check: it costs a minute and shows a µP that was implemented wrongly.

# %% [markdown] name="deeper-depth" tags=["slide", "deeper"]
# ## Deeper · The rate over depth
#
# The same argument for L residual branches: what multiplies a branch decides whether the best rate is the same for 2, 8 and 32 blocks. (These are the networks of lesson 07, as they are stored.)

# %% name="measure-depth" tags=["fragment", "nbval-check-output"]
for kind in ("1", "1/√L", "1/L"):
    for blocks in (2, 8, 32):
        best = bits.best_rates_over_depth(kind, blocks)
        print(f"{kind:4} {blocks:2} blocks: log₂ of the best rate {gc.spread(best, '.0f')}")

# %% [markdown] name="explain-depth" tags=["continue"]
# At the start the branches are independent, so their squares add, and $1/\sqrt L$ keeps the stream level (lesson 07).
# Updates are coherent over the blocks as well, so they add up linearly, and it takes $1/L$ to keep their sum (CompleteP,
# Dey et al. 2025). From 2 to 32 blocks the best rate falls by two powers of two with 1 and by one with $1/\sqrt L$, and it
# is the same with $1/L$. The minimum is flat, so much is chance: with $1/L$ and 8 blocks it lies two powers *higher*. And with
# µP besides, $1/\sqrt L$ was enough for Bordelon et al. (2024).

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · The recurrent weight returns
#
# Lesson 03's weight became a matrix, and lesson 08 put gates beside it. A *minGRU* (Feng et al. 2024) gives it back:
# $h_t = z_t\,h_{t-1} + (1 - z_t)\,v_t$, one number $z_t$ for each unit, the share that is kept. The gate
# $z_t = \sigma(W x_t + b)$ and the candidate $v_t = V x_t + c$ read the input and not the state.
#
# ### Predict

# %% name="predict-updates" tags=["fragment"]
gc.panel("precision/updates")

# %% [markdown] name="measure-updates-intro" tags=["subslide"]
# ### Measure
#
# Updates until the error is below half of 1/6, 200 steps, at one rate. And $\partial h_T/\partial h_t$ by
# autograd against the product of the $z$.

# %% name="measure-updates" tags=["fragment", "nbval-check-output"]
for kind in ("minGRU", "GRU", "LSTM, chrono", "RNN"):
    print(f"{kind:12}  {', '.join(bits.needed(kind))}")
measured, product = memory.roads(seed=0)
print("autograd and product agree:", np.allclose(measured, product, rtol=1e-9, atol=0))

# %% name="picture-roads" tags=["fragment"]
bits.roads_plot()

# %% [markdown] name="explain-roads" tags=["subslide"]
# ### Explain
#
# No state enters a gate, so the Jacobian is diagonal, and lesson 01's product is one of numbers again:
#
# $$\frac{\partial h_T}{\partial h_t} = \prod_{s=t+1}^{T} z_s \le 1 .$$
#
# **Within a layer it cannot explode, and the input decides how fast it vanishes**: over 100 steps to $10^{-33}$ as it comes,
# to 0.1 where $z = 0.98$. No gate waits for a state, so all 200 steps can be computed in parallel. What a gate may no longer
# ask, "what do I remember?", the second layer's can: it reads the first one's state.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 8 min
#
# S4 (Gu et al. 2022), LRU (Orvieto et al. 2023) and Mamba (Gu & Dao 2023) have a linear recurrence in the middle, diagonal in
# the latter two, and so has one of the two cells of xLSTM (Beck et al. 2024). Ask what such a network cannot do in one layer:
# count modulo 2, for which the weight has to become negative (Grazzi et al. 2025).

# %% [markdown] name="deeper-memory" tags=["slide", "deeper"]
# ## Deeper · A long memory is not enough
#
# Why a weight that makes a long memory is hard to learn although neither the state nor its gradient explodes: what the weight itself does to the state.

# %% name="demo-memory" tags=["fragment"]
gc.demo("precision/memory")

# %% name="measure-memory" tags=["fragment"]
for keep in (0.9, 0.99, 0.999):
    found = [memory.sensitivity(keep, seed)[1] for seed in range(5)]
    tamed = [memory.sensitivity(keep, seed, tamed=True)[1] for seed in range(5)]
    print(f"λ = {keep}: (∂h/∂λ)² {gc.spread(found, '.2e')}")
    print(f"   theory {float(gc.theory.weight_sensitivity(keep)):.2e}; tamed {gc.spread(tamed)}")

# %% [markdown] name="explain-memory" tags=["continue"]
# $h_t = \sum_k \lambda^k x_{t-k}$, so that $\partial h_t/\partial\lambda = \sum_k k\,\lambda^{k-1} x_{t-k}$, and for white
# noise
#
# $$\mathrm E\,h^2 = \frac{1}{1 - \lambda^2}, \qquad
# \mathrm E\Bigl(\frac{\partial h}{\partial\lambda}\Bigr)^2 = \frac{1 + \lambda^2}{(1 - \lambda^2)^3} .$$
#
# A step in λ that is right for a short memory is far too long for a long one (Zucchet & Orvieto 2024). The LRU scales the
# input by $\sqrt{1 - \lambda^2}$ and learns ν in $\lambda = e^{-e^\nu}$ ("tamed"): its sensitivity stays near ½ at every memory.

# %% [markdown] name="deeper-spike" tags=["slide", "deeper"]
# ## Deeper · After a spike
#
# How long an optimizer whose steps all have one length walks in the wrong direction, and a law for every running mean.

# %% name="predict-return" tags=["fragment"]
gc.panel("precision/return")

# %% name="measure-return" tags=["fragment", "nbval-check-output"]
found = bits.after_accident(spikes.ACCIDENT, "returned")
law = gc.theory.updates_to_forget(1e4, 0.95)
print(f"Muon's memory, β = 0.95: {gc.spread(found, '.0f')} updates; theory {law:.0f}")
for beta in (0.95, 0.999):
    slow = gc.theory.updates_to_forget(1e4, beta, squared=True)
    print(f"theory, Adam's v with β₂ = {beta}: {slow:.0f}")

# %% [markdown] name="explain-return" tags=["continue"]
# A running mean takes the spike in with the share $1 - \beta$ and keeps β of it at each update. It is outweighed when
# $(1 - \beta)\,\beta^k S = 1$, or $S^2$ where squares are kept:
#
# $$k = \frac{\ln\bigl((1-\beta)\,S\bigr)}{\ln(1/\beta)} = \frac{\ln 500}{0.0513} = 121 .$$
#
# With $\beta_2 = 0.95$, as many large runs have it, Adam forgets within 301 updates instead of 11,507. Others empty the memory
# after a spike (SPAM, Huang et al. 2025), or clip at a threshold from the norm's own history (ZClip, Kumar et al. 2025).

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From *A study of BFLOAT16 for deep learning training* (Kalamkar et al. 2019):
#
# > Our results show that deep learning training using BFLOAT16 tensors achieves the same state-of-the-art (SOTA)
# > results across domains as FP32 tensors in the same number of iterations and with no changes to hyper-parameters.

# %% name="vote-bfloat" tags=["fragment"]
gc.panel("precision/claim-bfloat")

# %% [markdown] name="claim-bfloat-intro" tags=["continue"]
# The puzzle's networks with five times the budget. The control is bfloat16 with a copy in float32.

# %% name="claim-bfloat-measure" tags=["fragment", "nbval-check-output"]
end = {}
for kind in ("float32", "bfloat16, float32 copy", "bfloat16"):
    losses = bits.loss_of(kind, 2000)
    end[kind] = np.median(losses)
    print(f"{kind:22} loss after 2000 updates: {gc.spread(losses, '.3f')}")
whole, copy, alone = end.values()
print(
    "verdict:", "fails" if copy > 2 * whole else "holds only if" if alone > 2 * whole else "holds"
)

# %% [markdown] name="claim-bfloat-verdict" tags=["continue"]
# **Holds only if** a copy of the weights is kept in float32, as the authors do. *Scope:* three layers of 64, Adam at 0.0001; at
# ten times the rate hardly an update is lost (step 1's picture).

# %% [markdown] name="claim-mup" tags=["subslide"]
# ### Claim 2
#
# From the first lines of the package *mup* (Microsoft, 2022):
#
# > … we show that optimal hyperparameters become stable across neural network sizes when we parametrize the model in
# > maximal update parametrization (μP).

# %% name="vote-mup" tags=["fragment"]
gc.panel("precision/claim-mup")

# %% [markdown] name="claim-mup-intro" tags=["continue"]
# The control is the standard parametrization. How far does the best rate move from 64 to 1024 units, and what does it cost
# to keep the rate of 64?

# %% name="claim-mup-measure" tags=["fragment", "nbval-check-output"]
moves = {}
for kind in ("standard", "µP"):
    moves[kind] = bits.best_rates(kind, 1024) - bits.best_rates(kind, 64)
    print(f"{kind:8} log₂ of the best rate moves by {gc.spread(moves[kind], '.0f')}")
    print(f"{'':8} loss over the best one: {gc.spread(bits.price(kind, 64, 1024))}")
    print(f"{'':8} the best one: {gc.spread(bits.losses(kind, 1024).min(axis=1), '.3f')}")
stays, falls = abs(np.median(moves["µP"])) <= 1, np.median(moves["standard"]) <= -2
print("verdict:", "holds" if stays and falls else "fails")

# %% [markdown] name="claim-mup-verdict" tags=["continue"]
# **Holds**, to one power of two; to keep the rate of 64 costs 8 % and not 104 %. The rate stays, not the quality: the
# best loss at 1024 is *higher*, 0.075 against 0.041 at standard with a rate of its own. *Scope:* widths 64 to 1024, 60 updates, no weight decay, which may do more for the transfer in a long training (Kosson et al. 2025).

# %% [markdown] name="claim-muon" tags=["subslide"]
# ### Claim 3
#
# From a change proposed to Megatron-LM (pull request 5395, June 2026), which leaves out clipping for Muon:
#
# > … for an orthogonalizing optimizer, magnitude clipping is *semantically meaningless* — Newton–Schulz discards gradient
# > magnitude …

# %% name="vote-muon" tags=["fragment"]
gc.panel("precision/claim-muon")

# %% [markdown] name="claim-muon-intro" tags=["continue"]
# Muon (Jordan et al. 2024) steps along the orthogonal matrix nearest to a running mean of the gradients ($\beta = 0.95$), which
# Newton and Schulz's iteration finds. Eight ReLU layers; in update 20 the gradient is $S$ = 10,000 times itself. Controls:
# clipped there only, or the memory emptied after it.

# %% name="claim-muon-measure" tags=["fragment", "nbval-check-output"]
right = {}
for kind in (spikes.NONE, spikes.ACCIDENT, spikes.CLIPPED, spikes.EMPTIED):
    shares = bits.after_accident(kind)
    right[kind] = np.median(shares[:, 5])
    soon, late = (gc.spread(shares[:, k]) for k in (5, 30))
    print(f"{kind:11} right after 50 updates: {soon}; 300: {late}")
hurt = right[spikes.ACCIDENT] < 0.5 * right[spikes.CLIPPED]
print("verdict:", "fails" if hurt and right[spikes.CLIPPED] > 0.8 else "holds")

# %% name="picture-accident" tags=["fragment"]
bits.accident_plot()

# %% [markdown] name="claim-muon-verdict" tags=["subslide"]
# **Fails.** The *length* of a step needs no clipping. Its direction comes from a sum of gradients, and in a sum magnitude
# decides who is heard: what is left of the accident after $k$ updates, $(1 - \beta)\,\beta^k S$, falls below 1 after 121
# (dashed). *Scope:* one accident of 10,000; in the end all recover. The author's own case is another: where the norm of the whole
# gradient is huge in *every* update, clipping shrinks each matrix's below Muon's ε, and nothing moves.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 6 min
#
# Claim 1: ask which tensors are meant. Claim 2: a good rate that stays is worth a lot where one run costs a million. Claim 3:
# let them draw the memory's two parts as lines on a log axis; they cross at 121.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Eight bits: E4M3 for values, E5M2 for gradients (Micikevicius et al. 2022); DeepSeek-V3 (2024) was trained in E4M3, with a
#   scale for every block of numbers.
# - The rate's exponent depends on how updates align with what they read (Everett et al. 2024).

# %% name="since-measure" tags=["fragment"]
for dtype in ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"):
    angles = [bits.turned(seed, dtype) for seed in range(5)]
    print(f"{dtype:13} turns the Transformer's gradient by {gc.spread(angles, '.3f')} degrees")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# torch's own scaler, with a first scale that is far too large. It skips updates and halves it until it fits.

# %% name="your-network-code" tags=["fragment", "nbval-check-output"]
model, data = gc.mlp(4, activation="relu", init="he", seed=0), gc.digits()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
with gc.probe(model, optimizer) as record:
    for rows in 3 * torch.arange(1408).split(64):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            outputs = model(data.x_train[rows])
        loss = torch.nn.functional.cross_entropy(outputs.float(), data.y_train[rows])
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        record.log(loss)
print(f"66 backward passes, {len(record)} updates, scale 2^{np.log2(scaler.get_scale()):.0f}")

# %% name="your-network-picture" tags=["fragment"]
gc.depth_plot(record, healthy=10.0, verdict=gc.diagnose(record))

# %% [markdown] name="your-network-explain" tags=["continue"]
# The record's δ is $2^{16}$ times too large, since the scale is taken out of the weights' gradients only: the diagnosis
# compares layers, and does not mind (lesson 10).

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague fine-tunes a large model in bfloat16, weights included, with Adam at $10^{-5}$. The loss falls a little in the first
# hundred updates and then stays. She lowers the rate to $10^{-6}$. **What will happen, and what would you measure?**
#
# <details>
# <summary>A model answer</summary>
#
# Still more updates will be lost. At $10^{-5}$ weights above 1/256 stand still; at $10^{-6}$ those above 1/2048 do, which is
# nearly all. What fell in the first hundred updates were the small weights: biases and gains near 0 feel everything, gains
# near 1 feel nothing. Measure the share of weights that an update leaves exactly as they were (it should be near 0), or train
# the same hundred updates with a copy in float32: if the loss goes on falling, it was the rounding. A *larger* rate, against all
# habit, would have helped, too, and so would random rounding. The gradient norm shows nothing: it is healthy all the time.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# The trap is the habit: a loss that does not fall makes one lower the rate.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - bfloat16 loses updates, float16 loses gradients: a copy in float32 mends the one, a loss scale the other.
# - A scale moves the window of 40 powers of two; it does not widen it.
# - An update of Adam moves z by η times the width. µP divides by it, and the best rate stays (to a power of two).
# - With gates that read the input only, a layer's gradient through time is a product of numbers that are at most 1.
# - A running mean forgets a spike S after $\ln((1-\beta)S)/\ln(1/\beta)$ updates; bounded steps do not help it.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Eight questions, 10 points: [exercises/12_precision.ipynb](../exercises/12_precision.ipynb). Questions 1 and 2 belong to step 1,
# 3 and 4 to step 2, 5 and 6 to step 3, 7 to step 4, 8 to claim 3.
#
# **Next:** lesson 13, all claims of the course on one page, with what would overturn each. **Which of them hold only for
# networks as small as ours?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Gupta et al. (2015), *Deep learning with limited numerical precision*, ICML: random rounding.
# - Micikevicius et al. (2018), *Mixed precision training*, ICLR.
# - Kalamkar et al. (2019), *A study of BFLOAT16 for deep learning training*, arXiv:1905.12322.
# - Chmiel et al. (2021), *Neural gradients are near-lognormal: improved quantized and sparse training*, ICLR.
# - Yang & Hu (2021), *Tensor programs IV: feature learning in infinite-width neural networks*, ICML.
# - Gu et al. (2022), *Efficiently modeling long sequences with structured state spaces*, ICLR: S4.
# - Le Scao et al. (2022), *BLOOM: a 176B-parameter open-access multilingual language model*, arXiv:2211.05100.
# - Micikevicius et al. (2022), *FP8 formats for deep learning*, arXiv:2209.05433.
# - Yang et al. (2022), *Tensor programs V: tuning large neural networks via zero-shot hyperparameter transfer*, arXiv:2203.03466.
# - Gu & Dao (2023), *Mamba: linear-time sequence modeling with selective state spaces*, arXiv:2312.00752.
# - Orvieto et al. (2023), *Resurrecting recurrent neural networks for long sequences*, ICML: LRU.
# - Beck et al. (2024), *xLSTM: extended long short-term memory*, NeurIPS.
# - Bordelon et al. (2024), *Depthwise hyperparameter transfer in residual networks*, ICLR.
# - DeepSeek-AI (2024), *DeepSeek-V3 technical report*, arXiv:2412.19437.
# - Everett et al. (2024), *Scaling exponents across parameterizations and optimizers*, ICML.
# - Feng et al. (2024), *Were RNNs all we needed?*, arXiv:2410.01201.
# - Jordan et al. (2024), *Muon: an optimizer for hidden layers in neural networks*.
# - Zucchet & Orvieto (2024), *Recurrent neural networks: vanishing and exploding gradients are not the end of the story*, NeurIPS.
# - Dey et al. (2025), *Don't be lazy: CompleteP enables compute-efficient deep Transformers*, NeurIPS.
# - Grazzi et al. (2025), *Unlocking state-tracking in linear RNNs through negative eigenvalues*, ICLR.
# - Huang et al. (2025), *SPAM: spike-aware Adam with momentum reset for stable LLM training*, ICLR.
# - Kosson et al. (2025), *Weight decay may matter more than μP for learning rate transfer in practice*.
# - Kumar et al. (2025), *ZClip: adaptive spike mitigation for LLM pre-training*.
