"""A loss belongs to the step that it was computed for, wherever the loop logs it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gradcourse as gc


def _recorded(model, optimizer, steps):
    """What was logged, and what the record says of it; ``steps`` takes the record and logs."""
    torch.manual_seed(0)
    with gc.probe(model, optimizer) as record:
        logged = list(steps(record))
    return logged, record.loss.tolist()


def _parts():
    torch.manual_seed(0)
    return nn.ModuleDict({"down": nn.Linear(4, 8), "up": nn.Linear(8, 1)})


@pytest.mark.parametrize("when", ["forward", "backward", "update"])
def test_of_a_model_whose_parts_are_called(when):
    model = _parts()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def steps(record):
        for _ in range(12):
            optimizer.zero_grad()
            loss = model["up"](model["down"](torch.randn(6, 4))).square().mean()
            moments = {"forward": lambda: None, "backward": loss.backward, "update": optimizer.step}
            for moment, act in moments.items():
                act()
                if moment == when:
                    record.log(loss)
            yield loss.item()

    logged, recorded = _recorded(model, optimizer, steps)
    assert recorded == logged


def test_of_a_generator_that_is_called_again_before_its_loss_is_logged():
    torch.manual_seed(0)
    maker = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    judge = nn.Linear(2, 1)
    of_maker, of_judge = (torch.optim.Adam(m.parameters(), 1e-2) for m in (maker, judge))
    says = F.binary_cross_entropy_with_logits

    def steps(record):
        for _ in range(12):
            of_maker.zero_grad()
            loss = says(judge(maker(torch.randn(6, 4))), torch.ones(6, 1))
            loss.backward()
            of_maker.step()
            of_judge.zero_grad()
            says(judge(maker(torch.randn(6, 4)).detach()), torch.zeros(6, 1)).backward()
            of_judge.step()
            record.log(loss)
            yield loss.item()

    logged, recorded = _recorded(maker, of_maker, steps)
    assert recorded == logged


@pytest.mark.parametrize("when", ["before", "after"])
def test_of_a_model_that_is_called_twice_for_one_loss(when):
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def steps(record):
        for _ in range(12):
            optimizer.zero_grad()
            loss = (model(torch.randn(6, 4)) - model(torch.randn(6, 4))).square().mean()
            if when == "before":
                record.log(loss)
            loss.backward()
            optimizer.step()
            if when == "after":
                record.log(loss)
            yield loss.item()

    logged, recorded = _recorded(model, optimizer, steps)
    assert recorded == logged
