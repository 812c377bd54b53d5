"""Folders for what jobs leave."""

from __future__ import annotations

import os
import tempfile
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress
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


def lasting_folder(name: str) -> Path | None:
    """A folder that outlives this process and that only its owner can enter.

    It lies in the user's cache: in ``EXPLORER_CACHE`` where that names a folder, else in ``explorer`` in
    ``XDG_CACHE_HOME``, ``LOCALAPPDATA`` or ``~/.cache``.

    Args:
        name: What it is for.

    Returns:
        The folder, mode 0700; None where there can be none in the cache.
    """
    try:
        folder = _cache() / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except (OSError, RuntimeError):  # no home, or one that nobody may write to
        return None
    return folder


def _cache() -> Path:
    if own := os.environ.get("EXPLORER_CACHE"):
        return Path(own)
    usual = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(usual) if usual else Path.home() / ".cache") / "explorer"


def make_room(files: Iterable[Path], most: int) -> None:
    """Takes away the files that were used longest ago until the rest fits; the latest stays, whatever its size.

    Args:
        files: All of them; other processes may take some away meanwhile.
        most: Bytes of those that stay.
    """
    used = dict[Path, tuple[int, int]]()
    for file in files:
        with suppress(FileNotFoundError):
            found = file.stat()
            used[file] = found.st_mtime_ns, found.st_size
    total = 0
    for place, file in enumerate(sorted(used, key=lambda each: used[each][0], reverse=True)):
        total += used[file][1]
        if place and total > most:
            file.unlink(missing_ok=True)


def note_use(file: Path) -> None:
    """Notes that a file was used now; what the system notes by itself is too coarse to tell two apart."""
    now = time.time_ns()
    os.utime(file, ns=(now, now))
