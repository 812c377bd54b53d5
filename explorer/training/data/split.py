"""Labelled samples in three parts, in batches that a model takes as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from torch.utils.data import Dataset as TorchDataset

from explorer.engine.batches import Batch, Inputs
from explorer.engine.errors import DataError

Collate: TypeAlias = Callable[[list[Any]], Any]

SPLIT_SEED = 0


def unchanged(inputs: Any) -> Any:
    """The inputs themselves: the form of data that is stored as the model takes it."""
    return inputs


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Labelled samples, one part of a dataset.

    Attributes:
        inputs: The samples, shape (N, ...), or a dataset of PyTorch's that reads (input, label) pairs when asked.
        labels: Index of the right class of each sample, shape (N,), int64, in [0, num_classes).
        num_classes: How many classes a model must tell apart.
        form: Makes of a batch of samples what the model takes.
        augment: Makes of a batch of samples, and a generator, a random variant of it; training sees nothing else.
        is_joint: Whether the samples of a batch are one input, such as the nodes of a graph. All of them are measured
            at once then, whatever the batch size; training takes parts of that size.
        collate: Joins pairs that a dataset reads to a batch; PyTorch's own rules by default.
        workers: Processes that read a dataset; 0 reads in this one.
    """

    inputs: Tensor | TorchDataset[Any]
    labels: Tensor
    num_classes: int
    form: Callable[[Any], Inputs] = unchanged
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None
    is_joint: bool = False
    collate: Collate | None = None
    workers: int = 0

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.labels)

    def batches(self, batch_size: int, *, seed: int | None = None) -> Iterator[Batch]:
        """Inputs and labels, at most `batch_size` samples at a time.

        Args:
            batch_size: Samples per batch. A last batch of a single sample joins the one before it when training:
                BatchNorm cannot learn from one.
            seed: None for measuring: the stored order, samples as they are. A number for training: an order and an
                augmentation that follow from the number alone; take another one for each epoch.

        Yields:
            What the model takes, and labels of shape (B,).
        """
        if seed is None:
            order, size = torch.arange(len(self)), max(1, len(self)) if self.is_joint else batch_size
            for rows, found in self._read(order.split(size)):
                yield self.form(found), self.labels[rows]
            return
        generator = torch.Generator().manual_seed(seed)
        for rows, found in self._read(_shuffled(len(self), batch_size, generator)):
            yield self.form(self.augment(found, generator) if self.augment else found), self.labels[rows]

    def take(self, rows: Tensor) -> Split:
        """The samples at `rows`, int64 of shape (M,), in that order."""
        inputs = self.inputs[rows] if isinstance(self.inputs, Tensor) else Subset(self.inputs, rows.tolist())
        return replace(self, inputs=inputs, labels=self.labels[rows])

    def _read(self, batches: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, Any]]:
        """For each batch of row numbers: these, and the samples."""
        if isinstance(self.inputs, Tensor):
            yield from ((rows, self.inputs[rows]) for rows in batches)
            return
        sampler = [rows.tolist() for rows in batches]
        loader = DataLoader(self.inputs, batch_sampler=sampler, collate_fn=self.collate, num_workers=self.workers)
        for rows, pairs in zip(batches, loader, strict=True):
            yield rows, tuple(pairs[0]) if isinstance(pairs[0], list) else pairs[0]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A dataset in three parts that share no sample.

    Attributes:
        word: What it is asked for by: `digits`, `cifar10:DIR`.
        title: What it is called in cards and on screen.
        parting: How the parts were made, in words.
        train: What a model may learn from.
        validation: What choices are made on: a schedule, when to stop, which groups are sensitive.
        test: What accuracy is reported on; never used to train, tune or stop.
    """

    word: str
    title: str
    parting: str
    train: Split
    validation: Split
    test: Split


def hold_out(split: Split, fraction: float, *, seed: int) -> tuple[Split, Split]:
    """Two disjoint parts of `split`: what remains, and a random `fraction` of every class held out.

    Args:
        split: What to part.
        fraction: Share of the samples that is held out, between 0 and 1, both excluded.
        seed: Seed of the permutations.

    Raises:
        DataError: If one of the two parts would be empty.
    """
    held = _held_rows(split.labels.numpy(), fraction, np.random.RandomState(seed))
    if not 0 < int(held.sum()) < len(split):
        raise DataError(
            f"Holding out {fraction:g} of {len(split)} samples leaves {int((~held).sum())} and {int(held.sum())}: "
            "both parts need at least one. Choose another fraction between 0 and 1, or give more samples."
        )
    return split.take(torch.from_numpy(np.flatnonzero(~held))), split.take(torch.from_numpy(np.flatnonzero(held)))


def three_parts(given: Mapping[str, Split]) -> tuple[str, Split, Split, Split]:
    """How the parts were made, in words, and the train, validation and test parts; only the first is augmented.

    Args:
        given: `train`, and `validation` or `test` where they are apart already. `train` alone is parted 64/16/20. A
            single other part is the test part, and a tenth of `train` is held out for validation. What is held out is
            a random share of every class.

    Raises:
        DataError: If there is no `train`, or one of the parts would be empty.
    """
    if "train" not in given:
        raise DataError(f"Data needs a train part; what was given is {' and '.join(given) or 'nothing'}.")
    train, others = given["train"], [given[name] for name in ("validation", "test") if name in given]
    if len(others) == 2:
        parting, (validation, test) = "all three as given", others
    elif others:
        train, validation = hold_out(train, 0.1, seed=SPLIT_SEED)
        parting, test = f"test as given; a stratified tenth of train is validation, seed {SPLIT_SEED}", others[0]
    else:
        train, test = hold_out(train, 0.2, seed=SPLIT_SEED)
        train, validation = hold_out(train, 0.2, seed=SPLIT_SEED)
        parting = f"stratified 64/16/20, seed {SPLIT_SEED}"
    return parting, train, replace(validation, augment=None), replace(test, augment=None)


def _held_rows(labels: np.ndarray, fraction: float, random: np.random.RandomState) -> np.ndarray:
    """For each sample whether it is held out, shape (N,), bool."""
    # RandomState's stream is frozen for good (NEP 19); those of torch and of numpy's Generator may change
    held = np.zeros(len(labels), dtype=bool)
    seen = taken = 0
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        seen += len(rows)
        share = round(seen * fraction) - taken  # what rounding takes from one class, the next one makes up for
        held[rows[:share]] = True
        taken += share
    return held


def _shuffled(count: int, batch_size: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Random row numbers in batches, none of a single row unless there is only one."""
    batches: tuple[Tensor, ...] = torch.randperm(count, generator=generator).split(batch_size)
    if len(batches) > 1 and len(batches[-1]) == 1:
        return (*batches[:-2], torch.cat(batches[-2:]))
    return batches
