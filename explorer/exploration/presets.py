"""Ratios for a whole model at once, by a rule with a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from explorer.exploration.state import every_group

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph

Ratios = Mapping[str, float]


@dataclass(frozen=True)
class Preset:
    """A rule that gives ratios.

    Attributes:
        title: What it is called on screen.
        text: What it does, in one line.
        ratios: From a graph and the largest ratio, 0-0.99, to ratios by group name.
    """

    title: str
    text: str
    ratios: Callable[[DependencyGraph, float], Ratios]


def uniform(graph: DependencyGraph, ratio: float) -> Ratios:
    """The same ratio for every group that a single ratio is meant for."""
    return dict.fromkeys(every_group(graph), ratio)


def by_depth(graph: DependencyGraph, ratio: float) -> Ratios:
    """Ratios that grow evenly from the first group to the last, which gets `ratio`."""
    names = every_group(graph)
    return {name: ratio * (place + 1) / len(names) for place, name in enumerate(names)}


def by_stage(graph: DependencyGraph, ratio: float) -> Ratios:
    """The same ratio within each stage, growing evenly from stage to stage; the last one gets `ratio`."""
    found = stages(graph)
    last = max(found.values(), default=0) + 1
    return {name: ratio * (found[name] + 1) / last for name in every_group(graph)}


def of_heads(graph: DependencyGraph, ratio: float) -> Ratios:
    """The ratio for attention heads; other groups are left as they are."""
    return {group.name: ratio for group in graph.groups if group.kind == "heads"}


def stages(graph: DependencyGraph) -> dict[str, int]:
    """The stage of every group, from 0: groups whose first producer works at the same resolution share one.

    Stages are numbered in the order in which the forward reaches them. The resolution is the number of positions that a
    channel of the producer's output has: ``56 * 56`` of an image, 197 of a sequence of patches.
    """
    positions: dict[str, int] = {}
    for layer in graph.layers:
        for name in layer.outputs.groups:
            positions.setdefault(name, prod(layer.output_shape) // max(1, layer.outputs.size))
    order = {resolution: number for number, resolution in enumerate(dict.fromkeys(positions.values()))}
    return {group.name: order.get(positions.get(group.name, -1), 0) for group in graph.groups}


PRESETS: dict[str, Preset] = {
    "uniform": Preset("Uniform", "the same ratio everywhere", uniform),
    "stage": Preset("By stage", "the same within each resolution, more in later ones", by_stage),
    "depth": Preset("By depth", "growing from the first group to the last", by_depth),
    "heads": Preset("Heads only", "attention heads, nothing else changes", of_heads),
}
"""Every preset by name."""
