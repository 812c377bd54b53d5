"""Plans that were tried: a record of each, the table of them, and what tells two apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dash import html

from explorer.app import numbers
from explorer.app.parts import attributes, proof_tag
from explorer.engine.plan import Plan
from explorer.exploration import Exploration, View

Record = Mapping[str, Any]

COSTS = (("params", "Parameters", numbers.count), ("macs", "MACs", numbers.count), ("bytes", "Weights", numbers.size))
"""Field of a record, its title, and how its numbers read."""
HEADS = ("", "Plan", *(title for _, title, _ in COSTS), "Accuracy", "Proof", "Latency")
OPTIONS = (
    ("importance", "ranked by"),
    ("reduction", "slices joined by"),
    ("round_to", "multiple of"),
    ("minimum", "at least"),
)
MOST_GROUPS = 200
"""Of more groups that differ, the rest is counted."""


def record(exploration: Exploration, **measured: Any) -> dict[str, Any]:
    """What the page remembers of a plan.

    Args:
        exploration: The model and the recipe.
        measured: What was measured: ``accuracy`` (0-1), ``is_proven``, ``is_wrong``, ``latency`` (as
            `explorer.jobs.Latency.to_json` gives it); ``trained``, what was done to the weights, in words; ``weights``,
            the key of those of a plan that was trained after it was applied. What is not given is None.

    Returns:
        JSON data: ``key`` and ``recipe`` (without the view), ``plan`` (the key of the recipe alone), ``fingerprint`` of
        the model, ``is_pruning``, the costs ``params``, ``macs`` and ``bytes`` after pruning, and what was measured.
    """
    recipe, cost = exploration.recipe, exploration.plan().cost.after
    unknown = dict.fromkeys(("accuracy", "is_proven", "is_wrong", "latency", "trained", "weights"))
    return {
        "key": measured.get("weights") or recipe.key,
        "plan": recipe.key,
        "fingerprint": exploration.graph.fingerprint,
        "is_pruning": exploration.is_pruning(),
        "recipe": replace(recipe, view=View()).to_json(),
        **{name: getattr(cost, name) for name, _, _ in COSTS},
        **unknown,
        **measured,
    }


def plan_name(plan: Record) -> str:
    """``Original``, or ``Plan 3``: the third that was measured of this model, and what its weights went through."""
    name = f"Plan {plan['number']}" if plan["is_pruning"] else "Original"
    return f"{name}, {plan['trained']}" if plan.get("trained") else name


def table(plans: Sequence[Record], current: str, compared: Sequence[str]) -> html.Table:
    """One row per plan, each with a button that goes back to it.

    Args:
        plans: Records with their ``number``, in the order of the rows.
        current: Key of the recipe on the page.
        compared: Keys of the plans that are compared.
    """
    heads = html.Tr([html.Th(title, scope="col") for title in HEADS])
    rows = [_row(plan, plan["key"] == current, plan["key"] in compared) for plan in plans]
    return html.Table([html.Thead(heads), html.Tbody(rows)], className="plans-table")


def difference(first: tuple[Record, Exploration], second: tuple[Record, Exploration]) -> list[Any]:
    """What tells two plans apart: costs, what was measured, options, and the groups that keep other channels.

    Args:
        first: A record and its exploration.
        second: Another one of the same model.
    """
    (a, one), (b, two) = first, second
    groups = list(_other_groups(one.plan(), two.plan()))
    heads = html.Tr([html.Th(text, scope="col") for text in ("", plan_name(a), plan_name(b), "Difference")])
    facts = [html.Tr([html.Th(name, scope="row"), *map(html.Td, cells)]) for name, *cells in _facts(a, b)]
    others = [
        html.Tr([html.Th(name, scope="row", className="mono"), *map(html.Td, cells)])
        for name, *cells in groups[:MOST_GROUPS]
    ]
    said = f"{len(groups)} of {numbers.counted(len(one.graph.groups), 'group')} keep other channels"
    said += f", the first {MOST_GROUPS} are shown." if len(groups) > MOST_GROUPS else "."
    return [
        html.H3(f"{plan_name(a)} and {plan_name(b)}", className="section-title"),
        html.Table([html.Thead(heads), html.Tbody(facts), html.Tbody(others)], className="plans-table"),
        html.P(said, className="quiet"),
    ]


def latency_text(latency: Record | None) -> str:
    """``4.20 → 2.90 ms``; an en dash where it was not measured."""
    if not latency:
        return numbers.NOTHING
    before, after = (f"{1000 * latency[name]:.3g}" for name in ("before", "after"))
    return f"{before} → {after} ms"


def latency_note(latency: Record) -> str:
    """How a latency was measured: ``measured on this machine, batch 8, median of 31``."""
    return f"measured on this machine, batch {latency['batch']}, median of {latency['runs']}"


def _row(plan: Record, is_current: bool, is_compared: bool) -> html.Tr:
    name, latency = plan_name(plan), plan["latency"]
    check = html.Button(
        className="check",
        type="button",
        role="checkbox",
        title="Compare two plans",
        **attributes(data_compare=plan["key"], aria_checked=str(is_compared).lower(), aria_label=f"Compare {name}"),
    )
    go = html.Button(
        name, className="plan-name", type="button", title="Go back to this plan", **attributes(data_plan=plan["key"])
    )
    cells = [
        html.Td(check),
        html.Td([go, *([html.Span("current", className="tag")] if is_current else []), *_take(plan)]),
        *(html.Td(text(plan[field]), title=f"{plan[field]:,}") for field, _, text in COSTS),
        html.Td(_accuracy(plan)),
        html.Td(proof_tag(plan["is_proven"], bool(plan["is_wrong"])) if plan["is_proven"] is not None else ""),
        html.Td(latency_text(latency), title=latency_note(latency) if latency else "not measured"),
    ]
    return html.Tr(cells, className="is-current" if is_current else "")


def _take(plan: Record) -> list[html.Button]:
    """What hands out the weights of a plan that was trained; assets/training.js asks for it."""
    if not plan.get("weights"):
        return []
    attached = attributes(data_take_trained=plan["weights"], aria_label=f"Export {plan_name(plan)}")
    return [html.Button("export", className="text-tool", type="button", title="With its own weights", **attached)]


def _accuracy(plan: Record) -> str:
    return numbers.NOTHING if plan["accuracy"] is None else numbers.percent(plan["accuracy"])


def _facts(a: Record, b: Record) -> Iterable[tuple[str, str, str, str]]:
    """Costs, accuracy and options that differ: title, both values, and the change in words."""
    for field, title, text in COSTS:
        yield title, text(a[field]), text(b[field]), numbers.change(a[field], b[field])
    if None not in (a["accuracy"], b["accuracy"]):
        yield "Accuracy", _accuracy(a), _accuracy(b), _points(b["accuracy"] - a["accuracy"])
    for field, title in OPTIONS:
        values = [str(plan["recipe"].get(field, numbers.NOTHING)) for plan in (a, b)]
        if values[0] != values[1]:
            yield title, values[0], values[1], ""


def _points(difference: float) -> str:
    points = round(100 * difference, 1)
    sign = numbers.MINUS if points < 0 else "+"
    return f"{sign}{abs(points):.1f} points" if points else numbers.NOTHING


def _other_groups(one: Plan, two: Plan) -> Iterable[tuple[str, str, str, str]]:
    """For each group that keeps other channels: its name, how many each keeps, and the difference in words."""
    for group in one.graph.groups:
        kept = [set(plan.channels.get(group.name, range(group.size))) for plan in (one, two)]
        if kept[0] == kept[1]:
            continue
        more = len(kept[1]) - len(kept[0])
        others = numbers.counted(len(kept[1] - kept[0]), "other channel")
        said = f"{numbers.MINUS if more < 0 else '+'}{abs(more)}" if more else others
        first, second = (f"{len(each)} of {group.size}" for each in kept)
        yield group.name, first, second, said
