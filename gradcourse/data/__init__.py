"""Real data that needs no download."""

from gradcourse.data.digits import Digits, digits

__all__ = ["Digits", "digits"]
