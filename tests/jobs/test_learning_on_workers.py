"""Recovering and sparse training by real workers behind a real Redis server: as here, stopped, and taken up again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import redis
import torch

from explorer.exploration import Exploration, set_every_ratio, start
from explorer.jobs import Job, JobQueue, Task, connect
from explorer.jobs import broker as broker_module
from explorer.jobs.broker import Board
from explorer.jobs.tensors import unpacked
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from explorer.training import Dataset, open_data
from tests.jobs.farm import Farm, farm, kill, wait_until
from tests.training.blobs import is_same

LONG = 120.0  # seconds
EPOCHS = 60  # a worker tells how far it is twice a second, and it is to be seen and killed on its way
KINDS: dict[str, dict[str, Any]] = {
    "recover": {"learning_rate": 0.003},
    "sparse": {"learning_rate": 0.003, "strength": 0.005, "regulariser": "group"},
}


@pytest.fixture(autouse=True)
def _as_many_threads_as_a_worker(_same_start: None) -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with farm(tmp_path_factory.mktemp("farm"), ("one", "two", "three")) as made:  # two are killed
        yield made


@pytest.fixture
def queue(broker: Farm) -> Iterator[JobQueue]:
    with closing(JobQueue(elsewhere=connect(broker.url))) as made:
        yield made


@pytest.fixture(scope="module")
def exploration() -> Exploration:
    return set_every_ratio(start(trace_opened(open_model("sample:gat"))), 0.4)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return open_data("digits-graph")


def states(broker: Farm) -> list[str]:
    """Keys of the states of trainings that the broker holds."""
    with closing(redis.Redis.from_url(broker.url, decode_responses=True)) as client:
        assert sorted(client.zrange("explorer:states", 0, -1)) == sorted(
            name.rpartition(":")[2] for name in client.scan_iter("explorer:state:*")
        )
        return list(client.scan_iter("explorer:state:*"))


def without_times(result: Mapping[str, Any]) -> dict[str, Any]:
    plain = json.loads(json.dumps(result))
    return {**plain, "history": [epoch | {"seconds": 0} for epoch in plain["history"]]}


def shown(queue: JobQueue, key: str, epochs: int) -> Job:
    """A job that runs, once it shows so many finished epochs."""
    looked: list[Job] = []

    def is_so() -> bool:
        looked.append(queue.job("me", key))
        assert looked[-1].is_pending, "it has ended"
        return len((looked[-1].partial or {}).get("history", [])) >= epochs

    wait_until(is_so, LONG)
    return looked[-1]


def at_work(made: Farm) -> subprocess.Popen[bytes]:
    """The one worker that has begun a task and not ended it."""
    logs = {
        name: (made.folder / f"{name}.log").read_text() for name in made.workers if made.workers[name].poll() is None
    }
    [busy] = [name for name, log in logs.items() if log.count(" received") > log.count(" succeeded")]
    return made.workers[busy]


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_on_a_worker_shows_its_curve_and_gives_what_it_gives_here(
    broker: Farm, queue: JobQueue, exploration: Exploration, data: Dataset, kind: str
) -> None:
    kept: list[bytes] = []
    asked = Task(kind, exploration, data, {"epochs": EPOCHS, **KINDS[kind]}, keep=kept.append)
    done = broker.logs().count("succeeded")
    queue.ask("me", kind, asked)
    seen = shown(queue, kind, 1)
    assert seen.partial is not None
    finished = len(seen.partial["history"])
    assert EPOCHS * seen.fraction == pytest.approx(finished + 0.5, abs=0.5)
    assert len(seen.partial["losses"]) > 1
    wait_until(lambda: queue.job("me", kind).state == "done", LONG)
    result = queue.job("me", kind).result
    wait_until(lambda: broker.logs().count("succeeded") == done + 1)
    assert result is not None
    assert len(seen.partial.get("histograms", [])) == (finished + 1 if kind == "sparse" else 0)
    here = replace(asked, keep=kept.append)()
    assert without_times(result) == without_times(here)
    assert is_same(*map(unpacked, kept))
    assert states(broker) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_on_a_worker_is_stopped_and_keeps_what_it_has(
    broker: Farm, queue: JobQueue, exploration: Exploration, data: Dataset, kind: str
) -> None:
    kept: list[bytes] = []
    asked = Task(kind, exploration, data, {"epochs": 50, **KINDS[kind]}, keep=kept.append)
    queue.ask("me", kind, asked)
    shown(queue, kind, 1)
    queue.cancel("me")
    wait_until(lambda: queue.job("me", kind).state == "done", LONG)
    result = queue.job("me", kind).result
    assert result is not None
    assert result["stopped"] == "cancelled"
    assert 1 <= result["epochs"] < 50
    assert len(kept) == 1
    assert len(states(broker)) == 1  # the same training would go on
    with closing(Board(broker.url)) as board:
        board.drop_state(states(broker)[0].rpartition(":")[2])
    assert states(broker) == []


def test_states_of_trainings_make_room_for_each_other(broker: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "STATES_BYTES", 250)
    with closing(Board(broker.url)) as board:
        assert not board.keep_state("large", 300 * b"x")
        for key in ("first", "second", "third"):
            assert board.keep_state(key, 100 * key[:1].encode())
        assert [board.state(key) for key in ("large", "first", "second")] == [None, None, 100 * b"s"]
        for key in ("second", "third"):
            board.drop_state(key)
    assert states(broker) == []


@pytest.mark.parametrize("kind", KINDS)
def test_another_worker_goes_on_from_the_last_epoch_of_one_that_was_killed(
    broker: Farm, queue: JobQueue, exploration: Exploration, data: Dataset, kind: str
) -> None:
    asked = Task(kind, exploration, data, {"epochs": EPOCHS, **KINDS[kind]})
    queue.ask("me", kind, asked)
    seen = shown(queue, kind, 2)
    kill(at_work(broker))
    wait_until(lambda: queue.job("me", kind).state == "done", LONG)
    result = queue.job("me", kind).result
    assert states(broker) == []
    assert result is not None
    assert seen.partial is not None
    before = seen.partial["history"]
    assert result["history"][: len(before)] == before  # to the seconds that they took: they were not trained again
    assert without_times(result) == without_times(asked())
