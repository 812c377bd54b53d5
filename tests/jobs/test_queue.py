from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from explorer.engine.errors import ApplyError
from explorer.exploration import Exploration, start
from explorer.jobs import Job, JobCancelledError, JobQueue, Progress, Task, reason_to_stay
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from tests.jobs.farm import wait_until


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    made = JobQueue(tmp_path / "jobs")
    yield made
    made.close()


def wait(queue: JobQueue, owner: str, key: str) -> Job:
    """The job once it no longer waits or runs."""
    limit = time.monotonic() + 10
    while (job := queue.job(owner, key)).state in ("waiting", "running"):
        assert time.monotonic() < limit
        threading.Event().wait(0.01)
    return job


def returns(value: int) -> Callable[[], dict[str, int]]:
    return lambda: {"value": value}


def test_a_job_is_done_in_the_background(queue: JobQueue) -> None:
    assert queue.ask("me", "a", returns(1)).state in ("waiting", "running", "done")
    assert wait(queue, "me", "a").result == {"value": 1}


def test_the_same_question_is_answered_from_the_cache(queue: JobQueue) -> None:
    queue.ask("me", "a", returns(1))
    wait(queue, "me", "a")
    assert queue.ask("someone else", "a", returns(2)) == Job("a", "done", {"value": 1})


def test_of_one_owner_the_latest_wins(queue: JobQueue) -> None:
    began: list[str] = []
    for key in "abc":
        queue.ask("me", key, lambda key=key: began.append(key) or {})  # type: ignore[misc]
    wait(queue, "me", "c")
    assert began == ["c"]
    assert queue.job("me", "a").state == "gone"


def test_owners_do_not_displace_each_other(queue: JobQueue) -> None:
    queue.ask("me", "mine", returns(1))
    queue.ask("you", "yours", returns(2))
    assert wait(queue, "me", "mine").state == "done"
    assert wait(queue, "you", "yours").state == "done"


def test_a_job_of_another_owner_cannot_be_seen(queue: JobQueue) -> None:
    release = threading.Event()
    queue.ask("me", "a", lambda: {"waited": release.wait(10)})
    assert queue.job("you", "a").state == "gone"
    release.set()
    wait(queue, "me", "a")


def test_an_error_is_kept_and_told_in_words(queue: JobQueue) -> None:
    def fail() -> dict[str, object]:
        raise ApplyError("view(16, 4) cannot follow")

    queue.ask("me", "a", fail)
    assert wait(queue, "me", "a") == Job("a", "failed", error="view(16, 4) cannot follow")
    queue.ask("me", "a", returns(3))
    assert wait(queue, "me", "a").result == {"value": 3}


def test_a_surprise_goes_to_the_log_and_the_queue_lives_on(queue: JobQueue, caplog: pytest.LogCaptureFixture) -> None:
    queue.ask("me", "a", lambda: {"value": 1 // 0})
    assert "did not expect" in wait(queue, "me", "a").error
    assert "ZeroDivisionError" in caplog.text
    queue.ask("me", "b", returns(1))
    assert wait(queue, "me", "b").state == "done"


def test_its_owner_can_stop_a_job_which_stays_stopped_until_asked_for_again(queue: JobQueue) -> None:
    begun, progress = threading.Event(), Progress()

    def work() -> dict[str, Any]:
        begun.set()
        while True:
            progress.tell(0.5)
            time.sleep(0.005)

    queue.ask("me", "a", work, progress)
    assert begun.wait(10)
    queue.stop("someone else", "a")
    queue.stop("me", "b")
    assert queue.job("me", "a").state == "running"
    queue.stop("me", "a")
    assert queue.job("me", "a").state == "stopped"
    assert queue.job("someone else", "a").state == "gone"
    queue.ask("me", "a", returns(1))
    assert wait(queue, "me", "a").result == {"value": 1}


def test_what_waits_can_be_forgotten(queue: JobQueue) -> None:
    queue.ask("me", "a", returns(1))
    queue.forget("me")
    assert queue.job("me", "a").state in ("gone", "running", "done")


def test_results_are_private_to_their_owner_and_no_pickle(queue: JobQueue, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "jobs").stat().st_mode) == 0o700
    with pytest.raises(TypeError):
        queue._cache.set("x", object())
    assert stat.S_IMODE(JobQueue()._folder.stat().st_mode) == 0o700


class Away:
    """Workers that a test plays: a task ends when the test releases it, or nobody waits for it any more."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked: list[Task] = []
        self.left: list[Task] = []
        self.is_closed = False

    def run(self, task: Task, is_left: Callable[[], bool]) -> dict[str, Any]:
        self.asked.append(task)
        while not self.release.wait(0.01):
            if is_left():
                self.left.append(task)
                raise JobCancelledError
        return {"from": "far away"}

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def away() -> Away:
    return Away()


@pytest.fixture
def wide(away: Away, tmp_path: Path) -> Iterator[JobQueue]:
    made = JobQueue(tmp_path / "wide", elsewhere=away)
    yield made
    made.close()
    assert away.is_closed


@pytest.fixture(scope="module")
def exploration() -> Exploration:
    return start(trace_opened(open_model("sample:vgg")))


def test_tasks_of_named_models_go_to_workers_several_at_a_time_and_hold_nothing_up_here(
    wide: JobQueue, away: Away, exploration: Exploration
) -> None:
    for owner in ("me", "you"):
        wide.ask(owner, f"of {owner}", Task("measure", exploration))
    wide.ask("me too", "here", returns(1))
    assert wait(wide, "me too", "here").result == {"value": 1}
    assert {wide.job(owner, f"of {owner}").state for owner in ("me", "you")} <= {"waiting", "running"}
    away.release.set()
    assert [wait(wide, owner, f"of {owner}").result for owner in ("me", "you")] == [{"from": "far away"}] * 2


def test_an_owner_has_one_task_away_at_a_time_and_then_the_latest(
    wide: JobQueue, away: Away, exploration: Exploration
) -> None:
    wide.ask("me", "first", Task("measure", exploration))
    wait_until(lambda: wide.job("me", "first").state == "running")
    tasks = [Task("measure", exploration) for _ in range(2)]
    for key, task in zip(("second", "third"), tasks, strict=True):
        wide.ask("me", key, task)
    assert [wide.job("me", key).state for key in ("first", "second", "third")] == ["running", "gone", "waiting"]
    away.release.set()
    assert wait(wide, "me", "third").state == "done"
    assert away.asked[1:] == tasks[1:]


def test_a_model_that_only_this_process_knows_is_measured_here(
    wide: JobQueue, away: Away, exploration: Exploration
) -> None:
    own = replace(exploration, recipe=replace(exploration.recipe, source="session:abc"))
    wide.ask("me", "own", Task("measure", own))
    result = wait(wide, "me", "own").result
    assert result is not None
    assert result["is_proven"] is None
    assert away.asked == []
    assert wide.place("session:abc") == ("this server", f"not on a worker: {reason_to_stay('session:abc')}")
    assert wide.place("sample:vgg")[0] == "a worker"


def test_without_workers_nothing_is_said_of_the_place(queue: JobQueue) -> None:
    assert queue.place("sample:vgg") == queue.place("session:abc") == ("", "")


@pytest.mark.parametrize("closed", ["first", "second"])
def test_a_queue_that_closes_leaves_the_tasks_of_the_one_beside_it_alone(
    away: Away, exploration: Exploration, closed: str
) -> None:
    first = JobQueue(elsewhere=away)
    queues = {"first": first, "second": first.beside()}
    tasks = {name: Task("measure", exploration) for name in queues}
    for name, queue in queues.items():
        queue.ask("me", name, tasks[name])
    wait_until(lambda: len(away.asked) == 2)
    gone = queues.pop(closed)
    for _ in range(2):
        gone.close()  # again does nothing
    assert away.left == [tasks[closed]]
    assert not away.is_closed
    [(left, queue)] = queues.items()
    assert queue.job("me", left).state == "running"
    away.release.set()
    assert wait(queue, "me", left).result == {"from": "far away"}
    queue.close()
    assert away.left == [tasks[closed]]
    assert away.is_closed


def test_a_queue_that_stops_one_job_leaves_the_others_alone(away: Away, exploration: Exploration) -> None:
    first = JobQueue(elsewhere=away)
    second = first.beside()
    for queue, key in ((first, "a"), (second, "b")):
        queue.ask("me", key, Task("measure", exploration))
    wait_until(lambda: len(away.asked) == 2)
    second.stop("me", "b")
    assert (first.job("me", "a").state, second.job("me", "b").state) == ("running", "stopped")
    assert sorted(task.progress.is_cancelled for task in away.asked) == [False, True]
    away.release.set()
    assert wait(first, "me", "a").result == {"from": "far away"}
    second.close()
    first.close()
