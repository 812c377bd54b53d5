"""Attention: every width is heads times head size, and the residual stream ties all blocks through each LayerNorm.

A vision transformer as in Dosovitskiy et al., An Image is Worth 16x16 Words (ICLR 2021,
https://arxiv.org/abs/2010.11929), for the 8x8 images of scikit-learn's digits: 16 patches of 2x2 and a class token,
four blocks of four heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention with one projection for queries, keys and values."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = dim // num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Mixed tokens of shape (B, N, dim)."""
        B, N, _ = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.num_heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, N, head_dim) each
        mixed = F.scaled_dot_product_attention(q, k, v)
        mixed = mixed.transpose(1, 2).reshape(B, N, self.num_heads * self.head_dim)
        projected: Tensor = self.proj(mixed)
        return projected


class Block(nn.Module):
    """Attention and a two-layer perceptron, each on normalised tokens and added to the stream."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """The stream, shape (B, N, dim)."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class ViT(nn.Module):
    """Patches as tokens, transformer blocks, and a linear classifier on the class token."""

    def __init__(self, dim: int = 64, depth: int = 4, num_heads: int = 4, num_classes: int = 10) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, dim, 2, stride=2)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + 16, dim))
        self.blocks = nn.Sequential(*(Block(dim, num_heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of shape (B, num_classes) for images of shape (B, 1, 8, 8)."""
        x = self.patches(x).flatten(2).transpose(1, 2)  # (B, 16, dim)
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        x = self.norm(self.blocks(x))
        scores: Tensor = self.head(x[:, 0])
        return scores


def build() -> ViT:
    """The model with freshly initialised weights."""
    return ViT()


def example_inputs() -> tuple[Tensor]:
    """One image of standard normal noise, always the same, shape (1, 1, 8, 8)."""
    return (torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)),)
