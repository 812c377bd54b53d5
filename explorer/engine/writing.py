"""New folders that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from explorer.engine.claims import claim
from explorer.engine.errors import SaveError


def check_free(target: Path) -> None:
    """Whether something may be saved to a folder.

    Raises:
        SaveError: It is a file, holds something, or is where one is already.
    """
    if target.name in ("", ".."):
        raise SaveError(f"{target} is a folder that cannot be made anew. Name one in it: {target / 'pruned'}")
    if target.is_dir() and any(target.iterdir()):
        raise SaveError(f"The folder {target} is not empty. Choose another, or remove what is in it first.")
    if target.exists() and not target.is_dir():
        raise SaveError(f"{target} is a file, and a folder is needed. Choose another name.")


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `target` once everything is in it.

    It lies next to the target, so that it becomes the target by one rename. What fails inside, or ends the process,
    leaves no target. A process that is killed leaves a hidden folder whose name begins with a dot and the target's; who
    writes to the same target later clears it.

    Args:
        target: A folder that does not exist yet, or is empty.

    Raises:
        SaveError: The target holds something, or the disk refuses.
    """
    check_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = claim(target.parent, f".{target.name}-")
    except OSError as error:
        raise SaveError(f"{target} cannot be written: {error}. Choose a folder that you may write to.") from error
    try:
        yield unfinished.path
        unfinished.path.chmod(0o755)
        unfinished.path.replace(target)
    except OSError as error:
        raise SaveError(f"{target} could not be written: {error}. Nothing was left there.") from error
    finally:
        unfinished.remove()
