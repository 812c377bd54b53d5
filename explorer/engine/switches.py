"""Switches that belong to the whole process, shared by threads: off while one needs it, then as before."""

from __future__ import annotations

import contextlib
import gc
import math
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import torch

from explorer.engine.provenance import SQUARE_ROOT, square_root


class SharedSwitch:
    """A context manager that is entered once for all threads and left with the last of them."""

    def __init__(self, turn: Callable[[], AbstractContextManager[None]]) -> None:
        """Prepare.

        Args:
            turn: Makes the context that turns the switch, and turns it back at its end.
        """
        self._turn = turn
        self._lock = threading.Lock()
        self._users = 0
        self._turned: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._turned = self._turn()
                self._turned.__enter__()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._turned is not None:
                self._turned.__exit__(None, None, None)


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    # Flag by flag: `sdpa_kernel` must be left in the thread that entered it, and the last user may be another thread.
    before = [(turn, is_enabled()) for is_enabled, turn in _FUSED]
    for turn, _ in before:
        turn(False)
    try:
        yield
    finally:
        for turn, was_enabled in before:
            turn(was_enabled)


@contextlib.contextmanager
def _plain_recurrence() -> Iterator[None]:
    was_enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(was_enabled)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


_FUSED = (
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
    (torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp),
    (torch.backends.cuda.mem_efficient_sdp_enabled, torch.backends.cuda.enable_mem_efficient_sdp),
    (torch.backends.cuda.cudnn_sdp_enabled, torch.backends.cuda.enable_cudnn_sdp),
)
"""(whether it is on, turn it on or off) of each kernel that computes attention in one step; on the CPU too."""

PLAIN_ATTENTION = SharedSwitch(_plain_attention)
"""No fused attention and no fast path of `nn.MultiheadAttention`."""


@contextlib.contextmanager
def _traced_root() -> Iterator[None]:
    math.sqrt = square_root  # type: ignore[assignment]
    try:
        yield
    finally:
        math.sqrt = SQUARE_ROOT


@contextlib.contextmanager
def traced_roots(classes: Iterable[type]) -> Iterator[None]:
    """`math.sqrt` keeps the provenance of a size: ``1 / math.sqrt(head_dim)`` is a scale that follows it.

    Args:
        classes: Their modules are looked at too, for a root that was imported by its name: ``from math import sqrt``.
    """
    modules = {base.__module__ for kind in set(classes) for base in kind.__mro__}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ROOTS)
        for name in sorted(modules):
            if _holds_root(name):
                stack.enter_context(_IMPORTED_ROOTS.setdefault(name, SharedSwitch(partial(_traced_names, name))))
        yield


def _holds_root(module: str) -> bool:
    """Whether a module of the user has the square root among its names, whatever it stands for now."""
    is_own = module.partition(".")[0] in ("torch", "builtins", "explorer")
    held = () if is_own or module not in sys.modules else tuple(vars(sys.modules[module]).values())
    return any(value is SQUARE_ROOT or value is square_root for value in held)


@contextlib.contextmanager
def _traced_names(module: str) -> Iterator[None]:
    held = vars(sys.modules[module])
    names = [name for name, value in held.items() if value is SQUARE_ROOT]
    held.update(dict.fromkeys(names, square_root))
    try:
        yield
    finally:
        held.update(dict.fromkeys(names, SQUARE_ROOT))


PLAIN_RECURRENCE = SharedSwitch(_plain_recurrence)
"""No oneDNN kernels, which hide the steps of recurrent layers."""

_ROOTS = SharedSwitch(_traced_root)

_IMPORTED_ROOTS: dict[str, SharedSwitch] = {}
"""One for each module of a user that imported the root by its name."""

UNCOLLECTED = SharedSwitch(_uncollected)
"""No search for garbage: recording makes many small objects that all stay, and looking at them takes a third of it."""
