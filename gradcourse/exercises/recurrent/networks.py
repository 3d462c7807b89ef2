"""Questions that a network answers: a bound, a gain to tune, a step at which numbers end."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.recurrent import GAIN_200
from gradcourse.demos.recurrent.random import FACTOR, growth_over_200


def sigmoid_growth(strength, *, width=32, steps=50, seed=0):
    """ln ‖∂h_T/∂h_0‖ of a σ network with W = 3 times an orthogonal matrix."""
    rng = np.random.default_rng(seed)
    weights = 3.0 * np.linalg.qr(rng.normal(size=(width, width)))[0]
    bias = -weights.sum(axis=1) / 2  # keeps σ near its steepest where there is no input
    h, jacobian = np.full(width, 0.5), np.eye(width)
    for u in strength * rng.normal(size=(steps, width)):
        h = theory.sigmoid(weights @ h + bias + u)
        jacobian = (h - h**2)[:, None] * weights @ jacobian
    return float(np.log(np.linalg.norm(jacobian, 2)))


def _sigmoid_bound():
    growth = np.array([sigmoid_growth(s, seed=k) for k in range(3) for s in (0.0, 0.5, 2.0)])
    if (growth < 0).all():
        return "vanishes"
    return "explodes" if (growth > 0).all() else "depends"


SIGMOID_BOUND = Choice(
    id="recurrent/sigmoid-bound",
    title="A σ network with a norm of 3",
    question="h_t = σ(W h_(t−1) + u_t + b), with W three times an orthogonal matrix: spectral "
    "radius and norm are both 3. What can you say about ‖∂h_T/∂h_(T−50)‖ without knowing the "
    "inputs?",
    answer="sigmoid_bound",
    options=(
        Option(
            "explodes",
            "It explodes: the norm of W is above 1.",
            "The bound is for W and slope together, and the slope of σ is at most ¼.",
        ),
        Option(
            "vanishes",
            "It vanishes, whatever the inputs are.",
            "σ_max(W) = 3 is below 1/γ = 4: the condition that suffices.",
        ),
        Option(
            "depends",
            "That depends on the inputs.",
            "Inputs can only make the slopes smaller than ¼.",
        ),
    ),
    measure=_sigmoid_bound,
    explain="Each factor has norm at most 3 · ¼ = ¾, and 0.75^50 is below 10⁻⁶.",
    hints=(
        "What is γ, the largest slope, for σ?",
        "Pascanu's condition that suffices is σ_max(W) < 1/γ.",
        "3 · ¼ is below 1, for any input.",
    ),
    points=1.0,
)

TUNE_GAIN = Tuning(
    id="recurrent/gain-200-steps",
    title="A gain for 200 steps",
    question="A random tanh network of 64 units has inputs of standard deviation 0.5 on each "
    "pre-activation. Choose the gain of its recurrent weights so that the gradient at lag 200 is "
    "between 0.001 and 1000 times that at lag 0.",
    answers=("gain",),
    demo=lambda: GAIN_200,
    measure=growth_over_200,
    low=1 / FACTOR,
    high=FACTOR,
    quantity="gradient at lag 200 relative to lag 0",
    reference={"gain": 1.6},
    misconceptions=(
        NamedValue(
            "a spectral radius of 1",
            {"gain": 1.0},
            "At gain 1 the matrix alone would be level. But the input drives tanh off its "
            "steepest point, so each step costs more than W gives back.",
        ),
        NamedValue(
            "torch's default",
            {"gain": 0.6},
            "About that is what nn.RNN starts with. Each step multiplies by about a half; over "
            "200 steps nothing is left.",
        ),
        NamedValue(
            "more is better",
            {"gain": 3.0},
            "Now the network is chaotic: each step multiplies by more than 1.",
        ),
    ),
    hints=(
        "Each step multiplies by gain times the slope of tanh, in the mean square. Two hundred "
        "steps allow 3 decades: 0.015 decades per step.",
        "At gain 1 the line falls, at gain 3 it rises. Look where it is level.",
        "½ ln χ = 0 is near gain 1.6.",
    ),
    points=2.0,
    below="The gradient vanishes over 200 steps: a larger gain.",
    above="The gradient explodes over 200 steps: a smaller gain.",
)


def overflow_step(w):
    """The first step at which h_t = w h_{t−1}, h_0 = 1, is infinite in float32."""
    h, step = np.float32(1.0), 0
    with np.errstate(over="ignore"):
        while np.isfinite(h):
            h, step = np.float32(h * np.float32(w)), step + 1
    return step


OVERFLOW = Prediction(
    id="recurrent/overflow-step",
    title="When does a state leave float32?",
    question="A ReLU unit has the recurrent weight 1.5 and no input: h_t = 1.5 h_(t−1), h_0 = 1, "
    "in float32, whose largest number is 3.4·10³⁸. At which step t is h_t infinite for the first "
    "time?",
    answer="overflow_step",
    measure=lambda: float(overflow_step(1.5)),
    within=3.0,
    low=1.0,
    high=2000.0,
    log=False,
    explain="1.5^t passes 3.4·10³⁸ where t = ln(3.4·10³⁸)/ln 1.5.",
    misconceptions=(
        NamedValue(
            "a doubling per step",
            128.0,
            "128 steps is what a weight of 2 takes: float32 ends at 2¹²⁸. Here each step is 1.5.",
        ),
        NamedValue(
            "float16",
            28.0,
            "That is where float16 ends, at 65504. float32 goes to 3.4·10³⁸.",
        ),
        NamedValue(
            "float64",
            1751.0,
            "That is where float64 ends, at 1.8·10³⁰⁸. float32 goes to 3.4·10³⁸.",
        ),
        NamedValue(
            "the exponent taken for the step",
            38.0,
            "38 is the number of decades. A step of 1.5 is less than one decade: divide by "
            "log₁₀ 1.5.",
        ),
        NamedValue(
            "the logarithm alone",
            88.7,
            "ln(3.4·10³⁸) is 88.7. That would be the answer if each step multiplied by e: divide "
            "by ln 1.5.",
        ),
    ),
    hints=(
        "Solve 1.5^t = 3.4·10³⁸.",
        "t = log(3.4·10³⁸) / log(1.5), in any logarithm.",
        "38.5 decades, and each step is 0.176 of a decade.",
    ),
    points=1.0,
)
