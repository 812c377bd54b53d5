"""Flatten: each channel becomes a block of H x W neighbouring inputs of the first linear layer, and they go together.

A plain stack of 3x3 convolutions with BatchNorm after Simonyan and Zisserman, Very Deep Convolutional Networks for
Large-Scale Image Recognition (ICLR 2015, https://arxiv.org/abs/1409.1556), cut down to the 8x8 images of
scikit-learn's digits: widths 32, 64 and 128 at 8x8, 4x4 and 2x2, then two linear layers on the flattened 128 x 2 x 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VGG(nn.Module):
    """Six convolutions in three pairs, and a head on the flattened features."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_conv_bn_relu(1, 32),
            *_conv_bn_relu(32, 32),
            nn.MaxPool2d(2),
            *_conv_bn_relu(32, 64),
            *_conv_bn_relu(64, 64),
            nn.MaxPool2d(2),
            *_conv_bn_relu(64, 128),
            *_conv_bn_relu(128, 128),
        )
        self.classifier = nn.Sequential(
            nn.Linear(128 * 2 * 2, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of shape (B, num_classes) for images of shape (B, 1, 8, 8)."""
        x = torch.flatten(self.features(x), 1)  # (B, 128 * 2 * 2)
        scores: Tensor = self.classifier(x)
        return scores


def _conv_bn_relu(in_channels: int, out_channels: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    """A 3x3 convolution that keeps the size, its normalisation and its activation."""
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    return conv, nn.BatchNorm2d(out_channels), nn.ReLU()


def build() -> VGG:
    """The model with freshly initialised weights."""
    return VGG()


def example_inputs() -> tuple[Tensor]:
    """One image of standard normal noise, always the same, shape (1, 1, 8, 8)."""
    return (torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)),)
