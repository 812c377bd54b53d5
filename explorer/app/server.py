"""Makes the Dash app. Several can live in one process: nothing here is global."""

from __future__ import annotations

from urllib.parse import urlsplit

from dash import Dash
from flask import Flask, Response, request

from explorer.app import shell
from explorer.app.panels import drawer, graph_panel, inspector, lists, top_bar, totals
from explorer.app.theme import ASSETS
from explorer.app.workspace import Subject, Workspace

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def create_app(workspace: Workspace, subject: Subject, *, host: str = "127.0.0.1") -> Dash:
    """The app of one server.

    Args:
        workspace: The models that it may show.
        subject: The model that a page shows first.
        host: The address that it is served on; requests that name another host are refused.

    Returns:
        A Dash app whose `server` is the Flask application.
    """
    server = Flask("explorer")
    refuse_foreign_hosts(server, LOCAL_HOSTS | {host})
    app = Dash(
        "explorer",
        server=server,  # type: ignore[arg-type]  # a Flask application is what the argument is for
        title="Explorer",
        update_title="",
        serve_locally=True,
        assets_folder=str(ASSETS),
        suppress_callback_exceptions=True,  # the inspector brings its own controls
    )
    app.layout = lambda: shell.layout(subject)
    for panel in (top_bar, lists, graph_panel, inspector, drawer, totals):
        panel.register(app, workspace)
    return app


def refuse_foreign_hosts(server: Flask, allowed: frozenset[str]) -> None:
    """Answers 403 to requests whose Host header is not one of `allowed`.

    A page of another site can make a browser ask this server under that site's name (DNS rebinding); the name gives it
    away.

    Args:
        server: The Flask application.
        allowed: Host names and addresses without port.
    """

    @server.before_request
    def check() -> Response | None:
        if host_name(request.host) in allowed:
            return None
        return Response("This address is not served here.", status=403, mimetype="text/plain")


def host_name(host: str) -> str:
    """A Host header without its port and brackets: ``[::1]:8050`` gives ``::1``; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
