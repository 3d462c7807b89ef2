"""How many calls are still running? One that raised or was interrupted never said that it ended.

Counting begins and ends goes wrong there: torch calls no hook after a KeyboardInterrupt, and an
optimizer's post-hook not after an exception. So the stack is looked at, but only where a call
seems to begin inside another one, which is rare.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn


def running_calls(model: nn.Module) -> int:
    """How many calls of this very module run, that whose hook asks included."""
    return _count(nn.Module._call_impl.__code__, model)


def running_steps(optimizer: Any) -> int:
    """How many calls of ``optimizer.step`` run: two where a class calls super().step()."""
    return _count(_STEP, optimizer)


def _count(code: CodeType, owner: Any) -> int:
    count = 0
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is code and frame.f_locals.get("self") is owner:
            count += 1
        frame = frame.f_back
    return count


# What torch wraps around the step of every class of optimizers, and what calls its hooks.
_STEP = torch.optim.Optimizer.profile_hook_step(lambda *_: None).__code__
