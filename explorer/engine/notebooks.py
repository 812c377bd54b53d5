"""What groups and plans look like in a notebook: HTML tables that follow the notebook's own colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.engine.groups import Group
    from explorer.engine.plan import Plan

ROWS = 40
"""Rows of a table; what is left out is counted."""

_BAR = (
    '<div style="width:120px;height:8px;border:1px solid currentColor;border-radius:2px;opacity:.8">'
    '<div style="width:{share:.0f}%;height:100%;background:currentColor;opacity:.6"></div></div>'
)


def group_html(group: Group) -> str:
    """A group: what it is, and every tensor that it touches.

    Args:
        group: The group.
    """
    facts = [f"{group.size} {group.kind.replace('_', ' ')}", f"{len(group.members)} coupled tensors"]
    facts += [f"tied to {', '.join(group.ties)}"] if group.ties else []
    rows = [(m.parameter, str(m.dim), f"{m.positions.size} of {m.size}", m.module) for m in group.members]
    table = _table(("tensor", "dim", "indices", "module"), [[escape(cell) for cell in row] for row in rows])
    warnings = "".join(f"<p>{escape(warning)}</p>" for warning in group.warnings)
    return f"<b>{escape(group.name)}</b>: {escape(', '.join(facts))}{warnings}{table}"


def plan_html(plan: Plan) -> str:
    """A plan: what it costs before and after, and what stays of each group that loses something.

    Args:
        plan: The plan.
    """
    before, after = plan.cost.before, plan.cost.after
    names = {"params": "parameters", "macs": "multiply-adds", "bytes": "weight bytes"}
    costs = [(title, getattr(before, name), getattr(after, name)) for name, title in names.items()]
    cost_rows = [(title, f"{a:,}", f"{b:,}", f"{100 * (b - a) / a:+.1f} %" if a else "") for title, a, b in costs]
    kept = {group: len(plan.channels[group.name]) for group in plan.graph.groups}
    rows = [
        (escape(group.name), f"{count} of {group.size}", _BAR.format(share=100 * count / group.size))
        for group, count in kept.items()
        if count < group.size
    ]
    title = f"<b>Plan for {escape(plan.graph.title)}</b>: {len(rows)} of {len(kept)} groups lose channels"
    return f"{title}{_table(('', 'before', 'after', 'change'), cost_rows)}{_table(('group', 'kept', ''), rows)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    listed = list(rows)
    shown = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in listed[:ROWS])
    titles = "".join(f"<th>{title}</th>" for title in head)
    more = f"<p>and {len(listed) - ROWS} more</p>" if len(listed) > ROWS else ""
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{shown}</tbody></table>{more}"
