"""Fine-tuning: what it learns, that it repeats, resumes, stops and is cancelled, and what it refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import EvaluationError, ExplorerError, SaveError, TrainingError
from explorer.training import Dataset, Progress, Split, digits, evaluate, finetune, recalibrate
from explorer.training.checkpoint import Checkpoint, CheckpointError
from explorer.training.data.in_memory import data_in_memory
from explorer.training.feeding import parts_of
from explorer.training.settings import SCHEDULES, settings_of
from tests.training.blobs import is_same, loader, net, points, state

QUICK: dict[str, Any] = {"epochs": 3, "learning_rate": 0.1}


def test_a_model_learns_and_the_one_that_was_given_is_untouched() -> None:
    model = net()
    before = state(model)
    tuned = finetune(model, loader(), validation=loader(seed=2), **QUICK)
    assert tuned.history[-1].loss < tuned.history[0].loss
    assert evaluate(tuned.model, loader(seed=3)).accuracy > 0.9 > evaluate(model, loader(seed=3)).accuracy
    assert is_same(state(model), before)
    assert all(parameter.grad is None for found in (model, tuned.model) for parameter in found.parameters())
    assert [epoch.number for epoch in tuned.history] == [1, 2, 3]
    assert tuned.stopped == ""


@pytest.mark.parametrize("is_training", [True, False])
def test_the_result_is_in_the_mode_of_the_original(is_training: bool) -> None:
    model = net().train(is_training)
    model[1].eval()
    tuned = finetune(model, loader(), **QUICK | {"epochs": 1})
    assert [module.training for module in tuned.model.modules()] == [module.training for module in model.modules()]


def test_the_same_seed_gives_the_same_weights_whatever_ran_before() -> None:
    first = finetune(net(), loader(), **QUICK)
    torch.rand(3)
    assert is_same(state(finetune(net(), loader(), **QUICK).model), state(first.model))
    assert not is_same(state(finetune(net(), loader(), seed=1, **QUICK).model), state(first.model))


def test_training_leaves_the_random_state_of_the_caller_alone() -> None:
    model = net()
    expected = torch.rand(3, generator=torch.Generator().manual_seed(5))
    torch.manual_seed(5)
    finetune(model, loader(), **QUICK)
    assert torch.equal(torch.rand(3), expected)


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_weights(tmp_path: Path) -> None:
    settings = {"epochs": 4, "learning_rate": 0.1, "checkpoint": tmp_path / "run.pt", "validation": loader(seed=2)}

    def killed(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (3, 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(net(), loader(), watch=killed, **settings)
    steps: list[int] = []
    resumed = finetune(net(), loader(), watch=lambda progress: steps.append(progress.epoch), **settings)
    whole = finetune(net(), loader(), **settings | {"checkpoint": None})
    assert set(steps) == {3, 4}
    assert is_same(state(resumed.model), state(whole.model))
    assert [epoch.loss for epoch in resumed.history] == [epoch.loss for epoch in whole.history]
    assert resumed.best_epoch == whole.best_epoch
    assert finetune(net(), loader(), watch=lambda _: pytest.fail("it was done"), **settings).history == resumed.history
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_the_weights_are_those_of_the_best_epoch_on_the_validation_part() -> None:
    inputs, labels = points()
    wrong = [(inputs, 1 - labels)]  # the more is learned, the worse
    tuned = finetune(net(), loader(), validation=wrong, epochs=5, learning_rate=0.05)
    accuracies = [epoch.accuracy or 0.0 for epoch in tuned.history]
    assert accuracies[0] > accuracies[-1]
    assert tuned.best_epoch == 1 + accuracies.index(max(accuracies))
    assert evaluate(tuned.model, wrong).accuracy == max(accuracies)
    last = finetune(net(), loader(), validation=wrong, epochs=5, learning_rate=0.05, keep_best=False)
    assert evaluate(last.model, wrong).accuracy == accuracies[-1]
    assert last.best_epoch == 5


def test_training_stops_early_when_nothing_gets_better() -> None:
    tuned = finetune(net(), loader(), validation=loader(seed=2), epochs=50, learning_rate=1e-12, patience=3)
    assert tuned.stopped == "early"
    assert len(tuned.history) < 20
    best = max(tuned.history, key=lambda epoch: epoch.accuracy or 0.0)
    assert tuned.history[-1].number - best.number == 3


def test_a_cancelled_run_keeps_what_there_is() -> None:
    seen: list[Progress] = []

    def watch(progress: Progress) -> bool:
        seen.append(progress)
        return (progress.epoch, progress.step) == (2, 3)

    tuned = finetune(net(), loader(), watch=watch, **QUICK)
    assert tuned.stopped == "cancelled"
    assert len(tuned.history) == 1
    assert not is_same(state(tuned.model), state(net()))
    assert [(progress.epoch, progress.step, progress.steps) for progress in seen[-4:]] == [
        (1, 4, 4), (2, 1, 4), (2, 2, 4), (2, 3, 4),
    ]  # fmt: skip
    assert seen[-1].fraction == pytest.approx((1 + 3 / 4) / 3)
    assert seen[-1].history == tuned.history


def test_the_test_part_of_a_dataset_is_never_read() -> None:
    data = digits()
    train, validation = parts_of(data, None)
    assert isinstance(train, Split)
    assert isinstance(validation, Split)
    assert data.test not in (train, validation)
    assert (train, validation) == (data.train, data.validation)
    mine = loader()
    assert parts_of(data, mine)[1] is mine
    assert parts_of(mine, None) == (mine, None)


def test_a_split_is_shuffled_anew_in_each_epoch_by_seed() -> None:
    data: Dataset = digits()
    orders: list[list[int]] = []

    class Watching(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            orders[-1].append(int(x.sum() * 1000))
            scores: Tensor = super().forward(x)
            return scores

    for seed in (0, 0, 1):
        orders.append([])
        model = Watching(nn.Flatten(), nn.Linear(64, 10))
        part = data.train.take(torch.arange(64))
        finetune(model, part, epochs=2, batch_size=16, seed=seed)
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][:4] != orders[0][4:]


def test_a_loss_of_your_own_trains_what_is_no_classifier() -> None:
    inputs = torch.linspace(-1, 1, 32)[:, None]
    tuned = finetune(nn.Linear(1, 1), [(inputs, 3 * inputs)], loss=nn.functional.mse_loss, epochs=60, learning_rate=0.3)
    assert tuned.model.weight.item() == pytest.approx(3, abs=0.05)


def test_inputs_may_be_several() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(4, 2)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            scores: Tensor = self.out(a + b)
            return scores

    inputs, labels = points()
    by_position = finetune(Sum(), [((inputs, inputs), labels)], epochs=1)
    by_name = finetune(Sum(), [({"b": inputs, "a": inputs}, labels)], epochs=1)
    assert by_position.history[0].loss > 0 < by_name.history[0].loss


def test_nothing_is_trained_on_data_for_measuring() -> None:
    data = data_in_memory({"test": points()}, word="memory", title="My data", what="data")
    with pytest.raises(TrainingError, match="My data has a test part alone"):
        finetune(net(), data, **QUICK)


@pytest.mark.parametrize(
    ("data", "settings", "kind", "message"),
    [
        ([], {}, TrainingError, "the data holds no batches"),
        (iter([]), {}, TrainingError, "An iterator can be read only once"),
        (7, {}, EvaluationError, "batches of inputs and labels, not int"),
        ([torch.zeros(3, 4)], {}, TrainingError, "A batch is a pair of inputs and labels; the data gave Tensor"),
        ([(torch.randn(3, 5), torch.zeros(3).long())], {}, TrainingError, "did not run on a batch of the training"),
        ([(torch.randn(3, 4), torch.tensor([0, 1, 2]))], {}, EvaluationError, "labels run from 0 to 2; the model"),
        ([(torch.randn(3, 4), torch.zeros(2).long())], {}, EvaluationError, r"class scores of shape \(2, num_"),
        ([(torch.full((3, 4), torch.nan), torch.zeros(3).long())], {}, TrainingError, "The loss is nan"),
        (loader(), {"learning_rate": 1e38}, ExplorerError, "NaN or infinity|The loss is"),
        (loader(), {"patience": 2}, TrainingError, "patience .* needs validation data"),
        (loader(), {"epoch": 2}, TrainingError, "no training setting 'epoch'. Did you mean epochs"),
        (loader(), {"frobnicate": 2}, TrainingError, "The settings are epochs, batch_size"),
        (loader(), {"optimizer": "best"}, TrainingError, "optimizer 'best' is not known. Choose one of: sgd, adam"),
        (loader(), {"schedule": "best"}, TrainingError, "schedule 'best' is not known. Choose one of: cosine"),
        (loader(), {"epochs": 0}, TrainingError, "epochs is 0"),
        (loader(), {"patience": 0}, TrainingError, "patience is 0"),
        (loader(), {"learning_rate": float("nan")}, TrainingError, "learning_rate is nan"),
        (loader(), {"momentum": 1}, TrainingError, "momentum is 1. It must be at least 0, below 1"),
        (loader(), {"weight_decay": -1}, TrainingError, "weight_decay is -1"),
        (loader(), {"device": "cuda:99"}, TrainingError, "cannot train on cuda:99"),
        (loader(), {"device": "gpu"}, TrainingError, "cannot train on gpu: .* Name a device that this machine has"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_and_the_model_is_untouched(
    data: Any, settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    model = net()
    before = state(model)
    with pytest.raises(kind, match=message):
        finetune(model, data, **settings)
    assert is_same(state(model), before)


def test_a_loss_that_is_not_finite_is_said_with_the_step_and_the_rate() -> None:
    data = [(torch.ones(2, 1), torch.full((2, 1), torch.inf))]
    with pytest.raises(TrainingError, match=r"The loss is inf in epoch 1, step 1, at learning rate 0\.01. Lower"):
        finetune(nn.Linear(1, 1), data, loss=nn.functional.mse_loss)


def test_the_number_of_classes_must_be_that_of_the_data() -> None:
    with pytest.raises(EvaluationError, match="The data has 10 classes; the model gives 9"):
        finetune(nn.Sequential(nn.Flatten(), nn.Linear(64, 9)), digits().train, epochs=1)


def test_models_without_anything_to_train_are_refused() -> None:
    with pytest.raises(TrainingError, match="No parameter of the model requires a gradient"):
        finetune(net().requires_grad_(False), loader())
    with pytest.raises(TrainingError, match="shapes but no weights"):
        finetune(net().to("meta"), loader())


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    finetune(net(), loader(), checkpoint=path, **QUICK)
    with pytest.raises(TrainingError, match=r"belongs to another training: learning_rate was 0\.1, now 0\.2"):
        finetune(net(), loader(), checkpoint=path, **QUICK | {"learning_rate": 0.2})
    with pytest.raises(TrainingError, match="belongs to another training: model was"):
        finetune(nn.Linear(4, 2), loader(), checkpoint=path, **QUICK)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match="is no checkpoint of a training"):
        finetune(net(), loader(), checkpoint=path, **QUICK)


class Memory:
    """A place that is no file."""

    content: bytes | None = None

    def __str__(self) -> str:
        return "the memory of a test"

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.content = content


def test_a_checkpoint_lies_anywhere_and_gives_back_what_lay_beside_it() -> None:
    place, given, beside = Memory(), list[Any](), {"seen": [(1, 0.5)], "names": {"a": 2.0}}
    checkpoint = Checkpoint(place, lambda: beside, given.append)
    with pytest.raises(KeyboardInterrupt):
        finetune(net(), loader(), checkpoint=checkpoint, watch=_killed_in_the_second_epoch, **QUICK)
    assert given == []
    steps: list[int] = []
    resumed = finetune(net(), loader(), checkpoint=checkpoint, watch=lambda now: steps.append(now.epoch), **QUICK)
    assert (given, set(steps)) == ([beside], {2, 3})
    assert is_same(state(resumed.model), state(finetune(net(), loader(), **QUICK).model))
    place.content = b"no checkpoint"
    with pytest.raises(CheckpointError, match="the memory of a test is no checkpoint of a training"):
        finetune(net(), loader(), checkpoint=checkpoint, **QUICK)
    assert given == [beside]


def test_a_disk_that_fills_up_leaves_the_checkpoint_before_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model = tmp_path / "run.pt", net()
    with pytest.raises(KeyboardInterrupt):
        finetune(model, loader(), checkpoint=path, watch=_killed_in_the_second_epoch, **QUICK)
    whole, before = path.read_bytes(), state(model)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SaveError, match=r"run.pt could not be written .*No space left.*still holds the state"):
            finetune(model, loader(), checkpoint=path, **QUICK)
    assert path.read_bytes() == whole
    assert [found.name for found in tmp_path.iterdir()] == ["run.pt"]
    assert is_same(state(model), before)
    assert len(finetune(model, loader(), checkpoint=path, **QUICK).history) == 3


def _killed_in_the_second_epoch(progress: Progress) -> None:
    if progress.epoch == 2:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", [1, 0.8535534, 0.5, 0.1464466, 0]),
        ("constant", [1, 1, 1, 1, 1]),
        ("step", [1, 1, 0.1, 0.01, 0.01]),
        ("onecycle", [0.04, 0.84, 0.8117449, 0.2830581, 0]),
    ],
)
def test_schedules_of_the_learning_rate(schedule: str, expected: list[float]) -> None:
    assert [SCHEDULES[schedule](done / 4) for done in range(5)] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_every_optimizer_trains(optimizer: str) -> None:
    assert settings_of({"optimizer": optimizer}).optimizer == optimizer
    tuned = finetune(net(), loader(), optimizer=optimizer, **QUICK)
    assert tuned.history[-1].loss < tuned.history[0].loss


def test_recalibration_takes_mean_and_variance_anew() -> None:
    model = nn.Sequential(nn.BatchNorm1d(1, momentum=0.3), nn.Dropout(0.9)).eval()
    model[0].running_mean.fill_(99.0)
    batches = [(torch.tensor([[0.0], [2.0]]), torch.zeros(2)), (torch.tensor([[4.0], [8.0]]), torch.zeros(2))]
    found = recalibrate(model, batches)[0]
    # means 1 and 6, unbiased variances 2 and 8
    assert (float(found.running_mean), float(found.running_var)) == (3.5, 5.0)
    assert (found.momentum, found.training, float(model[0].running_mean)) == (0.3, False, 99.0)
    first = recalibrate(model, batches, max_batches=1)[0]
    assert (float(first.running_mean), float(first.running_var)) == (1.0, 2.0)


def test_recalibration_without_data_or_with_other_shapes_is_refused() -> None:
    with pytest.raises(TrainingError, match="holds no batches"):
        recalibrate(net(), [])
    with pytest.raises(TrainingError, match="did not run on a batch of the data"):
        recalibrate(net(), [(torch.zeros(2, 3), torch.zeros(2))])
