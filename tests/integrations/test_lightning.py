import importlib
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gradcourse.instrument.postmortem import NonFiniteError
from gradcourse.support import GradcourseError

L = pytest.importorskip("lightning.pytorch")

from gradcourse.integrations.lightning import ProbeCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


class Sqrt(nn.Module):
    def forward(self, x):
        return torch.sqrt(x * 0)


class Lit(L.LightningModule):
    """A module that calls its parts, logs, and from a given batch on goes wrong."""

    def __init__(self, bad_from=99, bad_loss=False, own_forward=False):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.1))
        self.net.append(nn.Linear(8, 1))
        self.root = Sqrt()
        self.bad_from, self.bad_loss, self.steps_seen = bad_from, bad_loss, 0

    def training_step(self, batch, batch_idx):
        self.steps_seen += 1
        out = self.net(batch[0])
        if batch_idx >= self.bad_from:
            out = torch.log(out * 0) if self.bad_loss else out + self.root(out)
        loss = (out - batch[1]).square().mean()
        self.log("loss", loss)
        return {"loss": loss}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)


def fit(model, callback, **options):
    data = TensorDataset(torch.randn(48, 4), torch.randn(48, 1))
    trainer = L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(model, DataLoader(data, batch_size=8))
    return trainer


def hooks_of(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_a_run_is_recorded():
    model, callback = Lit(), ProbeCallback(level="everything")
    fit(model, callback)
    record = callback.record
    assert record.steps == 6
    assert "Tanh" in record.kinds
    assert np.isfinite(record.parameter_gradient_norm).all()
    assert (record.update_ratio > 0).all()
    assert np.isfinite(record.loss).all()
    assert callback.finding is None
    assert hooks_of(model) == 0
    assert model.steps_seen == 6


def test_accumulated_gradients_count_per_update():
    callback = ProbeCallback("gradients", module="net")
    fit(Lit(), callback, accumulate_grad_batches=2)
    assert callback.record.steps == 3


def test_the_first_nan_gradient_is_examined():
    model, callback = Lit(bad_from=3), ProbeCallback()
    with pytest.raises(NonFiniteError):
        fit(model, callback)
    found = callback.finding
    assert (found.step, found.direction, found.op) == (3, "backward", "sqrt")
    assert found.module == "root"
    assert "test_lightning.py:" in found.source
    assert set(found.affected) >= {"net.0.weight"}
    assert callback.record.steps == 3
    assert hooks_of(model) == 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_loss_that_is_not_finite_is_examined_before_the_backward_pass():
    model, callback = Lit(bad_from=2, bad_loss=True), ProbeCallback(stop=False)
    fit(model, callback)
    found = callback.finding
    assert (found.step, found.direction, found.module) == (2, "forward", "loss function")
    assert found.op == "log"
    # Once more for the replay, and on to the end.
    assert model.steps_seen == 7


def test_which_module_is_probed():
    with pytest.raises(GradcourseError, match="it has: net"):
        fit(Lit(), ProbeCallback(module="body"))
    callback = ProbeCallback(module="net.0", every=1)
    fit(Lit(), callback)
    assert callback.record.parameters == ("weight", "bias")


def test_before_the_first_fit_there_is_no_record():
    with pytest.raises(GradcourseError, match="has not seen a fit"):
        _ = ProbeCallback().record


def test_without_lightning_the_extra_is_named(monkeypatch):
    name = "gradcourse.integrations.lightning"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(GradcourseError, match=r"gradcourse\[lightning\]"):
        importlib.import_module(name)


class OtherName(Lit):
    """Lightning passes the batch's number by position, so any name will do."""

    def training_step(self, batch, idx):
        return super().training_step(batch, idx)


class NoNumber(Lit):
    def training_step(self, batch):
        return super().training_step(batch, 5)


@pytest.mark.parametrize("kind", [OtherName, NoNumber])
def test_the_replay_passes_the_number_as_lightning_does(kind):
    callback = ProbeCallback(stop=False)
    fit(kind(bad_from=2), callback)
    assert callback.finding.op == "sqrt"
