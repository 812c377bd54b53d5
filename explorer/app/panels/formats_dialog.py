"""The dialog of export formats: what each is good for; the one chosen is made and checked before it can be taken."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html, no_update

from explorer.app import ids, numbers
from explorer.app.export import slug
from explorer.app.panels import background
from explorer.app.panels.background import Asked, Background
from explorer.app.parts import attributes, copyable, message, modal
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.exports import FORMATS, Format
from explorer.jobs import Progress
from explorer.jobs.formats import make_format

ZIPS_KEPT = 8
INTRO = (
    "A fresh Python process loads what was written and compares its outputs with the pruned model's, and only then can "
    "you take it. Nothing is pickled, so loading runs no hidden code."
)
LEFT_OUT = (
    "Not offered: TorchScript, which PyTorch deprecates in favour of torch.export, and torch.save of the whole module, "
    "which is a pickle: loading it runs whatever code is in it."
)


def layout() -> list[Any]:
    """The dialog, closed, and what it knows of its work."""
    parts = [
        html.P(INTRO, className="quiet"),
        html.P(id=ids.FORMATS_SIZE),
        dmc.RadioGroup(
            dmc.Stack([_choice(form) for form in FORMATS.values()], gap="xs"),
            id=ids.FORMATS_CHOICE,
            value=next(iter(FORMATS)),
            **attributes(aria_label="Format"),
        ),
        html.Div([background.button(ids.FORMATS, "Make and check")], className="row"),
        background.status_line(ids.FORMATS),
        html.P(LEFT_OUT, className="quiet"),
    ]
    content = html.Div(parts, className="formats")
    return [modal(ids.FORMATS_DIALOG, "Export in a format of your choice", [content]), *background.stores(ids.FORMATS)]


def size_text(workspace: Workspace, recipe: Mapping[str, Any]) -> str:
    """How large the weights of the plan on the page are, which every format holds.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    exploration = workspace.exploration(recipe)
    if not exploration.is_pruning():
        return "Nothing is pruned yet. Set a ratio in the grid of groups first."
    cost = exploration.plan().cost
    return f"Weights {numbers.size(cost.before.bytes)} → {numbers.size(cost.after.bytes)}, in each of these formats."


def begin(workspace: Workspace, page: str, recipe: dict[str, Any], form: str) -> dict[str, Any]:
    """Begins to make a format.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        recipe: What is pruned.
        form: A name of `FORMATS`.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    exploration, progress, key = workspace.exploration(recipe), Progress(), background.new_key("formats")
    name = f"{slug(exploration.graph.title)}-pruned"
    target = workspace.tensors.file(key, "zip")

    def make() -> dict[str, Any]:
        result = make_format(exploration, form, target, name, progress)
        _make_room(workspace)
        return result

    mine = background.owner(page, ids.FORMATS)
    workspace.trainings.cancel(mine)
    workspace.trainings.ask(mine, key, make, progress)  # here and not by a worker: the zip is served from this disk
    return {"key": key, "name": name}


def summary(asked: Asked, result: Mapping[str, Any]) -> list[Any]:
    """The download, what was verified, and the lines that load it."""
    where = urlencode({"key": asked["key"], "name": f"{asked['name']}-{result['form']}"})
    size, check = numbers.size(result["bytes"]), result["check"]
    return [
        html.Div(
            [
                html.Span("checked", className="tag is-good"),
                html.A(f"Download ({size})", href=f"/exports?{where}", className="text-tool is-boxed is-primary"),
            ],
            className="row",
        ),
        html.P(f"{check[0].upper()}{check[1:]}. The pruned model itself: {result['proof']}.", className="quiet"),
        html.P(f"Unpack it; in its folder “{asked['name']}/{result['form']}”:", className="quiet"),
        copyable(result["snippet"]),
    ]


WORK = Background(
    parts=ids.FORMATS,
    verb="making",
    begin=begin,
    states=(State(ids.FORMATS_CHOICE, "value"),),
    summary=summary,
    stopped="Stopped; nothing was made.",
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the dialog."""
    background.register(app, workspace, WORK)

    @app.callback(
        Output(ids.FORMATS_DIALOG, "opened"),
        Output(ids.FORMATS_SIZE, "children"),
        Output(ids.FORMATS.status, "children"),
        Input(ids.OPEN_FORMATS, "n_clicks"),
        State(ids.RECIPE, "data"),
        prevent_initial_call=True,
    )
    def show(clicks: int | None, recipe: dict[str, Any]) -> Any:
        if not clicks:
            return (no_update,) * 3
        try:
            return True, size_text(workspace, recipe), []
        except ExplorerError as error:
            return True, [message(str(error))], []


def _choice(form: Format) -> dmc.Radio:
    missing = [package for package in form.requires if find_spec(package) is None]
    needs = f" Needs {', '.join(missing)} on this server: python -m pip install {' '.join(missing)}" if missing else ""
    return dmc.Radio(
        label=form.title, description=form.good_for + needs, value=form.name, disabled=bool(missing), size="sm"
    )


def _make_room(workspace: Workspace) -> None:
    """Only the latest few zips stay."""
    zips = sorted(workspace.tensors.folder.glob("*.zip"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in zips[ZIPS_KEPT:]:
        file.unlink(missing_ok=True)
