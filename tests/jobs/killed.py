"""Trains or measures until the middle and stands still there: `python -m tests.jobs.killed FOLDER NAME`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from explorer.exploration import set_every_ratio
from explorer.jobs import Progress, Shelves, Task
from tests.jobs.small import dataset, exploration

EPOCHS, KILLED_IN = 4, 3
HOW = {"epochs": EPOCHS, "learning_rate": 0.05, "batch_size": 16}
OPTIONS: dict[str, dict[str, Any]] = {"recover": HOW, "sparse": HOW | {"strength": 0.2}, "sensitivity": {}}


def task(name: str) -> Task:
    """The same work in every process."""
    return Task(name, set_every_ratio(exploration(), 0.5), dataset(), OPTIONS[name])


class Standing(Progress):
    """Stands still in the second step of an epoch, or after a measurement of a sweep, once it said so."""

    def show(self, fraction: float, partial: Mapping[str, Any]) -> bool:
        if fraction * EPOCHS > KILLED_IN - 1 / 2:
            sys.stdout.write("standing\n")
            sys.stdout.flush()
            threading.Event().wait()
        return super().show(fraction, partial)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as in the tests: more of them add up in another order
    asked = task(sys.argv[2])
    replace(asked, progress=Standing(Shelves(Path(sys.argv[1])).shelf(asked)))()
