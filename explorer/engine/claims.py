"""Folders that belong to the process that made them, and what is left of processes that were killed.

A process locks the folder that it works in. The system drops the lock when the process ends, however it ends, so an
unlocked folder of such a name belongs to nobody. Where folders cannot be locked, nothing is cleared.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a folder cannot be opened
    fcntl = None  # type: ignore[assignment]

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
SUFFIX = f".{_HOST}.explorer"
"""Of the name of a claimed folder; with the machine, since a lock need not be seen on others that share the disk."""


@dataclass(frozen=True)
class Claim:
    """A folder that this process holds.

    Attributes:
        path: Where it is, with a name that nothing else has.
    """

    path: Path
    _lock: int | None
    _process: int

    def remove(self) -> None:
        """Removes the folder where it still has its name, and lets go of it; does nothing in a forked process."""
        if os.getpid() != self._process:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def claim(parent: Path, prefix: str) -> Claim:
    """A new folder that only its owner can enter, held until it is removed or this process ends.

    What killed processes of this machine left there under the same prefix is cleared first.

    Args:
        parent: Where it is made.
        prefix: What its name begins with.

    Raises:
        OSError: The disk refuses.
    """
    clear(parent, prefix)
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, suffix=SUFFIX, dir=parent))
        try:
            return Claim(path, _lock(path), os.getpid())
        except (BlockingIOError, FileNotFoundError):
            continue  # somebody who clears came between the making and the locking


def clear(parent: Path, prefix: str) -> None:
    """Removes the folders that `claim` made there, under the same prefix, and that no living process holds.

    Args:
        parent: Where they would be.
        prefix: What their names begin with.
    """
    name = re.compile(rf"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(SUFFIX)}")
    with suppress(OSError):  # whoever makes a folder there is told
        for path in [each for each in parent.iterdir() if name.fullmatch(each.name)]:
            _clear(path)


def _lock(path: Path) -> int | None:
    """A locked handle of a folder; None where folders cannot be locked.

    Raises:
        BlockingIOError: Somebody else has locked it.
        FileNotFoundError: It was removed meanwhile.
    """
    if fcntl is None:
        return None
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.stat()
    except (BlockingIOError, FileNotFoundError):
        os.close(handle)
        raise
    except OSError:  # this disk knows no locks
        os.close(handle)
        return None
    return handle


def _clear(path: Path) -> None:
    """Removes a folder of ours that nobody holds."""
    if fcntl is None:
        return
    handle = None
    with suppress(OSError):  # held, another user's, gone, or no folder
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_uid == os.geteuid():
            shutil.rmtree(path, ignore_errors=True)
    if handle is not None:
        os.close(handle)
