"""Runs jobs one after the other in a thread: of each owner only the latest that waits, and never the same one twice."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diskcache

from explorer.engine.errors import ExplorerError
from explorer.jobs.progress import JobCancelledError, Progress

log = logging.getLogger(__name__)

Result = dict[str, Any]
CACHE_BYTES = 64 * 2**20
CALM_SECONDS = 0.12
"""A job begins when its owner has asked for nothing newer for this long, so that dragging a slider starts none."""


@dataclass(frozen=True)
class Job:
    """How far a job is.

    Attributes:
        key: What was asked for.
        state: ``waiting``, ``running``, ``done``, ``failed`` or ``gone`` (nobody asked, or
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


@dataclass(frozen=True)
class _Request:
    key: str
    work: Callable[[], Result]
    asked: float
    progress: Progress


def private_folder() -> Path:
    """A folder for cached results that only its owner can enter.

    Returns:
        A new folder in the system's temporary folder, mode 0700.
    """
    folder = Path(tempfile.mkdtemp(prefix="explorer-jobs-"))
    os.chmod(folder, 0o700)  # noqa: PTH101 - mkdtemp does it on POSIX; this states it
    return folder


class JobQueue:
    """One worker thread and a cache on disk.

    Args:
        folder: Where results are kept as JSON; made private to its owner. A new temporary folder by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or private_folder()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        # JSON on disk: results are plain data, and nothing is ever unpickled
        self._cache = diskcache.Cache(str(self._folder), disk=diskcache.JSONDisk, size_limit=CACHE_BYTES)
        self._waiting: dict[str, _Request] = {}
        self._running: dict[str, _Request] = {}
        self._failed: dict[str, tuple[str, str]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def ask(self, owner: str, key: str, work: Callable[[], Result], progress: Progress | None = None) -> Job:
        """Asks for a job; an older one of the same owner that still waits is dropped.

        Args:
            owner: Who asks, such as one open page. Nobody else sees whether it runs.
            key: Names the result: the same key means the same result.
            work: Makes the result, as JSON data.
            progress: Where the work tells how far it is, and hears that it is cancelled.

        Returns:
            The job, already done where the result is known.
        """
        if (known := self._known(key)) is not None:
            with self._changed:
                self._waiting.pop(owner, None)
            return Job(key, "done", known)
        with self._changed:
            self._failed.pop(owner, None)
            if self._runs(owner) != key:
                self._waiting[owner] = _Request(key, work, time.monotonic(), progress or Progress())
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

    def close(self) -> None:
        """Stops after the job that runs now, which is cancelled."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            for request in self._running.values():
                request.progress.cancel()
            self._changed.notify_all()
        if self._thread:
            self._thread.join()
        self._cache.close()

    def _known(self, key: str) -> Result | None:
        found: Result | None = self._cache.get(key)
        return found

    def _runs(self, owner: str) -> str:
        running = self._running.get(owner)
        return running.key if running and not running.progress.is_cancelled else ""

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="explorer-jobs", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            owner, request = taken
            self._run(owner, request)

    def _take(self) -> tuple[str, _Request] | None:
        """The request that has waited longest, once its owner has been calm; None when the queue closes."""
        with self._changed:
            while not self._is_closed:
                now = time.monotonic()
                owner = min(self._waiting, key=lambda name: self._waiting[name].asked, default=None)
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
