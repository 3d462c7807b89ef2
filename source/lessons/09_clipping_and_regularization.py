# %% [markdown] name="title" tags=["slide"]
# # 09 · Clipping and weight regularization
#
# **After this lesson you can clip a gradient in three ways and say what each does to its direction,
# choose a threshold, and say what clipping and small weights cannot do.**
#
# *90 minutes. You need lesson 03: the cliff, and the gradient against lag.*

# %% name="import" tags=["continue"]
import math
from functools import partial

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F

# %% [markdown] name="notation" tags=["continue"]
# $g$ is the **gradient** of the whole network in one update: all $\partial\mathcal{L}/\partial W$
# and $\partial\mathcal{L}/\partial b$, written as one long vector. $\|g\|$ is its norm, the root of
# the sum of all squares. $\eta$ is the learning rate, $c$ the **threshold** of clipping.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Ask who has a clipping call in a training script, with which threshold, and who chose it. Usually
# it is 1.0, and nobody knows.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lesson 08 ended with a question: a gate keeps a gradient alive; nothing keeps it from exploding.
# **What does one do when it happens?**
#
# Here is the run of lesson 03 that ended in NaN after one update: ReLU, $W = I$, the adding problem
# of 100 steps, plain gradient descent with $\eta = 0.1$. And the same run with one more line:
# if $\|g\| > 1$, divide $g$ by its norm. Look at the tallest spike that it survives.


# %% name="puzzle-helpers" tags=["fragment"]
def relu_network(seed, width=32, gain=1.0):
    how = {"init": "identity", "nonlinearity": "relu", "gain": gain, "seed": seed}
    return gc.recurrent("rnn", 2, width, 1, **how)


def run(seed, clip):
    data = gc.adding_problem(100, train=2000, test=500, seed=seed)
    how = {"steps": 60, "lr": 0.1, "loss": "mse", "seed": seed, "every": 60}
    return gc.train(relu_network(seed), data, before_update=clip, **how)


# %% name="puzzle-train" tags=["fragment", "nbval-check-output"]
norms = [[] for _ in range(5)]
raw = [run(seed, None) for seed in range(5)]
clipped = [
    run(seed, lambda p, seed=seed: norms[seed].append(float(gc.clip_grad_norm_(p, 1.0))))
    for seed in range(5)
]
for name, runs in (("without", raw), ("with", clipped)):
    ended = sum(bool(r.stopped) for r in runs)
    solved = sum(r.test_loss[-1] < 0.5 / 6 for r in runs)
    print(f"{name:7} the line: ended in NaN {ended} of 5   below half of 1/6: {solved} of 5")
print(f"largest ‖g‖ on the way above 100,000: {sum(max(n) > 1e5 for n in norms)} of 5")

# %% name="puzzle-picture" tags=["fragment"]
gc.Plot(
    "‖g‖ before clipping, in the run that survived (seed 0)",
    gc.Axis("update"),
    gc.Axis("‖g‖", "log"),
    (
        gc.Line(range(60), norms[0], "‖g‖", color="rnn"),
        gc.Line([0, 59], [1, 1], "threshold c = 1", "reference"),
    ),
)

# %% [markdown] name="puzzle-question" tags=["continue"]
# It survives gradients of more than 100,000. It has not learned yet, either. **What has this line done
# to the gradient, what has it left, and why 1?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Somebody will say that a smaller learning rate would do as well. Lesson 03's network at
# $\eta = 0.001$, a hundred times smaller, is thrown all the same: after 30 updates the loss stands
# above the start in each of twelve runs, by 15 decades in the median. (Clipped, at $\eta = 0.1$, it
# stands at a fifth of the start.) The next gradient may be a million times larger, and no fixed η
# can know that.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · Three ways to clip
#
# - **By global norm**: if $\|g\| > c$, multiply all of $g$ by $c/\|g\|$ (Pascanu et al. 2013).
# - **By tensor**: the same for each weight matrix and each bias by itself.
# - **By value**: cut every entry at $\pm c$.
#
# ### Predict

# %% name="predict-by-value" tags=["fragment"]
gc.panel("clipping/by-value")

# %% [markdown] name="drag-arrows" tags=["subslide"]
# ### Drag
#
# A gradient with two entries. Look at the two clipped arrows while you lower $c$; then turn the
# gradient. Where does clipping by value not turn it?

# %% name="demo-arrows" tags=["fragment"]
gc.demo("clipping/arrows")

# %% [markdown] name="measure-angle-intro" tags=["subslide"]
# ### Measure
#
# The first gradient of the puzzle's network, clipped in three ways with torch's own functions, at
# thresholds from "no effect" down to a millionth of that. The angle is between raw and clipped
# gradient.


# %% name="angle-helpers" tags=["fragment"]
def by_tensor(parameters, c):
    for p in parameters:
        torch.nn.utils.clip_grad_norm_([p], c)


def angle(a, b):
    cosine = float(a @ b / (a.norm() * b.norm()))
    return round(math.degrees(math.acos(min(1.0, cosine))), 3)


def pieces(g):
    flat = torch.cat([part.ravel() for part in g])
    each = torch.stack([part.norm() for part in g])
    return {"global norm": flat.norm()[None], "tensor": each, "value": flat.abs()}


# %% name="measure-angle" tags=["fragment"]
clips = torch.nn.utils.clip_grad_norm_, by_tensor, torch.nn.utils.clip_grad_value_
ratios, angles = np.logspace(0, -6, 25), {}
for seed in range(5):
    data = gc.adding_problem(100, train=64, test=1, seed=seed)
    net = relu_network(seed).double()
    parameters = list(net.parameters())
    g = torch.autograd.grad(F.mse_loss(net(data.x_train.double()), data.y_train), parameters)
    for clip, (name, sizes) in zip(clips, pieces(g).items(), strict=True):
        for c in ratios * float(sizes.max()):
            for p, part in zip(parameters, g, strict=True):
                p.grad = part.clone()
            clip(parameters, c)
            left = torch.cat([p.grad.ravel() for p in parameters])
            raw_g = torch.cat([part.ravel() for part in g])
            angles.setdefault((name, seed), []).append(angle(raw_g, left))

# %% name="count-angle" tags=["fragment", "nbval-check-output"]
print("largest angle to the raw gradient, in degrees, of 5 networks:")
for name in ("global norm", "tensor", "value"):
    found = [max(angles[name, seed]) for seed in range(5)]
    print(f"  by {name:12} below 0.01: {sum(a < 0.01 for a in found)}", end="   ")
    print(f"40 to 75: {sum(40 < a < 75 for a in found)}   above 90: {sum(a > 90 for a in found)}")


# %% name="picture-angle" tags=["fragment"]
lines = []
for (name, sizes), color in zip(pieces(g).items(), ("blue", "green", "vermillion"), strict=True):
    expected = [angle(sizes, sizes.clamp(max=c)) for c in ratios * float(sizes.max())]
    lines += gc.with_theory(ratios, angles[name, 4], expected, f"by {name}", color)
gc.Plot(
    "How far clipping turns the gradient (seed 4)",
    gc.Axis("c, relative to the largest piece", "log"),
    gc.Axis("angle, degrees", limits=(-3, 93)),
    tuple(lines),
)

# %% [markdown] name="explain-angle" tags=["subslide"]
# ### Explain
#
# All three are one rule. Cut $g$ into **pieces**: one piece, the tensors, or the single entries. A
# piece of size $s_i$ keeps its direction and becomes $\min(s_i, c)$ long. The dot product of old and
# new adds up piece by piece, so
#
# $$\cos(\text{angle}) = \frac{\sum_i s_i \min(s_i, c)}{\sqrt{\sum_i s_i^2}\,
#   \sqrt{\sum_i \min(s_i, c)^2}} \;\xrightarrow{\;c \to 0\;}\; \frac{\operatorname{mean}(s)}
#   {\operatorname{rms}(s)} .$$
#
# rms is the root of the mean square; both are over the pieces that are not 0. With one piece the
# cosine is 1. With several, a small $c$ makes all pieces equally large, and the angle says how unequal
# they were: $37°$ for Gaussian entries ($\sqrt{2/\pi} = 0.80$), here between 40° and 75°, since a few
# pieces hold most of this gradient.
#
# No term of the upper sum is negative. So the angle is never above 90°: for this batch and a step
# short enough, each way still goes downhill. Only the global norm goes *straight* downhill.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 7 min
#
# Answers to the prediction: 0 ("it only gets shorter") and 90. It is 44°. By value with a tiny c is
# sign descent: every entry ±c. Somebody may defend it: Adam is close to that, too, and works well.
# True. Turning is not wrong by itself; it is a different algorithm, and one should know it.

# %% [markdown] name="bridge-1" tags=["continue"]
# The direction is kept, if we clip by global norm. **But how short is short enough?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · The cliff, and a threshold
#
# ### Predict

# %% name="predict-smallest" tags=["fragment"]
gc.panel("clipping/smallest")

# %% [markdown] name="drag-survive" tags=["subslide"]
# ### Drag
#
# Lesson 03's surface and a run from one place, 300 updates. Lower the threshold from 10,000, where
# it does nothing. From where on does the run stay in the picture? And when does it no longer arrive?

# %% name="demo-survive" tags=["fragment"]
gc.demo("clipping/survive")

# %% [markdown] name="measure-cliff-intro" tags=["subslide"]
# ### Measure
#
# 300 runs from random places on the plateau, as in lesson 03, for many thresholds. *Thrown*: one
# step was longer than 1. *Arrived*: the loss at the end is below 0.01. Look for the thresholds at which
# all arrive.


# %% name="cliff-descent" tags=["fragment"]
def loss_and_slope(w, b):
    """ℒ = ½(h_50 − 0.7)² of h_t = tanh(w h_(t−1) + b), h_0 = −0.5, and its gradient, forwards."""
    h, by_w, by_b = np.full_like(w, -0.5), np.zeros_like(w), np.zeros_like(w)
    for _ in range(50):
        old, h = h, np.tanh(w * h + b)
        by_w, by_b = (1 - h**2) * (old + w * by_w), (1 - h**2) * (1 + w * by_b)
    return 0.5 * (h - 0.7) ** 2, (h - 0.7) * np.array([by_w, by_b])


# %% name="cliff-runs" tags=["fragment"]
c = np.append(np.logspace(-1.5, 3.5, 11), [0.1, 5.0, np.inf])[:, None]  # a row of runs for each
start = np.random.default_rng(0).random((2, 1, 300))
place = start * [[[0.25]], [[0.2]]] + [[[1.35]], [[-0.1]]] + 0 * np.minimum(c, 1)
longest = np.zeros((14, 300))
for _ in range(300):
    g = loss_and_slope(*place)[1]
    size = np.linalg.norm(g, axis=0)
    place = place - 0.02 * g * np.minimum(1.0, c / np.maximum(size, 1e-30))
    longest = np.maximum(longest, 0.02 * np.minimum(size, c))

# %% name="measure-cliff" tags=["fragment", "nbval-check-output"]
thrown = (longest > 1 + 1e-9).mean(axis=1)
came = (loss_and_slope(*place)[0] < 0.01).mean(axis=1)
for k, name in ((11, "c = 0.1"), (12, "c = 5"), (13, "no clipping")):
    print(f"{name:11}  thrown {round(3 * thrown[k])}/3   arrived {round(3 * came[k])}/3", end="")
    print("   (to the nearest third)")

# %% name="picture-cliff" tags=["fragment"]
gc.Plot(
    "Lesson 03's cliff, 300 clipped updates, η = 0.02",
    gc.Axis("threshold c", "log"),
    gc.Axis("share of 300 runs", limits=(-0.02, 1.04)),
    (
        gc.Line(c[:11, 0], came[:11], "arrived", color="green"),
        gc.Line(c[:11, 0], thrown[:11], "thrown", color="vermillion"),
        gc.Line([22.5, 22.5], [0, 1], "ηc = 0.45, back over the wall", "reference"),
    ),
)

# %% name="measure-two-numbers" tags=["fragment"]
from gradcourse.experiments import clipping as trial

print("η = 0.02:   ", end="")
for limit in (10.0, 20.0, 32.0, 50.0, math.inf):
    print(f"   c = {limit:g}: {trial.share_that_arrives(limit):.2f} arrive", end="")
print("\nηc = 0.1:   ", end="")
for rate in (0.001, 0.005, 0.02, 0.1):
    share = trial.share_that_arrives(0.1 / rate, rate=rate)
    print(f"   η = {rate:g}: {share:.2f} arrive", end="")

# %% [markdown] name="explain-cliff" tags=["subslide"]
# ### Explain
#
# A clipped step is never longer than $\eta c$. With $\eta = 0.02$ nobody *can* be thrown farther than 1
# if $c \le 50$: that is arithmetic, and no success. At $c = 50$ no more runs arrive than without
# clipping. What the wall asks for is a step shorter than about 0.45, the distance from its foot back over
# it: up to $\eta c = 0.4$ all arrive. Since the direction is kept, a step from the wall then leads down
# the wall, to the plain that unclipped descent flew over.
#
# The price: 300 steps lead $300\,\eta c$ far at the most. At $c = 0.1$ that is 0.6, and most runs are
# still on their way. **Two numbers count: where the threshold bites, the step is $\eta c$; below it, it
# is $\eta$ times a small gradient.** With the same $\eta c = 0.1$ a small η leaves most runs on the
# plateau, where no gradient is large enough to be clipped.
#
# (Zhang et al. 2020 prove it for a class of losses: where the curvature may grow with the gradient,
# as it does on a wall, clipped descent can be faster by any factor than descent with one fixed rate.)

# %% [markdown] name="history-intro" tags=["subslide"]
# ### Measure · a threshold from the norm's history
#
# In a real network nobody knows the cliff. But one can look at the norms so far. Which number of the
# history is "ordinary"? Here are the puzzle's: the mean, and the median, which half of them exceed.

# %% name="measure-history" tags=["fragment", "nbval-check-output"]
history = np.array(norms)
large = history.mean(axis=1) > 10 * np.median(history, axis=1)
print(f"mean of the norms more than 10 times their median: {sum(large)} of 5")

# %% [markdown] name="history-explain" tags=["continue"]
# The mean belongs to the few largest. Pascanu et al. (2013) look at the average norm over many
# updates, and found thresholds from half of it to ten times as much usable; that needs norms without
# such a tail. A **percentile** does not mind the tail: nine norms in ten lie below the 90th, so it
# would clip one update in ten. (Seetharaman et al. 2020 let the threshold follow a percentile.)
#
# Now a use of it. Eight ReLU layers learn the digits well at $\eta = 0.1$. We take the history of
# that run, and then dare $\eta = 1$.

# %% [markdown] name="agc-intro" tags=["subslide"]
# ### Measure · adaptive clipping
#
# Brock et al. (2021) compare each unit's gradient with its own weights: $\|g_i\| \le \lambda
# \max(\|W_i\|, 10^{-3})$, where $W_i$ is row $i$, the weights into unit $i$. With plain gradient
# descent a step then never changes a unit's weights by more than the share $\eta\lambda$. This is
# **AGC**, adaptive gradient clipping. (They leave out the last layer; here it is in.)


# %% name="agc" tags=["fragment"]
def agc(parameters, limit=0.01):
    for p in parameters:  # a bias counts as one row
        w = p.detach().reshape(len(p), -1) if p.dim() > 1 else p.detach()[None]
        g = p.grad.reshape(w.shape)  # a view: what we do to it is done to p.grad
        allowed = limit * w.norm(dim=1, keepdim=True).clamp_min(1e-3)
        g.mul_((allowed / g.norm(dim=1, keepdim=True).clamp_min(1e-30)).clamp(max=1.0))


def by_norm(c):
    return lambda parameters: gc.clip_grad_norm_(parameters, c)


# %% name="digits-helpers" tags=["fragment"]
def train_digits(seed, lr, clip, factor=1.0, **more):
    net = gc.mlp(8, activation="relu", init="he", seed=seed)

    def loss(z, y):
        return factor * F.cross_entropy(z, y)

    how = {"steps": 150, "every": 150, "seed": seed, "loss": loss, **more}
    return gc.train(net, gc.digits(), lr=lr, before_update=clip, **how)


def ninetieth_percentile(seed):
    seen = []
    train_digits(seed, 0.1, lambda p: seen.append(float(gc.clip_grad_norm_(p, math.inf))))
    return np.percentile(seen, 90)


# %% name="measure-agc" tags=["fragment", "nbval-check-output"]
limits = [ninetieth_percentile(seed) for seed in range(5)]
ways = {
    "no clipping": lambda seed: None,
    "c = 90th percentile at η = 0.1": lambda seed: by_norm(limits[seed]),
    "a tenth of that": lambda seed: by_norm(limits[seed] / 10),
    "AGC, λ = 0.01": lambda seed: agc,
}
print("8 ReLU layers, η = 1: more than 80 % of the test digits right, of 5 networks")
for name, way in ways.items():
    right = [train_digits(seed, 1.0, way(seed)).test_accuracy[-1] for seed in range(5)]
    print(f"  {name:31} {sum(r > 0.8 for r in right)}")
right = [train_digits(seed, 1.0, agc, 1000.0).test_accuracy[-1] for seed in range(5)]
print(f"  {'AGC again, the loss × 1000':31} {sum(r > 0.8 for r in right)}")

# %% [markdown] name="explain-agc" tags=["subslide"]
# ### Explain
#
# The percentile described the *norms* correctly but ignored η. With a ten times larger η, the same
# threshold allows steps ten times as long. A tenth of it, the same $\eta c$ as there, does it. **A
# threshold belongs to a learning rate.** So do not copy one from another project.
#
# AGC has a limit without a unit: a gradient relative to a weight. Multiply the loss by 1000, and the
# same λ with the same η still works. (λ itself has to be found, too; Brock et al. report 0.01 for
# large batches.)

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 9 min
#
# Most choose c = 5, some 0.1: "safer". The hump of the green line is the point: draw ηc as a
# stride on the board, between the width of the river and the way home. Ask before the table which
# row will fail. Nearly everybody trusts the percentile.

# %% [markdown] name="bridge-2" tags=["continue"]
# All this rests on one number, the norm. **Can one trust it?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Norms that lie, and the place in the loop
#
# ### Predict

# %% name="predict-huge" tags=["fragment"]
gc.panel("clipping/huge")

# %% [markdown] name="measure-huge-intro" tags=["subslide"]
# ### Measure
#
# Four gradients of equal size, clipped to norm 1: with torch, and with `gc.clip_grad_norm_`. Look at
# the second row: every number in it is finite.


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
# Does it matter? The puzzle's network, 16 units, but $W = 1.3\,I$. Nothing is infinite: neither a
# state, nor the loss (about $10^{20}$), nor one gradient. 60 updates, clipped at 1. Who always
# answers the mean has a loss of 0.17.


# %% name="stuck-helper" tags=["fragment"]
def clipped_run(seed, clip):
    """The norms that `clip` found, and the history of 60 updates."""
    data, norms = gc.adding_problem(100, train=2000, test=64, seed=seed), []
    net = relu_network(seed, width=16, gain=1.3)
    how = {"steps": 60, "lr": 0.1, "loss": "mse", "seed": seed, "every": 60}
    history = gc.train(net, data, before_update=lambda p: norms.append(float(clip(p, 1.0))), **how)
    return norms, history


# %% name="measure-stuck" tags=["fragment"] tolerance=["torch, log₁₀ of the last loss: 0.1 0.1 0.1", "gc, log₁₀ of the first norm: 0.1 0.1 0.1", "gc, last loss: 0.02 0.02 0.06"]
runs = {name: [clipped_run(seed, clip) for seed in range(5)] for name, clip in both.items()}
first = {name: [norms[0] for norms, _ in five] for name, five in runs.items()}
last = {name: [history.loss[-1] for _, history in five] for name, five in runs.items()}
moved = max(history.relative_change[-1].max() for _, history in runs["torch"])
print(f"torch, first norm: {min(first['torch'])} to {max(first['torch'])}")
print(f"torch, largest relative change of a weight matrix: {moved}")
print(f"torch, log₁₀ of the last loss: {gc.spread(np.log10(last['torch']), '.1f')}")
print(f"gc, log₁₀ of the first norm: {gc.spread(np.log10(first['gc']), '.1f')}")
print(f"gc, last loss: {gc.spread(last['gc'])}")

# %% [markdown] name="explain-huge" tags=["subslide"]
# ### Explain
#
# A norm is the root of a sum of squares, and in float32 the square of anything above $1.8 \cdot
# 10^{19}$ is $\infty$. Then $c/\infty = 0$: torch multiplies the gradient by 0, and says nothing.
# These networks stand still as long as every batch is like that, with a good direction in hand. In
# float64 the squares of all float32 numbers are finite; `gc.clip_grad_norm_` uses it where needed.
# Then every step has the length $\eta c = 0.1$ at most, and 60 of them lead down from $10^{20}$ to
# the loss of the mean. (Not straight: lesson 03's cliff is there, and after 30 updates one run in
# six was above 1000 again.)
#
# A gradient that *is* NaN or Inf is another thing. No factor makes it right: torch's factor turns all
# other entries into NaN or 0, too. Leave the update out, and find where it comes from
# (`gc.post_mortem`; torch has `error_if_nonfinite=True`).

# %% [markdown] name="loop-intro" tags=["subslide"]
# ### Measure · the place in the loop
#
# In half precision one multiplies the loss by a scale, here 1024, so that small gradients do not
# become 0 (lesson 12), and divides the gradients by it before the step: `unscale_`. Four places for
# one line. The true gradient has norm 10, $c = 1$, $\eta = 0.1$: how long is the step?


# %% name="loop-helper" tags=["fragment"]
def step_length(place):
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    loss = w @ torch.tensor([6.0, 8.0])
    for name in ("backward", "unscale_", "step"):
        if name == "backward":
            scaler.scale(loss).backward()
        else:
            getattr(scaler, name)(optimizer)
        if name == place:
            gc.clip_grad_norm_([w], 1.0)
    scaler.update()
    return float(w.detach().norm())


# %% name="measure-loop" tags=["fragment", "nbval-check-output"]
for place in ("nowhere", "backward", "unscale_", "step"):
    print(f"clip after {place:9} step of length {step_length(place):.4f}")

# %% [markdown] name="explain-loop" tags=["continue"]
# $\eta c = 0.1$ comes out in one place only: **zero_grad, backward, unscale_, clip, step, update.**
# While it is still scaled the gradient looks 1024 times too large, and the step becomes a thousandth.
# After the step it is too late. Adding up several small batches before one update? Then clip once,
# after the last backward: clipped one by one, they are other gradients.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 6 min
#
# The prediction surprises experts. Say where it comes from: the norm, not the gradient, overflows.
# The other end exists, too: below 1e-23 a float32 norm is 0, and a logged "gradient norm 0" may be a
# living gradient; lesson 01 had the numbers. For the loop: an exercise checks it with a scaler that
# overflows.

# %% [markdown] name="bridge-3" tags=["continue"]
# So far each step was $-\eta g$. Adam's step has nearly the same length, whatever the length of $g$.
# **What is left for clipping to do?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · Clipping and Adam
#
# Adam keeps two running means, $m$ of the gradients ($\beta_1 = 0.9$) and $v$ of their squares
# ($\beta_2 = 0.999$), and steps by $\eta\, m / \sqrt v$. (Both are corrected for their start at 0,
# which is written with a hat; a tiny ε, which Adam adds to the root, we leave out.) Multiply all
# gradients by 1000: $m$ and $\sqrt v$ grow alike, and the step is the same.
#
# ### Predict

# %% name="predict-accident" tags=["fragment"]
gc.panel("clipping/accident")

# %% [markdown] name="drag-spike" tags=["subslide"]
# ### Drag
#
# Gradients of size 1, and one spike. The line is the factor $1/\sqrt{\hat v}$ by which Adam
# multiplies. Look how long it takes to recover; then lower the threshold.

# %% name="demo-spike" tags=["fragment"]
gc.demo("clipping/spike")

# %% [markdown] name="measure-adam-intro" tags=["subslide"]
# ### Measure
#
# First: is Adam really blind to the size? The eight layers of step 2, 100 updates, $\eta = 0.001$,
# with the loss as it is and times 1000. Then the accident of the panel: at update 20 the gradient is
# 10,000 times too large. In the last row nothing is clipped, but after the accident we set Adam's
# memory back to empty: $m$, $v$ and the count of updates. Look at which lines turn down.


# %% name="adam-helpers" tags=["fragment"]
def adam_run(seed, clip_when, forget=False):
    made, updates = [], iter(range(1, 101))

    def adam(parameters):
        made.append(torch.optim.Adam(parameters, lr=0.001))
        return made[0]

    def hook(parameters):
        t = next(updates)
        for p in parameters:
            p.grad *= 1e4 if t == 20 else 1.0  # the accident
        if clip_when(t):
            gc.clip_grad_norm_(parameters, 1.0)
        if forget and t == 21:
            made[0].state.clear()

    return train_digits(seed, 0.001, hook, optimizer=adam, steps=100, every=10)


# %% name="measure-blind" tags=["fragment", "nbval-check-output"]
how = {"optimizer": lambda p: torch.optim.Adam(p, lr=0.001), "steps": 100, "every": 100}
alike = 0
for seed in range(5):
    plain, loud = (train_digits(seed, 0.001, None, f, **how).test_accuracy[-1] for f in (1, 1000))
    alike += abs(plain - loud) < 0.05
print(f"the loss × 1000 changes the accuracy by less than 5 points: {alike} of 5")

# %% name="measure-adam" tags=["fragment", "nbval-check-output"]
when = {
    "never": lambda t: False,
    "at 20 only": lambda t: t == 20,
    "at all but 20": lambda t: t != 20,
}
adam_runs = {name: [adam_run(s, rule) for s in range(5)] for name, rule in when.items()}
adam_runs["never, emptied"] = [adam_run(s, when["never"], forget=True) for s in range(5)]
print("more than 80 % of the test digits right after 100 updates, of 5 networks")
for name, runs in adam_runs.items():
    print(f"  clipped {name:15} {sum(r.test_accuracy[-1] > 0.8 for r in runs)}")

# %% name="picture-adam" tags=["fragment"]
update, lines = np.arange(0, 101, 10), []
for (name, runs), color in zip(
    adam_runs.items(), ("vermillion", "blue", "orange", "green"), strict=True
):
    mean = np.mean([r.test_accuracy for r in runs], axis=0)
    lines.append(gc.Line(update, mean, f"clipped {name}", color=color))
gc.Plot(
    "Adam, with an accident at update 20 (mean of 5)",
    gc.Axis("update"),
    gc.Axis("share of the test digits right", limits=(0, 1)),
    tuple(lines),
)

# %% [markdown] name="explain-adam" tags=["subslide"]
# ### Explain
#
# A spike $S$ among gradients of size 1 enters $v$ with the share $1 - \beta_2 = 0.001$. $k$ updates
# later
#
# $$v \approx 1 + (1 - \beta_2)\,\beta_2^{\,k} S^2, \qquad \frac{1}{\sqrt v} \approx
#   \frac{1}{\sqrt{1 + 0.001 \cdot 0.999^k\, S^2}} .$$
#
# For $S = 10\,000$ the rate falls to $1/316$, and takes $\ln(100\,000)/0.001 \approx 11\,500$
# updates to come back. (At update 20 it is worse: $v$ has seen little else, so the accident nearly
# *is* the mean.) Adam bounds the step that the spike takes, and pays with all steps after it.
#
# Clipping the other 99 updates cannot take out of $v$ what is in it; it only makes the new gradients
# smaller beside it. Empty the memory instead, and the same weights learn: they were hardly harmed.
# (The mean falls after update 20 because of $m$, which walks on along the accident for some ten
# updates. Empty $m$ alone, and the networks stand still instead, for $v$ is as it was.)
# **With SGD clipping guards the step. With Adam it guards the memory most of all.**

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 6 min
#
# Most vote "all": the sentence before the panel invites it, and it is true of the step. Let them
# explain "clipped at all but 20" with the formula. The last row is the test of the explanation: the same
# weights, an empty memory. If asked about a smaller β₂, 0.95 as in many large runs: the memory is then
# 20 updates, and a spike is forgotten soon. Lesson 11 comes back to spikes.

# %% [markdown] name="bridge-4" tags=["continue"]
# Clipping treats the symptom, update by update. **Can one treat the weights, so that nothing
# explodes?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · Small weights, level gradients
#
# From lesson 03: one step back multiplies by slope times $W$. If $\sigma_{\max}(W)$ is below 1, a
# tanh network cannot explode. Three ways to press weights down:
#
# - **L2**: add $\tfrac12 \lambda \sum w^2$ to the loss; its gradient is $\lambda w$.
# - **L1**: add $\lambda \sum |w|$; its gradient is $\lambda\, \mathrm{sign}(w)$.
# - **Decoupled decay**: leave the gradient alone, and take $\eta\lambda w$ off each weight besides
#   the optimizer's step (Loshchilov & Hutter 2019; with η in it as in torch's `AdamW`).
#
# ### Predict

# %% name="predict-press" tags=["fragment"]
gc.panel("clipping/press")

# %% [markdown] name="measure-press-intro" tags=["subslide"]
# ### Measure
#
# Weights with no gradient but that of the penalty: those that read a silent channel in delayed
# recall. 100 updates. How much of them is left?

# %% name="press-helper" tags=["fragment"]
data = gc.delayed_recall(5, noise=0.0, train=2000, test=10)


def share_left(kind, lr, strength):
    net = gc.recurrent("rnn", 3, 32, 2, init="orthogonal")
    silent = net.rnn.weight_ih_l0.detach()[:, 2]  # a view: it shows the weights as they are
    before = silent.norm().item()
    how = {"optimizer": lambda p: kind(p, lr, weight_decay=strength), "steps": 100, "every": 100}
    gc.train(net, data, lr=lr, **how)
    return silent.norm().item() / before


# %% name="measure-press" tags=["fragment", "nbval-check-output"]
for kind, lr in ((torch.optim.SGD, 0.1), (torch.optim.Adam, 0.001), (torch.optim.AdamW, 0.001)):
    for strength in (0.01, 1.0):
        left, expected = share_left(kind, lr, strength), (1 - lr * strength) ** 100
        print(f"{kind.__name__:5} η = {lr:5}, λ = {strength:4}: left {left:.2f}", end="")
        print(f"   (1 − ηλ)^100 = {expected:.2f}")

# %% [markdown] name="explain-press" tags=["continue"]
# SGD and AdamW do what the formula says. **In Adam λ has no effect here**: $\lambda w$ is divided by
# its own size, and each weight walks to 0 by about η per update. Where a weight has a large gradient
# from the loss, it is the other way round: $\lambda w$ is divided by that large $\sqrt v$ and hardly
# pulls. Decoupled decay takes the same share of every weight.

# %% [markdown] name="drag-decay" tags=["subslide"]
# ### Drag
#
# A tanh network that starts with $\sigma_{\max}(W) = 1.2$, trained on the adding problem of 20 steps
# with L2 on $W$. Raise λ until it can no longer explode. What has become of lag 19?

# %% name="demo-decay" tags=["fragment"]
gc.demo("clipping/decay")

# %% [markdown] name="measure-decay-intro" tags=["subslide"]
# ### Measure
#
# The same for five seeds, with L1, too. Look at which lines leave the band, and on which side.


# %% name="decay-helper" tags=["fragment"]
def pressed(seed, kind, strength):
    """W after 150 updates, and the gradient against lag, relative to lag 0."""
    data = gc.adding_problem(20, train=1000, test=10, seed=seed)
    net = gc.recurrent("rnn", 2, 32, 1, init="orthogonal", gain=1.2, seed=seed)
    W = net.rnn.weight_hh_l0

    def press(parameters):
        gc.clip_grad_norm_(parameters, 1.0)
        W.grad += strength * (W.detach() if kind == "L2" else W.detach().sign())

    how = {"steps": 150, "lr": 0.1, "loss": "mse", "seed": seed, "every": 150}
    gc.train(net, data, before_update=press, **how)
    x, y = data.x_train[:64], data.y_train[:64]
    (n,) = gc.lag_gradient(net, x, lambda output: F.mse_loss(output, y)).values()
    return W.detach().numpy(), n[::-1] / n[-1]


# %% name="measure-decay" tags=["fragment", "nbval-check-output"]
lag, back = np.arange(20), {}
print("150 updates, of 5 networks  σ_max < 1  lag 19 below 1e-3  more than 40 % of |w| < 0.01")
for kind, strength in (("L2", 0.0), ("L2", 0.05), ("L1", 0.012)):
    pairs = back[kind, strength] = [pressed(seed, kind, strength) for seed in range(5)]
    small = sum(np.linalg.norm(W, 2) < 1 for W, _ in pairs)
    faded = sum(n[-1] < 1e-3 for _, n in pairs)
    zero = sum(np.mean(np.abs(W) < 0.01) > 0.4 for W, _ in pairs)
    print(f"{kind}, λ = {strength:5}              {small:8} {faded:15} {zero:16}")
pairs = back["L2", 0.05]
under = sum((n <= np.linalg.norm(W, 2) ** lag * (1 + 1e-5)).all() for W, n in pairs)
print(f"L2, λ = 0.05: gradient at or below σ_max^lag at every lag: {under} of 5")

# %% name="picture-decay" tags=["fragment"]
lines = []
for (kind, strength), color in zip(back, ("rnn", "blue", "green"), strict=True):
    mean = np.exp(np.mean([np.log(n) for _, n in back[kind, strength]], axis=0))
    lines.append(gc.Line(lag, mean, f"{kind}, λ = {strength}", color=color))
norm = np.mean([np.linalg.norm(W, 2) for W, _ in pairs])
lines.append(gc.Line(lag, norm**lag, "theory, bound σ_max^lag for L2", "theory", "blue"))
gc.Plot(
    "What pressing W down does to the past (mean of 5)",
    gc.Axis("lag T − t"),
    gc.Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log"),
    tuple(lines),
    (gc.Band(0.1, 10.0, "healthy: 0.1 to 10"),),
)

# %% [markdown] name="explain-decay" tags=["subslide"]
# ### Explain
#
# L2 alone multiplies $W$, and so $\sigma_{\max}$, by $1 - \eta\lambda$ per update. After $t$ updates
# the bound on the gradient at lag $k$ is
#
# $$\sigma_{\max}(W_t)^k \approx \bigl[\sigma_{\max}(W_0)\,(1 - \eta\lambda)^t\bigr]^k ,$$
#
# with the lag in the exponent. (The loss pulls the other way: the $\sigma_{\max}$ measured
# here are larger than this.) What
# keeps a gradient from exploding at lag 20 makes it vanish at lag 20. L1 takes the same amount off
# every weight, so small ones come to 0, within the jitter of $\pm\eta\lambda$ about it; the norm
# falls slowly, since its few large weights are left.
#
# Pressing knows only "smaller". **Could one ask for *level*?**

# %% [markdown] name="omega-intro" tags=["subslide"]
# ### Pascanu's Ω
#
# Pascanu, Mikolov and Bengio (2013) ask for it directly. With $\delta_t = \partial\mathcal{L}/
# \partial h_t$, a row, and one step back $J_t = \operatorname{diag}(1 - h_t^2)\,W$:
#
# $$\Omega = \operatorname{mean}_t \left(\frac{\|\delta_t J_t\|}{\|\delta_t\|} - 1\right)^{\!2} .$$
#
# It is 0 where each step back keeps the length of *the gradient that comes*, not of every vector.
# Ω is added to the loss; to keep it cheap, $h_t$ and $\delta_t$ count as constants, and its gradient
# reaches $W$ through $J_t$ only. (Theirs is a sum over $t$, and written for the pre-activations. With
# a mean the weight of Ω need not follow the length.) An exercise computes it by hand.

# %% [markdown] name="measure-omega-intro" tags=["subslide"]
# ### Measure
#
# Recall a symbol after 20 silent steps; tanh, 32 units as torch makes them, plain gradient descent,
# $\eta = 0.1$, 200 updates, clipped at 1. Five seeds, without Ω and with it. Look at lag 20,
# where the symbol is.


# %% name="omega-helper" tags=["fragment"]
def recall(seed, weight, c=1.0, init="default"):
    """Test accuracy; gradient against lag at the end, relative to lag 0; σ_max(W)."""
    data = gc.delayed_recall(20, noise=0.0, train=2000, test=500, seed=seed)
    net = gc.recurrent("rnn", 3, 32, 2, init=init, seed=seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    batches = torch.randint(2000, (200, 64), generator=torch.Generator().manual_seed(seed))
    for rows in batches:
        x, loss = data.x_train[rows], partial(F.cross_entropy, target=data.y_train[rows])
        optimizer.zero_grad()
        loss(net(x)).backward()
        if weight:
            (weight * gc.pascanu_omega(net, x, loss)).backward()
        gc.clip_grad_norm_(net.parameters(), c)
        optimizer.step()
    (n,) = gc.lag_gradient(net, x, loss).values()
    norm = float(torch.linalg.matrix_norm(net.rnn.weight_hh_l0.detach(), 2))
    return gc.accuracy(net, data.x_test, data.y_test), n[::-1] / n[-1], norm


# %% name="measure-omega" tags=["fragment", "nbval-check-output"]
recalled = {weight: [recall(seed, weight) for seed in range(5)] for weight in (0.0, 1.0)}
print("weight of Ω   > 95 % right   gradient at lag 20 > 0.01   σ_max(W) > 1.16   (of 5)")
for weight, runs in recalled.items():
    right = sum(r > 0.95 for r, _, _ in runs)
    alive = sum(n[-1] > 0.01 for _, n, _ in runs)
    print(f"{weight:11} {right:14} {alive:27} {sum(norm > 1.16 for *_, norm in runs):17}")

# %% name="picture-omega" tags=["fragment"]
lines = []
for runs, name, color in zip(
    recalled.values(), ("without Ω", "with Ω"), ("rnn", "blue"), strict=True
):
    mean = np.exp(np.mean([np.log(n) for _, n, _ in runs], axis=0))
    lines.append(gc.Line(np.arange(21), mean, name, color=color))
gc.Plot(
    "Recall after 20 steps, at the end of training (mean of 5)",
    gc.Axis("lag T − t"),
    gc.Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log"),
    tuple(lines),
    (gc.Band(0.1, 10.0, "healthy: 0.1 to 10"),),
)

# %% [markdown] name="omega-control-intro" tags=["continue"]
# The control: no Ω, but a $W$ that starts orthogonal (lesson 05).

# %% name="measure-omega-control" tags=["fragment"]
controls = [recall(seed, 0.0, init="orthogonal") for seed in range(5)]
print(f"orthogonal start, no Ω: right {gc.spread([right for right, *_ in controls])}")
print(f"   gradient at lag 20, of lag 0: {gc.spread([n[-1] for _, n, _ in controls])}")
print(f"   σ_max(W) {gc.spread([norm for *_, norm in controls])}")

# %% [markdown] name="explain-omega" tags=["continue"]
# From torch's start, clipping alone leaves the network deaf, five of five. Ω holds a road open along which
# this gradient keeps its size, and gradient descent finds the symbol, five of five. **An orthogonal start
# does as well without Ω**, and costs nothing. Ω is worth its second backward pass where the start cannot be
# chosen, or where training closes the road later. And neither is a universal cure: $\sigma_{\max}(W)$ ends
# well above 1, so other directions may explode. Clipping has to stay.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 8 min
#
# Panel: most answer "a hundred times as fast". Write Adam's step for g = λw on the board; λ cancels.
# Leave a minute for the sentence *what keeps it from exploding at lag 20 makes it vanish at lag 20*.
# For Ω draw the two arrows δ and δJ; only their lengths are compared.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Three sentences that one reads often, in our words.
#
# ### Claim 1: clipping also keeps gradients from becoming too small
#
# We let clipping do its best: at a small c, and even stretched up to norm 1 when the norm is smaller.


# %% name="claim-vanishing-helper" tags=["fragment"]
def early_share(seed, rule):
    """Of ∂ℒ/∂W of the adding problem, 30 steps: the part of the first 15 steps, relative."""
    data = gc.adding_problem(30, train=64, test=1, seed=seed)
    net = gc.recurrent("rnn", 2, 16, 1, seed=seed).double()
    x, y = data.x_train.double(), data.y_train.double()
    whole, late = [
        torch.autograd.grad(F.mse_loss(model(x), y), net.rnn.weight_hh_l0)[0]
        for model in (net, gc.nets.Truncated(net, 15))
    ]
    factor = rule(float(whole.norm()))
    return float((factor * whole - factor * late).norm() / (factor * whole).norm())


# %% name="claim-vanishing-measure" tags=["fragment", "nbval-check-output"]
rules = {
    "raw": lambda norm: 1.0,
    "clipped at 0.001": lambda norm: min(1.0, 0.001 / norm),
    "stretched to 1": lambda norm: 1.0 / norm,
}
faint = []
for name, rule in rules.items():
    faint.append(sum(early_share(seed, rule) < 1e-3 for seed in range(5)))
    print(f"{name:17} share of the first 15 steps below 1e-3: {faint[-1]} of 5")
deaf = sum(recall(seed, 0.0, c=0.1)[0] < 0.6 for seed in range(5))
print(f"recall after 20 steps, clipped at 0.1: less than 60 % right {deaf} of 5")
print("verdict:", "fails" if min(*faint, deaf) == 5 else "holds")

# %% [markdown] name="claim-vanishing-verdict" tags=["continue"]
# **Fails.** Clipping has a ceiling and no floor. And a floor would not help: one factor for all of
# $g$ changes every part alike, so the *share* of the early steps stays what it was. What vanishes is
# that share (lesson 03).

# %% [markdown] name="claim-direction" tags=["subslide"]
# ### Claim 2: clipping by norm keeps the direction
#
# Of one batch: step 1 measured it, 0°. But training follows the mean over many batches. A network of
# two tanh layers, after 300 updates; 500 single digits, each one's gradient clipped by norm at the
# 90th percentile, and at the 50th. How far is the mean of the clipped from the mean?


# %% name="claim-direction-helper" tags=["fragment"]
def single_gradients(seed, data):
    """One gradient per digit, a row each; and which digits the network gets wrong."""
    net = gc.mlp(2, activation="tanh", init="xavier", seed=seed)
    gc.train(net, data, steps=300, lr=0.1, seed=seed, every=300)
    x, y, rows = data.x_train[:500], data.y_train[:500], []
    for i in range(500):
        loss = F.cross_entropy(net(x[i : i + 1]), y[i : i + 1])
        g = torch.autograd.grad(loss, list(net.parameters()))
        rows.append(torch.cat([part.ravel() for part in g]).double())
    return torch.stack(rows), net(x).argmax(1) != y


# %% name="claim-direction-measure" tags=["fragment", "nbval-check-output"]
turned, hard = {90: [], 50: []}, 0
for seed in range(5):
    each, wrong = single_gradients(seed, gc.digits())
    size = each.norm(dim=1, keepdim=True)
    hard += bool((size[wrong] > np.percentile(size, 80)).all())
    for percent, found in turned.items():
        c = np.percentile(size, percent)
        found.append(angle(each.mean(0), (each * (c / size).clamp(max=1)).mean(0)))
for percent, found in turned.items():
    far = [sum(a > limit for a in found) for limit in (15, 45)]
    print(f"clipped at the {percent}th percentile: turned by more than", end=" ")
    print(f"15° in {far[0]} of 5, more than 45° in {far[1]} of 5")
print(f"all digits that it gets wrong are among the largest fifth: {hard} of 5")
print("verdict:", "holds only if" if min(turned[90]) > 15 else "holds")

# %% [markdown] name="claim-direction-batches-intro" tags=["continue"]
# Single digits are the hardest case: nobody trains so, except for privacy, where each example is clipped
# by itself (Chen, Wu & Hong 2020 study that bias). The same network with the batches of an ordinary
# training, threshold at the 90th percentile:

# %% name="claim-direction-batches" tags=["fragment"]
for size in (1, 8, 64):
    away = [trial.mean_turned(trial.gradients_by_batch(size, seed), 90) for seed in range(5)]
    print(f"batches of {size:2}: clipping turns the mean by {gc.spread(away, '.1f')} degrees")

# %% [markdown] name="claim-direction-verdict" tags=["continue"]
# **Holds only if** you speak of the global norm, and of one batch or of large batches. In the mean over
# single digits the few large gradients count for less, and among them is every digit that the network
# still gets wrong. The gradients of 64 digits are already means; few of them stand out, and clipping turns
# their mean by a degree.

# %% [markdown] name="claim-weights" tags=["subslide"]
# ### Claim 3: weight regularization prevents explosion
#
# The puzzle's run again, unclipped, with torch's L2 (`weight_decay`). And the networks of step 5,
# whose norm L2 had already pressed below 1.


# %% name="claim-weights-measure" tags=["fragment", "nbval-check-output"]
def ends_in_nan(seed, strength):
    data = gc.adding_problem(100, train=640, test=10, seed=seed)
    how = {"steps": 10, "lr": 0.1, "loss": "mse", "seed": seed, "every": 10}
    how["optimizer"] = lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=strength)
    return bool(gc.train(relu_network(seed), data, **how).stopped)


for strength in (0.01, 1.0):
    ended = sum(ends_in_nan(seed, strength) for seed in range(5))
    print(f"the puzzle's run with weight_decay = {strength:4}: ended in NaN {ended} of 5")
small = sum(np.linalg.norm(W, 2) < 1 and n.max() <= 1 for W, n in back["L2", 0.05])
print(f"tanh, pressed below norm 1 (step 5): no lag above lag 0 in {small} of 5")
print("verdict:", "holds only if" if ended and small == 5 else "fails")

# %% [markdown] name="claim-weights-verdict" tags=["continue"]
# **Holds only if** the norm is *already* below $1/\gamma$ ($\gamma$ is the largest slope, 1 for tanh
# and ReLU), and then the gradient vanishes. A penalty works over hundreds of updates; one step off a
# cliff needs one.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 5 min
#
# Vote before each cell. Claim 1: ask what a factor does to a share. Claim 2: let the hall find a bias
# with two gradients on paper: +10 once in ten, −0.5 otherwise, c = 1: the mean is 0.55, the mean of
# the clipped −0.35. For claim 3 ask *when*: before the step, or after a hundred.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Between `backward` and `step`: clip, and keep the norm. The history of the norms shows what was
# ordinary, and gives the threshold of the next run.

# %% name="your-network-code" tags=["fragment"]
model, history = torch.nn.LSTM(8, 32, batch_first=True), []
model(torch.randn(4, 100, 8))[0].square().mean().backward()

history.append(float(gc.clip_grad_norm_(model.parameters(), 1.0)))  # clip, and keep the norm
threshold = np.percentile(np.array(history)[np.isfinite(history)], 90)  # for the next run

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# If `history` is above the threshold at nearly every update, the threshold is a learning rate in
# disguise. If it never is, it costs nothing, and guards.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Clipping by global norm keeps the direction of a batch's gradient; by tensor and by value turn it,
#   never beyond 90°. In the mean over many gradients it turns, too: by 40° for single digits, by one
#   degree for batches of 64.
# - Where it bites, the longest step is $\eta c$; keep it shorter than what you must not jump over. A
#   threshold belongs to a learning rate; AGC's belongs to the weights.
# - A float32 norm overflows at gradients above $10^{19}$, and clipping then yields 0. Clip once, after
#   `unscale_`, before `step`.
# - With Adam clipping guards the memory $v$ more than the step.
# - Small weights prevent explosion by making gradients vanish. Ω asks for level ones, and an orthogonal
#   start often has them. Clipping does nothing against vanishing.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Nine questions, 18 points: [exercises/09_clipping.ipynb](../exercises/09_clipping.ipynb).
#
# **Next:** lesson 10, diagnosis. You now have a cure for every disease of this course. But a run that
# has died does not say of which. **What does one measure, and in which order?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Pascanu, Mikolov & Bengio (2013), *On the difficulty of training recurrent neural networks*,
#   arXiv:1211.5063, ICML: clipping by norm, the cliff, Ω, and what small weights cost.
# - Zhang, He, Sra & Jadbabaie (2020), *Why gradient clipping accelerates training: a theoretical
#   justification for adaptivity*, arXiv:1905.11881, ICLR.
# - Mikolov (2012), *Statistical language models based on neural networks*, PhD thesis, Brno: clipping
#   by value.
# - Seetharaman, Wichern, Pardo & Le Roux (2020), *AutoClip: adaptive gradient clipping for source
#   separation networks*, arXiv:2007.14469, MLSP: a percentile of the history.
# - Brock, De, Smith & Simonyan (2021), *High-performance large-scale image recognition without
#   normalization*, arXiv:2102.06171, ICML: AGC.
# - Kingma & Ba (2015), *Adam: a method for stochastic optimization*, arXiv:1412.6980, ICLR.
# - Loshchilov & Hutter (2019), *Decoupled weight decay regularization*, arXiv:1711.05101, ICLR.
# - Chen, Wu & Hong (2020), *Understanding gradient clipping in private SGD: a geometric
#   perspective*, arXiv:2006.15429, NeurIPS: the mean of clipped gradients.
# - Micikevicius et al. (2018), *Mixed precision training*, arXiv:1710.03740, ICLR: the scale of the
#   loss.
# - Le, Jaitly & Hinton (2015), *A simple way to initialize recurrent networks of rectified linear
#   units*: the ReLU network with $W = I$.
