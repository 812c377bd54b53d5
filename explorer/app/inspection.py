"""What the inspector says about a group, a layer or a module, as pure functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dash import html

from explorer.app import ids, numbers
from explorer.app.layer_details import layer_details, layer_head, module_details, module_head
from explorer.app.parts import (
    attributes,
    badge,
    breakable,
    fact,
    message,
    plain,
    section,
    source_line,
    split_name,
    tool,
)
from explorer.app.playing import play_button, producer
from explorer.app.workspace import Subject
from explorer.engine.errors import ExplorerError
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Group, Member

KINDS = {
    "channels": "channels",
    "heads": "attention heads",
    "head_dim": "channels of each head",
    "conv_groups": "convolution groups",
}

ONE = {
    "channels": "channel",
    "attention heads": "attention head",
    "channels of each head": "channel of each head",
    "convolution groups": "convolution group",
}

MOST_UNREACHED = 12


def inspect(subject: Subject, selection: dict[str, Any], opened: Sequence[str]) -> tuple[list[Any], list[Any]]:
    """The head of the inspector, and what stands below the chart.

    Args:
        subject: The model.
        selection: What is selected; empty for nothing.
        opened: Paths of the open modules.
    """
    kind, name = selection.get("kind"), selection.get("name", "")
    if kind == "group":
        group = subject.graph.group(name)
        return _group_head(subject.graph, group), _group_details(subject.graph, group)
    if kind == "layer":
        layer = subject.graph.layer(name)
        return layer_head(layer), layer_details(subject, layer)
    if kind == "module" and name in subject.outline.members:
        return module_head(subject, name), module_details(subject, name, name in opened)
    return [], [_model_details(subject)]


def why(graph: DependencyGraph, group: Group, member: int) -> list[Any]:
    """The chain of ops that couples the first member of a group with another one.

    Args:
        graph: The dependency graph.
        group: The group.
        member: Position of the other member.
    """
    first, other = group.members[0], group.members[member]
    if member == 0:
        return [html.P("The group is named after this one: it makes the channels.", className="quiet")]
    try:
        steps = graph.explain(group.name, (first.parameter, first.dim), (other.parameter, other.dim))
    except ExplorerError as error:
        return [message(str(error))]
    title = html.P(
        ["From ", html.Span(first.parameter, className="mono"), " to ", html.Span(other.parameter, className="mono")],
        className="quiet",
    )
    return [title, plain(html.Ol([_step(step) for step in steps], className="chain"))]


def _step(step: Any) -> html.Li:
    place = " · ".join(part for part in (step.module, source_line(step.source)) if part)
    return html.Li(
        [
            html.Span(step.op, className="op-name"),
            html.Span(step.text, className="chain-text"),
            html.Span(place, className="mono quiet chain-place"),
        ]
    )


def _head(title: str, *below: Any, before: Any = None, after: Any = None) -> list[Any]:
    parts = [before, html.H2(breakable(title), className="mono title"), after]
    return [html.Div([part for part in parts if part is not None], className="head-row"), *below]


def _group_head(graph: DependencyGraph, group: Group) -> list[Any]:
    pin = tool(ids.PIN, "pin", "Keep this hue")
    below: list[Any] = [html.P(counted(group), className="quiet")]
    port = producer(graph, group)
    below += [play_button(port, "Play how it spreads")] if port else []
    return _head(group.name, *below, before=badge(group.name), after=pin)


def counted(group: Group) -> str:
    """How many channels a group has, and how many tensors each runs through, in a sentence."""
    tensors = f"{len(group.members)} tensor" + "s" * (len(group.members) != 1)
    kind = KINDS.get(group.kind, group.kind)
    if group.size == 1:
        return f"1 {ONE.get(kind, kind)} goes through {tensors}"
    return f"{group.size} {kind} go one by one, each through {tensors}"


def _group_details(graph: DependencyGraph, group: Group) -> list[Any]:
    shapes = graph.state_shapes
    rows = [_member_row(group.name, index, member, shapes) for index, member in enumerate(group.members)]
    head = html.Thead(html.Tr([html.Th("Parameter"), html.Th("Dim"), html.Th("Shape"), html.Th("Indices")]))
    table = html.Table([head, html.Tbody(rows)], className="table")
    chain = why(graph, group, _telling_member(group))
    title = "Why they go together"
    steps = html.Div(chain, id=ids.WHY_CHAIN, tabIndex=0, role="region", **attributes(aria_label=title))
    return [
        section(
            f"Members ({len(group.members)})",
            html.P("Pick one to see below why it is here.", className="quiet"),
            html.Div(plain(table), className="members"),
        ),
        section(title, steps),
    ]


def _telling_member(group: Group) -> int:
    """The last weight of the group: its chain passes most of the others."""
    weights = [index for index, member in enumerate(group.members) if member.parameter.endswith("weight")]
    return weights[-1] if weights else len(group.members) - 1


def _member_row(group: str, index: int, member: Member, shapes: dict[str, tuple[int, ...]]) -> html.Tr:
    sizes = shapes.get(member.parameter, ())
    parts: list[Any] = []
    for dim, size in enumerate(sizes):
        parts += [f" {numbers.TIMES} "] if dim else []
        parts.append(html.B(size) if dim == member.dim else str(size))
    link = html.Button(
        split_name(member.parameter, 2),
        className="link mono split-name",
        type="button",
        title=member.parameter,
        **attributes(data_why=json.dumps([group, index])),
    )
    return html.Tr([html.Td(link), html.Td(member.dim), html.Td(parts), html.Td(sum(map(len, member.indices)))])


def _model_details(subject: Subject) -> html.Div:
    graph = subject.graph
    facts = [
        *fact("Groups", len(graph.groups)),
        *fact("Layers", sum(layer.kind == "module" for layer in graph.layers)),
        *fact("Parameters", numbers.count(sum(layer.params for layer in graph.layers))),
        *fact("FLOPs", numbers.count(2 * sum(layer.macs for layer in graph.layers))),
        *(
            fact("Measured on", f"{subject.data.title}, {numbers.counted(len(subject.data.test), 'sample')}")
            if subject.data
            else []
        ),
    ]
    warnings = [message(f"No rule yet for {each}; what it touches stays.", "warn") for each in graph.unsupported_ops()]
    return html.Div(
        [
            html.H2(subject.title, className="title"),
            html.P("Click a layer or a band to see what goes together.", className="quiet"),
            section("Model", html.Dl(facts, className="facts")),
            section("Traced on", *(html.P(said, className="quiet") for said in graph.traced_on)),
            *warnings,
            *_not_reached(graph),
        ]
    )


def _not_reached(graph: DependencyGraph) -> list[Any]:
    """What no example input reached, each module as a whole."""
    if not graph.not_reached:
        return []
    count = numbers.counted(len(graph.not_reached), "parameter")
    parts = [html.P(str(part)) for part in graph.unreached[:MOST_UNREACHED]]
    more = len(graph.unreached) - len(parts)
    parts += [html.P(f"{more} more are not shown.")] * bool(more)
    return [html.Details([html.Summary(f"{count} were not reached and stay"), *parts], className="message is-warn")]
