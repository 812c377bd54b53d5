"""Scikit-learn's handwritten digits in four forms: images, sequences of rows, point clouds, and one graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from explorer.engine.batches import Inputs
from explorer.training.data.augment import jitter
from explorer.training.data.split import Dataset, Split, three_parts

MAX_INTENSITY = 16.0  # the pixels count what is set in 4x4 blocks: 0 to 16
POINTS = 24  # nearly every image has as many pixels with ink
HEIGHT = 0.25  # keeps near pixels near: an image's intensities span about 2.5, neighbours are 0.3 apart
NEIGHBOURS = 8


@lru_cache(maxsize=1)
def digits() -> Dataset:
    """The 1,797 digits as images of shape (1, 8, 8); shared between callers, so treat its tensors as constants.

    Pixels are scaled to 0-1, then standardised with the mean and standard deviation of the train part. The data ships
    with scikit-learn: nothing is downloaded.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html
    """
    # scikit-learn takes a second to import, and tracing a model does without it
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = torch.from_numpy(bunch.images / MAX_INTENSITY).float().unsqueeze(1)  # (N, 1, 8, 8)
    whole = Split(pixels, torch.from_numpy(bunch.target).long(), len(bunch.target_names), augment=jitter)
    parting, *parts = three_parts({"train": whole})
    images = [torch.as_tensor(split.inputs) for split in parts]
    std, mean = torch.std_mean(images[0])
    train, validation, test = (
        replace(split, inputs=(own - mean) / std) for split, own in zip(parts, images, strict=True)
    )
    return Dataset("digits", "scikit-learn digits", parting, train, validation, test)


def digits_sequence() -> Dataset:
    """Each digit as its 8 rows from top to bottom, shape (8, 8): steps, then pixels."""
    return _formed("digits-sequence", "scikit-learn digits, row by row", as_sequence)


def digits_points() -> Dataset:
    """Each digit as its 24 brightest pixels, shape (3, 24): column, row and height of each point."""
    return _formed("digits-points", "scikit-learn digits as point clouds", as_points)


def digits_graph() -> Dataset:
    """All digits of a part as one graph: every image is a node, joined to itself and its nearest images."""
    return _formed("digits-graph", "scikit-learn digits as a graph of near images", as_graph, is_joint=True)


def as_sequence(images: Tensor) -> Tensor:
    """Rows as steps: (B, 1, 8, 8) gives (B, 8, 8)."""
    return images.squeeze(1)


def as_points(images: Tensor) -> Tensor:
    """The brightest pixels as points: (B, 1, H, W) gives (B, 3, 24).

    A point is (x, y, height): x and y run from -1 to 1, the height is a quarter of the standardised intensity.
    """
    B, _, H, W = images.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    intensity, pixel = images.view(B, H * W).topk(POINTS)
    return torch.stack([x.flatten()[pixel], y.flatten()[pixel], HEIGHT * intensity], dim=1)


def as_graph(images: Tensor) -> tuple[Tensor, Tensor]:
    """The images as nodes: features (N, H * W), and edges (2, E) into every node from itself and its 8 nearest."""
    nodes = images.flatten(1)
    count = min(NEIGHBOURS + 1, len(nodes))
    source = torch.cdist(nodes, nodes).topk(count, largest=False).indices  # (N, count); the nearest is the node itself
    target = torch.arange(len(nodes))[:, None].expand_as(source)
    return nodes, torch.stack([source.flatten(), target.flatten()])


def _formed(word: str, title: str, form: Callable[[Tensor], Inputs], *, is_joint: bool = False) -> Dataset:
    """The digits with every batch in another form; the parts hold the same images in each."""
    data = digits()
    parts = {
        name: replace(getattr(data, name), form=form, is_joint=is_joint) for name in ("train", "validation", "test")
    }
    return replace(data, word=word, title=title, **parts)
