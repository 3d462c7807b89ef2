"""The room of the experiments: what all share, who may use it, and that it holds no answer."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import gradcourse
from gradcourse.checking.question import Function
from gradcourse.exercises import all_exercises
from gradcourse.experiments import claim, common, errata
from gradcourse.experiments.saturation import random_delta
from gradcourse.lessons import LESSONS
from gradcourse.nets import mlp

PACKAGE = Path(gradcourse.__file__).parent
ROOM = [
    importlib.import_module(f"gradcourse.experiments.{path.stem}")
    for path in sorted((PACKAGE / "experiments").glob("[a-z]*.py"))
]


def test_a_file_is_called_as_its_lessons_folder_and_names_the_lesson() -> None:
    numbers = {row.folder: row.number for row in LESSONS}
    for module in ROOM:
        name = module.__name__.rpartition(".")[2]
        if module not in (claim, common, errata):  # those belong to all
            number = numbers.get(name, r"\d\d")  # what is stored may have a file of its own
            assert re.match(rf"Lessons? {number}( and \d\d)*:", module.__doc__), name


def test_no_experiment_is_the_answer_of_a_code_question() -> None:
    """A submission can import this room, and call what it finds there."""
    experiments = [
        function
        for module in ROOM
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
    ]
    for exercise in all_exercises():
        for question in getattr(exercise, "functions", ()):
            own = (part for part in exercise.parts if part.function in ("", question.name))
            example = next(own).example
            for function in experiments:
                if tuple(inspect.signature(function).parameters) == question.parameters:
                    assert not gives(question, function, example), function


def gives(question: Function, function: Callable[..., object], example: Sequence[object]) -> bool:
    """Whether a function answers a question; one that was made for other input may raise."""
    drive = question.driver or (lambda answer, *given: answer(*given))
    try:
        found = drive(function, *example)
    except Exception:
        return False
    return same(found, drive(question.reference, *example))


def same(one: object, other: object) -> bool:
    """Whether two outcomes are equal arrays, as far as they are arrays of one shape."""
    try:
        return bool(np.allclose(np.asarray(one), np.asarray(other)))
    except (TypeError, ValueError):
        return False


def test_questions_take_from_the_demos_only_what_is_turned() -> None:
    """Knobs and bands: their names are written in capitals, those of measurements are not."""
    for path in (PACKAGE / "exercises").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for names in re.findall(r"from gradcourse\.demos\.\S+ import ([^(\n]+|\([^)]*\))", text):
            assert names == names.upper(), path


def test_a_claim_is_made_of_an_experiment() -> None:
    for path in (Path(__file__).parents[1] / "lessons").glob("*.py"):
        assert not re.search(r"gradcourse\.(demos|exercises)", path.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- what all share


def test_numbers_over_seeds() -> None:
    np.testing.assert_array_equal(common.over_seeds(float, (3, 1, 2)), [3.0, 1.0, 2.0])
    assert common.median(float, (3, 1, 2)) == 2.0
    assert common.first_to_last(np.array([1.0, 5.0, 4.0])) == 0.25
    assert common.factor_per_layer(np.array([1.0, 5.0, 4.0])) == 0.5


def test_a_probed_network_has_one_delta_for_each_linear_layer() -> None:
    net = mlp(3, activation="tanh", seed=0)
    delta = common.delta_by_layer(net, 32)
    loss = common.cross_entropy(net, 32)
    logits = net(common.digits().x_train[:32]).detach().requires_grad_()
    torch.nn.functional.cross_entropy(logits, common.digits().y_train[:32]).backward()
    assert loss.item() > 0
    assert delta.shape == (4,)
    assert delta[-1] == pytest.approx(float(logits.grad.square().mean().sqrt()), rel=1e-5)
    assert [len(weight) for weight in common.weights_of(net)] == [64, 64, 64, 10]


def test_accuracy_is_that_after_the_training() -> None:
    one, other = mlp(1, activation="relu", seed=0), mlp(1, activation="relu", seed=0)
    history = common.trained(one, 30, 0.1)
    assert history.steps.tolist() == [0, 30]
    assert common.accuracy(other, 30, 0.1) == history.test_accuracy[-1] > 0.5


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_random_layers_are_autograds(activation: str) -> None:
    draws = common.unit_draws(4, 6, seed=1)._replace(biases=np.ones((4, 6)))
    forward, backward = common.through_layers(draws, common.layer_of(activation), 1.3, 0.2)
    phi = {"tanh": torch.tanh, "relu": torch.relu, "gelu": torch.nn.functional.gelu}[activation]
    a, zs = torch.tensor(draws.inputs), []
    for w in draws.weights:
        zs.append((1.3 * a @ torch.tensor(w).T + 0.2).requires_grad_())
        a = phi(zs[-1])
    deltas = torch.autograd.grad((a * torch.tensor(draws.last)).sum(), zs)
    for measured, tensors in ((forward, zs), (backward, deltas)):
        expected = [float(t.detach().square().mean().sqrt()) for t in tensors]
        np.testing.assert_allclose(measured, expected, rtol=1e-6)


def test_a_gain_only_scales_one_set_of_random_numbers() -> None:
    near, far = (random_delta("linear", gain, depth=5)[0] for gain in (1.0, 2.0))
    assert far / near == pytest.approx(2.0**4)
