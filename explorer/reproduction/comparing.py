"""Records held against one another, seed by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, stdev

from explorer.reproduction.records import Record

Value = Callable[[Record], float | None]

STAGES: Mapping[str, Value] = {
    "right after pruning": lambda record: record.pruned,
    "statistics renewed": lambda record: record.recalibrated,
    "fine-tuned": lambda record: record.tuned,
}
"""What is measured of a pruned network, in this order."""
BEFORE_TUNING = tuple(STAGES)[:2]


def matching(records: Iterable[Record], **wanted: object) -> list[Record]:
    """The records whose fields have the wanted values, by seed."""
    found = [record for record in records if all(getattr(record, name) == value for name, value in wanted.items())]
    return sorted(found, key=lambda record: record.seed)


def spread(fractions: Iterable[float | None]) -> str:
    """Mean and standard deviation of what is known, in per cent; the number alone where there is one.

    Example:
        >>> spread([0.98, None, 1.0])
        '99.0 ± 1.4'
    """
    known = [100 * fraction for fraction in fractions if fraction is not None]
    if len(known) < 2:
        return f"{known[0]:.1f}" if known else ""
    return f"{fmean(known):.1f} ± {stdev(known):.1f}"


def differences(
    ours: Iterable[Record], theirs: Iterable[Record], value: Value, their_value: Value | None = None
) -> list[float]:
    """Points by which ours are above theirs, for each seed that both have.

    Args:
        ours: Records of different seeds.
        theirs: Those that are subtracted.
        value: What is compared.
        their_value: What is compared of theirs, where it is something else.
    """
    other = {record.seed: (their_value or value)(record) for record in theirs}
    pairs = [(value(record), other.get(record.seed)) for record in ours]
    return [100 * (a - b) for a, b in pairs if a is not None and b is not None]


def against_base(runs: Iterable[Record], bases: Iterable[Record]) -> list[float]:
    """Points of tuned networks above the bases of their seeds, as these were before anything was pruned or tuned."""
    return differences(runs, bases, STAGES["fine-tuned"], lambda base: base.unpruned)


def full_against_partial(records: Sequence[Record], full: str, partial: str, speed_up: float) -> list[list[float]]:
    """For each stage before fine-tuning, the points by which one method is above another.

    Args:
        records: Of one experiment.
        full: A method that looks at whole groups.
        partial: One that looks at parts of them.
        speed_up: As asked for.
    """
    ours, theirs = (matching(records, method=method, speed_up=speed_up) for method in (full, partial))
    return [differences(ours, theirs, STAGES[stage]) for stage in BEFORE_TUNING]
