"""Sequences of different lengths packed into one: time and batch stay, features pass."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import inert_dim
from explorer.engine.rules.table import Bound, Result, rule

SEQUENCES = "sequences of different lengths are packed along this axis"


@rule("aten._pack_padded_sequence")
def pack(op: Bound, couple: Coupler) -> Result:
    """Input (T, B, *) or (B, T, *), lengths (B,): packed (sum of lengths, *), and batch sizes of each step."""
    x, lengths = op.tensor(0), op.tensor(1)
    couple.freeze_all((*x.dims[:2], *lengths.dims), SEQUENCES)
    return ((inert_dim(op.shapes[0][0]), *x.dims[2:]), tuple(inert_dim(size) for size in op.shapes[1]))
