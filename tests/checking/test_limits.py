"""No code of a learner's can hang the check, end the process or flood it."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from gradcourse.checking.limits import PRINTED, Stopped, run_limited


def endless():
    while True:
        pass


def swallows_a_few():
    for _ in range(3):
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def test_a_value_and_an_exception_come_back() -> None:
    assert run_limited(lambda: 3, 5).value == 3
    run = run_limited(lambda: 1 / 0, 5)
    assert run.ending == "raised"
    assert isinstance(run.error, ZeroDivisionError)


@pytest.mark.parametrize("work", [endless, swallows_a_few])
def test_a_loop_is_stopped(work) -> None:
    before = threading.active_count()
    run = run_limited(work, 0.2)
    assert run.ending == "timeout"
    assert not run.abandoned
    assert threading.active_count() == before


def test_code_that_blocks_in_c_is_abandoned() -> None:
    release = threading.Event()
    run = run_limited(lambda: release.wait(60), 0.1)
    assert run.ending == "timeout"
    assert run.abandoned
    release.set()


def test_code_that_swallows_everything_is_abandoned() -> None:
    release = threading.Event()

    def stubborn():
        while not release.is_set():
            with contextlib.suppress(BaseException):
                time.sleep(0.001)

    run = run_limited(stubborn, 0.1)
    assert run.ending == "timeout"
    assert run.abandoned
    release.set()


def test_it_works_in_a_thread_that_is_not_the_main_one() -> None:
    runs: list = []
    thread = threading.Thread(target=lambda: runs.append(run_limited(endless, 0.2)))
    thread.start()
    thread.join(30)
    assert [run.ending for run in runs] == ["timeout"]


def test_an_import_is_not_cut_in_the_middle(tmp_path, monkeypatch) -> None:
    """Half a module would stay in `sys.modules`, and break all that needs it later."""
    lines = "import time\ntime.sleep(0.5)\nready = True\n"
    (tmp_path / "slow_to_import.py").write_text(lines, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    def work():
        import slow_to_import

        while slow_to_import.ready:
            pass

    assert run_limited(work, 0.1).ending == "timeout"
    assert sys.modules.pop("slow_to_import").ready


def test_a_stop_event_ends_it() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    assert run_limited(endless, 60, stop).ending == "interrupted"


def test_keyboard_interrupt_ends_it() -> None:
    threading.Timer(0.3, _thread.interrupt_main).start()
    assert run_limited(endless, 60).ending == "interrupted"


def test_a_real_interrupt_signal_ends_it() -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert run_limited(endless, 60).ending == "interrupted"


def test_exit_is_an_exception() -> None:
    for leave in (sys.exit, exit, quit):
        assert isinstance(run_limited(leave, 5).error, SystemExit)


def test_exit_in_a_kernel_does_not_end_the_kernel() -> None:
    """There, ``exit`` tells the shell; one in its own process stands for the kernel's."""
    script = """
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from gradcourse.checking.limits import run_limited
shell = TerminalInteractiveShell.instance()
shell.keep_running = True
run = run_limited(shell.user_ns["exit"], 5)
assert isinstance(run.error, SystemExit), run
assert shell.keep_running
shell.user_ns["exit"].__class__
assert "ask_exit" not in vars(shell)
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "alive", done.stderr


def test_only_the_codes_own_prints_are_captured(capsys) -> None:
    before = sys.stdout, sys.stderr
    other = threading.Thread(target=lambda: [print("other") for _ in range(3)])

    def work():
        print("mine")
        other.start()
        other.join()

    run = run_limited(work, 5)
    assert run.printed == "mine\n"
    assert capsys.readouterr().out == "other\n" * 3
    assert (sys.stdout, sys.stderr) == before


def test_an_endless_print_keeps_its_beginning() -> None:
    def chatter():
        while True:
            print("0123456789" * 10)

    run = run_limited(chatter, 0.3)
    assert run.ending == "timeout"
    assert run.printed.startswith("0123456789")
    assert len(run.printed) <= PRINTED + 2


def test_warnings_neither_leak_nor_stop_it(capsys) -> None:
    def work():
        warnings.warn("careful", stacklevel=1)
        return float(np.log(np.zeros(1))[0])

    assert run_limited(work, 5).value == -np.inf
    assert capsys.readouterr() == ("", "")


def test_an_abandoned_thread_stays_silent(capsys) -> None:
    release = threading.Event()
    printed = threading.Event()

    def late():
        while not release.is_set():
            with contextlib.suppress(Stopped):
                release.wait(30)
        print("late")
        printed.set()

    assert run_limited(late, 0.1).abandoned
    print("here")
    release.set()
    assert printed.wait(10)
    assert capsys.readouterr().out == "here\n"


def test_two_at_once_keep_their_prints_apart() -> None:
    both = threading.Barrier(2)
    runs: dict = {}

    def one(name):
        def work():
            both.wait(10)
            for _ in range(20):
                print(name)
            both.wait(10)

        runs[name] = run_limited(work, 20)

    before = sys.stdout
    threads = [threading.Thread(target=one, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {name: set(run.printed.split()) for name, run in runs.items()} == {
        "a": {"a"},
        "b": {"b"},
    }
    assert sys.stdout is before
