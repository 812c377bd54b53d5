"""Where trainings and sweeps keep their state on this machine, so that the same goes on after the server was killed."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path

from explorer.jobs.folders import lasting_folder, make_room, note_use, private_folder
from explorer.jobs.progress import Shelf
from explorer.jobs.tasks import Task
from explorer.jobs.versions import versions
from explorer.training.checkpoint import FilePlace, weights_digest

KEPT_BYTES = 2**30


class Shelves:
    """Files in a folder that only its owner can enter; those that were used longest ago go when it is full.

    Args:
        folder: Where they are; made private to its owner. A new temporary folder by default, which no later process
            finds.
        most: Bytes of all of them together.
    """

    def __init__(self, folder: Path | None = None, most: int = KEPT_BYTES) -> None:
        self.folder, self._most = folder or private_folder(self), most
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    @classmethod
    def lasting(cls) -> Shelves:
        """Those in the user's cache, which every later process of this user finds."""
        return cls(lasting_folder("trainings"))

    def shelf(self, task: Task) -> Shelf:
        """Where a task keeps its state: the same file for the same work on the same weights, whoever asks when."""
        return _FileShelf(self.folder, task, self._most)


class _FileShelf:
    """A file among others in its folder, which make room for each other."""

    def __init__(self, folder: Path, task: Task, most: int) -> None:
        self._folder, self._task, self._most = folder, task, most

    def __str__(self) -> str:
        return str(self._path)

    @cached_property
    def _path(self) -> Path:
        return (
            self._folder / f"{_work_digest(self._task)}.checkpoint"
        )  # here, by the thread that works: it may take long

    def read(self) -> bytes | None:
        if (content := FilePlace(self._path).read()) is not None:
            note_use(self._path)
        return content

    def write(self, content: bytes) -> None:
        FilePlace(self._path).write(content)
        note_use(self._path)
        make_room(self._folder.iterdir(), self._most)

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)


def _work_digest(task: Task) -> str:
    """40 hexadecimal digits for what a task does to which weights with which data and code.

    The source is left out: a model in memory has another one in each run of the server.
    """
    message, data = task.to_message(), task.data
    recipe = {name: value for name, value in message["recipe"].items() if name != "source"}
    parts = [len(data.train), len(data.validation)] if data else []
    weights = weights_digest(task.exploration.graph.model)
    said = json.dumps([message | {"recipe": recipe}, parts, weights, versions()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:40]
