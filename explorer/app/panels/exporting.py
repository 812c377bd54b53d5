"""What both ways to take a model away share: the work that is begun, and what the page says once it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from dash import html

from explorer.app import ids, numbers
from explorer.app.export import name_of
from explorer.app.panels import background
from explorer.app.panels.background import Asked
from explorer.app.parts import copyable, proof_tag
from explorer.app.workspace import Workspace
from explorer.engine.errors import PlanError
from explorer.exploration import Exploration
from explorer.jobs import Progress
from explorer.jobs.formats import NOTHING_PRUNED, Order, make_format

ZIPS_KEPT = 8
STOPPED = "Stopped; nothing was made."

Wanted = Mapping[str, Any]
"""A plan that was trained here: its ``recipe``, and ``weights``, the key of what it was trained to or None."""


def is_worth_it(workspace: Workspace, exploration: Exploration) -> bool:
    """Whether there is something to export: channels that go, or weights that were trained here."""
    return exploration.is_pruning() or bool(workspace.open(exploration.recipe.source).training)


def begin(
    workspace: Workspace, page: str, parts: ids.Work, recipe: Mapping[str, Any], form: str, wanted: Wanted | None = None
) -> dict[str, Any]:
    """Begins to make an export, in the place of one before it of the same panel.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        parts: The panel that asks.
        recipe: What is pruned on the page.
        form: A name of `FORMATS`.
        wanted: The plan to export instead of the one on the page.

    Raises:
        ExplorerError: The recipe does not fit its model, or there is nothing to export.
    """
    exploration = workspace.exploration(wanted["recipe"] if wanted else recipe)
    if not is_worth_it(workspace, exploration):
        raise PlanError(NOTHING_PRUNED)
    subject = workspace.open(exploration.recipe.source)
    weights = str(wanted["weights"]) if wanted and wanted.get("weights") else ""
    order = Order(
        form,
        name_of(exploration.graph.title, is_pruned=exploration.is_pruning(), is_recovered=bool(weights)),
        partial(workspace.tensors.read, weights) if weights else None,
        is_trained=bool(subject.training),
    )
    key, progress = background.new_key("export"), Progress()
    target = workspace.tensors.file(key, "zip")

    def make() -> dict[str, Any]:
        result = make_format(exploration, order, target, progress)
        make_room(workspace)
        return result

    mine = background.owner(page, parts)
    workspace.exports.cancel(mine)
    workspace.exports.ask(mine, key, make, progress)  # here and not by a worker: the zip is served from this disk
    return {"key": key, "name": order.name}


def summary(asked: Asked, result: Mapping[str, Any]) -> list[Any]:
    """The download, what was verified, and the lines that load it.

    Args:
        asked: What `begin` returned.
        result: What `make_format` returned.
    """
    where = urlencode({"key": asked["key"], "name": f"{asked['name']}-{result['form']}"})
    check = result["check"]
    of = "The pruned model before it was trained" if result["is_trained"] else "The pruned model itself"
    return [
        html.Div(
            [
                html.Span("checked", className="tag is-good"),
                html.A(
                    f"Download ({numbers.size(result['bytes'])})",
                    href=f"/exports?{where}",
                    className="text-tool is-boxed is-primary",
                ),
                html.Span(f"{numbers.size(result['unpacked'])} unpacked", className="quiet"),
            ],
            className="row",
        ),
        html.P(f"{check[0].upper()}{check[1:]}.", className="quiet"),
        html.P([proof_tag(result["is_proven"], False), f" {of}: {result['proof']}."], className="quiet"),
        html.P(f"Unpack it; in its folder “{asked['name']}/{result['form']}”:", className="quiet"),
        copyable(result["snippet"]),
    ]


def make_room(workspace: Workspace) -> None:
    """Only the latest few zips stay."""
    zips = sorted(workspace.tensors.folder.glob("*.zip"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in zips[ZIPS_KEPT:]:
        file.unlink(missing_ok=True)
