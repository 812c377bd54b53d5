"""Heads where no product of matrices says so: ``(x * weight).sum(-1)`` is a dot product for each head, as in GAT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, Dims, is_inert_dim
from explorer.engine.program import Op, Program, Ref
from explorer.engine.rules.table import axes


def tag_heads(program: Program, dims: Mapping[int, Dims], coupler: Coupler) -> None:
    """Say of elementwise products that are summed over channels that their other live dimensions are heads.

    It is the batch of a product of matrices, written out: both operands have the heads, and the sum runs over the
    channels of one head.

    Args:
        program: The traced run.
        dims: The dims of every value of it.
        coupler: What the rules said.
    """
    products = {op.results[0]: op for op in program.ops if op.name == "aten.mul.Tensor"}
    for op in program.ops:
        if op.name == "aten.sum.dim_IntList" and (product := products.get(op.inputs()[0])) is not None:
            for dim in _batch(op, product, dims):
                coupler.tag("heads", dim)


def _batch(total: Op, product: Op, dims: Mapping[int, Dims]) -> Iterator[Dim]:
    """The dimensions that are live in both factors of a product and that its sum over live ones keeps."""
    factors = [dims[item.value] for item in product.args if isinstance(item, Ref)]
    rank = len(dims[product.results[0]])
    if len(factors) < 2 or any(len(factor) < rank for factor in factors):
        return
    live = [place for place in range(rank) if not any(is_inert_dim(factor[place]) for factor in factors)]
    summed = axes(total.args[1], rank)
    if any(place in live for place in summed):
        yield from (factors[0][place] for place in live if place not in summed)
