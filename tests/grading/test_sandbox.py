"""Each layer of the sandbox, by trying to break it from the inside, also with others missing."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the sandbox's layers are Linux's"
)

sys.path.insert(0, str(Path(__file__).parent))

from toys import QUICK, TOYS, notebook  # noqa: E402

import gradcourse  # noqa: E402
from gradcourse.grading import Limits, grade_one  # noqa: E402
from gradcourse.grading.sandbox import zygotes  # noqa: E402
from gradcourse.grading.sandbox.walls import files, resources, seccomp, system  # noqa: E402
from gradcourse.lessons import LESSONS  # noqa: E402
from gradcourse.support import GradcourseError  # noqa: E402

PACKAGE = Path(gradcourse.__file__).parent
ALL: frozenset[str] = frozenset()
WITHOUT = {
    "all layers": ALL,
    "no mounts": frozenset({"mounts"}),
    "no namespaces": frozenset({"namespaces"}),
    "no landlock": frozenset({"landlock"}),
    "no seccomp": frozenset({"seccomp"}),
    "landlock alone": frozenset({"namespaces", "seccomp"}),
}

TRY = """
import ctypes, os, socket, subprocess, sys
found = {}
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, action):
    try:
        found[name] = repr(action())
    except BaseException as error:
        found[name] = "refused: " + type(error).__name__
"""


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    zygotes.end_all()


def layers(without: frozenset[str] = ALL) -> dict[str, str]:
    with zygotes.borrowed(without) as zygote:
        return zygote.layers


def need(*names: str) -> None:
    found = layers()
    for name in names:
        if found[name] != "on":
            pytest.skip(f"{name} {found[name]}")


def inside(source: str, without: frozenset[str] = ALL) -> dict[str, str]:
    """Run a cell in a fresh child, and return its variable `found`."""
    with zygotes.borrowed(without) as zygote:
        return found_by(zygote, source)


def found_by(zygote: zygotes.Zygote, source: str) -> dict[str, str]:
    """Run a cell in a fresh child of this zygote, and return its variable `found`."""
    child = zygote.start(QUICK)
    try:
        child.begin(30.0)
        request = {"do": "cell", "source": TRY + source, "seconds": 20.0}
        answer = child.ask(request, 25.0)
        assert answer["ending"] == "", answer
        described = child.ask({"do": "describe", "names": ["found"]}, 10.0)
        value: dict[str, str] = described["names"]["found"]["value"]
        return value
    finally:
        child.end()


def refused(found: dict[str, str]) -> list[str]:
    """Return what was not refused."""
    return [name for name, text in found.items() if not text.startswith("refused")]


SECRETS = {
    "package": PACKAGE / "exercises" / "__init__.py",
    "exercises": PACKAGE / "exercises" / "saturation" / "__init__.py",
    "repository": PACKAGE.parent / "README.md",
    "solutions": PACKAGE.parent / "solutions" / "02_saturation.ipynb",
    "users": Path("/etc/passwd"),
}


@pytest.mark.some(3)
@pytest.mark.parametrize("without", WITHOUT.values(), ids=WITHOUT)
def test_neither_answers_nor_the_graders_files_can_be_read(
    without: frozenset[str], tmp_path: Path
) -> None:
    need("namespaces", "mounts", "landlock", "seccomp")
    gradebook = tmp_path / "gradebook.csv"
    gradebook.write_text("earned")
    places = {**{k: str(v) for k, v in SECRETS.items()}, "gradebook": str(gradebook)}
    found = inside(
        f"""
for name, path in {places!r}.items():
    attempt(name, lambda: open(path).read())
    attempt("write " + name, lambda: open(path, "a").write("x"))
    attempt("remove " + name, lambda: os.remove(path))
attempt("new file", lambda: open({str(tmp_path / "new")!r}, "w"))
attempt("library", lambda: open(os.__file__ + "x", "w"))
attempt("link", lambda: (os.symlink({str(gradebook)!r}, "link"), open("link").read()))
""",
        without,
    )
    assert refused(found) == []
    assert gradebook.read_text() == "earned"
    assert [path.name for path in tmp_path.iterdir()] == ["gradebook.csv"]


@pytest.mark.parametrize("without", [ALL, WITHOUT["no mounts"], WITHOUT["no namespaces"]])
def test_owner_mode_and_times_of_the_graders_files_cannot_be_changed(
    without: frozenset[str], tmp_path: Path
) -> None:
    need("namespaces", "mounts", "landlock", "seccomp")
    gradebook = tmp_path / "gradebook.csv"
    gradebook.write_text("earned")
    before = gradebook.stat()
    found = inside(
        f"""
path = {str(gradebook)!r}
attempt("mode", lambda: os.chmod(path, 0o777))
attempt("owner", lambda: os.chown(path, 7, 7))
attempt("times", lambda: os.utime(path, (1, 1)))
attempt("attribute", lambda: os.setxattr(path, "user.a", b"b"))
""",
        without,
    )
    assert refused(found) == []
    after = gradebook.stat()
    assert (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)


def test_the_exercises_cannot_be_imported_even_when_the_import_system_is_repaired() -> None:
    need("mounts")
    found = inside(
        """
attempt("import", lambda: __import__("gradcourse.exercises.registry"))
sys.meta_path[:] = [m for m in sys.meta_path if type(m).__name__ != "_Refuser"]
attempt("repaired", lambda: __import__("gradcourse.exercises.registry"))
import gc
attempt("memory", lambda: next(o for o in gc.get_objects() if type(o).__name__ == "CodeExercise"))
"""
    )
    assert refused(found) == []


def test_of_the_package_only_what_a_notebook_needs_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that nobody thought of is hidden, as is a second copy of the course."""
    package = tmp_path / "gradcourse"
    libraries = tmp_path / "lib/python3/site-packages"
    for folder in ("theory", "exercises", "course/solutions", "course/lessons", "new"):
        (package / folder).mkdir(parents=True)
    (libraries / "gradcourse/course/solutions").mkdir(parents=True)
    monkeypatch.setattr(files, "PACKAGE", package)
    monkeypatch.setattr(files, "_python", lambda: iter([str(tmp_path / "lib")]))
    seen = files.visible()
    hidden = {*(str(package / name) for name in ("exercises", "course", "new"))}
    assert set(seen.hidden) == {*hidden, str(libraries / "gradcourse")}
    whole, _ = seen.split()
    assert str(package / "theory") in whole
    assert not any(path.endswith(("course", "exercises")) for path in whole)


def test_the_pages_that_a_wheel_brings_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("namespaces", "mounts", "landlock")
    package = tmp_path / "gradcourse"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in _folders_of_a_wheel():
        (package / "course" / folder).mkdir(parents=True)
        (package / "course" / folder / "02_saturation.ipynb").write_text("the answer")
    tmp_path.chmod(0o755)
    monkeypatch.syspath_prepend(str(tmp_path))
    places = [str(path) for path in sorted(package.glob("course/*/*.ipynb"))]
    for without in (ALL, WITHOUT["no mounts"], WITHOUT["no landlock"]):
        zygotes.end_all()
        found = inside(
            f"""
import gradcourse
attempt("where", lambda: gradcourse.__file__)
for path in {places!r}:
    attempt(path, lambda: open(path).read())
""",
            without,
        )
        assert found["where"] == repr(str(package / "__init__.py"))
        assert refused(found) == ["where"]
    zygotes.end_all()


def _folders_of_a_wheel() -> list[str]:
    """Those that setup.py copies beside the modules."""
    setup = ast.parse((PACKAGE.parent / "setup.py").read_text("utf-8"))
    (folders,) = (
        ast.literal_eval(node.value)
        for node in setup.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FOLDERS"
    )
    assert "solutions" in folders
    return list(folders)


def test_what_lessons_measure_can_be_imported() -> None:
    need("mounts")
    experiments = [f"gradcourse.experiments.{row.folder}" for row in LESSONS if row.earns]
    found = inside(
        f"""
for name in {(*experiments, "gradcourse.experiments.common")!r}:
    attempt(name, lambda: __import__(name))
"""
    )
    assert len(refused(found)) == len(experiments) + 1


@pytest.mark.parametrize("without", [ALL, WITHOUT["no namespaces"]], ids=["all", "no namespaces"])
def test_no_socket_of_any_family_can_be_made(without: frozenset[str]) -> None:
    need("seccomp")
    found = inside(
        """
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 17, 38, 40):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        attempt(f"{family} {kind}", lambda: socket.socket(family, kind))
attempt("datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", 22), 1.0))
""",
        without,
    )
    assert refused(found) == []
    assert inside("attempt('pair', socket.socketpair)", without)["pair"].startswith("(<socket")


def test_without_seccomp_the_network_namespace_and_landlock_still_hold() -> None:
    need("namespaces", "landlock")
    found = inside(
        """
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", 22), 1.0))
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("8.8.8.8", 53))
attempt("udp", udp)
""",
        WITHOUT["no seccomp"],
    )
    assert refused(found) == []


def test_system_calls_for_administrators_are_refused() -> None:
    need("seccomp")
    if system.MACHINE != system.X86:
        pytest.skip("the numbers below are those of x86_64")
    numbers = [number for number, _ in seccomp._DENIED.values() if number is not None]
    found = inside(
        f"""
def call(number):
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() == 1:
        raise PermissionError
for number in {numbers!r}:
    attempt(str(number), lambda: call(number))
attempt("clone", lambda: call(56 | 0x40000000))
def new_user():
    pid = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise PermissionError
attempt("new user namespace", new_user)
"""
    )
    assert len(found) > 60
    assert refused(found) == []


def test_other_programs_cannot_be_started_but_forks_can() -> None:
    need("seccomp")
    found = inside(
        """
attempt("run", lambda: subprocess.run([sys.executable, "-c", "1"]))
attempt("exec", lambda: os.execv(sys.executable, [sys.executable]))
fork = repr(os.waitstatus_to_exitcode(os.waitpid(os.fork() or os._exit(3), 0)[1]))
system = repr(os.system("true"))
"""
        "found['fork'], found['system'] = fork, system"
    )
    assert found.pop("fork") == "3"
    assert found.pop("system") != "0"
    assert refused(found) == []


def test_no_capability_and_no_way_to_another_user_is_left() -> None:
    found = inside(
        """
lines = dict(l.split(":", 1) for l in open("/proc/self/status").read().splitlines())
found["sets"] = " ".join(str(int(lines[n], 16)) for n in ("CapPrm", "CapEff", "CapInh", "CapAmb"))
found["privileges"] = lines["NoNewPrivs"].strip()
found["who"] = str(os.getuid())
attempt("root", lambda: os.setuid(0) if os.getuid() else os.setuid(1))
"""
    )
    assert found["sets"] == "0 0 0 0"
    assert found["privileges"] == "1"
    assert found["who"] != "0"
    assert found["root"].startswith("refused")


def test_its_processes_are_all_it_sees_and_the_graders_environment_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need("namespaces", "mounts")
    monkeypatch.setenv("GRADER_TOKEN", "very-secret")
    zygote = zygotes.Zygote()  # one that was started with it; the others stay warm
    found = found_by(
        zygote,
        """
found["pids"] = " ".join(p for p in os.listdir("/proc") if p.isdigit())
found["environment"] = repr(dict(os.environ))
attempt("initial", lambda: open("/proc/self/environ").read())
attempt("parents", lambda: open(f"/proc/{os.getppid()}/environ").read())
attempt("others", lambda: os.kill(2, 0))
found["descriptors"] = " ".join(f for f in os.listdir("/proc/self/fd"))
"""
        if os.geteuid()
        else """
found["pids"] = " ".join(p for p in os.listdir("/proc") if p.isdigit())
found["environment"] = repr(dict(os.environ))
attempt("parents", lambda: open(f"/proc/{os.getppid()}/environ").read())
attempt("others", lambda: os.kill(2, 0))
""",
    )
    zygote.end()
    assert found["pids"] == "1"
    assert "very-secret" not in repr(found)
    assert "GRADER" not in found["environment"]
    assert found["parents"].startswith("refused")
    assert found["others"].startswith("refused")


def test_only_standard_streams_and_the_channel_are_open() -> None:
    found = inside(
        """
import stat
def kind(fd):
    return stat.S_IFMT(os.fstat(fd).st_mode)
for fd in range(256):
    try:
        found[str(fd)] = {stat.S_IFSOCK: "socket", stat.S_IFCHR: "nowhere"}.get(kind(fd), "other")
    except OSError:
        pass
"""
    )
    kinds = sorted(found.values())
    assert kinds == ["nowhere", "nowhere", "nowhere", "socket"]


def test_the_private_folder_has_a_size_and_is_new_for_each_child() -> None:
    need("mounts")
    source = """
found["before"] = repr(os.listdir("."))
def fill():
    for i in range(100):
        with open(f"/tmp/{i}", "wb") as stream:
            stream.write(bytes(10_000_000))
attempt("fill", fill)
attempt("one large file", lambda: open("/dev/shm/large", "wb").write(bytes(200_000_000)))
"""
    for _ in range(2):
        found = inside(source)
        assert found.pop("before") == "[]"
        assert refused(found) == []


def test_python_keeps_working_in_there() -> None:
    found = inside(
        """
import tempfile, asyncio, threading, random
from concurrent.futures import ThreadPoolExecutor
attempt("temporary", lambda: tempfile.TemporaryFile().write(b"x"))
attempt("threads", lambda: list(ThreadPoolExecutor(4).map(abs, range(9))))
async def wait(): await asyncio.sleep(0); return 5
def loop():
    l = asyncio.new_event_loop(); return l.run_until_complete(wait())
attempt("asyncio", loop)
attempt("random", lambda: os.urandom(3) and random.random())
import sklearn.datasets, scipy.linalg, torch, numpy as np
attempt("digits", lambda: sklearn.datasets.load_digits().data.shape)
attempt("scipy", lambda: scipy.linalg.expm(np.eye(3)).shape)
def derive():
    x = torch.ones(3, requires_grad=True); (x * x).sum().backward(); return x.grad
attempt("autograd", derive)
import gradcourse as gc
attempt("theory", lambda: gc.theory)
attempt("network", lambda: gc.mlp)
attempt("silent", lambda: (gc.panel("x"), gc.score("01"), gc.progress(), gc.check("a", 1)))
import matplotlib.pyplot as plt
attempt("figure", lambda: (plt.plot([1, 2]), plt.savefig("a.png"), os.path.getsize("a.png") > 99))
"""
    )
    assert not [f"{name} {text}" for name, text in found.items() if text.startswith("refused")]


@pytest.mark.parametrize("without", [ALL, WITHOUT["no namespaces"]], ids=["all", "no namespaces"])
def test_nothing_is_left_running(without: frozenset[str]) -> None:
    with zygotes.borrowed(without) as zygote:
        child = zygote.start(QUICK)
        child.begin(30.0)
        source = (
            "import os, time, threading\n"
            "for _ in range(3):\n"
            "    if os.fork() == 0:\n"
            "        try: os.setsid()\n"
            "        except OSError: os.setpgid(0, 0)\n"
            "        if os.fork() == 0:\n"
            "            while True: time.sleep(1)\n"
            "        os._exit(0)\n"
            "threading.Thread(target=time.sleep, args=(99,)).start()\n"
        )
        child.ask({"do": "cell", "source": source, "seconds": 10.0}, 15.0)
        running = list(resources.family(zygote._process.pid))
        assert len(running) >= 5
        child.end()
        deadline = time.monotonic() + 10
        while len(left := list(resources.family(zygote._process.pid))) > len(running) - 4:
            assert time.monotonic() < deadline, left
            time.sleep(0.02)


@pytest.mark.parametrize("without", [ALL, WITHOUT["no namespaces"]], ids=["all", "no namespaces"])
def test_no_folder_is_left(
    without: frozenset[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    zygote = zygotes.Zygote(without)
    assert zygote.layers
    child = zygote.start(QUICK)
    child.begin(30.0)
    child.end()
    zygote.end()
    assert list(tmp_path.iterdir()) == []


def test_the_zygote_ends_with_the_grader() -> None:
    script = (
        "import os, time\n"
        "from gradcourse.grading.sandbox import zygotes\n"
        "from gradcourse.grading.sandbox.budget import Limits\n"
        "z = zygotes.Zygote(); c = z.start(Limits()); c.begin(60)\n"
        "print(z._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    grader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert grader.stdout is not None
    pid = int(grader.stdout.readline())
    family = list(resources.family(pid))
    assert len(family) >= 2
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    grader.stdout.close()
    deadline = time.monotonic() + 20
    while any(_alive(one) for one in family):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


# ---------------------------------------------------------------- what is said about it


def test_every_layer_is_named_and_a_missing_one_says_why() -> None:
    mark = grade_one(notebook(), questions=TOYS, without=frozenset({"landlock"}))
    assert set(mark.sandbox) == {
        *("rlimits", "process-group", "namespaces", "mounts", "landlock", "seccomp")
    }
    assert mark.sandbox["landlock"] == "missing: switched off"
    assert all(text == "on" or text.startswith("missing: ") for text in mark.sandbox.values())


def test_where_files_cannot_be_hidden_it_refuses_unless_trusted() -> None:
    open_wide = frozenset({"namespaces", "landlock", "seccomp"})
    with pytest.raises(GradcourseError, match="--trusted") as caught:
        grade_one(notebook(), questions=TOYS, without=open_wide)
    assert "\n" not in str(caught.value)
    mark = grade_one(notebook(), questions=TOYS, without=open_wide, trusted=True)
    assert mark.earned == mark.possible
    assert mark.trusted is True


@pytest.mark.parametrize("without", WITHOUT.values(), ids=WITHOUT)
def test_right_work_gets_full_marks_whatever_layers_there_are(without: frozenset[str]) -> None:
    mark = grade_one(notebook(), questions=TOYS, without=without, trusted=True)
    assert mark.earned == mark.possible
    assert not mark.look


def test_the_filter_is_a_program_for_this_machine_and_for_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for machine in (system.X86, system.ARM):
        monkeypatch.setattr(seccomp, "MACHINE", machine)
        for pid in (None, 77):
            code = seccomp.program(pid)
            assert len(code) % 8 == 0
            assert len(code) // 8 < 4096
            steps = [code[i : i + 8] for i in range(0, len(code), 8)]
            for position, step in enumerate(steps[:-1]):
                jumps = max(step[2], step[3]) if step[0] & 7 == 5 else 0
                assert position + 1 + jumps < len(steps)
            assert steps[-1][0] == 6
    monkeypatch.setattr(seccomp, "MACHINE", "riscv64")
    with pytest.raises(system.Unsupported):
        seccomp.program()


def test_libraries_behind_a_link_are_found_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment or a home that is a link lies in the closed room at its real place."""
    libraries = sysconfig.get_paths()["purelib"]
    (tmp_path / "link").symlink_to(libraries)
    real = os.path.realpath(libraries)
    linked = [str(tmp_path / "link") if os.path.realpath(p) == real else p for p in sys.path]
    monkeypatch.setattr(sys, "path", linked)
    zygotes.end_all()
    late = "def double(x):\n    import nbformat.v1, sklearn.svm\n    return x + x"
    mark = grade_one(notebook(late), questions=TOYS, limits=Limits(question=20.0))
    zygotes.end_all()
    assert mark.earned == mark.possible
