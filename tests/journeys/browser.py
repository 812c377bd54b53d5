"""A server, a Chromium and a page that keeps what its console said and what it asked for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOW_TO_INSTALL = (
    "The journeys need a Chromium, and none was found. Install one (Debian, Ubuntu: apt-get install chromium; Fedora: "
    "dnf install chromium; macOS: brew install --cask chromium), or set EXPLORER_CHROMIUM to the path of one."
)
TOUR_ENDED = (
    "try { localStorage.setItem('explorer:tour', 'ended'); } catch { /* a page without storage has no tour */ }"
)
"""What the tour of a first visit leaves in a browser once it has ended."""
LIBRARY_NOTICE = "You have set a custom wheel sensitivity"
"""Cytoscape says so whatever dash-cytoscape passes, its own default included; it is no message of ours."""


class NoBrowserError(Exception):
    """There is no Chromium to run a journey in."""


def find_chromium() -> str:
    """The path of a Chromium: `EXPLORER_CHROMIUM`, or the first found on the path.

    Raises:
        NoBrowserError: There is none; the message says how to install one.
    """
    named = os.environ.get("EXPLORER_CHROMIUM")
    found = [shutil.which(name) for name in ([named] if named else NAMES)]
    path = next((path for path in found if path), None)
    if path is None:
        raise NoBrowserError(f"EXPLORER_CHROMIUM is '{named}', which is no program." if named else HOW_TO_INSTALL)
    return path


def launch(playwright: Playwright) -> Browser:
    """A headless Chromium that talks to nobody by itself."""
    return playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The address of an explorer that serves in a process of its own, on a free port."""
    with TemporaryDirectory(prefix="explorer-cache-") as cache, started(Path(cache), *arguments) as (_, address):
        yield address


@contextmanager
def started(cache: Path, *arguments: str, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An explorer that serves in a process of its own, and its address.

    Args:
        cache: Where it keeps what outlives it.
        arguments: Of its command line.
        port: Where it serves; 0 takes a free one.
    """
    command = [sys.executable, "-m", "explorer", *arguments, "--port", str(port), "--no-browser"]
    environment = os.environ | {"EXPLORER_CACHE": str(cache)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            address = re.search(r"http://\S+", said)
            assert address, f"The server said {said!r} and {server.stderr.read() if server.stderr else ''}"
            yield server, address.group()
        finally:
            server.terminate()


class Watched:
    """A page with everything that its console said and every host that it asked.

    Args:
        page: The page.
        is_first_visit: Whether the tour begins by itself; elsewhere it is over and out of the way.

    Attributes:
        page: The page.
        console: Errors and warnings, and exceptions that nobody caught.
        foreign: Addresses asked for outside this machine.
        failed: Answers with an error code.
    """

    def __init__(self, page: Page, *, is_first_visit: bool = False) -> None:
        self.page = page
        if not is_first_visit:
            page.add_init_script(TOUR_ENDED)
        self.console: list[str] = []
        self.foreign: list[str] = []
        self.failed: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", lambda answer: self.failed.append(answer.url) if answer.status >= 400 else None)

    def open(self, address: str) -> None:
        """Loads the app and waits until graph, inspector and first measurement are there."""
        self.page.goto(address)
        self.page.wait_for_function("window.explorerCy && window.explorerCy.nodes().nonempty()", timeout=60_000)
        self.page.wait_for_selector("#inspector h2", state="attached")  # where it is narrow, its pane is closed
        self.page.wait_for_selector("#grid .ag-row")

    def settle(self) -> None:
        """Waits until the page has painted what it was told."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and LIBRARY_NOTICE not in message.text:
            self.console.append(f"{message.type}: {message.text}")

    def _asked(self, address: str) -> None:
        if urlsplit(address).scheme not in ("data", "blob") and urlsplit(address).hostname != "127.0.0.1":
            self.foreign.append(address)


@contextmanager
def visiting(browser: Browser, address: str, *, is_first_visit: bool = False, **wishes: Any) -> Iterator[Watched]:
    """A page of its own that shows the app, closed afterwards.

    Args:
        browser: The browser.
        address: Where the app is.
        is_first_visit: Whether the tour begins by itself.
        wishes: What the page is told of its people and their screen, as `Browser.new_context` takes it.
    """
    usual: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}
    context = browser.new_context(**usual | wishes)
    watched = Watched(context.new_page(), is_first_visit=is_first_visit)
    watched.open(address)
    yield watched
    context.close()
