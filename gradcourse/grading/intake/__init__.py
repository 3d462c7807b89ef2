"""From what a learning platform hands over to one submission per learner and assignment."""

from gradcourse.grading.intake.find import Submission, find_submissions
from gradcourse.grading.intake.tree import Refused

__all__ = ["Refused", "Submission", "find_submissions"]
