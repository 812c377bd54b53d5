"""Tensors that jobs leave behind, on disk under the key of the job: weights of trained models, measured gradients."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from explorer.engine.errors import SaveError
from explorer.jobs.folders import make_room, note_use, private_folder
from explorer.training.checkpoint import write_whole

Outcome = tuple[dict[str, Any], bytes]
"""What comes out of a job: JSON data, and the bytes of a safetensors file, empty where it makes no tensors."""

KEPT_BYTES = 2 * 2**30


def packed(tensors: Mapping[str, Tensor]) -> bytes:
    """Named tensors as the bytes of a safetensors file, which nothing has to be unpickled for."""
    return save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})


def unpacked(content: bytes) -> dict[str, Tensor]:
    """The tensors that `packed` wrote."""
    return load(content)


class TensorStore:
    """Files in a folder that only its owner can enter; those that were used longest ago go when it is full.

    Args:
        folder: Where they are; made private to its owner. One that goes with it by default.
        most: Bytes of all of them together.
    """

    def __init__(self, folder: Path | None = None, most: int = KEPT_BYTES) -> None:
        self.folder, self._most = folder or private_folder(self), most
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def keep(self, key: str, content: bytes) -> None:
        """Keeps the bytes of `packed` under a key.

        Raises:
            SaveError: The disk refuses.
        """
        write_whole(self.file(key), content)
        note_use(self.file(key))
        make_room(self.folder.glob("*.safetensors"), self._most)

    def has(self, key: str) -> bool:
        """Whether there is something under a key."""
        return self.file(key).exists()

    def read(self, key: str) -> dict[str, Tensor]:
        """What is kept under a key.

        Raises:
            SaveError: There is nothing, or it cannot be read.
        """
        path = self.file(key)
        try:
            found = unpacked(path.read_bytes())
            note_use(path)
        except (OSError, SafetensorError) as error:
            raise SaveError(
                "What was trained or measured is no longer on the server: it was started anew, or made room for what "
                "came later. Run it again."
            ) from error
        return found

    def file(self, key: str, ending: str = "safetensors") -> Path:
        """The file for something under a key, there or not.

        Args:
            key: Any text.
            ending: What kind of file; only ``safetensors`` ones make room for others.
        """
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.{ending}"
