"""Drivers: they call a learner's torch code on plain arrays and return plain arrays.

A driver runs in the process where the learner's code lives, and a class grader shows that process
nothing else of an exercise. So a module here holds no reference, no case and no misconception, and
imports nothing of `gradcourse`: one module per topic, plain functions ``(answer, arguments)``.
"""
