"""Accuracy of a classifier, measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.batches import Batch, Inputs, as_call, on_device
from explorer.engine.errors import EvaluationError
from explorer.engine.trees import structure
from explorer.training.data.split import Split


class NotFiniteError(EvaluationError):
    """The scores of a model hold NaN or infinity."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured.

    Attributes:
        accuracy: Fraction of the samples whose highest output is the right class, 0-1.
        correct: Number of those samples.
        total: Number of samples.
        seconds: Wall-clock time of the whole measurement.
        loss: Mean cross-entropy, which tells apart what accuracy counts as alike.
    """

    accuracy: float
    correct: int
    total: int
    seconds: float
    loss: float


def evaluate(
    model: nn.Module,
    data: Split | Iterable[Batch],
    *,
    batch_size: int = 256,
    tell: Callable[[int], object] = lambda done: None,
) -> Evaluation:
    """The top-1 accuracy of `model` on `data`.

    The model runs in eval mode without gradients on the device of its parameters; the mode of every submodule is
    restored afterwards, whatever happens.

    Args:
        model: A classifier: inputs (N, ...) to one output per class, (N, num_classes).
        data: A `Split`, or batches of inputs (a tensor, positional ones in a tuple, or keyword ones in a dict) and
            int64 labels of shape (N,), such as a `torch.utils.data.DataLoader`.
        batch_size: Samples per forward; used for a `Split` only.
        tell: Called after each batch with the number of samples done; what it raises ends the measurement.

    Raises:
        EvaluationError: If there is no data, if the model does not run on it, or if its outputs are not one finite
            number per sample and class.
    """
    num_classes = data.num_classes if isinstance(data, Split) else None
    batches = data.batches(batch_size) if isinstance(data, Split) else data
    started = time.perf_counter()
    correct, total, loss = 0, 0, 0.0
    with _eval_mode(model), torch.no_grad():
        for inputs, labels in batches:
            logits = _logits(model, inputs)
            check_logits(logits, labels, num_classes)
            _check_finite(logits)
            labels = labels.to(logits.device)
            correct += int((logits.argmax(dim=1) == labels).sum())
            loss += float(F.cross_entropy(logits.float(), labels, reduction="sum"))
            total += len(labels)
            tell(total)
    if total == 0:
        raise EvaluationError(
            "Accuracy was asked for, but the data holds no samples. Give at least one labelled sample."
        )
    return Evaluation(correct / total, correct, total, time.perf_counter() - started, loss / total)


@contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode inside, and the mode that each submodule had before outside."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, was_training in modes:
            module.training = was_training


def _logits(model: nn.Module, inputs: Inputs) -> Tensor:
    """The output tensor of one forward."""
    parameter = next(model.parameters(), None)
    try:
        args, kwargs = as_call(inputs if parameter is None else on_device(inputs, parameter.device))
        output = model(*args, **kwargs)
    except Exception as error:
        raise EvaluationError(
            f"The model did not run on a batch of shape {structure(inputs)}: {error} "
            "Measure it on data of the shape that it was built for."
        ) from error
    if not isinstance(output, Tensor):
        raise EvaluationError(
            f"Accuracy needs one tensor of class scores (N, num_classes); the model returned {type(output).__name__}. "
            "Wrap the model in a module that returns the scores alone."
        )
    return output


def check_logits(logits: Tensor, labels: Tensor, num_classes: int | None) -> None:
    """Raises `EvaluationError` unless `logits` is (N, classes) and covers the classes of the data."""
    if logits.dim() != 2 or len(logits) != len(labels):
        raise EvaluationError(
            f"Accuracy needs class scores of shape ({len(labels)}, num_classes); the model returned "
            f"{tuple(logits.shape)}. Measure a classifier, one row of scores per sample."
        )
    if num_classes is not None and logits.shape[1] != num_classes:
        raise EvaluationError(
            f"The data has {num_classes} classes; the model gives {logits.shape[1]} scores per sample. "
            "Measure it on the data that it was trained for, or replace its last layer."
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
        raise EvaluationError(
            f"The labels run from {int(labels.min())} to {int(labels.max())}; the model gives {logits.shape[1]} scores "
            "per sample. Labels must be class indices that the model has a score for."
        )


def _check_finite(logits: Tensor) -> None:
    if not bool(torch.isfinite(logits).all()):
        raise NotFiniteError(
            "The model's scores hold NaN or infinity, so no class is the highest. "
            "Check its weights and whether the inputs are scaled as in training."
        )
