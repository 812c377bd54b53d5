"""The runs: a base, sparse training where asked, pruning to a target, the same fine-tuning for all, test at the end."""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.engine import __version__
from explorer.engine.errors import VerifyError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.importance import squared_norms
from explorer.engine.importance.criteria import relative_to_top
from explorer.engine.plan import Plan
from explorer.engine.randomness import own_random_state
from explorer.reproduction.experiments import BASE, METHODS, Experiment, Method
from explorer.reproduction.records import Histogram, Key, Record, check_settings, read_records, write_records
from explorer.training import (
    Dataset,
    Progress,
    Split,
    TrainingSettings,
    evaluate,
    finetune,
    open_data,
    processes,
    recalibrate,
    sparsify,
)

NORM_STEP, NORM_BINS = 0.1, 24
UNFINISHED = "unfinished"
_ELSEWHERE = ("device", "mixed_precision", "seed")  # what a run's settings leave open


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        experiment: What it belongs to.
        method: A name of `METHODS`, or ``base``.
        speed_up: Multiply-adds before over after; 1 for the base.
        seed: Of weights, random choices and the order of samples.
    """

    experiment: Experiment
    method: str
    speed_up: float
    seed: int

    @property
    def key(self) -> Key:
        """As that of its record."""
        return self.experiment.name, self.method, self.speed_up, self.seed

    @property
    def settings(self) -> dict[str, Any]:
        """What the result depends on, beside the key: plain data, as JSON gives it back."""
        given, method = self.experiment, METHODS.get(self.method)
        plain = {
            "data": given.data.partition(":")[0],
            "samples": given.samples,
            "method": method and {name: value for name, value in asdict(method).items() if name != "title"},
            "base": _plain(given.base),
            "sparse": _plain(given.sparse) if method and method.is_sparse else None,
            "strength": given.strength if method and method.is_sparse else None,
            "tuning": _plain(given.tuning) if method or given.is_base_tuned else None,
        }
        found: dict[str, Any] = json.loads(json.dumps(plain))
        return found


@dataclass(frozen=True)
class Step:
    """How far all runs are.

    Attributes:
        case: The run that is at work.
        done: Runs that are done, those of earlier calls included.
        total: All runs.
        what: What it is doing, in words.
        fraction: How much of that is done, 0-1.
    """

    case: Case
    done: int
    total: int
    what: str
    fraction: float


Watch = Callable[[Step], object]
"""Told how far the runs are, after every step of a training."""


def cases_of(experiments: Sequence[Experiment]) -> tuple[Case, ...]:
    """All runs: one seed of every experiment before the next seed, so that what there is early is a whole table."""
    seeds = sorted({seed for experiment in experiments for seed in experiment.seeds})
    return tuple(
        case
        for seed in seeds
        for experiment in experiments
        if seed in experiment.seeds
        for case in _of_one_seed(experiment, seed)
    )


def reproduce(
    experiments: Sequence[Experiment], folder: Path, watch: Watch | None = None
) -> Iterator[tuple[Record, ...]]:
    """Runs what has not been run yet; each run is written as soon as it is measured.

    A run that was killed goes on from the last epoch that was finished.

    Args:
        experiments: What to run.
        folder: Where results are kept.
        watch: Told how far the runs are.

    Yields:
        All records in the folder: at first those that are there, then after each run.

    Raises:
        TrainingError: The folder holds results of other settings, or a training failed.
        DataError: The data is not there.
        SaveError: The folder cannot be written.
        VerifyError: A pruned network is not the one that was planned.
    """
    cases, records = cases_of(experiments), read_records(folder)
    check_settings(folder, records, {case.key: case.settings for case in cases})
    write_records(folder, records)  # a folder that cannot be written is found out before hours of work
    yield records
    for (name, seed), together in groupby(cases, key=lambda case: (case.experiment.name, case.seed)):
        work = folder / UNFINISHED / f"{name}-{seed}"
        for case in together:
            known = {record.key for record in records}
            if case.key not in known:
                done = sum(other.key in known for other in cases)
                measured = _Runner(case, work, watch, done, len(cases)).run()
                others = (record for record in read_records(folder) if record.key != case.key)
                records = (*others, measured)  # another process may have written meanwhile
                write_records(folder, records)
                yield records
        shutil.rmtree(work, ignore_errors=True)


def norm_histogram(graph: DependencyGraph) -> Histogram:
    """How many channels have which squared norm, over the mean of their group's better half; the last bin is open."""
    norms = squared_norms(graph.groups, graph.model).values()
    relative = np.concatenate([relative_to_top(group) for group in norms])
    bins = np.minimum(relative / NORM_STEP, NORM_BINS - 1).astype(np.int64)
    return tuple(np.bincount(bins, minlength=NORM_BINS).tolist())


def _of_one_seed(experiment: Experiment, seed: int) -> Iterator[Case]:
    if experiment.base or seed == experiment.seeds[0]:  # else it is that of the first seed
        yield Case(experiment, BASE, 1.0, seed)
    for speed_up in experiment.speed_ups:
        for method in experiment.methods:
            yield Case(experiment, method, speed_up, seed)


def _plain(settings: TrainingSettings | None) -> dict[str, Any] | None:
    if settings is None:
        return None
    return {name: value for name, value in asdict(settings).items() if name not in _ELSEWHERE}


@dataclass(frozen=True)
class _Runner:
    """One run at work; what it trains lies in `work` until all runs that share it are done."""

    case: Case
    work: Path
    watch: Watch | None
    done: int
    total: int

    def run(self) -> Record:
        """What it measured."""
        began, case = time.perf_counter(), self.case
        experiment, method = case.experiment, METHODS.get(case.method)
        data = _part(open_data(experiment.data), experiment.samples)
        base = graph = trace(self._base(data), experiment.network.example_inputs())
        if method and method.is_sparse:
            graph = trace(self._sparse(base, data, method.scope), experiment.network.example_inputs())
        plan = _plan(graph, method, case)
        pruned = _proven(plan)
        tuned = self._tuned(pruned, data) if method or experiment.is_base_tuned else None
        return Record(
            *case.key,
            unpruned=_accuracy(graph.model, data.test),
            pruned=_accuracy(pruned, data.test),
            recalibrated=_recalibrated(pruned, data),
            tuned=None if tuned is None else _accuracy(tuned, data.test),
            validation=None if tuned is None else _accuracy(tuned, data.validation),
            samples=len(data.test),
            macs=(plan.cost.before.macs, plan.cost.after.macs),
            params=(plan.cost.before.params, plan.cost.after.params),
            norms=(norm_histogram(base), norm_histogram(graph)) if graph is not base else None,
            seconds=round(time.perf_counter() - began, 1),
            settings=case.settings,
            versions=_versions(),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _base(self, data: Dataset) -> nn.Module:
        """The trained network of this seed: weights that are there, or a training of its own."""
        network, how, seed = self.case.experiment.network, self.case.experiment.base, self.case.seed
        if network.trained and (how is None or seed == 0):
            return network.trained()
        if how is None:
            raise ValueError(f"{self.case.experiment.name} has neither trained weights nor a way to train them")
        with own_random_state(seed):
            fresh = network.build()
        return finetune(fresh, data, **self._how(how, "training the base", "base")).model.eval()

    def _sparse(self, base: DependencyGraph, data: Dataset, scope: str) -> nn.Module:
        experiment = self.case.experiment
        how = self._how(experiment.sparse or experiment.tuning, "sparse training", f"sparse-{scope}")
        return sparsify(base, data, scope=scope, strength=experiment.strength, **how).model

    def _tuned(self, pruned: nn.Module, data: Dataset) -> nn.Module:
        checkpoint = f"{self.case.method}-{self.case.speed_up:g}"
        return finetune(pruned, data, **self._how(self.case.experiment.tuning, "fine-tuning", checkpoint)).model

    def _how(self, settings: TrainingSettings, what: str, checkpoint: str) -> dict[str, Any]:
        """Keywords of a training whose state is kept under a name."""
        return {
            **asdict(replace(settings, seed=self.case.seed)),
            "checkpoint": self.work / f"{checkpoint}.pt",
            "watch": self._told(what),
        }

    def _told(self, what: str) -> Callable[[Progress], None]:
        def told(progress: Progress) -> None:
            if self.watch:
                self.watch(Step(self.case, self.done, self.total, what, progress.fraction))

        return told


def _plan(graph: DependencyGraph, method: Method | None, case: Case) -> Plan:
    if method is None:
        return graph.plan()
    return graph.plan_to(
        macs=1 / case.speed_up,
        importance=method.importance,
        scope=method.scope,
        seed=case.seed,
    )


def _proven(plan: Plan) -> nn.Module:
    """The pruned network, shown to give what the original does with the removed channels at zero."""
    pruned = plan.apply()
    proof = None if plan.is_identity else pruned.verify()
    if proof and not proof.ok:
        raise VerifyError(f"A pruned network is {proof}, so its accuracy would say nothing. Please report the model.")
    return pruned.model


def _accuracy(model: nn.Module, part: Split) -> float:
    return evaluate(_on_device(model), part).accuracy


def _recalibrated(model: nn.Module, data: Dataset) -> float | None:
    """The accuracy with the statistics of BatchNorm layers taken anew; None without such layers."""
    if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        return None
    return _accuracy(recalibrate(_on_device(model), data.train), data.test)


def _on_device(model: nn.Module) -> nn.Module:
    """The model, or a copy of it on the GPU where there is one."""
    device = processes.default_device()
    return model if device is None else deepcopy(model).to(device)


def _part(data: Dataset, samples: int | None) -> Dataset:
    """The first samples of each part."""
    if samples is None:
        return data
    parts: dict[str, Any] = {
        name: part.take(torch.arange(min(samples, len(part))))
        for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test))
    }
    return replace(data, **parts)


@cache
def _versions() -> Mapping[str, str]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return {
        "explorer": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device,
        "threads": str(torch.get_num_threads()),
    }
