"""Which dimensions one op couples, read off what its rule said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from explorer.engine.couple import Coupling
from explorer.engine.coupler import Product
from explorer.engine.factors import Dim, Factor, distinct
from explorer.engine.solve import Mask

Pair = tuple[Factor, Factor]
"""Index i of one factor goes with index i of the other."""


class Links:
    """The statements of the rules, by op."""

    def __init__(self, coupling: Coupling) -> None:
        """Index the statements of a coupling."""
        self._pairs: dict[int, list[Pair]] = {}
        self._of_flat: dict[int, tuple[Product, list[Pair]]] = {}
        self._of_factors: dict[tuple[int, int], tuple[Product, list[Pair]]] = {}
        for unify in coupling.coupler.unified:
            self._pairs.setdefault(unify.op, []).append((unify.a, unify.b))
        for product in coupling.coupler.products:
            parts = _pairs_of(product)
            self._pairs.setdefault(product.op, []).extend(parts)
            self._of_flat.setdefault(id(product.flat), (product, parts))
            self._of_factors.setdefault((id(product.outer), id(product.inner)), (product, parts))
        self._labels = coupling.solution.labels

    def are_linked(self, ops: Iterable[int], a: Dim, b: Dim, carriers: Mask) -> bool:
        """Whether some ops by themselves make channels of `a` and `b` the same.

        Args:
            ops: Numbers of ops in the joined numbering.
            a: Factors of one dimension.
            b: Factors of another.
            carriers: For each class, whether to look at it.
        """
        if any(x is y for x in a for y in b if carriers[self._labels[x]].any()):
            return True
        goal = self._carrying(b, carriers)
        reached = self._carrying(a, carriers)
        if not len(goal) or not len(reached):
            return False
        stated = [pair for op in ops for pair in self._pairs.get(op, ())]
        pairs = list(self._carried([*stated, *self._held(a), *self._held(b)], carriers))
        while not np.isin(reached, goal).any():
            grown = distinct(np.concatenate([reached, *(_beyond(pair, reached) for pair in pairs)]))
            if len(grown) == len(reached):
                return False
            reached = grown
        return True

    def _held(self, dim: Dim) -> Iterator[Pair]:
        """What the products say that a dimension holds: only the first op that needs a product states it."""
        for place, flat in enumerate(dim):
            for factor in dim[place + 1 :]:
                known = self._of_factors.get((id(flat), id(factor)))
                if known is None:
                    break
                flat = known[0].flat
                yield from known[1]
        stack = list(dim)
        while stack:
            known = self._of_flat.get(id(stack.pop()))
            if known is not None:
                stack += known[0].outer, known[0].inner
                yield from known[1]

    def _carrying(self, dim: Dim, carriers: Mask) -> Factor:
        atoms = np.concatenate([np.empty(0, dtype=np.int64), *dim])
        found: Factor = distinct(atoms[carriers[self._labels[atoms]]])
        return found

    def _carried(self, pairs: Iterable[Pair], carriers: Mask) -> Iterator[Pair]:
        for a, b in pairs:
            mask = carriers[self._labels[a]] & carriers[self._labels[b]]
            if mask.any():
                yield a[mask], b[mask]


def _pairs_of(product: Product) -> list[Pair]:
    """A product's flat with each of its factors, index by index."""
    rows, columns = len(product.outer), len(product.inner)
    return [(product.flat, np.repeat(product.outer, columns)), (product.flat, np.tile(product.inner, rows))]


def _beyond(pair: Pair, reached: Factor) -> Factor:
    a, b = pair
    return np.concatenate([b[np.isin(a, reached)], a[np.isin(b, reached)]])
