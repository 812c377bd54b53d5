"""Random variants of images for training."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_SHIFT = 0.8  # pixels
MAX_ROTATION = 12.0  # degrees
MAX_ZOOM = 0.1  # fraction
NOISE = 0.1  # standard deviation, in units of the standardised pixels


def jitter(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image shifted, rotated and scaled by its own small random amounts, with noise.

    For handwriting: a digit stays what it is.

    Args:
        images: Standardised pixels, shape (B, C, H, W), float32.
        generator: Where the amounts come from.

    Returns:
        As many images, shape (B, C, H, W).
    """
    count, _, height, width = images.shape

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle = uniform(math.radians(MAX_ROTATION))
    scale = 1 + uniform(MAX_ZOOM)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    # affine_grid's coordinates run from -1 to 1: one pixel is 2 / size
    shift_x, shift_y = uniform(2 * MAX_SHIFT / width), uniform(2 * MAX_SHIFT / height)
    rows = torch.stack([cos, -sin, shift_x, sin, cos, shift_y], dim=1).view(count, 2, 3)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return moved + NOISE * torch.randn(moved.shape, generator=generator)


def crop_and_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image shifted by up to an eighth of its size over a black border, and mirrored half of the time.

    For photographs, as in section 4.2 of He et al., Deep Residual Learning (CVPR 2016): 4 pixels for CIFAR's 32.

    Args:
        images: Pixels, shape (B, C, H, W), of any dtype.
        generator: Where the amounts come from.

    Returns:
        As many images, shape (B, C, H, W).
    """
    count, _, height, width = images.shape
    border = max(1, min(height, width) // 8)
    padded = F.pad(images, (border,) * 4)
    top, left = torch.randint(2 * border + 1, (2, count), generator=generator)
    rows = top[:, None] + torch.arange(height)  # (B, H)
    columns = left[:, None] + torch.arange(width)  # (B, W)
    is_mirrored = torch.randint(2, (count,), generator=generator).bool()
    columns = torch.where(is_mirrored[:, None], columns.flip(1), columns)
    which = torch.arange(count)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()
