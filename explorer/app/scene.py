"""What the graph shows: layers and modules as boxes, open or closed, and the data flow between what is visible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from explorer.app.numbers import MINUS, TIMES
from explorer.engine.layers import Edge, Layer

NODE_LIMIT = 300
"""At most about this many nodes are drawn at once: panning stays fluid (EXPERIENCE, "Libraries")."""
FIRST_NODES = 170
"""A model opens with at most about this many: as many as can be told apart on one screen."""

LONG_RUN = 40
"""So many ops in a row outside of all modules are folded, as what a detector does with its boxes."""

MAX_SEGMENTS = 6
"""A port that carries more groups shows the first of them and counts the rest."""

INPUT, OUTPUT = "input", "output"
SIGNS = {"add": "+", "sub": MINUS, "mul": TIMES, "div": "÷", "matmul": "@", "mm": "@", "bmm": "@"}
"""Ops whose usual sign says more than their name."""


@dataclass(frozen=True)
class Box:
    """Something drawn: a layer, a structural op, a module, or one end of the model.

    Attributes:
        id: Element id, such as ``layer:conv1`` or ``module:layer1``.
        kind: ``layer``, ``op``, ``module`` (open), ``fold`` (a closed module), ``input`` or ``output``.
        name: Layer name or module path.
        title: What people read on it.
        parent: Id of the module box around it, or "" at the top.
        layers: The layers in it, in execution order.
    """

    id: str
    kind: str
    name: str
    title: str
    parent: str
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Link:
    """Data flow between two visible boxes.

    Attributes:
        source: Id of the box that it leaves.
        target: Id of the box that it enters.
        via: Elementwise and plumbing ops that sit on it.
        groups: Names of the groups that it carries.
        shapes: Shapes of what flows, one per edge of the graph that the link stands for.
    """

    source: str
    target: str
    via: tuple[str, ...]
    groups: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Scene:
    """Every visible box, parents before children, and every visible link."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]

    def children(self, parent: str) -> tuple[Box, ...]:
        """The boxes directly inside `parent`, in execution order."""
        return tuple(box for box in self.boxes if box.parent == parent)


def layer_id(name: str) -> str:
    """Element id of a layer."""
    return f"layer:{name}"


def module_id(path: str) -> str:
    """Element id of an open module."""
    return f"module:{path}"


def fold_id(path: str) -> str:
    """Element id of a closed module; not that of the open one, since Cytoscape keeps what a node was."""
    return f"fold:{path}"


def ancestors(path: str) -> tuple[str, ...]:
    """Module paths from the outermost to `path` itself: ``a.b.c`` gives ``a``, ``a.b``, ``a.b.c``."""
    parts = path.split(".") if path else []
    return tuple(".".join(parts[: depth + 1]) for depth in range(len(parts)))


def module_paths(layers: Iterable[Layer]) -> tuple[str, ...]:
    """Every module that holds layers, in the order in which they first run, parents first."""
    return tuple(dict.fromkeys(path for layer in layers for path in ancestors(layer.parent)))


def gathered(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers, with long runs of ops that belong to no module put into one of their own, so that they can fold.

    Args:
        layers: All layers in execution order.

    Returns:
        The same layers; those of a run of at least `LONG_RUN` have a parent such as ``ops 3``.
    """
    found: list[Layer] = []
    for number, (is_loose, run) in enumerate(groupby(layers, lambda each: each.kind == "op" and not each.parent)):
        members = tuple(run)
        is_long = is_loose and len(members) >= LONG_RUN
        found += [replace(each, parent=f"ops {number}") for each in members] if is_long else members
    return tuple(found)


def default_open(layers: Sequence[Layer], limit: int = NODE_LIMIT, group: str = "") -> frozenset[str]:
    """The modules to open first: all of one depth after the other, then those that one group runs through.

    Args:
        layers: All layers in execution order.
        limit: Most nodes that may be visible.
        group: Name of a group whose members should show; without one, modules open in execution order.

    Returns:
        Module paths; a module is only open when all modules around it are.
    """
    opened: frozenset[str] = frozenset()
    paths = module_paths(layers)
    for depth in range(max((path.count(".") for path in paths), default=-1) + 1):
        wider = opened | {path for path in paths if path.count(".") == depth}
        if visible_nodes(layers, wider) > limit:
            break
        opened = wider
    for layer in layers:
        if not group or group in layer.inputs.groups or group in layer.outputs.groups:
            wider = opened | set(ancestors(layer.parent))
            opened = wider if visible_nodes(layers, wider) <= limit else opened
    return opened


def visible_nodes(layers: Sequence[Layer], opened: frozenset[str]) -> int:
    """How many nodes the browser would draw: a layer counts with its ports, an op or a module as one."""
    closed = {_closed_ancestor(layer, opened) for layer in layers}
    shown = [layer for layer in layers if not _closed_ancestor(layer, opened)]
    return 2 + len(opened) + len(closed - {""}) + sum(_nodes_of(layer) for layer in shown)


def _nodes_of(layer: Layer) -> int:
    ports = (layer.inputs, layer.outputs) if layer.kind == "module" else ()
    return 1 + sum(min(max(len(port.groups), 1), MAX_SEGMENTS) for port in ports)


def build_scene(layers: Sequence[Layer], edges: Sequence[Edge], opened: frozenset[str]) -> Scene:
    """The scene with the modules in `opened` open and all others closed.

    Args:
        layers: All layers in execution order.
        edges: All data flow between them.
        opened: Paths of the open modules.

    Returns:
        The visible boxes and links; links inside a closed module are gone, parallel ones are joined.
    """
    home = {layer.name: _box_of(layer, opened) for layer in layers} | {INPUT: INPUT, OUTPUT: OUTPUT}
    boxes = _boxes(layers, opened)
    ends = {name for edge in edges for name in (edge.source, edge.target)}
    return Scene(
        tuple(_terminal(INPUT) for _ in range(INPUT in ends))
        + tuple(boxes)
        + tuple(_terminal(OUTPUT) for _ in range(OUTPUT in ends)),
        _links(edges, home),
    )


def _terminal(name: str) -> Box:
    return Box(name, name, name, name, "")


def _closed_ancestor(layer: Layer, opened: frozenset[str]) -> str:
    return next((path for path in ancestors(layer.parent) if path not in opened), "")


def _box_of(layer: Layer, opened: frozenset[str]) -> str:
    closed = _closed_ancestor(layer, opened)
    return fold_id(closed) if closed else layer_id(layer.name)


def _boxes(layers: Sequence[Layer], opened: frozenset[str]) -> list[Box]:
    members = _members(layers)
    boxes: dict[str, Box] = {}
    for layer in layers:
        for path in ancestors(layer.parent):
            boxes.setdefault(path, _module_box(path, path in opened, members[path]))
            if path not in opened:
                break
        else:
            boxes[f"{layer.name} "] = _layer_box(layer)  # the space keeps a layer apart from a module of that path
    return list(boxes.values())


def _members(layers: Sequence[Layer]) -> dict[str, tuple[Layer, ...]]:
    members: dict[str, list[Layer]] = {}
    for layer in layers:
        for path in ancestors(layer.parent):
            members.setdefault(path, []).append(layer)
    return {path: tuple(found) for path, found in members.items()}


def _module_box(path: str, is_open: bool, layers: tuple[Layer, ...]) -> Box:
    parent, _, title = path.rpartition(".")
    kind, name = ("module", module_id(path)) if is_open else ("fold", fold_id(path))
    return Box(name, kind, path, title, _parent_id(parent), layers)


def _layer_box(layer: Layer) -> Box:
    name = layer.name.rpartition(".")[2]
    title = name if layer.kind == "module" else SIGNS.get(layer.type_name, layer.type_name)
    kind = "layer" if layer.kind == "module" else "op"
    return Box(layer_id(layer.name), kind, layer.name, title, _parent_id(layer.parent), (layer,))


def _parent_id(path: str) -> str:
    return module_id(path) if path else ""


def _links(edges: Sequence[Edge], home: dict[str, str]) -> tuple[Link, ...]:
    joined: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        source, target = home.get(edge.source), home.get(edge.target)
        if source and target and source != target:
            joined.setdefault((source, target), []).append(edge)
    return tuple(_link(source, target, parts) for (source, target), parts in joined.items())


def _link(source: str, target: str, parts: list[Edge]) -> Link:
    via = parts[0].via if len(parts) == 1 else ()
    groups = tuple(dict.fromkeys(group for edge in parts for group in edge.groups))
    return Link(source, target, via, groups, tuple(edge.shape for edge in parts))
