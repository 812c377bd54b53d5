"""How accuracy falls when one group after the other is pruned alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import nn

from explorer.engine.batches import Batches
from explorer.engine.errors import PlanError, TrainingError
from explorer.engine.graph import DependencyGraph
from explorer.engine.importance import Gradients, Scoring, gradients
from explorer.engine.selection import check_names, check_ratio
from explorer.training.checkpoint import weights_digest, write_whole
from explorer.training.evaluate import evaluate
from explorer.training.feeding import Data, parts_of

RATIOS = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        group: Name of the group that was pruned; others follow only where ties make them.
        ratio: Fraction of its channels that was asked to go.
        accuracy: Of the pruned model, without training, 0-1.
    """

    group: str
    ratio: float
    accuracy: float


@dataclass(frozen=True)
class Sensitivity:
    """What was measured.

    Attributes:
        base: Accuracy of the model as it is, 0-1.
        points: Every measurement: in the order in which they were made while a sweep goes on, in that of `groups` and
            `ratios` in its result.
        groups: All groups that were asked for, those that matter most to the cost first.
        ratios: All ratios that were asked for.
        importance: The criterion that ranked the channels.
    """

    base: float
    points: tuple[Point, ...] = field(repr=False)
    groups: tuple[str, ...]
    ratios: tuple[float, ...]
    importance: str

    @property
    def is_complete(self) -> bool:
        """Whether nothing that was asked for is missing."""
        return len(self.points) == len(self.groups) * len(self.ratios)

    def curve(self, group: str) -> tuple[tuple[float, float], ...]:
        """(ratio, accuracy) of one group, from nothing removed upwards."""
        found = sorted((point.ratio, point.accuracy) for point in self.points if point.group == group)
        return ((0.0, self.base), *found)

    def drop(self, group: str, ratio: float) -> float:
        """Accuracy that one group loses at a ratio, interpolated between what was measured."""
        ratios, accuracies = zip(*self.curve(group), strict=True)
        return self.base - float(np.interp(ratio, ratios, accuracies))

    def estimate(self, ratios: Mapping[str, float]) -> float:
        """A guess at the accuracy of a plan, without training: as if groups lost independently of one another.

        Each group leaves a fraction of the accuracy, and the fractions multiply. That is too hopeful where many groups
        are pruned at once. It was not measured: say so where it is shown.

        Args:
            ratios: Fraction removed of each group; groups that were not measured count as harmless.
        """
        if not self.base:
            return 0.0
        left = [max(0.0, 1 - self.drop(group, ratio) / self.base) for group, ratio in ratios.items()]
        return min(1.0, self.base * float(np.prod(left)))


Watch = Callable[[Sensitivity], object]
"""Told what has been measured so far; a true result ends the sweep, and what there is then is the result."""

Measure = Callable[[Sequence[tuple[str, float]]], Iterable[Point]]
"""Measures a model with one group pruned, for (group, ratio) pairs; in any order, each as soon as it is known."""


def sensitivity(
    graph: DependencyGraph,
    data: Data,
    *,
    groups: Sequence[str] | None = None,
    ratios: Sequence[float] = RATIOS,
    checkpoint: str | Path | None = None,
    watch: Watch | None = None,
    **choices: Any,
) -> Sensitivity:
    """Accuracy against ratio for each group, pruned alone and not trained.

    Args:
        graph: The model's graph; the model is untouched.
        data: A `Dataset`, of which the validation part is measured on and the test part never read; or what to measure
            on itself.
        groups: Names; all by default. The groups whose halving saves most multiply-adds come first.
        ratios: Fractions to remove, in [0, 1).
        checkpoint: JSON file that holds what has been measured; where it exists, the sweep goes on from it.
        watch: Called after every measurement; a true result ends the sweep.
        choices: Keywords of `DependencyGraph.plan`, such as ``importance`` or ``round_to``; ``gradients``, for
            criteria that need them, by default taken once, on the train part of a `Dataset`, or on `data`; and
            ``measure``, a `Measure` that does it elsewhere.

    Raises:
        PlanError: An unknown group, a ratio outside [0, 1), or a criterion that lacks data.
        EvaluationError: The model cannot be measured on the data.
        TrainingError: The checkpoint is of another sweep.
        SaveError: The checkpoint cannot be written.
    """
    measure: Measure | None = choices.pop("measure", None)
    train, validation = parts_of(data, None)
    measured = train if validation is None else validation
    wanted = ranked_groups(graph, groups)
    fractions = tuple(sorted({check_ratio(ratio, "a sweep") for ratio in ratios} - {0.0}))
    importance = str(choices.get("importance", "l2"))
    if measure is None and choices.get("gradients") is None:
        choices["gradients"] = needed_gradients(graph.model, train, importance)
    sweep = _Sweep(graph, measured, choices, Path(checkpoint) if checkpoint else None)
    known = sweep.read(wanted, fractions)
    base = known.base if known else accuracy_of(graph.model, measured)
    found = Sensitivity(base, known.points if known else (), wanted, fractions, importance)
    done = {(point.group, point.ratio) for point in found.points}
    missing = [(name, ratio) for name in wanted for ratio in fractions if (name, ratio) not in done]
    here = (measure_point(graph, measured, *pair, **choices) for pair in missing)
    for point in measure(missing) if measure else here:
        found = Sensitivity(base, (*found.points, point), wanted, fractions, importance)
        sweep.write(found)
        if watch and watch(found):
            break
    return _in_order(found)


def needed_gradients(model: nn.Module, data: Batches, importance: str) -> Gradients | None:
    """What a criterion needs of a model and data; None for one that needs nothing of them.

    Args:
        model: The model.
        data: What gradients are taken on.
        importance: Name of the criterion.

    Raises:
        PlanError: There is no such criterion.
        EvaluationError: The model does not run on the data.
    """
    needs = Scoring(importance).criterion.needs
    return gradients(model, data, fisher=needs == "fisher") if needs else None


def measure_point(graph: DependencyGraph, data: Batches, group: str, ratio: float, **choices: Any) -> Point:
    """The accuracy with one group pruned: one piece of a sweep, which any machine can do.

    Args:
        graph: The model's graph.
        data: What to measure on.
        group: Name of the group.
        ratio: Fraction of its channels to remove.
        choices: Keywords of `DependencyGraph.plan`, with ``gradients`` for its ``data``.
    """
    pruned = graph.plan({group: ratio}, data=choices.pop("gradients", None), **choices).apply()
    return Point(group, ratio, accuracy_of(pruned.model, data))


def ranked_groups(graph: DependencyGraph, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Groups, those first whose halving saves most multiply-adds.

    Args:
        graph: The model's graph.
        names: Which; all by default.

    Raises:
        PlanError: One is unknown, or there is none.
    """
    known = {group.name: group for group in graph.groups}
    chosen = list(dict.fromkeys(names)) if names is not None else list(known)
    check_names(chosen, known)
    if not chosen:
        raise PlanError("There is no group to measure. graph.groups lists them, graph.frozen says what stays and why.")
    halved = {name: known[name].size - max(1, known[name].size // 2) for name in chosen}
    left = {name: graph.plan(keep={name: range(known[name].size - halved[name])}).cost.after.macs for name in chosen}
    return tuple(sorted(chosen, key=lambda name: left[name]))


def accuracy_of(model: nn.Module, data: Batches) -> float:
    """Top-1 accuracy, 0-1."""
    return evaluate(model, cast("Any", data)).accuracy


def _in_order(found: Sensitivity) -> Sensitivity:
    place = {name: number for number, name in enumerate(found.groups)}
    return replace(found, points=tuple(sorted(found.points, key=lambda point: (place[point.group], point.ratio))))


class _Sweep:
    """The file that holds a sweep."""

    def __init__(self, graph: DependencyGraph, data: Batches, choices: Mapping[str, Any], path: Path | None) -> None:
        self._path, self._others = path, tuple[Point, ...]()
        plain = {name: value for name, value in choices.items() if isinstance(value, (int, float, str))}
        samples = len(data) if isinstance(data, Sized) else 0
        self._identity = {"model": weights_digest(graph.model), "choices": plain, "data": samples} if path else {}

    def read(self, groups: tuple[str, ...], ratios: tuple[float, ...]) -> Sensitivity | None:
        """What was measured already of what is asked for now; other groups and ratios may have been asked before."""
        if self._path is None or not self._path.exists():
            return None
        try:
            written = json.loads(self._path.read_text(encoding="utf-8"))
            points = tuple(Point(**point) for point in written["points"])
            identity, base, importance = written["identity"], float(written["base"]), str(written["importance"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{self._path} is no sweep of sensitivity: {error!r}. Choose another path.") from error
        if identity != self._identity:
            different = [name for name in self._identity if identity.get(name) != self._identity[name]]
            raise TrainingError(
                f"{self._path} belongs to another sweep: it has another {' and '.join(different)}. Choose another "
                "path, or delete it."
            )
        asked = tuple(point for point in points if point.group in groups and point.ratio in ratios)
        self._others = tuple(point for point in points if point not in asked)
        return Sensitivity(base, asked, groups, ratios, importance)

    def write(self, found: Sensitivity) -> None:
        if self._path is None:
            return
        points = [asdict(point) for point in (*self._others, *found.points)]
        content = {"identity": self._identity, **asdict(found), "points": points}
        write_whole(self._path, (json.dumps(content, indent=1) + "\n").encode())
