"""Jobs as plain data: a row of a table, a recipe, a word for the data. Whoever reads that does the same work."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from typing import Any

from explorer.engine.errors import DataError, ExplorerError, ModelSourceError, PlanError, TrainingError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, Recipe
from explorer.jobs.gradients import taken_gradients
from explorer.jobs.measure import measure
from explorer.jobs.progress import Progress
from explorer.jobs.recover import recover
from explorer.jobs.sensitivities import measure_curve, sweep
from explorer.jobs.sparse import train_sparse
from explorer.jobs.tensors import Outcome
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from explorer.training import TrainingSettings
from explorer.training.data import Dataset, open_data, without_data

Result = dict[str, Any]
Message = dict[str, Any]
MODELS_KEPT = 4
NAMED = ("sample:", "torchvision:")
"""How sources begin that name a model without running anybody's code."""


_OPENING = threading.Lock()  # random weights come from the process's one generator


def _measure(exploration: Exploration, data: Dataset | None, progress: Progress) -> Outcome:
    return measure(exploration, data.test if data else None, progress.tell).to_json(), b""


def _curve(exploration: Exploration, data: Dataset | None, progress: Progress, **options: Any) -> Outcome:
    return measure_curve(exploration, _needed(exploration, data), progress, **options), b""


def _sweep(exploration: Exploration, data: Dataset | None, progress: Progress, **options: Any) -> Outcome:
    return sweep(exploration, _needed(exploration, data), progress, **options), b""


def _learning(function: Callable[..., Outcome], *own: str) -> Callable[..., Outcome]:
    """A row for a function that trains. It takes settings, and names no file that a training would write."""
    known = {setting.name for setting in fields(TrainingSettings)} | set(own)

    def learn(exploration: Exploration, data: Dataset | None, progress: Progress, **settings: Any) -> Outcome:
        if unknown := settings.keys() - known:
            raise TrainingError(f"A training has no setting {', '.join(sorted(unknown))}. There are {sorted(known)}.")
        return function(exploration, _needed(exploration, data), progress, **settings)

    return learn


def _needed(exploration: Exploration, data: Dataset | None) -> Dataset:
    if data is None:
        raise DataError(without_data("This needs labelled data", exploration.graph.title))
    return data


TASKS: dict[str, Callable[..., Outcome]] = {
    "measure": _measure,
    "curve": _curve,
    "recover": _learning(recover),
    "sparse": _learning(train_sparse, "strength", "regulariser"),
}
"""What a worker can be asked for: functions of an exploration, its data, a progress, and options that are JSON data."""

SPREAD: dict[str, Callable[..., Outcome]] = {"sensitivity": _sweep}
"""What is done here with the help of many workers: such functions with an option ``measure``."""


@dataclass(frozen=True, eq=False)
class Task:
    """Work that this process can do by calling it, and a worker by reading its message.

    Attributes:
        name: A row of `TASKS` or `SPREAD`.
        exploration: Model and recipe.
        data: What it learns from or is measured on; None where there is none.
        options: Keywords of the row's function, JSON data.
        progress: Where it tells how far it is, and hears that it is cancelled.
        keep: Takes the tensors that come out, where some do.
    """

    name: str
    exploration: Exploration
    data: Dataset | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    keep: Callable[[bytes], object] = lambda _: None

    def __call__(self) -> Result:
        """The result, worked out here.

        Raises:
            ExplorerError: It cannot be; the message says why.
            JobCancelledError: It was cancelled.
        """
        result = self.kept(*self.work())
        if self.name not in SPREAD:  # what a sweep keeps is small, and is its result when it is asked for again
            self.progress.end()
        return result

    def work(self) -> Outcome:
        """What comes out, worked out here, before anything of it is kept."""
        return (TASKS | SPREAD)[self.name](self.exploration, self.data, self.progress, **self.options)

    def kept(self, result: Result, tensors: bytes) -> Result:
        """The result of an outcome, whose tensors are kept."""
        if tensors:
            self.keep(tensors)
        return result

    def to_message(self) -> Message:
        """The task as JSON data, which `from_message` reads; the same for the same task."""
        recipe = self.exploration.recipe.to_json()
        return {
            "name": self.name,
            "recipe": {name: value for name, value in recipe.items() if name not in ("view", "locked")},
            "data": self.data.word if self.data else "",
            "options": dict(self.options),
        }

    @classmethod
    def from_message(cls, message: Message, progress: Progress) -> Task:
        """The task that `to_message` wrote, with its model and data opened here.

        Args:
            message: From whoever can reach the broker: nothing in it is trusted.
            progress: Where it tells how far it is, and hears that it is cancelled.

        Raises:
            ExplorerError: It names no task, no model that has a name, or another model than the asking process has.
        """
        if message["name"] not in TASKS:
            raise ExplorerError(f"There is no task '{message['name']}'; there are {', '.join(TASKS)}.")
        recipe = Recipe.from_json(message["recipe"])
        with _OPENING:
            graph = _named_graph(recipe.source)
        if recipe.fingerprint != graph.fingerprint:
            raise PlanError(f"{recipe.source} is another model for the worker than for the explorer that asks it.")
        data = _named_data(message["data"]) if message["data"] else None
        gradients = partial(taken_gradients, graph, data) if data else None
        return cls(message["name"], Exploration(graph, recipe, gradients), data, message["options"], progress)


def message_key(message: Message) -> str:
    """What names the result of a message, whoever sends it: 64 hexadecimal digits of its content."""
    return hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()


def is_fixed(message: Message) -> bool:
    """Whether the same comes out of a message tomorrow: its data comes with the package, not from files that change."""
    return ":" not in message["data"]


def reason_to_stay(source: str, data: Dataset | None = None) -> str:
    """Why work on a model stays in the process that holds it, in words; empty where a worker can do it.

    Args:
        source: What names the model.
        data: What it is measured on.
    """
    if not source.startswith(NAMED):
        return "workers open models by name alone, and this one has code, weights or inputs of its own"
    if data and data.word.rpartition(":")[0].endswith(".py"):
        return "workers run nobody's code, and this data comes from a function in a file"
    return ""


@lru_cache(maxsize=MODELS_KEPT)
def _named_graph(source: str) -> DependencyGraph:
    if reason := reason_to_stay(source):
        raise ModelSourceError(f"A worker was asked for '{source}', but {reason}.")
    return trace_opened(open_model(source))


@lru_cache(maxsize=MODELS_KEPT)
def _named_data(word: str) -> Dataset:
    return open_data(word)
