"""What the inspector says about a layer or a module, as pure functions."""

from __future__ import annotations

from typing import Any

from dash import html

from explorer.app import numbers
from explorer.app.numbers import MINUS, TIMES
from explorer.app.outline import is_stack, module_path, title_of
from explorer.app.parts import (
    attributes,
    breakable,
    fact,
    group_chip,
    icon,
    layer_groups,
    pick_attributes,
    plain,
    section,
    source_line,
)
from explorer.app.playing import play_button
from explorer.app.scene import INPUT, OUTPUT
from explorer.app.workspace import Subject
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Frozen
from explorer.engine.layers import Layer, Port

MOST_CHIPS = 60
"""More groups or blocks than this are counted, not listed."""


def layer_head(layer: Layer) -> list[Any]:
    """The name of a layer, its class and its arguments."""
    title = html.H2(breakable(layer.name), className="mono title")
    head = html.Div([title, html.Span(layer.type_name, className="tag")], className="head-row")
    return [head, *([html.P(layer.arguments, className="mono quiet")] if layer.arguments else [])]


def layer_details(subject: Subject, layer: Layer) -> list[Any]:
    """Ports, facts, neighbours and what is frozen of a layer."""
    graph = subject.graph
    frozen = [each for each in graph.frozen if each.parameter.rpartition(".")[0] == layer.name]
    return [
        section(f"f{MINUS}  what comes in", *_port(graph, layer.inputs)),
        section("f+  what goes out", *_port(graph, layer.outputs)),
        section("Facts", html.Dl(_facts(graph, layer), className="facts")),
        *([section("Parameters", html.Dl(_parameters(layer), className="facts"))] if layer.parameters else []),
        *([section("Frozen", *map(_frozen, frozen))] if frozen else []),
        section("Along the edges", html.Dl(_neighbours(subject, layer), className="facts")),
    ]


def module_head(subject: Subject, path: str) -> list[Any]:
    """The name of a module, or of repeated blocks, and its class."""
    stack = f"{module_path(path)} {title_of(path)} {TIMES} {subject.outline.count_of(path)}".strip()
    name = stack if is_stack(path) else module_path(path) or title_of(path)
    title = html.H2(breakable(name), className="mono title")
    tag = html.Span(subject.outline.class_of(path) or "ops", className="tag")
    return [html.Div([title, tag], className="head-row")]


def module_details(subject: Subject, path: str, is_open: bool) -> list[Any]:
    """What a module holds: counts, blocks, and the groups inside."""
    inside = subject.outline.members[path]
    groups = list(dict.fromkeys(group for layer in inside for group in layer_groups(layer)))
    macs = sum(layer.macs for layer in inside)
    layers = sum(layer.kind == "module" for layer in inside)
    facts = [
        *fact("Layers", layers),
        *fact("Ops", len(inside) - layers),
        *fact("Parameters", numbers.count(sum(layer.params for layer in inside))),
        *fact("FLOPs", _flops(subject.graph, macs)),
        *(fact("Module path", html.Span(module_path(path), className="mono")) if module_path(path) else []),
    ]
    button = html.Button(
        "Close" if is_open else "Open", className="text-tool is-boxed", type="button", **attributes(data_toggle=path)
    )
    blocks = subject.outline.children.get(path, ())
    return [
        section("Facts", html.Dl(facts, className="facts"), button),
        *([section(f"Inside ({len(blocks)})", _chips([_module_chip(each) for each in blocks]))] if blocks else []),
        section(f"Groups inside ({len(groups)})", _chips([group_chip(group) for group in groups])),
    ]


def _facts(graph: DependencyGraph, layer: Layer) -> list[Any]:
    source = html.Span(source_line(layer.source), className="mono", title=layer.source.file) if layer.source else None
    return [
        *fact("Input", numbers.shape(layer.input_shape)),
        *fact("Output", numbers.shape(layer.output_shape)),
        *(fact("Parameters", numbers.count(layer.params)) if layer.params else []),
        *(fact("FLOPs", _flops(graph, layer.macs)) if layer.macs else []),
        *fact("Module path", html.Span(module_path(layer.parent) or "the model itself", className="mono")),
        *(fact("Source", source) if source else []),
    ]


def _flops(graph: DependencyGraph, macs: int) -> str:
    share = macs / graph.cost.macs if graph.cost.macs else 0.0
    return f"{numbers.count(2 * macs)} ({numbers.count(macs)} MACs, {numbers.percent(share)})"


def _parameters(layer: Layer) -> list[Any]:
    named = ((name.rpartition(".")[2], shape) for name, shape in layer.parameters)
    return [part for name, shape in named for part in fact(name, numbers.shape(shape))]


def _port(graph: DependencyGraph, port: Port) -> list[Any]:
    chips: list[Any] = [
        group_chip(name, f"{graph.group(name).size} {graph.group(name).kind.replace('_', ' ')}") for name in port.groups
    ]
    chips += [play_button(port)] if chips else []
    reason = port.frozen or ("" if chips else "nothing here can be pruned")
    note = [html.P([icon("lock"), reason], className="frozen-note")] if reason else []
    return [html.Div(chips, className="chips"), *note]


def _frozen(frozen: Frozen) -> html.P:
    some = "" if len(frozen.indices) == frozen.size else f" ({len(frozen.indices)} of {frozen.size})"
    place = html.Span(f"{frozen.parameter.rpartition('.')[2]} dim {frozen.dim}{some}: ", className="mono")
    where = f" ({source_line(frozen.source)})" if frozen.source else ""
    return html.P([place, frozen.reason, where], className="quiet")


def _neighbours(subject: Subject, layer: Layer) -> list[Any]:
    edges = subject.outline.edges
    before = dict.fromkeys(edge.source for edge in edges if edge.target == layer.name)
    after = dict.fromkeys(edge.target for edge in edges if edge.source == layer.name)
    return [
        *fact("Reads", _chips([_layer_chip(subject, name) for name in before])),
        *fact("Is read by", _chips([_layer_chip(subject, name) for name in after])),
    ]


def _layer_chip(subject: Subject, name: str) -> Any:
    if name in (INPUT, OUTPUT):
        return html.Span(name, className="chip is-plain")
    groups = layer_groups(subject.outline.by_name[name])
    return _chip(name, "layer", name, list(groups))


def _module_chip(path: str) -> html.Button:
    return _chip(title_of(path), "module", path, [])


def _chip(text: str, kind: str, name: str, groups: list[str]) -> html.Button:
    label = html.Span(text, className="mono chip-name")
    return html.Button(label, className="chip", type="button", title=name, **pick_attributes(kind, name, groups))


def _chips(chips: list[Any]) -> html.Div:
    more = len(chips) - MOST_CHIPS
    rest = [html.Span(f"and {more} more", className="quiet")] if more > 0 else []
    return html.Div(plain([*chips[:MOST_CHIPS], *rest]), className="chips")
