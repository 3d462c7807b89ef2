"""The learner's own copy of the course: laid, opened, brought up to date, given back, exported.

It stands on the top floor beside `authoring`: that makes the course's pages from their sources,
this makes a learner's pages from the course's. Of the package it needs the table of lessons and
`support` only, and so it neither loads torch nor knows an answer.
"""

from __future__ import annotations

from gradcourse.workcopy.folder import WorkingCopy
from gradcourse.workcopy.news import PageNews
from gradcourse.workcopy.shelf import Shelf

__all__ = ["PageNews", "Shelf", "WorkingCopy"]
