"""Serves the app, for a model in memory or from the command line."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import webbrowser

from explorer.app.server import EVERY_ADDRESS, create_app, outward_addresses
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import ExplorerError
from explorer.engine.graph import DependencyGraph


class ServeError(ExplorerError):
    """The app could not be served at the address asked for."""


def show(graph: DependencyGraph, *, port: int = 8050, host: str = "127.0.0.1", open_browser: bool = True) -> None:
    """Opens the app on a model in memory, and returns when it is stopped (Ctrl-C).

    Args:
        graph: From `explorer.trace`.
        port: Where to serve; 0 takes any free port.
        host: Address to serve on.
        open_browser: Whether to open a browser where there is one.

    Raises:
        ServeError: The port is in use or the address is not this machine's.
    """
    workspace = Workspace()
    serve(workspace, workspace.add(graph), port=port, host=host, open_browser=open_browser)


def serve(workspace: Workspace, subject: Subject, *, port: int, host: str, open_browser: bool) -> None:
    """Serves `subject` until Ctrl-C; prints the address first.

    Raises:
        ServeError: The port is in use or the address is not this machine's.
    """
    from werkzeug.serving import make_server

    app = create_app(workspace, subject, host=host)
    listening = listen(host, port)
    port = listening.getsockname()[1]
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line per request says nothing to anybody
    server = make_server(host, port, app.server, threaded=True, fd=listening.fileno())
    address = address_of(host, port)
    sys.stdout.write(f"Explorer shows {subject.title} at {address}  (Ctrl-C stops it)" + "\n")
    sys.stdout.flush()
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        workspace.jobs.close()


def address_of(host: str, port: int) -> str:
    """An address that a browser can open: where all of them are served, this machine's own."""
    if host in EVERY_ADDRESS:
        host = next(iter(outward_addresses()), "127.0.0.1")
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address.

    Raises:
        ServeError: The port is in use or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise ServeError(
            f"The app cannot be served at {host}:{port}: {error}. Choose another port, such as "
            f"{port + 1}, or stop the program that uses this one."
        ) from error
    return listening
