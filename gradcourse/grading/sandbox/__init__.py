"""Both ends of the wall behind which a submission's cells run.

Outside: `zygotes` starts the processes, `channel` speaks with them in `frames`, within a `budget`.
The wall is `walls`, and what runs behind it is `inside`. Nothing below this folder may import
`gradcourse.exercises`: its modules are loaded into the process that later turns into the learner's,
and what was never there cannot be read.
"""
