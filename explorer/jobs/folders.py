"""Folders for what jobs leave."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def private_folder() -> Path:
    """A folder for cached results that only its owner can enter.

    Returns:
        A new folder in the system's temporary folder, mode 0700.
    """
    folder = Path(tempfile.mkdtemp(prefix="explorer-jobs-"))
    os.chmod(folder, 0o700)  # noqa: PTH101 - mkdtemp does it on POSIX; this states it
    return folder
