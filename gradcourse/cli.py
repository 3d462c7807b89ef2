"""The command ``gradcourse``: doctor, lab, build, exercise, check, grade, progress."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gradcourse.support import GradcourseError

FIRST_PAGE = "lessons/00_start_here.ipynb"
PROMPT = "--ServerApp.kernel_websocket_connection_class=gradcourse.nodelay.PromptConnection"


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
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if options.command == "lab":
        options.arguments = [argument for argument in unknown if argument != "--"]
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
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

    lab = commands.add_parser(
        "lab",
        usage="gradcourse lab [-h] [ARGUMENT ...]",
        help="open JupyterLab on the first lesson",
        description="Open JupyterLab on the first lesson.",
        epilog="Every ARGUMENT is passed on to jupyter lab: gradcourse lab --no-browser",
    )
    lab.set_defaults(run=_lab)

    build = commands.add_parser(
        "build",
        help="rebuild the notebooks from source/",
        description="Rebuild the notebooks whose sources changed.",
    )
    build.add_argument("names", nargs="*", help="only these notebooks, by name or path")
    build.add_argument("--all", action="store_true", help="rebuild what has not changed, too")
    build.add_argument("--check", action="store_true", help="write nothing; exit 1 if out of date")
    build.set_defaults(run=_build)

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

    progress = commands.add_parser(
        "progress",
        help="what you have solved so far",
        description="What you have solved so far, in the panels of your notebooks.",
    )
    progress.set_defaults(run=_progress)
    return parser


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
    grade.set_defaults(run=_grade)


def _doctor(_options: argparse.Namespace) -> int:
    from gradcourse.health import doctor

    report = doctor()
    print(report)
    return 0 if report.ok else 1


def _lab(options: argparse.Namespace) -> int:
    """Replace this process by JupyterLab, its kernels limited to one OpenMP thread."""
    root = course_root()
    environment = dict(os.environ)
    environment.setdefault("OMP_NUM_THREADS", "1")
    ours = str(root / "jupyter")
    theirs = environment.get("JUPYTER_CONFIG_PATH")
    environment["JUPYTER_CONFIG_PATH"] = ours + (os.pathsep + theirs if theirs else "")
    extra = options.arguments
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{FIRST_PAGE}",
        PROMPT,
    ]
    # In a container one is root, and JupyterLab then refuses to start; it listens on this
    # machine only, behind a token.
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in extra:
        command.append("--allow-root")
    try:
        os.execve(sys.executable, [*command, *extra], environment)
    except OSError as error:
        raise GradcourseError(f"JupyterLab could not be started: {error}") from error


def _build(options: argparse.Namespace) -> int:
    from gradcourse.authoring import run_build_command

    return run_build_command(
        course_root(), only=options.names, everything=options.all, check=options.check
    )


def _exercise(options: argparse.Namespace) -> int:
    from gradcourse.authoring.exercise import run_exercise_command

    return run_exercise_command(course_root(), options.id)


def _check(options: argparse.Namespace) -> int:
    from gradcourse.exercises import run_check_command

    return run_check_command(options.files, as_json=options.json)


def _grade(options: argparse.Namespace) -> int:
    from gradcourse.grading.command import run_grade_command
    from gradcourse.grading.many.grade_class import Settings

    names = Settings.__dataclass_fields__
    return run_grade_command(Settings(**{name: getattr(options, name) for name in names}))


def _progress(_options: argparse.Namespace) -> int:
    from gradcourse.exercises import progress

    print(progress())
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
