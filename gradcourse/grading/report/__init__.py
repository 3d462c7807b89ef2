"""What an instructor and the learners get: pages, a gradebook, and files for Canvas and Moodle."""

from gradcourse.grading.report.write import write_reports

__all__ = ["write_reports"]
