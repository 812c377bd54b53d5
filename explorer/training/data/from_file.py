"""Data that a function in a Python file of the user's returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset
from torch.utils.data import Dataset as TorchDataset

from explorer.code_file import call_factory
from explorer.engine.errors import DataError
from explorer.training.data.split import Dataset, Split, three_parts

PARTS = ("train", "validation", "test")
RETURNS = "a dataset, a DataLoader, (train, test) or (train, validation, test)"
LABEL = "A label is the index of the right class: one whole number, 0 or more, for each sample."


def data_from_file(path: Path, factory: str) -> Dataset:
    """The data that the function `factory` of the file returns.

    It returns a dataset of PyTorch's whose items are (input, label) pairs, or a `DataLoader` over one; or several, as
    (train, test), as (train, validation, test) or in a dict by these names; or an `explorer.training.Dataset`. What is
    not apart already is held out of `train` (see `three_parts`). Of a `DataLoader` its dataset, its way of joining
    samples and its number of workers are taken; order and size of batches are the explorer's.

    Raises:
        DataError: If the file or function fails, or returns something else.
    """
    word = f"{path}:{factory}"
    returned = call_factory(path, factory, RETURNS, DataError)
    if isinstance(returned, Dataset):
        return replace(returned, word=word)
    given = {name: _split(data, f"The {name} part that '{word}' returned") for name, data in _named(returned, word)}
    num_classes = max(split.num_classes for split in given.values())
    parting, *parts = three_parts({name: replace(split, num_classes=num_classes) for name, split in given.items()})
    return Dataset(word, f"{factory} ({path.name})", parting, *parts)


def _named(returned: object, word: str) -> list[tuple[str, object]]:
    """The parts that were returned, by name."""
    if isinstance(returned, Mapping) and "train" in returned and set(returned) <= set(PARTS):
        return list(returned.items())
    if isinstance(returned, (TorchDataset, DataLoader)):
        return [("train", returned)]
    if isinstance(returned, tuple) and len(returned) in (2, 3):
        return list(zip(PARTS if len(returned) == 3 else ("train", "test"), returned, strict=True))
    raise DataError(f"'{word}' returned {type(returned).__name__}. It must return {RETURNS}.")


def _split(data: object, what: str) -> Split:
    """A part, from a dataset or a loader."""
    loader = data if isinstance(data, DataLoader) else None
    data = loader.dataset if loader else data
    if isinstance(data, IterableDataset) or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise DataError(
            f"{what} is a {type(data).__name__}, whose samples have no number. Return a dataset with a length and an "
            "item for each index."
        )
    if not len(data):
        raise DataError(f"{what} is empty. Return at least one sample.")
    labels = _checked_labels(_labels(data, what), len(data), what)
    num_classes = len(classes) if (classes := getattr(data, "classes", None)) else int(labels.max()) + 1
    given = {"collate": loader.collate_fn, "workers": loader.num_workers} if loader else {}
    return Split(data, labels, num_classes, **given)  # type: ignore[arg-type]


def _labels(data: Any, what: str) -> Any:
    """The label of every sample: what the dataset says of itself, or what reading it gives."""
    if isinstance(data, Subset):
        return torch.as_tensor(_labels(data.dataset, what))[list(data.indices)]
    if isinstance(data, TensorDataset):
        return data.tensors[-1]
    if getattr(data, "targets", None) is not None:
        return data.targets
    return [_label(data, index, what) for index in range(len(data))]


def _label(data: Any, index: int, what: str) -> Any:
    """The label of one sample, which is read and dropped."""
    try:
        pair = data[index]
    except Exception as error:
        raise DataError(f"{what} raised {type(error).__name__} for sample {index}: {error}") from error
    if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
        raise DataError(f"{what} has items of type {type(pair).__name__}. Each must be a pair (input, label).")
    return pair[1]


def _checked_labels(labels: Any, count: int, what: str) -> Tensor:
    """The labels as int64 of shape (N,)."""
    try:
        found = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} has labels that are no numbers: {error}. {LABEL}") from error
    is_whole = not found.is_floating_point() and not found.is_complex()
    if found.shape != (count,) or not is_whole or int(found.min()) < 0:
        raise DataError(
            f"{what} has labels of shape {tuple(found.shape)} and type {found.dtype} for {count} samples. {LABEL}"
        )
    return found.long()
