# %% [markdown] name="title" tags=["slide"]
# # 10 · Diagnosis and the emergency room
#
# **After this lesson you can say which signs of a sick network deserve trust, ask the cheap questions
# first, and treat a network that you have never seen.**
#
# *45 minutes. With the deeper steps 50. You need lessons 02 to 06; a glance at 08 and 09 helps.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse.experiments import diagnosis as trial
from gradcourse.experiments.measurements import picture, stored
from gradcourse.experiments.ward import network

# %% [markdown] name="why" tags=["continue"]
# **Why it mattered.** In the winter of 2021 a team at Meta trained a language model of 175 billion
# parameters, and published its logbook (Zhang et al. 2022). Again and again the loss diverged. Each time
# somebody had to decide whether the run was ill, and of what; mostly they went back to a checkpoint and
# lowered the learning rate by hand. **Is the run ill, or does the curve only look odd?**

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# Ask who has waited a night for a run that was dead after the first minute, and which curve they
# looked at. Collect the signs that people name on the board; step 2 measures them.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Two networks, trained on the digits. One is sick. Look at the norm of the gradient first, then decide.

# %% name="puzzle-measure" tags=["fragment"]
for name, runs in trial.two_networks().items():
    print(f"{name}  largest ‖g‖ {gc.spread([run.norm.max() for run in runs], '.1f')}")
    print(f"   smallest ‖g‖ {gc.spread([run.norm.min() for run in runs], '.1f')}")

# %% name="puzzle-answer" tags=["fragment"]
for name, runs in trial.two_networks().items():
    print(f"{name}  right on the test digits {gc.spread([run.measured for run in runs])}")

# %% [markdown] name="puzzle-question" tags=["continue"]
# The gradient of A is above 1 at every step, by far, and A is well. B has the norms of a textbook and
# has learned nothing. **If not the norm, what does one measure, and in which order?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Vote before the second cell. A: Adam, its loss multiplied by a large number. B: its rows and labels were
# shuffled apart. Do not tell; both come back.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · What people bring
#
# ### Predict

# %% name="predict-causes" tags=["fragment"]
gc.panel("diagnosis/causes")

# %% [markdown] name="measure-causes-intro" tags=["subslide"]
# ### Measure
#
# The causes of those 109 questions, counted for this course. Then the commonest one, built afresh: a
# softmax on a single output. Three cheap questions are put to it, before any training.

# %% name="measure-causes" tags=["fragment", "nbval-check-output"]
for name, count, _ in trial.CAUSES:
    print(f"{count:3}  {name}")
print(f"the last layer does not fit in {trial.share_of_heads():.0%}: the first five")

# %% name="measure-softmax" tags=["fragment", "nbval-check-output"]
torch.manual_seed(0)
x = torch.randn(256, 8)
y = (x[:, :1] > 0).float()
head = torch.nn.Softmax(dim=1)
net = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1), head)
out = net(x)
loss = F.binary_cross_entropy(out, y)
loss.backward()
print(f"loss at the start {loss.item():.0f}; a constant answer has ln 2 = {np.log(2):.2f}")
print(f"outputs from {out.min().item():.1f} to {out.max().item():.1f}")
print(f"largest gradient {max(float(p.grad.abs().max()) for p in net.parameters())}")

# %% [markdown] name="explain-softmax" tags=["subslide"]
# ### Explain
#
# A softmax over one number is that number divided by itself, whatever the weights are:
#
# $$p = \frac{e^z}{e^z} = 1, \qquad \frac{\partial p}{\partial z} = p\,(1 - p) = 0 .$$
#
# So the gradient is exactly 0, the outputs are all 1, and the loss begins far from ln 2: torch cuts the
# logarithm of 0 at −100, and each row of class 0 costs that much. No norm, no
# histogram and no depth picture is needed: the first cheap question finds it.

# %% [markdown] name="triage" tags=["subslide"]
# ### The order of triage
#
# Ask what costs least first, and **stop at the first no**: what comes later may be its consequence.
# Questions 2 to 4 take seconds, and they find the heads: two of three of what people bring. (2 to 4 are
# Karpathy's, 2019; the order is ours, by cost. δ is the gradient with respect to a
# layer's output; $\|\Delta W\|/\|W\|$ is the update relative to the weights.)

# %% name="drawing-triage" tags=["fragment"]
trial.triage_tree(1, 5)

# %% name="drawing-triage-rest" tags=["subslide"]
trial.triage_tree(6, 9)

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 8 min
#
# Go through the drawing with the 109 in mind: which question finds which cause? ln C: outputs of a fresh
# network are nearly equal, so every class gets 1/C. One batch by heart: sixteen rows, two hundred steps;
# if that fails, more data cannot help.

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · Which signs deserve trust?
#
# A sign is good if the sick show it and the healthy do not. Articles list signs; hardly one counts the
# healthy. We train 218 small networks: 18 kinds of sickness, and 10 kinds of health, most of which *look*
# sick: converged, jumping, rising, oddly scaled, or with a loss that cannot become small.
#
# ### Predict
#
# Bet on one sign of every list: the norm of the gradient is above 1 at every step.

# %% name="predict-hits" tags=["fragment"]
gc.panel("diagnosis/hits")

# %% name="predict-alarms" tags=["fragment"]
gc.panel("diagnosis/alarms")

# %% [markdown] name="drag-threshold" tags=["subslide"]
# ### Drag
#
# Perhaps 1 is the wrong threshold? Move it. A good sign would come near the upper left corner, where
# all of the sick show it and none of the healthy. Does any threshold bring it there? (The blue dot is a
# ratio, for comparison: the update relative to the weights, far too small or too large.)

# %% name="demo-threshold" tags=["fragment"]
gc.demo("diagnosis/threshold")

# %% [markdown] name="measure-signs-intro" tags=["subslide"]
# ### Measure
#
# Every sign on all networks. This took minutes, so **it is stored**; the cell says when it was
# measured. Then one more network of each kind, with a new seed, is **trained now**. What each sign asks
# (the two with 1e-7, from the web: is the norm ever below it, or ever above the other number?):

# %% name="signs-list" tags=["skip", "nbval-check-output"]
for sign in trial.SIGNS:
    print(f"{sign.key:18} {sign.text}")

# %% name="measure-signs" tags=["fragment"]
table = stored("signs")
counted = trial.tally(table.rows)
now = trial.tally(trial.trained_now(seed=100))
print(f"stored: {len(table.rows)} networks, {table.made}; now: 28 networks")
print("                      of the sick   of the healthy   difference      now")
for name, found in sorted(counted.items(), key=lambda item: -item[1].advantage):
    live = now[name].advantage
    print(
        f"{name:18} {found.sensitivity:11.0%} {found.false_alarms:14.0%}"
        f" {found.advantage:13.2f} {live:10.2f}"
    )
missed = [
    row["kind"] for row in table.rows if not row["healthy"] and row["diagnosis"] == ["healthy"]
]
kinds = {kind: missed.count(kind) for kind in missed}
print("gc.diagnose misses, of six:", ", ".join(f"{kind} {n}" for kind, n in kinds.items()))

# %% name="picture-signs" tags=["fragment"]
bet = gc.bet("diagnosis/hits"), gc.bet("diagnosis/alarms")
trial.signs_plot(counted, now, bet)

# %% [markdown] name="explain-signs" tags=["subslide"]
# ### Explain
#
# A coin that says "sick" with probability $p$ lies on the diagonal, at $(p, p)$. What a sign is worth
# is its distance above it,
#
# $$\text{difference} = P(\text{shown} \mid \text{sick}) - P(\text{shown} \mid \text{healthy}) ,$$
#
# 0 for a coin and 1 for a perfect sign (Youden 1950). The norm has the units of the loss, and no
# threshold fits networks in different units. A **ratio** has none: the update relative to the weights,
# δ in the first layer relative to the last, the first loss relative to ln C. They raise no false alarm
# here, and each misses many of the sick, since it asks one question. `gc.diagnose` asks many. It misses
# three kinds of 18: two tests in the wrong mode, which no gradient shows, and a spike in Adam's memory, where
# the loss still falls a little. Of shuffled labels it misses five in six on some processors and all six on others,
# and blames the rate for the one it tells; of a part cut off by `detach()` it misses three in six. Of the single
# signs a poor or a flat loss tells best *that* something is wrong, and nothing of *what*.
#
# The shares belong to *our* mixture: 108 and 110, and as many of each kind. In yours there are others.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 11 min
#
# The same table as in any clinic: sensitivity, false alarms. Ask what happens to a sign with 5 % false
# alarms when only one run in a hundred is sick. The grey points are the networks trained now: with 18
# and 10 of them a difference can move by 0.2, and the four best stay in front.

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · The emergency room
#
# A network comes in, and **you see its loss curve, nothing else**. Every examination has a price in
# points. Name what you think it is, then choose a treatment: it is carried out, the network is trained
# again, and what it gains on the test rows is your score, 100 for all, minus the examinations, minus 25
# for each treatment without which it does as well. Some are healthy: discharge them untreated. One of 25 has two
# defects, and the first hides the second.
#
# In a cell, for one patient:

# %% name="room-by-hand" tags=["fragment"]
room = gc.emergency_room(4, patient=2)
print(room)
print(room.examine("first loss"))
print(room.examine("outputs"))
room.name("head")
room.treat("free the head")
print(room.discharge())

# %% [markdown] name="room-intro" tags=["subslide"]
# ### Your shift
#
# Write any number in place of 10: it decides who comes, in which order, and every kind comes once.

# %% name="room" tags=["fragment"]
gc.emergency_room(10)

# %% [markdown] name="room-explain" tags=["continue"]
# Two habits pay. Ask for what *separates* the causes that you still believe in, not for what is
# interesting. And change one thing at a time, so that the measurement can answer.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 10 min
#
# Let the hall play one patient by show of hands, with the prices on the board. Take a healthy one second
# (shift 4, patient 3): most halls treat it. `gradcourse check` and the class grader replay the same lines.

# %% [markdown] name="deeper-scale" tags=["slide", "deeper"]
# ## Deeper · A thousand times the loss
#
# Multiply a healthy network's loss by 1000, and see which signs change and which cannot.

# %% name="predict-thousand" tags=["fragment"]
gc.panel("diagnosis/thousand")

# %% name="measure-thousand" tags=["fragment"]
for optimizer, rate in (("adam", 1e-3), ("sgd", 0.1)):
    for scale in (1.0, 1000.0):
        change = {"optimizer": optimizer, "rate": rate, "scale": scale}
        runs = [network("sound", seed, **change) for seed in range(3)]
        print(f"{optimizer:4}, loss × {scale:4.0f}: ‖g‖ at update 0", end=" ")
        print(f"{gc.spread([run.norm[0] for run in runs], '.2g')}")
        print(f"     right {gc.spread([run.measured for run in runs])}")

# %% [markdown] name="explain-thousand" tags=["continue"]
# Adam divides $c\,g$ by the root of a running mean of $(c\,g)^2$: the factor $c$ cancels, up to its
# ε. Plain gradient descent takes $\eta\, c\, g$, as if the rate were a thousand times larger, and is
# ruined. The norm is the same in both. What differs is $\|\Delta W\|/\|W\|$, and that is the sign.

# %% [markdown] name="notes-thousand" tags=["notes"]
# **Speaker notes** · 4 min
#
# A gradient scaler (lesson 09) is this factor, and nobody calls a scaled run exploded.

# %% [markdown] name="deeper-board" tags=["slide", "deeper"]
# ## Deeper · Live instruments and TensorBoard
#
# One run as a record, the same run in TensorBoard on your own machine, and what its histogram pages show and cannot show.

# %% name="board-record" tags=["fragment", "nbval-check-output"]
model = gc.mlp(8, activation="sigmoid", seed=0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = gc.digits()
with gc.probe(model, optimizer, histogram_every=25) as record:
    for rows in torch.randint(len(data.x_train), (101, 64)):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data.x_train[rows]), data.y_train[rows])
        loss.backward()
        optimizer.step()
        record.log(loss)
board = gc.tensorboard(record)
print(f"{len(record)} updates, histograms of {len(record.weights)} matrices")

# %% name="board-start" tags=["fragment"]
board.start()

# %% [markdown] name="board-open" tags=["continue"]
# `board.url` is its address; nobody but this machine can open it, and it fetches nothing. Its pages
# **Histograms** and **Distributions** look like this; without TensorBoard you lose nothing.

# %% name="board-histograms" tags=["fragment"]
picture("tensorboard_histograms")

# %% name="board-distributions" tags=["fragment"]
picture("tensorboard_distributions")

# %% [markdown] name="board-explain" tags=["subslide"]
# Each panel is one matrix, over time. The shape of one matrix is easy to read, and that is what it is
# for. **What it cannot show is the change from panel to panel**: every panel has an axis of its own, an
# exact 0 has no place on it, and nobody compares the tick labels of nine panels. That change is the
# disease. One picture against depth has it:

# %% name="board-depth" tags=["fragment"]
gc.depth_plot(record, step=0, healthy=10.0, title="The same run, against depth")

# %% name="board-updates" tags=["fragment"]
gc.update_plot(record)

# %% [markdown] name="notes-board" tags=["notes"]
# **Speaker notes** · 5 min
#
# Open TensorBoard live if you can. Ask the hall to find the layer in which the gradient is lost; then
# show the depth picture. `board.stop()` ends it; it ends with the kernel, too.

# %% [markdown] name="deeper-nan" tags=["slide", "deeper"]
# ## Deeper · The first NaN
#
# A loss of NaN has a first step, a module and an operation, and `gc.watch` names all three.


# %% name="nan-model" tags=["fragment"]
class Entropy(torch.nn.Module):
    def forward(self, z):
        p = torch.softmax(30 * z, dim=1)
        return -(p * torch.log(p)).sum(1)  # 0 · log 0, once a probability underflows


torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 5), Entropy()
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
try:
    with gc.watch(model, optimizer):
        for _ in range(200):
            optimizer.zero_grad()
            model(torch.randn(64, 8)).mean().backward()
            optimizer.step()
except gc.NonFiniteError as error:
    print(error)

# %% [markdown] name="nan-explain" tags=["continue"]
# Without it one sees a NaN in *all* weights, since one update spreads it everywhere. The replay of the
# bad step finds the first module with finite input and output that is not.

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From a list of signs "to confirm that you have exploding gradients" (Brownlee 2017):
#
# > The error gradient values are consistently above 1.0 for each node and layer during training.

# %% name="vote-norm" tags=["fragment"]
gc.panel("diagnosis/claim-norm")

# %% [markdown] name="claim-norm-intro" tags=["continue"]
# Healthy networks whose loss is multiplied by 10⁶, trained by Adam, five seeds. The control: networks
# that do explode over their depth, under the same rule and under ours.

# %% name="claim-norm-measure" tags=["fragment"]
accused = [network("loud", seed, probed=True, scale=1e6) for seed in range(5)]
control = [network("overflow", seed, probed=True) for seed in range(5)]
for name, runs in (("healthy", accused), ("exploding", control)):
    least = [np.log10(run.norm.min()) for run in runs]
    print(f"{name:9} smallest ‖g‖ of the run, log₁₀: {gc.spread(least, '.1f')}")
    print(
        f"{name:9} decades of δ over the depth: {gc.spread([trial.decades(r) for r in runs], '.1f')}"
    )
    print(f"{name:9} right on the test digits: {gc.spread([run.measured for run in runs])}")
above = bool(min(run.record.weight_gradient_norm.min() for run in accused) > 1.0)
print("healthy   every layer above 1 at every update:", above)
print("verdict:", "fails" if above and min(run.measured for run in accused) > 0.8 else "holds")

# %% [markdown] name="claim-norm-verdict" tags=["continue"]
# **Fails**, as a sign that confirms. All layers of the healthy networks are above 1 at all updates. The
# exploding ones show it as well; what tells the two apart is the ratio of first layer to last.
# *Scope:* Adam, two to five layers, digits. With plain gradient descent a gradient this large does
# destroy, since its update is large: again a ratio decides.

# %% [markdown] name="claim-loss" tags=["subslide"]
# ### Claim 2
#
# Of a loss that stays at 2.30 = ln 10 (PyTorch forum, thread 43814, begun in 2019):
#
# > […] the model has stuck in a local minima, which is a pretty poor one, since the performance of the
# > model is basically equal to guessing randomly

# %% name="vote-loss" tags=["fragment"]
gc.panel("diagnosis/claim-loss")

# %% [markdown] name="claim-loss-intro" tags=["continue"]
# Four kinds of networks that end near ln 10, three of each. In a minimum the gradient is 0: the last
# column is the largest that layer 1 of the first one ever had.

# %% name="claim-loss-measure" tags=["fragment"]
print("kind           loss at the end                right after one change      ‖∂ℒ/∂W₁‖")
found = {name: trial.stuck(name) for name in ("timid", "mispaired", "deep sigmoid", "dead units")}
for name, (end, cured) in found.items():
    layer_one = network(name, 0, probed=True).record.weight_gradient_norm[:, 0]
    print(f"{name:13} {gc.spread(end)}    {gc.spread(cured)}    {np.nanmax(layer_one):.0e}")
print("verdict:", "fails" if min(found["timid"][1]) > 0.8 else "holds only if")

# %% [markdown] name="claim-loss-verdict" tags=["continue"]
# **Fails** as an explanation. The timid begin at the same weights, on the same surface, when they are
# cured by a rate 100 times larger, and learn. With shuffled labels (mispaired) ln 10 is the best that
# there is on new rows; in five times as many updates rows are learned by heart. Deep sigmoids need other units, dead ones other biases; only the dead have a
# gradient of exactly 0 in layer 1, and come near the word *stuck*; the post's own network was one.
# *Scope:* digits, our rates, 220 to 290 updates. A loss at ln C says **that** nothing was learned, never **why**.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 6 min
#
# Ask for the units of a gradient: loss per weight. Claim 2: why does the mispaired network stay at ln 10
# although all is well inside? There is nothing to be learned from labels that say nothing.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - **The edge of stability** (Cohen et al. 2021): gradient descent drives the sharpness λ, the largest
#   eigenvalue of the Hessian, up to 2/η and stays there. The loss jumps, and all is well.
# - A warm-up lets a network reach regions that bear a large rate (Gilmer et al. 2022).
# - Spikes of large runs were traced to Adam (Molybog et al. 2023), and small models at a larger rate show
#   what large ones will suffer from (Wortsman et al. 2024).
# - Tools that diagnose: AutoTrainer (Zhang et al. 2021), DeepFD (Cao et al. 2022), deepmufl (Ghanbari et
#   al. 2023), which ranks the faulty layer first in 53 of the 109. Ask of each what it
#   says of the healthy: AutoTrainer's authors report no false alarm.

# %% name="since-measure" tags=["fragment"]
for rate in (0.05, 0.06):
    edges = [trial.edge_of_stability(rate, seed) for seed in range(3)]
    print(f"η = {rate}: λ · η at the end {gc.spread([e.sharpness * rate for e in edges])}")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Around your own loop, unchanged. `who_trains` is question 5 of the drawing; the diagnosis names the
# finding first, then what to change, and the lesson that explains it. Put in a network of your own.

# %% name="your-network-code" tags=["fragment"]
data, head = gc.digits(), torch.nn.Softmax(dim=1)  # a slip: cross_entropy brings its own softmax
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10), head)
optimizer = torch.optim.Adam(model.parameters())

with gc.probe(model, optimizer) as record:
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data.x_train[:64]), data.y_train[:64])
        loss.backward()
        optimizer.step()
        record.log(loss)
print(record.who_trains())
gc.diagnose(record)

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# You have one sign that 95 % of the sick show, and 5 % of the healthy. Of your runs, one in fifty is
# sick. The sign is on. **What do you do?**
#
# <details>
# <summary>A model answer</summary>
#
# Of 1000 runs, 20 are sick and 19 of them show it; of 980 healthy ones 49 show it. So 19 of 68 alarms are
# true, 28 %. It is not time to treat, it is time for a second, independent question, the cheapest that
# separates. A second sign of the same quality lifts 28 % to 88 %, if its errors are independent of the
# first one's. Two signs that read the same number are one sign. And the cost counts: where a needless
# treatment costs a restart of a week, look twice; where it costs a minute, treat.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# Bayes with whole numbers. It is the reason why the emergency room has healthy patients.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - In 65 % of 109 public questions the last layer did not fit; ask the cheap questions first, and stop at
#   the first no.
# - A sign is worth what the sick show *minus* what the healthy show.
# - Norms have units. Ratios do not: update to weight, first layer to last, first loss to ln C.
# - A loss at ln C says that nothing was learned, not why.
# - The remedy decides: treat one thing, and measure.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Seven questions, 12 points: [exercises/10_diagnosis.ipynb](../exercises/10_diagnosis.ipynb). Questions 1
# to 5 belong to step 1, 6 to step 2, and the emergency room to step 3.
#
# **Next:** lesson 11, depth today. You can now find a disease in a network of layers. **Does a
# Transformer, which has skips and norms throughout, still have one?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Karpathy (2019), *A recipe for training neural networks*: the loss at the start, one batch by heart.
# - Zhang et al. (2022), *OPT: open pre-trained transformer language models*, and its logbook.
# - Ghanbari, Thomas, Arshad & Rajan (2023), *Mutation-based fault localization of deep neural networks*,
#   ASE: deepmufl, and the 109 questions.
# - Zhang, Zhai, Ma & Shen (2021), *AutoTrainer: an automatic DNN training problem detection and repair
#   system*, ICSE.
# - Cao et al. (2022), *DeepFD: automated fault diagnosis and localization for deep learning programs*,
#   ICSE.
# - Youden (1950), *Index for rating diagnostic tests*, Cancer 3.
# - Brownlee (2017), *A gentle introduction to exploding gradients in neural networks*, Machine Learning
#   Mastery.
# - Cohen, Kaur, Li, Kolter & Talwalkar (2021), *Gradient descent on neural networks typically occurs at
#   the edge of stability*, ICLR.
# - Gilmer et al. (2022), *A loss curvature perspective on training instabilities of deep learning models*,
#   ICLR.
# - Molybog et al. (2023), *A theory on Adam instability in large-scale machine learning*.
# - Wortsman et al. (2024), *Small-scale proxies for large-scale Transformer training instabilities*, ICLR.
