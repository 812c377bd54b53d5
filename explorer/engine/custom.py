"""Functions with a backward of their own: which of them runs, so that nobody replays what would lose that backward."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import CodeType

import torch


def custom_forwards() -> dict[CodeType, str]:
    """The code of the forward of every `torch.autograd.Function` that is not PyTorch's own, and the class's name."""
    found: dict[CodeType, str] = {}
    waiting: list[type] = [torch.autograd.Function]
    while waiting:
        function = waiting.pop()
        waiting += function.__subclasses__()
        forward = function.__dict__.get("forward")
        code = getattr(getattr(forward, "__func__", forward), "__code__", None)
        if code is not None and function.__module__.split(".")[0] != "torch":
            found[code] = function.__qualname__
    return found


def running(forwards: Mapping[CodeType, str]) -> str:
    """The name of the custom function that the caller runs in; empty where there is none.

    Args:
        forwards: What `custom_forwards` found.
    """
    frame = sys._getframe(1) if forwards else None
    while frame is not None:
        if frame.f_code in forwards:
            return forwards[frame.f_code]
        frame = frame.f_back
    return ""
