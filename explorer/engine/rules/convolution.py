"""Convolutions. Kernel extents and spatial axes stay; channels in and out are live; groups make products."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, inert_dim, size_of
from explorer.engine.rules.table import Bound, Operand, Result, rule

KERNEL = "kernel extent: the spatial size of a convolution's weight"
SPACE = "the convolution slides along this axis"


@rule("aten.convolution", "aten._convolution")
def convolution(op: Bound, couple: Coupler) -> Result:
    """Input (B, C_in, *space), weight (C_out, C_in / groups, *kernel); transposed (C_in, C_out / groups, *kernel)."""
    x, weight, bias = op.tensor(0), op.tensor(1), op.optional(2)
    is_transposed, groups = bool(op.arg(6, "transposed", False)), int(op.arg(8, "groups", 1))
    rank = weight_rank(weight)
    couple.freeze_all(weight.dims[2:], KERNEL)
    batch = x.dims[: len(x.dims) - rank - 1]
    couple.freeze_all(x.dims[len(batch) + 1 :], SPACE)
    channels = x.dims[len(batch)]
    convolve = transpose_channels if is_transposed else convolve_channels
    out = convolve(channels, weight, groups, couple)
    if bias is not None:
        couple.unify(out, bias.dims[0])
    return ((*batch, out, *(inert_dim(size) for size in op.shapes[0][len(batch) + 1 :])),)


def weight_rank(weight: Operand) -> int:
    """Number of spatial axes."""
    return len(weight.shape) - 2


def convolve_channels(channels: Dim, weight: Operand, groups: int, couple: Coupler) -> Dim:
    """The channels out of a direct convolution, given those in and the weight (C_out, C_in / groups, *kernel)."""
    out, into = weight.dims[0], weight.dims[1]
    couple.touch(channels, out, into)
    if groups == 1:
        couple.unify(channels, into)
        return out
    outer, inner = _groups(channels, groups, couple)
    couple.unify(inner, into)
    out_outer, out_inner = couple.regroup((out,), (groups, size_of(out) // groups))
    couple.unify(outer, out_outer)
    return (*outer, *out_inner)  # the factors of what comes in, so that a later reshape finds them


def transpose_channels(channels: Dim, weight: Operand, groups: int, couple: Coupler) -> Dim:
    """The channels out of a transposed convolution, given those in and the weight (C_in, C_out / groups, *kernel)."""
    rows, columns = weight.dims[0], weight.dims[1]
    couple.touch(channels, rows, columns)
    couple.unify(channels, rows)
    if groups == 1:
        return columns
    outer, _ = _groups(channels, groups, couple)
    return (*outer, *columns)


def _groups(channels: Dim, groups: int, couple: Coupler) -> tuple[Dim, Dim]:
    """The channels in as (groups, channels of each); a group of several is more than a channel."""
    size = size_of(channels)
    outer, inner = couple.regroup((channels,), (groups, size // groups))
    if size > groups:
        couple.tag("conv_groups", outer)
    return outer, inner
