# %% [markdown] name="title"
# # Exercises 03 · The recurrent weight
#
# Ten questions, 17 points. Each has a cell for your answer and a panel below it. Run both,
# then press **Check**. A wrong answer costs nothing; **Hint** gives three hints, one at a time.
# The inputs are random and new at each check.
#
# You need [lesson 03](../lessons/03_the_recurrent_weight.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np

# %% [markdown] name="bptt-question"
# ## 1 · Backpropagation through time by hand (3 points)
#
# One tanh unit, $h_t = \tanh(w\,h_{t-1} + x_t)$ for $t = 1 \dots T$, with $h_0 = 0$ and the loss
# $\mathcal{L} = \tfrac12 (h_T - y)^2$. `w` and `y` are floats, `x` is an array of shape (T,). Write
#
# - `state_gradients`: $\partial\mathcal{L}/\partial h_t$ for $t = 1 \dots T$, in the order of time
# - `weight_gradient`: $\partial\mathcal{L}/\partial w$
#
# No autograd. For example, with `w = 0.5`, `x = [1, -0.5]`, `y = 0` they are `[-0.0585, -0.1186]`
# and −0.0891.


# %% name="bptt" answer="recurrent/bptt"
def state_gradients(w, x, y):
    """∂ℒ/∂h_t for t = 1 … T; an array of shape (T,)."""
    ### BEGIN SOLUTION
    h = [0.0]
    for value in x:
        h.append(np.tanh(w * h[-1] + value))
    gradient = [h[-1] - y]
    for state in h[:1:-1]:
        gradient.append(gradient[-1] * (1 - state**2) * w)
    return np.array(gradient[::-1])
    ### END SOLUTION


def weight_gradient(w, x, y):
    """∂ℒ/∂w; a float."""
    ### BEGIN SOLUTION
    h = [0.0]
    for value in x:
        h.append(np.tanh(w * h[-1] + value))
    h = np.array(h)
    return float(np.sum(state_gradients(w, x, y) * (1 - h[1:] ** 2) * h[:-1]))
    ### END SOLUTION


# %% check="recurrent/bptt"
gc.panel("recurrent/bptt")

# %% [markdown] name="radius-question"
# ## 2 · Spectral radius and spectral norm (2 points)
#
# `W` is a square array. Return the largest absolute value of its eigenvalues, and its largest
# singular value. For example, `[[0, 4], [0, 0]]` has radius 0 and norm 4.


# %% name="radius" answer="recurrent/radius-and-norm"
def spectral_radius(W):
    """Largest absolute value of the eigenvalues of W; a float."""
    ### BEGIN SOLUTION
    return float(np.abs(np.linalg.eigvals(W)).max())
    ### END SOLUTION


def spectral_norm(W):
    """Largest singular value of W; a float."""
    ### BEGIN SOLUTION
    return float(np.linalg.norm(W, 2))
    ### END SOLUTION


# %% check="recurrent/radius-and-norm"
gc.panel("recurrent/radius-and-norm")

# %% [markdown] name="lag-question"
# ## 3 · The gradient against lag (2 points)
#
# A tanh network ran $h_t = \tanh(W h_{t-1} + u_t)$. You are given `W`, shape (n, n), the states
# `h`, shape (T, n), where `h[0]` is $h_1$ and `h[-1]` is $h_T$, and `delta`
# $= \partial\mathcal{L}/\partial h_T$. Return $\log_{10} \|\partial\mathcal{L}/\partial h_t\|$ for
# the lags 0 … T − 1: lag 0 comes first. It must also work for 1000 steps, where the norm itself is
# far below the smallest float.


# %% name="lag" answer="recurrent/lag-gradient"
def lag_log_norms(W, h, delta):
    """log10 of the gradient's norm at lags 0 … T − 1; an array of shape (T,)."""
    ### BEGIN SOLUTION
    size = np.linalg.norm(delta)
    logs = [np.log10(size)]
    for state in h[:0:-1]:
        delta = W.T @ ((1 - state**2) * delta / size)
        size = np.linalg.norm(delta)
        logs.append(logs[-1] + np.log10(size))
    return np.array(logs)
    ### END SOLUTION


# %% check="recurrent/lag-gradient"
gc.panel("recurrent/lag-gradient")

# %% [markdown] name="lyapunov-question"
# ## 4 · Lyapunov exponents by QR (3 points)
#
# `np.linalg.qr` writes a matrix as $Q R$. The columns of $Q$ have length 1 and stand at right angles;
# $R$ is triangular, and its diagonal says how long each column was, without its part along the
# columns before it.
#
# `jacobians` has shape (T, n, n): $J_1 \dots J_T$, in the order in which they act. Follow n
# directions: start with $Q = I$, decompose $J_t Q$ into a new $Q$ and $R$ at each step, and take the
# logarithms of the absolute values on the diagonal of $R$. Return their means over all T steps, sorted from
# the largest down. No burn-in. The product itself may lie far outside float64.


# %% name="lyapunov" answer="recurrent/lyapunov"
def lyapunov_by_qr(jacobians):
    """Lyapunov exponents in natural logarithms, the largest first; an array of shape (n,)."""
    ### BEGIN SOLUTION
    q, growth = np.eye(len(jacobians[0])), []
    for jacobian in jacobians:
        q, r = np.linalg.qr(jacobian @ q)
        growth.append(np.log(np.abs(np.diag(r))))
    return np.sort(np.mean(growth, axis=0))[::-1]
    ### END SOLUTION


# %% check="recurrent/lyapunov"
gc.panel("recurrent/lyapunov")

# %% [markdown] name="sigmoid-bound-question"
# ## 5 · A σ network with a norm of 3 (1 point)
#
# $h_t = \sigma(W h_{t-1} + u_t + b)$, with $W$ three times an orthogonal matrix. Its spectral
# radius and its norm are both 3. What can you say about $\|\partial h_T/\partial h_{T-50}\|$
# without knowing the inputs? Set `sigmoid_bound` to `"explodes"`, `"vanishes"` or `"depends"` (on
# the inputs).

# %% name="sigmoid-bound" answer="recurrent/sigmoid-bound"
sigmoid_bound = None
### BEGIN SOLUTION
sigmoid_bound = "vanishes"  # 3 · ¼ < 1: the condition that suffices
### END SOLUTION

# %% check="recurrent/sigmoid-bound"
gc.panel("recurrent/sigmoid-bound")

# %% [markdown] name="edge-question"
# ## 6 · The gain at which theory says level (1 point)
#
# At which gain $g$ is $\chi = 1$ for a wide tanh network whose inputs have the standard deviation 0.5 on each
# pre-activation? `gc.theory.chi("tanh", gain, 0.5)` gives χ. The check accepts what is within 0.1.

# %% name="edge" answer="recurrent/edge"
edge = None
### BEGIN SOLUTION
edge = 1.55
### END SOLUTION

# %% check="recurrent/edge"
gc.panel("recurrent/edge")

# %% [markdown] name="gain-question"
# ## 7 · A gain for 200 steps (1 point)
#
# Does it hold in real networks? Turn the knob until the gradient at lag 200 of a random tanh network lies between 0.001 and 1000
# times that at lag 0, and write the gain below. Each unit receives inputs of standard deviation 0.5.
# The check measures three random networks, not the one in the picture.

# %% name="gain" answer="recurrent/gain-200-steps"
gain = None
### BEGIN SOLUTION
gain = 1.6
### END SOLUTION

# %% check="recurrent/gain-200-steps"
gc.panel("recurrent/gain-200-steps")

# %% [markdown] name="overflow-question"
# ## 8 · When does a state leave float32? (1 point)
#
# A ReLU unit has the recurrent weight 1.5 and no input: $h_t = 1.5\,h_{t-1}$, $h_0 = 1$, in float32.
# Its largest number is $3.4 \cdot 10^{38}$. At which step $t$ is $h_t$ infinite for the first time?
# Predict it; three steps more or less are accepted.

# %% name="overflow" answer="recurrent/overflow-step"
overflow_step = None
### BEGIN SOLUTION
overflow_step = 219  # ln(3.4e38) / ln(1.5) = 218.8
### END SOLUTION

# %% check="recurrent/overflow-step"
gc.panel("recurrent/overflow-step")

# %% [markdown] name="truncated-question"
# ## 9 · Truncated backpropagation through time (2 points)
#
# The unit of exercise 1 again, now with the backward pass cut off: only the last `window` uses of
# $w$ count. The forward pass is whole. Return $\partial\mathcal{L}/\partial w$ as truncated
# backpropagation sees it; `window` lies between 1 and T, and with `window = T` it is the whole
# gradient.


# %% name="truncated" answer="recurrent/truncated"
def truncated_gradient(w, x, y, window):
    """∂ℒ/∂w from the last `window` steps; a float."""
    ### BEGIN SOLUTION
    h = [0.0]
    for value in x:
        h.append(np.tanh(w * h[-1] + value))
    total, gradient = 0.0, h[-1] - y
    for t in range(len(x), len(x) - window, -1):
        at_z = gradient * (1 - h[t] ** 2)
        total += at_z * h[t - 1]
        gradient = at_z * w
    return float(total)
    ### END SOLUTION


# %% check="recurrent/truncated"
gc.panel("recurrent/truncated")

# %% [markdown] name="three-lags-question"
# ## 10 · Three gradients against lag (1 point)
#
# Three linear networks of two units, A, B and C. Whose eigenvalues all lie below 1 in absolute value? Set
# `radius_below_one` to `"a"`, `"b"`, `"a-and-b"` or `"c"`.

# %% name="three-lags-picture"
from gradcourse.experiments.recurrent_figures import unnamed_plot

unnamed_plot()

# %% name="three-lags" answer="recurrent/three-lags"
radius_below_one = None
### BEGIN SOLUTION
radius_below_one = "a-and-b"  # both fall in the end, by the same factor
### END SOLUTION

# %% check="recurrent/three-lags"
gc.panel("recurrent/three-lags")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("03")
