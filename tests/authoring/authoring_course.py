"""A small course in a temporary folder, with exercises of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradcourse.support import GradcourseError

LESSON = """\
# %% [markdown]
# # Products
#
# One promise.

# %% name="imports"
import base64

from IPython.display import display

# %% [markdown] tags=["notes"]
# **Speaker notes** · 4 min
#
# Ask first.

# %% [markdown]
# ## The puzzle
#
# Look at the number.

# %% name="measure-chain" tags=["fragment", "nbval-check-output"]
product = 0.25**75
print("the product")
print(f"{product:.1e}")

# %% [markdown]
# ### Why
#
# Because $\\sigma'$ is small.

# %% name="picture" alt="a single dot"
DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
display({"image/png": DOT, "text/plain": "a dot"}, raw=True)

# %% name="live"
display(
    {
        "application/vnd.jupyter.widget-view+json": {"model_id": "abc", "version_major": 2},
        "application/javascript": "alert(1)",
        "image/png": DOT,
        "text/plain": "a live dot",
    },
    metadata={"image/png": {"alt": "a live dot at 3"}},
    raw=True,
)
"""

EXERCISE = '''\
# %% [markdown]
# # Exercises
#
# Two questions, 5 points.

# %% name="imports"
import sys


class gc:
    """A stand-in for the course's package: it looks answers up by name, as the panel does."""

    @staticmethod
    def panel(identity):
        print("panel of", identity)

    @staticmethod
    def check(identity, *given, **named):
        class Verdict:
            earned = 2.0 if identity == "chain/depth" else 3.0

        return Verdict()

    @staticmethod
    def score(number):
        answers = sys.modules["__main__"].__dict__
        right = 2 * (answers["depth"] == 75)
        print(right, "of 5 points")


# %% [markdown] name="depth-question"
# ## 1 · How deep? (2 points)

# %% name="depth" answer="chain/depth"
depth = None
### BEGIN SOLUTION
depth = 75
### END SOLUTION

# %% check="chain/depth"
gc.panel("chain/depth")

# %% [markdown]
# ## 2 · Two functions *(3 points)*


# %% name="both" answer="chain/both"
def forward(factors):
    """Multiply."""
    ### BEGIN SOLUTION
    product = 1.0
    for factor in factors:
        product *= factor
    return product
    ### END SOLUTION


def backward(factors):
    if not factors:
        ### BEGIN SOLUTION
        return []
        ### END SOLUTION
    return [forward(factors[:i] + factors[i + 1 :]) for i in range(len(factors))]


# %% check="chain/both"
gc.panel("chain/both")

# %% [markdown]
# This cell checks all two at once.

# %% name="score" tags=["nbval-check-output"]
gc.score("01")
'''


@dataclass(frozen=True)
class Question:
    points: float
    answers: tuple[str, ...]


QUESTIONS = {
    "chain/depth": Question(2.0, ("depth",)),
    "chain/both": Question(3.0, ("forward", "backward")),
}


def get(identity: str) -> Question:
    if identity not in QUESTIONS:
        raise GradcourseError(f"{identity!r} is not an exercise")
    return QUESTIONS[identity]


def make_course(root: Path) -> Path:
    for folder in ("source/lessons", "source/exercises", "gradcourse"):
        (root / folder).mkdir(parents=True)
    (root / "gradcourse" / "part.py").write_text("VALUE = 1\n")
    (root / "source/lessons/01_products.py").write_text(LESSON)
    (root / "source/exercises/01_products.py").write_text(EXERCISE)
    return root
