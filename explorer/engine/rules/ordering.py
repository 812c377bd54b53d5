"""Ops whose result at one index depends on the order of the others: that axis stays, the other axes pass."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dims, inert_dim
from explorer.engine.rules.table import Bound, Result, axis, replace_dim, rule

ORDER = "the code sorts or accumulates along this axis"


@rule("aten.cumsum", "aten.cumprod", "aten.logcumsumexp", "aten.cummax", "aten.cummin")
def accumulate(op: Bound, couple: Coupler) -> Result:
    """Running sums, products and maxima along one axis."""
    return _ordered(op, couple, int(op.arg(1, "dim")))


@rule("aten.sort")
def sort(op: Bound, couple: Coupler) -> Result:
    """Values in order along one axis, and where they were."""
    return _ordered(op, couple, int(op.arg(1, "dim", -1)))


@rule("aten.topk", "aten.kthvalue")
def topk(op: Bound, couple: Coupler) -> Result:
    """The k largest of one axis, or the k-th, and where they were."""
    return _ordered(op, couple, int(op.arg(2, "dim", -1)))


@rule("aten.bucketize.Tensor")
def bucketize(op: Bound, couple: Coupler) -> Result:
    """For each element the number of the bucket that it falls into; the boundaries (n,) stay."""
    x, boundaries = op.tensor(0), op.tensor(1)
    couple.touch(*x.dims)
    couple.freeze(boundaries.dims[0], ORDER)
    return (x.dims,)


@rule("aten.searchsorted.Tensor")
def searchsorted(op: Bound, couple: Coupler) -> Result:
    """Sorted boundaries (n,) or (*, n), elements (*, m): the numbers of their buckets (*, m)."""
    boundaries, x = op.tensor(0), op.tensor(1)
    couple.touch(*x.dims)
    couple.freeze(boundaries.dims[-1], ORDER)
    for mine, other in zip(x.dims, boundaries.dims[:-1], strict=False):
        couple.unify(mine, other)
    return (x.dims,)


def _ordered(op: Bound, couple: Coupler, number: int) -> Result:
    x = op.tensor(0)
    if not x.dims:
        return tuple(() for _ in op.shapes)
    place = axis(number, len(x.dims))
    couple.freeze(x.dims[place], ORDER)
    return tuple(_with_axis(x.dims, place, shape) for shape in op.shapes)


def _with_axis(dims: Dims, place: int, shape: tuple[int, ...]) -> Dims:
    if len(shape) < len(dims):
        return (*dims[:place], *dims[place + 1 :])
    return replace_dim(dims, place, inert_dim(shape[place]))
