"""Jobs that learn: what they show while they run, what they leave, and what they leave alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.engine.errors import SaveError, TrainingError
from explorer.exploration import set_every_ratio, set_options
from explorer.jobs import (
    JobCancelledError,
    KnownGradients,
    Progress,
    Shelves,
    Task,
    TensorStore,
    recover,
    sensitivity_from_json,
    sweep,
    train_sparse,
)
from explorer.jobs.curves import MOST_POINTS, TrainingCurve
from explorer.jobs.sparse import BINS, NormHistograms
from explorer.jobs.tensors import packed, unpacked
from explorer.training import Progress as TrainingProgress
from explorer.training import evaluate, sensitivity
from tests.jobs.small import dataset, exploration
from tests.training.blobs import is_same, state

QUICK = {"epochs": 2, "learning_rate": 0.05, "batch_size": 16}


class Stopped(Progress):
    """Whoever watches has had enough after some steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def show(self, fraction: float, partial: object) -> bool:
        self.left -= 1
        return super().show(fraction, partial) or self.left <= 0  # type: ignore[arg-type]


def test_recovering_shows_its_curve_and_leaves_weights_that_fit_the_plan() -> None:
    asked, data, progress = set_every_ratio(exploration(), 0.5), dataset(), Progress()
    before = state(asked.graph.model)
    result, weights = recover(asked, data, progress, **QUICK)
    assert is_same(state(asked.graph.model), before)
    assert progress.partial is not None
    assert len(progress.partial["losses"]) == 6  # three batches in each of two epochs
    assert [epoch["number"] for epoch in result["history"]] == [1, 2]
    assert (result["epochs"], result["stopped"]) == (2, "")
    model = asked.plan().apply().model
    assert result["start"] == evaluate(model, data.validation).accuracy
    assert result["before"] == evaluate(model, data.test).accuracy
    model.load_state_dict(unpacked(weights))
    assert result["accuracy"] == evaluate(model, data.test).accuracy
    assert json.loads(json.dumps(result)) == json.loads(json.dumps(progress.partial)) | {
        name: result[name] for name in ("history", "before", "accuracy", "best_epoch", "epochs", "stopped")
    }


def test_a_stopped_training_keeps_the_best_epoch_so_far() -> None:
    asked, data = set_every_ratio(exploration(), 0.5), dataset()
    result, weights = recover(asked, data, Stopped(4), **QUICK)  # in the first step of the second epoch
    assert (result["epochs"], result["best_epoch"], result["stopped"]) == (1, 1, "cancelled")
    alone, of_one_epoch = recover(asked, data, Stopped(4), **QUICK)
    assert alone["accuracy"] == result["accuracy"]
    assert weights == of_one_epoch


def test_what_was_stopped_before_an_epoch_has_learnt_nothing() -> None:
    asked = set_every_ratio(exploration(), 0.5)
    result, weights = recover(asked, dataset(), Stopped(2), **QUICK)
    assert (result["best_epoch"], result["accuracy"]) == (0, result["before"])
    assert is_same(unpacked(weights), state(asked.plan().apply().model))


def test_a_training_that_diverges_says_so_in_words() -> None:
    asked = set_every_ratio(exploration(), 0.25)
    before = state(asked.graph.model)
    with pytest.raises(TrainingError, match=r"The loss is (nan|inf) in epoch 1, step 2, at learning rate"):
        recover(asked, dataset(), Progress(), epochs=1, learning_rate=1e30, batch_size=16)
    with pytest.raises(TrainingError, match=r"After epoch 1 the scores hold NaN or infinity, at learning rate"):
        recover(asked, dataset(), Progress(), epochs=1, learning_rate=1e30)  # in a single step
    assert is_same(state(asked.graph.model), before)


def test_sparse_training_shows_norms_on_their_way_to_zero() -> None:
    asked, progress = exploration(), Progress()
    result, weights = train_sparse(asked, dataset(), progress, strength=0.2, **QUICK)
    assert progress.partial is not None
    assert len(progress.partial["histograms"]) == 2  # before, and after the first epoch
    channels = sum(group.size for group in asked.graph.groups)
    assert [sum(counts) for counts in result["histograms"]] == [channels] * 3

    def mean(counts: list[int]) -> float:
        return float(np.average(np.arange(BINS), weights=counts))

    assert mean(result["histograms"][0]) > mean(result["histograms"][1]) > mean(result["histograms"][2])
    assert unpacked(weights).keys() == asked.graph.model.state_dict().keys()


def test_norms_are_told_as_a_share_of_the_largest_of_their_group_before() -> None:
    norms = NormHistograms()
    norms.add({"a": np.array([4.0, 1.0]), "b": np.array([0.0])})  # squared: 1, 0.5 and 0 of the largest
    norms.add({"a": np.array([400.0, 0.0]), "b": np.array([0.0])})
    assert [(place, count) for place, count in enumerate(norms.counts[0]) if count] == [(0, 1), (16, 1), (32, 1)]
    assert [(place, count) for place, count in enumerate(norms.counts[1]) if count] == [(0, 2), (BINS - 1, 1)]


def test_a_curve_of_any_length_has_room() -> None:
    curve, progress = TrainingCurve(0.5), Progress()
    for step in range(1, 5 * MOST_POINTS):
        curve.watch(TrainingProgress(1, 1, step, 5 * MOST_POINTS, 1.0, ()), progress)
    assert MOST_POINTS / 2 <= len(curve.losses) < MOST_POINTS
    gaps = np.diff([epoch for epoch, _ in curve.losses])
    assert gaps.max() - gaps.min() < 2e-4  # evenly spread, up to rounding


def test_a_sweep_that_was_stopped_goes_on_from_what_it_has(tmp_path: Path) -> None:
    asked, data, progress = exploration(), dataset(), Stopped(3)
    progress.shelf = Shelves(tmp_path).shelf(Task("sensitivity", asked, data))
    with pytest.raises(JobCancelledError):
        sweep(asked, data, progress)
    assert progress.partial is not None
    assert len(sensitivity_from_json(progress.partial).points) == 3
    steps: list[float] = []

    class Counted(Progress):
        def show(self, fraction: float, partial: object) -> bool:
            steps.append(fraction)
            return False

    found = sweep(asked, data, Counted(progress.shelf))
    assert steps == [0.8, 1.0]
    whole = sensitivity(asked.graph, data)
    assert sensitivity_from_json(json.loads(json.dumps(found))) == whole


def test_gradients_are_measured_once_for_all_recipes(tmp_path: Path) -> None:
    asked, told = exploration(), list[float]()
    known = KnownGradients("small", asked.graph.model, dataset().train, TensorStore(tmp_path))
    assert not known.are_known("gradient")
    first = known.measure("gradient", told.append)
    assert (first.samples, told[0]) == (48, 0.0)
    assert known("gradient") is first
    again = KnownGradients("small", asked.graph.model, dataset().train, TensorStore(tmp_path))
    read = again.measure("gradient", lambda _: pytest.fail("it was measured before"))
    assert all(torch.equal(read.mean[name], first.mean[name]) for name in first.mean)
    fisher = again("fisher")
    assert fisher.fisher.keys() == first.mean.keys()
    pruned = set_options(set_every_ratio(exploration(), 0.5), importance="hessian")
    plan = type(pruned)(pruned.graph, pruned.recipe, again).plan()
    assert plan.options.gradients is fisher


def test_tensors_are_kept_privately_until_others_need_the_room(tmp_path: Path) -> None:
    content = packed({"a": torch.ones(2, 3), "b": torch.zeros((), dtype=torch.int64)})
    store = TensorStore(tmp_path / "kept", most=2 * len(content))
    assert tmp_path.joinpath("kept").stat().st_mode & 0o077 == 0
    for place, key in enumerate(("one", "two", "three")):
        store.keep(key, content)
        if place == 1:
            assert torch.equal(store.read("one")["a"], torch.ones(2, 3))  # used last
    assert [store.has(key) for key in ("one", "two", "three")] == [True, False, True]
    with pytest.raises(SaveError, match="no longer on the server"):
        store.read("two")
