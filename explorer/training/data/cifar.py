"""CIFAR-10 from its binary version. The Python version is pickles, which could run code: it is never opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explorer.engine.errors import DataError
from explorer.training.data.augment import crop_and_flip
from explorer.training.data.split import Dataset, Split, three_parts

CLASSES = 10
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32  # a label, then the pixels by channel, row and column
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
BINARY, PICKLES = "cifar-10-batches-bin", "cifar-10-batches-py"


def cifar10(folder: str) -> Dataset:
    """CIFAR-10: 45,000 train, 5,000 validation and 10,000 test images of shape (3, 32, 32).

    Pixels are standardised with each channel's mean and standard deviation over the train part. As in section 4.2 of
    He et al., Deep Residual Learning (CVPR 2016), 5,000 of the 50,000 training images are held out for validation.

    Args:
        folder: Where `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` are, or the folder above.

    Raises:
        DataError: If the files are missing, are those of the Python version, or are damaged.

    Source: https://www.cs.toronto.edu/~kriz/cifar.html, "binary version"
    """
    place = _place(Path(folder))
    parting, train, validation, test = three_parts(
        {"train": _split(place, TRAIN_FILES), "test": _split(place, TEST_FILES)}
    )
    form = _standardise(torch.as_tensor(train.inputs))
    return Dataset(
        word=f"cifar10:{folder}",
        title="CIFAR-10",
        parting=parting,
        train=replace(train, form=form, augment=crop_and_flip),
        validation=replace(validation, form=form),
        test=replace(test, form=form),
    )


def _place(folder: Path) -> Path:
    """The folder that holds the binary files."""
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}' with CIFAR-10. Give its path, relative to {Path.cwd()}.")
    for place in (folder, folder / BINARY):
        if (place / TRAIN_FILES[0]).is_file():
            return place
    if any((place / "data_batch_1").is_file() for place in (folder, folder / PICKLES)):
        raise DataError(
            f"'{folder}' holds CIFAR-10's Python version, which is pickles: opening them could run code, so they are "
            "not opened. Download the binary version (cifar-10-binary.tar.gz) and give its folder."
        )
    raise DataError(
        f"'{folder}' holds no {TRAIN_FILES[0]}. Give the folder of CIFAR-10's binary version, {BINARY}, or the one "
        "above it."
    )


def _split(place: Path, names: tuple[str, ...]) -> Split:
    """The images, uint8 of shape (N, 3, 32, 32), and labels of some files."""
    records = np.concatenate([_records(place / name) for name in names])
    labels = torch.from_numpy(records[:, 0].astype(np.int64))
    images = torch.from_numpy(records[:, 1:]).reshape(-1, *SHAPE)
    return Split(images, labels, CLASSES)


def _records(path: Path) -> np.ndarray:
    """The records of a file, uint8 of shape (N, 3073)."""
    if not path.is_file():
        raise DataError(f"CIFAR-10 is incomplete: there is no '{path}'. Unpack the binary version again.")
    content = np.fromfile(path, dtype=np.uint8)
    if not len(content) or len(content) % RECORD:
        raise DataError(
            f"'{path}' has {len(content):,} bytes, no multiple of the {RECORD:,} of an image and its label. "
            "Unpack the binary version again."
        )
    records = content.reshape(-1, RECORD)
    if records[:, 0].max() >= CLASSES:
        raise DataError(
            f"'{path}' has a label {records[:, 0].max()}; CIFAR-10's run from 0 to {CLASSES - 1}. "
            "Give CIFAR-10's binary version, not that of another dataset."
        )
    return records


def _standardise(images: Tensor) -> Callable[[Tensor], Tensor]:
    """What makes standardised float32 pixels of uint8 ones, by the channels' statistics over `images`."""
    values = torch.arange(256) / 255
    counts = [torch.bincount(images[:, channel].flatten(), minlength=256).double() for channel in range(SHAPE[0])]
    share = torch.stack(counts) / counts[0].sum()  # (3, 256)
    mean = share @ values.double()
    std = (share @ values.double().square() - mean.square()).sqrt()
    mean, std = mean.float().view(-1, 1, 1), std.float().clamp(min=1e-6).view(-1, 1, 1)
    return lambda batch: (batch / 255 - mean) / std
