"""The command ``gradcourse``, and what each of its words does."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradcourse.support import GradcourseError

LAB_OPTIONS = ("--solutions", "--no-solutions", "-h", "--help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        The exit code: 0 when the command did its work, 1 when what it looked at is not right
        (`doctor`, `build`, `exercise`) or a person should look at some of it (`grade`), 2 when it
        could not do its work; then one line on stderr says why.
    """
    # An unconfigured terminal or a pipe may be ASCII; the signs of the course are not.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, for_jupyter = _lab_words(words) if words[:1] == ["lab"] else (words, [])
    options = _parser().parse_args(words)
    options.for_jupyter = for_jupyter
    try:
        return options.run(options)
    except GradcourseError as error:
        print(f"gradcourse {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"gradcourse {options.command}: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe went away (| head): nothing is wrong, and nothing can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _lab_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the words of `lab` from those of JupyterLab: a folder stands first, or nowhere."""
    rest = list(words[1:])
    own = [rest.pop(0)] if rest and not rest[0].startswith("-") else []
    own += [word for word in rest if word in LAB_OPTIONS]
    return ["lab", *own], [word for word in rest if word not in (*LAB_OPTIONS, "--")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradcourse", description="Why do gradients vanish and explode, and what cures them?"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    doctor = commands.add_parser(
        "doctor",
        help="is this machine ready for the course?",
        description="Is this machine ready for the course? Each ✗ comes with what to do about it.",
        epilog="Exit code: 0 it is ready, 1 it is not.",
    )
    doctor.set_defaults(run=_doctor)

    _add_working_copy(commands)

    build = commands.add_parser(
        "build",
        help="rebuild the notebooks from source/",
        description="Rebuild the notebooks whose sources changed.",
    )
    build.add_argument("names", nargs="*", help="only these notebooks, by name or path")
    build.add_argument("--all", action="store_true", help="rebuild what has not changed, too")
    build.add_argument("--check", action="store_true", help="write nothing; exit 1 if out of date")
    build.set_defaults(run=_build)

    _add_site(commands)
    _add_slides(commands)

    exercise = commands.add_parser(
        "exercise",
        help="what one exercise asks, tests and knows, and whether the rules hold for it",
        description="What one exercise asks, tests and knows; then the rules that it must keep to.",
        epilog="Exit code: 0 every rule holds, 1 one does not.",
    )
    exercise.add_argument("id", metavar="ID", help="its id: chain/lyapunov")
    exercise.set_defaults(run=_exercise)

    check = commands.add_parser(
        "check",
        help="check the answers in exercise notebooks",
        description="Check the answers in exercise notebooks. It runs their code, as you.",
        epilog="Exit code: 0 all could be checked, whatever the score; 2 some could not.",
    )
    check.add_argument("files", nargs="+", metavar="FILE", help="an exercise notebook")
    check.add_argument("--json", action="store_true", help="print the results as JSON")
    check.set_defaults(run=_check)

    _add_grade(commands)

    _add_claims(commands)

    progress = commands.add_parser(
        "progress",
        help="what you have solved so far; take it to another machine",
        description="What you have solved so far, in the panels of your notebooks.",
    )
    progress.add_argument("lesson", nargs="?", metavar="NN", help="of this lesson only")
    files = progress.add_mutually_exclusive_group()
    files.add_argument("--export", type=Path, metavar="FILE", help="write all of it to a new file")
    files.add_argument(
        "--import", type=Path, metavar="FILE", dest="take", help="take in what such a file holds"
    )
    progress.set_defaults(run=_progress)
    return parser


def _add_claims(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    claims = commands.add_parser(
        "claims",
        help="the claims on trial: verdicts, numbers, verdict maps",
        description="The claims on trial in the course: what was measured, and the verdict.",
        epilog="Exit code: 0 every verdict stands, 1 one is open or a page and the table differ.",
    )
    claims.add_argument(
        "which", nargs="?", default="", metavar="WHICH", help="a lesson, 06, or one claim by its id"
    )
    claims.add_argument("--errata", action="store_true", help="what the course no longer says")
    claims.add_argument("--full", action="store_true", help="with numbers and verdict maps")
    claims.add_argument(
        "--measure", action="store_true", help="measure them now, at full size; it may take long"
    )
    claims.add_argument(
        "--pages", action="store_true", help="compare the table with the lessons (in a clone)"
    )
    claims.set_defaults(run=_claims)


def _add_working_copy(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lab = commands.add_parser(
        "lab",
        usage="gradcourse lab [-h] [FOLDER] [--no-solutions] [ARGUMENT ...]",
        help="open JupyterLab on your working copy of the course",
        description="Open JupyterLab on your working copy of the course, at home.",
        epilog="Every other ARGUMENT is passed on to jupyter lab: gradcourse lab --no-browser",
    )
    _add_folder(lab, "your working copy; laid if it is not there yet")
    _add_solutions(lab)
    lab.set_defaults(run=_lab)

    update = commands.add_parser(
        "update",
        help="bring what is new in the course into your working copy",
        description="Bring new pages and cells. What you answered or edited is never touched.",
    )
    _add_folder(update, "your working copy")
    _add_solutions(update)
    update.set_defaults(run=_update)

    reset = commands.add_parser(
        "reset",
        help="get a question or a page back as it was",
        description="Give a question or a page back as the course has it, after a copy of yours.",
    )
    reset.add_argument(
        "what", metavar="WHAT", help="03/2 (a question), 03 (its exercises), lessons/03 (a page)"
    )
    _add_folder(reset, "your working copy")
    reset.set_defaults(run=_reset)

    export = commands.add_parser(
        "export",
        help="make one HTML page of a notebook, to be read anywhere",
        description="Make one HTML page of a notebook as it was run, to be read without a network.",
    )
    export.add_argument("file", type=Path, metavar="FILE", help="a notebook")
    export.add_argument("--to", type=Path, metavar="HTML", help="by default beside the notebook")
    export.set_defaults(run=_export)


def _add_site(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    site = commands.add_parser(
        "site",
        help="build pages of the course that anybody can read, without a kernel",
        description="Build the course as pages: live figures, predictions, guides, a reference.",
        epilog="Exit code: 0 the pages are there, 1 they are and something was complained of.",
    )
    site.add_argument("out", type=Path, metavar="OUT", help="the folder for the pages")
    site.add_argument("lessons", nargs="*", metavar="NN", help="only these lessons: 03")
    site.add_argument("--solutions", action="store_true", help="with the solutions")
    site.add_argument(
        "--repository",
        metavar="ADDRESS",
        help="where the course's repository is; by default as pyproject.toml says",
    )
    site.add_argument(
        "--hub", default="", metavar="ADDRESS", help="a JupyterHub that has nbgitpuller"
    )
    site.set_defaults(run=_site)


def _add_slides(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    slides = commands.add_parser(
        "slides",
        help="make lessons into slides to lecture from",
        description="Make each lesson one file of slides that opens offline in any browser.",
    )
    slides.add_argument("lessons", nargs="*", metavar="NN", help="only these lessons: 03")
    slides.add_argument(
        "--to",
        type=Path,
        default=Path("build/slides"),
        metavar="FOLDER",
        help="where they are written; by default build/slides",
    )
    slides.add_argument(
        "--pdf", action="store_true", help="print handouts, with the speaker's notes and without"
    )
    slides.add_argument(
        "--timetable", action="store_true", help="only say when each part of a lecture begins"
    )
    slides.set_defaults(run=_slides)


def _add_folder(command: argparse.ArgumentParser, what: str) -> None:
    told = f"{what}; by default the one you are in, or my-course/"
    command.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help=told)


def _add_solutions(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--solutions",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="with the solutions or without; by default as the last time",
    )


def _add_grade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    grade = commands.add_parser(
        "grade",
        help="grade a class's submissions",
        description="Grade a class: marks, feedback pages, and files for Canvas and Moodle.",
        epilog="Exit code: 0 all graded, 1 some need a look by hand, 2 it could not be done.",
    )
    grade.add_argument(
        "submissions",
        type=Path,
        metavar="SUBMISSIONS",
        help="a folder or zip: a notebook or a folder per learner, nbgrader's submitted/, or a "
        "bulk download of Canvas or Moodle",
    )
    grade.add_argument(
        "--out", type=Path, required=True, metavar="GRADES", help="the folder for marks and pages"
    )
    grade.add_argument(
        "--assignment", metavar="NN", help="grade everything as this one; else each notebook tells"
    )
    grade.add_argument(
        "--jobs", type=int, metavar="N", help="processes; by default one per processor"
    )
    grade.add_argument(
        "--scheduler", metavar="ADDRESS", help="grade on this Dask cluster: tcp://host:8786"
    )
    grade.add_argument(
        "--resume", action="store_true", help="keep results that are there and still hold"
    )
    grade.add_argument(
        "--trusted", action="store_true", help="grade even where this machine has no sandbox"
    )
    grade.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="grade this learner again, and keep all others' results; may be given several times",
    )
    grade.add_argument(
        "--attempts",
        choices=("last", "best"),
        default="last",
        help="which of a learner's notebooks counts; best grades them all",
    )
    grade.add_argument(
        "--list", action="store_true", help="say who and what was recognised, and run nothing"
    )
    grade.add_argument(
        "--overrides",
        type=Path,
        metavar="CSV",
        help="points, bonus and comments by hand; by default GRADES/overrides.csv",
    )
    grade.add_argument(
        "--late", metavar="POLICY", help='what late work costs: "10%%/day, at most 3"'
    )
    grade.add_argument("--due", metavar="TIME", help="the deadline: 2026-10-01T23:59")
    grade.add_argument(
        "--roster", type=Path, metavar="CSV", help="the class, as Canvas or Moodle exports it"
    )
    grade.add_argument("--groups", type=Path, metavar="CSV", help="who works together")
    grade.add_argument(
        "--anonymous", action="store_true", help="also pages that name nobody, in GRADES/anonymous"
    )
    grade.set_defaults(run=_grade)


def _doctor(_options: argparse.Namespace) -> int:
    from gradcourse.health import doctor

    report = doctor()
    print(report)
    return 0 if report.ok else 1


def _lab(options: argparse.Namespace) -> int:
    from gradcourse.workcopy import WorkingCopy
    from gradcourse.workcopy.launch import run_jupyterlab

    copy = WorkingCopy.here(options.folder)
    if copy.lay(options.solutions):
        print(f"Your working copy is {copy.folder}", flush=True)
    elif copy.is_behind():
        print("The course has new pages: gradcourse update brings them.", flush=True)
    return run_jupyterlab(copy, options.for_jupyter)


def _update(options: argparse.Namespace) -> int:
    from gradcourse.workcopy import WorkingCopy
    from gradcourse.workcopy.news import as_text

    print(as_text(WorkingCopy.here(options.folder).update(options.solutions)))
    return 0


def _reset(options: argparse.Namespace) -> int:
    from gradcourse.workcopy import WorkingCopy

    page, title, copied = WorkingCopy.here(options.folder).reset(options.what)
    print(f"{page}{f', {title},' if title else ''} is as the course has it.")
    print(f"What you had is in {copied}")
    print("If the page is open: File → Reload Notebook from Disk.")
    return 0


def _export(options: argparse.Namespace) -> int:
    from gradcourse.workcopy.export import export

    print(export(options.file, options.to))
    return 0


def _build(options: argparse.Namespace) -> int:
    from gradcourse.authoring import run_build_command

    return run_build_command(
        course_root(), only=options.names, everything=options.all, check=options.check
    )


def _site(options: argparse.Namespace) -> int:
    from gradcourse.site import Options, run_site_command

    return run_site_command(
        Options(
            root=course_root(),
            out=options.out,
            lessons=tuple(options.lessons),
            solutions=options.solutions,
            repository=options.repository,
            hub=options.hub,
        )
    )


def _slides(options: argparse.Namespace) -> int:
    from gradcourse.slides import run_slides_command, run_timetable_command

    wished = _lecture_options(tuple(options.lessons), options.to)
    if options.timetable:
        return run_timetable_command(wished)
    return run_slides_command(wished, options.pdf)


def _lecture_options(lessons: tuple[str, ...], out: Path) -> Any:
    """Lectures need no sources: without a repository they are made of the installed pages."""
    from platformdirs import user_cache_path

    from gradcourse.site import Options
    from gradcourse.workcopy.shelf import Shelf

    try:
        return Options(root=course_root(), out=out, lessons=lessons)
    except GradcourseError:
        cache = user_cache_path("gradcourse") / "site"
        return Options(root=Shelf.default().root, out=out, lessons=lessons, cache=cache)


def _exercise(options: argparse.Namespace) -> int:
    from gradcourse.authoring.exercise import run_exercise_command

    return run_exercise_command(course_root(), options.id)


def _check(options: argparse.Namespace) -> int:
    from gradcourse.exercises import run_check_command

    return run_check_command(options.files, as_json=options.json)


def _grade(options: argparse.Namespace) -> int:
    from gradcourse.grading.command import Wishes, run_grade_command, run_list_command
    from gradcourse.grading.many.grade_class import Settings

    def chosen(kind: Any) -> dict[str, Any]:
        return {name: getattr(options, name) for name in kind.__dataclass_fields__}

    options.only = tuple(options.only)
    options.best = options.attempts == "best"
    settings = Settings(**chosen(Settings))
    if options.list:
        return run_list_command(settings)
    return run_grade_command(settings, wishes=Wishes(**chosen(Wishes)))


def _claims(options: argparse.Namespace) -> int:
    if options.pages:
        from gradcourse.authoring.shape.claim_pages import compared

        report = compared(course_root())
        print(report)
        return 0 if report.agrees else 1
    from gradcourse.ledger import claims, errata

    found = errata(options.which) if options.errata else claims(options.which)
    if options.measure:
        found = found.measured()
    whole = "/" in options.which or options.full or options.measure
    print("\n\n".join(map(repr, found.entries)) if whole else repr(found))
    return 1 if found.overturned else 0


def _progress(options: argparse.Namespace) -> int:
    from gradcourse.checking.progress import Progress
    from gradcourse.exercises import progress

    if options.export is not None:
        print(f"{Progress.default().save(options.export)} written to {options.export}")
    elif options.take is not None:
        print(f"{Progress.default().take_in(options.take)} taken in from {options.take}")
    else:
        print(progress(options.lesson))
    return 0


def course_root() -> Path:
    """Return the folder that holds ``lessons/`` and ``source/``.

    Looks upwards from the working folder, then beside the installed package.

    Raises
    ------
    GradcourseError
        If there is no course in either place.
    """
    here = Path.cwd()
    candidates = [here, *here.parents, Path(__file__).resolve().parents[1]]
    for folder in candidates:
        if (folder / "source" / "lessons").is_dir() and (folder / "gradcourse").is_dir():
            return folder
    raise GradcourseError(
        f"no course found in {here} or above it: run this inside the course's folder"
    )


if __name__ == "__main__":
    raise SystemExit(main())
