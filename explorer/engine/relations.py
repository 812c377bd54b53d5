"""Size relations that the code computes: ``C // num_heads`` says that a width is heads times head size.

Where a size argument is computed from another size, the plan must keep the two in step: a *tie*. Both sides are written
as polynomials in the kept counts of the groups, and what does not cancel is the tie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from explorer.engine.couple import Coupling
from explorer.engine.coupler import EqualCount
from explorer.engine.factors import Dim, Dims, Factor, distinct
from explorer.engine.polynomials import Polynomial, constant, count_of
from explorer.engine.program import Call
from explorer.engine.provenance import Arithmetic, Attribute, Literal, Origin, Size, origin_of
from explorer.engine.requirements import stated_sizes
from explorer.engine.solve import Labels


@dataclass(frozen=True)
class SizeRelation:
    """A polynomial that must be zero for the code to run.

    Attributes:
        polynomial: Left minus right, over group numbers.
        call: The call that says so.
        text: The relation as the code writes it.
    """

    polynomial: Polynomial
    call: Call
    text: str


def size_relations(coupling: Coupling, group_of: Labels, sizes: list[int]) -> list[SizeRelation]:
    """Every relation between kept counts that size arguments of the code imply, each once.

    Args:
        coupling: The coupling.
        group_of: For each class, the number of its group, or -1.
        sizes: Channels of each group.

    Returns:
        Relations that do not hold by themselves.
    """
    found: dict[tuple[tuple[tuple[int, ...], int], ...], SizeRelation] = {}
    for number in range(len(coupling.programs)):
        for relation in _Reader(coupling, number, group_of, sizes).relations():
            found.setdefault(tuple(relation.polynomial.terms.items()), relation)
    return list(found.values())


def piece_relations(coupling: Coupling, group_of: Labels, sizes: list[int], event: EqualCount) -> Iterator[Polynomial]:
    """What must be zero for the pieces of an even split to stay equal, where some are products and others are not."""
    reader = _Reader(coupling, 0, group_of, sizes)
    first, *others = [reader.count(coupling.solution.labels[piece]) for piece in event.pieces]
    for other in others:
        difference = first - other if first is not None and other is not None else constant(0)
        if not difference.is_constant:
            yield difference.reduced()


class _Reader:
    """Reads the relations of one program."""

    def __init__(self, coupling: Coupling, number: int, group_of: Labels, sizes: list[int]) -> None:
        self._program, self._dims = coupling.programs[number], coupling.dims[number]
        self._solution = coupling.solution
        self._group_of, self._sizes = group_of, sizes
        self._factors: dict[int, Polynomial | None] = {}

    def relations(self) -> Iterator[SizeRelation]:
        stated = list(self._stated())
        known = _attributes(stated)
        for call, origin, size in stated:
            relation = self._relation(origin, size, known)
            if relation is not None and not relation.is_constant:
                yield SizeRelation(relation.reduced(), call, str(origin))

    def _stated(self) -> Iterator[tuple[Call, Origin, Polynomial]]:
        """(call, expression, what it must be) for the sizes of results that the code computes."""
        for call in self._program.calls:
            for number, result, place in stated_sizes(call, self._program):
                origin, dims = origin_of(number), self._dims.get(result, ())
                size = self._dim(dims[place]) if dims and not isinstance(origin, Literal) else None
                if size is not None:
                    yield call, origin, size

    def _relation(self, origin: Origin, size: Polynomial, known: Mapping[Attribute, Polynomial]) -> Polynomial | None:
        """Expression minus size; a division becomes a product on the other side."""
        if isinstance(origin, Arithmetic) and origin.operator == "//":
            left, right = self._expression(origin.left, known), self._expression(origin.right, known)
            return None if left is None or right is None else left - right * size
        found = self._expression(origin, known)
        return None if found is None else found - size

    def _expression(self, origin: Origin, known: Mapping[Attribute, Polynomial]) -> Polynomial | None:
        if isinstance(origin, Literal):
            return constant(origin.number) if isinstance(origin.number, int) else None
        if isinstance(origin, Attribute):
            return known.get(origin)
        if isinstance(origin, Size):
            return self._size(origin)
        left, right = self._expression(origin.left, known), self._expression(origin.right, known)
        if left is None or right is None or origin.operator not in "+-*":
            return None
        return {"+": left + right, "-": left - right, "*": left * right}[origin.operator]

    def _size(self, size: Size) -> Polynomial | None:
        dims: Dims = self._dims.get(size.value, ())
        return self._dim(dims[size.dim]) if dims else constant(self._program.values[size.value].shape[size.dim])

    def _dim(self, dim: Dim) -> Polynomial | None:
        product = constant(1)
        for factor in dim:
            found = self._factor(factor)
            if found is None:
                return None
            product *= found
        return product

    def _factor(self, factor: Factor) -> Polynomial | None:
        if id(factor) not in self._factors:
            self._factors[id(factor)] = self.count(self._solution.labels[factor])
        return self._factors[id(factor)]

    def count(self, labels: Labels) -> Polynomial | None:
        """Kept indices of an array of classes; None where that is no polynomial of group counts."""
        if not len(labels):
            return constant(0)
        outer, inner = self._solution.outer[labels], self._solution.inner[labels]
        if (outer >= 0).all():
            return self._product(labels, outer, inner)
        if (outer >= 0).any():
            return None
        total = constant(int(self._solution.frozen[labels].sum()))
        live = labels[~self._solution.frozen[labels]]
        for group in distinct(self._group_of[live]):
            channels, times = np.unique(live[self._group_of[live] == group], return_counts=True)
            if group < 0 or len(channels) != self._sizes[group] or len(set(times.tolist())) > 1:
                return None
            total += count_of(int(group), int(times[0]))
        return total

    def _product(self, labels: Labels, outer: Labels, inner: Labels) -> Polynomial | None:
        """A whole product of two factors, each class of one with each of the other equally often."""
        rows, columns = distinct(outer), distinct(inner)
        times, rest = divmod(len(labels), len(rows) * len(columns))
        if rest or len(distinct(outer * (int(columns[-1]) + 1) + inner)) != len(rows) * len(columns):
            return None
        a, b = self.count(rows), self.count(columns)
        return None if a is None or b is None else a * b * constant(times)


def _attributes(stated: list[tuple[Call, Origin, Polynomial]]) -> dict[Attribute, Polynomial]:
    """Attributes that some size argument is: they can be set to whatever that size becomes."""
    known: dict[Attribute, Polynomial] = {}
    for _, origin, size in stated:
        if isinstance(origin, Attribute):
            known.setdefault(origin, size)
    return known
