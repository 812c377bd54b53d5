"""How a model is trained: optimizer, learning rate over time, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from explorer.engine.errors import TrainingError

WARM_UP = 0.3
DROPS = (0.5, 0.75)


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained.

    Attributes:
        epochs: Passes over the data.
        batch_size: Samples per step and process; used where the data parts itself, as a `Split` does.
        learning_rate: Peak of the schedule.
        optimizer: A name of `OPTIMIZERS`.
        momentum: Of SGD, with Nesterov's correction where it is not zero.
        weight_decay: L2 penalty; decoupled for ``adamw``.
        schedule: A name of `SCHEDULES`.
        label_smoothing: Share of the target that is spread over all classes, 0-1.
        patience: Epochs without a better validation accuracy after which training stops; None never stops early.
        keep_best: Whether the weights of the epoch with the best validation accuracy are returned, not the last ones.
        mixed_precision: Whether a GPU computes in bfloat16 or float16; None does where there is a GPU.
        device: Where to train, such as ``cuda:0``; None takes a GPU where there is one.
        seed: Of the order of samples and of dropout.
    """

    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 0.01
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    label_smoothing: float = 0.0
    patience: int | None = None
    keep_best: bool = True
    mixed_precision: bool | None = None
    device: str | None = None
    seed: int = 0


OPTIMIZERS: Mapping[str, Callable[[Iterable[nn.Parameter], TrainingSettings], Optimizer]] = {
    "sgd": lambda weights, how: SGD(
        weights,
        lr=how.learning_rate,
        momentum=how.momentum,
        weight_decay=how.weight_decay,
        nesterov=how.momentum > 0,
    ),
    "adam": lambda weights, how: Adam(weights, lr=how.learning_rate, weight_decay=how.weight_decay),
    "adamw": lambda weights, how: AdamW(weights, lr=how.learning_rate, weight_decay=how.weight_decay),
}

SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    "onecycle": lambda done: (
        0.04 + 0.96 * done / WARM_UP
        if done < WARM_UP
        else (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
    ),
    "step": lambda done: 0.1 ** sum(done >= drop for drop in DROPS),
    "constant": lambda done: 1.0,
}
"""From the fraction of the training that is done to the fraction of the learning rate."""


def settings_of(choices: Mapping[str, Any]) -> TrainingSettings:
    """Settings from keywords.

    Raises:
        TrainingError: A name that is none, or a value outside its range.

    Example:
        >>> settings_of({"epochs": 3}).epochs
        3
    """
    known = [field.name for field in fields(TrainingSettings)]
    for name in choices:
        if name not in known:
            near = get_close_matches(name, known, n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"The settings are {', '.join(known)}."
            raise TrainingError(f"There is no training setting {name!r}. {hint}")
    settings = TrainingSettings(**choices)
    _check(settings)
    return settings


def _check(settings: TrainingSettings) -> None:
    for name, table in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if getattr(settings, name) not in table:
            raise TrainingError(f"{name} {getattr(settings, name)!r} is not known. Choose one of: {', '.join(table)}.")
    for name in ("epochs", "batch_size", "patience"):
        value = getattr(settings, name)
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if not is_count and not (name == "patience" and value is None):
            raise TrainingError(f"{name} is {value!r}. It must be a whole number of at least 1.")
    if not _is_number(settings.learning_rate) or settings.learning_rate <= 0:
        raise TrainingError(f"learning_rate is {settings.learning_rate!r}. It must be above 0.")
    for name, limit in (("momentum", 1.0), ("label_smoothing", 1.0), ("weight_decay", math.inf)):
        value = getattr(settings, name)
        if not _is_number(value) or not 0 <= value < limit:
            raise TrainingError(f"{name} is {value!r}. It must be at least 0" + (", below 1." if limit == 1 else "."))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
