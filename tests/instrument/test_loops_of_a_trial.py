"""Loops that a practitioner tried: each goes on as before, is counted right, and left as it was."""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn import functional
from torch.optim import optimizer as of_all
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from gradcourse.diagnosis import diagnose
from gradcourse.instrument import probe, watch
from gradcourse.support import GradcourseError

STEPS = 6


class Loop:
    """A model, its optimizers, and a step that returns its loss."""

    def __init__(self, model: nn.Module, *optimizers: Any) -> None:
        self.model, self.optimizers = model, list(optimizers)
        self.step: Callable[[int], torch.Tensor]

    @property
    def given(self) -> Any:
        """What the probe gets: one optimizer, or the list."""
        return self.optimizers[0] if len(self.optimizers) == 1 else self.optimizers


def net(*more: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), *more, nn.Linear(16, 2))


def batch(rows: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, 6)
    return x, (x[:, 0] > 0).long()


def sgd(model: nn.Module, rate: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=rate)


def simple(model: nn.Module, change: Callable[[], None] = lambda: None) -> Loop:
    """Zero, forward, backward, ``change()``, step."""
    loop = Loop(model, sgd(model))

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        loop.optimizers[0].zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        change()
        loop.optimizers[0].step()
        return loss

    loop.step = step
    return loop


def accumulated() -> Loop:
    loop = Loop(net())
    loop.optimizers = [sgd(loop.model)]

    def step(k: int) -> torch.Tensor:
        loop.optimizers[0].zero_grad()
        for _ in range(3):
            x, y = batch()
            loss = functional.cross_entropy(loop.model(x), y) / 3
            loss.backward()
        loop.optimizers[0].step()
        return loss

    loop.step = step
    return loop


def autocast(dtype: torch.dtype, scaled: bool) -> Callable[[], Loop]:
    def make() -> Loop:
        loop = Loop(net())
        loop.optimizers = [sgd(loop.model)]
        scaler = torch.amp.GradScaler("cpu", init_scale=256.0, enabled=scaled)

        def step(k: int) -> torch.Tensor:
            x, y = batch()
            loop.optimizers[0].zero_grad()
            with torch.autocast("cpu", dtype=dtype):
                loss = functional.cross_entropy(loop.model(x).float(), y)
            scaler.scale(loss).backward()
            scaler.unscale_(loop.optimizers[0])
            nn.utils.clip_grad_norm_(loop.model.parameters(), 1.0)
            scaler.step(loop.optimizers[0])
            scaler.update()
            return loss

        loop.step = step
        return loop

    return make


def clipped() -> Loop:
    model = net()
    return simple(model, lambda: float(nn.utils.clip_grad_norm_(model.parameters(), 0.1)))


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.same, self.head = nn.Linear(6, 16), nn.Linear(16, 16), nn.Linear(16, 2)
        self.again = self.same

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.again(self.same(self.first(x)).relu()).relu())


def groups() -> Loop:
    loop = simple(net())
    parts = [{"params": loop.model[0].parameters(), "lr": 0.01},  # type: ignore[index]
             {"params": loop.model[2].parameters()}]  # type: ignore[index]  # fmt: skip
    loop.optimizers[0] = torch.optim.Adam(parts, lr=0.1)
    return loop


def second_order() -> Loop:
    loop = Loop(net())
    optimizer = torch.optim.LBFGS(loop.model.parameters(), lr=0.3, max_iter=3)
    loop.optimizers = [optimizer]

    def step(k: int) -> torch.Tensor:
        x, y = batch(64)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = functional.cross_entropy(loop.model(x), y)
            loss.backward()
            return loss

        return optimizer.step(closure)

    loop.step = step
    return loop


def two_losses() -> Loop:
    loop = Loop(net())
    loop.optimizers = [sgd(loop.model)]

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        loop.optimizers[0].zero_grad()
        out = loop.model(x)
        out.square().mean().backward(retain_graph=True)
        loss = functional.cross_entropy(out, y)
        loss.backward()
        loop.optimizers[0].step()
        return loss

    loop.step = step
    return loop


def sharpness_aware() -> Loop:
    """SAM: up the slope by a little, and the gradient there is what the update uses."""
    loop = Loop(net())
    loop.optimizers = [sgd(loop.model)]

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        functional.cross_entropy(loop.model(x), y).backward()
        moves = [0.05 * p.grad / (p.grad.norm() + 1e-12) for p in loop.model.parameters()]
        with torch.no_grad():
            for p, move in zip(loop.model.parameters(), moves, strict=True):
                p.add_(move)
        loop.optimizers[0].zero_grad()
        loss = functional.cross_entropy(loop.model(x), y)
        loss.backward()
        with torch.no_grad():
            for p, move in zip(loop.model.parameters(), moves, strict=True):
                p.sub_(move)
        loop.optimizers[0].step()
        loop.optimizers[0].zero_grad()
        return loss

    loop.step = step
    return loop


def gradient_penalty() -> Loop:
    loop = Loop(net(nn.Linear(16, 16), nn.Tanh()))
    loop.optimizers = [sgd(loop.model)]

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        x.requires_grad_()
        loop.optimizers[0].zero_grad()
        loss = functional.cross_entropy(loop.model(x), y)
        (slope,) = torch.autograd.grad(loss, x, create_graph=True)
        (loss + slope.square().sum()).backward()
        loop.optimizers[0].step()
        return loss

    loop.step = step
    return loop


def parts_without_the_model() -> Loop:
    """Reinforcement learning on a ModuleDict, whose forward is never called."""
    parts = nn.ModuleDict({"actor": net(), "critic": nn.Linear(6, 1)})
    loop = Loop(parts, sgd(parts))

    def step(k: int) -> torch.Tensor:
        x, _ = batch()
        choice = torch.distributions.Categorical(logits=parts["actor"](x))
        action = choice.sample()
        gain = (action == (x[:, 0] > 0)).float() - parts["critic"](x)[:, 0]
        loop.optimizers[0].zero_grad()
        loss = gain.square().mean() - (choice.log_prob(action) * gain.detach()).mean()
        loss.backward()
        loop.optimizers[0].step()
        return loss

    loop.step = step
    return loop


def sparse() -> Loop:
    model = nn.Sequential(nn.Embedding(50, 4, sparse=True), nn.Flatten(), nn.Linear(12, 2))
    loop = Loop(model, sgd(model))

    def step(k: int) -> torch.Tensor:
        x = torch.randint(0, 50, (16, 3))
        loop.optimizers[0].zero_grad()
        loss = functional.cross_entropy(model(x), (x[:, 0] > 25).long())
        loss.backward()
        loop.optimizers[0].step()
        return loss

    loop.step = step
    return loop


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 6, dtype=torch.complex64) / 3)
        self.head = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((x.to(torch.complex64) @ self.weight).abs())


class Spread(nn.Module):
    """A model in DistributedDataParallel, of one process."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.parallel.DistributedDataParallel(net())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.embed(x)[:, None]).mean(1))


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner, self.head = nn.Linear(6, 16), net(), nn.Linear(2, 2)
        self.inner = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(checkpoint(self.inner, self.first(x), use_reentrant=False))


class Dictionary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        return {"logits": self.body(x), "note": "as libraries do"}


def dictionary() -> Loop:
    loop = Loop(Dictionary())
    loop.optimizers = [sgd(loop.model)]

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        loop.optimizers[0].zero_grad()
        loss = functional.cross_entropy(loop.model(x)["logits"], y)
        loss.backward()
        loop.optimizers[0].step()
        return loss

    loop.step = step
    return loop


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.low = nn.Conv1d(1, 4, 3, padding=1), nn.Conv1d(4, 8, 3, padding=1)
        self.up, self.head = nn.ConvTranspose1d(8, 4, 2, stride=2), nn.Linear(8 * 6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        high = self.down(x[:, None]).relu()
        low = self.low(functional.max_pool1d(high, 2)).relu()
        return self.head(torch.cat([high, self.up(low)], 1).flatten(1))


def with_evaluation() -> Loop:
    loop = simple(net(nn.Dropout(0.2), nn.BatchNorm1d(16)))
    train = loop.step

    def step(k: int) -> torch.Tensor:
        loss = train(k)
        loop.model.eval()
        with torch.no_grad():
            loop.model(batch()[0])
        loop.model.train()
        return loss

    loop.step = step
    return loop


def several_optimizers() -> Loop:
    """One for the body, one for the head; both step."""
    model = net()
    loop = Loop(model, sgd(model[0]), torch.optim.Adam(model[2].parameters(), 1e-2))

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        for optimizer in loop.optimizers:
            optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        for optimizer in loop.optimizers:
            optimizer.step()
        return loss

    loop.step = step
    return loop


def sharded() -> Loop:
    """FSDP2: the weights are DTensors, and each pass gets others that are put together."""
    model = net()
    mesh = init_device_mesh("cpu", (1,))
    fully_shard(model[0], mesh=mesh)
    fully_shard(model, mesh=mesh)
    return simple(model)


class Selective(Checkpointed):
    """Matrix products are kept, and what lies between them is computed again."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def keep(context: Any, op: Any, *arguments: Any, **named: Any) -> Any:
            products = (torch.ops.aten.mm.default, torch.ops.aten.addmm.default)
            return (
                CheckpointPolicy.MUST_SAVE if op in products else CheckpointPolicy.PREFER_RECOMPUTE
            )

        contexts = functools.partial(create_selective_checkpoint_contexts, keep)
        inner = nn.Sequential(self.inner, nn.Softmax(1))
        x = checkpoint(inner, self.first(x), use_reentrant=False, context_fn=contexts)
        return self.head(4 * x)


class Ragged(nn.Module):
    """Sets of several sizes in one nested tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.each, self.act, self.head = nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sets = [row.expand(1 + k % 3, 6) for k, row in enumerate(x)]
        nested = torch.nested.as_nested_tensor(sets, layout=torch.jagged)
        return self.head(torch.nested.to_padded_tensor(self.act(self.each(nested)), 0.0).sum(1))


class Curious(torch.optim.SGD):
    """Gives its closure an argument."""

    def step(self, closure: Any = None) -> Any:
        with torch.enable_grad():
            loss = closure(self)
        super().step()
        return loss


def curious() -> Loop:
    model = net()
    loop = Loop(model, Curious(model.parameters(), lr=0.1))

    def step(k: int) -> torch.Tensor:
        x, y = batch()

        def closure(optimizer: Any) -> torch.Tensor:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            return loss

        return loop.optimizers[0].step(closure)

    loop.step = step
    return loop


LOOPS: dict[str, Callable[[], Loop]] = {
    "gradient accumulation": accumulated,
    "autocast bfloat16": autocast(torch.bfloat16, False),
    "autocast float16 and a scaler": autocast(torch.float16, True),
    "clipping": clipped,
    "shared weights": lambda: simple(Shared()),
    "parameter groups": groups,
    "LBFGS": second_order,
    "several losses": two_losses,
    "SAM": sharpness_aware,
    "gradient penalty": gradient_penalty,
    "a ModuleDict": parts_without_the_model,
    "sparse parameters": sparse,
    "complex parameters": lambda: simple(Complex()),
    "DistributedDataParallel": lambda: simple(Spread()),
    "nn.Transformer": lambda: simple(Blocks()),
    "checkpoints": lambda: simple(Checkpointed()),
    "U-Net": lambda: simple(UNet()),
    "dictionaries": dictionary,
    "evaluation in the loop": with_evaluation,
    "a list of optimizers": several_optimizers,
    "FSDP2": sharded,
    "selective checkpoints": lambda: simple(Selective()),
    "nested tensors": lambda: simple(Ragged()),
    "a closure with an argument": curious,
}


@pytest.fixture(scope="module", autouse=True)
def one_process():
    """A process group of one, for the row that needs it."""
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def hooks_of(loop: Loop) -> int:
    on_modules = sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in loop.model.modules()
    )
    everywhere = len(of_all._global_optimizer_pre_hooks) + len(of_all._global_optimizer_post_hooks)
    return (
        on_modules
        + everywhere
        + sum(
            len(o._optimizer_step_pre_hooks) + len(o._optimizer_step_post_hooks)
            for o in loop.optimizers
        )
    )


def run(make: Callable[[], Loop], block: Any = None) -> tuple[Loop, list[float], Any]:
    torch.manual_seed(0)
    loop = make()
    before = hooks_of(loop)
    losses = []
    with block(loop.model, loop.given) if block else contextlib.nullcontext() as watched:
        for k in range(STEPS):
            loss = loop.step(k)
            losses.append(float(loss.detach()))
            if block is probe:
                watched.log(loss)
    assert hooks_of(loop) == before
    return loop, losses, watched


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_goes_on_as_before_and_is_counted(name: str) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Casting complex|find_unused|.*sparse.*")
        _, plain, _ = run(LOOPS[name])
        loop, probed, record = run(LOOPS[name], probe)
        _, watched, seen = run(LOOPS[name], watch)
    assert plain == probed == watched  # not one bit differs
    assert len(record) == record.facts.updates == STEPS
    assert seen.step == STEPS * len(loop.optimizers)
    assert seen.post_mortem is None
    assert record.layers
    assert (record.parameter_gradient_norm > 0).any(axis=0).mean() > 0.9
    assert diagnose(record).healthy, diagnose(record)
    assert len(pickle.loads(pickle.dumps(record))) == STEPS


def test_an_optimizer_that_steps_within_the_backward_pass() -> None:
    """One for each weight, which frees the gradient at once."""
    torch.manual_seed(0)
    model = net()
    of = {p: torch.optim.Adam([p], 3e-2) for p in model.parameters()}

    def use(parameter: torch.Tensor) -> None:
        of[parameter].step()
        of[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(use)
    with probe(model, list(of.values())) as record:
        for _ in range(60):
            x, y = batch()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            record.log(loss)
    assert loss.item() < 0.4
    assert diagnose(record).healthy, diagnose(record)


@pytest.mark.parametrize("block", [probe, watch])
def test_of_a_list_the_optimizers_of_other_models_are_left_out(block: Any) -> None:
    one, other = net(), net()
    with block(one, [sgd(other), sgd(one)]) as seen:
        functional.cross_entropy(one(batch()[0]), batch()[1]).backward()
    assert seen is not None
    with pytest.raises(GradcourseError, match="updates none of this model's"):
        block(one, [sgd(other), sgd(other)])


@pytest.mark.parametrize("block", [probe, watch])
def test_parameters_without_values_are_refused_aloud(block: Any) -> None:
    with pytest.raises(GradcourseError, match=f"then {block.__name__} it"):
        block(nn.Sequential(nn.LazyLinear(3)))
    with pytest.raises(GradcourseError, match=f"{block.__name__} it once they have values"):
        block(nn.Linear(3, 3, device="meta"))


def test_two_models_of_a_game_have_a_block_each() -> None:
    torch.manual_seed(0)
    g, d = (
        nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3)),
        nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)),
    )
    g_optimizer, d_optimizer = sgd(g), sgd(d)
    loss_of = functional.binary_cross_entropy_with_logits
    with (
        probe(g, g_optimizer) as of_g,
        probe(d, d_optimizer) as of_d,
        watch(g, g_optimizer) as g_seen,
        watch(d, d_optimizer) as d_seen,
    ):
        for _ in range(STEPS):
            false = g(torch.randn(16, 2))
            d_optimizer.zero_grad()
            real = loss_of(d(torch.randn(16, 3) + 1), torch.ones(16, 1))
            (real + loss_of(d(false.detach()), torch.zeros(16, 1))).backward()
            d_optimizer.step()
            g_optimizer.zero_grad()
            loss_of(d(false), torch.ones(16, 1)).backward()
            g_optimizer.step()
    assert len(of_g) == len(of_d) == g_seen.step == d_seen.step == STEPS
    assert {"0", "2"} <= {name.partition(" #")[0] for name in of_d.layers}


@pytest.mark.parametrize("block", [probe, watch])
@pytest.mark.parametrize("several", [list, tuple, lambda pair: dict(enumerate(pair))])
def test_several_models_in_one_block_are_refused_aloud(block: Any, several: Any) -> None:
    with pytest.raises(GradcourseError, match="got 2 models; it takes one"):
        block(several([net(), net()]))


def first_nan(model: nn.Module, optimizers: Any, step: Callable[[int], Any]) -> Any:
    """The post-mortem of a run that meets a NaN."""
    with watch(model, optimizers, stop=False) as watched:
        for k in range(STEPS):
            step(k)
            if watched.post_mortem is not None:
                break
    return watched.post_mortem


def test_a_nan_is_found_before_any_of_several_optimizers_steps() -> None:
    torch.manual_seed(0)
    loop = several_optimizers()

    def step(k: int) -> None:
        if k == 3:
            with torch.no_grad():
                loop.model[0].weight[0, 0] = float("inf")  # type: ignore[index]
        loop.step(k)

    found = first_nan(loop.model, loop.optimizers, step)
    assert found.step == 6  # two updates to each of three steps
    assert found.direction == "parameter"


EAGER = {"backend": "eager"}


def _compiled_part(model: nn.Module) -> nn.Module:
    model[0] = torch.compile(model[0], **EAGER)  # type: ignore[index,operator,call-overload]
    return model


def _compiled_method(model: nn.Module) -> nn.Module:
    model.compile(**EAGER)
    return model


@pytest.mark.parametrize("how", [_compiled_part, _compiled_method])
@pytest.mark.parametrize("has_run", [False, True])
@pytest.mark.filterwarnings("ignore:Dynamo does not know")
def test_what_is_compiled_is_refused_aloud_by_the_probe_and_watched(how: Any, has_run: Any) -> None:
    torch.compiler.reset()
    torch.manual_seed(0)
    model = how(net())
    optimizer = sgd(model)
    x, y = batch()
    if has_run:
        model(x)

    def step(bad: bool = False) -> None:
        optimizer.zero_grad()
        inputs = torch.full_like(x, float("nan")) if bad else x
        functional.cross_entropy(model(inputs), y).backward()
        optimizer.step()

    with warnings.catch_warnings(record=True) as said, probe(model, optimizer) as record:
        for _ in range(STEPS):
            step()
    assert any("The layers of a compiled model cannot be watched" in str(w.message) for w in said)
    assert record.layers == ()
    assert len(record) == STEPS
    assert (record.parameter_gradient_norm > 0).all()
    assert first_nan(model, optimizer, lambda k: step(bad=k == 3)).direction == "input"
