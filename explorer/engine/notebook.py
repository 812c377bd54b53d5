"""What a notebook shows of a graph, a plan and a group: HTML without scripts, files or colours of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.engine.cost import Cost, CostChange
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.groups import Group, Member
    from explorer.engine.plan import Plan

_COSTS = {
    "macs": "Multiply-adds",
    "params": "Parameters",
    "bytes": "Bytes of weights",
    "activations": "Peak bytes of activations",
}
_LINE = "1px solid rgba(127, 127, 127, 0.35)"  # seen on white and on black
_CELL = f"padding: 0.15em 0.8em; border: 0; border-bottom: {_LINE}; background: none"
_SCROLLS = "max-height: 24em; max-width: 100%; width: fit-content; overflow: auto"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        is_number: Whether its cells stand to the right.
    """

    title: str
    is_number: bool = False


def text(words: str) -> str:
    """A paragraph; whatever the words hold is shown, not run."""
    return f'<p style="margin: 0.3em 0">{escape(words)}</p>'


def heading(name: str, about: str) -> str:
    """A name in bold, and what it is."""
    return f'<p style="margin: 0.3em 0"><b>{escape(name)}</b> {escape(about)}</p>'


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> str:
    """A table that scrolls where it is long; empty where there are no rows.

    Args:
        columns: Headings from left to right.
        rows: Cells from left to right; whole numbers get thousands separators, all else is shown as its text.
    """
    body = "".join(f"<tr>{_cells('td', columns, map(_shown, row))}</tr>" for row in rows)
    if not body:
        return ""
    head = _cells("th", columns, (column.title for column in columns))
    return (
        f'<div tabindex="0" style="{_SCROLLS}"><table style="border-collapse: collapse; margin: 0.3em 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def group_html(group: Group) -> str:
    """What a group is, what it is tied to, and every dimension that it takes along."""
    columns = (Column("Parameter"), Column("Dim", is_number=True), Column("Module"), Column("Indices", is_number=True))
    return _block(
        heading(group.name, f"{group.kind}: {group.size:,} channels in {len(group.members):,} dimensions"),
        text(f"Tied to {', '.join(group.ties)}") if group.ties else "",
        *map(text, group.warnings),
        table(columns, map(_member_row, group.members)),
    )


def plan_html(plan: Plan) -> str:
    """What a plan costs before and after, and what is kept of each group that it prunes."""
    kept = [(plan.graph.group(name), len(channels)) for name, channels in plan.channels.items()]
    pruned = [(group.name, group.kind, count, group.size) for group, count in kept if count < group.size]
    columns = (Column("Group"), Column("Kind"), Column("Kept", is_number=True), Column("Size", is_number=True))
    return _block(
        heading("Plan", f"for {plan.graph.title}: {len(pruned):,} of {len(kept):,} groups lose channels"),
        *(text(f"Broken tie of {', '.join(tie.groups)}: {tie.reason}") for tie in plan.broken_ties),
        *map(text, plan.warnings),
        _change_table(plan.cost),
        table(columns, pruned),
    )


def graph_html(graph: DependencyGraph) -> str:
    """What a model costs, and its groups."""
    columns = (Column("Group"), Column("Kind"), Column("Size", is_number=True), Column("Members", is_number=True))
    return _block(
        heading(graph.title, f"groups: {len(graph.groups):,}, ties between them: {len(graph.ties):,}"),
        *(text(f"No rule for {op.op} in {op.module}: what it touches stays") for op in graph.unsupported_ops()),
        _cost_table(graph.cost),
        table(columns, ((group.name, group.kind, group.size, len(group.members)) for group in graph.groups)),
    )


def _block(*parts: str) -> str:
    return f"<div>{''.join(parts)}</div>"


def _cells(tag: str, columns: Sequence[Column], words: Iterable[str]) -> str:
    return "".join(
        f'<{tag} style="{_CELL}; text-align: {"right" if column.is_number else "left"}">{escape(word)}</{tag}>'
        for column, word in zip(columns, words, strict=True)
    )


def _shown(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _member_row(member: Member) -> tuple[object, ...]:
    indices = f"{len(member.positions):,} of {member.size:,}"
    return member.parameter, member.dim, member.module, indices


def _cost_table(cost: Cost) -> str:
    columns = (Column("Cost"), Column("Now", is_number=True))
    return table(columns, ((title, getattr(cost, name)) for name, title in _COSTS.items()))


def _change_table(cost: CostChange) -> str:
    columns = (Column("Cost"), *(Column(title, is_number=True) for title in ("Before", "After", "Left")))
    rows = ((title, getattr(cost.before, name), getattr(cost.after, name)) for name, title in _COSTS.items())
    return table(columns, ((title, before, after, _left(before, after)) for title, before, after in rows))


def _left(before: int, after: int) -> str:
    return f"{after / before:.1%}" if before else ""
