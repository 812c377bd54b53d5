"""A folder as one file that a browser can take."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO


def zip_folder(folder: Path, target: Path | IO[bytes]) -> None:
    """Write all files below a folder into a zip, by their path below it, sorted.

    Args:
        folder: Where the files are.
        target: What to write.

    Raises:
        OSError: The disk refuses.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
