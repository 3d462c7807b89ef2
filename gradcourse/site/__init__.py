"""The course as pages that anybody can read and play with: no kernel, no network.

`pages` makes the stored notebooks ready, `knob_grid` and `quiz` compute ahead what a kernel would
have answered, `sphinx_part` sets it all as HTML, and ``static/`` plays it in the reader's browser
with the widgets that a notebook has.
"""

from __future__ import annotations

from gradcourse.site.options import Options

__all__ = ["Options", "run_site_command"]


def run_site_command(options: Options) -> int:
    """Build the site, say where it is, and return the exit code.

    Raises
    ------
    GradcourseError
        If it cannot be built; see `gradcourse.site.build_site.build_site`.
    """
    from gradcourse.site.build_site import build_site

    done = build_site(options)
    print(f"{done.pages} pages, {done.megabytes:.1f} MB, {done.seconds:.0f} s: {done.first}")
    for line in done.complaints:
        print(f"  {line}")
    return 1 if done.complaints else 0
