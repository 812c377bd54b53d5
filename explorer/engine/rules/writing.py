"""Writing by index: the axis that is written by number stays, the other axes are one."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dims
from explorer.engine.rules.indexing import (
    BY_NUMBER,
    BY_VALUE,
    channels_at,
    is_mask,
    pick_by_number,
    positions_of,
    spread_masks,
)
from explorer.engine.rules.table import Bound, Operand, Result, axis, inert_result, rule


@rule("aten.index_add", "aten.index_copy", "aten.index_reduce", "aten.index_fill")
def index_add(op: Bound, couple: Coupler) -> Result:
    """Self (.., n, ..), index (m,) along one axis, source (.., m, ..): the form of a graph network's aggregation."""
    x, indices, source = op.tensor(0), op.tensor(2), op.optional(3, "source")
    place = axis(int(op.arg(1, "dim")), len(x.dims))
    parts = source.dims if source is not None and source.shape else ((),) * len(x.dims)
    _write_at(x, place, indices, parts, couple)
    return (x.dims,)


@rule("aten.scatter", "aten.scatter_add", "aten.scatter_reduce")
def scatter(op: Bound, couple: Coupler) -> Result:
    """Self, index and source alike but for one axis; where the index covers only a part, the axis stays."""
    x, indices, source = op.tensor(0), op.tensor(2), op.optional(3, "src")
    place = axis(int(op.arg(1, "dim")), len(x.dims))
    tensors = (x, indices, source) if source is not None and source.shape else (x, indices)
    for number in range(len(x.dims)):
        _write_axis(number, tensors, couple, is_numbered=number == place)
    return (x.dims,)


@rule("aten.index_put", "aten._unsafe_index_put")
def index_put(op: Bound, couple: Coupler) -> Result:
    """The assignment ``x[indices] = values``, or its sum: values broadcast over the axes that are not indexed.

    A number written where a mask says is what `masked_fill` does. One list of positions that the code knows writes
    certain channels; any other indexed axes stay.
    """
    x, values = op.tensor(0), op.tensor(2)
    given = op.arg(1, "indices")
    if not values.shape and _fill(x, given, couple):
        return (x.dims,)
    indices = spread_masks(given, len(x.dims))
    used = [place for place, found in enumerate(indices) if found is not None]
    only = indices[used[0]] if len(used) == 1 else None
    if only is not None and positions_of(x, used[0], only) is not None:
        parts = ((),) * (len(x.dims) - len(values.dims)) + values.dims
        _write_at(x, used[0], only, parts, couple)
    else:
        _put_by_number(x, indices, values, couple)
    return (x.dims,)


@rule("aten.masked_scatter", "aten.put")
def masked_scatter(op: Bound, couple: Coupler) -> Result:
    """Elements are taken one after the other for every true value: all of it stays."""
    for operand in op.operands():
        couple.freeze_all(operand.dims, BY_VALUE)
    return inert_result(op)


def _fill(x: Operand, indices: list[Operand | None], couple: Coupler) -> bool:
    """Couple a mask that forward computes with the axes that it covers; False where the index is anything else."""
    used = [place for place, found in enumerate(indices) if found is not None]
    mask = indices[used[0]] if len(used) == 1 else None
    if mask is None or not is_mask(mask) or positions_of(x, used[0], mask) is not None:
        return False
    for mine, other in zip(x.dims[used[0] :], mask.dims, strict=False):
        couple.unify(mine, other)
    return True


def _write_at(x: Operand, place: int, indices: Operand, parts: Dims, couple: Coupler) -> None:
    """Write values of dimensions `parts` to positions of one axis; where a plan could not count them anew, it stays."""
    positions = positions_of(x, place, indices)
    if positions is None:
        couple.freeze_all((x.dims[place], parts[place], *indices.dims), BY_NUMBER)
    else:
        couple.unify((channels_at(x.dims[place], positions, indices, couple),), parts[place])
    for number, dim in enumerate(x.dims):
        if number != place:
            couple.unify(dim, parts[number])


def _put_by_number(x: Operand, indices: list[Operand | None], values: Operand, couple: Coupler) -> None:
    rest, before = pick_by_number(x.dims, indices, couple)
    made = max((1 if is_mask(found) else len(found.shape) for found in indices if found is not None), default=0)
    written = (*rest[:before], *[None] * made, *rest[before:])
    for mine, other in zip(reversed(written), reversed(values.dims), strict=False):
        if mine is None:
            couple.freeze(other, BY_NUMBER)
        else:
            couple.unify(mine, other)
    for found in indices:
        couple.freeze_all(found.dims if found is not None else (), BY_NUMBER)


def _write_axis(number: int, tensors: tuple[Operand, ...], couple: Coupler, *, is_numbered: bool) -> None:
    dims: Dims = tuple(tensor.dims[number] for tensor in tensors)
    if is_numbered or len({tensor.shape[number] for tensor in tensors}) > 1:
        couple.freeze_all(dims, BY_NUMBER)
        return
    for other in dims[1:]:
        couple.unify(dims[0], other)
    couple.unify(dims[1], dims[-1])
