"""Lesson 12: trainings in other formats, widths, depths and recurrences, and after a spike."""
