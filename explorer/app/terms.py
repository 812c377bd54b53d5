"""The terms on which a group can be pruned: ties to other groups, what of it stays, and which way it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dash import html

from explorer.app.numbers import TIMES
from explorer.app.parts import group_chip, icon, message, section, source_line
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Frozen, Group, Tie
from explorer.engine.program import SourceLine
from explorer.exploration import Exploration


def terms(exploration: Exploration, name: str) -> list[Any]:
    """What to know before a group is pruned; empty where there is nothing to say.

    Args:
        exploration: The model and its recipe.
        name: Name of the group.

    Raises:
        PlanError: The recipe does not fit the model, or there is no such group.
    """
    graph, group = exploration.graph, exploration.graph.group(name)
    ties = [tie for tie in graph.ties if name in tie.groups]
    stays = partly_frozen(graph, group)
    return [
        *_way(graph, name),
        *(message(warning, "warn") for warning in group.warnings),
        *([_tied(ties, group, _counts(exploration))] if ties else []),
        *([section("A part stays", *map(_frozen, stays))] if stays else []),
    ]


def formula(tie: Tie, text: Callable[[str], str]) -> str:
    """The relation of a tie, each side without a minus: ``embed = heads * head_dim``, with the sign for times.

    Args:
        tie: The tie.
        text: What to write for a group.
    """
    parts = [(weight, (name,)) for name, weight in zip(tie.groups, tie.weights, strict=True)] + list(tie.products)
    left = [_term(weight, names, text) for weight, names in parts if weight > 0]
    right = [_term(-weight, names, text) for weight, names in parts if weight < 0]
    side = left if tie.constant > 0 else right
    side += [str(abs(tie.constant))] if tie.constant else []
    return f"{' + '.join(left) or '0'} = {' + '.join(right) or '0'}"


def shortened(reason: str, source: SourceLine | None) -> str:
    """A reason with the file's folder left out, as everywhere on screen."""
    return reason.replace(f"{source.file}:{source.line}", source_line(source)) if source else reason


def partly_frozen(graph: DependencyGraph, group: Group) -> list[Frozen]:
    """What is frozen in the same dimensions that the group touches."""
    touched = {(member.parameter, member.dim) for member in group.members}
    return [frozen for frozen in graph.frozen if (frozen.parameter, frozen.dim) in touched]


def _counts(exploration: Exploration) -> Mapping[str, int]:
    return {name: len(kept) for name, kept in exploration.plan().channels.items()}


def _term(weight: int, names: tuple[str, ...], text: Callable[[str], str]) -> str:
    return f" {TIMES} ".join([*([str(weight)] if weight != 1 else []), *map(text, names)])


def _way(graph: DependencyGraph, name: str) -> list[Any]:
    way = graph.way(name)
    if way.way == "live":
        return []
    place = f" ({source_line(way.source)})" if way.source else ""
    said = {
        "program": "Pruning this group needs the program way: its own code cannot run at other sizes, so the recorded "
        "calls are replayed.",
        "none": "This group can be planned, but not applied.",
    }
    return [message(f"{said[way.way]} {shortened(way.reason, way.source)}{place}", "warn")]


def _tied(ties: list[Tie], group: Group, counts: Mapping[str, int]) -> html.Section:
    others = dict.fromkeys(name for tie in ties for name in tie.groups if name != group.name)
    first, *more = [_tie(tie, counts) for tie in ties]
    return section(
        f"Tied ({len(ties)})",
        first,
        *([html.Details([html.Summary(f"{len(more)} more", className="quiet"), *more])] if more else []),
        html.Div([group_chip(name, f"{counts[name]} stay") for name in others], className="chips tied-groups"),
    )


def _tie(tie: Tie, counts: Mapping[str, int]) -> html.Div:
    now = formula(tie, lambda name: str(counts[name]))
    return html.Div(
        [
            html.P(formula(tie, lambda name: name), className="mono relation-formula"),
            html.P(f"now {now}", className="mono quiet"),
            html.P(shortened(tie.reason, tie.source), className="quiet"),
        ],
        className="relation",
    )


def _frozen(frozen: Frozen) -> html.P:
    place = f" ({source_line(frozen.source)})" if frozen.source else ""
    some = f"{len(frozen.indices)} of {frozen.size} indices of {frozen.parameter} dim {frozen.dim} stay: "
    return html.P([icon("lock"), html.Span(f"{some}{frozen.reason}{place}")], className="frozen-note")
