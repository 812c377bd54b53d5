from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from torch import nn

from explorer.app.openings import OpeningCancelledError, Openings
from explorer.app.workspace import Workspace
from explorer.engine.graph import DependencyGraph
from explorer.models import OpenedModel
from explorer.models.tracing import trace_opened

SOURCE = "sample:vgg"


@pytest.fixture
def own() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.jobs.close()


class Held:
    """Tracing that begins, waits to be released and goes on."""

    def __init__(self) -> None:
        self.began, self.release, self.count = threading.Event(), threading.Event(), 0

    def trace(self, opened: OpenedModel, *, tell: Callable[[str], None]) -> DependencyGraph:
        self.count += 1
        self.began.set()
        assert self.release.wait(20)
        return trace_opened(opened, tell=tell)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    made = Held()
    monkeypatch.setattr("explorer.app.workspace.trace_opened", made.trace)
    return made


def test_an_opening_that_nobody_waits_for_stops_and_leaves_nothing(own: Workspace, held: Held) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(own.open, SOURCE, "page")
        assert held.began.wait(20)
        own.openings.cancel(SOURCE, "another page")
        own.openings.cancel("sample:resnet20", "page")
        own.openings.cancel(SOURCE, "page")
        held.release.set()
        with pytest.raises(OpeningCancelledError, match="Nobody waits for sample:vgg"):
            asked.result()
    assert own.openings.stage(SOURCE) == ""
    assert own._known(SOURCE) is None
    assert own.open(SOURCE, "page").source == SOURCE  # who asks again gets it


def test_an_opening_goes_on_for_those_who_still_wait(own: Workspace, held: Held) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(own.open, SOURCE, "one")
        assert held.began.wait(20)
        second = pool.submit(own.open, SOURCE, "two")
        while len(own.openings._waiting) < 2:
            threading.Event().wait(0.01)
        own.openings.cancel(SOURCE, "one")
        held.release.set()
        assert second.result() is first.result()  # the answer to the first is dropped by its page
    assert held.count == 1


def test_who_never_gives_up_is_waited_for() -> None:
    openings = Openings()
    with openings.waiting(SOURCE, "page"), openings.waiting(SOURCE, ""):
        openings.cancel(SOURCE, "page")
        openings.tell(SOURCE, "tracing")
        assert openings.stage(SOURCE) == "tracing"
        openings.tell(SOURCE, "")
    with pytest.raises(OpeningCancelledError):
        openings.tell(SOURCE, "tracing")


def test_a_long_run_ends_within_and_leaves_the_model_as_it_was(own: Workspace) -> None:
    stages: list[str] = []

    def tell(stage: str) -> None:
        stages.append(stage)
        if len(stages) == 4:
            raise OpeningCancelledError

    opened = OpenedModel("", "", nn.Sequential(*(nn.Linear(2, 2) for _ in range(9))), ())
    with pytest.raises(OpeningCancelledError):
        trace_opened(opened, (nn.Linear(1, 2).weight.detach().T,), tell=tell)
    assert stages == ["tracing"] * 4
    assert not any(module._forward_pre_hooks for module in opened.model.modules())
