"""Factors: integer arrays of atoms, one per index, and what can be done to them without knowing any op.

A dimension is a row-major tuple of factors; a dimension of size 1 is the empty tuple. Atoms below `FIRST_ATOM` are
inert: they are never removed.
"""

from __future__ import annotations

from functools import cache
from math import prod

import numpy as np

Factor = np.ndarray[tuple[int], np.dtype[np.int64]]
Dim = tuple[Factor, ...]
Dims = tuple[Dim, ...]

PLAIN = 0
"""The inert atom of batch, sequence and space."""
INPUT = 1
"""The inert atom of whatever the model reads."""
FIRST_ATOM = 2


@cache
def inert(size: int, atom: int = PLAIN) -> Factor:
    """A factor of `size` indices that are never removed; always the same array for the same arguments."""
    made = np.full(size, atom, dtype=np.int64)
    made.setflags(write=False)
    _INERT.add(id(made))
    return made


_INERT: set[int] = set()
"""Identities of the arrays that `inert` made, which live as long as its cache."""


def inert_dim(size: int, atom: int = PLAIN) -> Dim:
    """A dimension of `size` indices that are never removed."""
    return (inert(size, atom),) if size != 1 else ()


def is_inert(factor: Factor) -> bool:
    """Whether no index of a factor can be removed."""
    if id(factor) in _INERT or len(factor) == 0:
        return True
    return factor.item(0) < FIRST_ATOM and int(factor.max()) < FIRST_ATOM


def is_inert_dim(dim: Dim) -> bool:
    """Whether no index of a dimension can be removed."""
    return all(is_inert(factor) for factor in dim)


def size_of(dim: Dim) -> int:
    """Number of indices of a dimension."""
    return prod(len(factor) for factor in dim)


def coalesce(dim: Dim) -> list[Factor]:
    """The factors of a dimension with neighbouring inert ones merged."""
    if len(dim) < 2:
        return list(dim)
    merged: list[Factor] = []
    for factor in dim:
        if merged and is_inert(factor) and is_inert(merged[-1]):
            atom = max(int(factor.max()), int(merged[-1].max()))
            merged[-1] = inert(len(merged[-1]) * len(factor), atom)
        else:
            merged.append(factor)
    return merged


def spread(factors: list[Factor]) -> Factor | None:
    """The flat array of factors of which at most one is live; None where two are.

    Example:
        ``spread([C, inert(2)])`` repeats each channel twice: ``[c0, c0, c1, c1, ...]``.
    """
    live = [place for place, factor in enumerate(factors) if not is_inert(factor)]
    if len(live) > 1:
        return None
    if not live:
        return inert(prod(map(len, factors)), max((int(factor.max()) for factor in factors if len(factor)), default=0))
    before = prod(map(len, factors[: live[0]]))
    after = prod(map(len, factors[live[0] + 1 :]))
    return np.tile(np.repeat(factors[live[0]], after), before)


def distinct(numbers: Factor) -> Factor:
    """The numbers that occur, in order; by sorting, which is quicker here than NumPy's hashing."""
    ordered = np.sort(numbers, axis=None)
    is_first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]
