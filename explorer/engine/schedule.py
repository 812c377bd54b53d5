"""Pruning in steps: how much is gone after each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from explorer.engine.errors import PlanError
from explorer.engine.selection import check_ratio

SCHEDULES: Mapping[str, Callable[[float, float], float]] = {
    "linear": lambda ratio, progress: ratio * progress,
    "geometric": lambda ratio, progress: 1 - (1 - ratio) ** progress,
}
"""From the final ratio and the fraction of steps done to the fraction removed by then.

Linear removes equally many channels in each step, geometric the same fraction of what is left.
"""


def step_ratios(ratio: float, steps: int, schedule: str = "linear") -> tuple[float, ...]:
    """The fraction of the original channels that is gone after each step.

    Args:
        ratio: Fraction that is gone after the last step, in [0, 1).
        steps: Number of steps, at least 1.
        schedule: ``linear`` or ``geometric``.

    Raises:
        PlanError: An unknown schedule, no step, or a ratio outside its range.

    Example:
        >>> step_ratios(0.75, 2), step_ratios(0.75, 2, "geometric")
        ((0.375, 0.75), (0.5, 0.75))
    """
    if schedule not in SCHEDULES:
        raise PlanError(f"schedule {schedule!r} is not known. Choose one of: {', '.join(SCHEDULES)}.")
    if steps < 1:
        raise PlanError(f"steps is {steps!r}. Pruning takes at least one step.")
    final = check_ratio(ratio, "all groups")
    return (*(SCHEDULES[schedule](final, step / steps) for step in range(1, steps)), final)


def of_what_is_left(ratios: Sequence[float]) -> tuple[float, ...]:
    """For each step the fraction to remove of the channels that the step before left.

    This is what a plan for the model that the last step made takes, when it is trained and traced between steps.

    Args:
        ratios: Fractions of the original that are gone after each step, as `step_ratios` gives them.

    Example:
        >>> of_what_is_left((0.5, 0.75))
        (0.5, 0.5)
    """
    before = (0.0, *ratios[:-1])
    return tuple((now - gone) / (1 - gone) for gone, now in zip(before, ratios, strict=True))
