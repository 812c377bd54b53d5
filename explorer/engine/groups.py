"""Groups: channels that go together, and everything they touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explorer.engine.notebook import group_html
from explorer.engine.program import SourceLine

Indices = np.ndarray[tuple[int], np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Member:
    """One dimension of one parameter or buffer that loses indices when a group is pruned.

    Attributes:
        parameter: Qualified name of the parameter or buffer.
        dim: Dimension of it.
        module: Path of the module that owns it.
        size: Indices in the whole dimension.
        positions: All indices that belong to the group, channel after channel.
        starts: For each channel where its indices begin in `positions`, and the end.
    """

    parameter: str
    dim: int
    module: str
    size: int
    positions: Indices = field(repr=False)
    starts: Indices = field(repr=False)

    @property
    def indices(self) -> tuple[tuple[int, ...], ...]:
        """For each channel of the group, the indices of the dimension that belong to it."""
        pieces = np.split(self.positions, self.starts[1:-1])
        return tuple(tuple(piece.tolist()) for piece in pieces)


@dataclass(frozen=True)
class Tie:
    """A relation between the numbers of kept channels that the model's code assumes.

    The relation is: the sum of `weights[g]` times the kept channels of group g, plus the weighted `products` of kept
    channels, plus `constant`, is zero.

    Attributes:
        kind: ``equal_count``: the pieces of an even split keep equally many; ``size``: the code computes one size from
            others (``embed == heads * head_dim``).
        groups: Names of the groups tied.
        weights: How often one channel of each group counts; the two sides have opposite signs.
        constant: Indices that stay on one side more than on the other.
        reason: What the code does, with the place.
        source: The user's line.
        products: (weight, names of the groups that are multiplied).
    """

    kind: str
    groups: tuple[str, ...]
    weights: tuple[int, ...]
    constant: int
    reason: str
    source: SourceLine | None = None
    products: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, eq=False)
class Group:
    """Channels that can be pruned, one by one, and the parameters that each takes along.

    Attributes:
        name: First producer in execution order, with ``:heads``, ``:head_dim`` or a range for a part.
        kind: ``channels``, ``heads``, ``head_dim`` or ``conv_groups``.
        size: Number of channels.
        members: Every (parameter, dim) that the channels touch, in execution order.
        ties: Names of the groups whose counts are tied to this one's.
        channels: Class of each channel in the coupling's solution.
        warnings: What pruning the group may break that no example input reached, in words. A single ratio for the whole
            model leaves such a group alone; asked for by name it is pruned.
    """

    name: str
    kind: str
    size: int
    members: tuple[Member, ...]
    ties: tuple[str, ...] = ()
    channels: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64), repr=False)
    warnings: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        return group_html(self)


@dataclass(frozen=True)
class Frozen:
    """Indices of one parameter dimension that stay, and why.

    Attributes:
        parameter: Qualified name.
        dim: Dimension.
        size: Indices in the dimension.
        indices: Which of them are frozen.
        reason: Why, in words.
        module: Path of the module where the reason arose.
        source: The user's line where it arose.
    """

    parameter: str
    dim: int
    size: int
    indices: tuple[int, ...] = field(repr=False)
    reason: str
    module: str = ""
    source: SourceLine | None = None
