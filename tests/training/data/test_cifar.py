"""CIFAR-10's binary version is read; its pickles are never opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.engine.errors import DataError
from explorer.training.data import open_data
from explorer.training.data.cifar import RECORD
from tests.training.data.fake_cifar import write_cifar


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_reads_the_folder_or_the_one_above(tmp_path: Path, inner: str) -> None:
    write_cifar(tmp_path / inner)
    data = open_data(f"cifar10:{tmp_path}")
    assert (len(data.train), len(data.validation), len(data.test)) == (180, 20, 40)
    assert torch.bincount(data.validation.labels).tolist() == [2] * 10
    inputs, labels = next(data.test.batches(8))
    assert inputs.shape == (8, 3, 32, 32)
    assert inputs.dtype == torch.float32
    assert labels.tolist() == list(range(8))


def test_pixels_are_standardised_by_channel_over_the_train_part(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    train = open_data(f"cifar10:{tmp_path}").train
    (inputs, _), *rest = train.batches(1000)
    assert not rest
    assert torch.allclose(inputs.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(inputs.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3)


def test_a_record_is_a_label_and_the_channels_row_by_row(tmp_path: Path) -> None:
    first = write_cifar(tmp_path)[0]
    data = open_data(f"cifar10:{tmp_path}")
    stored = torch.cat([data.train.inputs, data.validation.inputs])
    wanted = torch.from_numpy(first[1:].copy()).view(3, 32, 32)
    assert (stored == wanted).flatten(1).all(dim=1).sum() == 1


def test_training_sees_crops_and_mirrors(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    train = open_data(f"cifar10:{tmp_path}").train
    first, other = (next(train.batches(180, seed=seed))[0] for seed in (0, 1))
    assert first.shape == other.shape == (180, 3, 32, 32)
    assert not torch.equal(first.sum(dim=(1, 2, 3)).sort().values, other.sum(dim=(1, 2, 3)).sort().values)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no folder '.*absent' with CIFAR-10"):
        open_data(f"cifar10:{tmp_path / 'absent'}")


def test_an_empty_folder_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no data_batch_1\.bin\. Give the folder of CIFAR-10's binary version"):
        open_data(f"cifar10:{tmp_path}")


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-py"])
def test_pickles_are_not_opened(tmp_path: Path, inner: str) -> None:
    (tmp_path / inner).mkdir(exist_ok=True)
    (tmp_path / inner / "data_batch_1").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(DataError, match=r"Python version, which is pickles.*Download the binary version"):
        open_data(f"cifar10:{tmp_path}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"incomplete: there is no '.*data_batch_3\.bin'"):
        open_data(f"cifar10:{tmp_path}")


@pytest.mark.parametrize("content", [b"", b"x" * 5000])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    write_cifar(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(content)
    with pytest.raises(DataError, match=rf"test_batch\.bin' has {len(content):,} bytes, no multiple of the 3,073"):
        open_data(f"cifar10:{tmp_path}")


def test_another_dataset_of_the_same_form_is_refused(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    np.full(2 * RECORD, 77, dtype=np.uint8).tofile(tmp_path / "data_batch_2.bin")
    with pytest.raises(DataError, match="has a label 77; CIFAR-10's run from 0 to 9"):
        open_data(f"cifar10:{tmp_path}")
