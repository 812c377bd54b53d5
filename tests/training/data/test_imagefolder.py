"""Folders of images in each of their layouts, and what is said of folders that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.engine.errors import DataError
from explorer.training.data import open_data


def write_images(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 10, shade: int = 0) -> None:
    """Plain images of 40x30, each class in a shade of its own."""
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = np.full((30, 40, 3), shade + 60 * number + index, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")


def test_folders_of_classes_alone_are_parted_in_three(tmp_path: Path) -> None:
    write_images(tmp_path)
    data = open_data(f"imagefolder:{tmp_path}@32")
    assert (len(data.train), len(data.validation), len(data.test)) == (13, 3, 4)
    assert data.test.num_classes == 2
    assert torch.bincount(data.test.labels).tolist() == [2, 2]


def test_images_come_standardised_at_the_size_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path)
    for word, size in ((f"imagefolder:{tmp_path}", 224), (f"imagefolder:{tmp_path}@32", 32)):
        inputs, labels = next(open_data(word).test.batches(4))
        assert inputs.shape == (4, 3, size, size)
        shades = ((inputs[:, 0] * 0.229 + 0.485) * 255).mean(dim=(1, 2))
        assert ((shades >= 60) == (labels == 1)).all()
        assert torch.allclose(inputs, inputs[:, :, :1, :1].expand_as(inputs), atol=1e-5)  # plain images stay plain


def test_pixels_are_those_of_the_files(tmp_path: Path) -> None:
    write_images(tmp_path, ("only",), count=20)
    data = open_data(f"imagefolder:{tmp_path}@8")
    shades = [
        round(float(image[0, 0, 0] * 0.229 + 0.485) * 255)
        for split in (data.train, data.validation, data.test)
        for inputs, _ in split.batches(3)
        for image in inputs
    ]
    assert sorted(shades) == list(range(20))


@pytest.mark.parametrize("held", ["val", "validation", "test"])
def test_a_part_beside_train_is_the_test_part(tmp_path: Path, held: str) -> None:
    write_images(tmp_path / "train")
    write_images(tmp_path / held, count=3)
    data = open_data(f"imagefolder:{tmp_path}@16")
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 6)


def test_all_three_parts_stay_as_they_are(tmp_path: Path) -> None:
    for name, count in (("train", 5), ("val", 2), ("test", 3)):
        write_images(tmp_path / name, count=count)
    data = open_data(f"imagefolder:{tmp_path}@16")
    assert (len(data.train), len(data.validation), len(data.test)) == (10, 4, 6)
    assert data.train.augment is not None
    assert next(data.train.batches(10, seed=0))[0].shape == (10, 3, 16, 16)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no folder of images '.*absent'"):
        open_data(f"imagefolder:{tmp_path / 'absent'}")


def test_images_without_folders_of_classes_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    asked = rf"not laid out .* each class into a folder of its own, as in {tmp_path.name}/cat/1\.png\."
    with pytest.raises(DataError, match=asked):
        open_data(f"imagefolder:{tmp_path}")


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match=r"not laid out .*cat"):
        open_data(f"imagefolder:{tmp_path}")


def test_parts_without_train_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "val")
    with pytest.raises(DataError, match="needs a train part; what was given is validation"):
        open_data(f"imagefolder:{tmp_path}")


def test_parts_with_other_classes_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "train")
    write_images(tmp_path / "val", classes=("cat", "cow"), count=1)
    with pytest.raises(DataError, match=r"train' and .*val' have different classes: cow, dog is in one"):
        open_data(f"imagefolder:{tmp_path}")


def test_a_file_that_is_no_image_is_named_when_it_is_read(tmp_path: Path) -> None:
    write_images(tmp_path)
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"'.*\.png' cannot be read as an image"):
        next(open_data(f"imagefolder:{tmp_path}").test.batches(2))
