"""What the paper reports, to stand beside what was measured here: other data, so other numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One row of the paper's tables, or of those of its public implementation.

    Attributes:
        network: As the paper names it.
        data: What it was trained and measured on.
        method: How it was pruned.
        base: Accuracy before pruning, in per cent.
        pruned: Accuracy after fine-tuning, in per cent.
        speed_up: Multiply-adds before over after.
    """

    network: str
    data: str
    method: str
    base: float
    pruned: float
    speed_up: float


_GROUP, _SPARSE = "without sparse training", "with sparse training"
PUBLISHED: Mapping[str, tuple[Published, ...]] = {
    "resnet56": (
        Published("ResNet-56", "CIFAR-10", "L1", 93.53, 92.93, 2.12),
        Published("ResNet-56", "CIFAR-10", "BatchNorm scale", 93.53, 93.29, 2.12),
        Published("ResNet-56", "CIFAR-10", _GROUP, 93.53, 93.46, 2.11),
        Published("ResNet-56", "CIFAR-10", _SPARSE, 93.53, 93.77, 2.13),
        Published("ResNet-56", "CIFAR-10", _GROUP, 93.53, 93.36, 2.51),
        Published("ResNet-56", "CIFAR-10", _SPARSE, 93.53, 93.64, 2.57),
    ),
    "vgg": (
        Published("VGG-19", "CIFAR-100", _GROUP, 73.50, 67.60, 8.87),
        Published("VGG-19", "CIFAR-100", _SPARSE, 73.50, 70.39, 8.92),
    ),
}
"""By experiment. Source: Fang et al., DepGraph, CVPR 2023, tables of the paper and of its public implementation."""
