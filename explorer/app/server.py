"""Makes the Dash app. Several can live in one process: nothing here is global."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from dash import Dash
from flask import Flask, Response, request

from explorer.app import learn, shell
from explorer.app.learn_print import add_pages
from explorer.app.page import make_app
from explorer.app.routes import add_routes
from explorer.app.workspace import Subject, Workspace
from explorer.lessons import Lesson, bundled_lessons

EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})
GRID_SCRIPT = "/_dash-component-suites/dash_ag_grid/async-community.js"
"""What draws the grid, which every page of the explorer shows and Dash asks for only then."""
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def create_app(
    workspace: Workspace, subject: Subject, *, host: str = "127.0.0.1", lessons: Sequence[Lesson] | None = None
) -> Dash:
    """The app of one server.

    Args:
        workspace: The models that it may show.
        subject: The model that a page shows first.
        host: The address that it is served on; requests that name another host are refused.
        lessons: What can be learned; by default the lessons that come with the explorer.

    Returns:
        A Dash app whose `server` is the Flask application.
    """
    taught = bundled_lessons() if lessons is None else tuple(lessons)
    server = Flask("explorer")
    refuse_foreign_hosts(server, LOCAL_HOSTS | served_names(host))
    refuse_what_is_no_callback(server)
    add_routes(server, workspace)
    learn.add_app(server, workspace, subject, taught)
    add_pages(server, workspace, taught)
    app = make_app(
        server, workspace, lambda: shell.layout(subject, workspace.run), title="Explorer", without=learn.ASSETS_OF_LEARN
    )
    app.index_string = shell.page(early=[GRID_SCRIPT])
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
        asked = host_name(request.host) or request.host
        text = (
            f"The explorer does not serve the host '{asked}'. If that is this machine, start it with --host {asked}; "
            f"it answers to {', '.join(sorted(allowed))}."
        )
        return Response(text, status=403, mimetype="text/plain")


def refuse_what_is_no_callback(server: Flask) -> None:
    """Answers 400 where a request to run a callback names none, instead of failing on it."""

    @server.before_request
    def check() -> Response | None:
        if request.method != "POST" or not request.path.endswith("/_dash-update-component"):
            return None
        asked = request.get_json(silent=True)
        if isinstance(asked, dict) and "output" in asked and isinstance(asked.get("inputs"), list):
            return None
        return Response("This is no callback: it names no output and no inputs.", status=400, mimetype="text/plain")


def served_names(host: str) -> frozenset[str]:
    """What a request may call the machine that is served on `host`: for all addresses, any of its own."""
    if host not in EVERY_ADDRESS:
        return frozenset({host.lower()})
    name = socket.gethostname()
    names = {name, socket.getfqdn(), *outward_addresses()}
    try:
        names |= {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(name, None)}
    except OSError:  # a machine need not know its own name
        pass
    return frozenset(each.lower() for each in names)


def outward_addresses() -> tuple[str, ...]:
    """This machine's own address on the way out, where there is one; nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(("192.0.2.1", 9))  # an address of documentation only
            return (str(out.getsockname()[0]),)
    except OSError:
        return ()


def host_name(host: str) -> str:
    """A Host header without its port and brackets: ``[::1]:8050`` gives ``::1``; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
