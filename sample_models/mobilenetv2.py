"""Depthwise: a convolution with one filter per channel, and a gate per channel, tie what goes in to what comes out.

MobileNetV2 as in Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks (CVPR 2018,
https://arxiv.org/abs/1801.04381), with squeeze-and-excitation as in Howard et al., Searching for MobileNetV3 (ICCV
2019, https://arxiv.org/abs/1905.02244), for the 8x8 images of scikit-learn's digits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SqueezeExcite(nn.Module):
    """A gate for each channel, from the means of all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Gated features of shape (B, channels, H, W)."""
        gate = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.expand(gate))  # (B, channels, 1, 1)


class InvertedResidual(nn.Module):
    """Wide inside, narrow outside: expand, filter each channel, gate, project, and add the input where it fits."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int = 4) -> None:
        super().__init__()
        hidden = expansion * in_channels
        self.is_residual = stride == 1 and in_channels == out_channels
        self.expand = nn.Sequential(
            nn.Conv2d(in_channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True)
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, stride=stride, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
        )
        self.excite = SqueezeExcite(hidden)
        self.project = nn.Sequential(nn.Conv2d(hidden, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Features of shape (B, out_channels, H / stride, W / stride)."""
        out: Tensor = self.project(self.excite(self.depthwise(self.expand(x))))
        return x + out if self.is_residual else out


class MobileNetV2(nn.Module):
    """A stem, seven inverted residuals at 8x8, 4x4 and 2x2, a head, and a linear classifier."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(inplace=True)
        )
        self.blocks = nn.Sequential(
            InvertedResidual(16, 16, stride=1),
            InvertedResidual(16, 24, stride=2),
            InvertedResidual(24, 24, stride=1),
            InvertedResidual(24, 32, stride=2),
            InvertedResidual(32, 32, stride=1),
            InvertedResidual(32, 48, stride=1),
            InvertedResidual(48, 48, stride=1),
        )
        self.head = nn.Sequential(nn.Conv2d(48, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU6(inplace=True))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of shape (B, num_classes) for images of shape (B, 1, 8, 8)."""
        x = self.head(self.blocks(self.stem(x)))
        scores: Tensor = self.classifier(x.mean([2, 3]))
        return scores


def build() -> MobileNetV2:
    """The model with freshly initialised weights."""
    return MobileNetV2()


def example_inputs() -> tuple[Tensor]:
    """One image of standard normal noise, always the same, shape (1, 1, 8, 8)."""
    return (torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)),)
