"""Normalisation: statistics over kept channels only, so the normalised axes may shrink."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, Dims, inert_dim
from explorer.engine.rules.pointwise import broadcast
from explorer.engine.rules.table import Bound, Result, axis, rule


@rule(
    "aten.native_batch_norm",
    "aten._native_batch_norm_legit",
    "aten._native_batch_norm_legit_no_training",
    "aten.cudnn_batch_norm",
    "aten._batch_norm_with_update",
    "aten._batch_norm_no_update",
    "aten.miopen_batch_norm",
)
def batch_norm(op: Bound, couple: Coupler) -> Result:
    """Input (B, C, *); weight, bias, running mean and variance (C,)."""
    x = op.tensor(0)
    channels = x.dims[1]
    for operand in op.operands()[1:]:
        if len(operand.shape) == 1 and operand.shape[0] == x.shape[1]:
            couple.unify(channels, operand.dims[0])
    return (x.dims, *(_statistics(shape, channels, x.shape[1]) for shape in op.shapes[1:]))


def _statistics(shape: tuple[int, ...], channels: Dim, size: int) -> Dims:
    return (channels,) if shape == (size,) else tuple(inert_dim(n) for n in shape)


@rule("aten.native_layer_norm")
def layer_norm(op: Bound, couple: Coupler) -> Result:
    """Input (*, *normalized_shape); weight and bias of shape normalized_shape."""
    x = op.tensor(0)
    normalized = x.dims[len(x.dims) - len(op.arg(1, "normalized_shape")) :]
    couple.touch(*normalized)
    for operand in op.operands()[1:]:
        for mine, other in zip(normalized, operand.dims, strict=True):
            couple.unify(mine, other)
    kept = x.dims[: len(x.dims) - len(normalized)]
    rest = tuple((*kept, *(() for _ in normalized))[: len(shape)] for shape in op.shapes[1:])
    return (x.dims, *rest)


@rule("aten.native_group_norm")
def group_norm(op: Bound, couple: Coupler) -> Result:
    """Input (B, C, *), weight and bias (C,), and the number of groups: channels are (groups, channels of each)."""
    x, groups = op.tensor(0), int(op.arg(6, "group"))
    channels = x.dims[1]
    couple.touch(channels)
    for place in (1, 2):
        operand = op.optional(place)
        if operand is not None:
            couple.unify(channels, operand.dims[0])
    outer, _ = couple.regroup((channels,), (groups, x.shape[1] // groups))
    statistics = (x.dims[0], outer)
    return (x.dims, statistics, statistics)


@rule("aten._weight_norm_interface")
def weight_norm(op: Bound, couple: Coupler) -> Result:
    """Directions v, magnitudes g of size 1 but for one axis: the weight (as v), and the norms of v."""
    v, g = op.tensor(0), op.tensor(1)
    couple.touch(*v.dims)
    dims = broadcast([v, g], len(v.dims), couple)
    place = axis(int(op.arg(2, "dim", 0)), len(v.dims))
    norms = tuple(v.dims[place] if size == v.shape[place] else () for size in op.shapes[1])
    return (dims, norms)
