"""Gradients of the loss on some data, for the criteria that ask what a channel does to the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from explorer.engine.batches import Batches, Inputs, as_call, batches_of, on_device
from explorer.engine.errors import EvaluationError
from explorer.engine.trace import in_eval_mode
from explorer.engine.trees import flatten_tensors

Loss = Callable[[Any, Tensor], Tensor]
_BATCH_SIZE = 64
MOST_SAMPLES = 1024
"""Samples that gradients are taken on, where nobody says otherwise."""


@dataclass(frozen=True, eq=False)
class Gradients:
    """What was measured of a model's loss; plans of the same weights can share it.

    Attributes:
        mean: For each parameter name the gradient of the mean loss, in the parameter's shape.
        fisher: The mean over single samples of the squared gradient of that sample's loss: the diagonal of the
            empirical Fisher information. Empty where it was not asked for.
        samples: How many samples were seen.
    """

    mean: Mapping[str, Tensor] = field(repr=False)
    fisher: Mapping[str, Tensor] = field(repr=False)
    samples: int


def gradients(
    model: nn.Module,
    data: Batches,
    *,
    fisher: bool = False,
    loss: Loss = F.cross_entropy,
    max_samples: int = MOST_SAMPLES,
) -> Gradients:
    """The gradient of the loss with respect to every parameter. The model, its modes and its `.grad` are untouched.

    Args:
        model: A model whose outputs the loss takes.
        data: Batches of inputs and labels, or anything with `batches(batch_size)`, such as a `Split`.
        fisher: Also take the squared gradients of single samples, one backward for each. Of data whose samples are one
            input (`is_joint`), such as the nodes of a graph, a sample is a row of the outputs.
        loss: From the model's outputs and the labels to the mean loss of a batch.
        max_samples: Samples after which no further batch is read.

    Raises:
        EvaluationError: There is no data, the model or the loss does not run on it, the loss is not finite, or single
            samples were asked for of batches that cannot be cut into them.

    Example:
        >>> measured = gradients(nn.Linear(1, 2), [(torch.ones(4, 1), torch.zeros(4, dtype=torch.int64))])
        >>> measured.samples, tuple(measured.mean)
        (4, ('weight', 'bias'))
    """
    weights = {name: weight.detach().requires_grad_() for name, weight in model.named_parameters() if _is_real(weight)}
    mean = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    squared = {name: torch.zeros_like(weight) for name, weight in weights.items()} if fisher else {}
    seen = 0
    # cuDNN's recurrent kernels have no backward in eval mode
    with in_eval_mode(model), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        for found, count in _measured(model, weights, data, loss, single=fisher):
            for name, gradient in zip(weights, found, strict=True):
                if gradient is not None:
                    mean[name] += gradient * count
                    if fisher:
                        squared[name] += gradient.square()
            seen += count
            if seen >= max_samples:
                break
    if not seen:
        raise EvaluationError("Gradients were asked for, but the data holds no samples. Give at least one.")
    return Gradients(_divided(mean, seen), _divided(squared, seen), seen)


def _is_real(weight: Tensor) -> bool:
    return weight.is_floating_point() and not weight.is_meta


def _divided(sums: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    return {name: total / count for name, total in sums.items()}


def _measured(
    model: nn.Module, weights: Mapping[str, Tensor], data: Batches, loss: Loss, *, single: bool
) -> Iterator[tuple[tuple[Tensor | None, ...], int]]:
    """Gradients of the mean loss of some samples, one for each weight, and how many samples that are."""
    is_joint = single and bool(getattr(data, "is_joint", False))
    for inputs, labels in _pieces(data, is_apart=single and not is_joint):
        given = labels.to(next((weight.device for weight in weights.values()), torch.device("cpu")))
        outputs = _outputs(model, weights, inputs, given)
        if not is_joint:
            yield _gradients(_loss(loss, outputs, given), weights), len(given)
            continue
        for row in range(len(given)):
            own = _loss(loss, outputs[row : row + 1], given[row : row + 1])
            yield _gradients(own, weights, is_last=row + 1 == len(given)), 1


def _pieces(data: Batches, *, is_apart: bool) -> Iterator[tuple[Inputs, Tensor]]:
    """Batches, or single samples."""
    for inputs, labels in batches_of(data, 1 if is_apart else _BATCH_SIZE):
        if not is_apart or len(labels) == 1:
            yield inputs, labels
            continue
        _check_parts(inputs, len(labels))
        for row in range(len(labels)):
            yield _row(inputs, row), labels[row : row + 1]


def _check_parts(inputs: Inputs, count: int) -> None:
    """Nothing, where the inputs of a batch can be cut into those of its samples.

    Raises:
        EvaluationError: Some tensor has another number of rows than there are samples, such as the edges of a graph.
    """
    shapes = [tuple(tensor.shape) for tensor in flatten_tensors(inputs)]
    if any(shape[:1] != (count,) for shape in shapes):
        raise EvaluationError(
            f"Squared gradients of single samples were asked for, but a batch of {count} labels has inputs of shape "
            f"{', '.join(map(str, shapes))}, which cannot be cut into samples. Give one sample per batch, or data with "
            "`is_joint` set, where the samples of a batch belong together; or ask for a criterion that takes the "
            "gradient of the mean loss (taylor)."
        )


def _row(inputs: Inputs, row: int) -> Inputs:
    if isinstance(inputs, Tensor):
        return inputs[row : row + 1]
    if isinstance(inputs, Mapping):
        return {name: tensor[row : row + 1] for name, tensor in inputs.items()}
    return tuple(tensor[row : row + 1] for tensor in inputs)


def _outputs(model: nn.Module, weights: Mapping[str, Tensor], inputs: Inputs, labels: Tensor) -> Any:
    """What the model makes of a batch with these weights."""
    args, kwargs = as_call(on_device(inputs, labels.device))
    with _told_of(labels):
        return functional_call(model, dict(weights), args, kwargs)


def _loss(loss: Loss, outputs: Any, labels: Tensor) -> Tensor:
    """The mean loss of some outputs, which is finite."""
    with _told_of(labels):
        value = loss(outputs, labels)
    if not bool(torch.isfinite(value)):
        raise EvaluationError(
            f"The loss is {float(value.detach())}, so its gradient says nothing. Check the weights, the labels and "
            "whether the inputs are scaled as in training."
        )
    return value


def _gradients(value: Tensor, weights: Mapping[str, Tensor], *, is_last: bool = True) -> tuple[Tensor | None, ...]:
    """The gradient for each weight; None for one that the loss does not depend on."""
    return torch.autograd.grad(value, list(weights.values()), allow_unused=True, retain_graph=not is_last)


@contextmanager
def _told_of(labels: Tensor) -> Iterator[None]:
    """Errors of models and losses, in words."""
    try:
        yield
    except Exception as error:
        raise EvaluationError(
            f"The loss could not be taken on labels of shape {tuple(labels.shape)}: {error} Give data of the shape and "
            "classes that the model was built for, or your own loss."
        ) from error
