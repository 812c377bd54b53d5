"""Sparse training, with the histogram of how the channels of all groups move towards zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from explorer.engine.importance.criteria import Scores
from explorer.exploration import Exploration
from explorer.jobs.curves import TrainingCurve, going_on
from explorer.jobs.progress import Progress
from explorer.jobs.recover import told
from explorer.jobs.tensors import Outcome, packed
from explorer.training import Dataset, Training, evaluate, sparsify
from explorer.training import Progress as TrainingProgress
from explorer.training.checkpoint import Checkpoint

BINS = 40
SPAN = 1.25
"""Norms up to this are told apart, as a fraction of the largest of their group before training."""


def train_sparse(exploration: Exploration, data: Dataset, progress: Progress, **settings: Any) -> Outcome:
    """Trains a model so that channels that matter least to their group shrink together. The model is untouched.

    Args:
        exploration: The model; what its recipe prunes does not matter.
        data: As for `explorer.jobs.recover.recover`.
        progress: Shown the curve and the histograms so far; where it says so, training ends after this step. Its shelf
            keeps the state, from which the same work goes on.
        settings: ``regulariser``, ``strength``, and fields of `TrainingSettings`.

    Returns:
        What `explorer.jobs.recover.recover` tells, with ``histograms``: for before the training and after each epoch,
        how many channels have a norm in each of `BINS` ranges (see `NormHistograms`); and the weights.

    Raises:
        ExplorerError: There is nothing to make sparse, or the training failed; the message says which.
    """
    graph, norms = exploration.graph, NormHistograms()
    curve = TrainingCurve(evaluate(graph.model, data.validation).accuracy)

    def watch(now: TrainingProgress) -> bool:
        return curve.watch(now, progress, histograms=list(norms.counts))

    def train(checkpoint: Checkpoint | None) -> Training:
        how = {**settings, "watch": watch, "watch_norms": norms.add, "checkpoint": checkpoint}
        return sparsify(graph, data, **how).training

    training = going_on(progress, {"curve": curve, "norms": norms}, train)
    accuracies = {
        "before": evaluate(graph.model, data.test).accuracy,
        "accuracy": evaluate(training.model, data.test).accuracy,
    }
    return told(curve, training) | {"histograms": norms.counts, **accuracies}, packed(training.model.state_dict())


class NormHistograms:
    """Histograms of the norms of all channels, each as a fraction of the largest of its group before training.

    Attributes:
        counts: For each time that norms were added, the channels in each of `BINS` ranges of equal width from 0 to
            `SPAN`; larger ones are in the last.
    """

    def __init__(self) -> None:
        self.counts: list[list[int]] = []
        self._largest: dict[str, float] = {}

    def to_state(self) -> dict[str, Any]:
        """All of them, for `go_on`."""
        return {"counts": list(self.counts), "largest": dict(self._largest)}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Takes in the histograms of a training that was killed or stopped.

        Args:
            state: From `to_state`.
        """
        self.counts, self._largest = list(state["counts"]), dict(state["largest"])

    def add(self, squared: Mapping[str, Scores]) -> None:
        """Takes in the squared norms I(g, k) of the channels of each group.

        Args:
            squared: By group name, shape (channels,).
        """
        norms = {name: np.sqrt(values) for name, values in squared.items()}
        if not self._largest:
            self._largest = {name: float(values.max(initial=0.0)) or 1.0 for name, values in norms.items()}
        shares = np.concatenate([values / self._largest[name] for name, values in norms.items()])
        counts, _ = np.histogram(np.minimum(shares, SPAN), bins=BINS, range=(0.0, SPAN))
        self.counts.append(counts.tolist())
