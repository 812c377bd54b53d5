"""Shapes of every value under a plan."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property

import numpy as np

from explorer.engine.couple import Coupling
from explorer.engine.factors import Dim, Factor
from explorer.engine.program import Program
from explorer.engine.provenance import Attribute, Size
from explorer.engine.solve import Mask


class PlannedShapes:
    """What one traced program's shapes become when some classes of atoms are gone."""

    def __init__(self, coupling: Coupling, number: int, alive: Mask, attributes: Mapping[Attribute, int]) -> None:
        """Prepare.

        Args:
            coupling: The coupling.
            number: Which of its programs.
            alive: For each class, whether it stays.
            attributes: The original values of the integer attributes of all modules.
        """
        self.program: Program = coupling.programs[number]
        self._dims = coupling.dims[number]
        self._kept = alive[coupling.solution.labels]
        """For each atom, whether it stays."""
        self._attributes = attributes
        self._counts: dict[int, int] = {}
        self._shapes: dict[int, tuple[int, ...]] = {}

    def of_program(self, program: Program) -> PlannedShapes:
        """The same shapes for a program that makes the same values by other calls."""
        other = copy(self)
        other.program = program
        return other

    def attribute(self, attribute: Attribute) -> int:
        """The original value of an attribute."""
        return self._attributes[attribute]

    def size(self, size: Size) -> int:
        """The new size of one dimension of a value."""
        return self.shape(size.value)[size.dim]

    def shape(self, value: int) -> tuple[int, ...]:
        """The new shape of a value; one that no op read keeps its own."""
        known = self._shapes.get(value)
        if known is None:
            dims = self._dims.get(value)
            known = self.program.values[value].shape if dims is None else tuple([self.count(dim) for dim in dims])
            self._shapes[value] = known
        return known

    def dims(self, value: int) -> tuple[Dim, ...]:
        """The factors of a value's dimensions; empty for one that no op read."""
        return self._dims.get(value, ())

    def count(self, dim: Dim) -> int:
        """Indices kept of a dimension."""
        if len(dim) == 1:
            return self._count(dim[0])
        count = 1
        for factor in dim:
            count *= self._count(factor)
        return count

    def kept(self, dim: Dim) -> Mask:
        """For each index of a dimension, whether it is kept."""
        kept = np.ones(1, dtype=bool)
        for factor in dim:
            kept = (kept[:, None] & self._kept[factor][None, :]).ravel()
        return kept

    def is_whole(self, dim: Dim) -> bool:
        """Whether every index of a dimension is kept."""
        return all(self._count(factor) == len(factor) for factor in dim)

    @cached_property
    def changed_values(self) -> frozenset[int]:
        """Values whose shape changes."""
        return frozenset(value for value in self._dims if self.shape(value) != self.program.values[value].shape)

    def _count(self, factor: Factor) -> int:
        known = self._counts.get(id(factor))
        if known is None:
            known = self._counts[id(factor)] = int(np.count_nonzero(self._kept[factor]))
        return known
