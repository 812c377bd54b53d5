"""Puts the nodes of one level into rows: fast-sugiyama where it works, a longest-path ranking where it does not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fast_sugiyama import from_edges

Pair = tuple[str, str]
LANE = "lane:"
log = logging.getLogger(__name__)


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
    bundles = _bundles(nodes, forward)
    try:
        rows = _unbundled(_sugiyama(nodes, _steps(forward, bundles)), forward, bundles)
    except Exception:  # the library is young: whatever goes wrong in it, there is a layout
        log.warning("fast-sugiyama failed on %d nodes; using the longest-path ranking", len(nodes), exc_info=True)
        return longest_path(nodes, forward)
    if not is_layered(rows, nodes, forward):  # it loses an edge of some graphs, and puts others across rows
        return longest_path(nodes, forward)
    return _bends_right(rows)


def is_layered(rows: Rows, nodes: Sequence[str], edges: Sequence[Pair]) -> bool:
    """Whether rows hold every node once, and every edge goes down one row at each of its bends."""
    row_of = {name: index for index, row in enumerate(rows.rows) for name in row}
    if {name for name in row_of if not is_bend(name)} != set(nodes) or sum(map(len, rows.rows)) != len(row_of):
        return False
    paths = [
        (source, *rows.chains[source, target], target) for source, target in edges if (source, target) in rows.chains
    ]
    steps = [row_of[below] - row_of[above] for path in paths for above, below in pairwise(path)]
    return len(paths) == len(edges) and all(step == 1 for step in steps)


def longest_path(nodes: Sequence[str], edges: Sequence[Pair]) -> Rows:
    """Rows by the longest path from a source, ordered within a row by the mean place of what is above.

    Args:
        nodes: Names in execution order.
        edges: Pairs of names that run forward in execution order.

    Returns:
        Rows with one bend per edge and skipped row.
    """
    forward = _forward(nodes, edges)
    level = _levels(nodes, forward)
    rows: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name in nodes:
        rows[level[name]].append(name)
    chains = {pair: _bend_between(pair, level, rows) for pair in forward}
    return Rows(tuple(_ordered(rows, chains)), chains)


def _bundles(nodes: Sequence[str], edges: Sequence[Pair]) -> dict[Pair, tuple[str, ...]]:
    """For each long edge of a node that has several, the lane that it shares with them: what many read runs in one."""
    level = _levels(nodes, edges)
    long: dict[str, list[Pair]] = {}
    for source, target in edges:
        if level[target] - level[source] > 1:
            long.setdefault(source, []).append((source, target))
    return {
        (source, target): tuple(f"{LANE}{source}@{row}" for row in range(level[source] + 1, level[target]))
        for source, pairs in long.items()
        if len(pairs) > 1
        for _, target in pairs
    }


def _steps(edges: Sequence[Pair], bundles: dict[Pair, tuple[str, ...]]) -> list[Pair]:
    """The edges, with each lane in place of all edges that run in it."""
    steps = (step for edge in edges for step in pairwise((edge[0], *bundles.get(edge, ()), edge[1])))
    return list(dict.fromkeys(steps))


def _unbundled(rows: Rows, edges: Sequence[Pair], bundles: dict[Pair, tuple[str, ...]]) -> Rows:
    """Rows in which the points of lanes are bends of every edge that runs in the lane."""
    chains: dict[Pair, tuple[str, ...]] = {}
    for edge in edges:
        passed: list[str] = []
        for step in pairwise((edge[0], *bundles.get(edge, ()), edge[1])):
            passed += [*rows.chains.get(step, ()), step[1]]
        chains[edge] = tuple(_as_bend(name) for name in passed[:-1])
    return Rows(tuple(tuple(_as_bend(name) for name in row) for row in rows.rows), chains)


def _as_bend(name: str) -> str:
    return f"bend:{name}" if name.startswith(LANE) else name


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


def _bend_between(pair: Pair, level: dict[str, int], rows: list[list[str]]) -> tuple[str, ...]:
    source, target = pair
    chain = tuple(f"bend:{source}>{target}@{row}" for row in range(level[source] + 1, level[target]))
    for row, bend in enumerate(chain, start=level[source] + 1):
        rows[row].append(bend)
    return chain


def _ordered(rows: list[list[str]], chains: dict[Pair, tuple[str, ...]]) -> list[tuple[str, ...]]:
    above: dict[str, list[str]] = {}
    for (source, target), chain in chains.items():
        for upper, lower in zip((source, *chain), (*chain, target), strict=True):
            above.setdefault(lower, []).append(upper)
    done: list[tuple[str, ...]] = []
    for row in rows:
        before = {name: index for index, name in enumerate(done[-1])} if done else {}
        done.append(tuple(sorted(row, key=lambda name: _mean([before[up] for up in above.get(name, ())]))))
    return done


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _sugiyama(nodes: Sequence[str], edges: list[Pair]) -> Rows:
    if not edges:
        return Rows((tuple(nodes),) if nodes else (), {})
    rows: dict[int, list[str]] = {}
    chains: dict[Pair, tuple[str, ...]] = {}
    for part, layout in enumerate(from_edges(edges, dummy_vertices=True, minimum_length=1, vertex_spacing=10)):
        positions, _, height, steps = layout
        names = {key: key if isinstance(key, str) else f"bend:{part}:{key}" for key, _ in positions}
        for key, (_, y) in sorted(positions, key=lambda item: item[1][0]):
            rows.setdefault(round((height - y) / 10), []).append(names[key])
        following = [(names[a], names[b]) for a, b in steps or ()]
        chains |= _chains(following)
    linked = {name for row in rows.values() for name in row}
    alone = [name for name in nodes if name not in linked]
    rows.setdefault(0, []).extend(alone)
    return Rows(tuple(tuple(rows[index]) for index in sorted(rows)), chains)


def _chains(steps: list[Pair]) -> dict[Pair, tuple[str, ...]]:
    after = {source: target for source, target in steps if is_bend(source)}
    chains: dict[Pair, tuple[str, ...]] = {}
    for source, target in steps:
        if is_bend(source):
            continue
        chain: list[str] = []
        while is_bend(target):
            chain.append(target)
            target = after[target]
        chains[source, target] = tuple(chain)
    return chains
