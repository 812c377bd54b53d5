"""Serves the app, for a model in memory or from the command line."""

from __future__ import annotations

import html
import logging
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.app.server import EVERY_ADDRESS, create_app, outward_addresses
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import ExplorerError
from explorer.engine.graph import DependencyGraph
from explorer.jobs import Shelves
from explorer.lessons import Lesson, lessons_with
from explorer.training.data.in_memory import data_in_memory

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

USUAL_PORT = 8050
FRAME_HEIGHT = 860
_TICK = 0.5  # seconds after which a wait looks for Ctrl-C, which interrupts no wait on Windows


class ServeError(ExplorerError):
    """The app could not be served at the address asked for."""


@dataclass(frozen=True, eq=False)
class Shown:
    """An app that is being served; a notebook displays it where it is the value of a cell.

    Attributes:
        address: Where a browser finds it.
        title: The model that it shows first.
    """

    address: str
    title: str
    _workspace: Workspace = field(repr=False)
    _server: BaseWSGIServer = field(repr=False)
    _thread: threading.Thread = field(repr=False)

    def wait(self) -> None:
        """Returns when the app is closed, or on Ctrl-C, which closes it."""
        try:
            while self._thread.is_alive():
                self._thread.join(_TICK)
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Stops serving and measuring. Closing again does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._workspace.close()

    def _repr_html_(self) -> str:
        address = html.escape(self.address, quote=True)
        style = f"width: 100%; height: {FRAME_HEIGHT}px; border: 0"
        return (
            f'<p><a href="{address}" target="_blank" rel="noopener">{address}</a></p>'
            f'<iframe src="{address}" title="Explorer" style="{style}"></iframe>'
        )


def show(  # noqa: PLR0913 - every option is a keyword of its own
    graph: DependencyGraph,
    *,
    data: object = None,
    lessons: str | Path | None = None,
    port: int | None = None,
    host: str = "127.0.0.1",
    open_browser: bool | None = None,
    block: bool | None = None,
) -> Shown:
    """Opens the app on a model in memory.

    In a script this returns when the app is stopped with Ctrl-C. In a notebook or at a prompt it returns at once while
    the app is served from a thread; as the last line of a cell it shows the app there.

    Args:
        graph: From `explorer.trace`.
        data: What accuracy is measured on: a dataset or `DataLoader` with the index of the right class for each sample,
            or (inputs, labels) as tensors, is measured as a whole; (train, test) or (train, validation, test) of them
            can be trained on too. None for what a sample model was made for, or none.
        lessons: A folder of lessons, which the page ``/learn`` shows after those that come with the explorer.
        port: Where to serve; 0 takes any free port, None takes 8050 where it is free and any other where it is not.
        host: Address to serve on.
        open_browser: Whether to open a browser where there is one; None opens one where the call blocks.
        block: Whether to return only when the app is stopped; None blocks except in a notebook or at a prompt.

    Returns:
        What is served, with its ``address``, ``wait()`` and ``close()``.

    Raises:
        ServeError: The port is in use or the address is not this machine's.
        DataError: The data is none of these, or not labelled.
        LessonError: A lesson cannot be read; file, line and field are named.

    Example:
        >>> shown = explorer.show(graph, block=False)
        >>> shown.address
        'http://127.0.0.1:8050'
        >>> shown.close()
    """
    given = None if data is None else data_in_memory(data, word="memory", title="your data", what="data", alone="test")
    taught = lessons_with(None if lessons is None else Path(lessons))
    workspace = Workspace(shelves=Shelves.lasting())
    shown = serve(workspace, workspace.add(graph, data=given), host=host, port=port, lessons=taught)
    blocks = not _is_interactive() if block is None else block
    if blocks if open_browser is None else open_browser:
        _open_browser(shown.address)
    if blocks:
        announce(shown)
        shown.wait()
    return shown


def serve(
    workspace: Workspace, subject: Subject, *, host: str, port: int | None, lessons: Sequence[Lesson] | None = None
) -> Shown:
    """Serves `subject` from a thread of its own.

    Args:
        workspace: The models that pages may open.
        subject: The one that they show first.
        host: Address to serve on.
        port: Where to serve; 0 takes any free port, None the usual one where it is free.
        lessons: What can be learned; by default the lessons that come with the explorer.

    Raises:
        ServeError: The port is in use or the address is not this machine's.
    """
    from werkzeug.serving import make_server

    try:
        listening = listen(host, USUAL_PORT if port is None else port)
    except ServeError:
        if port is not None:
            workspace.close()
            raise
        listening = listen(host, 0)
    app = create_app(workspace, subject, host=host, lessons=lessons)
    port = listening.getsockname()[1]
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line per request says nothing to anybody
    server = make_server(host, port, app.server, threaded=True, fd=listening.fileno())
    listening.close()  # the server listens on a copy of its own
    thread = threading.Thread(target=server.serve_forever, name="explorer-server", daemon=True)
    thread.start()
    return Shown(address_of(host, port), subject.title, workspace, server, thread)


def announce(shown: Shown) -> None:
    """Says where the app is, on standard output."""
    sys.stdout.write(f"Explorer shows {shown.title} at {shown.address}  (Ctrl-C stops it)" + "\n")
    sys.stdout.flush()


def run(
    workspace: Workspace,
    subject: Subject,
    *,
    host: str,
    port: int,
    open_browser: bool,
    lessons: Sequence[Lesson] | None = None,
) -> None:
    """Serves `subject` until Ctrl-C; prints the address first.

    Raises:
        ServeError: The port is in use or the address is not this machine's.
    """
    shown = serve(workspace, subject, host=host, port=port, lessons=lessons)
    announce(shown)
    if open_browser:
        _open_browser(shown.address)
    shown.wait()


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


def _open_browser(address: str) -> None:
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _is_interactive() -> bool:
    """Whether somebody sits at a prompt or in a notebook and goes on typing."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive) or "ipykernel" in sys.modules
