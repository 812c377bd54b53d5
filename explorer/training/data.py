"""The data that accuracy is measured on: scikit-learn's handwritten digits, with a split that never changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from explorer.engine.errors import EvaluationError

SPLIT_SEED = 0
TEST_FRACTION = 0.2
MAX_INTENSITY = 16.0  # scikit-learn's digits count the set pixels of 4x4 blocks: 0 to 16


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images with their labels, one part of a dataset.

    Attributes:
        images: Inputs of a model, shape (N, C, H, W), float32.
        labels: Index of the right class of each image, shape (N,), int64, in [0, num_classes).
        num_classes: How many classes a model must tell apart.
    """

    images: Tensor
    labels: Tensor
    num_classes: int

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The images and labels in their stored order, at most `batch_size` at a time."""
        yield from zip(self.images.split(batch_size), self.labels.split(batch_size), strict=True)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A named dataset in two parts.

    Attributes:
        name: What the data is called in cards and on screen.
        split_seed: Seed of the permutation that parted train from test.
        mean: Mean of the train pixels after scaling to 0-1, already subtracted from the images.
        std: Standard deviation of the train pixels after scaling to 0-1, already divided out of the images.
        train: What a model may learn from.
        test: What accuracy is reported on; never used to train, tune or stop.
    """

    name: str
    split_seed: int
    mean: float
    std: float
    train: Split
    test: Split


@lru_cache(maxsize=1)
def digits() -> Dataset:
    """Scikit-learn's 1,797 handwritten digits as 1,438 train and 359 test images of shape (1, 8, 8).

    Pixels are scaled to 0-1, then standardised with the mean and standard deviation of the train part. The data ships
    with scikit-learn: nothing is downloaded. The result is shared between callers, so treat its tensors as constants.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html
    """
    # scikit-learn takes a second to import, and tracing a model does without it
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = torch.from_numpy(bunch.images / MAX_INTENSITY).float().unsqueeze(1)  # (N, 1, 8, 8)
    labels = torch.from_numpy(bunch.target).long()
    train_rows, test_rows = _split_rows(len(labels), TEST_FRACTION, SPLIT_SEED)
    mean, std = pixels[train_rows].mean().item(), pixels[train_rows].std().item()
    images = (pixels - mean) / std
    num_classes = len(bunch.target_names)
    return Dataset(
        name="scikit-learn digits",
        split_seed=SPLIT_SEED,
        mean=mean,
        std=std,
        train=Split(images[train_rows], labels[train_rows], num_classes),
        test=Split(images[test_rows], labels[test_rows], num_classes),
    )


def hold_out(split: Split, fraction: float, *, seed: int) -> tuple[Split, Split]:
    """Two disjoint parts of `split`: what remains, and a random `fraction` held out, for validation.

    Args:
        split: What to part.
        fraction: Share of the images that is held out, between 0 and 1, both excluded.
        seed: Seed of the permutation.

    Raises:
        EvaluationError: If one of the two parts would be empty.
    """
    kept, held = _split_rows(len(split), fraction, seed)
    if not len(kept) or not len(held):
        raise EvaluationError(
            f"Holding out {fraction:g} of {len(split)} images leaves {len(kept)} and {len(held)}: "
            "both parts need at least one. Choose another fraction between 0 and 1, or give more images."
        )
    return (
        Split(split.images[kept], split.labels[kept], split.num_classes),
        Split(split.images[held], split.labels[held], split.num_classes),
    )


def _split_rows(count: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Row numbers of the larger and the held-out part, each in ascending order."""
    # RandomState's stream is frozen for good (NEP 19); those of torch and of numpy's Generator may change.
    order = np.random.RandomState(seed).permutation(count)
    held_count = round(count * fraction)
    return torch.from_numpy(np.sort(order[held_count:])), torch.from_numpy(np.sort(order[:held_count]))
