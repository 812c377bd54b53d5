"""The terms on which a group can be pruned: ties to other groups, what of it stays, and which way it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from dash import html

from explorer.app import ids
from explorer.app.numbers import TIMES, counted
from explorer.app.parts import attributes, group_chip, icon, message, section, source_line
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Frozen, Group, Tie
from explorer.engine.plan import Plan
from explorer.engine.program import SourceLine
from explorer.engine.ways import Way
from explorer.exploration import Exploration

NAMES_SHOWN = 3
USUAL_RATIO = 0.5
"""What a group is tried with where nobody has said yet how much of it is to go."""
WAYS = {"live": "live", "program": "program way", "none": "cannot be applied"}
WAY_TEXTS = {
    "live": "The model's own classes run at the new sizes.",
    "program": "The recorded calls are replayed at the new sizes (the program way), since the model's own code cannot "
    "run at them.",
    "none": "This plan cannot be applied.",
}


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
        *([_tied(exploration, ties, group)] if ties else []),
        *([section("A part stays", *map(_frozen, stays))] if stays else []),
    ]


def plan_terms(exploration: Exploration) -> list[Any]:
    """What is unusual about a plan as a whole, folded into a line: the program way, broken ties, and warnings.

    Args:
        exploration: The model and its recipe.

    Returns:
        The line, which opens to all that there is to say; nothing where the model's own code runs the plan as it is.

    Raises:
        PlanError: The recipe does not fit the model.
    """
    plan = exploration.plan()
    way, broken, warnings = plan.expected_way, plan.broken_ties, plan.warnings
    tags = [WAYS[way.way]] if way.way != "live" else []
    tags += [counted(len(broken), "broken tie")] if broken else []
    tags += [counted(len(warnings), "warning")] if warnings else []
    if not tags:
        return []
    said = [*([_way_and_ties(way, broken)] if way.way != "live" else []), *warnings]
    ties = [html.P([html.Strong(_counted(tie, plan), className="mono"), _why_tied(tie)]) for tie in broken]
    shown = [html.Span(tag, className="tag is-warn") for tag in tags]
    first = html.Span((said or [_why_tied(broken[0])])[0], className="plan-terms-first quiet")
    body = html.Div([*map(html.P, said), *ties], className="plan-terms-body")
    return [html.Details([html.Summary([*shown, first, icon("down")]), body], className="plan-terms")]


def way_tag(exploration: Exploration) -> list[html.Span]:
    """Which way the plan takes, with the reason as its title; nothing where nothing is pruned.

    Args:
        exploration: The model and its recipe.

    Raises:
        PlanError: The recipe does not fit the model.
    """
    if not exploration.is_pruning():
        return []
    way = exploration.plan().expected_way
    return [html.Span(WAYS[way.way], className="tag" if way.way == "live" else "tag is-warn", title=way_text(way))]


def way_text(way: Way) -> str:
    """What the way of a plan means, with the reason and the place where it is not the model's own code."""
    reason = shortened(way.reason, way.source)
    place = "" if source_line(way.source) in reason else _at(way.source)
    return f"{WAY_TEXTS[way.way]} {reason}{place}".strip()


def untying(exploration: Exploration, name: str) -> list[Any]:
    """What letting the ties of a group go means, and the buttons that do it and do not.

    Args:
        exploration: The model and its recipe.
        name: Name of the group.

    Raises:
        PlanError: There is no such group.
    """
    graph = exploration.graph
    others = [other for tie in graph.ties if name in tie.groups for other in tie.groups if other != name]
    alone = {name: USUAL_RATIO, **dict.fromkeys(others, 0.0)}
    way = graph.plan(alone, break_ties=[name]).expected_way
    said = f"{name} then keeps as many channels as its own ratio says, whatever {_listed(others)} keep."
    costs = {
        "live": "The model's own code runs that.",
        "program": "That needs the program way: the recorded calls are replayed at the new sizes, since the model's "
        f"own code relies on the tie{_at(way.source)}.",
        "none": f"Such a plan could not be applied. {shortened(way.reason, way.source)}",
    }
    buttons = [
        html.Button("Let go", className="text-tool is-boxed", type="button", **_ties_attributes("break", [name])),
        html.Button("Keep tied", className="text-tool is-boxed", type="button", **_ties_attributes("", [name])),
    ]
    return [message(f"{said} {costs[way.way]}", "warn"), html.Div(buttons, className="row")]


def formula(tie: Tie, text: Callable[[str], str], sign: str = "=") -> str:
    """The relation of a tie, each side without a minus: ``embed = heads * head_dim``, with the sign for times.

    Args:
        tie: The tie.
        text: What to write for a group.
        sign: What stands between the two sides.
    """
    parts = [(weight, (name,)) for name, weight in zip(tie.groups, tie.weights, strict=True)] + list(tie.products)
    left = [_term(weight, names, text) for weight, names in parts if weight > 0]
    right = [_term(-weight, names, text) for weight, names in parts if weight < 0]
    side = left if tie.constant > 0 else right
    side += [str(abs(tie.constant))] if tie.constant else []
    return f"{' + '.join(left) or '0'} {sign} {' + '.join(right) or '0'}"


def shortened(reason: str, source: SourceLine | None) -> str:
    """A reason with the file's folder left out, as everywhere on screen."""
    return reason.replace(f"{source.file}:{source.line}", source_line(source)) if source else reason


def partly_frozen(graph: DependencyGraph, group: Group) -> list[Frozen]:
    """What is frozen in the same dimensions that the group touches."""
    touched = {(member.parameter, member.dim) for member in group.members}
    return [frozen for frozen in graph.frozen if (frozen.parameter, frozen.dim) in touched]


def _counted(tie: Tie, plan: Plan) -> str:
    """The relation of a tie in numbers of kept channels: ``16 = 2 x 8``, or with a sign that says that it is broken."""
    sign = "≠" if tie in plan.broken_ties else "="
    return formula(tie, lambda name: str(len(plan.channels[name])), sign)


def _way_and_ties(way: Way, broken: Sequence[Tie]) -> str:
    """What the way of a plan means; the ties that it breaks are told one by one, not as its reason again."""
    is_told = broken and way.way == "program"
    return (
        f"{WAY_TEXTS[way.way]} It relies on ties that the plan breaks{_at(way.source)}." if is_told else way_text(way)
    )


def _why_tied(tie: Tie) -> str:
    return shortened(tie.reason, tie.source)


def _at(source: SourceLine | None) -> str:
    """`` (resnet.py:102)``; empty where the place is unknown."""
    return f" ({source_line(source)})" if source else ""


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = dict.fromkeys(names)
    first = ", ".join(list(shown)[:NAMES_SHOWN])
    return first if len(shown) <= NAMES_SHOWN else f"{first} and {len(shown) - NAMES_SHOWN} more"


def _ties_attributes(action: str, groups: Sequence[str]) -> dict[str, Any]:
    """What makes a button let ties go (``break``), hold them again (``hold``), or neither."""
    return attributes(data_ties=action, data_of=json.dumps(list(groups)))


def _term(weight: int, names: tuple[str, ...], text: Callable[[str], str]) -> str:
    return f" {TIMES} ".join([*([str(weight)] if weight != 1 else []), *map(text, names)])


def _way(graph: DependencyGraph, name: str) -> list[Any]:
    way = graph.way(name)
    if way.way == "live":
        return []
    said = {
        "program": "Pruning this group needs the program way: its own code cannot run at other sizes, so the recorded "
        "calls are replayed.",
        "none": "This group can be planned, but not applied.",
    }
    return [message(f"{said[way.way]} {shortened(way.reason, way.source)}{_at(way.source)}", "warn")]


def _tied(exploration: Exploration, ties: list[Tie], group: Group) -> html.Section:
    plan = exploration.plan()
    others = dict.fromkeys(name for tie in ties for name in tie.groups if name != group.name)
    first, *more = [_tie(tie, plan) for tie in ties]
    counts = {name: f"{len(plan.channels[name])} stay" for name in others}
    return section(
        f"Tied ({len(ties)})",
        first,
        *([html.Details([html.Summary(f"{len(more)} more", className="quiet"), *more])] if more else []),
        html.Div([group_chip(name, count) for name, count in counts.items()], className="chips tied-groups"),
        *(_letting_go(exploration, ties) if others else []),
    )


def _letting_go(exploration: Exploration, ties: Sequence[Tie]) -> list[Any]:
    """A button for the ties of a group: it says what letting go of them means, or ties again those that were."""
    let_go = sorted({name for tie in ties for name in tie.groups} & exploration.recipe.break_ties)
    if not let_go:
        ask = html.Button("Let go of these ties…", id=ids.UNTIE, className="text-tool is-boxed", type="button")
        return [ask, html.Div(id=ids.UNTIE_SAID, **attributes(aria_live="polite"))]
    again = html.Button("Tie again", className="text-tool is-boxed", type="button", **_ties_attributes("hold", let_go))
    return [message(f"Let go at {_listed(let_go)}: these counts may part.", "warn"), again]


def _tie(tie: Tie, plan: Plan) -> html.Div:
    return html.Div(
        [
            html.P(formula(tie, lambda name: name), className="mono relation-formula"),
            html.P(f"now {_counted(tie, plan)}", className="mono quiet"),
            html.P(_why_tied(tie), className="quiet"),
        ],
        className="relation",
    )


def _frozen(frozen: Frozen) -> html.P:
    some = f"{len(frozen.indices)} of {frozen.size} indices of {frozen.parameter} dim {frozen.dim} stay: "
    return html.P([icon("lock"), html.Span(f"{some}{frozen.reason}{_at(frozen.source)}")], className="frozen-note")
