"""The curve of a training while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from explorer.jobs.progress import Progress
from explorer.training import Progress as TrainingProgress

MOST_POINTS = 240


@dataclass
class TrainingCurve:
    """What one sees of a training.

    Attributes:
        start: Validation accuracy before it, 0-1.
        losses: (epochs done, loss of that batch), at most `MOST_POINTS` of them, evenly spread.
        history: Finished epochs, as `explorer.training.Epoch` holds them.
    """

    start: float
    losses: list[tuple[float, float]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    _every: int = 1
    _seen: int = 0

    def watch(self, now: TrainingProgress, progress: Progress, **more: Any) -> bool:
        """Takes one step of a training in and shows the curve.

        Args:
            now: How far the training is.
            progress: Who is shown it.
            more: JSON data that goes with it.

        Returns:
            Whether the training is to end.
        """
        if self._seen % self._every == 0:
            self.losses.append((round(now.fraction * now.epochs, 4), round(now.loss, 5)))
        self._seen += 1
        if len(self.losses) >= MOST_POINTS:
            self.losses, self._every = self.losses[::2], 2 * self._every
        self.history = [asdict(epoch) for epoch in now.history]
        return progress.show(now.fraction, {**self.to_json(), **more})

    def to_json(self) -> dict[str, Any]:
        """The curve as JSON data, which does not change when the curve goes on."""
        return {"start": self.start, "losses": list(self.losses), "history": list(self.history)}
