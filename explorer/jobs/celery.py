"""The Celery application: `celery -A explorer.jobs -b redis://HOST:PORT/DB worker` starts a worker of it.

A worker needs the same version of the explorer and of torch as whoever asks, and nothing else: it opens models and data
by name, and refuses what is no name. Messages are JSON. A message is acknowledged when its task is done, so that one
whose worker dies is delivered again; `Board.begin` keeps a second worker from a task that a first one is at.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from celery import Celery
from redis import RedisError

from explorer.engine.errors import ExplorerError
from explorer.jobs.broker import MOST_TRIES, PREFIX, Answer, Board
from explorer.jobs.progress import JobCancelledError, Progress
from explorer.jobs.tasks import Message, Task, is_fixed, message_key
from explorer.jobs.versions import check_versions

log = logging.getLogger(__name__)

QUEUE = "explorer"
RUN = "explorer.run"
BEAT_SECONDS = 0.5
PING_SECONDS = 1.0
VISIBILITY_SECONDS = 60
"""After which a message that nobody acknowledged is delivered again."""


def celery_app(broker: str = "redis://localhost:6379/0") -> Any:
    """A Celery application.

    Args:
        broker: Address of the Redis server; for a worker, `-b` and the variable ``CELERY_BROKER_URL`` come first.
    """
    made = Celery("explorer", broker=broker)
    made.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_default_queue=QUEUE,
        task_ignore_result=True,  # what comes out lies on the board
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # what one worker has taken and not begun, no other could begin
        worker_cancel_long_running_tasks_on_connection_loss=True,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "global_keyprefix": f"{PREFIX}celery:",
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_throttle": 1,
        },
    )
    return made


def send(application: Any, run: str, message: Message) -> None:
    """Puts a message in the queue of all workers.

    Args:
        application: From `celery_app`.
        run: Name of the run.
        message: The task, with the ``versions`` of the process that asks.
    """
    application.send_task(RUN, args=(run, message), task_id=run, retry=False)


def has_workers(application: Any) -> bool:
    """Whether a worker answers within a second. One that works in its only process does not."""
    return bool(application.control.ping(timeout=PING_SECONDS))


def work(board: Board, run: str, message: Message, worker: str) -> None:
    """Does what a message asks for, unless nobody waits for it or another worker is at it.

    Args:
        board: Where it is told how far it is and what came out.
        run: Name of the run.
        message: From `send`.
        worker: What this worker is called.
    """
    tries = board.begin(run)
    if not tries:
        return
    key = message_key(message)
    progress = Progress(_BoardShelf(board, key))
    if (known := board.known(key)) is not None:
        board.end(run, Answer(known))
    elif tries > MOST_TRIES:
        board.end(run, Answer(error=f"{MOST_TRIES} workers were lost over this task, perhaps for lack of memory."))
    else:
        with _telling(board, run, progress):
            answer = answer_to(message, progress, worker)
        is_whole = answer.result is not None and not answer.tensors and not progress.is_cancelled
        board.end(run, answer, key if is_whole and is_fixed(message) else "")
        if answer.result is not None:
            progress.end()


def answer_to(message: Message, progress: Progress, worker: str) -> Answer:
    """What comes out of a message, or what is wrong with it.

    Args:
        message: From `send`.
        progress: Where the task tells how far it is, and hears that it is cancelled.
        worker: What this worker is called.
    """
    try:
        check_versions(message["versions"], worker)
        result, tensors = Task.from_message(message, progress).work()
        return Answer(result, tensors=tensors)
    except JobCancelledError:
        return Answer()
    except ExplorerError as error:
        return Answer(error=str(error))
    except Exception:  # whatever a model does, whoever asks hears of it
        log.exception("A task failed")
        return Answer(error=f"Something went wrong that was not expected. The log of the worker {worker} says more.")


@dataclass(frozen=True)
class _BoardShelf:
    """Where all workers find the state of a training; work that cannot keep its state goes on all the same."""

    board: Board
    key: str

    def __str__(self) -> str:
        return f"state:{self.key}"

    def read(self) -> bytes | None:
        try:
            return self.board.state(self.key)
        except RedisError as error:
            log.warning("The broker does not answer, so a training begins anew: %s", error)
            return None

    def write(self, content: bytes) -> None:
        try:
            if not self.board.keep_state(self.key, content):
                log.info("The state of a training is too large for the broker (%d bytes)", len(content))
        except RedisError as error:
            log.warning("The broker does not keep the state of a training: %s", error)

    def clear(self) -> None:
        try:
            self.board.drop_state(self.key)
        except RedisError as error:
            log.warning("The broker does not answer: %s", error)


@contextmanager
def _telling(board: Board, run: str, progress: Progress) -> Iterator[None]:
    """Tells from a thread how far a run is while the work goes on, and tells the work when nobody waits any more."""
    is_over = threading.Event()

    def tell() -> None:
        while not is_over.wait(BEAT_SECONDS):
            try:
                if not board.live(run, {"fraction": progress.fraction, "partial": progress.partial}):
                    progress.cancel()
            except RedisError as error:
                log.warning("The broker does not answer: %s", error)

    thread = threading.Thread(target=tell, name="explorer-telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


app = celery_app()


def _run(task: Any, run: str, message: Message) -> None:
    board = Board(task.app.conf.broker_url)
    try:
        work(board, run, message, str(task.request.hostname))
    finally:
        board.close()


app.task(_run, name=RUN, bind=True)
