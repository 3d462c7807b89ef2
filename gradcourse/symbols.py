"""The letters of the course: one for one thing, each with the lesson that first defines it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Symbol:
    """One letter.

    Attributes
    ----------
    tex : str
        As the lessons write it, between dollar signs.
    meaning : str
        In a few words; formulas stand between dollar signs.
    lesson : str
        The number of the lesson that defines it.
    """

    tex: str
    meaning: str
    lesson: str


SYMBOLS = (
    Symbol(r"L", "depth: the number of layers; layer 1 is nearest the input", "00"),
    Symbol(r"r", "the factor that one layer puts on a gradient", "00"),
    Symbol(r"h", "what enters a layer; in a recurrent network, its state", "01"),
    Symbol(r"W", "a matrix of weights", "01"),
    Symbol(r"z", "pre-activation: $z = W h + b$", "01"),
    Symbol(r"\mathcal{L}", "the loss", "01"),
    Symbol(
        r"\delta_l",
        r"the gradient that arrives at layer $l$: $\partial\mathcal{L}/\partial z_l$",
        "01",
    ),
    Symbol(
        r"\sigma_i",
        r"the $i$-th singular value of a product; $\sigma_{\max}$ is the largest",
        "01",
    ),
    Symbol(r"\lambda_1", "the largest Lyapunov exponent: mean growth per layer, as a log", "01"),
    Symbol(r"\eta", "the learning rate", "01"),
    Symbol(r"\varphi", "the activation function", "02"),
    Symbol(r"a", r"activation: $a = \varphi(z)$ (in lesson 04: the slope on the left)", "02"),
    Symbol(r"\sigma(z)", "the sigmoid", "02"),
    Symbol(
        r"\sigma_w",
        r"size of the weights: their standard deviation is $\sigma_w/\sqrt{n}$, with $n$ inputs",
        "02",
    ),
    Symbol(r"\chi", r"the factor that a layer puts on the mean square of $\delta$", "02"),
    Symbol(r"x_t", "the input at step $t$ of a sequence", "03"),
    Symbol(r"T", "the last step; $T - t$ is the lag", "03"),
    Symbol(r"U", "the matrix that reads the input of a step", "03"),
    Symbol(r"\rho(W)", "the spectral radius: the largest |eigenvalue|", "03"),
    Symbol(r"\gamma", "the largest slope of the activation (1 for tanh, ¼ for the sigmoid)", "03"),
    Symbol(r"\sigma_b", "the standard deviation of the biases", "05"),
    Symbol(r"q^*", "the variance at which $z$ settles with depth", "05"),
    Symbol(r"\xi", r"depth scale: over $\xi$ layers a gradient changes by a factor of e", "05"),
    Symbol(r"B", "the number of images in a batch", "06"),
    Symbol(r"u", "what a layer computes before batch normalization", "06"),
    Symbol(r"\alpha", "branch scale: what the branch of a residual block is multiplied by", "07"),
    Symbol(r"F_l", "the branch of residual block $l$", "07"),
    Symbol(r"J_l", "the Jacobian of a branch", "07"),
    Symbol(r"c", "the cell of an LSTM; in lesson 09, the threshold of clipping", "08"),
    Symbol(r"f_t", "the forget gate of an LSTM, how much is kept; $i_t$ writes, $o_t$ shows", "08"),
    Symbol(r"\odot", "multiplies unit by unit", "08"),
    Symbol(r"g", "the gradient of a whole network as one vector", "09"),
    Symbol(r"\Omega", "Pascanu's penalty on gradients that vanish", "09"),
)
"""In the order of their first appearance."""
