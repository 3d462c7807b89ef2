"""What to change, in order, and which lesson explains it."""

from __future__ import annotations

from gradcourse.diagnosis.finding import Remedy


def for_depth(kind: str, factor: float, kinds: set[str]) -> tuple[Remedy, ...]:
    """Cures for a gradient that changes by ``factor`` a layer of these classes."""
    if kind == "exploding" and any("Norm" in name for name in kinds) and factor < 1.4:
        return (
            Remedy("Add skip connections: normalization itself adds a factor a layer", "07"),
            Remedy("Take fewer layers", "06"),
            Remedy("Clip by global norm to survive until then", "09"),
        )
    gain = Remedy(f"Multiply the initial weights by about {1 / factor:.2g}", "05")
    if kind == "exploding":
        return (
            gain,
            Remedy("Normalize: batch or layer normalization after each matrix", "06"),
            Remedy("Use residual blocks with a scaled branch", "07"),
            Remedy("Clip by global norm: it treats the symptom", "09"),
        )
    better = Remedy("Draw the weights for the activation: He for ReLU, Xavier for tanh", "05")
    if "Sigmoid" in kinds:
        return (
            Remedy("Replace the sigmoid: its slope is at most 1/4", "04"),
            better,
            Remedy("Normalize before the activation", "06"),
            Remedy("Use residual blocks", "07"),
        )
    return (
        better,
        gain,
        Remedy("Normalize: batch or layer normalization after each matrix", "06"),
        Remedy("Use residual blocks", "07"),
    )


def for_lags(kind: str, gated: bool, horizon: int) -> tuple[Remedy, ...]:
    """Cures for a gradient that changes with the time lag."""
    if kind == "exploding":
        return (
            Remedy("Clip by global norm", "09"),
            Remedy("Scale the recurrent matrix to a spectral radius of 1 or less", "03"),
            Remedy("Start it orthogonal", "05"),
        )
    if gated:
        return (
            Remedy("Start the forget bias at log of the longest lag (chrono initialization)", "08"),
            Remedy(f"Shorten the sequences towards {horizon} steps, or read out more often", "03"),
        )
    return (
        Remedy("Use an LSTM or GRU, with the forget bias at log of the longest lag", "08"),
        Remedy("Start the recurrent matrix orthogonal", "05"),
        Remedy(f"Shorten the sequences towards {horizon} steps", "03"),
    )


SATURATED = (
    Remedy("Bring the inputs to mean 0 and standard deviation 1", "02"),
    Remedy("Draw smaller weights: Xavier", "05"),
    Remedy("Normalize before the activation", "06"),
)
DEAD = (
    Remedy("Start the biases at 0 and the weights with He's recipe", "05"),
    Remedy("Lower the learning rate: one large step kills units for good", "04"),
    Remedy("Use a leaky ReLU: its units can come back", "04"),
)
NON_FINITE = (
    Remedy(
        "Run the loop inside `with gc.watch(model, optimizer):`; it replays the bad step and "
        "names the module",
        "10",
    ),
    Remedy("Look for log, sqrt or a division at 0, and for NaN in the data", "10"),
    Remedy("With float16, let a gradient scaler skip the step", "11"),
    Remedy("Lower the learning rate, or clip and leave out non-finite steps", "09"),
)


def for_updates(kind: str, ratio: float) -> tuple[Remedy, ...]:
    """Cures for a relative update of ``ratio`` a step."""
    if kind == "update too large":
        by = (
            f"Divide the learning rate by about {ratio / 1e-2:.0e}"
            if ratio > 0.02
            else ("Lower the learning rate by a factor of 10")
        )
        return (
            Remedy(by, "01"),
            Remedy("Warm the learning rate up", "11"),
            Remedy("Clip by global norm", "09"),
        )
    by = (
        f"Multiply the learning rate by about {1e-3 / ratio:.0e}"
        if ratio > 0
        else ("Raise the learning rate until the weights move: now they do not change at all")
    )
    return (
        Remedy(by, "01"),
        Remedy("Check that the optimizer holds these parameters and no schedule is at 0", "10"),
        Remedy("If the loss was scaled down, scale the learning rate up, or use Adam", "11"),
    )
