"""A pytest plug-in of `tests/run.py`: an experiment is run once in a run of the tests.

A claim's test, an exercise's rule and a lesson's cell often ask the same experiment for the same
network. The first process that has measured it writes the result into the run's own folder, the
others read it there. All of it is one machine and one state of the files, and the folder goes when
the run ends. A test that is run by itself, and `make portable`, share nothing.

What is shared: what a function of `gradcourse.experiments` returns for plain arguments (numbers,
words, tuples of them), if it took longer than `WORTH` and can be pickled. Each who asks gets an
object of its own, unless the function is cached anyway.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.abc
import importlib.util
import inspect
import os
import pickle
import sys
import tempfile
import time
from pathlib import Path

FOLDER = "GRADCOURSE_TEST_SHARED"
"""The variable that names the folder; without it nothing is shared."""

EXPERIMENTS = "gradcourse.experiments."
WORTH = 0.1
"""Seconds from which on a result is worth a file."""

_PLAIN = (bool, int, float, complex, str, bytes, range, type(None))


def pytest_configure() -> None:
    share()


def share() -> None:
    """Let every experiment that is imported from now on be shared, if the run has a folder."""
    folder = os.environ.get(FOLDER)
    if folder and not any(isinstance(finder, _Experiments) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Experiments(Path(folder)))


def startup(profile: Path) -> None:
    """Let the kernels that use a folder for IPython share, too."""
    scripts = profile / "profile_default" / "startup"
    scripts.mkdir(parents=True, exist_ok=True)
    run = f'__import__("runpy").run_path({str(Path(__file__))!r}, run_name="sharing")["share"]()\n'
    (scripts / "share.py").write_text(run, encoding="utf-8")


class _Experiments(importlib.abc.MetaPathFinder):
    """Finds an experiment's module where it is, and wraps its functions when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looking: set[str] = set()

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(EXPERIMENTS) or name in self._looking:
            return None
        self._looking.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking.discard(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_wrap(module):
                load(module)
                for word, value in list(vars(module).items()):
                    if _may_be_shared(value, name):
                        setattr(module, word, self._shared(value))

            spec.loader.exec_module = load_and_wrap
        return spec

    def _shared(self, measure):
        remembered = {} if hasattr(measure, "cache_clear") else None

        @functools.wraps(measure)
        def once(*args, **named):
            place = self._place(measure, args, named)
            if place is None:
                return measure(*args, **named)
            if remembered is not None and place in remembered:
                return remembered[place]
            result = self._read_or_measure(place, functools.partial(measure, *args, **named))
            if remembered is not None:
                remembered[place] = result
            return result

        if remembered is not None:
            once.cache_clear = lambda: (measure.cache_clear(), remembered.clear())
            once.cache_info = measure.cache_info
        return once

    def _read_or_measure(self, place: Path, measure):
        try:
            return pickle.loads(place.read_bytes())
        except FileNotFoundError:
            pass
        started = time.perf_counter()
        result = measure()
        if time.perf_counter() - started > WORTH:
            self._keep(place, result)
        return result

    def _place(self, measure, args, named) -> Path | None:
        given = (args, sorted(named.items()))
        if not _is_plain(given):
            return None
        key = repr((measure.__module__, measure.__qualname__, given))
        return self._folder / hashlib.sha256(key.encode()).hexdigest()

    def _keep(self, place: Path, result) -> None:
        try:
            content = pickle.dumps(result)
        except Exception:
            return
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(content)
        os.replace(file.name, place)


def _may_be_shared(value, module: str) -> bool:
    own = getattr(value, "__module__", None) == module
    function = inspect.unwrap(value) if own and callable(value) else None
    return inspect.isfunction(function) and not inspect.isgeneratorfunction(function)


def _is_plain(value) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN
