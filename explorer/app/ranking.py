"""Puts the nodes of one level into rows: each as low as its longest path, in an order with few crossings.

The same graph gives the same rows on every machine, since links and lessons remember where one looks. (fast-sugiyama
gives these rows, too, but another order in each process, with two crossings or with five.)
"""

from __future__ import annotations

import random
from bisect import bisect, bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Pair = tuple[str, str]
STARTS, SWEEPS = 8, 6
"""Orders that are begun with, the given one first, and times that all rows of each are ordered anew."""
MOST_STEPS = 2000
"""Steps from row to row, of all orders that are begun with: in a large dense graph one has to do."""


@dataclass(frozen=True)
class Rows:
    """Nodes in rows, top to bottom, left to right, with the bends that long edges need.

    Attributes:
        rows: Names per row; a bend has a name that starts with ``bend:``.
        chains: For each edge, the bends that it passes, from source to target.
    """

    rows: tuple[tuple[str, ...], ...]
    chains: dict[Pair, tuple[str, ...]]


def is_bend(name: str) -> bool:
    """Whether a name in a row stands for a bend of an edge rather than for a node."""
    return name.startswith("bend:")


def rank(nodes: Sequence[str], edges: Sequence[Pair]) -> Rows:
    """Rows for the nodes of one level.

    Args:
        nodes: Names in execution order.
        edges: Pairs of names; no self-loops; each edge runs forward in execution order or not at all.

    Returns:
        Rows such that every edge runs downwards and passes one bend in each row between its ends.
    """
    forward = _forward(nodes, edges)
    level = _levels(nodes, forward)
    shared = _shared(forward, level)
    chains = {
        (source, target): _bends(
            f"lane:{source}" if source in shared else f"{source}>{target}", level[source], level[target]
        )
        for source, target in forward
    }
    rows: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name in nodes:
        rows[level[name]].append(name)
    bends = ((row, bend) for (source, _), chain in chains.items() for row, bend in enumerate(chain, level[source] + 1))
    for row, bend in dict.fromkeys(bends):
        rows[row].append(bend)
    return _bends_right(Rows(tuple(tuple(row) for row in _ordered(rows, _steps(chains))), chains))


def _shared(edges: Sequence[Pair], level: dict[str, int]) -> set[str]:
    """The nodes of which several edges are long. They share a lane: what many read runs in one."""
    long = Counter(source for source, target in edges if level[target] - level[source] > 1)
    return {source for source, count in long.items() if count > 1}


def _bends(name: str, first: int, last: int) -> tuple[str, ...]:
    """One bend in each row between two."""
    return tuple(f"bend:{name}@{row}" for row in range(first + 1, last))


def _steps(chains: dict[Pair, tuple[str, ...]]) -> list[Pair]:
    """The edges from row to row, those in a lane once."""
    steps = (step for (source, target), chain in chains.items() for step in pairwise((source, *chain, target)))
    return list(dict.fromkeys(steps))


def _bends_right(rows: Rows) -> Rows:
    """The same rows, mirrored where that brings most bends to the right: shortcuts then always run on one side."""
    sides = [
        (1 if is_bend(name) else -1) * (2 * index - len(row) + 1) for row in rows.rows for index, name in enumerate(row)
    ]
    return rows if sum(sides) >= 0 else Rows(tuple(row[::-1] for row in rows.rows), rows.chains)


def _levels(nodes: Sequence[str], edges: Sequence[Pair]) -> dict[str, int]:
    """The row of each node by the longest path from a source."""
    level = dict.fromkeys(nodes, 0)
    place = {name: index for index, name in enumerate(nodes)}
    for source, target in sorted(edges, key=lambda pair: place[pair[0]]):
        level[target] = max(level[target], level[source] + 1)
    return level


def _forward(nodes: Sequence[str], edges: Sequence[Pair]) -> list[Pair]:
    place = {name: index for index, name in enumerate(nodes)}
    return [pair for pair in dict.fromkeys(edges) if place[pair[0]] < place[pair[1]]]


def _ordered(rows: list[list[str]], steps: Sequence[Pair]) -> list[list[str]]:
    """The rows with the fewest crossings, of those that sweeps from several orders lead to."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for upper, lower in steps:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    best, fewest = rows, _crossings(rows, below)
    chance = random.Random(0)  # the same orders every time
    for _ in range(max(1, min(STARTS, MOST_STEPS // max(len(steps), 1)))):
        for sweep in range(SWEEPS):
            if not fewest:
                return best
            rows = _swept(rows, above) if sweep % 2 == 0 else _swept(rows[::-1], below)[::-1]
            _exchange(rows, (above, below))
            crossings = _crossings(rows, below)
            if crossings < fewest:
                best, fewest = [list(row) for row in rows], crossings
        rows = [chance.sample(row, len(row)) for row in rows]
    return best


def _swept(rows: list[list[str]], neighbours: dict[str, list[str]]) -> list[list[str]]:
    """Each row in the order of the mean places of its neighbours in the one before; names without any stay in place."""
    done = [list(row) for row in rows[:1]]
    for row in rows[1:]:
        place = {name: index for index, name in enumerate(done[-1])}
        wanted = {
            name: _mean([place[other] for other in neighbours.get(name, ())], index) for index, name in enumerate(row)
        }
        done.append(sorted(row, key=wanted.__getitem__))
    return done


def _exchange(rows: list[list[str]], sides: Sequence[dict[str, list[str]]]) -> None:
    """Exchanges names beside each other, in place, where their edges to the rows above and below then cross less."""
    padded = [[], *rows, []]
    for above, row, below in zip(padded, rows, padded[2:], strict=False):
        places = [{name: place for place, name in enumerate(other)} for other in (above, below)]
        ends = {
            name: [
                sorted(place[other] for other in side.get(name, ())) for side, place in zip(sides, places, strict=True)
            ]
            for name in row
        }
        for at in range(len(row) - 1):
            pair = [ends[row[at]], ends[row[at + 1]]]
            gain = sum(_passed(left, right) - _passed(right, left) for left, right in zip(*pair, strict=True))
            if gain > 0:
                row[at], row[at + 1] = row[at + 1], row[at]


def _passed(left: list[int], right: list[int]) -> int:
    """Crossings of the edges of a name with those of the name to its right, by the places where they end."""
    return sum(bisect_left(right, end) for end in left)


def _mean(values: list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(rows: list[list[str]], below: dict[str, list[str]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        place = {name: index for index, name in enumerate(lower)}
        passed: list[int] = []
        for name in upper:
            ends = sorted(place[other] for other in below.get(name, ()))
            total += sum(len(passed) - bisect(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return total
