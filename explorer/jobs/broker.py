"""What Redis holds of jobs on workers besides their messages: who still wants one, how far it is, what came out.

Everything is JSON or safetensors and everything expires, so nothing is ever unpickled and nobody has to clean up. A
*run* is one request for a job under a random name that only the asking and the working process know.

    wanted:RUN    there while somebody waits for the run; when it goes, the worker stops
    life:RUN      how far the run is; there while its worker lives, and keeps a second one from starting it
    tries:RUN     how many workers have begun it
    answer:RUN    what came out of it, or what went wrong, in words
    tensors:RUN   tensors that came out of it, as the bytes of a safetensors file
    result:KEY    what came out of the same message before, whoever asked, where that is no tensor
    state:KEY     how far a training of the same message is after its last epoch, as `explorer.training` writes it
    states        the keys of those, by the time at which they were written
    workers       there while some worker works
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from explorer.jobs.connecting import BrokerError, shown_url

PREFIX = "explorer:"
WANTED_SECONDS = 15
LIFE_SECONDS = 5
ANSWER_SECONDS = 600
RESULT_SECONDS = 24 * 3600
CONNECT_SECONDS = 5
MOST_TRIES = 3
STATES_BYTES = 256 * 2**20
"""Of the states of all trainings together; one that is larger is not kept, and begins anew when its worker is lost."""

Data = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """How a run ended.

    Attributes:
        result: JSON data; None where it failed or was stopped before anything came out.
        error: What went wrong, in words.
        tensors: The bytes of a safetensors file; empty where there are none.
    """

    result: Data | None = None
    error: str = ""
    tensors: bytes = b""


class Board:
    """What is pinned up for whoever asks and whoever works.

    Args:
        url: From `broker_url`.
    """

    def __init__(self, url: str) -> None:
        self._shown = shown_url(url)
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, health_check_interval=30)

    def check(self) -> None:
        """Nothing, where the broker answers.

        Raises:
            BrokerError: It does not.
        """
        with self._spoken():
            self._redis.ping()

    def close(self) -> None:
        """Ends the connections."""
        self._redis.close()

    # of those who ask

    def known(self, key: str) -> Data | None:
        """What came out of a message before; None where that is not known."""
        with self._spoken():
            return _read(self._redis.get(_name("result", key)))

    def want(self, runs: Sequence[str]) -> None:
        """Says that somebody waits for runs; to be said again within `WANTED_SECONDS`."""
        with self._spoken(), self._redis.pipeline() as pipeline:
            for run in runs:
                pipeline.set(_name("wanted", run), 1, ex=WANTED_SECONDS)
            pipeline.execute()

    def leave(self, runs: Sequence[str]) -> None:
        """Says that nobody waits for runs any more."""
        with self._spoken():
            if runs:
                self._redis.delete(*(_name("wanted", run) for run in runs))

    def wait(self, runs: Sequence[str], seconds: float) -> tuple[str, Answer] | None:
        """The first of some runs to end, which is told once; None where none does in this time."""
        with self._spoken():
            found: Any = self._redis.blpop([_name("answer", run) for run in runs], timeout=seconds)
            if found is None:
                return None
            run = found[0].decode().rpartition(":")[2]
            tensors: Any = self._redis.getdel(_name("tensors", run))
        return run, Answer(**json.loads(found[1]), tensors=tensors or b"")

    def lives(self, runs: Sequence[str]) -> list[Data | None]:
        """How far each run is: ``fraction`` and ``partial``, nothing where it has ended, None where nobody is at it."""
        with self._spoken(), self._redis.pipeline() as pipeline:
            for run in runs:
                pipeline.get(_name("life", run))
                pipeline.exists(_name("answer", run))
            found = pipeline.execute()
        return [_read(state) or ({} if ended else None) for state, ended in zip(found[::2], found[1::2], strict=True)]

    def has_workers(self) -> bool:
        """Whether some worker is at work."""
        with self._spoken():
            return bool(self._redis.exists(f"{PREFIX}workers"))

    # of those who work

    def begin(self, run: str) -> int:
        """How many workers have begun a run, this one with them; 0 where none is to: nobody waits, or one is at it."""
        is_wanted, is_over = self._redis.exists(_name("wanted", run)), self._redis.exists(_name("answer", run))
        if is_over or not is_wanted:
            return 0
        if not self._redis.set(
            _name("life", run), _written({"fraction": 0.0, "partial": None}), nx=True, ex=LIFE_SECONDS
        ):
            return 0
        tries: Any = self._redis.incr(_name("tries", run))
        self._redis.expire(_name("tries", run), RESULT_SECONDS)
        return int(tries)

    def live(self, run: str, state: Mapping[str, Any]) -> bool:
        """Says how far a run is, to be said again within `LIFE_SECONDS`.

        Returns:
            Whether somebody still waits for it.
        """
        with self._redis.pipeline() as pipeline:
            pipeline.set(_name("life", run), _written(state), ex=LIFE_SECONDS)
            pipeline.set(f"{PREFIX}workers", 1, ex=WANTED_SECONDS)
            pipeline.exists(_name("wanted", run))
            return bool(pipeline.execute()[-1])

    def end(self, run: str, answer: Answer, key: str = "") -> None:
        """Says what came out of a run.

        Args:
            run: Its name.
            answer: The outcome.
            key: Of its message, where the same comes out of it whoever asks.
        """
        with self._redis.pipeline() as pipeline:
            if key:
                pipeline.set(_name("result", key), _written(answer.result), ex=RESULT_SECONDS)
            if answer.tensors:
                pipeline.set(_name("tensors", run), answer.tensors, ex=ANSWER_SECONDS)
            pipeline.rpush(_name("answer", run), _written({"result": answer.result, "error": answer.error}))
            pipeline.expire(_name("answer", run), ANSWER_SECONDS)
            pipeline.delete(_name("life", run), _name("tries", run))
            pipeline.execute()

    def state(self, key: str) -> bytes | None:
        """The state of a training that a worker kept; None where there is none."""
        found: Any = self._redis.get(_name("state", key))
        return None if found is None else bytes(found)

    def keep_state(self, key: str, content: bytes) -> bool:
        """Keeps the state of a training for whoever goes on with it; those that were kept longest ago make room.

        Returns:
            Whether there was room at all.
        """
        if len(content) > STATES_BYTES:
            return False
        names = f"{PREFIX}states"
        with self._redis.pipeline() as pipeline:
            pipeline.set(_name("state", key), content, ex=RESULT_SECONDS)
            pipeline.zadd(names, {key: time.time()})
            pipeline.expire(names, RESULT_SECONDS)
            pipeline.zrevrange(names, 0, -1)
            latest = [name.decode() for name in pipeline.execute()[-1]]
        total = 0
        for name in latest:
            total += int(self._redis.strlen(_name("state", name)))
            if total > STATES_BYTES:
                self.drop_state(name)
        return True

    def drop_state(self, key: str) -> None:
        """Takes the state of a training away."""
        with self._redis.pipeline() as pipeline:
            pipeline.delete(_name("state", key))
            pipeline.zrem(f"{PREFIX}states", key)
            pipeline.execute()

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Errors of Redis in words, for those who ask."""
        try:
            yield
        except redis.RedisError as error:
            raise BrokerError(
                f"The broker at {self._shown} does not answer: {error} Start a Redis server there, name "
                "another with --broker, or leave --broker away to work on this machine alone."
            ) from None


def _name(kind: str, of: str) -> str:
    return f"{PREFIX}{kind}:{of}"


def _written(data: Mapping[str, Any] | None) -> str:
    return json.dumps(data)


def _read(text: Any) -> Data | None:
    found: Data | None = json.loads(text) if text else None
    return found
