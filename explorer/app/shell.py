"""The whole screen: stores, panes, and the provider that themes them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from explorer.app import ids, remembered
from explorer.app.opening import OpeningState, opening_state
from explorer.app.panels import (
    centre,
    channels_panel,
    comparison_panel,
    drawer,
    files,
    formats_dialog,
    graph_panel,
    history,
    inspector,
    latency_target,
    lists,
    matrices_panel,
    plans_panel,
    player,
    quick_export,
    scoring_tools,
    top_bar,
    tour,
    training_panel,
    weights_panel,
)
from explorer.app.stylesheet import stylesheet
from explorer.app.theme import FONT, SCHEMES
from explorer.app.workspace import Subject

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <title>{%title%}</title>
        {%favicon%}
        {%css%}
        EARLY
    </head>
    <body>
        {%app_entry%}
        <footer>
            {%config%}
            {%scripts%}
            {%renderer%}
        </footer>
    </body>
</html>
"""
"""What Dash fills in; its own says no language."""


def page(early: Iterable[str] = ()) -> str:
    """The frame of a page, which Dash fills in.

    Args:
        early: Addresses of scripts that the browser fetches at once, not only when a component first needs them.
    """
    links = "".join(f'<link rel="preload" as="script" href="{address}">' for address in early)
    return _PAGE.replace("EARLY", links)


def layout(subject: Subject, run: str = "") -> Any:
    """The screen for one page that was just opened.

    Args:
        subject: The model that it shows.
        run: Names the run of the server.
    """
    parts = [top_bar.layout(subject), *screen(subject, run), *tour.layout(subject.source)]
    return themed(html.Div(parts, id=ids.APP, className="app"))


def screen(subject: Subject, run: str) -> list[Any]:
    """All below the bar: panes, drawer, and what no one sees.

    Args:
        subject: The model that is shown.
        run: Names the run of the server.
    """
    state = opening_state(subject)
    paths = state.opened["paths"]
    panes = [
        lists.layout(subject, paths),
        centre.layout(
            {
                centre.GRAPH: graph_panel.layout(subject, paths, SCHEMES[0]),
                centre.MATRICES: matrices_panel.layout(subject),
                centre.COMPARISON: comparison_panel.layout(),
                centre.TRAINING: training_panel.layout(),
                centre.PLANS: plans_panel.layout(),
            },
            graph_panel.head(subject, state.selection),
        ),
        inspector.layout(),
    ]
    return [
        html.Div(panes, className="panes"),
        drawer.layout(subject),
        *history.notices(),
        *files.layout(),
        formats_dialog.layout(),
        *_stores(state, run),
    ]


def themed(app: html.Div) -> Any:
    """A page in the colours and letters of the explorer."""
    return dmc.MantineProvider(app, id=ids.PROVIDER, theme=_mantine_theme(), forceColorScheme="light")


def _stores(state: OpeningState, run: str) -> list[Any]:
    memory: dict[str, Any] = {
        **state.stores(),
        ids.PAGE: secrets.token_urlsafe(9),
        ids.RUN: run,
        ids.SETTLED: state.preview["key"],
        ids.CHANGE: None,
        ids.RESTORE: None,
        ids.ANSWER: None,
        ids.TOGGLED: None,
        ids.REMEMBERED: remembered.controls(),
        ids.STYLES: {scheme: stylesheet(scheme) for scheme in SCHEMES},
    }
    stores = [dcc.Store(id=name, data=data) for name, data in memory.items()]
    return [
        *stores,
        *inspector.stores(),
        *player.stores(),
        *matrices_panel.stores(),
        *channels_panel.stores(),
        *weights_panel.stores(),
        *comparison_panel.stores(),
        *plans_panel.stores(),
        *training_panel.stores(),
        *scoring_tools.stores(),
        *quick_export.stores(),
        *formats_dialog.stores(),
        *latency_target.stores(),
        dcc.Store(id=ids.SCHEME),
    ]


def _mantine_theme() -> dict[str, Any]:
    return {
        "fontFamily": FONT,
        "fontFamilyMonospace": "var(--mono)",
        "defaultRadius": "sm",
        "primaryColor": "blue",
        "cursorType": "pointer",
        "respectReducedMotion": True,
    }
