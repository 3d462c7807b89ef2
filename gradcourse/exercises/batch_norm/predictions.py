"""What lesson 06 and its assignment ask before a measurement: in the lesson for no points."""

from __future__ import annotations

import math

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction, Tuning
from gradcourse.demos.batch_norm import BEND
from gradcourse.experiments.batch_norm import (
    accuracy_sorted,
    accuracy_with_accumulation,
    deep_sigmoids_right,
    end_to_end,
    equilibrium,
    layers_to_a_thousand,
    network,
    share_of_gradient,
)
from gradcourse.experiments.common import digits, median


def _large_weights():
    """What the gradient of a batch-normed matrix becomes if it is a thousand times as large."""
    import torch

    net = network("batch", 1).double()
    weight = next(net.parameters())
    x, y = digits().x_train[:64].double(), digits().y_train[:64]

    def gradient():
        return torch.autograd.grad(torch.nn.functional.cross_entropy(net(x), y), weight)[0].norm()

    before = gradient()
    with torch.no_grad():
        weight.mul_(1000.0)
    power = round(math.log10(float(gradient() / before)) / 3)
    return {1: "thousand", 0: "same", -1: "thousandth", -2: "millionth"}[power]


LARGE_WEIGHTS = Choice(
    id="batch-norm/large-weights",
    title="Weights a thousand times as large",
    question="A layer computes u = W h and then batch norm. Multiply every weight of W by 1000, "
    "with the same images: z stays the same. What becomes of the gradient of W?",
    answer="large_weights",
    options=(
        Option(
            "thousand",
            "It becomes 1000 times as large.",
            "u does. But z does not change, so a weight must move 1000 times as far for the same "
            "effect on it.",
        ),
        Option(
            "same",
            "It stays the same, as z does.",
            "δ stays the same. On its way to u it is divided by s, which has grown with u.",
        ),
        Option(
            "thousandth",
            "It becomes a thousandth.",
            "s is 1000 times as large, and ∂ℒ/∂u is divided by it.",
        ),
        Option(
            "millionth",
            "It becomes a millionth.",
            "That is the step relative to W: the gradient is divided by 1000 once, and W is 1000 "
            "times as large.",
        ),
    ),
    measure=_large_weights,
    explain="∂ℒ/∂u = γ/s (…), and s is 1000 times as large. Relative to W the step of plain "
    "gradient descent is a millionth of what it was.",
    hints=("Where does s stand in ∂ℒ/∂u?",),
)


def _two_images():
    left = median(lambda seed: share_of_gradient(2, seed))
    if left < 0.1:
        return "nothing"
    return "half" if left < 0.8 else "all"


TWO_IMAGES = Choice(
    id="batch-norm/two-images",
    title="A batch of two",
    question="A batch of two images goes through batch norm, and some δ comes back. How much of it "
    "gets through to u, compared with what multiplying by γ and dividing by the standard deviation "
    "would let through?",
    answer="two_images",
    options=(
        Option(
            "all",
            "Nearly all of it: normalizing is only a shift and a division.",
            "A shift and a division that depend on u themselves.",
        ),
        Option(
            "half",
            "About half: each image also counts in the other's mean.",
            "The mean takes one half. The variance takes the other.",
        ),
        Option(
            "nothing",
            "Less than a tenth.",
            "Whatever the two values are, x̂ is +1 and −1. What never moves has no gradient.",
        ),
    ),
    measure=_two_images,
    explain="Of two numbers, standardised, one is +1 and the other −1. Moving either changes "
    "nothing, except through ε.",
    hints=("Standardise 3 and 7. Now standardise 3 and 700.",),
)


def _sorted_digits():
    right = accuracy_sorted()
    if right < 0.3:
        return "chance"
    return "most" if right > 0.9 else "between"


SORTED_DIGITS = Choice(
    id="batch-norm/sorted-digits",
    title="Ten batches, sorted",
    question="A network with batch norm has learned the digits: more than 95 % of the test set are "
    "right. You forget model.eval(), and you show it the test set sorted: first all the zeros as "
    "one batch, then all the ones, and so on. How many are right?",
    answer="sorted_digits",
    options=(
        Option(
            "most",
            "More than 90 %, as before.",
            "They would be, if the network saw one image at a time.",
        ),
        Option(
            "between",
            "Something between 30 % and 90 %.",
            "It is worse: what makes a zero a zero is what all images of the batch share.",
        ),
        Option(
            "chance",
            "Less than 30 %.",
            "Batch norm subtracts what all images of the batch share: here, the digit.",
        ),
    ),
    measure=_sorted_digits,
    explain="In training mode each image is seen relative to its batch. In a batch of zeros, "
    "being a zero is nothing special, and it is subtracted.",
    hints=("What is the mean of a batch of zeros?",),
)


def _other_norms():
    learned = [norm for norm in ("layer", "rms") if deep_sigmoids_right(norm, 0) > 0.5]
    return "-".join(learned) or "neither"


OTHER_NORMS = Choice(
    id="batch-norm/other-norms",
    title="Would another norm do?",
    question="Put layer norm, or RMS norm, where batch norm was in the 30 sigmoid layers. Both "
    "keep the size of every image's z in every layer. Which of them makes the network learn?",
    answer="other_norms",
    options=(
        Option(
            "layer-rms",
            "Both: what counts is the size.",
            "The size is kept. What is it the size of?",
        ),
        Option(
            "layer",
            "Layer norm, which subtracts a mean.",
            "It subtracts the mean over the units of one image, not what all images share.",
        ),
        Option(
            "rms",
            "RMS norm.",
            "It divides only. What all images share stays, and soon is all there is.",
        ),
        Option(
            "neither",
            "Neither.",
            "They keep the size of a vector that is the same for all images.",
        ),
    ),
    measure=_other_norms,
    explain="A sigmoid is positive, so all images share a large mean, and only the difference "
    "between images knows the digit. Batch norm subtracts exactly the shared part.",
    hints=("In lesson 02, what did layer 8 send to the output?",),
)


FIRST_DELTA = Prediction(
    id="batch-norm/first-delta",
    title="δ in layer 1 of 56 batch-normed layers",
    question="56 ReLU layers with batch norm, untrained, He's weights. δ travels from layer 56 "
    "down to layer 1. How large is it in layer 1, if it is 1 in layer 56?",
    answer="first_delta_56",
    measure=lambda: median(lambda seed: end_to_end(seed, 0.0, images=1024)),
    within=4.0,
    low=1e-10,
    high=1e10,
    explain="Every layer multiplies δ by about 1.211, and 1.211^55 is about 38,000.",
    misconceptions=(
        NamedValue(
            "batch norm keeps it",
            1.0,
            "It keeps the size of z, forwards. Nothing was promised backwards.",
        ),
        NamedValue(
            "ReLU halves it",
            0.5**27.5,
            "ReLU lets half of δ's mean square through, and you let nothing give it back. He's "
            "weights do: without batch norm δ would stay. Batch norm adds a division.",
        ),
    ),
    hints=("ReLU lets half of δ's mean square through. What does batch norm divide by?",),
)


def _gradient_at_a_fifth():
    fast = median(lambda seed: equilibrium(0.1, seed).gradient)
    slow = median(lambda seed: equilibrium(0.02, seed).gradient)
    if slow > 1.1 * fast:
        return "rises"
    return "falls" if slow < fast / 1.1 else "stays"


FIFTH_OF_THE_RATE = Choice(
    id="batch-norm/fifth-of-the-rate",
    title="A fifth of the learning rate",
    question="Four ReLU layers with batch norm train with weight decay until ‖W‖ has settled. You "
    "divide the learning rate by five and wait until it has settled again. What has become of the "
    "norm of the gradient of a hidden matrix?",
    answer="fifth_of_the_rate",
    measure=_gradient_at_a_fifth,
    explain="A normalized layer does not feel the size of its weights, and its gradient is "
    "divided by it. Weight decay and the gradient's steps settle where ‖g‖/‖W‖ = √(2λ/η): with a "
    "smaller η the weights become smaller and the gradient larger.",
    options=(
        Option("rises", "It is larger.", ""),
        Option(
            "stays",
            "It is the same.",
            "The loss hardly changed, true. But the gradient of a normalized layer is divided by "
            "the size of its weights, and that size depends on the rate.",
        ),
        Option(
            "falls",
            "It is smaller.",
            "Smaller steps, you may have thought, come nearer to the minimum. Three of ten labels "
            "are wrong here, so the gradient never dies out; look at the size of the weights.",
        ),
    ),
)

# ================================================================ for points, in the assignment

# ---------------------------------------------------------------- accumulated gradients


def _accumulate():
    by_batch = accuracy_with_accumulation("batch", 2, 8)
    by_layer = accuracy_with_accumulation("layer", 2, 8)
    if by_batch > 0.8:
        return "both" if by_layer > 0.8 else "batch"
    return "layer" if by_layer > 0.8 else "neither"


ACCUMULATE = Choice(
    id="batch-norm/accumulate",
    title="Eight batches of two, one update",
    question="Your memory holds two images. So you take the gradients of eight batches of two, "
    "average them, and then make one update: 16 images per update. Four ReLU layers, 120 updates, "
    "η = 0.1. With 16 images at once both batch norm and layer norm reach more than 85 % of the "
    "test digits. Which of them still gets above 80 %?",
    answer="accumulate",
    options=(
        Option(
            "both",
            "Both: the average of eight gradients is the gradient of 16 images.",
            "True where images do not see each other. In batch norm they do.",
        ),
        Option(
            "layer",
            "Layer norm only.",
            "Each of the eight passes normalizes by two images, however many you average later.",
        ),
        Option(
            "batch",
            "Batch norm only.",
            "Layer norm gives each image the same z in any batch, so its gradients average.",
        ),
        Option(
            "neither",
            "Neither.",
            "For layer norm the average is exactly the gradient of 16 images.",
        ),
    ),
    measure=_accumulate,
    explain="For layer norm the loss is a mean over independent images. Batch norm with two images "
    "leaves only the signs of their differences, and nearly no gradient below.",
    hints=(
        "Whose z depends on which other images are in the batch?",
        "When are the batch's mean and variance computed: in each pass, or in each update?",
        "In each pass. Two images standardise to +1 and −1 in every unit.",
    ),
    points=1.0,
)

# ---------------------------------------------------------------- depth


THOUSANDFOLD = Prediction(
    id="batch-norm/thousandfold",
    title="A thousandfold gradient",
    question="An untrained network of 56 ReLU layers with batch norm, 64 units each; He's "
    "weights; 128 digits. δ leaves the last hidden layer and travels back. Through how many layers "
    "must it go to become 1000 times as large? The check takes the median of five networks.",
    answer="layers",
    measure=lambda: median(layers_to_a_thousand),
    within=1.25,
    low=3.0,
    high=1000.0,
    unit="layers",
    explain="Each layer multiplies δ by √(π/(π − 1)) ≈ 1.21, and ln 1000 / ln 1.211 = 36.",
    misconceptions=(
        NamedValue(
            "the factor on the mean square",
            18.0,
            "You used 1.47 per layer. That is the factor on δ's mean square; its size grows by "
            "the square root, 1.21.",
        ),
        NamedValue(
            "the log of the factor forgotten",
            5.7,
            "You divided ln 1000 by 1.211. Each layer adds ln 1.211 to ln δ: divide by that.",
        ),
        NamedValue(
            "a factor of 2 per layer",
            10.0,
            "You doubled δ in each layer. ReLU halves its mean square, and batch norm gives back "
            "more than that, but not 2: 1.21 on its size.",
        ),
        NamedValue(
            "never",
            300.0,
            "You expected δ to stay. Batch norm keeps the size of what goes forwards; backwards "
            "every layer adds a factor of 1.21.",
        ),
    ),
    hints=(
        "There is a factor per layer that does not depend on the weights.",
        "It is √(π/(π − 1)) = 1.211. How often must you multiply it to get 1000?",
        "ln 1000 / ln 1.211.",
    ),
    points=1.0,
)


TUNE_BETA = Tuning(
    id="batch-norm/beta",
    title="A β for 56 layers",
    question="Choose the first value of every β so that δ in layer 1 of 56 batch-normed ReLU "
    "layers is between 4 and 60 times δ in layer 56. More would explode; less means that hardly a "
    "unit ever switches off, and 56 layers are nearly one.",
    answers=("beta",),
    demo=lambda: BEND,
    measure=end_to_end,
    low=4.0,
    high=60.0,
    quantity="δ in layer 1 relative to layer 56",
    reference={"beta": 1.5},
    misconceptions=(
        NamedValue(
            "torch's start",
            {"beta": 0.0},
            "β = 0 is where torch starts: ReLU bends in the middle of its inputs, and each layer "
            "costs a factor of 1.21.",
        ),
        NamedValue(
            "far to the right",
            {"beta": 4.0},
            "At β = 4 a unit's input is 4 standard deviations above the bend: it is a straight "
            "line for nearly every image.",
        ),
    ),
    hints=(
        "z = x̂ + β. Where is the bend of ReLU, seen from the middle of the inputs?",
        "The factor per layer is √(E[φ′²]/Var[φ]). It is 1.21 at β = 0 and 1 for a straight line.",
        '`gc.theory.normalized_gradient_growth("relu", beta=…)` gives it for wide layers; narrow '
        "ones grow by about 0.03 more. Try β from 1.25 to 1.75.",
    ),
    points=2.0,
    below="The units are nearly straight lines: the gradient is level because little is bent.",
    above="δ explodes on the way to layer 1. The bend lies too near the middle of the inputs.",
)
