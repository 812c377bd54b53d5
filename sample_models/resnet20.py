"""Residual: an addition ties the channels of everything that is added, so a whole stage is one group.

ResNet-20 as in section 4.2 of He et al., Deep Residual Learning for Image Recognition (CVPR 2016,
https://arxiv.org/abs/1512.03385), for the 8x8 images of scikit-learn's digits: three stages of 16, 32 and 64 channels
at 8x8, 4x4 and 2x2, three blocks each, with a projection wherever the size changes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut that is added to their result."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Features of shape (B, out_channels, H / stride, W / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        activated: Tensor = self.relu(out + self.shortcut(x))
        return activated


class ResNet(nn.Module):
    """A stem, three stages of as many blocks each, and a linear classifier: 6 * num_blocks + 2 layers."""

    def __init__(self, num_blocks: int, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16, num_blocks, stride=1)
        self.layer2 = _stage(16, 32, num_blocks, stride=2)
        self.layer3 = _stage(32, 64, num_blocks, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of shape (B, num_classes) for images of shape (B, in_channels, H, W)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = torch.flatten(self.pool(x), 1)
        scores: Tensor = self.fc(x)
        return scores


def _stage(in_channels: int, out_channels: int, num_blocks: int, stride: int) -> nn.Sequential:
    """Blocks of one width; the first changes width and size."""
    blocks = [BasicBlock(in_channels, out_channels, stride)]
    blocks += [BasicBlock(out_channels, out_channels, 1) for _ in range(num_blocks - 1)]
    return nn.Sequential(*blocks)


def build() -> ResNet:
    """The model with freshly initialised weights."""
    return ResNet(num_blocks=3)


def example_inputs() -> tuple[Tensor]:
    """One image of standard normal noise, always the same, shape (1, 1, 8, 8)."""
    return noise_image(1, 8)


def noise_image(channels: int, size: int) -> tuple[Tensor]:
    """One image of standard normal noise, always the same, shape (1, channels, size, size)."""
    return (torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(0)),)
