"""Every claim of the lessons is in the table, as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcourse.authoring import parse_source
from gradcourse.authoring.shape.claim_pages import _differences, compared, on_page
from gradcourse.lessons import lesson

ROOT = Path(__file__).parents[2]
PAGE = """# %% [markdown] name="title"
# # A lesson

# %% [markdown] name="claims"
# ## Claims on trial
#
# ### Claim 1
#
# From a page on tanh (Somebody 2019):
#
# > The gradient of tanh is
# > always less than 1.

# %% name="vote"
gc.panel("saturation/claim-tanh")

# %% name="claim-tanh"
print("verdict:", "fails")

# %% [markdown] name="claim-tanh-verdict"
# **Holds only if** you speak of the slope. *Scope:* five networks.

# %% [markdown] name="new"
# ### Claim 2: nobody has measured this

# %% name="claim-new-measure"
print("verdict:", "holds")

# %% [markdown] name="claim-new-verdict"
# **Fails.** *Scope:* none.
"""


@pytest.fixture
def found(course):
    path = course / "source" / "lessons" / "02_saturation.py"
    path.write_text(PAGE, encoding="utf-8")
    return list(on_page(lesson("02"), parse_source(course, path).cells))


def test_the_table_has_every_claim_of_the_lessons_as_it_stands_there() -> None:
    report = compared(ROOT)
    assert report.agrees, f"\n{report}"
    assert report.claims >= 33


def test_a_claim_is_read_with_quote_source_verdict_and_scope(found) -> None:
    first, second = found
    assert (first.cell, first.vote) == ("claim-tanh", "saturation/claim-tanh")
    assert first.quote == "The gradient of tanh is always less than 1."
    assert first.source == "From a page on tanh (Somebody 2019):"
    assert (first.verdict, first.scope) == ("holds only if", "five networks.")
    assert (second.quote, second.quoted) == ("nobody has measured this", False)
    assert second.verdict == "fails"


def test_what_differs_is_said_with_the_row_that_is_missing(found) -> None:
    said = "\n".join(_differences(lesson("02"), found))
    assert "cell 'claim-new-measure' decides a claim that the table lacks" in said
    assert "'saturation/claim-new'" in said
    assert "FAILS," in said
    assert "saturation/claim-zero names cell 'claim-zero-measure'" in said
    assert "saturation/claim-tanh quotes" in said
