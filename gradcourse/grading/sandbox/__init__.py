"""The closed room in which a submission's cells run, layer by layer.

Nothing below this folder may import `gradcourse.exercises`: its modules are loaded into the process
that later turns into the learner's, and what was never there cannot be read.
"""
