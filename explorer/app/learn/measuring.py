"""What accuracy is, for tasks that need it: measured in the background, as the card of the totals does it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.app.panels import totals
from explorer.app.workspace import Workspace
from explorer.exploration import Exploration
from explorer.jobs import Job
from explorer.lessons.tasks.kind import unmeasured


class UnmeasuredError(Exception):
    """An accuracy is not known yet.

    Attributes:
        job: How far measuring it is: waiting, running, stopped or failed.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(f"{job.key} is {job.state}")
        self.job = job


@dataclass(frozen=True)
class Measuring:
    """Finds accuracies for one page.

    Attributes:
        workspace: Models and queue.
        owner: Who asks. For what the page shows it is the page itself: then the totals and a task share one job.
        is_asked: Whether what was stopped or failed is to be measured again.
    """

    workspace: Workspace
    owner: str
    is_asked: bool = False

    def __call__(self, exploration: Exploration) -> float:
        """The accuracy, 0-1, of what a recipe makes of its model.

        Raises:
            UnmeasuredError: It is being measured, or was stopped.
            LessonError: The model has no data.
        """
        if self.workspace.open(exploration.recipe.source).data is None:
            return unmeasured(exploration)
        job = totals.ask(self.workspace, exploration, self.owner, self.is_asked)
        if job.result is None:
            raise UnmeasuredError(job)
        return float(job.result["accuracy"])

    def known(self, exploration: Exploration) -> float:
        """The same where it is known, else not a number; nothing is asked for."""
        job = self.workspace.jobs.job(self.owner, totals.job_key(exploration))
        return float(job.result["accuracy"]) if job.result else math.nan

    def stop(self, key: str) -> None:
        """Stops measuring by the key of its job; it is known as stopped until somebody asks again."""
        self.workspace.jobs.stop(self.owner, key)
