"""Concatenation, splitting and slicing."""

from __future__ import annotations

import numpy as np

from explorer.engine.coupler import Coupler, EqualCount
from explorer.engine.factors import Dim, Dims, inert_dim, is_inert, is_inert_dim
from explorer.engine.rules.pointwise import meet
from explorer.engine.rules.table import Bound, Operand, Result, axis, replace_dim, rule


@rule("aten.cat")
def cat(op: Bound, couple: Coupler) -> Result:
    """Along the axis indices follow each other; the other dimensions are one."""
    # Old code grows a list from `torch.empty(0)`, which may be joined with tensors of any rank.
    tensors = [tensor for tensor in op.args[0] if tensor.shape != (0,)] or list(op.args[0][:1])
    place = axis(int(op.arg(1, "dim", 0)), len(op.shapes[0]))
    joined = couple.concatenate([tensor.dims[place] for tensor in tensors])
    return (replace_dim(_shared(tensors, place, couple), place, joined),)


@rule("aten.block_diag")
def block_diag(op: Bound, couple: Coupler) -> Result:
    """Matrices along the diagonal of one: rows follow each other, and so do columns; what is in no block is zero."""
    matrices = [((),) * (2 - len(tensor.dims)) + tensor.dims for tensor in op.args[0]]
    couple.touch(*(dim for dims in matrices for dim in dims))
    return (tuple(couple.concatenate([dims[place] for dims in matrices]) for place in (0, 1)),)


@rule("aten.stack")
def stack(op: Bound, couple: Coupler) -> Result:
    """A new dimension counts the tensors; the others are one."""
    tensors = list(op.args[0])
    place = axis(int(op.arg(1, "dim", 0)), len(op.shapes[0]))
    dims = _shared(tensors, -1, couple)
    return ((*dims[:place], inert_dim(len(tensors)), *dims[place:]),)


@rule("aten.split", "aten.split_with_sizes", "aten.unsafe_split")
def split(op: Bound, couple: Coupler) -> Result:
    """Consecutive pieces of one axis. An even split promises equal counts."""
    x = op.tensor(0)
    place = axis(int(op.arg(2, "dim", 0)), len(x.dims))
    sizes = [shape[place] for shape in op.shapes]
    ends = np.cumsum(sizes).tolist()
    pieces = [couple.take(x.dims[place], end - size, end) for size, end in zip(sizes, ends, strict=True)]
    couple.touch(*pieces)
    is_even = not op.name.startswith("aten.split_with_sizes")
    if is_even:
        promise_equal_counts(pieces, sizes, couple)
    return tuple(replace_dim(x.dims, place, piece) for piece in pieces)


@rule("aten.glu")
def glu(op: Bound, couple: Coupler) -> Result:
    """One half of an axis times the sigmoid of the other: the halves are one."""
    x = op.tensor(0)
    place = axis(int(op.arg(1, "dim", -1)), len(x.dims))
    half = x.shape[place] // 2
    value, gate = couple.take(x.dims[place], 0, half), couple.take(x.dims[place], half, 2 * half)
    couple.unify(value, gate)
    return (replace_dim(x.dims, place, value),)


@rule("aten.slice")
def slice_axis(op: Bound, couple: Coupler) -> Result:
    """A range of one axis with a step."""
    x = op.tensor(0)
    place = axis(int(op.arg(1, "dim", 0)), len(x.dims))
    start, stop, step = slice(op.arg(2, "start"), op.arg(3, "end"), op.arg(4, "step", 1)).indices(x.shape[place])
    return (replace_dim(x.dims, place, couple.take(x.dims[place], start, stop, step)),)


@rule("aten.select")
def select(op: Bound, couple: Coupler) -> Result:
    """One index of one axis, picked by its number: it stays."""
    x = op.tensor(0)
    place = axis(int(op.arg(1, "dim")), len(x.dims))
    couple.single(x.dims[place], int(op.arg(2, "index")) % x.shape[place])
    return ((*x.dims[:place], *x.dims[place + 1 :]),)


@rule("aten.unbind")
def unbind(op: Bound, couple: Coupler) -> Result:
    """Every index of one axis apart: all of them stay."""
    x = op.tensor(0)
    place = axis(int(op.arg(1, "dim", 0)), len(x.dims))
    couple.freeze(x.dims[place], "the code takes every index of this axis apart")
    return tuple((*x.dims[:place], *x.dims[place + 1 :]) for _ in op.shapes)


@rule("aten.constant_pad_nd")
def pad(op: Bound, couple: Coupler) -> Result:
    """Constant borders. Padded channels are constants, every one alike, so they can go; a padded inert axis stays."""
    x, widths = op.tensor(0), list(op.arg(1, "pad"))
    dims = list(x.dims)
    for number in range(len(widths) // 2):
        place = len(dims) - 1 - number
        dims[place] = _padded(dims[place], x.shape[place], int(widths[2 * number]), int(widths[2 * number + 1]), couple)
    return (tuple(dims),)


def _padded(dim: Dim, size: int, before: int, after: int, couple: Coupler) -> Dim:
    if not before and not after:
        return dim
    if is_inert_dim(dim):
        return inert_dim(size + before + after)
    kept = couple.take(dim, max(-before, 0), size - max(-after, 0))
    borders = [couple.new_dim(width) if width > 1 else inert_dim(width) for width in (max(before, 0), max(after, 0))]
    return couple.concatenate([borders[0], kept, borders[1]])


def _shared(tensors: list[Operand], place: int, couple: Coupler) -> Dims:
    """The dimensions of several tensors as one, but for the axis at `place`."""
    columns = zip(*(tensor.dims for tensor in tensors), strict=True)
    return tuple(column[0] if number == place else meet(list(column), couple) for number, column in enumerate(columns))


def promise_equal_counts(pieces: list[Dim], sizes: list[int], couple: Coupler) -> None:
    """Say that the pieces of a split that are equally large stay so; the rest may be what is left over."""
    for size in dict.fromkeys(sizes):
        flats = tuple(couple.flat(piece) for piece, found in zip(pieces, sizes, strict=True) if found == size and piece)
        if len(flats) > 1 and not all(is_inert(flat) for flat in flats):
            couple.even.append(EqualCount(flats, couple.op))
