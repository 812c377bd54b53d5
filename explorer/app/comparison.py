"""Every layer before and after a recipe: rows for the table, and what was proven of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from explorer.app import ids, numbers
from explorer.app.parts import layer_groups, message, proof_tag
from explorer.engine.changes import LayerChange
from explorer.jobs import Job


def table_rows(changes: Sequence[LayerChange], *, changed_only: bool = False) -> list[dict[str, Any]]:
    """One row per layer, in execution order.

    Args:
        changes: From `explorer.engine.changes.layer_changes`.
        changed_only: Whether to leave out layers that stay as they are.

    Returns:
        Rows with ``name``, ``type``, ``groups`` and, each before and after, ``weight`` and ``output``
        (shapes as text), ``params`` and ``macs`` (numbers).
    """
    return [_row(change) for change in changes if change.is_changed or not changed_only]


def summary(changes: Sequence[LayerChange]) -> str:
    """How much changes, in words: ``12 of 40 layers change``."""
    modules = [change for change in changes if change.layer.kind == "module"]
    changed = sum(change.is_changed for change in modules)
    if not changed:
        return f"None of {len(modules)} layers changes yet: set a ratio below, or drop channels by hand."
    return f"{changed} of {len(modules)} layers change"


def verdict(job: Job, is_pruning: bool) -> list[Any]:
    """What was proven of the smaller model, and what had to be repaired in its code.

    Args:
        job: How far measuring the recipe is.
        is_pruning: Whether the recipe removes anything.
    """
    if not is_pruning:
        return []
    if job.is_pending:
        return [html.Span("applying and verifying…", className="quiet")]
    if job.state == "failed":
        return [message(job.error), _verify("Try again")]
    if job.state != "done" or job.result is None:
        return [html.Span("not verified yet", className="tag"), _verify("Apply and verify")]
    return _proven(job.result)


def _proven(result: dict[str, Any]) -> list[Any]:
    tag = proof_tag(bool(result["is_proven"]), result["is_wrong"], title=result["proof"])
    said = html.Span(result["proof"], className="verdict-text")
    return [tag, said, _repairs(result["repairs"])]


def _repairs(repairs: Sequence[str]) -> html.Details | html.Span:
    """What of the model's own attributes had to change besides the standard ones."""
    if not repairs:
        return html.Span("no repairs needed", className="quiet")
    title = f"{len(repairs)} repair" + "s" * (len(repairs) != 1)
    lines = [html.Li(repair, className="mono") for repair in repairs]
    return html.Details([html.Summary(title), html.Ul(lines, className="repairs")], className="repair-list")


def _verify(text: str) -> html.Button:
    return html.Button(text, id=ids.COMPARISON_VERIFY, className="text-tool is-boxed", type="button")


def _row(change: LayerChange) -> dict[str, Any]:
    layer = change.layer
    weight = change.parameters[0][1:] if change.parameters else None
    shapes = [_compact(shape) for shape in weight] if weight else ["", ""]
    return {
        "name": layer.name,
        "type": layer.type_name,
        "groups": list(layer_groups(layer)),
        "weight": shapes[0],
        "weight_after": shapes[1],
        "output": _compact(change.output[0]),
        "output_after": _compact(change.output[1]),
        "params": change.params[0],
        "params_after": change.params[1],
        "macs": change.macs[0],
        "macs_after": change.macs[1],
    }


def _compact(shape: tuple[int, ...]) -> str:
    """A shape without spaces: the table has narrow columns."""
    return numbers.shape(shape).replace(" ", "")
