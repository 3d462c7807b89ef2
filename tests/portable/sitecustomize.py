"""Disturbs torch by one rounding error, as another machine would.

Python imports this file by itself in every process, a notebook's kernel too, when its folder
stands in PYTHONPATH. The environment says what is disturbed, and by which random numbers:

``GRADCOURSE_PERTURB=matmul:1``
    Each matrix product is multiplied by 1 + 10⁻⁷ N(0, 1), entry by entry: it stands for a machine
    that adds in another order, such as one that we do not have. In float64 the factor is as small
    as that type's rounding. oneDNN, which fuses the products of an LSTM, is switched off. NumPy's
    products are as ever.
``GRADCOURSE_PERTURB=start:1``
    Each weight is multiplied by 1 + 10⁻⁷ N(0, 1) when the first optimizer gets it, or before its
    first update where `gradcourse.train` descends without one; earlier, where it is copied
    (`weight.detach().clone()`): what is compared with its start shall not have moved.

The random numbers are drawn from a generator of its own, so that nothing else changes.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
import warnings

PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "mv", "addmv")
SHARE_OF_EPSILON = 1e-7 / 2**-23
"""What 10⁻⁷ is of float32's distance between 1 and the next number."""


def disturb_products(torch, seed):
    """Replace the CPU's matrix products by ones with a rounding error more."""
    generator = torch.Generator().manual_seed(seed)

    def disturbed(name):
        exact = getattr(torch.ops.aten, name).out

        def product(first, *others, **named):
            result = exact(first, *others, **named, out=first.new_empty(0))
            return _rounded_otherwise(torch, result, generator)

        return product

    # A library that goes out of scope takes its kernels with it.
    torch._gradcourse_products = library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a kernel is replaced
        for name in PRODUCTS:
            library.impl(name, disturbed(name), "CPU", allow_override=True)
    torch._C._set_mkldnn_enabled(False)


def disturb_starts(torch, seed):
    """Disturb each parameter when the first optimizer gets it, or somebody copies it."""
    generator = torch.Generator().manual_seed(seed)
    undisturbed = torch.optim.Optimizer.add_param_group

    def disturb_new(parameters):
        for parameter in parameters:
            if not getattr(parameter, "_gradcourse_disturbed", False):
                parameter._gradcourse_disturbed = True
                with torch.no_grad():
                    _rounded_otherwise(torch, parameter, generator)

    def add_param_group(self, group):
        undisturbed(self, group)
        disturb_new(self.param_groups[-1]["params"])

    torch.optim.Optimizer.add_param_group = add_param_group

    exact = {name: getattr(torch.Tensor, name) for name in ("detach", "clone", "__getitem__")}

    def behind(tensor):
        """The parameter whose numbers these are, all or some of them."""
        found = getattr(tensor, "_gradcourse_parameter", tensor)
        return found if isinstance(found, torch.nn.Parameter) else None

    def detach(self):
        found = exact["detach"](self)
        if (parameter := behind(self)) is not None:
            found._gradcourse_parameter = parameter
        return found

    def part(self, index):
        if (parameter := behind(self)) is not None:
            disturb_new([parameter])
        found = exact["__getitem__"](self, index)
        if parameter is not None:
            found._gradcourse_parameter = parameter
        return found

    def clone(self, **named):
        if (parameter := behind(self)) is not None:
            disturb_new([parameter])
        return exact["clone"](self, **named)

    torch.Tensor.detach, torch.Tensor.clone, torch.Tensor.__getitem__ = detach, clone, part

    def disturb_descent(loop):
        descend = loop._descend

        def descend_elsewhere(parameters, lr):
            disturb_new(parameters)
            descend(parameters, lr)

        loop._descend = descend_elsewhere

    sys.meta_path.insert(0, _After("gradcourse.training.loop", disturb_descent))


def _rounded_otherwise(torch, tensor, generator):
    """Multiply in place by 1 + 10⁻⁷ N(0, 1), in the proportion of its type."""
    if tensor.dtype not in (torch.float32, torch.float64) or tensor.device.type != "cpu":
        return tensor
    scale = SHARE_OF_EPSILON * torch.finfo(tensor.dtype).eps
    noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
    return tensor.mul_(noise.mul_(scale).add_(1.0))


class _After(importlib.abc.MetaPathFinder):
    """Lets a module be imported by the others, and disturbs it when it is there."""

    def __init__(self, name, disturb):
        self._name, self._disturb = name, disturb

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_disturb(module):
            load(module)
            self._disturb(module)

        spec.loader.exec_module = load_and_disturb
        return spec


def _asked_for():
    kind, _, seed = os.environ.get("GRADCOURSE_PERTURB", "").partition(":")
    kinds = {"matmul": disturb_products, "start": disturb_starts}
    if kind not in kinds or not seed.isdigit():
        raise SystemExit(
            f"GRADCOURSE_PERTURB={os.environ['GRADCOURSE_PERTURB']!r} is neither matmul:NUMBER "
            "nor start:NUMBER"
        )
    return lambda torch: kinds[kind](torch, int(seed))


if os.environ.get("GRADCOURSE_PERTURB"):
    sys.meta_path.insert(0, _After("torch", _asked_for()))
