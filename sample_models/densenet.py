"""Concatenation: every layer's channels stay side by side, so one input of a later layer belongs to many groups.

DenseNet-BC as in Huang et al., Densely Connected Convolutional Networks (CVPR 2017, https://arxiv.org/abs/1608.06993),
for the 8x8 images of scikit-learn's digits: three blocks of four layers at 8x8, 4x4 and 2x2, 12 new channels per layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROWTH = 12


class DenseLayer(nn.Module):
    """New channels from all channels so far, which are handed on beside them."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 4 * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * GROWTH)
        self.conv2 = nn.Conv2d(4 * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features of shape (B, in_channels + 12, H, W)."""
        new = self.conv1(F.relu(self.norm1(x)))
        new = self.conv2(F.relu(self.norm2(new)))
        return torch.cat([x, new], dim=1)


class Transition(nn.Module):
    """Half of the channels at half of the size."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.conv = nn.Conv2d(in_channels, in_channels // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features of shape (B, in_channels / 2, H / 2, W / 2)."""
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class DenseNet(nn.Module):
    """A stem, dense blocks with transitions between them, and a linear classifier."""

    def __init__(self, block_layers: tuple[int, ...] = (4, 4, 4), num_classes: int = 10) -> None:
        super().__init__()
        channels = 2 * GROWTH
        self.stem = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.blocks = nn.Sequential()
        for number, num_layers in enumerate(block_layers, start=1):
            if number > 1:
                self.blocks.append(Transition(channels))
                channels //= 2
            self.blocks.append(nn.Sequential(*(DenseLayer(channels + GROWTH * layer) for layer in range(num_layers))))
            channels += GROWTH * num_layers
        self.norm = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of shape (B, num_classes) for images of shape (B, 1, 8, 8)."""
        x = F.relu(self.norm(self.blocks(self.stem(x))))
        scores: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return scores


def build() -> DenseNet:
    """The model with freshly initialised weights."""
    return DenseNet()


def example_inputs() -> tuple[Tensor]:
    """One image of standard normal noise, always the same, shape (1, 1, 8, 8)."""
    return (torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)),)
