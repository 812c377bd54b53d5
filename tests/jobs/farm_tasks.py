"""Tasks that take as long as a test wants, or fail: `celery ... -I tests.jobs.farm_tasks` makes workers know them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from explorer.exploration import Exploration
from explorer.jobs.progress import Progress
from explorer.jobs.tasks import TASKS, Outcome
from explorer.training import Dataset


def hold(_: Exploration, data: Dataset | None, progress: Progress, *, folder: str) -> Outcome:
    """Leaves the worker's process number in a folder and goes on once there is a file `go`, or when it is cancelled."""
    Path(folder, f"worker-{os.getppid()}").touch()
    while not Path(folder, "go").exists():
        if progress.show(0.5, {"seen": [1, 2]}):
            return {"is_whole": False}, b""
        threading.Event().wait(0.02)
    return {"is_whole": True}, b"tensors"


def break_down(_: Exploration, data: Dataset | None, progress: Progress) -> Outcome:
    """Fails in a way that nobody expects."""
    raise ZeroDivisionError


TASKS.update(hold=hold, break_down=break_down)
