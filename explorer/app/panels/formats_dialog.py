"""The dialog of export formats: of which plan, what each is good for, how large; checked before it can be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from explorer.app import ids, numbers
from explorer.app.panels import background, exporting
from explorer.app.panels.background import Background
from explorer.app.panels.exporting import Wanted
from explorer.app.parts import attributes, message, modal
from explorer.app.plans import plan_name
from explorer.app.terms import shortened
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.exports import FORMATS, Format, estimates, is_doubtful, refusals
from explorer.jobs.formats import NOTHING_PRUNED

ON_PAGE = "page"
"""The plan on the page, where others are known by the key of their record."""
INTRO = (
    "A fresh Python process loads what was written and compares its outputs with the pruned model's, and only then can "
    "you take it. Nothing is pickled, so loading runs no hidden code."
)
LEFT_OUT = (
    "Not offered: TorchScript, which PyTorch deprecates in favour of torch.export, and torch.save of the whole module, "
    "which is a pickle: loading it runs whatever code is in it."
)
TRYING = "The explorer is trying whether torch.export can follow this model…"


def layout() -> dmc.Modal:
    """The dialog, closed."""
    plan = dmc.Select(
        id=ids.FORMATS_PLAN,
        data=plan_choices([]),
        value=ON_PAGE,
        label="Plan and weights",
        size="xs",
        allowDeselect=False,
        withScrollArea=False,  # the list itself scrolls, so that it is known for one
    )
    parts = [
        html.P(INTRO, className="quiet"),
        plan,
        html.Div(id=ids.FORMATS_SIZE),
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
    return modal(ids.FORMATS_DIALOG, "Export in a format of your choice", [content])


def stores() -> list[Any]:
    """What the page knows of the work, and which plan it is about."""
    own = [dcc.Store(id=name) for name in (ids.TAKE_TRAINED, ids.FORMATS_WANTED, ids.FORMATS_TRIAL)]
    return [*own, *background.stores(ids.FORMATS)]


def plan_choices(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What can be exported: the plan on the page, and every plan of its model whose weights were trained here.

    Args:
        rows: Records of the plans of the model, without their recipes.
    """
    trained = [{"value": row["key"], "label": _label(row)} for row in rows if row.get("trained")]
    return [{"value": ON_PAGE, "label": "The plan on the page"}, *trained]


def opened(rows: Sequence[Mapping[str, Any]] | None, asked: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
    """The dialog opened, its choices of plans, the one chosen, and that nothing is made yet.

    Args:
        rows: Records of the plans of the model.
        asked: ``key`` of the plan that somebody wants to have; the one on the page by default.
    """
    choices = plan_choices(rows or [])
    key = asked["key"] if asked else ON_PAGE
    is_known = key in [choice["value"] for choice in choices]
    return True, choices, key if is_known else ON_PAGE, []


def sizes(workspace: Workspace, recipe: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """How large the weights of a plan are, and the export in each format, before any is made.

    Args:
        workspace: The models.
        recipe: The plan.

    Returns:
        Words, and about how large each of `FORMATS` is; empty where there is nothing to export.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    exploration = workspace.exploration(recipe)
    if not exporting.is_worth_it(workspace, exploration):
        return NOTHING_PRUNED, [""] * len(FORMATS)
    plan = exploration.plan()
    cost, about = plan.cost, estimates(plan)
    said = f"Weights {numbers.size(cost.before.bytes)} → {numbers.size(cost.after.bytes)}, in each of these formats."
    return said, [f"about {numbers.size(about[name])}" for name in FORMATS]


def refused(workspace: Workspace, recipe: Mapping[str, Any]) -> tuple[dict[str, str], Mapping[str, Any] | None]:
    """Why formats cannot hold a plan, before anything is made.

    Args:
        workspace: The models.
        recipe: The plan.

    Returns:
        Reasons by name of the format; and the recipe, where only trying tells about some of these, which waits for
        `tried`.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    exploration = workspace.exploration(recipe)
    plan = exploration.plan()
    found = {name: shortened(reason, plan.expected_way.source) for name, reason in refusals(plan).items()}
    if not is_doubtful(plan.graph, plan.expected_way):
        return found, None
    known = workspace.known_capture(workspace.open(exploration.recipe.source))
    doubtful = {name: TRYING if known is None else known for name, form in FORMATS.items() if form.is_captured}
    found = {name: reason for name, reason in (doubtful | found).items() if reason}
    return found, recipe if TRYING in found.values() else None


def tried(workspace: Workspace, recipe: Mapping[str, Any]) -> dict[str, str]:
    """What `refused` gives, once `torch.export` was tried on the model; that may take long.

    Args:
        workspace: The models.
        recipe: The plan.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    workspace.capture(workspace.open(workspace.exploration(recipe).recipe.source))
    return refused(workspace, recipe)[0]


def offered(reasons: Mapping[str, str], chosen: str) -> tuple[Any, ...]:
    """For each of `FORMATS` whether it is out of reach, then what is said of each; which is chosen; whether none can.

    Args:
        reasons: Why formats cannot hold the plan, by name.
        chosen: The format that is chosen now; another one is where this one is refused.
    """
    left = [name for name in FORMATS if name not in reasons]
    said = [_said(form, reasons.get(name, "")) for name, form in FORMATS.items()]
    taken = chosen if chosen in left or not left else left[0]
    return *[name in reasons for name in FORMATS], *said, taken, not left


def begin(
    workspace: Workspace, page: str, recipe: dict[str, Any], form: str, wanted: Wanted | None = None
) -> dict[str, Any]:
    """Begins to make a format.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        recipe: What is pruned on the page.
        form: A name of `FORMATS`.
        wanted: The plan to export instead.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    return exporting.begin(workspace, page, ids.FORMATS, recipe, form, wanted)


WORK = Background(
    parts=ids.FORMATS,
    verb="making",
    begin=begin,
    states=(State(ids.FORMATS_CHOICE, "value"), State(ids.FORMATS_WANTED, "data")),
    summary=exporting.summary,
    stopped=exporting.STOPPED,
    queue=lambda workspace: workspace.exports,
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the dialog."""
    background.register(app, workspace, WORK)

    @app.callback(
        Output(ids.FORMATS_DIALOG, "opened"),
        Output(ids.FORMATS_PLAN, "data"),
        Output(ids.FORMATS_PLAN, "value"),
        Output(ids.FORMATS.status, "children"),
        Input(ids.OPEN_FORMATS, "n_clicks"),
        Input(ids.EXPORT_OTHER, "n_clicks"),
        Input(ids.TAKE_TRAINED, "data"),
        State(ids.PLAN_ROWS, "data"),
        prevent_initial_call=True,
    )
    def show(opens: int | None, others: int | None, asked: dict[str, Any] | None, rows: list[dict[str, Any]]) -> Any:
        if not (opens or others or asked):
            return (no_update,) * 4
        return opened(rows, asked if ctx.triggered_id == ids.TAKE_TRAINED else None)

    app.clientside_callback(
        ClientsideFunction("training", "wanted"),
        Output(ids.FORMATS_WANTED, "data"),
        Input(ids.FORMATS_PLAN, "value"),
        State(ids.FORMATS_PLAN, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.FORMATS_SIZE, "children"),
        *[Output(ids.format_size(name), "children") for name in FORMATS],
        Output(ids.FORMATS_TRIAL, "data"),
        *_offers(),
        Input(ids.FORMATS_WANTED, "data"),
        State(ids.RECIPE, "data"),
        State(ids.FORMATS_CHOICE, "value"),
        prevent_initial_call=True,
    )
    def weigh(wanted: dict[str, Any] | None, recipe: dict[str, Any], chosen: str) -> Any:
        asked = wanted["recipe"] if wanted else recipe
        try:
            (said, about), (reasons, trial) = sizes(workspace, asked), refused(workspace, asked)
        except ExplorerError as error:
            return [message(str(error))], *[""] * len(FORMATS), None, *offered({}, chosen)
        return said, *about, trial, *offered(reasons, chosen)

    @app.callback(
        *_offers(allow_duplicate=True),
        Input(ids.FORMATS_TRIAL, "data"),
        State(ids.FORMATS_CHOICE, "value"),
        prevent_initial_call=True,
    )
    def attempt(recipe: dict[str, Any] | None, chosen: str) -> Any:
        if not recipe:
            raise PreventUpdate
        try:
            return offered(tried(workspace, recipe), chosen)
        except ExplorerError:  # the model is gone meanwhile, which whoever asks for an export is told
            return offered({}, chosen)


def _offers(**options: Any) -> list[Output]:
    """Where `offered` goes."""
    choices = [ids.format_choice(name) for name in FORMATS]
    return [
        *[Output(choice, "disabled", **options) for choice in choices],
        *[Output(choice, "description", **options) for choice in choices],
        Output(ids.FORMATS_CHOICE, "value", **options),
        Output(ids.FORMATS.begin, "disabled", **options),
    ]


def _choice(form: Format) -> dmc.Radio:
    size = html.Span(id=ids.format_size(form.name), className="quiet")
    return dmc.Radio(
        id=ids.format_choice(form.name),
        label=html.Span([form.title, " ", size]),
        description=_said(form, form.lacks),
        value=form.name,
        disabled=bool(form.lacks),
        size="sm",
    )


def _said(form: Format, reason: str) -> html.Span:
    """What a format is good for, and why it is out of reach."""
    kind = "format-trial" if reason == TRYING else "format-refusal"
    return html.Span([form.good_for, html.Span(reason, className=kind)] if reason else form.good_for)


def _label(row: Mapping[str, Any]) -> str:
    accuracy = row.get("accuracy")
    return plan_name(row) + ("" if accuracy is None else f" ({numbers.percent(accuracy)})")
