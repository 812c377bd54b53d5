"""Matrix products: the contracted dimension is shared, the others pass through."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, Dims, inert_dim, is_inert_dim
from explorer.engine.rules.pointwise import broadcast, meet
from explorer.engine.rules.table import Bound, Operand, Result, inert_result, rule


@rule("aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.vdot")
def matmul(op: Bound, couple: Coupler) -> Result:
    """(*batch, n, k) times (*batch, k, m); vectors have no n or m."""
    _tag_heads(op.tensor(0), op.tensor(1), couple)
    return (product(op.tensor(0), op.tensor(1), couple),)


RUNS = "the code gives each of several matrices a run of this axis, counted by offsets"


@rule("aten._grouped_mm")
def grouped_matmul(op: Bound, couple: Coupler) -> Result:
    """One product for each of e groups, as experts run; the axis that offsets cut into runs stays, and so do groups.

    (t, k) times (e, k, n) and (e, m, k) times (k, t) cut t; (m, t) times (t, n), which gives (e, m, n), cuts what is
    contracted. Without offsets both have a batch of groups. The kernel wants rows of a multiple of 16 bytes, which a
    plan gives it by `round_to`.
    """
    a, b, offsets = op.tensor(0), op.tensor(1), op.optional(2, "offs")
    if op.optional(3, "bias") is not None:  # no version of PyTorch takes one yet, so nobody knows its shape
        for operand in op.operands():
            couple.freeze_all(operand.dims, "what a bias means to a grouped product is not known")
        return inert_result(op)
    if offsets is None:
        return matmul(op, couple)
    couple.touch(*a.dims, *b.dims)
    if len(a.dims) == len(b.dims):
        couple.freeze_all((a.dims[1], b.dims[0], *offsets.dims), RUNS)
        return ((offsets.dims[0], a.dims[0], b.dims[1]),)
    if len(a.dims) == 2:
        couple.unify(a.dims[1], b.dims[1])
        couple.freeze_all((a.dims[0], b.dims[0], *offsets.dims), RUNS)
        return ((a.dims[0], b.dims[2]),)
    couple.unify(a.dims[2], b.dims[0])
    couple.freeze_all((a.dims[0], b.dims[1], *offsets.dims), RUNS)
    return ((a.dims[1], b.dims[1]),)


@rule("aten.addmm", "aten.baddbmm", "aten.addmv", "aten._sparse_addmm")
def add_matmul(op: Bound, couple: Coupler) -> Result:
    """Bias, broadcast, plus a product."""
    _tag_heads(op.tensor(1), op.tensor(2), couple)
    return (_plus(op.tensor(0), product(op.tensor(1), op.tensor(2), couple), couple),)


@rule("aten.addbmm")
def add_summed_matmul(op: Bound, couple: Coupler) -> Result:
    """Bias plus the sum of a batch of products: the batch is contracted too."""
    return (_plus(op.tensor(0), product(op.tensor(1), op.tensor(2), couple)[1:], couple),)


@rule("aten.addr")
def add_outer(op: Bound, couple: Coupler) -> Result:
    """Bias plus the outer product of two vectors (n,) and (m,)."""
    return (_plus(op.tensor(0), (op.tensor(1).dims[0], op.tensor(2).dims[0]), couple),)


@rule("aten._trilinear")
def trilinear(op: Bound, couple: Coupler) -> Result:
    """Three operands with dimensions of size 1 put in, multiplied, and summed over some: what `nn.Bilinear` runs."""
    operands = [_expanded(op.tensor(place), op.arg(3 + place, f"expand{place + 1}")) for place in range(3)]
    rank = len(operands[0].dims)
    summed = {int(place) % rank for place in op.arg(6, "sumdim")}
    dims = broadcast(operands, rank, couple)
    couple.touch(*dims)
    return (tuple(dim for place, dim in enumerate(dims) if place not in summed),)


@rule("aten._cdist_forward", "aten._euclidean_dist")
def distances(op: Bound, couple: Coupler) -> Result:
    """Points (*batch, n, k) and (*batch, m, k): distances (*batch, n, m)."""
    a, b = op.tensor(0), op.tensor(1)
    couple.touch(*a.dims, *b.dims)
    couple.unify(a.dims[-1], b.dims[-1])
    leading = [Operand(x.dims[:-2], x.shape[:-2]) for x in (a, b)]
    return ((*broadcast(leading, len(op.shapes[0]) - 2, couple), a.dims[-2], b.dims[-2]),)


def product(a: Operand, b: Operand, couple: Coupler) -> Dims:
    """Dimensions of ``a @ b``."""
    couple.touch(*a.dims, *b.dims)
    rows = a.dims[-2:-1]
    columns = b.dims[-1:] if len(b.dims) > 1 else ()
    couple.unify(a.dims[-1], b.dims[-2] if len(b.dims) > 1 else b.dims[-1])
    batch = [meet([mine, other], couple) for mine, other in zip(a.dims[:-2], b.dims[:-2], strict=True)]
    return (*batch, *rows, *columns)


def _tag_heads(a: Operand, b: Operand, couple: Coupler) -> None:
    """The batch of a product; where the first operand's stays, the second still says that its channels are in heads."""
    for mine, other in zip(a.dims[:-2], b.dims[:-2], strict=False):
        couple.tag("heads", other if is_inert_dim(mine) else mine)


def _plus(bias: Operand, dims: Dims, couple: Coupler) -> Dims:
    return broadcast([Operand(dims, ()), bias], len(dims), couple)


def _expanded(operand: Operand, places: list[int]) -> Operand:
    """An operand with dimensions of size 1 at the given places of the result."""
    dims: list[Dim] = list(operand.dims)
    for place in places:
        dims.insert(int(place), inert_dim(1))
    return Operand(tuple(dims), ())
