"""A small Transformer by recipe: where the norms stand, what they are, and how q meets k."""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

from gradcourse.nets.normalized import normalization
from gradcourse.support import GradcourseError, check_integers

ORDERS = ("pre", "post", "peri", "deepnorm")
NORMS = ("layer", "rms", "tanh", "none")


class DynamicTanh(nn.Module):
    """γ tanh(αx) + β, unit by unit, in place of a norm; α, γ and β are learned.

    Nothing is averaged: a unit knows of no other (Zhu et al. 2025, Transformers without
    normalization).
    """

    def __init__(self, width: int, alpha: float = 0.5) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(alpha))
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.tanh = nn.Tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return an array of the shape of ``x``, (…, width)."""
        squashed: torch.Tensor = self.tanh(self.alpha * x)
        return self.weight * squashed + self.bias


class Scaled(nn.Module):
    """A norm whose output is multiplied by a fixed number (LayerNorm scaling, Sun et al. 2025)."""

    def __init__(self, norm: nn.Module, factor: float) -> None:
        super().__init__()
        self.norm, self.factor = norm, factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scaled output, of the shape of ``x``."""
        normed: torch.Tensor = self.norm(x)
        return self.factor * normed


class Attention(nn.Module):
    """Causal self-attention with several heads.

    Attributes
    ----------
    query, key, value, out : nn.Linear
        Square, without bias.
    heads : int
    qk_norm : bool
        Whether each q and each k is brought to length √(width/heads) first, without a learned
        gain: then no logit exceeds that number (after Henry et al. 2020).
    """

    def __init__(self, width: int, heads: int, *, qk_norm: bool = False) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        self.heads, self.qk_norm = heads, qk_norm

    def queries_and_keys(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return q and k, shape (batch, heads, T, width/heads)."""
        q, k = self._split(self.query(x)), self._split(self.key(x))
        if self.qk_norm:
            size = math.sqrt(q.shape[-1])
            q, k = (size * functional.normalize(part, dim=-1) for part in (q, k))
        return q, k

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return q·k/√(width/heads) of every pair, those in the future too.

        Parameters
        ----------
        x : torch.Tensor, shape (batch, T, width)

        Returns
        -------
        torch.Tensor, shape (batch, heads, T, T)
        """
        q, k = self.queries_and_keys(x)
        return q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return an array of the shape of ``x``, (batch, T, width)."""
        q, k = self.queries_and_keys(x)
        read = functional.scaled_dot_product_attention(
            q, k, self._split(self.value(x)), is_causal=True
        )
        mixed: torch.Tensor = self.out(read.transpose(1, 2).flatten(2))
        return mixed

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (batch, heads, T, width/heads)


class TransformerBlock(nn.Module):
    """Attention, then two matrices with a ReLU between: two branches, each beside a shortcut.

    Attributes
    ----------
    attention : Attention
    feed_forward : nn.Sequential
        ``up``, ``relu``, ``down``.
    norm1, norm2 : nn.Module
        Before the branches ("pre", "peri") or on the sums ("post", "deepnorm").
    norm3, norm4 : nn.Module
        Behind the branches, "peri" only.
    order : str
    alpha : float
        Factor on the shortcut; 1 but for "deepnorm".
    """

    def __init__(
        self, attention: Attention, feed_forward: nn.Sequential, norms: list[nn.Module], order: str
    ) -> None:
        super().__init__()
        for number, norm in enumerate(norms, start=1):
            self.add_module(f"norm{number}", norm)
        self.attention, self.feed_forward = attention, feed_forward
        self.order, self.alpha = order, 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return an array of the shape of ``x``, (batch, T, width)."""
        x = self._beside(x, self.attention, "1", "3")
        return self._beside(x, self.feed_forward, "2", "4")

    def _beside(self, x: torch.Tensor, branch: nn.Module, number: str, second: str) -> torch.Tensor:
        norm = self.get_submodule(f"norm{number}")
        if self.order == "pre":
            return x + branch(norm(x))
        if self.order == "peri":
            return x + self.get_submodule(f"norm{second}")(branch(norm(x)))
        return norm(self.alpha * x + branch(x))


class Embedding(nn.Module):
    """A vector for each token plus a vector for each place."""

    def __init__(self, tokens: int, width: int, longest: int) -> None:
        super().__init__()
        self.token = nn.Embedding(tokens, width)
        self.place = nn.Parameter(torch.empty(longest, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """From (batch, T) of int64 to (batch, T, width)."""
        vectors: torch.Tensor = self.token(tokens)
        return vectors + self.place[: tokens.shape[-1]]


def transformer(
    blocks: int,
    width: int = 48,
    *,
    heads: int = 4,
    order: str = "pre",
    norm: str = "layer",
    qk_norm: bool = False,
    depth_scaling: bool = False,
    tokens: int = 16,
    longest: int = 24,
    seed: int = 0,
) -> nn.Sequential:
    """Build a small causal Transformer that predicts the next token.

    The modules are named ``embedding``, ``block1`` …, ``norm`` (not where a norm ends the last
    block anyway) and ``output``. All matrices are Xavier's, normal; embeddings are N(0, 1). With
    one seed, all orders and norms have the same matrices.

    Parameters
    ----------
    blocks : int
        Number of blocks, 1 or more; each has six matrices.
    width : int
        Of the residual stream, a multiple of ``heads``. The feed-forward branch is four times as
        wide.
    heads : int
    order : str
        - "pre": x + F(norm(x)), and a norm before the output (Xiong et al. 2020)
        - "post": norm(x + F(x)) (Vaswani et al. 2017)
        - "peri": x + norm(F(norm(x))), and a norm before the output (Kim et al. 2025)
        - "deepnorm": norm(αx + F(x)) with α = (2·blocks)^¼, and the matrices of value, out, up
          and down times (8·blocks)^−¼ (Wang et al. 2022)
    norm : str
        "layer", "rms", "tanh" (`DynamicTanh`) or "none".
    qk_norm : bool
        See `Attention`.
    depth_scaling : bool
        Multiply the output of the norms before the branches of block l by 1/√l (Sun et al. 2025).
        Order "pre" only.
    tokens, longest : int
        How many tokens there are, and how long a sequence may be.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Sequential
        float32, on the CPU, in training mode. It takes int64 of shape (batch, T), and returns
        logits of shape (batch, T, tokens).

    Raises
    ------
    GradcourseError
        If a number, a name or their combination is not one of the above.

    References
    ----------
    Vaswani et al. (2017), Attention is all you need; Xiong et al. (2020), On layer normalization
    in the Transformer architecture; Wang et al. (2022), DeepNet; Kim et al. (2025), Peri-LN; Sun
    et al. (2025), The curse of depth in large language models.

    Examples
    --------
    >>> [name for name, _ in transformer(2).named_children()]
    ['embedding', 'block1', 'block2', 'norm', 'output']
    """
    _check(blocks, width, heads, order, norm, depth_scaling, tokens, longest)
    with torch.random.fork_rng(devices=[]):  # torch's own constructors draw, too
        model = _built(blocks, width, heads, order, norm, qk_norm, depth_scaling, tokens, longest)
    _draw(model, torch.Generator().manual_seed(seed))
    if order == "deepnorm":
        _deepnorm(model, blocks)
    return model


def _built(
    blocks: int,
    width: int,
    heads: int,
    order: str,
    norm: str,
    qk_norm: bool,
    depth_scaling: bool,
    tokens: int,
    longest: int,
) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict(embedding=Embedding(tokens, width, longest))
    for number in range(1, blocks + 1):
        factor = number**-0.5 if depth_scaling else 1.0
        norms = [_norm(norm, width, factor) for _ in range(4 if order == "peri" else 2)]
        modules[f"block{number}"] = TransformerBlock(
            Attention(width, heads, qk_norm=qk_norm), _feed_forward(width), norms, order
        )
    if order in ("pre", "peri"):
        modules["norm"] = _norm(norm, width, 1.0)
    modules["output"] = nn.Linear(width, tokens)
    return nn.Sequential(modules)


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            up=nn.Linear(width, 4 * width), relu=nn.ReLU(), down=nn.Linear(4 * width, width)
        )
    )


def _norm(name: str, width: int, factor: float) -> nn.Module:
    if name == "none":
        norm: nn.Module = nn.Identity()
    else:
        norm = DynamicTanh(width) if name == "tanh" else normalization(name, width)
    return norm if factor == 1.0 else Scaled(norm, factor)


def _draw(model: nn.Sequential, generator: torch.Generator) -> None:
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, Embedding):
                module.place.normal_(generator=generator)
                module.token.weight.normal_(generator=generator)


def _deepnorm(model: nn.Sequential, blocks: int) -> None:
    with torch.no_grad():
        for block in model:
            if not isinstance(block, TransformerBlock):
                continue
            block.alpha = (2 * blocks) ** 0.25
            for name, parameter in block.named_parameters():
                if name.endswith(("value.weight", "out.weight", "up.weight", "down.weight")):
                    parameter.mul_((8 * blocks) ** -0.25)


def _check(
    blocks: int,
    width: int,
    heads: int,
    order: str,
    norm: str,
    depth_scaling: bool,
    tokens: int,
    longest: int,
) -> None:
    check_integers(1, blocks=blocks, width=width, heads=heads, tokens=tokens, longest=longest)
    for name, value, known in (("order", order, ORDERS), ("norm", norm, NORMS)):
        if value not in known:
            raise GradcourseError(f"{name} is {value!r}; expected one of {', '.join(known)}.")
    if width % heads:
        raise GradcourseError(f"width is {width}; it must be a multiple of heads, {heads}.")
    if depth_scaling and order != "pre":
        raise GradcourseError(f'depth_scaling is for order "pre"; order is {order!r}.')
