"""Reductions: the reduced axes go, the others pass. A reduced axis may carry channels; the rest are then reduced."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dims
from explorer.engine.rules.table import Bound, Result, axes, axis, inert_result, rule

POSITIONS = "the code asks for positions along this axis"


@rule(
    "aten.mean",
    "aten.sum",
    "aten.amax",
    "aten.amin",
    "aten.max.default",
    "aten.min.default",
    "aten.var",
    "aten.std",
    "aten.var_mean",
    "aten.std_mean",
    "aten.linalg_vector_norm",
    "aten.norm",
    "aten.logsumexp",
    "aten.prod",
    "aten.nansum",
    "aten.any",
    "aten.all",
    "aten.count_nonzero",
    "aten.aminmax",
    "aten.median.default",
    "aten.nanmedian.default",
)
def reduce(op: Bound, couple: Coupler) -> Result:
    """Any axes, with or without keeping them at size 1."""
    x = op.tensor(0)
    place = 2 if op.name.startswith(("aten.linalg_vector_norm", "aten.norm")) else 1
    gone = axes(_dims(op, place), len(x.dims))
    couple.touch(*(x.dims[number] for number in gone))
    return tuple(_reduced(x.dims, gone, len(shape)) for shape in op.shapes)


@rule("aten.max.dim", "aten.min.dim", "aten.median.dim", "aten.nanmedian.dim", "aten.mode")
def reduce_with_index(op: Bound, couple: Coupler) -> Result:
    """One axis; the second result holds positions along it, which pruning would move: where it is read, the axis stays.

    ``x.max(dim=1)[0]`` is common and reads only the first.
    """
    x = op.tensor(0)
    if not x.dims:
        return tuple(() for _ in op.shapes)
    gone = axis(int(op.arg(1, "dim", -1)), len(x.dims))
    couple.touch(x.dims[gone])
    if 1 not in op.unread:
        couple.freeze(x.dims[gone], POSITIONS)
    return tuple(_reduced(x.dims, (gone,), len(shape)) for shape in op.shapes)


@rule("aten.argmax", "aten.argmin")
def position(op: Bound, couple: Coupler) -> Result:
    """Positions along an axis mean nothing once it shrinks: the axis stays."""
    x = op.tensor(0)
    gone = axes(op.arg(1, "dim"), len(x.dims))
    couple.freeze_all(tuple(x.dims[number] for number in gone), POSITIONS)
    return tuple(_reduced(x.dims, gone, len(shape)) for shape in op.shapes)


@rule("aten.histc")
def histogram(op: Bound, couple: Coupler) -> Result:
    """How many elements fall into each bin: what is counted stays, since a removed channel is in none."""
    couple.freeze_all(op.tensor(0).dims, "the code counts elements along this axis")
    return inert_result(op)


def _dims(op: Bound, place: int) -> object:
    found = op.arg(place, "dim")
    return found if isinstance(found, (list, tuple, int)) and not isinstance(found, bool) else None


def _reduced(dims: Dims, gone: tuple[int, ...], rank: int) -> Dims:
    if rank == len(dims):
        return tuple(() if place in gone else dim for place, dim in enumerate(dims))
    return tuple(dim for place, dim in enumerate(dims) if place not in gone)
