"""The whole screen: stores, panes, and the provider that themes them."""

from __future__ import annotations

import secrets
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from explorer.app import ids
from explorer.app.opening import OpeningState, opening_state
from explorer.app.panels import (
    centre,
    comparison_panel,
    drawer,
    graph_panel,
    inspector,
    lists,
    matrices_panel,
    player,
    top_bar,
)
from explorer.app.stylesheet import stylesheet
from explorer.app.theme import FONT, SCHEMES
from explorer.app.workspace import Subject


def layout(subject: Subject) -> Any:
    """The screen for one page that was just opened, showing `subject`."""
    state = opening_state(subject)
    paths = state.opened["paths"]
    panes = [
        lists.layout(subject, paths),
        centre.layout(
            {
                centre.GRAPH: graph_panel.layout(subject, paths, SCHEMES[0]),
                centre.MATRICES: matrices_panel.layout(),
                centre.COMPARISON: comparison_panel.layout(),
            }
        ),
        inspector.layout(),
    ]
    screen = html.Div(
        [top_bar.layout(subject), html.Div(panes, className="panes"), drawer.layout(subject), *_stores(state)],
        id=ids.APP,
        className="app",
    )
    return dmc.MantineProvider(screen, id=ids.PROVIDER, theme=_mantine_theme(), forceColorScheme="light")


def _stores(state: OpeningState) -> list[Any]:
    memory: dict[str, Any] = {
        ids.PAGE: secrets.token_urlsafe(9),
        ids.MODEL: state.source,
        ids.OPENED: state.opened,
        ids.RECIPE: state.recipe,
        ids.PREVIEW: state.preview,
        ids.SETTLED: state.preview["key"],
        ids.SELECTION: state.selection,
        ids.PINS: [],
        ids.CHANGE: None,
        ids.ANSWERED: 0,
        ids.TOGGLED: None,
        ids.STYLES: {scheme: stylesheet(scheme) for scheme in SCHEMES},
    }
    stores = [dcc.Store(id=name, data=data) for name, data in memory.items()]
    return [*stores, *player.stores(), *matrices_panel.stores(), dcc.Store(id=ids.SCHEME, storage_type="local")]


def _mantine_theme() -> dict[str, Any]:
    return {
        "fontFamily": FONT,
        "fontFamilyMonospace": "var(--mono)",
        "defaultRadius": "sm",
        "primaryColor": "blue",
        "cursorType": "pointer",
        "respectReducedMotion": True,
    }
