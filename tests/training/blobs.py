"""Two clouds of points that a small net tells apart in a second."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def points(count: int = 64, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Points around (1, 1, 1, 1) and (-1, -1, -1, -1), in turns, with their class."""
    labels = torch.arange(count) % 2
    noise = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return noise + (1 - 2 * labels[:, None]), labels


def loader(count: int = 64, batch_size: int = 16, seed: int = 1) -> DataLoader[tuple[Tensor, ...]]:
    """The points in batches, in their stored order."""
    return DataLoader(TensorDataset(*points(count, seed)), batch_size)


def net(seed: int = 0) -> nn.Sequential:
    """Four numbers to two scores, with BatchNorm and dropout."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


def state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and statistics."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def is_same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two states are equal to the last bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
