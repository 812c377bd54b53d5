"""Workers behind a broker, as who asks sees them: tasks are sent, followed, and sent again when a worker is lost."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from explorer.engine.errors import ExplorerError
from explorer.exploration import Exploration
from explorer.jobs.broker import Answer, Board
from explorer.jobs.celery import celery_app, has_workers, send
from explorer.jobs.connecting import BrokerError, shown_url
from explorer.jobs.gradients import SAMPLES
from explorer.jobs.progress import JobCancelledError
from explorer.jobs.sensitivities import ranking_alone
from explorer.jobs.tasks import SPREAD, Message, Result, Task, message_key
from explorer.jobs.versions import versions
from explorer.training import Dataset, Point
from explorer.training.sensitivity import Measure

IsLeft = Callable[[], bool]

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 10
"""How long nobody may take a task before it is asked whether there is a worker at all."""


class WorkerError(ExplorerError):
    """A task failed on a worker; the message is the worker's."""


@dataclass
class _Run:
    """One request for a task.

    Attributes:
        task: What was asked for.
        message: The task as data.
        sent: When it was sent, or some worker was known to be there after that, on the monotonic clock.
        is_alive: Whether a worker is at it.
    """

    task: Task
    message: Message
    sent: float = 0.0
    is_alive: bool = False

    @property
    def is_cancelled(self) -> bool:
        return self.task.progress.is_cancelled


class Workers:
    """The workers that a broker reaches.

    Args:
        url: Its address, from `broker_url`.

    Raises:
        BrokerError: Nothing answers there.
    """

    def __init__(self, url: str) -> None:
        self._shown = shown_url(url)
        self._board = Board(url)
        self._board.check()
        self._app = celery_app(url)

    def close(self) -> None:
        """Ends the connections."""
        self._app.close()
        self._board.close()

    def run(self, task: Task, is_left: IsLeft = lambda: False) -> Result:
        """What comes out of a task that workers can do (`reason_to_stay` is empty), or can do a part of.

        Args:
            task: What to do.
            is_left: Asked again and again whether nobody waits any more, not even for what there is so far; workers
                then hear of it and stop.

        Raises:
            WorkerError: It failed there.
            BrokerError: The broker stopped answering, or no worker is there.
            JobCancelledError: It was cancelled, or nobody waits.
        """
        if spread := SPREAD.get(task.name):
            measure = self.curves(
                task.exploration, task.data, samples=SAMPLES, is_left=lambda: is_left() or task.progress.is_cancelled
            )
            return task.kept(*spread(task.exploration, task.data, task.progress, measure=measure, **task.options))
        return next(result for _, result in self.run_each([task], is_left))

    def run_each(self, tasks: Iterable[Task], is_left: IsLeft = lambda: False) -> Iterator[tuple[Task, Result]]:
        """What workers make of tasks, each as soon as it is known; those that nobody takes any more are withdrawn.

        A task whose worker falls silent is sent again. What came out of the same message within a day is known.

        Args:
            tasks: What to do.
            is_left: As for `run`.

        Raises:
            WorkerError: One failed there.
            BrokerError: The broker stopped answering, or no worker is there.
            JobCancelledError: One was cancelled, or nobody waits.
        """
        runs = dict[str, _Run]()
        for task in tasks:
            message = task.to_message() | {"versions": versions()}
            if (known := self._board.known(message_key(message))) is not None:
                yield task, known
            else:
                runs[secrets.token_urlsafe(16)] = _Run(task, message)
        try:
            self._send(runs)
            while runs:
                if is_left():
                    raise JobCancelledError
                self._want(runs)
                if ended := self._board.wait(list(runs), LOOK_SECONDS):
                    name, answer = ended
                    self._board.leave([name])
                    task = runs.pop(name).task
                    yield task, task.kept(_result(answer), answer.tensors)
                self._follow(runs)
        finally:
            self._board.leave(list(runs))

    def curves(
        self, exploration: Exploration, data: Dataset | None, *, samples: int, is_left: IsLeft = lambda: False
    ) -> Measure:
        """What measures a sweep of sensitivity on workers, one group a task.

        Args:
            exploration: The model, and the criterion and reduction that rank its channels.
            data: What it is measured on.
            samples: Most samples for gradients.
            is_left: As for `run`.
        """
        bare = ranking_alone(exploration)  # whatever else the recipe says would hide that a piece is known

        def measure(pairs: Sequence[tuple[str, float]]) -> Iterator[Point]:
            ratios = defaultdict[str, list[float]](list)
            for group, ratio in pairs:
                ratios[group].append(ratio)
            options = [{"group": group, "ratios": ratios[group], "samples": samples} for group in ratios]
            for _, result in self.run_each((Task("curve", bare, data, each) for each in options), is_left):
                yield from (Point(**point) for point in result["points"])

        return measure

    def _send(self, runs: Mapping[str, _Run]) -> None:
        self._want(runs)
        for name, run in runs.items():
            send(self._app, name, run.message)
            run.sent = time.monotonic()

    def _want(self, runs: Mapping[str, _Run]) -> None:
        """Says which runs are waited for; of those that are cancelled, that nobody does."""
        self._board.want([name for name, run in runs.items() if not run.is_cancelled])
        self._board.leave([name for name, run in runs.items() if run.is_cancelled])

    def _follow(self, runs: Mapping[str, _Run]) -> None:
        """Notes how far each run is, and sends those again whose worker is lost."""
        for (name, run), state in zip(runs.items(), self._board.lives(list(runs)), strict=True):
            was_alive, run.is_alive = run.is_alive, state is not None
            if state:
                run.task.progress.fraction, run.task.progress.partial = state["fraction"], state["partial"]
            elif state is None and run.is_cancelled:
                raise JobCancelledError  # it had not begun, or its worker is lost
            elif state is None and was_alive:
                self._send({name: run})
        if not any(run.is_alive for run in runs.values()):
            self._check_workers(runs)

    def _check_workers(self, runs: Mapping[str, _Run]) -> None:
        """Nothing, where some worker may take the runs that have waited long."""
        now = time.monotonic()
        if all(now < run.sent + PATIENCE_SECONDS for run in runs.values()):
            return
        if not self._board.has_workers() and not has_workers(self._app):
            raise BrokerError(
                f"There are no workers at {self._shown}. Start one: celery -A explorer.jobs -b BROKER worker; or leave "
                "--broker away to work on this machine alone."
            )
        for run in runs.values():
            run.sent = now


def _result(answer: Answer) -> Result:
    if answer.error:
        raise WorkerError(answer.error)
    if answer.result is None:
        raise JobCancelledError
    return answer.result
