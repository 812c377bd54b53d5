"""Sizes as polynomials in the kept counts of groups: what a size relation in the code says about every plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import gcd
from operator import and_

Monomial = tuple[int, ...]
"""Numbers of the groups that are multiplied, in order; empty for a constant."""


@dataclass(frozen=True)
class Polynomial:
    """A sum of products of kept counts.

    Attributes:
        terms: Weight of each product of groups; none is zero.
    """

    terms: Mapping[Monomial, int]

    def __add__(self, other: Polynomial) -> Polynomial:
        return _made([*self.terms.items(), *other.terms.items()])

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + other * constant(-1)

    def __mul__(self, other: Polynomial) -> Polynomial:
        return _made([
            (tuple(sorted((*a, *b))), m * n) for a, m in self.terms.items() for b, n in other.terms.items()
        ])  # fmt: skip

    def reduced(self) -> Polynomial:
        """The same zeros in least terms: no group or number divides all terms, and the first weight is positive."""
        if not self.terms:
            return self
        shared = reduce(and_, (Counter(monomial) for monomial in self.terms))
        divisor = gcd(*self.terms.values())
        terms = sorted((tuple(sorted((Counter(m) - shared).elements())), w // divisor) for m, w in self.terms.items())
        sign = 1 if terms[0][1] > 0 else -1
        return Polynomial({monomial: sign * weight for monomial, weight in terms})

    @property
    def is_constant(self) -> bool:
        """Whether no group takes part."""
        return not any(self.terms)

    @property
    def groups(self) -> tuple[int, ...]:
        """Numbers of the groups that take part, in order."""
        return tuple(sorted({number for monomial in self.terms for number in monomial}))


def constant(number: int) -> Polynomial:
    """A polynomial without groups."""
    return _made([((), number)])


def count_of(group: int, weight: int = 1) -> Polynomial:
    """`weight` times the kept count of a group."""
    return _made([((group,), weight)])


def _made(terms: list[tuple[Monomial, int]]) -> Polynomial:
    sums: dict[Monomial, int] = {}
    for monomial, weight in terms:
        sums[monomial] = sums.get(monomial, 0) + weight
    return Polynomial({monomial: weight for monomial, weight in sums.items() if weight})
