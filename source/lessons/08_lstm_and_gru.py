# %% [markdown] name="title" tags=["slide"]
# # 08 · LSTM and GRU
#
# **After this lesson you can write an LSTM and a GRU by hand, set the biases that decide how long
# they remember, and say what a gate can do about gradients and what it cannot.**
#
# *90 minutes. You need lesson 03: the gradient against lag, and the adding problem. Lesson 07's
# skip connection helps.*

# %% name="import" tags=["continue"]
import math

import gradcourse as gc
import numpy as np
import torch
import torch.nn.functional as F
from gradcourse import theory

# %% [markdown] name="notation" tags=["continue"]
# As in lesson 03, $x_t$ is the input of step $t$, $h_t$ the state, $T$ the last step and $T - t$
# the lag; $U$ reads the input, $W$ the state, $b$ is a bias. $\sigma(z) = 1/(1 + e^{-z})$, and
# $\odot$ multiplies unit by unit. Recurrent weights are uniform as torch draws them unless we say
# so.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Ask for a show of hands: who has used an LSTM? Who knows what its forget bias was? Today is about
# the second question.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lesson 07's skip made a straight road through depth. Can one be built through time? Hochreiter and
# Schmidhuber (1997) built it, called it **LSTM**, long short-term memory, and tried it on tasks
# such as lesson 03's adding problem. Everybody knows: an RNN forgets, an LSTM remembers.
#
# So give them 60 steps. Three networks of 32 units, five seeds each: an RNN, an LSTM as torch makes
# it, and the same LSTM, the same weights, with one vector set anew: its biases. Adam, 360 updates,
# gradients clipped to norm 1 (lesson 09). A network that always answers with the mean has an error of
# $\tfrac16$. Which curve drops below it?


# %% name="puzzle-helpers" tags=["fragment"]
def clip(parameters):
    gc.clip_grad_norm_(parameters, 1.0)


def learn(net, data, seed, steps=360, lr=0.015):
    how = {"lr": lr, "batch": 32, "loss": "mse", "before_update": clip}
    how["optimizer"] = lambda parameters: torch.optim.Adam(parameters, lr=lr)
    run = gc.train(net, data, steps=steps, every=steps, seed=seed, **how)
    print(".", end="")
    return run


def adding(length, seed):
    return gc.adding_problem(length, train=4000, test=500, seed=seed)


# %% name="puzzle-train" tags=["fragment", "nbval-check-output"]
builds = {
    "RNN": lambda s: gc.recurrent("rnn", 2, 32, 1, seed=s),
    "LSTM": lambda s: gc.recurrent("lstm", 2, 32, 1, seed=s),
    "LSTM, biases set": lambda s: gc.nets.chrono_(gc.recurrent("lstm", 2, 32, 1, seed=s), 60, s),
}
runs = {}
for name, build in builds.items():
    runs[name] = [learn(build(seed), adding(60, seed), seed) for seed in range(5)]
    solved = sum(run.test_loss[-1] < 0.5 / 6 for run in runs[name])
    # Where the plateau ends, rounding decides: 0 on one machine may be 1 on another.
    count = "5 of 5" if solved == 5 else "0 or 1 of 5" if solved < 2 else f"{solved} of 5"
    print(f" {name:17} error below half of 1/6: {count}")

# %% name="puzzle-picture" tags=["fragment"]
update, lines = np.arange(20, 361, 20), []
for name, color in (("RNN", "rnn"), ("LSTM", "lstm"), ("LSTM, biases set", "sky")):
    smooth = [run.loss[1:].reshape(-1, 20).mean(axis=1) for run in runs[name]]
    lines.append(gc.Line(update, np.median(smooth, axis=0), f"{name}, median of 5", color=color))
lines.append(gc.Line([20, 360], [1 / 6] * 2, "1/6, always answering with the mean", "reference"))
gc.Plot(
    "The adding problem, 60 steps", gc.Axis("update"), gc.Axis("squared error", "log"), tuple(lines)
)

# %% [markdown] name="puzzle-question" tags=["continue"]
# Within 360 updates the LSTM as it comes does no better than the RNN. It stands on a plateau, not at a
# wall: step 4 measures how long each of them needs. **What is written in that vector?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# The training takes ten to twenty seconds; a dot is a network. Let the hall bet on the second line
# before it appears. Do not give the vector away. If somebody says "forget bias 1": ask how many
# steps that is, and wait for step 2.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · A road through time
#
# Beside $h$ the LSTM keeps a second vector, the **cell** $c$. Three **gates**, numbers between 0
# and 1, say what happens to it, and each is computed anew at each step:
#
# $$\begin{aligned}
# i_t &= \sigma(U_i x_t + W_i h_{t-1} + b_i) & &\text{input gate: how much is written} \\
# f_t &= \sigma(U_f x_t + W_f h_{t-1} + b_f) & &\text{forget gate: how much is kept} \\
# g_t &= \tanh(U_g x_t + W_g h_{t-1} + b_g) & &\text{what is written} \\
# o_t &= \sigma(U_o x_t + W_o h_{t-1} + b_o) & &\text{output gate: how much is shown} \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t, & & h_t = o_t \odot \tanh(c_t)
# \end{aligned}$$
#
# From $c_t$ to $c_T$ one path leads through the cells alone, $c_t \to c_{t+1} \to \dots \to c_T$.
# We call it the **road**. The others make a detour through some $h$ and the gates.
#
# ### Predict

# %% name="predict-default" tags=["fragment"]
gc.panel("lstm/default-lstm")

# %% [markdown] name="drag-cell" tags=["subslide"]
# ### Drag
#
# 32 cells with small random weights and a noisy input; you set their forget bias. Which bias brings
# the line into the band at lag 100?

# %% name="demo-cell" tags=["fragment"]
gc.demo("lstm/cell")

# %% [markdown] name="measure-lstm-intro" tags=["subslide"]
# ### Measure
#
# First the equations, in float64, against torch's own cell. torch stacks the four blocks in the
# order i, f, g, o, and adds two biases, `bias_ih` and `bias_hh`.


# %% name="measure-lstm" tags=["fragment", "nbval-check-output"]
def lstm_step(weights, x, h, c):
    U, W, b, d = weights
    i, f, g, o = (x @ U.T + h @ W.T + b + d).chunk(4, dim=1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c, f


torch.manual_seed(0)
equal = 0
for _ in range(5):
    cell = torch.nn.LSTMCell(3, 8).double()
    x, h, c = (torch.randn(4, n, dtype=torch.float64) for n in (3, 8, 8))
    mine, theirs = lstm_step(list(cell.parameters()), x, h, c), cell(x, (h, c))
    equal += all((a - b).abs().max() < 1e-12 for a, b in zip(mine[:2], theirs, strict=True))
print(f"h and c equal to torch's: {equal} of 5")

# %% [markdown] name="measure-road-intro" tags=["subslide"]
# Now the gradient of the last cell with respect to all earlier ones. `cut=True` detaches $h$, so
# that only the road is left. Each cell has a road of its own, and we follow the *typical* one, the
# geometric mean. For all paths together we take the norm. In the picture: how far apart do the two
# lines end, and is either in the band at lag 20?


# %% name="cell-gradients" tags=["fragment"]
def cell_gradients(net, x, cut):
    """∂(v·c_T)/∂c_t for a random v, by lag, and the forget gates, by lag."""
    weights = [p.detach().double() for p in net.rnn.parameters()]
    h = torch.zeros(len(x), net.rnn.hidden_size, dtype=torch.float64)
    cells, gates = [h.clone().requires_grad_()], []
    for x_t in x.double().unbind(1):
        h, c, f = lstm_step(weights, x_t, h.detach() if cut else h, cells[-1])
        cells.append(c)
        gates.append(f.detach())
    v = torch.randn(c.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.autograd.grad((v * c).sum(), cells)[::-1], torch.stack(gates[::-1])


# %% name="left" tags=["fragment"]
def left(net, x, cut):
    """What is left of the gradient, by lag: for the typical cell (cut), or of its norm."""
    back, _ = cell_gradients(net, x, cut)
    if cut:
        return np.array([float((b / back[0]).log().mean().exp()) for b in back])
    return np.array([float(b.norm() / back[0].norm()) for b in back])


# %% name="measure-road" tags=["fragment", "nbval-check-output"]
sequences, exact = gc.adding_problem(100, train=8, test=1).x_train, 0
nets = [gc.recurrent("lstm", 2, 32, 1, seed=seed) for seed in range(5)]
for net in nets:
    back, gates = cell_gradients(net, sequences, cut=True)
    exact += torch.allclose(torch.stack(back[1:]), back[0] * gates.cumprod(0), rtol=1e-9, atol=0)
print(f"on the road it is the product of the forget gates: {exact} of 5")
logs = [[np.log(left(net, sequences, cut)) for net in nets] for cut in (True, False)]
road, everywhere = np.exp(np.mean(logs, axis=1))
print(f"left at lag 20, mean of 5: {road[20]:.0e} on the road, {everywhere[20]:.0e} on all paths")

# %% name="picture-road" tags=["fragment"]
lag = np.arange(101)
gc.Plot(
    title="An LSTM as torch makes it, untrained",
    x=gc.Axis("lag T − t"),
    y=gc.Axis("∂c_T/∂c_t, relative to lag 0", "log"),
    lines=(
        *gc.with_theory(lag, road, 0.5**lag, "the road", "sky"),
        gc.Line(lag, everywhere, "all paths", color="lstm"),
    ),
    bands=(gc.Band(0.1, 10.0, "healthy: 0.1 to 10"),),
)

# %% [markdown] name="explain-road" tags=["subslide"]
# ### Explain
#
# $c_t = f_t \odot c_{t-1} + \dots$ is a sum, like a residual block. On the road through the cells
# each step back is one factor $f_t$, unit by unit. No matrix, and no slope of an activation:
#
# $$\frac{\partial c_T}{\partial c_t}\bigg|_{\text{road}} =
#   \prod_{s=t+1}^{T} \operatorname{diag}(f_s) .$$
#
# In 1997 there was no forget gate: $f = 1$, the **constant error carousel**. A cell that never lets
# go fills up, so Gers, Schmidhuber and Cummins (2000) added $f_t$. But torch draws all biases near
# 0, and $\sigma(0) = \tfrac12$: the road loses a half per step. $0.5^{20} \approx 10^{-6}$;
# measured is a little less, since gates scatter about ½. The road is there. It is closed at birth.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 7 min
#
# The most common wrong answer to the panel is 1, "it is a carousel". Say that the 1997 cell was
# one. The letters on the board: i writes, f keeps, o shows. The word *road* is ours, for the path
# on which h is cut; the full derivative has more paths, and the line *all paths* shows that they
# carry more here. Step 3 follows them. If someone asks for the mean instead of the typical cell: it
# is several times larger, since the most open gates carry what is left (lesson 01: the mean and the
# typical product).

# %% [markdown] name="bridge-1" tags=["continue"]
# A gate of ½ is a bias of 0. **Which bias opens the road for 50 steps, or for a lag you do not
# know?**

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · The bias is a half-life
#
# The **half-life** of a cell is the number of steps on which half of its gradient is lost on the
# road.
#
# ### Predict

# %% name="predict-fifty" tags=["fragment"]
gc.panel("lstm/fifty-steps")

# %% [markdown] name="drag-chrono" tags=["subslide"]
# ### Drag
#
# You rarely know the lag. **Chrono initialization** (Tallec & Ollivier 2018) gives every cell a
# time of its own: $b_f = \ln u$ with $u$ uniform between 1 and $T_{\max} - 1$, and $b_i = -b_f$.
# Raise $T_{\max}$. Look at the far end of the line, and compare it with one bias for all.

# %% name="demo-chrono" tags=["fragment"]
gc.demo("lstm/chrono")

# %% [markdown] name="measure-half-life-intro" tags=["subslide"]
# ### Measure
#
# LSTMs with torch's weights, $b_f$ from 0 to 6: in how many steps does half of the gradient
# disappear? On the road; then on all paths, with $b_i = -b_f$, and with torch's $b_i$ near 0. In
# the picture, look where the third line ends.


# %% name="forgetful" tags=["fragment"]
def forgetful(bias, seed, coupled):
    """torch's weights, a forget bias, and the input bias −b if coupled."""
    net = gc.recurrent("lstm", 2, 32, 1, forget_bias=float(bias), seed=seed)
    if coupled:
        with torch.no_grad():
            net.rnn.bias_ih_l0[:32], net.rnn.bias_hh_l0[:32] = -bias, 0.0
    return net


def half_life(kept):
    per_step = math.log(kept[100] / kept[50]) / 50
    return math.log(2) / -per_step if per_step < 0 else math.inf


# %% name="measure-half-life" tags=["fragment", "nbval-check-output"]
biases, life = np.arange(7), {}
for name, cut, coupled in (("road", True, False), ("−b", False, True), ("0", False, False)):
    nets = [[forgetful(b, seed, coupled) for b in biases] for seed in range(5)]
    life[name] = np.array([[half_life(left(n, sequences, cut)) for n in row] for row in nets])
expected = math.log(2) / np.log1p(np.exp(-biases))
near = np.abs(life["road"] / expected - 1) < 0.1
print(f"road: half-life within 10 % of theory: {near.sum()} of 35 networks")
near = np.abs(life["−b"][:, 5:] / expected[5:] - 1) < 0.1
print(f"all paths, input bias −b, b = 5 and 6: {near.sum()} of 10")
grows = np.isinf(life["0"][:, 5]).sum()
print(f"all paths, input bias near 0, b = 5: no half-life, it grows: {grows} of 5")

# %% name="picture-half-life" tags=["fragment"]
finite = np.isfinite(life["0"]).all(0)
last = life["0"][:, finite].mean(0)
gc.Plot(
    title="Half-life against forget bias, mean of 5",
    x=gc.Axis("forget bias b"),
    y=gc.Axis("half-life in steps", "log"),
    lines=(
        *gc.with_theory(biases, life["road"].mean(0), expected, "road", "sky"),
        gc.Line(biases, life["−b"].mean(0), "all paths, input bias −b", color="lstm"),
        gc.Line(biases[finite], last, "all paths, input bias near 0", color="purple"),
    ),
)

# %% [markdown] name="measure-chrono-intro" tags=["continue"]
# Then chrono, on all paths. Theory is the road with the gates at their biases: the norm over the
# cells is the root of the mean of $f^{\,2k}$ at lag $k$, and `chrono_memory` is the mean of
# $f^{\,k}$. Which $T_{\max}$ is still in the band at lag 100?

# %% name="measure-chrono" tags=["fragment", "nbval-check-output"]
kept = {}
for T_max in (20, 100):
    nets = [gc.nets.chrono_(gc.recurrent("lstm", 2, 32, 1, seed=s), T_max, s) for s in range(5)]
    found = [left(net, sequences, cut=False) for net in nets]
    kept[T_max] = np.mean(found, axis=0), np.sqrt(theory.chrono_memory(2 * lag, T_max))
    close = sum(1 / 3 < row[100] / kept[T_max][1][100] < 3 for row in found)
    print(f"T_max = {T_max:3}: at lag 100 theory {kept[T_max][1][100]:.1g}", end=", ")
    print(f"measured within a factor 3: {close} of 5")

# %% name="picture-chrono" tags=["fragment"]
pairs = [
    gc.with_theory(lag, *kept[T_max], f"T_max = {T_max}", color)
    for T_max, color in ((20, "green"), (100, "lstm"))
]
gc.Plot(
    title="Chrono initialization, all paths, mean of 5",
    x=gc.Axis("lag T − t"),
    y=gc.Axis("∂c_T/∂c_t, relative to lag 0", "log", (1e-8, 10.0)),
    lines=(
        *(line for pair in pairs for line in pair),
        gc.Line(lag, (1 + math.exp(-1)) ** -lag, "b = 1 for all cells, road", "reference"),
    ),
    bands=(gc.Band(0.1, 10.0, "healthy: 0.1 to 10"),),
)

# %% [markdown] name="explain-half-life" tags=["subslide"]
# ### Explain
#
# Half is left after $k$ steps when $\sigma(b)^k = \tfrac12$. Since
# $-\ln\sigma(b) = \ln(1 + e^{-b})$,
#
# $$k_{1/2} = \frac{\ln 2}{\ln(1 + e^{-b})} \approx \ln 2 \cdot e^{\,b}
#   \quad \text{for large } b .$$
#
# 1 step for $b = 0$; 2.2 for $b = 1$, the usual advice (Jozefowicz et al. 2015); 38 for $b = 4$, 50
# for $b = 4.27$. Time is *exponential* in the bias. That is why chrono sets $b = \ln u$: then
# $f = u/(1 + u)$, and a cell keeps $f^k = (1 + 1/u)^{-k} \approx e^{-k/u}$: it has the time $u$.
# Long lags are held by the slowest cells, so a spread of times keeps more there than their mean in
# all cells.
#
# And $b_i = -b_f$ makes $i = \sigma(-b_f) = 1 - f$: as large a share is let in as is let go. The
# cell is a running mean of $g_t$, as in batch norm's running statistics (lesson 06), and
# $|g_t| < 1$: it cannot fill up. What else this does is step 3.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# Expect 1 in the panel, and now and then 10. Write f = 0.986 on the board before b. In the first
# picture the purple line ends, because from there on the gradient grows: leave it open. In the
# puzzle, that was the vector: chrono with T_max = 60. Its theory is for the road, the root mean
# square over cells at their biases; that all paths follow it is step 3's business.

# %% [markdown] name="bridge-2" tags=["continue"]
# The road follows its theory. All paths together do not: with an open forget gate and $b_i = 0$
# they even grow. **What runs beside the road?**

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Beside the road, and the GRU
#
# Cho et al. (2014) put keeping and writing into *one* gate and dropped the cell. The **GRU**, gated
# recurrent unit, as torch has it:
#
# $$\begin{aligned}
# r_t &= \sigma(U_r x_t + W_r h_{t-1} + b_r) & &\text{reset gate} \\
# z_t &= \sigma(U_z x_t + W_z h_{t-1} + b_z) & &\text{update gate: how much is kept} \\
# n_t &= \tanh\bigl(U_n x_t + b_n + r_t \odot (W_n h_{t-1} + d_n)\bigr) & &\text{what is written} \\
# h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}
# \end{aligned}$$
#
# $b_n$ and $d_n$ are the two biases that torch has for each block, `bias_ih` and `bias_hh`.
# Elsewhere only their sum matters, our $b$; here $r_t$ multiplies the second alone. (Some papers
# exchange $z$ and $1 - z$, and put $r$ before the product with $W_n$.)
#
# ### Predict

# %% name="predict-birth" tags=["fragment"]
gc.panel("lstm/at-birth")

# %% [markdown] name="drag-three" tags=["subslide"]
# ### Drag
#
# Three networks as torch makes them; the knob sets the bias of the gate that keeps: $b_f$ and
# $-b_i$ in the LSTM, $b_z$ in the GRU. Look at bias 0 first, then raise it: whose line stays where
# it is?

# %% name="demo-three" tags=["fragment"]
gc.demo("lstm/three")

# %% [markdown] name="measure-gru-intro" tags=["subslide"]
# ### Measure
#
# The GRU by hand against torch's. Then the factor per step of all three, untrained, five seeds:
# $\partial h_T/\partial h_t$ of RNN and GRU, $\partial h_T/\partial c_t$ of the LSTM. Theory, "at
# rest", comes below the picture. Is any of the three in the band at lag 60?


# %% name="measure-gru" tags=["fragment", "nbval-check-output"]
def gru_step(weights, x, h):
    U, W, b, d = weights
    (xr, xz, xn), (hr, hz, hn) = (x @ U.T + b).chunk(3, dim=1), (h @ W.T + d).chunk(3, dim=1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = (xn + r * hn).tanh()
    return (1 - z) * n + z * h


equal = 0
for _ in range(5):
    cell = torch.nn.GRUCell(3, 8).double()
    x, h = (torch.randn(4, n, dtype=torch.float64) for n in (3, 8))
    apart = gru_step(list(cell.parameters()), x, h) - cell(x, h)
    equal += bool(apart.abs().max() < 1e-12)
print(f"h equal to torch's: {equal} of 5")

# %% name="measure-birth" tags=["fragment", "nbval-check-output"]
sequence, birth, at_rest = gc.adding_problem(101, train=1, test=1).x_train[0], {}, {}
for kind, of in (("rnn", "hidden"), ("lstm", "cell"), ("gru", "hidden")):
    modules = [gc.recurrent(kind, 2, 32, 1, seed=seed).rnn for seed in range(5)]
    logs = np.array([gc.lag_log_norms(rnn, sequence, of=of)[::-1] for rnn in modules])
    birth[kind] = logs - logs[:, :1]
    W = torch.stack([rnn.weight_hh_l0.detach().double() for rnn in modules])
    J = W if kind == "rnn" else torch.eye(32) / 2 + W[:, 64:96] / 4
    radius = torch.linalg.eigvals(J).abs().amax(1).numpy()
    factor = np.exp((birth[kind][:, 100] - birth[kind][:, 60]) / 40)
    at_rest[kind] = radius.mean()
    print(f"{kind.upper():4}  at rest {at_rest[kind]:.2f} per step,", end=" ")
    print(f"measured within 0.05: {sum(abs(factor - radius) < 0.05)} of 5", end=",  ")
    print(f"below 1e-6 at lag 60: {sum(birth[kind][:, 60] < math.log(1e-6))} of 5")

# %% name="picture-birth" tags=["fragment"]
lines = []
for kind in ("rnn", "lstm", "gru"):
    found = np.exp(np.mean(birth[kind], axis=0))
    lines += gc.with_theory(lag, found, at_rest[kind] ** lag, kind.upper(), kind)
gc.Plot(
    title="Three networks as torch makes them, untrained, mean of 5",
    x=gc.Axis("lag T − t"),
    y=gc.Axis("gradient, relative to lag 0", "log"),
    lines=tuple(lines),
    bands=(gc.Band(0.1, 10.0, "healthy: 0.1 to 10"),),
)

# %% [markdown] name="explain-rest" tags=["subslide"]
# ### Explain
#
# $c_{t-1}$ reaches $c_t$ on the road, and also through $h_{t-1} = o_{t-1} \odot \tanh(c_{t-1})$,
# which $i$, $f$ and $g$ of step $t$ read (we leave their index $t$ out):
#
# $$\frac{\partial c_t}{\partial c_{t-1}} = \operatorname{diag}(f) + \bigl[\,
#   \operatorname{diag}(g\, i')\, W_i + \operatorname{diag}(c_{t-1} f')\, W_f +
#   \operatorname{diag}(i\, g')\, W_g \bigr]\,
#   \operatorname{diag}\bigl(o_{t-1} (1 - \tanh^2 c_{t-1})\bigr)$$
#
# plus what runs through $o_t$ into the step after. A prime is the slope: $i' = i(1 - i)$,
# $f' = f(1 - f)$, $g' = 1 - g^2$. While the network is **at rest**, $c$, $g$ and $h$ near 0, only
# the road and the last term of the bracket are left:
#
# $$\frac{\partial c_t}{\partial c_{t-1}} = f\, I + i\, o\, W_g, \qquad \text{with all biases 0:}
#   \quad \tfrac12 I + \tfrac14 W_g .$$
#
# Here $f$, $i$, $o$ are numbers, the same for all units. torch's $W_g$ has a spectral radius near
# 0.6 (lesson 03), so one step keeps about $\tfrac12 + \tfrac14 \cdot 0.6 = 0.65$. For the GRU at
# rest it is $z I + (1 - z)\, r\, W_n$: again $\tfrac12 + \tfrac14 \cdot 0.6$. And an untrained RNN
# keeps 0.6, and with tanh a little less. All three as measured: **at birth, with gates half open,
# they are alike.**

# %% [markdown] name="drag-whole" tags=["subslide"]
# ### Drag
#
# Now open the forget gate, $b_f = 4$, and leave the input bias at 0. Then bring the input bias down
# to $-4$. Look at all paths and at the road.

# %% name="demo-whole" tags=["fragment"]
gc.demo("lstm/whole")

# %% [markdown] name="explain-coupled" tags=["continue"]
# With $f \to 1$ and $i = \tfrac12$ the step is $I + \tfrac14 W_g$: radius above 1. The cell grows
# until it leaves rest and $\tanh c$ saturates. With $i = 1 - f$ and $o = \tfrac12$ it is
# $f I + (1 - f)\,\tfrac12 W_g$: all eigenvalues lie within $f + (1 - f)\,\tfrac12\rho(W_g)$, below
# 1 for any $f < 1$ if $\rho(W_g) < 2$. So chrono's $b_i = -b_f$ holds the paths beside the road
# down. A GRU couples $z$ and $1 - z$ by construction.

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 9 min
#
# "In both" wins the vote nearly always. The slogan to leave: *gates make remembering possible, biases
# make it happen sooner.* Dashed lines are for a network exactly at rest without input; torch's
# biases and the inputs shift them a little. For experts: the exact Jacobian acts on (h, c)
# together; with o_t of the next step it is 2n × 2n, and `gc.state_jacobians` gives it.

# %% [markdown] name="bridge-3" tags=["continue"]
# At birth all three are alike, and in the puzzle two of them stayed where they were. **What does training
# make of the gates?**

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · Gates learn to open
#
# ### Predict

# %% name="predict-marks" tags=["fragment"]
gc.panel("lstm/at-marks")

# %% [markdown] name="drag-training" tags=["subslide"]
# ### Drag
#
# RNN, LSTM and GRU, all with torch's biases, on 60 steps. The knob is training time. Watch the
# GRU's line at lag 59, and its loss in the title. Which of the two moves first?

# %% name="demo-training" tags=["fragment"]
gc.demo("lstm/training")

# %% [markdown] name="measure-opens-intro" tags=["subslide"]
# ### Measure
#
# Look closely at the first 40 updates, when the loss is still that of the mean. And to see what
# opens the gates, a second task beside the first: the same sequences, but the answer is always 1,
# the mean of the sums. There is nothing to remember. `most_open` is the gate that keeps, of the
# unit in which it is largest.


# %% name="opens-helpers" tags=["fragment"]
def first_step(net, data):
    """The gradient at the first step, relative to that at the last."""
    x, y = data.x_test, data.y_test
    (norms,) = gc.lag_gradient(net, x, lambda out: F.mse_loss(out, y)).values()
    return norms[0] / norms[-1]


# %% name="most-open" tags=["fragment"]
def most_open(net, x):
    """Mean forget gate (LSTM) or update gate (GRU) of the unit in which it is largest."""
    rnn, h = net.rnn, net.rnn(x)[0].detach()
    before = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
    z = x @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + before @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
    return float(z[..., 32:64].detach().sigmoid().mean((0, 1)).max())


def always_one(data):
    y = [torch.ones_like(y) for y in (data.y_train, data.y_test)]
    return gc.data.Sequences(data.x_train, y[0], data.x_test, y[1], "always 1")


# %% name="measure-opens" tags=["fragment", "nbval-check-output"]
for kind, task in (("lstm", "sum"), ("gru", "sum"), ("gru", "always 1")):
    small, arrives, gate = [], [], []
    for seed in range(3):
        net, data = gc.recurrent(kind, 2, 32, 1, seed=seed), adding(60, seed)
        data = data if task == "sum" else always_one(data)
        small.append(first_step(net, data) < 1e-10)
        learn(net, data, seed, steps=40)
        arrives.append(first_step(net, data) > 1e-5)
        gate.append(most_open(net, data.x_test))
    print(f" {kind.upper():4} {task:8}  at lag 59, before: < 1e-10 {sum(small)} of 3", end="   ")
    print(f"after: > 1e-5 {sum(arrives)} of 3", end="   ")
    print(f"a gate above 0.87: {sum(g > 0.87 for g in gate)} of 3")

# %% [markdown] name="measure-plateau-intro" tags=["subslide"]
# ### Measure · who leaves the plateau, and when
#
# A cut at 360 updates says who is early, not who can. So count: one rate (Adam, 0.015), one cap of 1200
# updates for all; how many updates until the test error is below half of $\tfrac16$? That takes minutes,
# so **it is stored**; the cell says when it was measured, and trains one GRU now.

# %% name="measure-plateau" tags=["fragment"]
from gradcourse.experiments import plateau
from gradcourse.experiments.measurements import stored

table = stored("plateau")
print(table)
for steps in (60, 100):
    for kind, needed in plateau.by_kind(table.rows, steps).items():
        print(f"{steps:3} steps  {kind:20} {', '.join(needed)}")
now = plateau.updates_to_leave(plateau.GRU, 60, seed=10)
print(f"now, seed 10: {plateau.GRU} {now['updates']}")

# %% [markdown] name="measure-still-intro" tags=["continue"]
# And what has a GRU learned that has left it? Two of them, on 100 steps.

# %% name="measure-hundred" tags=["fragment"]
nets = {"gru": [gc.recurrent("gru", 2, 32, 1, seed=seed) for seed in range(2)]}
error = [
    6 * learn(net, adding(100, seed), seed, 160, 0.03).test_loss[-1]
    for seed, net in enumerate(nets["gru"])
]
print(f" GRU, error in units of 1/6: {gc.spread(error)}")

# %% name="measure-still" tags=["fragment", "nbval-check-output"]
still = 0
for seed, net in enumerate(nets["gru"]):
    x = adding(100, seed).x_test
    moved = torch.diff(net.rnn(x)[0].detach(), dim=1).norm(dim=2)
    marked = x[:, 1:, 1] > 0
    still += bool(moved[~marked].mean() < moved[marked].mean() / 4)
print(f"GRU: h moves less than a quarter as far without a mark: {still} of 2")

# %% [markdown] name="explain-open" tags=["subslide"]
# ### Explain
#
# **Over 60 steps no RNN leaves the plateau within the cap, and every gated network does.** Chrono biases
# make an LSTM two to three times as fast. A forget bias of 1 is hardly faster than torch's 0 over 60 steps,
# and slower over 100, where two of three have not left at the cap. After the training the GRU's $h$
# moves at the marks and stands nearly still between them, although every step shows a number. One
# fixed factor per unit cannot do that: **a gate is a forget factor that reads the input, and is
# learned.**
#
# How does a GRU with half-open gates get there, if no gradient from the early steps arrives? One
# would like to say: marks in the last few steps teach *keep*, and so the road opens bit by bit. The
# second task says no. With nothing to remember, the GRU's road opens as fast: on its way to saying
# the mean, some unit's $z$ rises from ½ to about 0.9, and one open road is enough. It is a
# by-product, and it comes before the task is learned. The LSTM's forget gates open less, and next
# to no gradient reaches its first step. So *give* an LSTM its biases, or be ready to wait.
#
# Learning the mean opens a GRU's gates but not an LSTM's. We measured this; we cannot explain it yet.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 6 min
#
# In the demo the gradient moves before the loss does: within 40 updates it is back at lag 59, and
# the loss falls after 120. The plausible story, that near marks open the road for far ones, is the
# one we believed before we tried the constant task; tell it so, it is a good lesson in controls. Do
# not conclude that a GRU never needs its bias set: this is one task.

# %% [markdown] name="bridge-4" tags=["continue"]
# So gates keep the gradient alive. **Do they also keep it small?**

# %% [markdown] name="step-5" tags=["slide"]
# ## Step 5 · An LSTM that explodes
#
# ### Predict

# %% name="predict-explode" tags=["fragment"]
gc.panel("lstm/can-explode")

# %% [markdown] name="drag-explode" tags=["subslide"]
# ### Drag
#
# Gaussian recurrent weights of variance gain²/n, and a noisy input. The dashed line is for a
# network at rest. Raise the gain slowly: from where on are dashes and line apart, and what does the
# state do there? Then compare all paths with the road.

# %% name="demo-explode" tags=["fragment"]
gc.demo("lstm/explode")

# %% [markdown] name="measure-explode-intro" tags=["subslide"]
# ### Measure
#
# LSTMs of 100 units, forget bias 0, 100 steps of the adding problem, at six gains, five seeds: the
# norm of $\partial h_T/\partial c_t$ at lag 100, relative to lag 0. Between which gains does the
# line cross 1?

# %% name="measure-explode" tags=["fragment", "nbval-check-output"]
gains, grown, rest = (0.5, 1.0, 1.5, 4.0, 8.0, 10.0), {}, {}
for gain in gains:
    grown[gain], rest[gain] = [], []
    for seed in range(5):
        net = gc.recurrent("lstm", 2, 100, 1, init="normal", gain=gain, seed=seed)
        logs = gc.lag_log_norms(net.rnn, sequence, of="cell")
        grown[gain].append(logs[0] - logs[-1])
        J = torch.eye(100) / 2 + net.rnn.weight_hh_l0.detach()[200:300] / 4
        rest[gain].append(100 * float(torch.linalg.eigvals(J).abs().max().log()))
states = net.rnn(sequence[None])[0]
print(f"gain 10: largest |h| is below 1: {bool(states.abs().max() < 1)}")
for gain in (0.5, 4.0, 8.0, 10.0):
    up, down = (sum(sign * g > math.log(1e9) for g in grown[gain]) for sign in (1, -1))
    print(f"gain {gain:4}: times 1e9 or more at lag 100: {up} of 5,  1e-9 or less: {down} of 5")

# %% name="picture-explode" tags=["fragment"]
whole = [np.exp(np.mean(grown[gain])) for gain in gains]
theory_rest = [np.exp(np.mean(rest[gain])) for gain in gains[:3]]
gc.Plot(
    title="∂h_T/∂c_t at lag 100 of untrained LSTMs, 100 units",
    x=gc.Axis("gain of the recurrent weights"),
    y=gc.Axis("gradient, relative to lag 0", "log"),
    lines=(
        gc.Line(gains, whole, "all paths, mean of 5", color="lstm"),
        gc.Line(gains[:3], theory_rest, "theory, at rest", "theory", "lstm"),
        gc.Line(gains, [1.0] * 6, "no forget gate can do more: 1", "reference"),
    ),
    bands=(gc.Band(0.1, 10.0, "healthy: 0.1 to 10"),),
)

# %% [markdown] name="explain-explode" tags=["subslide"]
# ### Explain
#
# $\|\prod f\| \le 1$ bounds the road. Nothing bounds what runs beside it: every step multiplies by
# $W$, as in lesson 03. At rest one step is $\tfrac12 I + \tfrac14 W_g$. A large Gaussian $W_g$ has
# its eigenvalues in a disc whose radius is the gain (lesson 03), so the spectral radius of a step
# is above 1 for
#
# $$\text{gain} > 2, \qquad\text{since}\quad \tfrac12 + \tfrac14 \cdot 2 = 1,
#   \qquad\text{and for other gates}\quad \text{gain} > \frac{1 - f}{i\, o} .$$
#
# Well below that the dashes hold. Above it the cells leave rest, gates saturate, slopes shrink, and
# the growth is smaller than at rest; but by gain 8 the gradient explodes, five of five, while
# $|h| < 1$ throughout. Read the formula once more: the more open the forget gate, the *smaller* the
# weights that explode. A gate that keeps gradients alive does nothing to hold them.

# %% [markdown] name="one-step-intro" tags=["subslide"]
# ### One step of it
#
# The adding problem, 100 steps, 32 units, gain 8. One ordinary step of gradient descent,
# $\eta = 0.1$.

# %% name="one-step" tags=["fragment", "nbval-check-output"]
large, finite, dead = 0, 0, 0
for seed in range(5):
    data = gc.adding_problem(100, train=64, test=1, seed=seed)
    net = gc.recurrent("lstm", 2, 32, 1, init="normal", gain=8.0, seed=seed)
    W, made = net.rnn.weight_hh_l0, torch.optim.SGD(net.parameters(), lr=0.1)
    start = W.detach().norm()
    F.mse_loss(net(data.x_train), data.y_train).backward()
    made.step()
    made.zero_grad()
    loss = F.mse_loss(net(data.x_train), data.y_train)
    loss.backward()
    large, finite = large + bool(W.detach().norm() > 1e4 * start), finite + bool(loss.isfinite())
    dead += bool(W.grad.norm() < 1e-6)
print(f"W is 10,000 times as large: {large} of 5.  Loss finite: {finite} of 5")
print(f"gradient of W in the next step below 1e-6: {dead} of 5")

# %% [markdown] name="explain-one-step" tags=["continue"]
# No NaN, no warning, an ordinary loss. One step has thrown $W$ so far that the gates are 0 or 1 and
# their slopes nothing: a dead network that looks like a plateau. In an RNN with ReLU such a step
# ended in NaN (lesson 03); here saturation hides it.

# %% [markdown] name="notes-step-5" tags=["notes"]
# **Speaker notes** · 6 min
#
# "At most 1, it is a product of forget gates" is the most common answer, from people who know the
# LSTM well. Ask them which path they mean. Nobody starts at gain 8; but weights grow in training,
# and an open forget gate lowers the threshold. The dead network is the reason why a loss curve
# alone cannot tell an exploded LSTM from one that learns slowly; lesson 10 comes back to it.

# %% [markdown] name="bridge-5" tags=["continue"]
# **Which of the usual sentences hold?**

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# Three sentences that one reads often, in our words.
#
# ### Claim 1: the LSTM sets the recurrent weight to 1

# %% name="claim-one" tags=["fragment", "nbval-check-output"]
kinds = {"torch's biases": None, "forget bias 1": 1.0, "no forget gate, f = 1": 50.0}
factor = {}
for name, bias in kinds.items():
    nets = [gc.recurrent("lstm", 2, 32, 1, forget_bias=bias, seed=seed) for seed in range(5)]
    ends = [[left(net, sequences, cut)[-1] for net in nets] for cut in (True, False)]
    factor[name] = float(np.exp(np.mean(np.log(ends[0])) / 100))
    print(f"{name:22} road {factor[name]:.2f} per step", end="")
    print(f",  all paths above 1: {sum(e > 1 for e in ends[1])} of 5")
print("verdict:", "holds" if min(factor.values()) > 0.99 else "holds only if")

# %% [markdown] name="claim-one-verdict" tags=["continue"]
# **Holds only if** you mean the cell of 1997, and the road alone. Today the factor is $f_t$: it is
# at most 1, it depends on the input, and at birth it is what the bias says. The recurrent weights
# $W$ are not set to anything; and with $f = 1$, the road exactly level, all paths together grow.

# %% [markdown] name="claim-two" tags=["subslide"]
# ### Claim 2: use an LSTM and exploding gradients are gone

# %% name="claim-two-measure" tags=["fragment", "nbval-check-output"]
exploded = sum(g > math.log(1e9) for g in grown[10.0])
print(f"gain 10, lag 100: gradient × 1e9 or more: {exploded} of 5")
print("verdict:", "fails" if exploded else "holds")

# %% [markdown] name="claim-two-verdict" tags=["continue"]
# **Fails.** Gates were made against vanishing. Hochreiter and Schmidhuber cut off the paths beside
# the road in the *backward pass*; today's LSTMs, trained with the full gradient, do not.

# %% [markdown] name="claim-three" tags=["subslide"]
# ### Claim 3: start the forget bias at 1, and the LSTM remembers

# %% name="claim-three-measure" tags=["fragment", "nbval-check-output"]
solved = {}
for name, bias, coupled in (("1", 1.0, False), ("4", 4.0, False), ("4.5, input −4.5", 4.5, True)):
    nets = [forgetful(bias, seed, coupled) for seed in range(2)]
    error = [learn(net, adding(60, seed), seed).test_loss[-1] for seed, net in enumerate(nets)]
    solved[name] = sum(e < 0.5 / 6 for e in error)
    half = float(theory.forget_half_life(bias))
    print(f" {name:15}  half-life on the road: {half:4.1f}", end="   ")
    print(f"60 steps, below half of 1/6: {solved[name]} of 2")
ahead = []
for steps in (60, 100):
    one, zero = (
        plateau.median_updates(table.rows, kind, steps)
        for kind in (plateau.BIAS_ONE, plateau.AS_IT_COMES)
    )
    print(f"{steps} steps, median updates: forget bias 1 {one:.0f}, torch's biases {zero:.0f}")
    ahead.append(one < zero)
print("verdict:", "holds" if solved["1"] and all(ahead) else "holds only if")

# %% [markdown] name="claim-three-verdict" tags=["continue"]
# **Holds only if** you have the time, and then it is not the 1 that does it. With a forget bias of 1 all
# five LSTMs learn 60 steps within 1200 updates; with torch's biases all five do as well, hardly later, and
# over 100 steps earlier. A 1 lifts the half-life from 1 step to 2.2, and the lag is 60. A larger forget
# bias alone does not do it within 360 updates; the cell fills up, and the paths beside the road grow. With
# the input gate coupled to it, it does. (1 is good advice for its purpose: in the tasks of Jozefowicz et al. it closed the gap between
# LSTM and GRU; Gers et al. 2000 had started it above 0 before.) *Scope:* this task, 32 units, Adam at 0.015.

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 4 min
#
# For claim 1 ask *which* weight. Let somebody write the cell's line on the board and point at it.
# For claim 2 the hall has seen the number; ask for the reason in one sentence: *a bound on one path
# is no bound on the sum.* Claim 3: two biases of 1 in torch are a forget bias of 2; that is an
# exercise.

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# Put your model and a batch in place of ours. What you read is
# $\|\partial\mathcal{L}/\partial h_t\|$ against lag. For an LSTM that is what reaches step $t$
# through $h_t$ and its gates, so it drops from lag 0 to lag 1 and is to be compared from lag 1 on.
# Set the longest lag of your task, and look again.

# %% name="your-network-code" tags=["fragment"]
torch.manual_seed(0)
model = torch.nn.LSTM(8, 32, batch_first=True)
x = torch.randn(4, 100, 8)

before = gc.lag_gradient(model, x)["LSTM"]
after = gc.lag_gradient(gc.nets.chrono_(model, longest=100), x)["LSTM"]
gc.lag_plot({"as torch makes it": before, "chrono, T_max = 100": after})

# %% [markdown] name="notes-your-network" tags=["notes"]
# **Speaker notes** · 1 min
#
# This is the cell that closed lesson 03, with one line more. Chrono is for the start: set it before
# training, not in a trained model.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - On the road through the cells each step back is one factor, the forget gate: $\prod f_t$. No
#   matrix, no slope.
# - The forget bias is a half-life: $\ln 2/\ln(1 + e^{-b})$. Torch's 0 is one step, 1 is 2.2, 4 is
#   38. Chrono gives each cell its own time, up to the longest lag.
# - Beside the road runs $i\,o\,W_g$. With half-open gates RNN, LSTM and GRU are alike at birth;
#   with $b_i = -b_f$ the cell is a running mean, and the other paths stay small.
# - What gates add is that the factor is learned, and reads the input: hold here, write there. On 60 steps
#   every gated network leaves the plateau within 1200 updates, and no RNN does.
# - A forget gate bounds one path, not the sum. An LSTM can explode, and then be dead without a NaN.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Nine questions, 16 points: [exercises/08_lstm.ipynb](../exercises/08_lstm.ipynb).
#
# **Next:** [09 · Clipping and weight regularization](09_clipping_and_regularization.ipynb). A gate
# keeps a gradient alive; nothing keeps it from exploding. **When it does explode, what does one do
# with it?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Hochreiter & Schmidhuber (1997), *Long short-term memory*, doi:10.1162/neco.1997.9.8.1735,
#   Neural Computation 9: the constant error carousel, the truncated gradient, the adding problem.
# - Gers, Schmidhuber & Cummins (2000), *Learning to forget: continual prediction with LSTM*,
#   doi:10.1162/089976600300015015, Neural Computation 12: the forget gate.
# - Cho et al. (2014), *Learning phrase representations using RNN encoder–decoder for statistical
#   machine translation*, arXiv:1406.1078, EMNLP: the GRU. Chung, Gulcehre, Cho & Bengio (2014),
#   *Empirical evaluation of gated recurrent neural networks on sequence modeling*, arXiv:1412.3555,
#   NIPS workshop: $z$ the other way round.
# - Jozefowicz, Zaremba & Sutskever (2015), *An empirical exploration of recurrent network
#   architectures*, ICML: forget bias 1.
# - Tallec & Ollivier (2018), *Can recurrent neural networks warp time?*, arXiv:1804.11188, ICLR:
#   chrono initialization.
# - Pascanu, Mikolov & Bengio (2013), *On the difficulty of training recurrent neural networks*,
#   arXiv:1211.5063, ICML: clipping to a norm.
