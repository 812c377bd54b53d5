"""A small CIFAR-10 for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from explorer.training.data.cifar import RECORD, TEST_FILES, TRAIN_FILES

PER_FILE = 40


def write_cifar(folder: Path) -> np.ndarray:
    """A small CIFAR-10 of random pixels; gives back the records of the first file."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(0)
    written = []
    for name in (*TRAIN_FILES, *TEST_FILES):
        records = random.randint(0, 256, (PER_FILE, RECORD)).astype(np.uint8)
        records[:, 0] = np.arange(PER_FILE) % 10
        records[:, 1:1025] //= 2  # red is darker
        records.tofile(folder / name)
        written.append(records)
    return written[0]
