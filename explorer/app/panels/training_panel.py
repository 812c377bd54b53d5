"""Centre: what is learnt from data: how sensitive groups are, recovering what was pruned, and sparse training."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, html

from explorer.app import ids
from explorer.app.panels import recover_panel, sensitivity_panel, sparse_panel
from explorer.app.parts import attributes
from explorer.app.workspace import Workspace

TABS = {"sensitivity": "Sensitivity", "recover": "Recover", "sparse": "Sparse training"}
PANELS = {"sensitivity": sensitivity_panel, "recover": recover_panel, "sparse": sparse_panel}


def layout() -> html.Section:
    """The view: one of its panels is shown."""
    switch = dmc.SegmentedControl(
        id=ids.TRAINING_TAB,
        data=[{"label": title, "value": name} for name, title in TABS.items()],
        value="sensitivity",
        size="xs",
        **attributes(aria_label="What to learn from data"),
    )
    tools = [_part(name, panel.tools()) for name, panel in PANELS.items()]
    panels = [_part(name, panel.layout()) for name, panel in PANELS.items()]
    return html.Section(
        [html.Div([switch, *tools], className="training-tools"), *panels],
        id=ids.TRAINING,
        className="training",
        **attributes(aria_label="Training", data_shown="sensitivity"),
    )


def _part(name: str, content: Any) -> html.Div:
    """What is there only while a panel is shown."""
    return html.Div(content, className="training-part", **attributes(data_panel=name))


def stores() -> list[Any]:
    """What the page knows of the work of all panels."""
    return [store for panel in PANELS.values() for store in panel.stores()]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the view and its panels."""
    app.clientside_callback(
        ClientsideFunction("training", "show"), Input(ids.TRAINING_TAB, "value"), prevent_initial_call=True
    )
    for panel in PANELS.values():
        panel.register(app, workspace)
