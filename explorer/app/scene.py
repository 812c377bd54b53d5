"""What the graph shows: layers and modules as boxes, open or closed, and the data flow between what is visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.app.numbers import TIMES, counted
from explorer.app.outline import CONTAINERS, Outline, ancestors, is_stack, parent_of, title_of
from explorer.engine.layers import SIGNS, Edge, Layer

MAX_SEGMENTS = 6
"""A port that carries more groups shows the first of them and counts the rest."""

INPUT, OUTPUT = "input", "output"


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
        type_name: Class of the layer, of the module, or of each of several repeated blocks.
        count: Number of repeated blocks; 1 for anything else.
        content: What a closed module holds, such as ``6 layers · 3 groups``.
    """

    id: str
    kind: str
    name: str
    title: str
    parent: str
    layers: tuple[Layer, ...] = ()
    type_name: str = ""
    count: int = 1
    content: str = ""


@dataclass(frozen=True)
class Link:
    """Data flow between two visible boxes.

    Attributes:
        source: Id of the box that it leaves.
        target: Id of the box that it enters.
        via: Elementwise and plumbing ops that sit on it.
        groups: Names of the groups that it carries.
        shapes: Shapes of what flows, one per tensor.
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


def build_scene(outline: Outline, opened: frozenset[str]) -> Scene:
    """The scene with the modules in `opened` open and all others closed.

    Args:
        outline: Layers, edges and modules.
        opened: Paths of the open modules.

    Returns:
        The visible boxes and links; links inside a closed module are gone, parallel ones are joined.
    """
    home = {layer.name: _box_of(layer, opened) for layer in outline.layers} | {INPUT: INPUT, OUTPUT: OUTPUT}
    ends = {name for edge in outline.edges for name in (edge.source, edge.target)}
    inputs, outputs = (tuple(_terminal(name) for _ in range(name in ends)) for name in (INPUT, OUTPUT))
    return Scene((*inputs, *_boxes(outline, opened), *outputs), _links(outline.edges, home))


def closed_ancestor(layer: Layer, opened: frozenset[str]) -> str:
    """The outermost closed module around a layer; "" where the layer shows."""
    return next((path for path in ancestors(layer.parent) if path not in opened), "")


def _terminal(name: str) -> Box:
    return Box(name, name, name, name, "")


def _box_of(layer: Layer, opened: frozenset[str]) -> str:
    closed = closed_ancestor(layer, opened)
    return fold_id(closed) if closed else layer_id(layer.name)


def _boxes(outline: Outline, opened: frozenset[str]) -> list[Box]:
    boxes: dict[str, Box] = {}
    for layer in outline.layers:
        for path in ancestors(layer.parent):
            if path not in boxes:
                boxes[path] = _module_box(path, path in opened, outline)
            if path not in opened:
                break
        else:
            boxes[f"{layer.name} "] = _layer_box(layer)  # the space keeps a layer apart from a module of that path
    return list(boxes.values())


def _module_box(path: str, is_open: bool, outline: Outline) -> Box:
    kind, name = ("module", module_id(path)) if is_open else ("fold", fold_id(path))
    type_name, count = outline.class_of(path), outline.count_of(path)
    title, parent, content = title_of(path), _parent_id(parent_of(path)), describe(outline, path)
    return Box(name, kind, path, title, parent, outline.members[path], type_name, count, content)


def describe(outline: Outline, path: str) -> str:
    """What a module holds, as ``6 layers · 3 groups``."""
    groups = {name for layer in outline.members[path] for port in (layer.inputs, layer.outputs) for name in port.groups}
    return " · ".join([_describe_layers(outline, path), *([counted(len(groups), "group")] if groups else [])])


def _describe_layers(outline: Outline, path: str) -> str:
    """Several blocks of one class, as ``6 x Bottleneck``, else ``6 layers``, else ``20 ops``."""
    blocks = outline.blocks_in(path)
    classes = {outline.class_of(block) for block in blocks} - CONTAINERS
    if not is_stack(path) and len(blocks) > 1 and len(classes) == 1 and path not in outline.owners:
        return f"{len(blocks)} {TIMES} {classes.pop()}"
    members = outline.members[path]
    layers = sum(layer.kind == "module" for layer in members)
    return counted(layers, "layer") if layers else counted(len(members), "op")


def module_title(box: Box) -> str:
    """``layer1``, or for repeated blocks the first and the last and how many; while closed, their class too."""
    type_name = box.type_name if box.kind == "fold" else ""
    return f"{box.title} {TIMES} {box.count} {type_name}".rstrip() if box.count > 1 else box.title


def layer_title(layer: Layer) -> str:
    """What people read on a layer; a module's own parameters stand inside it and are called by their names."""
    if layer.kind == "op":
        return op_title(layer.type_name)
    own = [name.rpartition(".")[2] for name, _ in layer.parameters]
    return own[0] if layer.parent == layer.name and own else layer.name.rpartition(".")[2]


NAMES = {"constant_pad_nd": "pad"}
"""Ops that have quite another name in Python."""


def op_title(name: str) -> str:
    """The sign of an op, or its name as it is called in Python: ``max_pool2d`` for ``max_pool2d_with_indices``."""
    return SIGNS.get(name) or NAMES.get(name) or name.lstrip("_").removeprefix("native_").removesuffix("_with_indices")


def _layer_box(layer: Layer) -> Box:
    kind = "layer" if layer.kind == "module" else "op"
    title, parent = layer_title(layer), _parent_id(layer.parent)
    return Box(layer_id(layer.name), kind, layer.name, title, parent, (layer,), layer.type_name)


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
    tensors = {(edge.source, edge.via): edge.shape for edge in parts}  # what is read twice is still one
    via = parts[0].via if len(tensors) == 1 else ()
    groups = tuple(dict.fromkeys(group for edge in parts for group in edge.groups))
    return Link(source, target, via, groups, tuple(tensors.values()))
