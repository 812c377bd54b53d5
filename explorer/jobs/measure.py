"""What is measured of a recipe: the pruned model is built, proven against the original, and its accuracy taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from explorer.exploration import Exploration
from explorer.training.data import Split
from explorer.training.evaluate import evaluate


@dataclass(frozen=True)
class Measurement:
    """The truth about one recipe.

    Attributes:
        accuracy: Of the pruned model, 0-1; None without evaluation data.
        before: Of the original model, 0-1; None without evaluation data.
        correct: Samples that the pruned model got right.
        total: Samples.
        proof: What the comparison with the zeroed original found, in words; empty where nothing is pruned.
        is_proven: Whether the proof holds and could have failed; None where nothing is pruned.
        is_wrong: Whether the comparison failed.
        error: Largest relative error that the proof found; None where nothing is pruned.
        repairs: Attributes of the model's own code that had to change, one line each.
        seconds: Wall-clock time of all of it.
    """

    accuracy: float | None
    before: float | None
    correct: int
    total: int
    proof: str
    is_proven: bool | None
    is_wrong: bool
    error: float | None
    repairs: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The measurement as JSON data."""
        return asdict(self) | {"repairs": list(self.repairs)}


PROVEN = 0.3
"""How much of the work is done once a plan is applied and proven, as a rule; the rest is running two models."""


def measure(
    exploration: Exploration, data: Split | None, tell: Callable[[float], object] = lambda fraction: None
) -> Measurement:
    """Builds, proves and evaluates what a recipe makes of a model.

    Args:
        exploration: The model and its recipe.
        data: Labelled samples; None where there are none.
        tell: Called with the fraction that is done, 0-1; what it raises ends the work.

    Returns:
        The measurement.

    Raises:
        ExplorerError: The plan cannot be made, applied, proven or evaluated; the message says which.
    """
    started = time.perf_counter()
    model, proof, is_proven, is_wrong = exploration.graph.model, "", None, False
    error, repairs = None, list[str]()
    if exploration.is_pruning():
        pruned = exploration.plan().apply()
        tell(PROVEN / 2)
        verification = pruned.verify()
        model, proof = pruned.model, str(verification)
        is_proven, is_wrong = verification.ok and verification.is_proof, not verification.ok
        error = verification.error if math.isfinite(verification.error) else None
        repairs = [str(repair) for repair in pruned.repairs]
    tell(PROVEN)
    after, before = (
        evaluate(each, data, tell=partial(_tell_samples, tell, len(data), part)) if data else None
        for part, each in enumerate((model, exploration.graph.model))
    )
    return Measurement(
        accuracy=after.accuracy if after else None,
        before=before.accuracy if before else None,
        correct=after.correct if after else 0,
        total=after.total if after else 0,
        proof=proof,
        is_proven=is_proven,
        is_wrong=is_wrong,
        error=error,
        repairs=tuple(repairs),
        seconds=time.perf_counter() - started,
    )


def _tell_samples(tell: Callable[[float], object], total: int, part: int, done: int) -> None:
    """Tells how far the first or second of two runs over all samples is."""
    tell(PROVEN + (1 - PROVEN) * (part + done / total) / 2)
