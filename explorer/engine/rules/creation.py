"""Tensors made in forward. Constants alike in every element are free; what depends on the index is not."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.rules.table import Bound, Result, inert_result, rule


@rule(
    "aten.zeros",
    "aten.ones",
    "aten.full",
    "aten.empty.memory_format",
    "aten.empty_strided",
    "aten.empty_permuted",
    "aten.new_zeros",
    "aten.new_ones",
    "aten.new_full",
    "aten.new_empty",
    "aten.new_empty_strided",
    "aten.scalar_tensor",
)
def constant(op: Bound, couple: Coupler) -> Result:
    """Every element alike: any index can go, so the atoms are new and free."""
    return tuple(tuple(couple.new_dim(size) for size in shape) for shape in op.shapes)


@rule(
    "aten.arange",
    "aten.linspace",
    "aten.logspace",
    "aten.eye",
    "aten.rand",
    "aten.randn",
    "aten.randint",
    "aten.randperm",
    "aten.normal",
    "aten.uniform",
    "aten.tril_indices",
    "aten.triu_indices",
    "aten._local_scalar_dense",
    "aten.equal",
)
def index_dependent(op: Bound, couple: Coupler) -> Result:
    """Deliberately inert: elements depend on their position (or carry no dimension), so nothing of it can go."""
    return inert_result(op)
