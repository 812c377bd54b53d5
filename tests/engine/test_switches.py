from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from math import sqrt
from math import sqrt as root

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import TraceError
from explorer.engine.graph import trace
from explorer.engine.switches import SharedSwitch
from explorer.engine.trace import plain_kernels
from tests.engine.nets import proven


def fused_kernels() -> tuple[bool, ...]:
    fused = torch.backends.cuda
    attention = fused.flash_sdp_enabled(), fused.mem_efficient_sdp_enabled(), fused.cudnn_sdp_enabled()
    return torch.backends.mha.get_fastpath_enabled(), *attention


def test_the_switch_turns_back_with_the_last_thread() -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def turn() -> Iterator[None]:
        seen.append("off")
        yield
        seen.append("on")

    switch = SharedSwitch(turn)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with switch:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    with switch:
        thread.start()
        assert inside.wait(10)
    assert seen == ["off"]
    leave.set()
    thread.join(10)
    assert seen == ["off", "on"]


def test_threads_that_trace_at_once_leave_the_flags_as_they_were() -> None:
    before = fused_kernels()
    start = threading.Barrier(8)

    def work() -> None:
        start.wait(10)
        for _ in range(50):
            with plain_kernels():
                assert not torch.backends.mha.get_fastpath_enabled()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert fused_kernels() == before


def test_the_flags_are_turned_back_by_another_thread_than_the_one_that_turned_them() -> None:
    before = fused_kernels()
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with plain_kernels():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with plain_kernels():
        assert not any(fused_kernels())
        leave.set()
        thread.join(10)
        assert not any(fused_kernels())
    assert fused_kernels() == before


class Scaled(nn.Module):
    """Attention whose scale is a root that was imported by its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.heads, self.size = name, 2, 8
        self.qkv, self.out = nn.Linear(4, 3 * 16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
        scale = sqrt(self.size) if self.name == "sqrt" else root(self.size)
        return self.out(((q @ k.mT / scale).softmax(-1) @ v).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("name", ["sqrt", "root"])
def test_a_root_that_was_imported_by_its_name_follows_the_size(name: str) -> None:
    torch.manual_seed(0)
    graph = trace(Scaled(name).eval(), torch.randn(2, 5, 4))
    pruned = graph.plan({"qkv:head_dim": 0.5}).apply()
    assert {change.name: change.after for change in pruned.repairs} == {"size": 4}
    assert proven(pruned).error < 1e-6


def test_imported_roots_are_python_s_own_again_after_tracing() -> None:
    with pytest.raises(TraceError):
        trace(Scaled("sqrt"), torch.randn(2, 5, 3))
    assert sqrt is root is math.sqrt
    assert type(sqrt(4)) is float
