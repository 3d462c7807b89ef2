"""Read a log: choose a threshold, say what clipping reports, and clip a gradient in parts."""

from __future__ import annotations

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.clipped import shard_norm, share_clipped

OFFERED = {"0.3": 0.3, "3": 3.0, "30": 30.0, "300": 300.0}


def _smallest_that_passes():
    """The smallest of the four that leaves 95 of 100 updates after the warm-up alone."""
    fit = [key for key, c in OFFERED.items() if share_clipped(c) < 0.05]
    return min(fit, key=lambda key: OFFERED[key])


CHOOSE = Choice(
    id="clipping/choose",
    title="Choose a threshold",
    question="The picture shows ‖g‖ in 500 updates of a run that went well. For the next run, at "
    "the same rate, c shall clip both spikes down to an ordinary size, and after the warm-up leave "
    "at least 95 of 100 updates alone. Which c?",
    answer="threshold",
    options=(
        Option(
            "0.3",
            "0.3",
            "Nearly every update lies above it: all steps would have the same length, and c would "
            "be a learning rate.",
        ),
        Option("3", "3", "Three times an ordinary norm: the spikes are cut, the rest passes."),
        Option(
            "30",
            "30",
            "It is below the spikes and above the rest; but a clipped spike is then still thirty "
            "ordinary gradients long.",
        ),
        Option("300", "300", "No update of this run would have been clipped."),
    ),
    measure=_smallest_that_passes,
    explain="After the warm-up the norms scatter around 1, and hardly one of them exceeds 3. The "
    "warm-up's large norms do not count: a percentile over all 500 would have been pulled up.",
    hints=(
        "The axis is logarithmic. Where does the bulk of the norms lie after the warm-up?",
        "A spike that is clipped at c has the length c: how many ordinary gradients is that?",
        "The smallest of the four that leaves 95 of 100 alone.",
    ),
    points=1.0,
)


def _what_it_returns():
    """What torch's function reports for a gradient of norm 37, clipped at 1."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([37.0])
    said = float(torch.nn.utils.clip_grad_norm_([weight], 1.0))
    clipped = abs(float(weight.grad) - 1.0) < 1e-3
    return "before" if clipped and said == 37.0 else "broken"


RETURNS = Choice(
    id="clipping/returns",
    title="37 at every update",
    question="norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) stands between "
    "backward and step, and the log shows a norm of about 37 at every update. What does it say?",
    answer="thirty_seven",
    options=(
        Option(
            "broken",
            "Clipping does not work: it should show 1.",
            "What it returns is the norm that it found. Look at the gradients afterwards: theirs "
            "is 1.",
        ),
        Option(
            "before",
            "The norm before clipping is 37: every step has the length η, whatever the gradient.",
            "So c is a learning rate in disguise here. η/37 without clipping would step alike.",
        ),
        Option(
            "exploding",
            "The gradient explodes by a factor of 37.",
            "A norm has the units of the loss. 37 at every update is a size, not a growth.",
        ),
        Option(
            "place",
            "The line stands in the wrong place: it belongs after the step.",
            "After the step it would be too late: it clips the gradient, not the weights.",
        ),
    ),
    measure=_what_it_returns,
    explain="clip_grad_norm_ returns the norm before. If it is always above c, all steps are "
    "equally long, and c sets the rate.",
    hints=(
        "Does the function return what it found, or what it left?",
        "Try it: one weight with a gradient of 37.",
        "If ‖g‖ > c at every update, how long is each step?",
    ),
    points=1.0,
)

SHARDS = Prediction(
    id="clipping/shards",
    title="A gradient in four parts",
    question="Four machines hold a quarter of the parameters each. On each the gradient's part has "
    "a norm of about 500, and each calls clip_grad_norm_ on its own part, with a threshold of 1. "
    "What is the norm of the whole gradient afterwards?",
    answer="whole_norm",
    measure=shard_norm,
    within=1.1,
    low=0.1,
    high=1000.0,
    explain="Each part has norm 1, and squares add: √4 = 2. The parts are also rescaled by "
    "different factors, so the whole turns: it is clipping by tensor. The machines must add up "
    "their squares first.",
    misconceptions=(
        NamedValue(
            "as asked",
            1.0,
            "That would need one factor for all. Nobody has seen the norm of the whole.",
        ),
        NamedValue("norms add", 4.0, "Squares of norms add, norms do not: √(1 + 1 + 1 + 1)."),
        NamedValue("a quarter each", 0.25, "Each part is cut to 1, not to its share of 1."),
    ),
    hints=(
        "What is the norm of each part afterwards?",
        "The norm of the whole is the root of a sum of squares.",
        "Four parts of norm 1.",
    ),
    points=1.0,
)
