"""The lessons as lectures: a file each, which opens offline and is presented by keyboard.

`lecture` reads slides, notes and minutes off a stored notebook, `on_slides` makes each cell what it
is on a slide, `show_of_hands` asks its questions, `deck` puts it all into one file with the site's
player and reveal.js. ``static/deck.js`` lays the slides out in the browser, so that none is higher
than the screen. `handout` prints them.
"""

from __future__ import annotations

from gradcourse.site.options import Options

__all__ = ["run_slides_command", "run_timetable_command"]


def run_slides_command(options: Options, pdf: bool) -> int:
    """Build the slides, say where they are, and return the exit code.

    Raises
    ------
    GradcourseError
        If they cannot be built; see `gradcourse.slides.build_decks.build_decks`.
    """
    from gradcourse.slides.build_decks import build_decks

    for one in build_decks(options, pdf):
        page, *handouts = one.files
        size = page.stat().st_size / 1e6
        print(f"{page}: {one.minutes} min, {size:.1f} MB, {one.seconds:.0f} s")
        for file in handouts:
            print(f"  {file}")
    return 0


def run_timetable_command(options: Options) -> int:
    """Say when each part of each lesson's core path begins, and return the exit code."""
    from gradcourse.slides.build_decks import timetables

    print(timetables(options))
    return 0
