from __future__ import annotations

import json
import threading

import pytest
import torch
from torch import Tensor, nn

from explorer import trace
from explorer.engine import targets
from explorer.engine.errors import EvaluationError, PlanError
from explorer.engine.targets import MOST_TIMINGS
from explorer.exploration import Exploration, change, set_every_ratio, start
from explorer.jobs import JobCancelledError, JobQueue, Progress, find_latency, measure_latency
from explorer.jobs.latency import LEAST_RUNS, MOST_RUNS, NEAR_ENOUGH, batch_of, with_batch
from tests.jobs.stopwatch import timed_by_parameters


class Net(nn.Module):
    """Two layers that a batch of any size runs through."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x)))


@pytest.fixture
def exploration() -> Exploration:
    torch.manual_seed(0)
    return start(trace(Net(), torch.randn(2, 6)))


def ignore(_fraction: float) -> None:
    pass


def test_original_and_pruned_are_timed_on_the_batch_that_was_asked_for(exploration: Exploration) -> None:
    seen: list[int] = []
    told: list[float] = []
    hook = exploration.graph.model.register_forward_hook(lambda _model, inputs, _output: seen.append(len(inputs[0])))
    found = measure_latency(set_every_ratio(exploration, 0.5), 5, told.append)
    hook.remove()
    assert found.batch == 5
    assert LEAST_RUNS <= found.runs <= MOST_RUNS
    assert seen.count(5) >= found.runs
    assert min(found.before, found.after) > 0
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_as_traced_says_how_many_samples_that_is(exploration: Exploration) -> None:
    found = measure_latency(exploration, 0, ignore)
    assert found.batch == 2
    assert found.before == found.after  # nothing is pruned: one model is timed


def test_samples_are_taken_over_and_over() -> None:
    two = torch.tensor([[1.0], [2.0]])
    assert with_batch(two, 3).flatten().tolist() == [1, 2, 1]  # type: ignore[union-attr]
    assert with_batch((two, two), 1)[1].tolist() == [[1]]  # type: ignore[index]
    assert with_batch({"x": two}, 4)["x"].shape == (4, 1)  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("inputs", "size"),
    [(torch.ones(3, 2), 3), ((torch.ones(3), torch.ones(2)), 0), ({"x": torch.ones(4)}, 4), (([torch.ones(3)],), 0)],
)
def test_a_batch_is_what_all_tensors_share(inputs: object, size: int) -> None:
    assert batch_of(inputs) == size  # type: ignore[arg-type]


def test_what_cannot_be_batched_says_so() -> None:
    with pytest.raises(EvaluationError, match="share a first dimension"):
        with_batch(([torch.ones(3)],), 8)
    with pytest.raises(EvaluationError, match="1 to 1024 samples, not 5000"):
        with_batch(torch.ones(3, 2), 5000)


def test_a_model_that_fails_on_the_batch_says_what_to_do() -> None:
    class Fixed(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.view(2, 6))

    graph = trace(Fixed(), torch.randn(2, 6))
    with pytest.raises(EvaluationError, match=r"batch of 8: .* “as traced”"):
        measure_latency(start(graph), 8, ignore)


def test_a_timing_that_is_cancelled_stops(exploration: Exploration) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(JobCancelledError):
        measure_latency(exploration, 1, progress.tell)


def test_a_running_job_tells_how_far_it_is_and_can_be_cancelled() -> None:
    queue, progress = JobQueue(), Progress()
    began, goes_on = threading.Event(), threading.Event()

    def work() -> dict[str, int]:
        progress.tell(0.4)
        began.set()
        assert goes_on.wait(10)
        progress.tell(0.8)
        return {"value": 1}

    queue.ask("me", "a", work, progress)
    assert began.wait(10)
    assert (queue.job("me", "a").state, queue.job("me", "a").fraction) == ("running", 0.4)
    queue.cancel("me")
    goes_on.set()
    queue.close()
    assert progress.fraction == 0.4


def test_a_cancelled_job_is_gone_and_not_failed() -> None:
    queue, progress, began = JobQueue(), Progress(), threading.Event()

    def work() -> dict[str, int]:
        began.set()
        while True:
            progress.tell(0.5)

    queue.ask("me", "a", work, progress)
    assert began.wait(10)
    queue.cancel("me")
    queue.ask("me", "b", lambda: {"value": 2})
    for _ in range(1000):
        if queue.job("me", "b").state == "done":
            break
        threading.Event().wait(0.01)
    assert queue.job("me", "b").result == {"value": 2}
    assert queue.job("me", "a").state == "gone"
    queue.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that do not depend on the machine."""
    monkeypatch.setattr(targets, "time_against", timed_by_parameters)


@pytest.mark.usefixtures("clock")
def test_ratios_are_found_by_timing_and_all_that_was_timed_is_told() -> None:
    fresh, progress = (
        start(trace(nn.Sequential(nn.Linear(4, 60), nn.ReLU(), nn.Linear(60, 4)), torch.randn(1, 4))),
        Progress(),
    )
    found = find_latency(fresh, 0.4, "local", progress)
    (chosen,) = [timing for timing in found["timings"] if timing["is_chosen"]]
    assert chosen["seconds"] == pytest.approx(0.4, rel=NEAR_ENOUGH)
    assert found["ratios"]["0"] == pytest.approx(chosen["removed"], abs=0.001)
    assert progress.fraction == (len(found["timings"]) - 1) / MOST_TIMINGS
    assert json.loads(json.dumps(found)) == found
    after = change(fresh, {"kind": "found", "ratios": found["ratios"]}).plan()
    sizes = [sum(each.numel() for each in model.parameters()) for model in (after.apply().model, fresh.graph.model)]
    assert sizes[0] / sizes[1] == chosen["seconds"]


@pytest.mark.usefixtures("clock")
def test_a_search_for_a_latency_that_is_cancelled_stops(exploration: Exploration) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(JobCancelledError):
        find_latency(exploration, 0.5, "local", progress)


@pytest.mark.usefixtures("clock")
def test_a_latency_out_of_reach_says_what_was_measured(exploration: Exploration) -> None:
    with pytest.raises(PlanError, match=r"out of reach.*Measured: "):
        find_latency(exploration, 0.01, "local", Progress())
    with pytest.raises(PlanError, match="got None"):
        find_latency(exploration, None, "local", Progress())  # type: ignore[arg-type]
