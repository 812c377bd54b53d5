"""What can go wrong, as one tree.

    ExplorerError
    ├── ModelSourceError   a model could not be found, built or given its weights
    ├── TraceError         the model did not run on the example inputs, or what it did could not be recorded
    ├── PlanError          a ratio, a group name or a set of indices that no plan can be made of
    ├── ApplyError         a plan that the model's own code cannot express
    ├── VerifyError        the check of a pruned model could not be carried out
    ├── DataError          a word that names no data, or files that do not hold what it says
    ├── EvaluationError    a model or data that accuracy cannot be measured on
    ├── TrainingError      a model or data that cannot be trained on, or a training that failed
    ├── SaveError          a folder that could not be written, or must not be read
    ├── ExportError        a format that cannot hold a model, or an export that came out wrong
    └── LessonError        a lesson that cannot be read, or that names what its model does not have

Every message says what was asked, what was found and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.engine.program import SourceLine


class ExplorerError(Exception):
    """Base of every error that the explorer raises on purpose."""


class ModelSourceError(ExplorerError):
    """A model could not be found, built or given its weights."""


class TraceError(ExplorerError):
    """The model did not run on the example inputs, or what it did could not be recorded."""


class PlanError(ExplorerError):
    """A ratio, a group name or a set of indices that no plan can be made of."""


class ApplyError(ExplorerError):
    """A plan that the model's own code cannot express.

    Attributes:
        source: The user's line that stands in the way, where one does.
    """

    def __init__(self, message: str, source: SourceLine | None = None) -> None:
        """Say what is wrong.

        Args:
            message: What was asked, what was found and what to do.
            source: The user's line that stands in the way.
        """
        super().__init__(message)
        self.source = source


class VerifyError(ExplorerError):
    """The check of a pruned model could not be carried out."""


class DataError(ExplorerError):
    """A word that names no data, or files that do not hold what it says."""


class EvaluationError(ExplorerError):
    """A model or data that accuracy cannot be measured on."""


class TrainingError(ExplorerError):
    """A model or data that cannot be trained on, or a training that failed."""


class SaveError(ExplorerError):
    """A folder that could not be written, or must not be read."""


class ExportError(ExplorerError):
    """A format that cannot hold a model, or an export that came out wrong."""


class LessonError(ExplorerError):
    """A lesson that cannot be read, or that names what its model does not have."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that lists the known names nearest to `name`, empty where none is near."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}? " if near else ""
