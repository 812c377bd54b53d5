"""A propagation as the player shows it: what the browser needs of each step, and the list of steps."""

from __future__ import annotations

from typing import Any

from dash import html

from explorer.app.numbers import MINUS
from explorer.app.outline import Outline
from explorer.app.parts import attributes, icon, source_line
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Group
from explorer.engine.layers import Layer, Port

KINDS = {"inter": "between layers", "intra": "within a layer"}


def recording(graph: DependencyGraph, outline: Outline, port: str) -> dict[str, Any]:
    """A propagation as JSON data.

    Args:
        graph: The dependency graph.
        outline: Where the screen shows its layers.
        port: Name of the port that it starts from.

    Returns:
        ``port``; ``groups`` that travel; ``steps``, each with ``kind``, ``source``, ``target`` (ports), ``groups``,
        ``text`` and ``place``; ``parents``: the module around each layer that has a part in it, by which the graph
        finds it where the module is closed.

    Raises:
        PlanError: There is no such port.
    """
    steps = graph.propagation(port)
    layers = outline.by_name
    names = dict.fromkeys([port[:-1], *(step.target[:-1] for step in steps)])
    return {
        "port": port,
        "groups": list(port_of(graph, port).groups),
        "steps": [
            {
                "kind": step.kind,
                "source": step.source,
                "target": step.target,
                "groups": list(step.groups),
                "text": step.reason,
                "place": source_line(layers[step.target[:-1]].source),
            }
            for step in steps
        ],
        "parents": {name: layers[name].parent for name in names},
    }


def step_rows(played: dict[str, Any]) -> list[html.Li]:
    """The list of steps: one button each, which goes to that step; the first is the start.

    Args:
        played: From `recording`.
    """
    start = _row(0, "start", side(played["port"]), "pruning begins here")
    return [start, *(_row(n, step["kind"], side(step["target"]), "") for n, step in enumerate(played["steps"], 1))]


def side(port: str) -> str:
    """A port as people write it: ``bn1+`` gives ``bn1 f+``."""
    return f"{port[:-1]} f{MINUS if port[-1] == '-' else '+'}"


def play_button(port: Port, title: str = "") -> html.Button:
    """A button that plays the propagation from a port.

    Args:
        port: Where it starts.
        title: What stands on it; a sign alone without one.
    """
    spoken = f"Play what pruning {side(port.name)} reaches"
    content: list[Any] = [icon("play"), *([title] if title else [])]
    looks = "text-tool is-boxed is-play" if title else "tool is-play"
    return html.Button(
        content, className=looks, type="button", title=spoken, **attributes(data_play=port.name, aria_label=spoken)
    )


def producer(graph: DependencyGraph, group: Group) -> Port | None:
    """The port that makes the channels of a group: the first output that carries it; None where no port does."""
    ports = [layer.outputs for layer in graph.layers] + [layer.inputs for layer in graph.layers]
    return next((port for port in ports if group.name in port.groups), None)


def port_of(graph: DependencyGraph, name: str) -> Port:
    """A port by name.

    Raises:
        PlanError: There is no such layer.
    """
    layer: Layer = graph.layer(name[:-1])
    return layer.inputs if name.endswith("-") else layer.outputs


def _row(number: int, kind: str, where: str, text: str) -> html.Li:
    return html.Li(
        html.Button(
            where,
            className="step-row mono",
            type="button",
            title=text or f"{KINDS[kind]}: {where}",
            **attributes(data_step=str(number), data_kind=kind),
        )
    )
