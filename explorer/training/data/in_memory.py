"""Data that is in memory already: datasets and loaders of PyTorch's, or tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset
from torch.utils.data import Dataset as TorchDataset

from explorer.engine.errors import DataError
from explorer.training.data.split import Dataset, Split, three_parts

PARTS = ("train", "validation", "test")
FORMS = "a dataset, a DataLoader, (inputs, labels), (train, test) or (train, validation, test)"
LABEL = "A label is the index of the right class: one whole number, 0 or more, for each sample."


def data_in_memory(given: object, *, word: str, title: str, what: str, alone: str = "train") -> Dataset:
    """A dataset in three parts from what somebody has in memory.

    Args:
        given: A dataset of PyTorch's whose items are (input, label) pairs, a `DataLoader` over one, or a tensor of
            inputs and one of labels; or several of them, as (train, test), as (train, validation, test) or in a dict by
            these names; or a `Dataset`, which comes back under the new word. What is not apart already is held out of
            `train` (see `three_parts`). Of a `DataLoader` its dataset, its way of joining samples and its number of
            workers are taken; order and size of batches are the explorer's.
        word: What the data is asked for by.
        title: What it is called on screen.
        what: What it is in errors: ``data that 'file.py:build' returned``.
        alone: Which part a single dataset is. As ``test`` it is measured as a whole, and there is nothing to train on.

    Raises:
        DataError: It is something else, or not labelled.
    """
    if isinstance(given, Dataset):
        return replace(given, word=word)
    parts = {name: _split(data, f"The {name} part of the {what}") for name, data in _named(given, what, alone)}
    num_classes = max(split.num_classes for split in parts.values())
    parts = {name: replace(split, num_classes=num_classes) for name, split in parts.items()}
    parting, *three = three_parts(parts) if "train" in parts else _for_measuring(parts)
    return Dataset(word, title, parting, *three)


def _for_measuring(parts: Mapping[str, Split]) -> tuple[str, Split, Split, Split]:
    """Three parts of which nothing can be trained on: train is empty, and validation where none was given."""
    test = parts["test"]
    nothing = test.take(torch.empty(0, dtype=torch.int64))
    return "test as given, for measuring alone", nothing, parts.get("validation", nothing), test


def _named(given: object, what: str, alone: str) -> list[tuple[str, object]]:
    """The parts that were given, by name."""
    if isinstance(given, Mapping) and set(given) <= set(PARTS) and {"train", "test"} & set(given):
        return list(given.items())
    if isinstance(given, (TorchDataset, DataLoader)) or _are_tensors(given):
        return [(alone, given)]
    if isinstance(given, tuple) and len(given) in (2, 3):
        return list(zip(PARTS if len(given) == 3 else ("train", "test"), given, strict=True))
    raise DataError(f"The {what} is of type {type(given).__name__}. Give {FORMS}.")


def _are_tensors(given: object) -> bool:
    """Whether it is a tensor of inputs and one of labels."""
    return isinstance(given, tuple) and len(given) == 2 and all(isinstance(each, Tensor) for each in given)


def _split(data: object, what: str) -> Split:
    """A part, from a dataset, a loader or two tensors."""
    loader = data if isinstance(data, DataLoader) else None
    data = loader.dataset if loader else data
    if isinstance(data, tuple) and _are_tensors(data):
        _check_sizes(data, what)
        data = TensorDataset(*data)
    if isinstance(data, IterableDataset) or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise DataError(
            f"{what} is a {type(data).__name__}, whose samples have no number. Give a dataset with a length and an "
            "item for each index."
        )
    if not len(data):
        raise DataError(f"{what} is empty. Give at least one sample.")
    labels = _checked_labels(_labels(data, what), len(data), what)
    num_classes = len(classes) if (classes := getattr(data, "classes", None)) else int(labels.max()) + 1
    given = {"collate": loader.collate_fn, "workers": loader.num_workers} if loader else {}
    return Split(data, labels, num_classes, **given)  # type: ignore[arg-type]


def _check_sizes(pair: tuple[Tensor, Tensor], what: str) -> None:
    sizes = [len(each) if each.dim() else 0 for each in pair]
    if sizes[0] != sizes[1]:
        raise DataError(f"{what} has {sizes[0]} inputs and {sizes[1]} labels. Give one label for each input.")


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
