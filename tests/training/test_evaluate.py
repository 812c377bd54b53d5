"""Accuracy counts what it should, leaves the model as it was, and refuses what it cannot measure."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import EvaluationError
from explorer.training import Split, evaluate


class Scores(nn.Module):
    """Gives back its inputs: the data itself decides what the model answers."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def split_of(answers: list[int], labels: list[int], num_classes: int = 3) -> Split:
    scores = nn.functional.one_hot(torch.tensor(answers, dtype=torch.int64), num_classes).float()
    return Split(scores, torch.tensor(labels, dtype=torch.int64), num_classes)


@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_counts_right_answers_over_all_batches(batch_size: int):
    measured = evaluate(Scores(), split_of([0, 1, 2, 1, 0], [0, 1, 1, 1, 2]), batch_size=batch_size)
    assert (measured.accuracy, measured.correct, measured.total) == (0.6, 3, 5)
    assert measured.seconds > 0


def test_takes_batches_of_a_loader():
    split = split_of([0, 1, 2], [0, 1, 1])
    dataset = torch.utils.data.TensorDataset(split.inputs, split.labels)
    measured = evaluate(Scores(), torch.utils.data.DataLoader(dataset, batch_size=2))
    assert (measured.correct, measured.total) == (2, 3)


def test_runs_in_eval_mode_without_gradients_and_restores_each_mode():
    seen: list[tuple[bool, bool]] = []
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(), nn.BatchNorm1d(3))
    model.train()
    model[1].eval()
    model[2].register_forward_hook(lambda module, *_: seen.append((module.training, torch.is_grad_enabled())))
    evaluate(model, split_of([0, 1], [0, 1]))
    assert seen == [(False, False)]
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert model[2].num_batches_tracked == 0


def test_restores_modes_when_the_forward_fails():
    model = nn.Linear(5, 3).train()
    with pytest.raises(EvaluationError, match=r"did not run on a batch of shape \(2, 3\)"):
        evaluate(model, split_of([0, 1], [0, 1]))
    assert model.training


def test_refuses_data_without_samples():
    with pytest.raises(EvaluationError, match="holds no samples"):
        evaluate(Scores(), [])


def test_refuses_a_model_for_another_number_of_classes():
    with pytest.raises(EvaluationError, match="The data has 3 classes; the model gives 7 scores"):
        evaluate(nn.Linear(3, 7), split_of([0], [0]))


def test_refuses_labels_that_no_score_stands_for():
    with pytest.raises(EvaluationError, match="labels run from 0 to 5; the model gives 3 scores"):
        evaluate(Scores(), [(torch.zeros(2, 3), torch.tensor([0, 5]))])


@pytest.mark.parametrize("shape", [(2,), (2, 3, 8, 8), (3, 3)])
def test_refuses_scores_that_are_not_one_row_per_sample(shape: tuple[int, ...]):
    with pytest.raises(EvaluationError, match=r"needs class scores of shape \(2, num_classes\)"):
        evaluate(Scores(), [(torch.zeros(shape), torch.tensor([0, 1]))])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_refuses_scores_that_are_not_finite(bad: float):
    with pytest.raises(EvaluationError, match="NaN or infinity"):
        evaluate(Scores(), [(torch.tensor([[0.0, bad]]), torch.tensor([0]))])


def test_refuses_a_model_that_returns_no_tensor():
    class Detector(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"boxes": x}

    with pytest.raises(EvaluationError, match="the model returned dict"):
        evaluate(Detector(), split_of([0], [0]))
