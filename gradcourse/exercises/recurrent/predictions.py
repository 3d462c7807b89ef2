"""What lesson 03 and its assignment ask before a measurement: in the lesson for no points."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.recurrent import GAIN_200
from gradcourse.experiments.common import over_seeds
from gradcourse.experiments.recurrent import (
    FACTOR,
    cliff_line,
    growth_over_200,
    lag_log_gradient,
    loss_and_gradient,
    overflow_step,
    recall_accuracy,
    scalar_gradient,
    sigmoid_growth,
    two_unit_gradient,
)

LAG_FIFTY = Prediction(
    id="recurrent/lag-fifty",
    title="A gradient 50 steps later",
    question="A unit without an activation, h_t = w h_(t−1) + x_t, has w = 0.9. A loss at step T "
    "reads it. How large is the gradient that arrives 50 steps earlier, if it is 1 at step T?",
    answer="lag_fifty",
    measure=lambda: scalar_gradient(0.9, 50),
    within=1.5,
    low=1e-8,
    high=10.0,
    explain="One factor 0.9 for each step back, and the inputs x_t do not matter.",
    misconceptions=(
        NamedValue("one step", 0.9, "That is one step back. There are 50, and they multiply."),
        NamedValue(
            "one part in fifty",
            0.02,
            "That is 1/50: a straight line on a linear axis. The factors multiply.",
        ),
    ),
    hints=("One step back multiplies by w.", "0.9 twice is 0.81. And 50 times?"),
)


def _first_grows():
    gradient = two_unit_gradient(0.95, 1.0)
    if gradient[-1] >= gradient.max():
        return "forever"
    return "first" if gradient.max() > 2 else "falls"


FIRST_GROWS = Choice(
    id="recurrent/first-grows",
    title="Two units with eigenvalues 0.95",
    question="h_t = W h_(t−1) with W = [[0.95, 1], [0, 0.95]]: each unit keeps 0.95 of itself, and "
    "the second drives the first with weight 1. Both eigenvalues are 0.95. The loss reads unit 1. "
    "What does the gradient do with growing lag?",
    answer="first_grows",
    options=(
        Option(
            "falls",
            "It falls from the first step on, like 0.95 to the power of the lag.",
            "The eigenvalues rule the end. At the start the norm of W does, and that is 1.57.",
        ),
        Option(
            "first",
            "It grows to several times its size, then falls.",
            "There are k ways to cross from unit 2 to unit 1 in k steps.",
        ),
        Option(
            "forever",
            "It grows without end, since the weight 1 does.",
            "The number of paths grows like k, but each path loses 5 % per step. 0.95^k wins.",
        ),
    ),
    measure=_first_grows,
    explain="k · 0.95^(k−1) is largest near k = 19. Below 1 is promised for the end only.",
    hints=("Multiply W by itself once. What stands in the upper right corner?",),
)


def _strong_input():
    growth = np.mean(over_seeds(lambda seed: lag_log_gradient(2.0, 2.0, seed=seed)[-1]))
    if growth > math.log(10):
        return "explodes"
    return "vanishes" if growth < -math.log(10) else "level"


STRONG_INPUT = Choice(
    id="recurrent/strong-input",
    title="Large weights and a strong input",
    question="A random tanh network of 64 units has the gain 2: the spectral radius of W is about "
    "2, its norm almost 4. Its input is strong: standard deviation 2 on each pre-activation. "
    "What becomes of the gradient over 100 steps?",
    answer="strong_input",
    options=(
        Option(
            "explodes",
            "It explodes: both the radius and the norm of W are far above 1.",
            "W is only half of each factor. The other half is the slope of tanh.",
        ),
        Option(
            "level",
            "It stays within a factor of 10.",
            "One strength of the input makes slope and weight balance. This one is beyond it.",
        ),
        Option(
            "vanishes",
            "It vanishes.",
            "The input drives the units to where tanh is flat, and the slope beats W.",
        ),
    ),
    measure=_strong_input,
    explain="Without input the same matrix makes the gradient explode. A norm above 1 is needed "
    "for that, and it is not enough.",
    hints=("What is the slope of tanh at a pre-activation of 2 or 3?",),
)


def _step_off_the_cliff(learning_rate=0.1):
    """Length of one step from a point just below the cliff at w = 1.5."""
    _, by_w, by_b = loss_and_gradient(1.5, cliff_line(1.5) - 1e-4)
    return learning_rate * float(np.hypot(by_w, by_b))


OFF_THE_CLIFF = Prediction(
    id="recurrent/off-the-cliff",
    title="One step from the edge",
    question="One tanh unit runs 50 steps; the loss is below 1.5 everywhere. You stand at w = 1.5, "
    "with b 0.0001 below the edge, and take one step of gradient descent with learning "
    "rate 0.1. How far do you move in the plane of w and b?",
    answer="off_the_cliff",
    measure=_step_off_the_cliff,
    within=4.0,
    low=1e-5,
    high=1e5,
    explain="The loss jumps by about 1 within about a thousandth, so the slope is several hundred, "
    "and a tenth of that is the step.",
    misconceptions=(
        NamedValue(
            "the learning rate",
            0.1,
            "The learning rate is multiplied by the gradient, and here that is far from 1.",
        ),
        NamedValue(
            "as wide as the distance",
            1e-4,
            "Near the edge the gradient is large, so the step is large: it does not know how "
            "narrow the wall is.",
        ),
        NamedValue(
            "on the edge itself",
            290.0,
            "That is the step on the edge itself. 0.0001 below it a run leaves the edge before "
            "step 50, and a fifth of that is left.",
        ),
        NamedValue(
            "the whole wall within 0.0001",
            1000.0,
            "A fall of 1 over 0.0001 would be a slope of 10,000. The wall is wider than that: "
            "about a thousandth.",
        ),
    ),
    hints=(
        "A bounded loss can have any slope.",
        "On the edge one step of the recurrence multiplies by 1.125, and 50 of them make the "
        "gradient 2900. 0.0001 below it a good part of that is left.",
    ),
)


def _window():
    right = np.mean([recall_accuracy(5, seed) for seed in range(3)])
    if right > 0.9:
        return "learns"
    return "chance" if right < 0.65 else "half"


WINDOW = Choice(
    id="recurrent/window",
    title="A window shorter than the memory",
    question="The first step shows one of two symbols; 12 silent steps follow; which symbol was "
    "it? The weights that read the symbol start at 0. Backpropagation through all 13 steps learns "
    "this. You let it go back through the last 5 steps only, and train for 400 updates. How "
    "many test sequences are right?",
    answer="window",
    options=(
        Option(
            "chance",
            "Near one half, chance.",
            "The weights that read the symbol are used at the first step only, and no gradient "
            "reaches that step. They stay exactly 0.",
        ),
        Option(
            "half",
            "About three quarters: what is learned in 5 steps helps in part.",
            "Nothing that is learned in the last 5 steps can make up for a symbol not read.",
        ),
        Option(
            "learns",
            "More than 90 %: the weights are the same at all steps, so 5 are enough to learn them.",
            "That is a good argument for W, which is used inside the window too. The weights that "
            "read the symbol are used outside only.",
        ),
    ),
    measure=_window,
    explain="The gradient of those weights is exactly 0 at every update, so nothing is ever read.",
    hints=("At which step are the weights that read the symbol multiplied by something not 0?",),
)

# ================================================================ for points, in the assignment


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
        "It is what you computed in the question before, up to the luck of three networks of 64 "
        "units.",
    ),
    points=1.0,
    below="The gradient vanishes over 200 steps: a larger gain.",
    above="The gradient explodes over 200 steps: a smaller gain.",
)


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
