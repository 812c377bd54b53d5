"""Data as training takes it: parts, shuffled batches, and one forward."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sized
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DistributedSampler

from explorer.engine.batches import Batch, Batched, Batches, Inputs, as_call, on_device
from explorer.engine.errors import EvaluationError, TrainingError
from explorer.training import processes
from explorer.training.data import Dataset

Data = Dataset | Batches


def parts_of(data: Data, validation: Batches | None) -> tuple[Batches, Batches | None]:
    """What to train on, and what to choose an epoch on. The test part of a `Dataset` is never read.

    Args:
        data: A `Dataset`, or what to train on alone.
        validation: What to measure on after each epoch; by default the validation part of a `Dataset`, nothing else.

    Raises:
        TrainingError: The `Dataset` has nothing to train on.
    """
    if not isinstance(data, Dataset):
        return data, validation
    if not len(data.train):
        raise TrainingError(
            f"{data.title} has a test part alone, for measuring. Give something to train on too: (train, test)."
        )
    return data.train, data.validation if validation is None else validation


def training_batches(data: Batches, batch_size: int, seed: int) -> Iterator[Batch]:
    """The batches of one epoch that are this process's, in an order that follows from the seed where the data allows.

    Args:
        data: Data that parts itself is shuffled; a loader does as it was made to.
        batch_size: Samples per batch of data that parts itself.
        seed: Another one for each epoch.
    """
    sampler = getattr(data, "sampler", None)
    if isinstance(sampler, DistributedSampler):
        sampler.set_epoch(seed)
        yield from _loaded(data)
        return
    yield from processes.own_share(data.batches(batch_size, seed=seed) if isinstance(data, Batched) else _loaded(data))


def batches_per_epoch(data: Batches, batch_size: int) -> int | None:
    """How many steps an epoch has, about; None where the data does not say."""
    if not isinstance(data, Sized):
        return None
    if isinstance(data, Batched):
        return max(1, math.ceil(len(data) / batch_size) // processes.count())
    is_shared = isinstance(getattr(data, "sampler", None), DistributedSampler)
    return max(1, len(data) // (1 if is_shared else processes.count()))


def scores_of(model: nn.Module, inputs: Inputs, device: torch.device) -> Any:
    """The model's outputs for one batch.

    Raises:
        TrainingError: The model does not run on it.
    """
    args, kwargs = as_call(on_device(inputs, device))
    try:
        return model(*args, **kwargs)
    except torch.OutOfMemoryError as error:
        raise TrainingError(f"{device} lacks memory for a batch: {error} Take a smaller batch_size.") from error
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise TrainingError(
            f"The model did not run on a batch of the training data: {error} Train it on data of the shape that it was "
            "built for."
        ) from error


def _loaded(data: Any) -> Iterator[Batch]:
    if not isinstance(data, Iterable):
        raise EvaluationError(
            f"Data is a Dataset, a Split or batches of inputs and labels, not {type(data).__name__}. Wrap samples in a "
            "torch.utils.data.DataLoader."
        )
    if isinstance(data, Iterator):
        raise TrainingError("An iterator can be read only once. Give a list of batches or a DataLoader.")
    for batch in data:
        inputs, labels = _pair(batch)
        yield inputs, labels


def _pair(batch: Any) -> tuple[Inputs, Tensor]:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise TrainingError(
            f"A batch is a pair of inputs and labels; the data gave {type(batch).__name__}. Put several inputs into a "
            "tuple: ((a, b), labels)."
        )
    return batch[0], batch[1]
