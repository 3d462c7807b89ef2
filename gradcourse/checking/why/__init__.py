"""Why an answer is wrong, where no slip of the question's own explains it.

Read from the source (`pen`), from the exception (`raised`), and from how the results lie to the
right ones (`relation`): the same for every question, and nothing of it runs a learner's code.
"""
