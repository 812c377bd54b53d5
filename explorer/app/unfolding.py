"""Which modules are open: few enough to be told apart, and the right ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from explorer.app.outline import Outline, ancestors, fold_nodes, is_in_stack, is_place, module_path, parent_of
from explorer.app.positions import place
from explorer.app.scene import MAX_SEGMENTS, build_scene, closed_ancestor
from explorer.engine.layers import Layer

NODE_LIMIT = 300
"""At most about this many nodes are drawn at once: panning stays fluid (EXPERIENCE, "Libraries")."""
FIRST_NODES = 130
"""A model opens with at most about this many: as many as can be told apart on one screen."""
ROOM, LEGIBLE, JUST_LEGIBLE = (780.0, 470.0), 0.75, 0.64
"""Pixels of the middle pane at 1440 x 900, and scales at which its letters can be read, and only just."""
TRIES = 24
"""So many ways to open one module more are laid out before a model is shown first."""


@lru_cache(maxsize=16)
def first_open(outline: Outline, group: str = "") -> frozenset[str]:
    """The modules to open first, such that the whole graph fits the screen in letters that can be read.

    Args:
        outline: The model.
        group: Name of a group whose first members should show.

    Returns:
        Paths: those around the first layers of the group that fit, then others from the outside in.
    """
    return _opened_while(outline, group, LEGIBLE) or _opened_while(outline, group, JUST_LEGIBLE)


def _opened_while(outline: Outline, group: str, scale: float) -> frozenset[str]:
    """Modules to open first, while all of the graph fits the screen at a scale."""
    opened: frozenset[str] = frozenset()
    for path in islice(_wanted(outline, group), TRIES):
        wider = opened | set(ancestors(path))
        is_small = wider != opened and visible_nodes(outline, wider) <= FIRST_NODES
        opened = wider if is_small and is_legible(outline, wider, scale) else opened
    return opened


def is_legible(outline: Outline, opened: frozenset[str], scale: float = LEGIBLE) -> bool:
    """Whether the whole graph fits the middle pane at a scale; by default in letters that can be read well."""
    frames = place(build_scene(outline, opened)).frames.values()
    width = max(frame.right for frame in frames) - min(frame.left for frame in frames)
    height = max(frame.bottom for frame in frames) - min(frame.top for frame in frames)
    return min(ROOM[0] / width, ROOM[1] / height) >= scale


def most_open(outline: Outline, limit: int = NODE_LIMIT) -> frozenset[str]:
    """As many open modules as may be drawn, from the outside in, and repeated blocks after all others."""
    opened: frozenset[str] = frozenset()
    for path in _outside_in(outline.members):
        wider = opened | set(ancestors(path))
        opened = wider if visible_nodes(outline, wider) <= limit else opened
    return opened


def opening(outline: Outline, path: str) -> frozenset[str]:
    """A path with all around it, and what it holds where that is one module only: both open at once."""
    opened = {*ancestors(path)}
    while path not in outline.owners and len(inside := outline.children.get(path, ())) == 1:
        path = inside[0]
        opened.add(path)
    return frozenset(opened)


def opened_by_name(outline: Outline, names: Collection[str]) -> frozenset[str]:
    """The paths to open that names stand for; of a module in repeated blocks, the place around the blocks opens too.

    Args:
        outline: The model.
        names: Paths of the outline, or of modules as the model has them (``layer1.0``); what is neither is left out.
    """
    written = {path_by_name(outline, name) for name in names if name not in outline.members}
    around = {path for name in written for path in ancestors(name)}
    return frozenset(outline.members) & (around | {*names})


def path_by_name(outline: Outline, name: str) -> str:
    """The path of the outline that a name stands for: ``layer1.0`` is at ``layer1.*0-2.0``; else the name itself."""
    modules = {module_path(path): path for path in outline.members if not is_place(path)}
    return name if name in outline.members else modules.get(name, name)


def toggled(outline: Outline, paths: Collection[str], path: str) -> list[str]:
    """Open modules after `path` was opened, or closed with everything in it."""
    if path not in paths:
        return within_limit(outline, {*paths, *opening(outline, path)}, path)
    return sorted(each for each in paths if each != path and not each.startswith(f"{path}."))


def revealed(outline: Outline, paths: Collection[str], selection: Mapping[str, Any]) -> list[str]:
    """Open modules such that what is selected shows.

    Args:
        outline: The model.
        paths: Paths of the open modules.
        selection: ``kind`` and ``name`` of what was picked; of a module, the modules around it open.
    """
    name = selection.get("name", "")
    if selection.get("kind") == "layer" and name in outline.by_name:
        inside = outline.by_name[name].parent
    else:
        inside = parent_of(name) if name in outline.members else ""
    return within_limit(outline, {*paths, *ancestors(inside)}, inside)


def within_limit(outline: Outline, paths: Iterable[str], wanted: str, limit: int = NODE_LIMIT) -> list[str]:
    """Open modules of which no more are drawn than the limit: first those away from `wanted` close, largest first.

    Args:
        outline: The model.
        paths: What should be open.
        wanted: The path that must stay open.
        limit: Most nodes that may be drawn.
    """
    opened = frozenset(paths)
    while visible_nodes(outline, opened) > limit:
        around = {*ancestors(wanted)}
        away = [path for path in opened - around if not path.startswith(f"{wanted}.")]
        closable = away or sorted(opened - around)
        if not closable:
            break
        sizes = {path: visible_nodes(outline, opened, path) for path in closable}
        largest = max(closable, key=lambda path: (sizes[path], path))
        opened = frozenset(path for path in opened if path != largest and not path.startswith(f"{largest}."))
    return sorted(opened)


def visible_nodes(outline: Outline, opened: frozenset[str], inside: str = "") -> int:
    """How many nodes the browser would draw: layers and closed modules with their bands, ops and open modules.

    Args:
        outline: The model.
        opened: Paths of the open modules.
        inside: Only what is in the module at this path; everything by default.
    """
    layers = outline.members[inside] if inside else outline.layers
    closed = {closed_ancestor(layer, opened) for layer in layers} - {""}
    shown = sum(_nodes_of(layer) for layer in layers if not closed_ancestor(layer, opened))
    folds = sum(fold_nodes(outline.crossing[path]) for path in closed)
    return 2 + len(opened) + folds + shown


def _nodes_of(layer: Layer) -> int:
    ports = (layer.inputs, layer.outputs) if layer.kind == "module" else ()
    return 1 + sum(min(max(len(port.groups), 1), MAX_SEGMENTS) for port in ports)


def _wanted(outline: Outline, group: str) -> Iterable[str]:
    """Paths in the order in which they should open: those of the group's layers, then from the outside in."""
    touched = [each for each in outline.layers if group in each.outputs.groups or group in each.inputs.groups]
    around = dict.fromkeys(each.parent for each in touched if each.parent)
    yield from around
    layered = [path for path, found in outline.members.items() if any(each.kind == "module" for each in found)]
    wanted = {path for parent in around for path in ancestors(parent)}
    inwards = [path for path in _outside_in(layered) if not is_in_stack(path)]
    yield from sorted(inwards, key=lambda path: path not in wanted)


def _outside_in(paths: Iterable[str]) -> list[str]:
    """The paths by depth, repeated blocks last: one of them tells what the others are like."""
    return sorted(paths, key=lambda path: (is_in_stack(path), path.count(".")))
