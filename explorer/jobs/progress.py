"""How far a job is, told by the job and read by others, who may cancel it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from explorer.training.checkpoint import Place


class JobCancelledError(Exception):
    """Nobody waits for the job any more; raised inside it, where it tells how far it is."""


class Shelf(Place, Protocol):
    """Where work keeps its state, so that the same work goes on from there after whoever did it was killed."""

    def clear(self) -> None:
        """Takes away what lies there, if something does."""


class Progress:
    """Between the thread that works and those that ask.

    Args:
        shelf: Where work that can go on from a state keeps it; None where nobody does.

    Attributes:
        fraction: How much is done, 0-1.
        partial: What there is so far, as JSON data; None where the work does not say.
        is_cancelled: Whether the work is to stop.
    """

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.shelf = shelf
        self.fraction = 0.0
        self.partial: Mapping[str, Any] | None = None
        self.is_cancelled = False

    def tell(self, fraction: float) -> None:
        """Notes how much is done.

        Args:
            fraction: 0-1.

        Raises:
            JobCancelledError: The work is to stop.
        """
        if self.is_cancelled:
            raise JobCancelledError
        self.fraction = fraction

    def show(self, fraction: float, partial: Mapping[str, Any]) -> bool:
        """Notes how much is done and what there is so far, for work that keeps that when it is stopped.

        Args:
            fraction: 0-1.
            partial: JSON data; it is not changed afterwards.

        Returns:
            Whether the work is to stop.
        """
        self.fraction, self.partial = fraction, partial
        return self.is_cancelled

    def end(self) -> None:
        """Notes that what came out is kept. The state is of no use any more, unless somebody stopped the work."""
        if self.shelf and not self.is_cancelled:
            self.shelf.clear()

    def cancel(self) -> None:
        """Stops the work the next time that it tells how far it is."""
        self.is_cancelled = True
