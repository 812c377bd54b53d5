"""Elementwise ops: every operand's index i is the result's index i. PyTorch tags them; the rest are listed here."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, Dims, is_inert_dim
from explorer.engine.rules.table import Bound, Operand, Result, rule


@rule(
    "pointwise",
    "aten.detach",
    "aten.alias",
    "aten.lift_fresh",
    "aten.lift_fresh_copy",
    "aten.clone",
    "aten._to_copy",
    "aten.native_dropout",
    "aten.fill",
    "aten.zero",
    "aten.copy",
    "aten.bernoulli",
    "aten.zeros_like",
    "aten.ones_like",
    "aten.full_like",
    "aten.empty_like",
    "aten.floor_divide",
    "aten.hardswish",
    "aten.log_sigmoid_forward",
    "aten.rrelu_with_noise",
    "aten._prelu_kernel",
    "aten._softmax",
    "aten._safe_softmax",
    "aten._log_softmax",
)
def pointwise(op: Bound, couple: Coupler) -> Result:
    """All operands broadcast against each other; their dimensions are one.

    Softmax belongs here too: along its axis the remaining channels are normalised among themselves.
    """
    operands = [operand for operand in op.operands() if operand.shape or len(op.shapes[0]) == 0]
    dims = broadcast(operands, len(op.shapes[0]), couple)
    return tuple(dims for _ in op.shapes)


def broadcast(operands: list[Operand], rank: int, couple: Coupler) -> Dims:
    """The dimensions of operands aligned at their ends, coupled."""
    return tuple(meet([_from_end(operand, rank - place) for operand in operands], couple) for place in range(rank))


def meet(dims: list[Dim], couple: Coupler) -> Dim:
    """One dimension of several that are the same channels; size 1 broadcasts.

    Where one of them is inert the result is inert too: what meets it is frozen, and inert sizes regroup freely.
    """
    present = [dim for dim in dims if dim]
    if not present:
        return ()
    chosen = next((dim for dim in present if is_inert_dim(dim)), present[0])
    for dim in present:
        couple.unify(chosen, dim)
    return chosen


def _from_end(operand: Operand, distance: int) -> Dim:
    return operand.dims[-distance] if distance <= len(operand.dims) else ()
