"""From what the rules said to classes of atoms: which channels there are, which stay, which follow from products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from explorer.engine.coupler import Coupler, Product
from explorer.engine.factors import FIRST_ATOM, Factor

Labels = np.ndarray[tuple[int], np.dtype[np.int64]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

REGROUPED = "the code slices and regroups this dimension in ways that do not nest"


@dataclass(frozen=True)
class Solution:
    """Classes of atoms.

    Attributes:
        labels: Class of each atom.
        frozen: For each class, whether it stays.
        outer: For each class, the class of the outer factor that it is a product with, or -1.
        inner: Likewise the inner factor. A class goes if its outer or its inner factor goes.
        reasons: For each class that was frozen by something, the index of that event in `events`.
        events: (reason, op number) of each freeze.
    """

    labels: Labels
    frozen: Mask
    outer: Labels
    inner: Labels
    reasons: Labels
    events: tuple[tuple[str, int], ...]

    def reason(self, label: int) -> tuple[str, int]:
        """Why a class stays, and the number of the op that says so."""
        event = int(self.reasons[label])
        return self.events[event] if event >= 0 else ("it goes together with a frozen dimension", -1)

    def alive(self, removed: Labels) -> Mask:
        """For each class, whether it stays when the channels `removed` go; a product goes with either factor."""
        alive = np.ones(len(self.frozen), dtype=bool)
        alive[removed] = False
        products = np.flatnonzero(self.outer >= 0)
        outer, inner = self.outer[products], self.inner[products]
        while len(products):
            new = alive[outer] & alive[inner]
            if (new == alive[products]).all():
                break
            alive[products] = new
        return alive


def solve(coupler: Coupler, states: list[Factor], untouched: str) -> Solution:
    """Close the couplings over products until nothing changes.

    Args:
        coupler: What the rules said.
        states: The factors of parameters and buffers; atoms of them that no rule touched stay.
        untouched: The reason to give for those.

    Returns:
        The finest classes for which every statement of the rules holds.
    """
    work = _Solver(coupler)
    work.freeze_untouched(states, untouched)
    work.close()
    if work.freeze_disagreements(both=False):
        work.close()
        if work.freeze_disagreements(both=True):
            work.close()
    return work.solution()


class _Solver:
    """The state of the closure: edges, frozen marks and labels."""

    def __init__(self, coupler: Coupler) -> None:
        self.coupler = coupler
        self.products: list[Product] = coupler.products
        self.rows = [event.a for event in coupler.unified]
        self.columns = [event.b for event in coupler.unified]
        self.events: list[tuple[str, int]] = []
        self.event_of = np.full(coupler.count, -1, dtype=np.int64)
        self.event_of[:FIRST_ATOM] = self._event("batch, sequence, space or model input", -1)
        for freeze in coupler.frozen:
            self.mark(freeze.atoms, self._event(freeze.reason, freeze.op))
        self.labels = np.arange(coupler.count, dtype=np.int64)
        self.frozen = np.zeros(coupler.count, dtype=bool)
        self.reasons = self.event_of
        self.is_changed = True

    def freeze_untouched(self, states: list[Factor], reason: str) -> None:
        touched = np.zeros(self.coupler.count, dtype=bool)
        for factor in {id(factor): factor for factor in self.coupler.touched}.values():
            touched[factor] = True
        atoms = np.concatenate(states) if states else np.empty(0, dtype=np.int64)
        self.mark(atoms[~touched[atoms]], self._event(reason, -1))

    def mark(self, atoms: Factor, event: int) -> None:
        """Freeze atoms; the first event that froze an atom is its reason."""
        fresh = atoms[self.event_of[atoms] < 0]
        if len(fresh):
            self.event_of[fresh] = event
            self.is_changed = True

    def close(self) -> None:
        """Repeat the product rules until they add nothing."""
        self._relabel()
        while True:
            self.is_changed = False
            for product in self.products:
                self._close_product(product)
            self._join_equal_flats()
            if not self.is_changed:
                return
            self._relabel()

    def freeze_disagreements(self, *, both: bool) -> bool:
        """Freeze the counts (or both factors) of products that contradict each other about a flat; whether any did."""
        pairs = _pairs(self.labels, self.frozen, self.products)
        clashing = _clashing(pairs, self.labels)
        event = self._event(REGROUPED, -1)
        for number in clashing:
            product = self.products[number]
            self.mark(product.count, event)
            if both:
                self.mark(product.outer, event)
                self.mark(product.inner, event)
        return bool(clashing)

    def solution(self) -> Solution:
        outer = np.full(len(self.frozen), -1, dtype=np.int64)
        inner = np.full(len(self.frozen), -1, dtype=np.int64)
        for _, flat, a, b in _pairs(self.labels, self.frozen, self.products):
            outer[flat], inner[flat] = a, b
        return Solution(self.labels, self.frozen, outer, inner, self.reasons, tuple(self.events))

    def _event(self, reason: str, op: int) -> int:
        self.events.append((reason, op))
        return len(self.events) - 1

    def _relabel(self) -> None:
        count = self.coupler.count
        rows = np.concatenate(self.rows) if self.rows else np.empty(0, dtype=np.int64)
        columns = np.concatenate(self.columns) if self.columns else np.empty(0, dtype=np.int64)
        graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(count, count))
        number, labels = connected_components(graph, directed=False)
        self.labels = labels.astype(np.int64)
        marked = np.flatnonzero(self.event_of >= 0)
        self.frozen = np.zeros(number, dtype=bool)
        self.frozen[self.labels[marked]] = True
        first = np.full(number, np.iinfo(np.int64).max, dtype=np.int64)
        np.minimum.at(first, self.labels[marked], self.event_of[marked])
        self.reasons = np.where(self.frozen, first, -1)

    def _unify(self, a: Factor, b: Factor) -> None:
        different = self.labels[a] != self.labels[b]
        if different.any():
            self.rows.append(a[different])
            self.columns.append(b[different])
            self.is_changed = True

    def _close_product(self, product: Product) -> None:
        shape = len(product.outer), len(product.inner)
        atoms = product.flat.reshape(shape)
        outer = np.broadcast_to(product.outer[:, None], shape)
        inner = np.broadcast_to(product.inner[None, :], shape)
        self._pass_freezes(atoms.ravel(), outer.ravel(), inner.ravel())
        self._pass_repeats(product)

    def _pass_freezes(self, flat: Factor, outer: Factor, inner: Factor) -> None:
        frozen_flat = self.frozen[self.labels[flat]]
        if frozen_flat.any():
            for atoms in (outer[frozen_flat], inner[frozen_flat]):
                self._mark_like(atoms, flat[frozen_flat])
        frozen_outer, frozen_inner = self.frozen[self.labels[outer]], self.frozen[self.labels[inner]]
        if frozen_outer.any():
            self._unify(flat[frozen_outer], inner[frozen_outer])
        if frozen_inner.any():
            self._unify(flat[frozen_inner], outer[frozen_inner])
        labels = self.labels[flat]
        self._mark_cycle(inner[(labels == self.labels[outer]) & ~frozen_inner])
        self._mark_cycle(outer[(labels == self.labels[inner]) & ~frozen_outer])

    def _mark_like(self, atoms: Factor, cause: Factor) -> None:
        """Freeze atoms for the reason that each one's cause is frozen."""
        thawed = ~self.frozen[self.labels[atoms]]
        for atom, label in zip(atoms[thawed].tolist(), self.labels[cause[thawed]].tolist(), strict=True):
            if self.event_of[atom] < 0:
                self.event_of[atom] = self.reasons[label]
                self.is_changed = True

    def _mark_cycle(self, atoms: Factor) -> None:
        if len(atoms):
            self.mark(atoms, self._event(REGROUPED, -1))

    def _pass_repeats(self, product: Product) -> None:
        """A class twice among the factors makes flats equal, and a class twice in the flat makes factors equal."""
        flat = product.flat.reshape(len(product.outer), len(product.inner))
        for axis, factor in ((0, product.outer), (1, product.inner)):
            for first, again in _repeats(self.labels[factor]):
                self._unify(np.take(flat, first, axis).ravel(), np.take(flat, again, axis).ravel())
        labels = np.where(self.frozen[self.labels[product.flat]], -1, self.labels[product.flat])
        width = len(product.inner)
        for first, again in _repeats(labels):
            self._unify(product.outer[first // width], product.outer[again // width])
            self._unify(product.inner[first % width], product.inner[again % width])

    def _join_equal_flats(self) -> None:
        seen: dict[tuple[int, bytes], Product] = {}
        for product in self.products:
            key = len(product.outer), self.labels[product.flat].tobytes()
            twin = seen.setdefault(key, product)
            if twin is not product:
                self._unify(twin.outer, product.outer)
                self._unify(twin.inner, product.inner)


def _repeats(labels: Labels) -> Iterator[tuple[Labels, Labels]]:
    """(position of the first, position of the repeat) of labels that occur more than once; -1 never counts."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    same = (ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0)
    if same.any():
        yield order[:-1][same], order[1:][same]


def _pairs(labels: Labels, frozen: Mask, products: list[Product]) -> Iterator[tuple[int, Labels, Labels, Labels]]:
    """For each product with two live factors: its number, its live flat classes and their factor classes."""
    for number, product in enumerate(products):
        outer = np.repeat(labels[product.outer], len(product.inner))
        inner = np.tile(labels[product.inner], len(product.outer))
        flat = labels[product.flat]
        live = ~(frozen[outer] | frozen[inner] | frozen[flat])
        if live.any():
            yield number, flat[live], outer[live], inner[live]


def _clashing(pairs: Iterator[tuple[int, Labels, Labels, Labels]], labels: Labels) -> list[int]:
    """Numbers of the products that disagree with another about some flat class."""
    flats, lows, highs, numbers = [], [], [], []
    for number, flat, a, b in pairs:
        flats.append(flat)
        lows.append(np.minimum(a, b))
        highs.append(np.maximum(a, b))
        numbers.append(np.full(len(flat), number))
    if not flats:
        return []
    flat, low, high, number_of = map(np.concatenate, (flats, lows, highs, numbers))
    order = np.lexsort((high, low, flat))
    flat, low, high, number_of = flat[order], low[order], high[order], number_of[order]
    differs = (flat[1:] == flat[:-1]) & ((low[1:] != low[:-1]) | (high[1:] != high[:-1]))
    bad = set(flat[:-1][differs].tolist())
    return sorted({int(n) for n, f in zip(number_of, flat, strict=True) if int(f) in bad})
