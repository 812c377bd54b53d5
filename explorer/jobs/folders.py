"""Folders for what jobs leave."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path

from explorer.engine.claims import claim

PREFIX = "explorer-jobs-"


def private_folder(owner: object) -> Path:
    """A folder that only its owner can enter; what killed processes left of theirs is cleared first.

    Args:
        owner: What keeps things there; the folder goes when it does, at the latest when the process ends.

    Returns:
        A new folder in the system's temporary folder, mode 0700.
    """
    made = claim(Path(tempfile.gettempdir()), PREFIX)
    weakref.finalize(owner, made.remove)
    return made.path
