"""Lesson 10 on trial."""

from __future__ import annotations

from gradcourse.experiments.claim import FAILS, Claim, Values, control, needs
from gradcourse.experiments.common import SEEDS


def norm_above_one() -> Values:
    """Healthy networks whose loss is multiplied by 10⁶, Adam; and networks that explode."""
    from gradcourse.experiments.diagnosis import decades
    from gradcourse.experiments.ward import network

    accused = [network("loud", seed, probed=True, scale=1e6) for seed in SEEDS]
    ill = [network("overflow", seed, probed=True) for seed in SEEDS]
    return {
        "smallest norm of any layer at any update": [
            float(run.record.weight_gradient_norm.min()) for run in accused
        ],
        "right": [float(run.measured) for run in accused],
        "decades of δ over the depth, these": [decades(run) for run in accused],
        "decades of δ over the depth, exploding": [decades(run) for run in ill],
    }


def stuck_at_a_guess() -> Values:
    """Kinds of networks whose loss ends near ln 10, and the same with one change."""
    from gradcourse.experiments.diagnosis import stuck

    found: dict[str, list[float]] = {}
    for kind in ("timid", "mispaired", "deep sigmoid", "dead units"):
        end, cured = stuck(kind)
        found[f"loss at the end, {kind}"] = end.tolist()
        found[f"right after one change, {kind}"] = cured.tolist()
    return found


CLAIMS = (
    Claim(
        "diagnosis/claim-norm",
        "claim-norm-measure",
        "The error gradient values are consistently above 1.0 for each node and layer during "
        "training",
        FAILS,
        "A norm has the units of the loss. Multiply the loss by 1000 and Adam takes the same "
        "steps.",
        "Adam, two to five layers, digits.",
        norm_above_one,
        (
            needs("smallest norm of any layer at any update", above=1.0, every=True),
            needs("right", above=0.8),
            control("decades of δ over the depth, exploding", above=3.0),
        ),
        source="Brownlee, in a list of signs that confirm exploding gradients",
        year=2017,
        map="norm",
    ),
    Claim(
        "diagnosis/claim-loss",
        "claim-loss-measure",
        "The model has stuck in a local minima, […] since the performance of the model is "
        "basically "
        "equal to guessing randomly",
        FAILS,
        "A loss at ln C says that nothing was learned. It does not say why: most of these networks "
        "leave it with one change.",
        "Digits, four kinds of networks, 220 to 290 updates.",
        stuck_at_a_guess,
        (
            needs("loss at the end, timid", above=2.0),
            needs("right after one change, timid", above=0.8),
            control("loss at the end, mispaired", above=2.0),
        ),
        source="PyTorch forum, thread 43814, of a loss that stays at 2.30",
        year=2019,
        map="stuck",
    ),
)
