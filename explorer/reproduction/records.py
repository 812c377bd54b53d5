"""What was measured, one JSON line for each run, in a file that is whole after every line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from explorer.engine.errors import TrainingError
from explorer.training.checkpoint import write_whole

FILE = "results.jsonl"
Key = tuple[str, str, float, int]
Histogram = tuple[int, ...]


@dataclass(frozen=True)
class Record:
    """What one run measured. Accuracies are fractions of the test part, unless they say otherwise.

    Attributes:
        experiment: Its name.
        method: A name of `METHODS`, or ``base`` for the network as it is.
        speed_up: Multiply-adds before over after, as asked for; 1 for the base.
        seed: Of the run.
        unpruned: Accuracy of what was pruned: the base, or what sparse training made of it.
        pruned: Accuracy right after pruning.
        recalibrated: The same with the statistics of BatchNorm layers taken anew and weights as they are; None
            without such layers.
        tuned: Accuracy after fine-tuning; None for a base that gets none.
        validation: The same on the validation part.
        samples: Number of test samples.
        macs: Multiply-adds of one forward before and after.
        params: Parameters before and after.
        norms: Channels by their squared norm over the mean of their group's better half, in steps of `NORM_STEP`, the
            last one open: before and after sparse training.
        seconds: Wall-clock time of this run; training of the base or towards sparsity counts in the run that did it.
        settings: What the run depends on.
        versions: Of what it ran with.
        finished: When, UTC, in ISO 8601.
    """

    experiment: str
    method: str
    speed_up: float
    seed: int
    unpruned: float
    pruned: float
    recalibrated: float | None
    tuned: float | None
    validation: float | None
    samples: int
    macs: tuple[int, int]
    params: tuple[int, int]
    norms: tuple[Histogram, Histogram] | None
    seconds: float
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    finished: str

    @property
    def key(self) -> Key:
        """What tells it from other runs of the same settings."""
        return self.experiment, self.method, self.speed_up, self.seed


def read_records(folder: Path) -> tuple[Record, ...]:
    """The records in a folder, in the order in which they were written; none where there is no file.

    Raises:
        TrainingError: The file holds something else.
    """
    path = folder / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read: {error}. Choose another folder.") from error
    return tuple(_record(path, number, line) for number, line in enumerate(lines, start=1))


def write_records(folder: Path, records: Iterable[Record]) -> None:
    """Nothing; the folder then holds these records, or what it held before.

    Raises:
        SaveError: It cannot be written.
    """
    lines = [json.dumps(asdict(record)) + "\n" for record in records]
    write_whole(folder / FILE, "".join(lines).encode())


def check_settings(folder: Path, records: Iterable[Record], settings: Mapping[Key, Mapping[str, Any]]) -> None:
    """Nothing, where no record of a run that is wanted was made with other settings.

    Args:
        folder: Where the records are.
        records: What was measured.
        settings: What each wanted run depends on.

    Raises:
        TrainingError: One was.
    """
    for record in records:
        wanted = settings.get(record.key)
        if wanted is None or wanted == record.settings:
            continue
        found = _flat(record.settings)
        different = [
            f"{name} was {found.get(name)!r}, now {value!r}"
            for name, value in _flat(wanted).items()
            if found.get(name) != value
        ]
        raise TrainingError(
            f"{folder / FILE} holds results of {record.experiment} with other settings: {', '.join(different)}. "
            "Choose another folder with --out, or delete these results."
        )


def _record(path: Path, number: int, line: str) -> Record:
    try:
        given = json.loads(line)
        pairs = {name: tuple(given[name]) for name in ("macs", "params")}
        norms = given["norms"] and tuple(tuple(counts) for counts in given["norms"])
        return Record(**{**given, **pairs, "norms": norms})
    except (ValueError, TypeError, KeyError) as error:
        raise TrainingError(
            f"Line {number} of {path} is no result of an experiment: {error!r}. Delete the line to measure it again, "
            "or choose another folder."
        ) from error


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found
