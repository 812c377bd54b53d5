"""The outline of a model: its modules as a tree, with what nobody wants to see one by one put together.

Three things get a place of their own between a module and what is in it: blocks that repeat (``layer3.*1-5``), long
runs of ops (``rpn.~ops 1``), and parts of what has too many children to be drawn at once (``~41-80``). Such a place is
a path like any other: it opens, closes, is listed in the tree and is found in the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise

from explorer.app.numbers import TO
from explorer.engine.layers import Edge, Layer

STACK, PLACE = "*", "~"
"""Begin the last part of a path that is no module: repeated blocks, and any other place."""
LONG_RUN = 12
"""So many ops in a row are folded, as what a detector does with its boxes."""
MOST_CHILDREN = 60
"""What has more children shows them in parts of at most `PART`."""
PART = 40
FOLD_SEGMENTS = 4
"""The band of a closed module that more groups pass shows the first of them and counts the rest."""
MOST_REPEATED = 150
"""Repeated blocks of which more nodes would be drawn, each closed and with its bands, stand in several places."""

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", ""})
"""That two of these stand side by side says nothing: they are no blocks."""

_WIDTHS = re.compile(r"^[^=]*?(?=\w+=|$)|\b(in|out)_features=\d+,? ?")

Places = dict[str, str]
"""For some children, the path of the new place that they move into. A layer is its name and a space."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The layers of a model in the places where the screen shows them.

    Attributes:
        layers: In execution order; `parent` is the path in the outline.
        edges: All data flow between them.
        classes: Class name of the module at each path of the model.
    """

    layers: tuple[Layer, ...]
    edges: tuple[Edge, ...]
    classes: Mapping[str, str]

    @cached_property
    def members(self) -> dict[str, tuple[Layer, ...]]:
        """The layers at or below each path; paths in the order in which they first run, parents first."""
        return {path: tuple(found) for path, found in _members(self.layers).items()}

    @cached_property
    def by_name(self) -> dict[str, Layer]:
        """Each layer by its name."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """The paths directly inside each path."""
        found: dict[str, list[str]] = {}
        for path in self.members:
            found.setdefault(parent_of(path), []).append(path)
        return {path: tuple(paths) for path, paths in found.items()}

    @cached_property
    def owners(self) -> frozenset[str]:
        """Paths that hold layers directly."""
        return frozenset(layer.parent for layer in self.layers)

    @cached_property
    def crossing(self) -> dict[str, tuple[int, int]]:
        """How many groups enter each path and leave it, which is what its bands show while it is closed."""
        sides: dict[str, tuple[set[str], set[str]]] = {path: (set(), set()) for path in self.members}
        parents = {layer.name: ancestors(layer.parent) for layer in self.layers}
        for edge in self.edges:
            source, target = parents.get(edge.source, ()), parents.get(edge.target, ())
            for path in set(target) - set(source):
                sides[path][0].update(edge.groups)
            for path in set(source) - set(target):
                sides[path][1].update(edge.groups)
        return {path: (len(entering), len(leaving)) for path, (entering, leaving) in sides.items()}

    def class_of(self, path: str) -> str:
        """Class of the module at a path, or of each block in a stack; "" for any other place."""
        if is_stack(path):
            return self.class_of(self.children[path][0])
        return "" if last(path).startswith(PLACE) else self.classes.get(module_path(path), "")

    def blocks_in(self, path: str) -> tuple[str, ...]:
        """The modules directly inside a path, those of stacks among them."""
        inside = (self.children.get(each, ()) if is_stack(each) else (each,) for each in self.children.get(path, ()))
        return tuple(each for paths in inside for each in paths)

    def count_of(self, path: str) -> int:
        """How many blocks a stack holds; 1 for anything else."""
        return len(self.children[path]) if is_stack(path) else 1


def outline(layers: Sequence[Layer], edges: Sequence[Edge], classes: Mapping[str, str]) -> Outline:
    """The outline of a model.

    Args:
        layers: All layers in execution order, with the paths of their modules.
        edges: All data flow between them.
        classes: Class name of each module by its path.

    Returns:
        The same layers, with long runs of ops, repeated blocks and parts of long modules in places of their own.
    """
    paths = {path for layer in layers for path in ancestors(layer.parent)}
    placed = tuple(replace(each, parent=each.name) if each.name in paths else each for each in layers)
    placed = _moved(placed, _op_runs(placed))
    placed = _moved(placed, _repeats(placed, edges, classes))
    return Outline(_moved(placed, _parts(placed)), tuple(edges), classes)


def ancestors(path: str) -> tuple[str, ...]:
    """Paths from the outermost to `path` itself: ``a.b.c`` gives ``a``, ``a.b``, ``a.b.c``."""
    parts = path.split(".") if path else []
    return tuple(".".join(parts[: depth + 1]) for depth in range(len(parts)))


def parent_of(path: str) -> str:
    """The path around a path; "" at the top."""
    return path.rpartition(".")[0]


def last(path: str) -> str:
    """The last part of a path."""
    return path.rpartition(".")[2]


def is_stack(path: str) -> bool:
    """Whether a path is that of repeated blocks."""
    return last(path).startswith(STACK)


def is_in_stack(path: str) -> bool:
    """Whether a path is that of repeated blocks, or in one of them."""
    return any(part.startswith(STACK) for part in path.split("."))


def is_place(path: str) -> bool:
    """Whether a path is that of a place which is no module: repeated blocks, a run of ops, a part of many children."""
    return last(path).startswith((STACK, PLACE))


def title_of(path: str) -> str:
    """What people read: the last part of a path, such as ``conv1`` or ``ops``; of ``*1-5`` the first and the last."""
    name = last(path)
    if name.startswith(f"{PLACE}ops"):
        return "ops"
    if not is_place(name):
        return name
    first, _, end = name[1:].partition("-")
    stem = re.match(r"\D*", first)
    return f"{first}{TO}{end.removeprefix(stem.group() if stem else '')}"


def module_path(path: str) -> str:
    """The path in the model that a path of the outline stands for: ``layer3.*1-5.2`` gives ``layer3.2``."""
    return ".".join(part for part in path.split(".") if not part.startswith((STACK, PLACE)))


def _members(layers: Sequence[Layer]) -> dict[str, list[Layer]]:
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        for path in ancestors(layer.parent):
            found.setdefault(path, []).append(layer)
    return found


def _children(layers: Sequence[Layer]) -> dict[str, list[str]]:
    """For each path, what is directly in it, in execution order."""
    children: dict[str, dict[str, None]] = {}
    for layer in layers:
        for path in ancestors(layer.parent):
            children.setdefault(parent_of(path), {})[path] = None
        children.setdefault(layer.parent, {})[f"{layer.name} "] = None
    return {path: list(found) for path, found in children.items()}


def _moved(layers: Sequence[Layer], places: Places) -> tuple[Layer, ...]:
    """The layers, with what `places` names one place further in."""
    return tuple(replace(layer, parent=_new_parent(layer, places)) for layer in layers) if places else tuple(layers)


def _new_parent(layer: Layer, places: Places) -> str:
    parts: list[str] = []
    for each in (*ancestors(layer.parent), f"{layer.name} "):
        if each in places:
            parts.append(last(places[each]))
        parts.append(last(each))
    return ".".join(parts[:-1])  # without the layer itself


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _op_runs(layers: Sequence[Layer]) -> Places:
    ops = {f"{layer.name} " for layer in layers if layer.kind == "op"}
    places: Places = {}
    for path, children in _children(layers).items():
        runs = [list(run) for is_op, run in groupby(children, ops.__contains__) if is_op]
        for number, run in enumerate((run for run in runs if len(run) >= LONG_RUN), start=1):
            places |= dict.fromkeys(run, _inside(path, f"{PLACE}ops {number}"))
    return places


def _repeats(layers: Sequence[Layer], edges: Sequence[Edge], classes: Mapping[str, str]) -> Places:
    """Blocks side by side that are alike but for their widths, where each reads what the one before made."""
    crossing = Outline(tuple(layers), tuple(edges), classes).crossing
    kinds = {path: _kind(path, found, classes) for path, found in _members(layers).items()}
    follows = _followers(layers, edges)
    places: Places = {}
    for path, children in _children(layers).items():
        for run in _runs(children, kinds, follows):
            for piece in _pieces(run, crossing):
                places |= dict.fromkeys(piece, _inside(path, f"{STACK}{last(piece[0])}-{last(piece[-1])}"))
    return places


def _kind(path: str, inside: Sequence[Layer], classes: Mapping[str, str]) -> object:
    """What blocks share that are alike but for their widths; None for what is no block."""
    name = "" if last(path).startswith(PLACE) else classes.get(path, "")
    parts = ((each.name[len(path) :], each.type_name, _WIDTHS.sub("", each.arguments)) for each in inside
             if each.kind == "module")  # fmt: skip
    return None if name in CONTAINERS else (name, tuple(parts))


def _followers(layers: Sequence[Layer], edges: Sequence[Edge]) -> set[tuple[str, str]]:
    """Pairs of modules side by side of which one reads what the other made."""
    parents = {layer.name: layer.parent for layer in layers}
    pairs: set[tuple[str, str]] = set()
    for edge in edges:
        source, target = (ancestors(parents.get(name, "")) for name in (edge.source, edge.target))
        pairs |= {(a, b) for a, b in zip(source, target, strict=False) if a != b and parent_of(a) == parent_of(b)}
    return pairs


def _runs(
    children: Sequence[str], kinds: Mapping[str, object], follows: set[tuple[str, str]]
) -> Iterator[tuple[str, ...]]:
    """Children in a row of one kind, at least two."""
    run = list(children[:1])
    for before, child in pairwise((*children, "")):
        kind = kinds.get(child)
        if kind is not None and kind == kinds.get(before) and (before, child) in follows:
            run.append(child)
            continue
        if len(run) > 1:
            yield tuple(run)
        run = [child]


def _pieces(run: Sequence[str], crossing: Mapping[str, tuple[int, int]]) -> list[Sequence[str]]:
    """A run of blocks in pieces of about the same length, of which not too many nodes are drawn when one opens."""
    nodes = sum(fold_nodes(crossing[path]) for path in run)
    length = -(-len(run) // -(-nodes // MOST_REPEATED))
    return [run[start : start + length] for start in range(0, len(run), length)]


def fold_nodes(crossing: tuple[int, int]) -> int:
    """How many nodes a closed module is drawn as: itself, and the stretches of its two bands.

    Args:
        crossing: How many groups enter it and leave it.
    """
    return 1 + sum(min(max(groups, 1), FOLD_SEGMENTS) for groups in crossing)


def _parts(layers: Sequence[Layer]) -> Places:
    places: Places = {}
    for path, children in _children(layers).items():
        for start in range(0, len(children), PART) if len(children) > MOST_CHILDREN else ():
            end = min(start + PART, len(children))
            places |= dict.fromkeys(children[start:end], _inside(path, f"{PLACE}{start + 1}-{end}"))
    return places
