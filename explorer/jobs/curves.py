"""The curve of a training while it runs, and the training from where an earlier one of the same ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar

from explorer.jobs.progress import Progress
from explorer.training import Progress as TrainingProgress
from explorer.training.checkpoint import Checkpoint, CheckpointError

MOST_POINTS = 240
T = TypeVar("T")


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

    def to_state(self) -> dict[str, Any]:
        """All of the curve, for `go_on`."""
        return asdict(self)

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Takes in what an earlier training showed before it was killed or stopped.

        Args:
            state: From `to_state`.
        """
        for name, value in state.items():
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """The curve as JSON data, which does not change when the curve goes on."""
        return {"start": self.start, "losses": list(self.losses), "history": list(self.history)}


class Shown(Protocol):
    """What is shown of a training, and kept beside its state."""

    def to_state(self) -> dict[str, Any]:
        """All of it: numbers, text, and lists and dicts of them."""

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Takes in what an earlier training showed."""


def going_on(progress: Progress, shown: Mapping[str, Shown], train: Callable[[Checkpoint | None], T]) -> T:
    """What comes out of a training that goes on where an earlier one of the same was killed or stopped.

    Args:
        progress: Whose shelf holds the state after each epoch.
        shown: What is shown of the training, by name; it goes on as well.
        train: The training; it takes its checkpoint.
    """
    if (shelf := progress.shelf) is None:
        return train(None)

    def take() -> dict[str, Any]:
        return {name: part.to_state() for name, part in shown.items()}

    def give(states: Mapping[str, Any]) -> None:
        for name, part in shown.items():
            part.go_on(states[name])

    checkpoint = Checkpoint(shelf, take, give)
    try:
        return train(checkpoint)
    except CheckpointError:  # damaged, so there is nothing to go on from
        shelf.clear()
        return train(checkpoint)
