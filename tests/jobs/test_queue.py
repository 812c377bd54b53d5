from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer.engine.errors import ApplyError
from explorer.jobs import Job, JobQueue


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


def test_what_waits_can_be_forgotten(queue: JobQueue) -> None:
    queue.ask("me", "a", returns(1))
    queue.forget("me")
    assert queue.job("me", "a").state in ("gone", "running", "done")


def test_results_are_private_to_their_owner_and_no_pickle(queue: JobQueue, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "jobs").stat().st_mode) == 0o700
    with pytest.raises(TypeError):
        queue._cache.set("x", object())
    assert stat.S_IMODE(JobQueue()._folder.stat().st_mode) == 0o700
