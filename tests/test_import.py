"""`import gradcourse` costs next to nothing and loads nothing heavy."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import gradcourse as gc


def _fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_nothing_heavy() -> None:
    heavy = "{'matplotlib', 'ipywidgets', 'anywidget', 'torch.optim', 'sklearn'}"
    assert _fresh(f"import gradcourse, sys; print({heavy} & set(sys.modules))") == "set()"


def test_one_thread_is_set_before_torch_is_loaded() -> None:
    code = (
        "import os; os.environ.pop('OMP_NUM_THREADS', None); import gradcourse, torch; "
        "print(os.environ['OMP_NUM_THREADS'], torch.get_num_threads())"
    )
    assert _fresh(code) == "1 1"


def test_a_setting_of_the_user_is_respected() -> None:
    code = (
        "import os; os.environ['OMP_NUM_THREADS'] = '2'; import gradcourse; "
        "print(os.environ['OMP_NUM_THREADS'])"
    )
    assert _fresh(code) == "2"


@pytest.mark.parametrize("name", gc.__all__)
def test_every_exported_name_exists(name: str) -> None:
    assert getattr(gc, name) is not None


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match=r"no name 'prob'.*probe"):
        _ = gc.prob


@pytest.mark.parametrize("package", ["gradcourse", "gradcourse.figures", "gradcourse.grading"])
def test_the_names_for_type_checkers_are_the_names_that_load(package: str) -> None:
    module = importlib.import_module(package)
    (block,) = [
        node.body
        for node in ast.parse(Path(str(module.__file__)).read_text()).body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    ]
    # `as` makes a name public to a type checker even where it does not read `__all__`.
    lazy = {alias.asname for node in block for alias in node.names}
    assert None not in lazy
    assert lazy <= set(module.__all__) == set(dir(module))
    assert all(getattr(module, name) is not None for name in lazy)


def test_a_name_is_loaded_once() -> None:
    assert vars(gc)["mlp"] is gc.mlp is importlib.import_module("gradcourse.nets").mlp
