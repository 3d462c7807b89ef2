# %% [markdown] name="title"
# # Exercises 10 · Diagnosis and the emergency room
#
# Seven questions, 12 points. Write your answer in the cell that says so, run it, and run the cell below
# it. You need [lesson 10](../lessons/10_diagnosis_and_the_emergency_room.ipynb).

# %% name="import"
import gradcourse as gc
import numpy as np

# %% [markdown] name="first-loss-question"
# ## 1 · The loss that a network should begin with (2 points)
#
# `z` holds the outputs of a network that knows nothing yet, a row for each example, a column for each of
# C classes; shape (rows, C), float64. Every class is equally often right, whatever the outputs are. Return
# the cross-entropy to expect: the mean over the rows and, in each row, over all labels. The outputs may be
# in the thousands.


# %% name="first-loss" answer="diagnosis/first-loss"
def expected_first_loss(z):
    """The cross-entropy to expect of outputs z; a float."""
    ### BEGIN SOLUTION
    top = z.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(z - top).sum(axis=1))
    return float(np.mean(log_sum - z.mean(axis=1)))
    ### END SOLUTION


# %% check="diagnosis/first-loss"
gc.panel("diagnosis/first-loss")

# %% [markdown] name="confident-question"
# ## 2 · Sure, and knowing nothing (1 point)
#
# A network tells ten classes apart. At the start its outputs are drawn from $N(0, 3^2)$. Set `begins` to
# the cross-entropy that it begins with. The check accepts what is within 0.4 of it.

# %% name="confident" answer="diagnosis/confident"
begins = None
### BEGIN SOLUTION
begins = 5.0  # the largest of ten outputs, about 1.54 · 3, and a little more
### END SOLUTION

# %% check="diagnosis/confident"
gc.panel("diagnosis/confident")

# %% [markdown] name="who-question"
# ## 3 · Who trains? (2 points)
#
# Three arrays with one entry for each parameter: `gradient` holds the norm of its gradient, NaN where it
# has none (`p.grad is None`); `held` says whether the optimizer holds it; `change` is the share by which
# the last update changed it. Return an array of integers:
#
# - 1 where there is no gradient (none, or exactly 0),
# - else 2 where the optimizer does not hold it,
# - else 3 where it did not move all the same,
# - else 0: it trains.


# %% name="who" answer="diagnosis/who-trains"
def who_trains(gradient, held, change):
    """A code for each parameter; an array of integers."""
    ### BEGIN SOLUTION
    none = np.isnan(gradient) | (gradient == 0)
    return np.where(none, 1, np.where(~held, 2, np.where(change == 0, 3, 0)))
    ### END SOLUTION


# %% check="diagnosis/who-trains"
gc.panel("diagnosis/who-trains")

# %% [markdown] name="ratios-question"
# ## 4 · The update, relative to the weights (1 point)
#
# `before` and `after` are lists of weight matrices, before and after one update. Return
# $\|W_\text{after} - W_\text{before}\| / \|W_\text{before}\|$ for each, in an array; ‖·‖ is the root
# of the sum of all squares.


# %% name="ratios" answer="diagnosis/update-ratios"
def update_ratios(before, after):
    """One ratio for each matrix; an array of shape (matrices,)."""
    ### BEGIN SOLUTION
    pairs = zip(before, after, strict=True)
    return np.array([np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in pairs])
    ### END SOLUTION


# %% check="diagnosis/update-ratios"
gc.panel("diagnosis/update-ratios")

# %% [markdown] name="triage-question"
# ## 5 · The order of triage (2 points)
#
# Five measurements of a classifier. Return the name of the first question that is answered with no:
#
# 1. `"not finite"`: is every entry of `losses` finite?
# 2. `"start"`: is the first loss at most three times that of a guess among `classes` classes?
# 3. `"outputs"`: is `spread`, the spread of the outputs over the rows, above 0?
# 4. `"one batch"`: is `one_batch`, the loss after learning one batch by heart, below half of a guess's?
# 5. `"updates"`: do all `ratios` $\|\Delta W\|/\|W\|$ lie between $10^{-5}$ and $10^{-1}$?
#
# and `"none"` if all are well. `losses` and `ratios` are arrays.


# %% name="triage" answer="diagnosis/triage"
def first_finding(losses, classes, spread, one_batch, ratios):
    """The first question that is answered with no; a string."""
    ### BEGIN SOLUTION
    guess = np.log(classes)
    if not np.isfinite(losses).all():
        return "not finite"
    if losses[0] > 3 * guess:
        return "start"
    if spread <= 0:
        return "outputs"
    if one_batch >= 0.5 * guess:
        return "one batch"
    within = (ratios >= 1e-5) & (ratios <= 1e-1)
    return "none" if within.all() else "updates"
    ### END SOLUTION


# %% check="diagnosis/triage"
gc.panel("diagnosis/triage")

# %% [markdown] name="histograms-question"
# ## 6 · Three histograms (1 point)
#
# $|\partial\mathcal{L}/\partial w|$ of the first and of the last matrix in three networks. In which does
# the gradient vanish over the depth? Set `vanishes` to `"a"`, `"b"`, `"c"` or `"b-and-c"`.

# %% name="histograms-picture"
from gradcourse.experiments.diagnosis import three_histograms

three_histograms()

# %% name="histograms" answer="diagnosis/three-histograms"
vanishes = None
### BEGIN SOLUTION
vanishes = "b"
### END SOLUTION

# %% check="diagnosis/three-histograms"
gc.panel("diagnosis/three-histograms")

# %% [markdown] name="room-question"
# ## 7 · The emergency room (3 points)
#
# Choose a number for your shift (your instructor may give you one), and treat its patients 1, 2 and 3. Each
# room writes a line while you play (in a cell: `print(room.chart)`); copy the three lines into `charts`. The check carries out what they say
# and measures again: 75 points in the room earn a patient's whole point, fewer a part of it. You may
# play as many shifts as you like; three lines of *one* shift count.

# %% name="room-one"
gc.emergency_room(4, patient=1)

# %% name="room" answer="diagnosis/emergency-room"
charts = None
### BEGIN SOLUTION
charts = [
    "4.1: ?first loss; ?gradient by layer; =vanishing; +normalize",
    "4.2: ?first loss; ?outputs; =head; +free the head",
    "4.3: ?first loss; ?updates; =healthy",
]
### END SOLUTION

# %% check="diagnosis/emergency-room"
gc.panel("diagnosis/emergency-room")

# %% [markdown] name="score-intro"
# ## Your score

# %% name="score" tags=["nbval-check-output"]
gc.score("10")
