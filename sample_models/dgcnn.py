"""Neighbours: who is near is found anew among the channels of each layer, and an edge carries a point's channels twice.

DGCNN as in Wang et al., Dynamic Graph CNN for Learning on Point Clouds (ACM Transactions on Graphics 2019,
https://arxiv.org/abs/1801.07829), for point clouds of 24 points: the brightest pixels of scikit-learn's digits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class EdgeConv(nn.Module):
    """For each point the largest response over the edges to its nearest points."""

    def __init__(self, in_channels: int, out_channels: int, num_neighbours: int) -> None:
        super().__init__()
        self.num_neighbours = num_neighbours
        self.conv = nn.Conv2d(2 * in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features of shape (B, out_channels, N) for points of shape (B, in_channels, N)."""
        edges = F.leaky_relu(self.bn(self.conv(edge_features(x, self.num_neighbours))), 0.2)
        return edges.max(dim=-1)[0]


class DGCNN(nn.Module):
    """Three edge convolutions, a global descriptor from all of them, and two linear layers."""

    def __init__(self, num_neighbours: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.edge1 = EdgeConv(3, 32, num_neighbours)
        self.edge2 = EdgeConv(32, 32, num_neighbours)
        self.edge3 = EdgeConv(32, 64, num_neighbours)
        self.fuse = nn.Sequential(nn.Conv1d(128, 128, 1, bias=False), nn.BatchNorm1d(128), nn.LeakyReLU(0.2))
        self.classifier = nn.Sequential(
            nn.Linear(2 * 128, 64, bias=False),
            nn.BatchNorm1d(64),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Linear(64, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of shape (B, num_classes) for points of shape (B, 3, N)."""
        x1 = self.edge1(x)
        x2 = self.edge2(x1)
        x3 = self.edge3(x2)
        x = self.fuse(torch.cat([x1, x2, x3], dim=1))  # (B, 128, N)
        x = torch.cat([F.adaptive_max_pool1d(x, 1).flatten(1), F.adaptive_avg_pool1d(x, 1).flatten(1)], dim=1)
        scores: Tensor = self.classifier(x)
        return scores


def edge_features(x: Tensor, num_neighbours: int) -> Tensor:
    """For each point its neighbours' offsets beside itself: (B, C, N) gives (B, 2 C, N, num_neighbours)."""
    B, C, N = x.shape
    index = nearest(x, num_neighbours) + N * torch.arange(B, device=x.device).view(-1, 1, 1)
    points = x.transpose(1, 2).contiguous()  # (B, N, C)
    neighbours = points.view(B * N, C)[index.view(-1)].view(B, N, num_neighbours, C)
    points = points.view(B, N, 1, C).expand(-1, -1, num_neighbours, -1)
    return torch.cat([neighbours - points, points], dim=3).permute(0, 3, 1, 2)


def nearest(x: Tensor, count: int) -> Tensor:
    """The numbers of the nearest points of each point, itself included, shape (B, N, count), for points (B, C, N)."""
    inner = torch.matmul(x.transpose(2, 1), x)
    square = (x**2).sum(dim=1, keepdim=True)  # (B, 1, N)
    return (2 * inner - square - square.transpose(2, 1)).topk(count, dim=-1)[1]


def build() -> DGCNN:
    """The model with freshly initialised weights."""
    return DGCNN()


def example_inputs() -> tuple[Tensor]:
    """One cloud of standard normal noise, always the same, shape (1, 3, 24)."""
    return (torch.randn(1, 3, 24, generator=torch.Generator().manual_seed(0)),)
