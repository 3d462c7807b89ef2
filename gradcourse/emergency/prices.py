"""What each examination costs, in points."""

PRICES: dict[str, int] = {
    "first loss": 2,
    "outputs": 3,
    "who trains": 3,
    "rows": 3,
    "updates": 4,
    "norm over time": 4,
    "units": 4,
    "modes": 4,
    "one batch": 5,
    "gradient by layer": 5,
    "gradient by lag": 5,
    "second opinion": 12,
}
"""In the order of what they cost."""
