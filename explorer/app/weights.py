"""A weight as a picture: its mean size over everything but two dimensions, and what a plan removes of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Group
from explorer.engine.plan import Plan

MAX_CELLS = 128
"""Longer sides are joined in blocks: the pane has no more pixels to tell them apart."""

Values = NDArray[np.float32]


@dataclass(frozen=True)
class WeightPicture:
    """A weight, reduced to what a pane can show.

    Attributes:
        parameter: Its name.
        shape: Its whole shape.
        values: Mean absolute value of each block; shape (rows, columns), at most `MAX_CELLS` each. A weight of one
            dimension is a single column.
        rows_gone: For each row, the fraction of its indices that goes (dim 0), 0-1.
        columns_gone: For each column, the same (dim 1).
        sizes: For dim 0 and dim 1: size before and after.
        block: Indices in one row and in one column.
    """

    parameter: str
    shape: tuple[int, ...]
    values: Values
    rows_gone: Values
    columns_gone: Values
    sizes: tuple[tuple[int, int], tuple[int, int]]
    block: tuple[int, int]


def weight_picture(plan: Plan, parameter: str) -> WeightPicture:
    """The picture of a parameter or buffer under a plan.

    Args:
        plan: What is removed.
        parameter: Its name.

    Raises:
        PlanError: The model has no weights (it is on the meta device), or none of this name.
    """
    weight = _state(plan.graph, parameter).detach()
    if weight.is_meta:
        raise PlanError("This model has shapes but no weights, so there is nothing to look at.")
    table = _table(weight)
    rows, columns = table.shape
    block = (-(-rows // MAX_CELLS), -(-columns // MAX_CELLS))
    kept = [_kept(plan, parameter, dim, size) for dim, size in enumerate((rows, columns))]
    return WeightPicture(
        parameter,
        tuple(weight.shape),
        _joined(_joined(table.cpu().numpy(), block[0]).T, block[1]).T,
        _joined(~kept[0], block[0]),
        _joined(~kept[1], block[1]),
        ((rows, int(kept[0].sum())), (columns, int(kept[1].sum()))),
        block,
    )


def pictured(group: Group, shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """The members of a group that have a picture, each once: those with two dimensions to look at come first.

    Args:
        group: The group.
        shapes: Shape of every parameter and buffer.
    """
    names = dict.fromkeys(member.parameter for member in group.members)
    return sorted(names, key=lambda name: sum(size > 1 for size in shapes.get(name, ())[:2]), reverse=True)


def _state(graph: DependencyGraph, name: str) -> torch.Tensor:
    for known, tensor in (*graph.model.named_parameters(), *graph.model.named_buffers()):
        if known == name:
            return tensor
    raise PlanError(f"There is no parameter or buffer {name!r} in this model.")


def _table(weight: torch.Tensor) -> torch.Tensor:
    """Absolute values with two dimensions: means over the others, or a single column."""
    size = weight.abs().float()
    return size.flatten(2).mean(dim=2) if size.dim() > 2 else size.reshape(len(size) if size.dim() else 1, -1)


def _kept(plan: Plan, parameter: str, dim: int, size: int) -> NDArray[np.bool_]:
    kept = np.zeros(size, dtype=bool)
    kept[list(plan.kept.get((parameter, dim), range(size)))] = True
    return kept


def _joined(values: NDArray[np.generic], block: int) -> Values:
    """Means over blocks of the first axis; the last block may be smaller."""
    starts = np.arange(0, len(values), block)
    sums = np.add.reduceat(values.astype(np.float32), starts, axis=0)
    lengths = np.diff(np.append(starts, len(values))).astype(np.float32)
    return np.asarray(sums / lengths.reshape(-1, *[1] * (sums.ndim - 1)), dtype=np.float32)
