"""Reading by index: known positions are plain indexing of atoms, unknown ones freeze the axis, other axes pass.

An index buffer or constant can be renumbered when a plan is applied, so a live axis read through it stays live; an
index that was computed in forward would point elsewhere in the smaller model, so the axis that it reads is frozen.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, Dims, Factor, inert_dim, is_inert_dim, size_of
from explorer.engine.rules.pointwise import broadcast, meet
from explorer.engine.rules.table import Bound, Operand, Result, axis, inert_result, replace_dim, rule

Positions = np.ndarray[tuple[int], np.dtype[Any]]

VOCABULARY = "vocabulary: its entries are picked by number"
BY_NUMBER = "the code picks indices of this axis by number"
BY_VALUE = "the code picks elements by their values"


@rule("aten.embedding")
def embedding(op: Bound, couple: Coupler) -> Result:
    """Weight (vocabulary, C), indices (*): result (*, C)."""
    weight, indices = op.tensor(0), op.tensor(1)
    couple.freeze(weight.dims[0], VOCABULARY)
    couple.touch(weight.dims[1])
    return ((*indices.dims, weight.dims[1]),)


@rule("aten.embedding_renorm")
def embedding_renorm(op: Bound, couple: Coupler) -> Result:
    """Rows longer than a maximum are scaled down, over the kept channels."""
    return (op.tensor(0).dims,)


@rule("aten._embedding_bag", "aten._embedding_bag_forward_only")
def embedding_bag(op: Bound, couple: Coupler) -> Result:
    """Weight (vocabulary, C), indices (n,), offsets (B,): result (B, C) and what the backward needs."""
    weight = op.tensor(0)
    couple.freeze(weight.dims[0], VOCABULARY)
    couple.touch(weight.dims[1])
    for operand in op.operands()[1:]:
        couple.freeze_all(operand.dims, BY_NUMBER)
    bookkeeping = inert_result(op)
    channels = tuple(weight.dims[1] if shape[1:] == weight.shape[1:] else inert_dim(shape[-1]) for shape in op.shapes)
    return ((bookkeeping[0][0], channels[0]), *bookkeeping[1:3], *(_last(bookkeeping[3:], channels[3])))


@rule("aten.index_select")
def index_select(op: Bound, couple: Coupler) -> Result:
    """The entries of one axis that an index tensor names."""
    x, indices = op.tensor(0), op.tensor(2)
    if not x.dims:
        return ((),)
    place = axis(int(op.arg(1, "dim")), len(x.dims))
    return (replace_dim(x.dims, place, _chosen(x, place, indices, couple)),)


@rule("aten.index.Tensor", "aten._unsafe_index.Tensor")
def index(op: Bound, couple: Coupler) -> Result:
    """Advanced indexing: indexed axes are picked by number, the others pass."""
    x = op.tensor(0)
    indices = spread_masks(op.arg(1, "indices"), len(x.dims))
    used = [place for place, found in enumerate(indices) if found is not None]
    only = indices[used[0]] if len(used) == 1 else None
    if only is not None and len(only.shape) == 1:
        return (replace_dim(x.dims, used[0], _chosen(x, used[0], only, couple, op.shapes[0][used[0]])),)
    rest, before = pick_by_number(x.dims, indices, couple)
    rank = len(op.shapes[0]) - len(rest)
    operands = [found for found in indices if found is not None]
    if any(is_mask(found) for found in operands):
        made: Dims = tuple(inert_dim(size) for size in op.shapes[0][before : before + rank])
    else:
        made = broadcast(operands, rank, couple)
    return ((*rest[:before], *made, *rest[before:]),)


@rule("aten.gather")
def gather(op: Bound, couple: Coupler) -> Result:
    """Entries of one axis by number; the other axes of the index follow the input's."""
    x, indices = op.tensor(0), op.tensor(2)
    place = axis(int(op.arg(1, "dim")), len(x.dims))
    dims = []
    for number, (dim, follower) in enumerate(zip(x.dims, indices.dims, strict=True)):
        if number == place:
            couple.freeze(dim, BY_NUMBER)
        dims.append(follower if number == place else follow(dim, follower, number, (x, indices), couple))
    return (tuple(dims),)


@rule(
    "aten.nonzero",
    "aten.masked_select",
    "aten._unique2",
    "aten.multinomial",
    "aten.take",
    "aten.repeat_interleave.Tensor",
)
def by_value(op: Bound, couple: Coupler) -> Result:
    """Which elements come out depends on all of them."""
    for operand in op.operands():
        couple.freeze_all(operand.dims, BY_VALUE)
    return inert_result(op)


def follow(dim: Dim, other: Dim, number: int, tensors: tuple[Operand, ...], couple: Coupler) -> Dim:
    """An axis that an index tensor goes along: the same channels where the sizes agree, else both stay."""
    if len({tensor.shape[number] for tensor in tensors}) == 1:
        return meet([dim, other], couple)
    couple.freeze_all((dim, other), BY_NUMBER)
    return inert_dim(tensors[-1].shape[number])


def spread_masks(indices: list[Operand | None], rank: int) -> list[Operand | None]:
    """One entry per axis; a boolean mask of several dims stands on the first axis that it covers, and on the rest.

    Args:
        indices: One entry per index of the code; None keeps an axis.
        rank: Number of dims of the tensor that is indexed.
    """
    spread: list[Operand | None] = []
    for found in indices:
        spread += [found] * (len(found.shape) if found is not None and is_mask(found) else 1)
    return spread + [None] * (rank - len(spread))


def is_mask(indices: Operand) -> bool:
    """Whether a tensor picks by truth, not by number."""
    return indices.dtype in (torch.bool, torch.uint8)


def pick_by_number(dims: Dims, indices: list[Operand | None], couple: Coupler) -> tuple[list[Dim], int]:
    """Freeze the indexed axes.

    Returns:
        The dims that are not indexed, and before which of them those of the index come: in place where the indexed
        axes are neighbours, else in front.
    """
    used = [place for place, found in enumerate(indices) if found is not None]
    picked = [(dims[place], found) for place, found in enumerate(indices) if found is not None]
    for dim, found in picked:
        couple.freeze(dim, BY_VALUE if is_mask(found) else BY_NUMBER)
    for _, found in picked:
        if is_mask(found):
            couple.freeze_all(found.dims, BY_VALUE)
    is_block = used == list(range(used[0], used[0] + len(used))) if used else False
    return [dim for place, dim in enumerate(dims) if place not in used], used[0] if is_block else 0


def positions_of(x: Operand, place: int, indices: Operand) -> Positions | None:
    """The positions of an axis that a one-dimensional index picks, where a plan can count them anew.

    Args:
        x: What is read or written.
        place: The axis.
        indices: Numbers, or truth values.

    Returns:
        Positions in order; None where the axis does not live, or the index depends on more than the code. Positions in
        a parameter that forward computes stay as well: they are those of a table.
    """
    is_known = indices.is_fixed or (indices.is_computed and not x.is_state)
    if not is_known or indices.data is None or len(indices.shape) != 1 or is_inert_dim(x.dims[place]):
        return None
    return np.flatnonzero(indices.data) if is_mask(indices) else indices.data


def channels_at(dim: Dim, positions: Positions, indices: Operand, couple: Coupler) -> Factor:
    """The channels at some positions; an index buffer loses elements along with its axis.

    A constant is written anew where it is read.
    """
    chosen = couple.flat(dim)[positions]
    if indices.is_state:
        couple.unify(dim if is_mask(indices) else (chosen,), indices.dims[0])
    return chosen


def _chosen(x: Operand, place: int, indices: Operand, couple: Coupler, count: int = -1) -> Dim:
    """A dimension read at the positions of a one-dimensional index of numbers, or of truth values."""
    dim, count = x.dims[place], count if count >= 0 else prod(indices.shape)
    positions = positions_of(x, place, indices)
    if is_mask(indices) and (positions is None or count < 2):
        couple.freeze_all((dim, indices.dims[0]), BY_VALUE)
        return inert_dim(count)
    if positions is None:
        couple.freeze(dim, BY_NUMBER)
        return indices.dims[0] if indices.shape else ()
    if count == 1:
        couple.single(dim, int(positions[0]) % size_of(dim))
        return ()
    return (channels_at(dim, positions, indices, couple),)


def _last(results: Result, channels: Dim) -> Result:
    """The positions of maxima (B, C) that a bag of kind ``max`` keeps."""
    return tuple((dims[0], channels) if len(dims) == 2 else dims for dims in results)
