# %% [markdown] name="title"
# # Exercises 11 · Depth today: the Transformer
#
# Seven questions, 9 points. Write your answer in the cell that says so, run it, and run the cell below
# it. You need [lesson 11](../lessons/11_depth_today_the_transformer.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np

# %% [markdown] name="block-question"
# ## 1 · A block in two orders (2 points)
#
# Write one Transformer block for one sequence. `x` has a row for each of T tokens, shape (T, n). `weights` are
# the attention weights, shape (T, T), their rows sum to 1: the attention branch of h is `weights @ h`. The
# feed-forward branch of h is relu(h `up`) `down`. `order` is `"pre"` or `"post"`:
#
# - pre: each branch reads the normed stream and is added to the stream,
# - post: each branch reads the stream, and the sum is normed.
#
# The norm is layer norm without γ and β: each token's units minus their mean, divided by
# $\sqrt{\text{variance} + 10^{-5}}$. Return an array of the shape of `x`.


# %% name="block" answer="transformer/block"
def block(x, weights, up, down, order):
    """Attention, then feed-forward, each beside the stream; shape (T, n)."""

    ### BEGIN SOLUTION
    def norm(h):
        h = h - h.mean(axis=-1, keepdims=True)
        return h / np.sqrt((h**2).mean(axis=-1, keepdims=True) + 1e-5)

    for branch in (lambda h: weights @ h, lambda h: np.maximum(h @ up, 0.0) @ down):
        x = x + branch(norm(x)) if order == "pre" else norm(x + branch(x))
    return x
    ### END SOLUTION


# %% check="transformer/block"
gc.panel("transformer/block")

# %% [markdown] name="delta-question"
# ## 2 · δ in the stream, block by block (1 point)
#
# In a pre-LN stream $x_l = x_{l-1} + F_l(x_{l-1})$. `jacobians` holds $\partial F_l/\partial x_{l-1}$ for
# $l = 1, \dots, L$, shape (L, n, n), and `delta` is $\partial\mathcal L/\partial x_L$, shape (n,). Return the
# norms of $\partial\mathcal L/\partial x_0, \dots, \partial\mathcal L/\partial x_L$, in this order.


# %% name="delta" answer="transformer/delta"
def stream_gradients(jacobians, delta):
    """Norm of the gradient in the stream, from x_0 to x_L; shape (L + 1,)."""
    ### BEGIN SOLUTION
    norms = [np.linalg.norm(delta)]
    for jacobian in jacobians[::-1]:
        delta = delta + jacobian.T @ delta
        norms.append(np.linalg.norm(delta))
    return np.array(norms[::-1])
    ### END SOLUTION


# %% check="transformer/delta"
gc.panel("transformer/delta")

# %% [markdown] name="exponent-question"
# ## 3 · √L by measurement (1 point)
#
# Is it √L? `depths` are some depths L, shape (k,), `ratios` the ratio post-LN to pre-LN that was measured in
# some networks at each, shape (networks, k). Single networks scatter: take the median over the networks, and
# return the exponent p of median ∝ L^p, by a least-squares line through the logarithms.


# %% name="exponent" answer="transformer/exponent"
def growth_exponent(depths, ratios):
    """The exponent of the power law; a float."""
    ### BEGIN SOLUTION
    return float(np.polyfit(np.log(depths), np.log(np.median(ratios, axis=0)), 1)[0])
    ### END SOLUTION


# %% check="transformer/exponent"
gc.panel("transformer/exponent")

# %% [markdown] name="exponent-try"
# Try it on what the lesson measured. (Add as many networks as you have patience for.)

# %% name="exponent-measured"
from gradcourse.experiments.transformer import ratios

depths = np.array([2, 4, 8, 16])
measured = np.array([ratios(blocks) for blocks in depths]).T

# %% [markdown] name="qk-question"
# ## 4 · Logits that cannot grow (1 point)
#
# `q` and `k` have shape (heads, T, d). Bring each query and each key to length $\sqrt d$ and return the
# attention logits $q\cdot k/\sqrt d$, shape (heads, T, T): a row for each query.


# %% name="qk" answer="transformer/qk-norm"
def qk_logits(q, k):
    """Logits of normed queries and keys; shape (heads, T, T)."""
    ### BEGIN SOLUTION
    size = np.sqrt(q.shape[-1])
    q, k = (size * x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (q, k))
    return q @ np.swapaxes(k, -1, -2) / size
    ### END SOLUTION


# %% check="transformer/qk-norm"
gc.panel("transformer/qk-norm")

# %% [markdown] name="bound-question"
# ## 5 · How large do they become? (1 point)
#
# A network of width 48 with 4 heads and this QK-norm is trained at a rate of 0.03. Set `largest` to the largest
# logit that it meets. The check accepts what is within 0.2 of it.

# %% name="bound" answer="transformer/bound"
largest = None
### BEGIN SOLUTION
largest = float(np.sqrt(48 / 4))  # one head is 12 wide, and training goes right up to the bound
### END SOLUTION

# %% check="transformer/bound"
gc.panel("transformer/bound")

# %% [markdown] name="mixing-question"
# ## 6 · A mixing that cannot amplify (2 points)
#
# Four residual streams are mixed by a matrix whose entries are positive and whose rows and columns all sum to 1.
# Make one from any `scores`, shape (n, n): take their exponential, then, `rounds` times, divide each row by
# its sum, and each column of what comes out by its sum (Sinkhorn & Knopp 1967).


# %% name="mixing" answer="transformer/mixing"
def doubly_stochastic(scores, rounds):
    """Rows and columns brought to sum 1 in turn; shape (n, n)."""
    ### BEGIN SOLUTION
    m = np.exp(scores)
    for _ in range(rounds):
        m = m / m.sum(axis=1, keepdims=True)
        m = m / m.sum(axis=0, keepdims=True)
    return m
    ### END SOLUTION


# %% check="transformer/mixing"
gc.panel("transformer/mixing")

# %% [markdown] name="cut-question"
# ## 7 · Which block to cut? (1 point)
#
# The picture shows what cutting one block costs the five stored networks, in the median. Yours must get one
# block smaller without further training. Set `cut` to `"1"`, `"2"`, `"3"` or `"12"`.

# %% name="cut-picture"
from gradcourse.experiments.transformer import damage_plot

damage_plot()

# %% name="cut" answer="transformer/cut"
cut = None
### BEGIN SOLUTION
cut = "12"
### END SOLUTION

# %% check="transformer/cut"
gc.panel("transformer/cut")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("11")
