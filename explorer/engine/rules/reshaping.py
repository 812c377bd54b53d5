"""Reshapes, transposes and other plumbing: the same elements in another order."""

from __future__ import annotations

import numpy as np

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, inert_dim
from explorer.engine.rules.table import Bound, Result, axes, axis, inert_result, replace_dim, rule

SPACE = "pixel shuffle exchanges these indices with space"
DIAGONAL = "the code compares positions of two axes"


@rule("aten.view.default", "aten._unsafe_view", "aten._reshape_alias")
def view(op: Bound, couple: Coupler) -> Result:
    """Row-major regrouping: (C, H, W) to (C * H * W) lists the factors, (C,) to (g, C / g) splits."""
    return (couple.regroup(op.tensor(0).dims, op.shapes[0]),)


@rule("aten.view.dtype")
def view_as_type(op: Bound, couple: Coupler) -> Result:
    """The same bits as another type: where that has another width, the last axis is cut anew and stays."""
    x = op.tensor(0)
    if op.shapes[0] == x.shape:
        return (x.dims,)
    couple.freeze(x.dims[-1], "the code reads the bits of this axis as another type")
    return ((*x.dims[:-1], inert_dim(op.shapes[0][-1])),)


@rule("aten.t", "aten.transpose")
def transpose(op: Bound, couple: Coupler) -> Result:
    """Two dimensions change places."""
    dims = list(op.tensor(0).dims)
    if len(dims) > 1:
        a, b = axis(int(op.arg(1, "dim0", 0)), len(dims)), axis(int(op.arg(2, "dim1", 1)), len(dims))
        dims[a], dims[b] = dims[b], dims[a]
    return (tuple(dims),)


@rule("aten.permute")
def permute(op: Bound, couple: Coupler) -> Result:
    """Dimensions in a new order."""
    dims = op.tensor(0).dims
    return (tuple(dims[axis(int(place), len(dims))] for place in op.arg(1, "dims")),)


@rule("aten.unsqueeze", "aten.squeeze")
def resize_ones(op: Bound, couple: Coupler) -> Result:
    """Dimensions of size 1 come and go."""
    return (couple.regroup(op.tensor(0).dims, op.shapes[0]),)


@rule("aten.expand")
def expand(op: Bound, couple: Coupler) -> Result:
    """Dimensions of size 1 are repeated, new ones come in front: every index of those is alike, so they are free.

    `repeat_interleave` expands too, by a number that its caller chose: there the count is inert.
    """
    x, shape = op.tensor(0), op.shapes[0]
    make = inert_dim if op.function == "repeat_interleave" else couple.new_dim
    before = len(shape) - len(x.shape)
    expanded = [make(size) for size in shape[:before]]
    for dim, old, new in zip(x.dims, x.shape, shape[before:], strict=True):
        expanded.append(dim if old == new else make(new))
    return (tuple(expanded),)


@rule("aten.repeat")
def repeat(op: Bound, couple: Coupler) -> Result:
    """Each dimension is tiled: an inert count times the channel; a dimension of size 1 becomes free, as in `expand`."""
    x, times = op.tensor(0), list(op.arg(1, "repeats"))
    dims = ((),) * (len(times) - len(x.dims)) + x.dims
    return (tuple(_tiled(dim, count, couple) for dim, count in zip(dims, times, strict=True)),)


@rule("aten.flip")
def flip(op: Bound, couple: Coupler) -> Result:
    """Dimensions are read backwards."""
    x = op.tensor(0)
    gone = axes(op.arg(1, "dims"), len(x.dims))
    flipped = tuple((couple.flat(d)[::-1],) if place in gone and d else d for place, d in enumerate(x.dims))
    return (flipped,)


@rule("aten.roll")
def roll(op: Bound, couple: Coupler) -> Result:
    """Dimensions are shifted around; without dims the whole tensor is, across all of them."""
    x, shifts = op.tensor(0), op.arg(1, "shifts")
    numbers = op.arg(2, "dims") or ([0] if len(x.dims) == 1 else [])
    if not numbers:
        couple.freeze_all(x.dims, "a roll without dims shifts across all of them")
        return inert_result(op)
    dims = x.dims
    for shift, number in zip(shifts, numbers, strict=True):
        place = axis(int(number), len(dims))
        if dims[place]:
            dims = replace_dim(dims, place, (np.roll(couple.flat(dims[place]), int(shift)),))
    return (dims,)


@rule("aten.rot90")
def rot90(op: Bound, couple: Coupler) -> Result:
    """Two axes are turned into each other: they stay, the others pass."""
    x = op.tensor(0)
    turned = axes(op.arg(2, "dims", [0, 1]), len(x.dims))
    couple.freeze_all(tuple(x.dims[place] for place in turned), "the code rotates these axes")
    sizes = op.shapes[0]
    return (tuple(inert_dim(sizes[place]) if place in turned else dim for place, dim in enumerate(x.dims)),)


@rule("aten.tril", "aten.triu")
def triangle(op: Bound, couple: Coupler) -> Result:
    """Elements on one side of the diagonal of the last two axes."""
    x = op.tensor(0)
    couple.freeze_all(x.dims[-2:], DIAGONAL)
    return (x.dims,)


@rule("aten.diagonal")
def diagonal(op: Bound, couple: Coupler) -> Result:
    """Where two axes have the same index: they are one; off the diagonal they stay."""
    x, offset = op.tensor(0), int(op.arg(1, "offset", 0))
    a, b = axis(int(op.arg(2, "dim1", 0)), len(x.dims)), axis(int(op.arg(3, "dim2", 1)), len(x.dims))
    rest = tuple(dim for place, dim in enumerate(x.dims) if place not in (a, b))
    if offset or x.shape[a] != x.shape[b]:
        couple.freeze_all((x.dims[a], x.dims[b]), DIAGONAL)
        return ((*rest, inert_dim(op.shapes[0][-1])),)
    couple.unify(x.dims[a], x.dims[b])
    return ((*rest, x.dims[a]),)


@rule("aten.diag_embed")
def diag_embed(op: Bound, couple: Coupler) -> Result:
    """The last axis becomes the diagonal of two."""
    x, rank = op.tensor(0), len(op.shapes[0])
    a, b = sorted((axis(int(op.arg(2, "dim1", -2)), rank), axis(int(op.arg(3, "dim2", -1)), rank)))
    last = x.dims[-1]
    if int(op.arg(1, "offset", 0)):
        couple.freeze(last, DIAGONAL)
        last = inert_dim(op.shapes[0][a])
    dims = list(x.dims[:-1])
    dims.insert(a, last)
    dims.insert(b, last)
    return (tuple(dims),)


@rule("aten.pixel_shuffle")
def pixel_shuffle(op: Bound, couple: Coupler) -> Result:
    """(B, C * r * r, H, W) to (B, C, H * r, W * r): the r * r factors move into space and stay."""
    x, r = op.tensor(0), int(op.arg(1, "upscale_factor"))
    channels, height, width = x.dims[-3:]
    c, rows, columns = couple.regroup((channels,), (x.shape[-3] // (r * r), r, r))
    couple.freeze_all((rows, columns), SPACE)
    return ((*x.dims[:-3], c, (*height, *rows), (*width, *columns)),)


@rule("aten.pixel_unshuffle")
def pixel_unshuffle(op: Bound, couple: Coupler) -> Result:
    """(B, C, H * r, W * r) to (B, C * r * r, H, W)."""
    x, r = op.tensor(0), int(op.arg(1, "downscale_factor"))
    channels, height, width = x.dims[-3:]
    couple.freeze_all((height, width), SPACE)
    new_height, rows = couple.regroup((height,), (x.shape[-2] // r, r))
    new_width, columns = couple.regroup((width,), (x.shape[-1] // r, r))
    return ((*x.dims[:-3], (*channels, *rows, *columns), new_height, new_width),)


@rule("aten.channel_shuffle")
def channel_shuffle(op: Bound, couple: Coupler) -> Result:
    """(B, g * n, *) to (B, n * g, *)."""
    x, groups = op.tensor(0), int(op.arg(1, "groups"))
    outer, inner = couple.regroup((x.dims[1],), (groups, x.shape[1] // groups))
    return (replace_dim(x.dims, 1, (*inner, *outer)),)


@rule("aten.as_strided")
def as_strided(op: Bound, couple: Coupler) -> Result:
    """Inside adaptive pooling PyTorch only renames the memory layout; anywhere else strides can mean anything."""
    x = op.tensor(0)
    if op.function.startswith("adaptive_avg_pool") and op.shapes[0] == x.shape:
        return (x.dims,)
    couple.freeze_all(x.dims, "as_strided reads memory by address")
    return inert_result(op)


def _tiled(dim: Dim, count: int, couple: Coupler) -> Dim:
    return (*inert_dim(count), *dim) if dim else couple.new_dim(count)
