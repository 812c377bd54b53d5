"""What the pages of one server have in common: a Dash app with every panel of the explorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import Dash
from flask import Flask

from explorer.app import shell
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
    progress,
    quick_export,
    scoring_tools,
    take_away,
    top_bar,
    totals,
    training_panel,
    weights_panel,
)
from explorer.app.theme import ASSETS
from explorer.app.workspace import Workspace

PANELS = (
    top_bar,
    history,
    lists,
    centre,
    graph_panel,
    progress,
    inspector,
    channels_panel,
    weights_panel,
    player,
    matrices_panel,
    comparison_panel,
    plans_panel,
    training_panel,
    take_away,
    quick_export,
    formats_dialog,
    drawer,
    scoring_tools,
    latency_target,
    totals,
)


def make_app(
    server: Flask,
    workspace: Workspace,
    layout: Callable[[], Any],
    *,
    title: str,
    prefix: str = "/",
    without: str = "",
) -> Dash:
    """A Dash app with every panel. Several can live on one server, each below a path of its own.

    Args:
        server: The Flask application that serves it.
        workspace: The models that it may show.
        layout: Makes the page for one that is opened; it has all ids that the panels need.
        title: The title of the page.
        prefix: The path below which it lives, with a slash at both ends.
        without: A regular expression for the assets that it does not load.
    """
    app = Dash(
        "explorer",
        server=server,  # type: ignore[arg-type]  # a Flask application is what the argument is for
        url_base_pathname=prefix,
        title=title,
        index_string=shell.page(),
        update_title="",
        serve_locally=True,
        assets_folder=str(ASSETS),
        assets_ignore=without,
        suppress_callback_exceptions=True,  # the inspector brings its own controls
    )
    app.layout = layout
    for panel in PANELS:
        panel.register(app, workspace)
    files.register(app)
    return app
