import importlib
import sys

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument.postmortem import NonFiniteError
from gradcourse.support import GradcourseError

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from gradcourse.integrations.transformers import ProbeCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


class Head(nn.Module):
    """Goes wrong when a row is marked by a large first feature."""

    def forward(self, x, marked):
        return torch.where(marked, x, x * 0 + 1).log() if marked.any() else x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
        self.head = Head()

    def forward(self, x, labels=None):
        logits = self.head(self.body(x), x[:, :1] > 50)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def train(model, callback, folder, marked=(), **options):
    generator = torch.Generator().manual_seed(0)
    rows = [{"x": torch.randn(4, generator=generator), "labels": k % 2} for k in range(40)]
    for k in marked:
        rows[k]["x"][0] = 100.0
    args = transformers.TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        num_train_epochs=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        train_sampling_strategy="sequential",
        **{"logging_strategy": "no", **options},
    )
    trainer = transformers.Trainer(model, args, train_dataset=rows, callbacks=[callback])
    trainer.train()
    return trainer


def hooks_of(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_the_loss_is_taken_from_the_trainer_s_log(tmp_path):
    callback = ProbeCallback(every=2)
    train(Net(), callback, tmp_path, logging_strategy="steps", logging_steps=1)
    assert callback.record.loss_logged.sum() >= 9
    assert np.isfinite(callback.record.loss[callback.record.loss_logged]).all()


def test_a_run_is_recorded(tmp_path):
    model, callback = Net(), ProbeCallback(every=2)
    train(model, callback, tmp_path)
    record = callback.record
    assert record.steps == 10
    assert record.measured.sum() == 5
    assert "body.0" in record.layers
    assert np.isfinite(record.parameter_gradient_norm).all()
    assert np.nanmin(record.update_ratio) > 0
    assert callback.finding is None
    assert hooks_of(model) == 0


def test_a_small_language_model(tmp_path):
    config = transformers.GPT2Config(
        vocab_size=16, n_positions=8, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    model, callback = transformers.GPT2LMHeadModel(config), ProbeCallback("everything")
    rows = [{"input_ids": torch.arange(8) % 5, "labels": torch.arange(8) % 5} for _ in range(8)]
    args = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        per_device_train_batch_size=4,
        max_steps=2,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    transformers.Trainer(model, args, train_dataset=rows, callbacks=[callback]).train()
    record = callback.record
    assert record.steps == 2
    assert any("attn" in name for name in record.layers)
    assert callback.finding is None


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_first_nan_is_examined(tmp_path, accumulate):
    model, callback = Net(), ProbeCallback()
    with pytest.raises(NonFiniteError):
        train(model, callback, tmp_path, (22,), gradient_accumulation_steps=accumulate)
    found = callback.finding
    assert (found.direction, found.module, found.op) == ("forward", "head", "log")
    assert found.step == 5 // accumulate
    assert "test_transformers.py:" in found.source
    assert hooks_of(model) == 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_without_stop_the_run_goes_on(tmp_path):
    callback = ProbeCallback("gradients", stop=False)
    trainer = train(Net(), callback, tmp_path, (22,))
    assert trainer.state.global_step == 10
    assert callback.finding.step == 5
    assert callback.record.nonfinite[5].all()


def test_before_the_first_run_there_is_no_record():
    with pytest.raises(GradcourseError, match="has not seen a run"):
        _ = ProbeCallback().record


def test_without_transformers_the_extra_is_named(monkeypatch):
    name = "gradcourse.integrations.transformers"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(GradcourseError, match=r"gradcourse\[transformers\]"):
        importlib.import_module(name)
