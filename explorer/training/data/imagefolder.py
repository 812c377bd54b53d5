"""A folder of images, with a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from explorer.engine.errors import DataError
from explorer.training.data.augment import crop_and_flip
from explorer.training.data.split import Dataset, Split, three_parts

IMAGE_SIZE = 224
RESIZE = 256 / 224  # the short side before the centre is cut out, as torchvision's models expect it
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(-1, 1, 1)  # of ImageNet, as torchvision's models expect it
STD = torch.tensor([0.229, 0.224, 0.225]).view(-1, 1, 1)
LISTED = 5
PARTS = {"train": ("train",), "validation": ("val", "validation", "valid"), "test": ("test",)}


class ImageFiles(TorchDataset[tuple[Tensor, int]]):
    """Images that are decoded when asked for, uint8 of shape (3, size, size), with their classes.

    Args:
        files: Path and class of each image.
        size: Height and width that every image is brought to: resized by its short side, the centre cut out.
    """

    def __init__(self, files: Sequence[tuple[str, int]], size: int) -> None:
        self.files = files
        self.size = size

    def __len__(self) -> int:
        """The number of images."""
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image and its class."""
        path, label = self.files[index]
        return _decoded(path, self.size), label

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        """Many at once, which PyTorch's loader asks for: decoded side by side, since PIL leaves Python's lock."""
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            return list(pool.map(self.__getitem__, indices))


def imagefolder(argument: str) -> Dataset:
    """The images below a folder.

    Either the folder holds `train`, and `val` or `test` or both, with a folder for each class in each; or it holds the
    folders of the classes, and 20 % of the images of every class become the test part and 16 % the validation part.
    Where `train` has only one other part beside it, that is the test part, and a tenth of `train` is for validation.

    Args:
        argument: The folder, or `FOLDER@SIZE` for images of another size than 224.

    Raises:
        DataError: If the folder is missing, is laid out in no such way, or holds no images.
    """
    path, at, size = argument.rpartition("@")
    if not (at and size.isdecimal() and int(size) > 0):
        path, size = argument, str(IMAGE_SIZE)
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"There is no folder of images '{folder}'. Give its path, relative to {Path.cwd()}.")
    places = {name: place for name in PARTS if (place := _part_folder(folder, name))} or {"train": folder}
    _check_classes(places)
    parting, *parts = three_parts({name: _split(place, int(size)) for name, place in places.items()})
    train, validation, test = parts
    return Dataset(
        word=f"imagefolder:{argument}",
        title=f"images in {folder.name}",
        parting=parting,
        train=replace(train, augment=crop_and_flip),
        validation=validation,
        test=test,
    )


def _part_folder(folder: Path, name: str) -> Path | None:
    """The folder of a part of the data, if there is one."""
    return next((folder / known for known in PARTS[name] if (folder / known).is_dir()), None)


def _check_classes(places: Mapping[str, Path]) -> None:
    """Raises `DataError` unless all parts have the same classes."""
    classes = {place: {entry.name for entry in place.iterdir() if entry.is_dir()} for place in places.values()}
    (first, known), *others = classes.items()
    for place, names in others:
        if names != known:
            differing = ", ".join(sorted(names ^ known)[:LISTED])
            raise DataError(
                f"'{first}' and '{place}' have different classes: {differing} is in one of them alone. Give every part "
                "a folder for each class."
            )


def _split(folder: Path, size: int) -> Split:
    """The images below a folder, labelled by the folder that they are in."""
    # torchvision takes a second to import
    from torchvision.datasets import ImageFolder

    try:
        found = ImageFolder(str(folder))
    except FileNotFoundError as error:
        raise DataError(
            f"'{folder}' is not laid out as a folder of images: {error} Put the images of each class into a folder of "
            f"its own, as in {folder.name}/cat/1.png."
        ) from error
    labels = torch.tensor(found.targets, dtype=torch.int64)
    return Split(ImageFiles(found.samples, size), labels, len(found.classes), form=_standardise)


def _decoded(path: str, size: int) -> Tensor:
    """The pixels of an image file, uint8 of shape (3, size, size)."""
    from PIL import Image, UnidentifiedImageError
    from torchvision.transforms import functional as transforms

    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"'{path}' cannot be read as an image: {error}. Remove it or save it anew.") from error
    resized = transforms.resize(image, [round(RESIZE * size)], antialias=True)
    pixels: Tensor = transforms.pil_to_tensor(transforms.center_crop(resized, [size, size]))
    return pixels


def _standardise(images: Tensor) -> Tensor:
    """Pixels as torchvision's models expect them, float32."""
    return (images / 255 - MEAN) / STD
