# %% [markdown] name="title" tags=["slide"]
# # 13 · Claims on trial
#
# **After this lesson you can say for each claim of the course under which conditions it was decided, and put
# one of your own on trial.**
#
# *25 minutes. With the deeper steps 27. You need any three of lessons 01 to 12.*

# %% name="import" tags=["continue"]
import gradcourse as gc
from gradcourse.experiments import ledger as trial
from gradcourse.experiments.common import accuracy
from gradcourse.experiments.maps.places import verdict_map
from gradcourse.experiments.measurements import stored
from gradcourse.ledger import workbench

# %% [markdown] name="why" tags=["continue"]
# **Why it matters.** In 2021 a team at Google put many published improvements of the Transformer into one code
# base and trained them all alike (Narang et al. 2021). Most of them did not improve it in any way that
# mattered. Nobody had cheated. Each had been measured at one size, one budget, one set of knobs, and was told
# without them.

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# Ask for a sentence about training that everybody in the room has repeated and nobody has measured. Keep it on
# the board: at the end it goes on trial.

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Lessons 01 to 12 put sentences on trial that are printed in articles, answers and papers. Each was decided by
# a measurement against thresholds that were written down before. **How many of them hold as they stand?**

# %% name="predict-holding" tags=["fragment"]
gc.panel("ledger/holding")

# %% name="puzzle-measure" tags=["fragment", "nbval-check-output"]
every = gc.claims()
for verdict, count in every.verdicts.items():
    print(f"{count:3}  {verdict}")

# %% [markdown] name="puzzle-question" tags=["continue"]
# Those that "hold only if" are the interesting ones: right somewhere, and repeated everywhere. **What is the
# "somewhere" made of?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 3 min
#
# Warn of the other conclusion: these sentences were *chosen* because there was something to say about them. The
# count says nothing about how often articles are wrong.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · The same test elsewhere
#
# ### Predict

# %% name="predict-turning" tags=["fragment"]
gc.panel("ledger/turning")

# %% [markdown] name="drag-places" tags=["subslide"]
# ### Drag
#
# Accused and control against the rate, medians of three networks. Below the grey line the control has not learned,
# and then the place says nothing. Turn the first knob: which of the five maps has a rate or a budget at which the
# verdict turns?

# %% name="demo-places" tags=["fragment"]
gc.demo("ledger/places")

# %% [markdown] name="measure-map-intro" tags=["subslide"]
# ### Measure
#
# All 24 places in one table, a **verdict map** (stored: two thousand trainings). ○ is a place where the claim
# fails, ● where it does not, · where the control has not learned either.

# %% name="measure-map" tags=["fragment", "nbval-check-output"]
print(stored("maps"))
verdict_map("deeper")

# %% name="measure-maps" tags=["fragment", "nbval-check-output"]
print(trial.maps_in_lines())
print(f"maps with both verdicts: {trial.turning_maps()}")
print(f"places that say nothing: {trial.silent_share():.0f} %")

# %% [markdown] name="explain-map" tags=["subslide"]
# ### Explain
#
# Three kinds of maps:
#
# - **○ nearly everywhere** ("decay", 24 of 24): the claim fails, and the verdict does not depend on the knobs.
# - **○ and ● side by side** ("norm", 17 and 7): the verdict is about a region. "Holds only if" is then the only
#   honest word, and the border belongs in the sentence.
# - **· in most places** ("vanish", 18 of 24): a single measurement would have hit one of these with ease, seen the
#   accused fail, and called it a result.
#
# The last kind is why every negative verdict of this course has a **positive control under the same budget**
# and a run of **five times the budget**.

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 9 min
#
# Let the hall choose a place of the map, and argue from it alone. Then another group, from another place.
# Choi et al. (2019) did this with optimizers: the winner depends on how widely the rate was searched.

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · How many networks?
#
# ### Predict

# %% name="predict-enclosed" tags=["fragment"]
gc.panel("ledger/enclosed")

# %% [markdown] name="drag-enclosed" tags=["subslide"]
# ### Drag
#
# 150 networks that differ in the seed only. Draw n of them: how often does their range enclose the median of
# all? Begin with two.

# %% name="demo-enclosed" tags=["fragment"]
gc.demo("ledger/enclosed")

# %% [markdown] name="measure-enclosed-intro" tags=["subslide"]
# ### Measure

# %% name="measure-enclosed" tags=["fragment"]
print(f"150 networks, loss on the test digits: {gc.spread(trial.many_networks())}")
for n in (2, 3, 5, 10):
    law = float(trial.enclosed_theory(n))
    print(f"{n:2} networks enclose the median: {trial.enclosed(n):.3f}, theory {law:.3f}")

# %% [markdown] name="explain-enclosed" tags=["subslide"]
# ### Explain
#
# A network lies above the true median with probability ½, whatever the distribution is. The range misses the
# median only if all $n$ lie on one side:
#
# $$P(\min < \text{median} < \max) = 1 - 2\left(\tfrac12\right)^n = 1 - 2^{1-n},$$
#
# 0.94 for five, 0.75 for three. So "median, lowest to highest" of five networks says much about the typical
# one. It says little about rare ones: an accident that befalls one network in ten is absent from five with
# probability $0.9^5 = 0.59$. And "5 of 5 above a threshold" says nothing about how near the fifth was.
#
# Henderson et al. (2018) trained one algorithm ten times and split the runs into two groups of five: the curves
# looked like two different methods.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# It is the sign test: no distribution is assumed. Three networks in each place of the maps is little, which is
# why neighbouring places count and single ones do not.

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · The ledger
#
# Every claim: unfold one for its source, its scope, the numbers with their thresholds, its verdict map, and a
# link to the cell that decides it. The cheapest are **measured now**, at full size, as many as fit into twenty
# seconds; the others show what is stored, with the day, the seeds and the versions. A verdict is never shown from
# a smaller run than its own: where the numbers do not meet every threshold, it says *open*.

# %% name="measure-ledger" tags=["fragment"]
ledger = gc.claims(seconds=20)
print(f"measured now: {len(ledger.now)} of {len(ledger.entries)}; open: {len(ledger.overturned)}")

# %% name="show-ledger" tags=["skip"]
ledger

# %% name="show-one" tags=["fragment"]
gc.claims("residual/claim-vanishing").entries[0]

# %% [markdown] name="workbench-intro" tags=["subslide"]
# ### Run it yourself
#
# Any claim, at full size. (`gc.claims("06")` shows one lesson; `gradcourse claims` prints all in a terminal.)

# %% name="workbench" tags=["fragment"]
workbench()

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 8 min
#
# Choose one claim with a condition, and let the hall say what would overturn it before it is unfolded. The
# thresholds stand in the third column: a threshold that was chosen after the measurement is a drawing around
# the arrow.

# %% [markdown] name="step-4" tags=["slide"]
# ## Step 4 · Errata
#
# The course, too, has said what did not hold. These sentences stood in an earlier edition, bold or as a verdict.
# Each fell to a measurement that should have been there from the beginning.

# %% name="measure-errata" tags=["fragment"]
gc.errata()

# %% [markdown] name="explain-errata" tags=["subslide"]
# ### Explain
#
# They fell for four reasons:
#
# - **The budget was too small.** An LSTM with a forget bias of 1 learns 60 steps in 500 to 920 updates; the lesson
#   stopped after 360, on the plateau.
# - **The control was missing.** Batch norm does not make 56 layers fail: they fail without it as well.
# - **The derivation was wider in words than in symbols.** It needed random weights of mean 0, and the sentence
#   said "no initialization".
# - **The quantity was another one.** ‖∂ℒ/∂W‖ is level in a network whose δ has vanished.
#
# Ask these four of the next paper that you read.

# %% [markdown] name="notes-step-4" tags=["notes"]
# **Speaker notes** · 6 min
#
# A retraction is the most useful page of a course: it shows the method at work on its authors. Which of the
# four would a reviewer have seen?

# %% [markdown] name="deeper-write" tags=["slide", "deeper"]
# ## Deeper · Writing the threshold down
#
# Why the thresholds stand in the code before the numbers do, and what an effect must be large against.

# %% [markdown] name="deeper-write-text" tags=["continue"]
# A threshold that is chosen when the numbers are known passes always. So each claim of the ledger is a row with
# its criteria, and a function that measures; the verdict is computed by comparing the two. The margin comes from
# *perturbing* what should not matter: the start in its seventh digit, the number of threads, the processor's
# instruction set. An effect smaller than that spread is no effect. Bouthillier et al. (2021) find that the data's
# split often moves a result more than the seed of the weights; here the split is fixed, so a verdict is about
# this split.

# %% [markdown] name="own-claim" tags=["slide"]
# ## In your own network: a claim of your own
#
# Two functions from (steps, seed) to a score, that differ in one point. Write the two thresholds first.


# %% name="own-claim-code" tags=["fragment"]
def deep(activation):
    def right(steps, seed):
        net = gc.mlp(8, 32, activation, init="he", seed=seed)
        return accuracy(net, steps, 0.05, seed=seed)

    return right


# "GELU learns as fast as ReLU": the accused is GELU, the control ReLU.
trial.put_on_trial(deep("gelu"), deep("relu"), steps=80, passes=0.5, margin=0.05)

# %% [markdown] name="own-claim-explain" tags=["continue"]
# `passes` is what the control must reach, `margin` by how much the accused must stay behind it to fail. The second
# word is from five times the budget: where the two words differ, the claim was about the budget. Is GELU *faster*?
# Then ReLU as the accused must fail: exchange the two. Change the depth, the rate or the margin, too.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Tuned alike, a standard LSTM was ahead of the newer cells of its day (Melis, Dyer & Blunsom 2018).
# - Given the same search, GANs that had been called better were not (Lucic et al. 2018).
# - Explanation and speculation in one sentence are a "troubling trend" of the field (Lipton & Steinhardt 2019);
#   internal covariate shift is their example, and lesson 06's claim 2.
# - Widely searched, an optimizer that contains another as a special case is never behind it (Choi et al. 2019).
# - The seed is one source of variance among several, and rarely the largest (Bouthillier et al. 2021).

# %% [markdown] name="think" tags=["slide"]
# ## Think! The exercise of this lesson
#
# One open question, without points. Take a sentence about training that you believe, from an article, a colleague
# or yourself. **Put it on trial:** quote it; say what is measured, at which rate, budget and width; name the
# positive control; write down the thresholds; say what would overturn your verdict. Then measure.
#
# <details>
# <summary>A model answer</summary>
#
# *"Warm-up is only needed for Adam."* **Accused:** 16 blocks of post-LN as in lesson 11, plain gradient descent with
# momentum, without a warm-up. **Control:** the same with 100 updates of warm-up, same rows, same rate, 250 updates.
# If the sentence is right, the accused learns as well as the control. **Thresholds**, written down before: the control
# must reach a loss below 2.5 (a guess has 2.77) in the median of five; the accused must not stay more than 0.1 above
# it. **Map:** rates 0.01, 0.03, 0.1, 0.3, since plain descent needs other rates than Adam, and a single one would
# decide the question by accident; 250 and 1250 updates. **Overturned by:** one rate at which the control passes and the
# accused, five of five, does not. **What it cannot say:** anything about deeper networks, or about other tasks than
# copying. If no rate lets the control pass, the answer is "says nothing", and that is an answer.
#
# What makes it good: the control *can* pass, so the accused's failure means something; the rate is on the map; and the
# scope was named before the measurement.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# Let two people exchange their sentences, and each write the thresholds for the other's: whoever believes a claim
# should not choose its margin.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A verdict is about a rate, a budget and a width. The verdict map says about which.
# - Where the control fails as well, a measurement says nothing.
# - The range over five networks encloses the median with probability 0.94, whatever the distribution.
# - Thresholds are written down first, and an effect must be large against what should not matter.
# - Retract with numbers.

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Melis, Dyer & Blunsom (2018), *On the state of the art of evaluation in neural language models*, ICLR.
# - Henderson et al. (2018), *Deep reinforcement learning that matters*, AAAI.
# - Lucic et al. (2018), *Are GANs created equal? A large-scale study*, NeurIPS.
# - Lipton & Steinhardt (2019), *Troubling trends in machine learning scholarship*, Queue.
# - Choi et al. (2019), *On empirical comparisons of optimizers for deep learning*, arXiv:1910.05446.
# - Narang et al. (2021), *Do Transformer modifications transfer across implementations and applications?*, EMNLP.
# - Bouthillier et al. (2021), *Accounting for variance in machine learning benchmarks*, MLSys.
