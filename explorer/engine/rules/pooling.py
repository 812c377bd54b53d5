"""Pooling, padding by neighbours and interpolation: channels pass, spatial axes stay."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import inert_dim
from explorer.engine.rules.table import Bound, Result, rule

SPACE = "pooling, padding or interpolation mixes this axis"

_BY_RANK = {
    1: ("aten.upsample_linear1d", "aten.upsample_nearest1d", "aten._upsample_nearest_exact1d",
        "aten.reflection_pad1d", "aten.replication_pad1d"),
    2: ("aten.avg_pool2d", "aten.max_pool2d_with_indices", "aten._adaptive_avg_pool2d", "aten.adaptive_max_pool2d",
        "aten.upsample_bilinear2d", "aten.upsample_nearest2d", "aten.upsample_bicubic2d",
        "aten._upsample_bilinear2d_aa", "aten._upsample_bicubic2d_aa", "aten._upsample_nearest_exact2d",
        "aten.reflection_pad2d", "aten.replication_pad2d"),
    3: ("aten.avg_pool3d", "aten.max_pool3d_with_indices", "aten._adaptive_avg_pool3d", "aten.adaptive_max_pool3d",
        "aten.upsample_trilinear3d", "aten.upsample_nearest3d", "aten._upsample_nearest_exact3d",
        "aten.reflection_pad3d", "aten.replication_pad3d"),
}  # fmt: skip


def _pool(op: Bound, couple: Coupler, rank: int) -> Result:
    x = op.tensor(0)
    couple.freeze_all(x.dims[len(x.dims) - rank :], SPACE)
    kept = x.dims[: len(x.dims) - rank]
    return tuple((*kept, *(inert_dim(size) for size in shape[len(kept) :])) for shape in op.shapes)


@rule(*_BY_RANK[1])
def pool1d(op: Bound, couple: Coupler) -> Result:
    """Input (*, C, L)."""
    return _pool(op, couple, 1)


@rule(*_BY_RANK[2])
def pool2d(op: Bound, couple: Coupler) -> Result:
    """Input (*, C, H, W)."""
    return _pool(op, couple, 2)


@rule(*_BY_RANK[3])
def pool3d(op: Bound, couple: Coupler) -> Result:
    """Input (*, C, D, H, W)."""
    return _pool(op, couple, 3)


@rule("aten.max_unpool2d", "aten.max_unpool3d")
def unpool(op: Bound, couple: Coupler) -> Result:
    """Input and the positions of its maxima (*, C, *space): channels are one, space stays."""
    x, positions = op.tensor(0), op.tensor(1)
    rank = 2 if op.name.startswith("aten.max_unpool2d") else 3
    for mine, other in zip(x.dims, positions.dims, strict=True):
        couple.unify(mine, other)
    return _pool(op, couple, rank)


@rule("aten.fractional_max_pool2d", "aten.fractional_max_pool3d")
def fractional_pool(op: Bound, couple: Coupler) -> Result:
    """Input (B, C, *space), and a random number for each sample and channel (B, C, rank)."""
    x, samples = op.tensor(0), op.tensor(3)
    rank = samples.shape[-1]
    for mine, other in zip(x.dims[-rank - 1 :: -1], samples.dims[-2::-1], strict=False):
        couple.unify(mine, other)
    return _pool(op, couple, rank)
