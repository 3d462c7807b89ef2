"""The shape of a lesson: which steps are core and which go deeper, and how long it takes."""

from gradcourse.authoring.shape.deeper import COLLAPSED, DEEPER, goes_deeper, require_deeper
from gradcourse.authoring.shape.minutes import Minutes, minutes

__all__ = ["COLLAPSED", "DEEPER", "Minutes", "goes_deeper", "minutes", "require_deeper"]
