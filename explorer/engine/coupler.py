"""Collects what the rules say about a program: which atoms are one channel, which stay, which are products."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from explorer.engine.factors import (
    FIRST_ATOM,
    INPUT,
    Dim,
    Dims,
    Factor,
    coalesce,
    inert,
    inert_dim,
    is_inert,
    is_inert_dim,
    size_of,
    spread,
)

READS_INPUT = "meets a dimension of the model's input, whose size the caller gives"
MEETS_PLAIN = "meets a batch, sequence or spatial dimension, or a constant, that is never pruned"


@dataclass(frozen=True)
class Unify:
    """Index i of `a` and index i of `b` are the same channel."""

    a: Factor
    b: Factor
    op: int


@dataclass(frozen=True)
class Freeze:
    """The atoms may not be removed."""

    atoms: Factor
    reason: str
    op: int


@dataclass(frozen=True)
class Product:
    """Flat index (i, j) goes if and only if `outer[i]` or `inner[j]` goes.

    `count` is the factor that says how many parts there are (heads, conv groups): the outer one of a split, wherever
    it stands after a transpose.
    """

    flat: Factor
    outer: Factor
    inner: Factor
    op: int
    count: Factor


@dataclass(frozen=True)
class EqualCount:
    """The pieces of an even split must keep equally many indices."""

    pieces: tuple[Factor, ...]
    op: int


@dataclass
class Coupler:
    """The primitives that rules call, and the record of what they said.

    Attributes:
        count: Number of atoms handed out, inert ones included.
        op: Index of the op whose rule is running.
        touched: Arrays whose atoms some rule knows how to prune.
        tags: (tag, atoms): ``heads`` for the batch side of an attention product, ``conv_groups`` for groups of a conv.
    """

    count: int = FIRST_ATOM
    op: int = -1
    unified: list[Unify] = field(default_factory=list)
    frozen: list[Freeze] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    even: list[EqualCount] = field(default_factory=list)
    touched: list[Factor] = field(default_factory=list)
    tags: list[tuple[str, Factor]] = field(default_factory=list)
    # Caches by identity; the arrays are kept alive so that ids stay unique. None of the atoms of a live one is inert.
    _splits: dict[tuple[int, int], tuple[Factor, Factor, Factor]] = field(default_factory=dict)
    _flats: dict[tuple[int, int], tuple[Factor, Factor, Factor]] = field(default_factory=dict)
    _counts: set[int] = field(default_factory=set)
    _live: dict[int, Factor] = field(default_factory=dict)

    def new(self, size: int) -> Factor:
        """A factor of new atoms."""
        made = np.arange(self.count, self.count + size, dtype=np.int64)
        self.count += size
        self._live[id(made)] = made
        return made

    def new_dim(self, size: int) -> Dim:
        """A dimension of new atoms; size 1 has none."""
        return (self.new(size),) if size != 1 else ()

    def touch(self, *dims: Dim) -> None:
        """Say that a rule knows how these dimensions are pruned."""
        self.touched += [factor for dim in dims for factor in dim if not is_inert(factor)]

    def tag(self, name: str, dim: Dim) -> None:
        """Remember what a dimension is used for."""
        self.tags += [(name, factor) for factor in dim if not is_inert(factor)]

    def freeze(self, dim: Dim, reason: str) -> None:
        """Say that no index of a dimension may be removed, and why."""
        self.frozen += [Freeze(factor, reason, self.op) for factor in dim if not is_inert(factor)]

    def freeze_all(self, dims: Dims, reason: str) -> None:
        """`freeze` for several dimensions."""
        for dim in dims:
            self.freeze(dim, reason)

    def unify(self, a: Dim, b: Dim) -> None:
        """Say that index i of `a` and index i of `b` are the same channel; size 1 broadcasts."""
        if a is b or not a or not b:
            return
        self.touch(a, b)
        left, right = coalesce(a)[::-1], coalesce(b)[::-1]
        while left and right:
            if not self._unify_front(left, right):
                reason = f"sizes {_sizes(a)} and {_sizes(b)} meet and share no common factors"
                self.freeze_all((tuple(left), tuple(right)), reason)
                return

    def split(self, factor: Factor, outer: int) -> tuple[Factor, Factor]:
        """A flat factor as a product of `outer` times the rest.

        Args:
            factor: Array whose length is a multiple of `outer`.
            outer: Size of the first factor.

        Returns:
            (outer factor, inner factor); inert where rows or columns repeat.
        """
        key = (id(factor), outer)
        if key not in self._splits:
            self._splits[key] = (factor, *self._split(factor, outer))
        return self._splits[key][1:]

    def flat(self, dim: Dim) -> Factor:
        """A dimension as one factor."""
        factors = coalesce(dim)
        if len(factors) == 1:
            return factors[0]
        spreaded = spread(factors)
        if spreaded is not None:
            return spreaded
        flat = factors[0]
        for factor in factors[1:]:
            flat = self._product(flat, factor)
        return flat

    def regroup(self, dims: Dims, shape: tuple[int, ...]) -> Dims:
        """What a reshape of `dims` to `shape` carries; frozen where the sizes do not nest."""
        if 0 in shape:
            return tuple(inert_dim(size) for size in shape)
        stack = coalesce(tuple(factor for dim in dims for factor in dim))[::-1]
        before = list(stack)
        regrouped: list[Dim] = []
        for size in shape:
            dim = self._take_size(stack, size)
            if dim is None:
                old = " x ".join(str(size_of(d)) for d in dims)
                new = " x ".join(map(str, shape))
                self.freeze(tuple(before), f"a reshape from {old} to {new} cuts across channels")
                return tuple(inert_dim(size) for size in shape)
            regrouped.append(dim)
        return tuple(regrouped)

    def take(self, dim: Dim, start: int, stop: int, step: int = 1) -> Dim:
        """A slice of a dimension; a single index of it stays."""
        total = size_of(dim)
        if (start, step) == (0, 1) and stop >= total:
            return dim
        if len(dim) > 1:
            inner = prod(map(len, dim[1:]))
            if step == 1 and start % inner == 0 and stop % inner == 0 and stop - start > inner:
                return (dim[0][start // inner : stop // inner], *dim[1:])
        return self._keep_single((self.flat(dim)[start:stop:step],) if dim else ())

    def concatenate(self, dims: list[Dim]) -> Dim:
        """Dimensions one after the other."""
        if all(is_inert_dim(dim) for dim in dims):
            return inert_dim(sum(size_of(dim) for dim in dims), max(_atom(dim) for dim in dims))
        flats = [self.flat(dim) if dim else inert(1) for dim in dims]
        return (np.concatenate(flats),)

    def single(self, dim: Dim, index: int) -> None:
        """Freeze one index of a dimension, which the code picks by its number."""
        if dim:
            self._pick(dim, index)

    def _pick(self, dim: Dim, index: int) -> None:
        for factor in reversed(dim):
            index, place = divmod(index, len(factor))
            self.freeze((factor[place : place + 1],), "the code picks this index by its number")

    def _keep_single(self, dim: Dim) -> Dim:
        if dim and len(dim[0]) == 1:
            self.freeze(dim, "the code picks this index by its number")
            return ()
        return dim

    def _unify_front(self, left: list[Factor], right: list[Factor]) -> bool:
        """Pair the first factors of two reversed lists, splitting the longer one; False where sizes do not nest."""
        a, b = left[-1], right[-1]
        if len(a) == len(b):
            left.pop(), right.pop()
            self._unify_factors(a, b)
            return True
        long, short = (left, right) if len(a) > len(b) else (right, left)
        whole = long[-1]
        covered = _cover(short, len(whole))
        flat = spread(covered) if covered else None
        if covered and flat is not None:
            long.pop()
            del short[-len(covered) :]
            self._unify_factors(whole, flat)
            return True
        if len(whole) % len(short[-1]):
            return False
        long.pop()
        long += self.split(whole, len(short[-1]))[::-1]
        return True

    def _unify_factors(self, a: Factor, b: Factor) -> None:
        if a is b:
            return
        if id(a) in self._live and id(b) in self._live:
            self.unified.append(Unify(a, b, self.op))
            return
        fixed_a, fixed_b = a < FIRST_ATOM, b < FIRST_ATOM
        for fixed, meets, atoms in ((fixed_a, a, b), (fixed_b, b, a)):
            caught = fixed & (atoms >= FIRST_ATOM)
            for atom, reason in ((INPUT, READS_INPUT), (0, MEETS_PLAIN)):
                hit = caught & (meets == atom)
                if hit.any():
                    self.frozen.append(Freeze(atoms[hit], reason, self.op))
        both = ~(fixed_a | fixed_b)
        if both.all():
            self._live[id(a)], self._live[id(b)] = a, b
            self.unified.append(Unify(a, b, self.op))
        elif both.any():
            self.unified.append(Unify(a[both], b[both], self.op))

    def _split(self, factor: Factor, outer: int) -> tuple[Factor, Factor]:
        rows = factor.reshape(outer, -1)
        if is_inert(factor):
            atom = int(factor.max())
            return inert(outer, atom), inert(rows.shape[1], atom)
        if outer == 1 or (rows == rows[0]).all():
            return inert(outer), rows[0].copy()
        if rows.shape[1] == 1 or (rows == rows[:, :1]).all():
            return rows[:, 0].copy(), inert(rows.shape[1])
        made = self.new(outer), self.new(rows.shape[1])
        self.products.append(Product(factor, *made, self.op, count=made[0]))
        self._counts.add(id(made[0]))
        self._flats[id(made[0]), id(made[1])] = (factor, *made)
        return made

    def _product(self, outer: Factor, inner: Factor) -> Factor:
        key = (id(outer), id(inner))
        if key not in self._flats:
            flat = spread([outer, inner])
            if flat is None:
                flat = self.new(len(outer) * len(inner))
                is_turned = id(inner) in self._counts and id(outer) not in self._counts
                self.products.append(Product(flat, outer, inner, self.op, count=inner if is_turned else outer))
                self._splits[id(flat), len(outer)] = (flat, outer, inner)
            self._flats[key] = (flat, outer, inner)
        return self._flats[key][0]

    def _take_size(self, stack: list[Factor], size: int) -> Dim | None:
        """Factors off the end of a reversed list that make up one dimension of a given size."""
        taken: list[Factor] = []
        while size > 1:
            if not stack:
                return None
            factor = stack.pop()
            if size % len(factor) == 0:
                taken.append(factor)
                size //= len(factor)
            elif len(factor) % size == 0:
                outer, inner = self.split(factor, size)
                taken.append(outer)
                stack.append(inner)
                size = 1
            else:
                return None
        return tuple(taken)


def _cover(reversed_factors: list[Factor], size: int) -> list[Factor]:
    """The leading factors whose product is `size`, or nothing."""
    covered: list[Factor] = []
    for factor in reversed(reversed_factors):
        covered.append(factor)
        size, rest = divmod(size, len(factor))
        if rest:
            return []
        if size == 1:
            return covered
    return []


def _atom(dim: Dim) -> int:
    return max((int(factor.max()) for factor in dim if len(factor)), default=0)


def _sizes(dim: Dim) -> str:
    return "x".join(str(len(factor)) for factor in dim)
