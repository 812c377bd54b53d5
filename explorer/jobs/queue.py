"""Runs jobs in a thread, or on workers: of each owner only the latest that waits, and never the same one twice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import diskcache

from explorer.engine.errors import ExplorerError
from explorer.jobs.folders import private_folder
from explorer.jobs.progress import JobCancelledError, Progress
from explorer.jobs.tasks import Result, Task, reason_to_stay

log = logging.getLogger(__name__)

CACHE_BYTES = 64 * 2**20
CALM_SECONDS = 0.12
"""A job begins when its owner has asked for nothing newer for this long, so that dragging a slider starts none."""
AWAY_AT_ONCE = 16
"""How many jobs can be with workers at the same time; one is done here."""


@dataclass(frozen=True)
class Job:
    """How far a job is.

    Attributes:
        key: What was asked for.
        state: ``waiting``, ``running``, ``done``, ``failed``, ``stopped`` (by its owner) or ``gone`` (nobody asked, or
            something newer replaced it).
        result: What came out, for a job that is done.
        error: What went wrong, in words, for one that failed.
        fraction: How much of a running job is done, 0-1, where it tells.
        partial: What a running job has so far, where it shows that.
    """

    key: str
    state: str
    result: Result | None = None
    error: str = ""
    fraction: float = 0.0
    partial: Mapping[str, Any] | None = None

    @property
    def is_pending(self) -> bool:
        """Whether there is something to wait for."""
        return self.state in ("waiting", "running")


class Elsewhere(Protocol):
    """Where tasks can be done besides this process, as `explorer.jobs.workers.Workers` is."""

    def run(self, task: Task, is_left: Callable[[], bool]) -> Result:
        """The result of a task, once it is there; raises what calling the task would raise.

        Args:
            task: What to do.
            is_left: Whether nobody waits any more, not even for what there is so far; then `JobCancelledError` is
                raised soon.
        """

    def close(self) -> None:
        """Ends what it holds on to."""


@dataclass(frozen=True)
class _Request:
    key: str
    work: Callable[[], Result]
    asked: float
    progress: Progress
    is_away: bool = False


class JobQueue:
    """One thread that works, others that wait for workers where there are any, and a cache on disk.

    Args:
        folder: Where results are kept as JSON; made private to its owner. One that goes with it by default.
        elsewhere: Where tasks are done that can leave this process; none do by default.
    """

    def __init__(self, folder: Path | None = None, elsewhere: Elsewhere | None = None) -> None:
        self._elsewhere, self._sharing = elsewhere, [self]
        self._folder = folder or private_folder(self)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        # JSON on disk: results are plain data, and nothing is ever unpickled
        self._cache = diskcache.Cache(str(self._folder), disk=diskcache.JSONDisk, size_limit=CACHE_BYTES)
        self._waiting: dict[str, _Request] = {}
        self._running: dict[str, _Request] = {}
        self._failed: dict[str, tuple[str, str]] = {}
        self._stopped: dict[str, str] = {}
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def ask(self, owner: str, key: str, work: Callable[[], Result], progress: Progress | None = None) -> Job:
        """Asks for a job; an older one of the same owner that still waits is dropped.

        Args:
            owner: Who asks, such as one open page. Nobody else sees whether it runs.
            key: Names the result: the same key means the same result.
            work: Makes the result, as JSON data. A `Task` is done by a worker where there are any and one can.
            progress: Where the work tells how far it is, and hears that it is cancelled; that of a `Task` is its own.

        Returns:
            The job, already done where the result is known.
        """
        if (known := self._known(key)) is not None:
            with self._changed:
                self._waiting.pop(owner, None)
            return Job(key, "done", known)
        with self._changed:
            self._failed.pop(owner, None)
            self._stopped.pop(owner, None)
            if self._runs(owner) != key:
                self._waiting[owner] = self._request(key, work, progress or Progress())
                self._start()
                self._changed.notify_all()
        return self.job(owner, key)

    def job(self, owner: str, key: str) -> Job:
        """How far the job `key` of `owner` is."""
        if (known := self._known(key)) is not None:
            return Job(key, "done", known)
        with self._changed:
            failed_key, error = self._failed.get(owner, ("", ""))
            waiting = self._waiting.get(owner)
            if failed_key == key:
                return Job(key, "failed", error=error)
            if self._stopped.get(owner) == key:
                return Job(key, "stopped")
            if waiting and waiting.key == key:
                return Job(key, "waiting")
            running = self._running.get(owner)
            if running and running.key == key:
                progress = running.progress
                return Job(key, "running", fraction=progress.fraction, partial=progress.partial)
            return Job(key, "gone")

    def forget(self, owner: str) -> None:
        """Drops what `owner` waits for."""
        with self._changed:
            self._waiting.pop(owner, None)
            self._failed.pop(owner, None)

    def cancel(self, owner: str) -> None:
        """Drops what `owner` waits for, and stops what runs for it the next time that it tells how far it is."""
        self.forget(owner)
        with self._changed:
            if running := self._running.get(owner):
                running.progress.cancel()

    def stop(self, owner: str, key: str) -> None:
        """Cancels a job, and knows it as stopped until its owner asks for something."""
        with self._changed:
            requests = [held[owner] for held in (self._waiting, self._running) if owner in held]
        if key in [request.key for request in requests]:
            self.cancel(owner)
            self._stopped[owner] = key

    def close(self) -> None:
        """Stops after the job that runs here now, which is cancelled; what workers do is not waited for.

        Closing again does nothing.
        """
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            for request in self._running.values():
                request.progress.cancel()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._cache.close()
        if self in self._sharing:  # closing again does nothing
            self._sharing.remove(self)
            if self._elsewhere and not self._sharing:
                self._elsewhere.close()

    def beside(self) -> JobQueue:
        """Another queue, whose tasks go to the same workers, for work that takes long; the last to close ends them."""
        made = JobQueue(elsewhere=self._elsewhere)
        made._sharing = self._sharing
        made._sharing.append(made)
        return made

    def place(self, source: str) -> tuple[str, str]:
        """Where the jobs of a model are done, and why there, in words; empty ones where there is only this process.

        Args:
            source: What names the model.
        """
        if self._elsewhere is None:
            return "", ""
        reason = reason_to_stay(source)
        if reason:
            return "this server", f"not on a worker: {reason}"
        return "a worker", "workers do what they can open by name"

    def _request(self, key: str, work: Callable[[], Result], progress: Progress) -> _Request:
        asked = time.monotonic()
        if not isinstance(work, Task):
            return _Request(key, work, asked, progress)
        elsewhere = self._elsewhere
        if elsewhere is None or reason_to_stay(work.exploration.recipe.source, work.data):
            return _Request(key, work, asked, work.progress)
        return _Request(key, partial(elsewhere.run, work, lambda: self._is_closed), asked, work.progress, is_away=True)

    def _known(self, key: str) -> Result | None:
        found: Result | None = self._cache.get(key)
        return found

    def _runs(self, owner: str) -> str:
        running = self._running.get(owner)
        return running.key if running and not running.progress.is_cancelled else ""

    def _start(self) -> None:
        if self._threads:
            return
        for number in range(1 + (AWAY_AT_ONCE if self._elsewhere else 0)):
            thread = threading.Thread(
                target=self._work, args=(number > 0,), name=f"explorer-jobs-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _work(self, is_away: bool) -> None:
        while (taken := self._take(is_away)) is not None:
            self._run(*taken)

    def _take(self, is_away: bool) -> tuple[str, _Request] | None:
        """The request that has waited longest, once its owner has been calm; None when the queue closes.

        Args:
            is_away: Whether one that a worker is to do, or one that this process does.
        """
        with self._changed:
            while not self._is_closed:
                now = time.monotonic()
                # one at a time for each owner
                mine = [name for name, each in self._waiting.items() if each.is_away == is_away]
                owner = min(set(mine) - self._running.keys(), key=lambda name: self._waiting[name].asked, default=None)
                if owner is None:
                    self._changed.wait()
                elif (left := self._waiting[owner].asked + CALM_SECONDS - now) > 0:
                    self._changed.wait(left)
                else:
                    request = self._waiting.pop(owner)
                    self._running[owner] = request
                    return owner, request
            return None

    def _run(self, owner: str, request: _Request) -> None:
        error = ""
        try:
            self._cache.set(request.key, request.work())
        except JobCancelledError:
            pass  # nobody waits for it any more
        except ExplorerError as problem:
            error = str(problem)
        except Exception:  # whatever a model does, the page hears of it and the thread lives on
            log.exception("The job %s failed", request.key)
            error = "Something went wrong that the explorer did not expect. The log of the server has the details."
        with self._changed:
            self._running.pop(owner, None)
            if error:
                self._failed[owner] = (request.key, error)
            self._changed.notify_all()  # what its owner has asked for since may begin
