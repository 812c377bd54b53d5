"""The paper's two matrices, over what a screen has room for: D over ports, and G over layers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.app.outline import Outline, is_stack, module_path, title_of
from explorer.app.parts import layer_groups
from explorer.app.playing import side
from explorer.app.scene import Box, build_scene
from explorer.app.unfolding import most_open
from explorer.engine.graph import DependencyGraph
from explorer.engine.layers import Dependency

MAX_ROWS = 420
"""More rows than this are joined by module: a cell would be smaller than two pixels."""

NOTHING, INTER, INTRA = 0, 1, 2
CHOSEN = 2
"""What a cell of the selected group counts more."""

SHOWN, EVERYTHING = "shown", "everything"

Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """One row, and the column of the same number.

    Attributes:
        name: What people call it: ``layer1.0.conv1 f+``, a layer, or a closed module.
        path: The layer or module.
        module: Path of the module around it.
        ports: Names of the ports that it stands for.
        groups: Names of the groups that it carries.
    """

    name: str
    path: str
    module: str
    ports: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """A binary symmetric matrix as it is drawn.

    Attributes:
        rows: What its rows and columns are.
        levels: `NOTHING`, `INTER` or `INTRA` (in G only `NOTHING` and `INTER`), `CHOSEN` more in the selected group;
            shape (rows, rows).
        reasons: Of D for each pair of rows i <= j what couples them; empty for G, where the groups say it.
    """

    rows: tuple[Row, ...]
    levels: Levels
    reasons: dict[tuple[int, int], tuple[Dependency, ...]]


def boxes_in(outline: Outline, scope: str, opened: Collection[str]) -> tuple[tuple[Box, ...], bool]:
    """The layers and closed modules that a matrix is over, and whether modules had to be closed for want of room.

    Args:
        outline: The layers in the places where the screen shows them.
        scope: `SHOWN` for what the graph shows, `EVERYTHING`, or the path of a module.
        opened: Paths of the modules that are open in the graph.
    """
    if scope not in {SHOWN, EVERYTHING}:
        outline = Outline(outline.members.get(scope, ()), (), outline.classes)
    found = _boxes(outline, frozenset(opened if scope == SHOWN else outline.members))
    if sum(2 if box.kind in {"layer", "op"} else 1 for box in found) <= MAX_ROWS:
        return found, False
    return _boxes(outline, most_open(outline, MAX_ROWS // 2)), True


def dependency_matrix(graph: DependencyGraph, boxes: Sequence[Box], group: str = "") -> Matrix:
    """D: 1 where two ports must be pruned together because of one op or one layer.

    Args:
        graph: The dependency graph.
        boxes: From `boxes_in`; a layer gives two rows, a closed module one.
        group: Name of the selected group, or empty.

    Source:
        DepGraph, section 3.2: inter-layer where f_j+ feeds f_i-, intra-layer where both sides share a scheme.
    """
    rows = tuple(row for box in boxes for row in _port_rows(box))
    row_of = {port: index for index, row in enumerate(rows) for port in row.ports}
    reasons: dict[tuple[int, int], list[Dependency]] = {}
    for dependency in graph.dependencies:
        if dependency.a in row_of and dependency.b in row_of:
            low, high = sorted((row_of[dependency.a], row_of[dependency.b]))
            reasons.setdefault((low, high), []).append(dependency)
    levels = np.zeros((len(rows), len(rows)), dtype=np.uint8)
    for (i, j), found in reasons.items():
        levels[i, j] = levels[j, i] = _level(found, group)
    return Matrix(rows, levels, {pair: tuple(found) for pair, found in reasons.items()})


def grouping_matrix(boxes: Sequence[Box], group: str = "") -> Matrix:
    """G: 1 where two layers share a group, and so lose channels together.

    Args:
        boxes: From `boxes_in`; each gives one row.
        group: Name of the selected group, or empty.

    Source:
        DepGraph, section 3.1: G_ij = 1 where layers i and j are in one group; it follows from D.
    """
    rows = tuple(_layer_row(box) for box in boxes)
    names = sorted({name for row in rows for name in row.groups})
    number = {name: index for index, name in enumerate(names)}
    carries = np.zeros((len(rows), len(names)), dtype=np.float32)
    for index, row in enumerate(rows):
        carries[index, [number[name] for name in row.groups]] = 1
    levels = (carries @ carries.T > 0).astype(np.uint8) * INTER
    if group in number:
        chosen = np.flatnonzero(carries[:, number[group]])
        levels[np.ix_(chosen, chosen)] = INTER + CHOSEN
    return Matrix(rows, levels, {})


def readable(matrix: Matrix) -> dict[str, Any]:
    """What the browser says of a cell, as JSON data.

    Returns:
        ``rows``: name, path and groups of each; ``cells``: of D for ``i,j`` with i <= j the kind, the reason and the
        groups; empty for G.
    """
    cells = {f"{i},{j}": _cell(found) for (i, j), found in matrix.reasons.items()}
    rows = [{"name": row.name, "path": row.path, "groups": list(row.groups)} for row in matrix.rows]
    return {"rows": rows, "cells": cells}


def counted(matrix: Matrix) -> str:
    """What is seen, in words: ``104 ports: 62 inter-layer and 28 intra-layer dependencies``."""
    if not matrix.reasons:
        pairs = int((np.triu(matrix.levels, 1) > 0).sum())
        return f"{len(matrix.rows)} rows: {pairs} pairs share a group"
    kinds = [dependency.kind for found in matrix.reasons.values() for dependency in found]
    inter, intra = kinds.count("inter"), kinds.count("intra")
    return f"{len(matrix.rows)} rows: {inter} inter-layer and {intra} intra-layer dependencies"


def segments(rows: Sequence[Row]) -> list[tuple[int, int, str]]:
    """Runs of rows in one module, as (first, after the last, path), at the depth that tells enough of them apart."""
    runs: list[tuple[int, int, str]] = []
    for depth in range(1, 9):
        runs = list(_runs(".".join(row.module.split(".")[:depth]) for row in rows))
        if len(runs) >= 4:
            break
    return runs


def _runs(paths: Iterable[str]) -> Iterable[tuple[int, int, str]]:
    start = 0
    for path, run in groupby(paths):
        end = start + len(list(run))
        yield start, end, path
        start = end


def _boxes(outline: Outline, opened: frozenset[str]) -> tuple[Box, ...]:
    return tuple(
        box for box in build_scene(outline, opened).boxes if box.kind in {"layer", "op", "fold"} and _counts(box)
    )


def _counts(box: Box) -> bool:
    """Whether a box may be coupled with another one: a detector has hundreds of ops that no channel passes."""
    return box.kind == "layer" or any(layer_groups(layer) for layer in box.layers)


def _port_rows(box: Box) -> list[Row]:
    if box.kind == "fold":
        return [_layer_row(box)]
    layer = box.layers[0]
    ports = (layer.inputs, layer.outputs)
    return [Row(side(port.name), layer.name, layer.parent, (port.name,), port.groups) for port in ports]


def _layer_row(box: Box) -> Row:
    ports = tuple(port.name for layer in box.layers for port in (layer.inputs, layer.outputs))
    groups = tuple(dict.fromkeys(name for layer in box.layers for name in layer_groups(layer)))
    module = box.name if box.kind == "fold" else box.layers[0].parent
    return Row(_name(box), box.name, module, ports, groups)


def _name(box: Box) -> str:
    """A layer or module as people write it; repeated blocks by the first and the last."""
    if box.kind != "fold":
        return box.name
    path = module_path(box.name)
    return f"{path} {title_of(box.name)}".strip() if is_stack(box.name) or not path else path


def _level(found: Sequence[Dependency], group: str) -> int:
    of_group = [dependency for dependency in found if group in dependency.groups]
    kinds = {dependency.kind for dependency in of_group or found}
    return (INTER if "inter" in kinds else INTRA) + (CHOSEN if of_group else 0)


def _cell(found: tuple[Dependency, ...]) -> list[Any]:
    kinds = " and ".join(f"{kind}-layer" for kind in dict.fromkeys(dependency.kind for dependency in found))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    groups = list(dict.fromkeys(name for dependency in found for name in dependency.groups))
    return [kinds, found[0].reason + more, groups]
