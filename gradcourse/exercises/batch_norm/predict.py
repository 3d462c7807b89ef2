"""A prediction that does not depend on its neighbours."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.batch_norm import drive_predict


def predict(model, x):
    """The digit of each row, in evaluation mode; each module is put back as it was."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        digits = model(x).argmax(dim=1)
    for module, training in modes:
        module.training = training
    return digits


def _one_mode_for_all(model, x):
    was_training = model.training
    digits = _stays_in_eval(model, x)
    model.train(was_training)
    return digits


def _no_eval(model, x):
    import torch

    with torch.no_grad():
        return model(x).argmax(dim=1)


def _stays_in_eval(model, x):
    model.eval()
    return _no_eval(model, x)


def _always_trains(model, x):
    digits = _stays_in_eval(model, x)
    model.train()
    return digits


def _only_its_own_flag(model, x):
    was_training = model.training
    digits = _stays_in_eval(model, x)
    model.training = was_training
    return digits


def _norms_stay_in_eval(model, x):
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    return _no_eval(model, x)


def _statistics_put_back(model, x):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    digits = _no_eval(model, x)
    model.load_state_dict(state)
    return digits


def _one_by_one(model, x):
    import torch

    return torch.cat([_no_eval(model, row[None]) for row in x])


def _outputs(model, x):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    outputs = model(x).detach()
    for module, training in modes:
        module.training = training
    return outputs


def _models(training):
    def cases(rng):
        made = []
        modes = (training, training, "True, but for its norm") if training else (training, training)
        for mode, rows in zip(modes, (12, 7, 9), strict=False):
            mean, variance = rng.normal(0.0, 3.0, 16), rng.uniform(0.2, 6.0, 16)
            first, last = rng.normal(size=(16, 8)), rng.normal(size=(10, 16))
            made.append((first, last, mean, variance, mode, rng.normal(1.0, 1.0, (rows, 8))))
        return made

    return cases


def _small_model(training):
    """In both modes each digit wins clearly, and no unit stands at 0: no rounding may decide."""
    rng = np.random.default_rng(1)
    first, last = rng.integers(-2, 3, (4, 3)) * 1.0, rng.integers(-2, 3, (10, 4)) * 1.0
    x = np.array([[1.0, 2.0, 0.0], [2.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
    return (first, last, np.array([2.0, -1.0, 0.0, 1.0]), np.ones(4), training, x)


PREDICT = CodeExercise(
    id="batch-norm/predict",
    title="A prediction that does not look at its neighbours",
    functions=asks(
        predict,
        "a tensor of shape (rows,)",
        {
            "training mode": (
                _no_eval,
                "The model was in training mode: it normalized by this batch, and moved its "
                "running statistics, which no_grad does not prevent. Call model.eval() first.",
            ),
            "left in evaluation mode": (
                _stays_in_eval,
                "Your digits are right, but the model stays in evaluation mode. Who trains on "
                "would train with running statistics: put the mode back.",
            ),
            "always back to training": (
                _always_trains,
                "Your digits are right, but you put the model into training mode although it "
                "may have come in evaluation mode. Remember model.training first.",
            ),
            "one mode for all layers": (
                _one_mode_for_all,
                "model.train(…) gives every layer one mode. Where the batch norm had been frozen, "
                "in evaluation mode inside a model in training mode, it now trains: remember "
                "the mode of each module.",
            ),
            "only the model's own flag": (
                _only_its_own_flag,
                "Your digits are right, but model.training = … puts back the flag of the model "
                "alone. Its layers stay in evaluation mode: each module has a flag of its own.",
            ),
            "a layer left in evaluation mode": (
                _norms_stay_in_eval,
                "Your digits are right, but the batch norm layers stay in evaluation mode. A "
                "layer has a mode of its own, whatever model.training says: put it back, too.",
            ),
            "this batch's statistics": (
                _statistics_put_back,
                "The running statistics are as they were, but the digits were not computed "
                "with them: in training mode batch norm normalizes by this very batch.",
            ),
            "one image at a time, in training mode": (
                _one_by_one,
                "In training mode batch norm refuses a batch of one: it has no variance. "
                "model.eval() uses the running statistics, for any batch.",
            ),
            "outputs instead of digits": (
                _outputs,
                "You returned the ten outputs of each image. The digit is where the largest "
                "stands: argmax over dim 1.",
            ),
            "the largest output": (
                lambda model, x: _outputs(model, x).max(dim=1).values,
                "You returned how large the largest output is. The digit is *where* it "
                "stands: argmax, or the indices that max gives as well.",
            ),
            "argmax over the images": (
                lambda model, x: _outputs(model, x).argmax(dim=0),
                "You asked each output for its favourite image. The digit of an image is the "
                "argmax over its ten outputs, dim 1.",
            ),
        },
        driver=drive_predict,
        inputs=("", "", "", "", "model.training", "x"),
    ),
    parts=(
        Part(
            title="3 random networks that come in training mode, one with its norm frozen",
            points=1.0,
            cases=_models(True),
            example=_small_model(True),
            look_at="Three things are compared: the digits, how many of the five modules (the "
            "network and its four layers) are in training mode afterwards, and how far the "
            "running statistics moved.",
        ),
        Part(
            title="2 random networks that come in evaluation mode",
            points=1.0,
            cases=_models(False),
            example=_small_model(False),
            look_at="The model must leave as it came: none of its modules in training mode.",
        ),
    ),
    hints=(
        "Batch norm has two modes. Which one does not depend on the other images?",
        "Remember the mode of each of model.modules(), call model.eval(), predict, and give each "
        "module its own mode back.",
        "`modes = [(m, m.training) for m in model.modules()]` before model.eval(); a loop with "
        "`m.training = mode` after it. The digits are the argmax over the outputs: which dim?",
    ),
)
