"""Models on their way onto the screen: how far each is, who waits for it, and stopping where nobody does any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from explorer.engine.errors import ExplorerError

STAGES = ("building", "tracing", "grouping", "laying out")
"""Of opening a model, in order."""


class OpeningCancelledError(ExplorerError):
    """Nobody waits for the model any more; raised where the work tells how far it is."""


class Openings:
    """Between the threads that open models and the pages that wait for them."""

    def __init__(self) -> None:
        self._stages: dict[str, str] = {}
        self._waiting: dict[object, tuple[str, str]] = {}  # of each request the source and the page
        self._lock = threading.Lock()

    @contextmanager
    def waiting(self, source: str, page: str) -> Iterator[None]:
        """While this is entered, `page` waits for `source`; an empty name is somebody who never gives up."""
        ticket = object()
        with self._lock:
            self._waiting[ticket] = source, page
        try:
            yield
        finally:
            with self._lock:
                self._waiting.pop(ticket, None)

    def cancel(self, source: str, page: str) -> None:
        """`page` no longer waits for `source`; the work stops soon unless somebody else does."""
        with self._lock:
            self._waiting = {ticket: who for ticket, who in self._waiting.items() if who != (source, page)}

    def tell(self, source: str, stage: str) -> None:
        """Notes how far the work on `source` is.

        Args:
            source: The model.
            stage: One of `STAGES`; empty once the work is over.

        Raises:
            OpeningCancelledError: Nobody waits for the model.
        """
        with self._lock:
            if not stage:
                self._stages.pop(source, None)
                return
            self._stages[source] = stage
            if all(wanted != source for wanted, _ in self._waiting.values()):
                raise OpeningCancelledError(f"Nobody waits for {source} any more, so it was not opened.")

    def stage(self, source: str) -> str:
        """How far `source` is: one of `STAGES`, empty where it is not being opened."""
        return self._stages.get(source, "")
