"""What rules said about a traced case, in one line: the literal expectation of the tests.

``a0 5 ; a0=b1 ; a2 frozen`` reads: the result has dimension 0 of operand a and an inert dimension of size 5; index i
of dimension 0 of a is index i of dimension 1 of b; dimension 2 of a stays. Further: ``a0[2:4]`` part of a factor,
``a0+b0`` one after the other, ``a0*5`` two factors, ``p`` ``q`` new factors, ``a0=p*q`` a product of new factors,
``even(..)`` the pieces of an even split, ``heads(..)`` a tag.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from explorer.engine.coupler import Freeze, Product
from explorer.engine.factors import Dims, Factor, is_inert
from tests.engine.rules.oracle import Case


def statements(case: Case) -> str:
    """Dims of each result, then each statement of the rules of the ops under test, all separated by `` ; ``."""
    names = _Names(case)
    said = [names.dims(case.dims(value)) for value in case.results]
    limit = len(case.ops)
    coupler = case.coupling.coupler
    said += [names.product(p) for p in coupler.products if p.op < limit]
    said += [f"{names.factor(u.a)}={names.factor(u.b)}" for u in coupler.unified if u.op < limit]
    said += [f"{names.frozen(f)} frozen" for f in coupler.frozen if f.op < limit]
    said += [f"even({', '.join(map(names.factor, e.pieces))})" for e in coupler.even if e.op < limit]
    said += [f"{tag}({names.factor(factor)})" for tag, factor in coupler.tags]
    return " ; ".join(said)


def reasons(case: Case) -> set[str]:
    """Why something was frozen by the ops under test."""
    return {freeze.reason for freeze in case.coupling.coupler.frozen if freeze.op < len(case.ops)}


class _Names:
    def __init__(self, case: Case) -> None:
        self.known: list[tuple[str, Factor]] = []
        for name, state in sorted(case.coupling.states.items()):
            self.known += [(f"{name}{place}", factor) for place, dim in enumerate(state.dims) for factor in dim]
        self.letters = iter("pqrstuvwxyz")

    def dims(self, dims: Dims) -> str:
        return " ".join("*".join(map(self.factor, dim)) or "1" for dim in dims) or "scalar"

    def frozen(self, freeze: Freeze) -> str:
        return self.factor(freeze.atoms)

    def product(self, product: Product) -> str:
        return f"{self.factor(product.flat)}={self.factor(product.outer)}*{self.factor(product.inner)}"

    def factor(self, factor: Factor) -> str:
        if is_inert(factor):
            return str(len(factor))
        if not any(np.isin(factor, known).any() for _, known in self.known):
            self.known.append((next(self.letters), np.unique(factor)))
        return "+".join(self._runs(factor))

    def _runs(self, factor: Factor) -> Iterator[str]:
        start = 0
        while start < len(factor):
            owner = next(((n, k) for n, k in self.known if factor[start] in k), None)
            stop = start + 1
            if owner is None:
                while stop < len(factor) and (factor[stop] < 2) == (factor[start] < 2):
                    stop += 1
                yield str(stop - start) if factor[start] < 2 else f"free{stop - start}"
            else:
                while stop < len(factor) and factor[stop] in owner[1]:
                    stop += 1
                yield _part(owner[0], owner[1], factor[start:stop])
            start = stop


def _part(name: str, whole: Factor, part: Factor) -> str:
    if len(part) == len(whole) and (part == whole).all():
        return name
    places = [int(np.flatnonzero(whole == atom)[0]) for atom in part]
    if len(places) > 1 and places == list(range(places[0], places[-1] + 1)):
        return f"{name}[{places[0]}:{places[-1] + 1}]"
    return f"{name}[{' '.join(map(str, places))}]"
