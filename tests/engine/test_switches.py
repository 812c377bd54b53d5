from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

from explorer.engine.switches import SharedSwitch
from explorer.engine.trace import plain_kernels


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
