"""Trains a pruned model until it is as good as it was, with what there is so far for those who watch."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from explorer.exploration import Exploration
from explorer.jobs.curves import TrainingCurve, going_on
from explorer.jobs.progress import Progress
from explorer.jobs.tensors import Outcome, packed
from explorer.training import Dataset, Training, evaluate, finetune
from explorer.training.checkpoint import Checkpoint


def recover(exploration: Exploration, data: Dataset, progress: Progress, **settings: Any) -> Outcome:
    """Fine-tunes what a recipe makes of a model. The model is untouched, whatever happens.

    Args:
        exploration: The model and its recipe.
        data: Trains on its train part, chooses the epoch on its validation part, reports on its test part.
        progress: Shown the curve after every step, as `TrainingCurve.to_json` gives it. Where it says so, training
            ends, and the best epoch so far is the result. Its shelf keeps the state, from which the same work goes on.
        settings: Fields of `TrainingSettings`.

    Returns:
        The curve, ``before`` and ``accuracy`` (on the test part, 0-1), ``best_epoch`` (0 where none was finished and
        nothing was learnt), ``epochs`` that were finished and ``stopped``; and the weights.

    Raises:
        ExplorerError: The plan cannot be made or applied, or the training failed; the message says which.
    """
    pruned = exploration.plan().apply()
    before = evaluate(pruned.model, data.test).accuracy
    curve = TrainingCurve(evaluate(pruned.model, data.validation).accuracy)

    def train(checkpoint: Checkpoint | None) -> Training:
        watch = partial(curve.watch, progress=progress)
        return finetune(pruned.model, data, watch=watch, checkpoint=checkpoint, **settings)

    training = going_on(progress, {"curve": curve}, train)
    model = training.model if training.best_epoch else pruned.model
    result = told(curve, training) | {"before": before, "accuracy": evaluate(model, data.test).accuracy}
    return result, packed(model.state_dict())


def told(curve: TrainingCurve, training: Training) -> dict[str, Any]:
    """What is told of a training that ended: its curve, best epoch, and whether it was stopped."""
    curve.history = [asdict(epoch) for epoch in training.history]
    return {
        **curve.to_json(),
        "best_epoch": training.best_epoch,
        "epochs": len(training.history),
        "stopped": training.stopped,
    }
