"""The state of a training on disk, so that a killed one goes on where it was. No pickle: `weights_only` reads it."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from explorer.engine.errors import SaveError, TrainingError
from explorer.engine.recipe import architecture_of

State = dict[str, Any]


def write_checkpoint(path: Path, state: State) -> None:
    """Nothing; `path` then holds the state, whole, or what it held before.

    Raises:
        SaveError: It cannot be written, for example because the disk is full.
    """
    held = io.BytesIO()
    torch.save(state, held)
    write_whole(path, held.getvalue())


def write_whole(path: Path, content: bytes) -> None:
    """Nothing; `path` then holds the content, or what it held before.

    Raises:
        SaveError: It cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):  # what failed may be the folder itself
            unfinished.unlink()
        kept = f"{path} still holds the state before it" if path.exists() else "nothing was written"
        raise SaveError(
            f"{path.name} could not be written ({len(content):,} bytes): {error}. {kept[0].upper()}{kept[1:]}; make "
            "room or choose another folder, and start again to go on."
        ) from error


def weights_digest(model: nn.Module) -> str:
    """16 hexadecimal digits for the architecture and the weights of a model."""
    digest = hashlib.sha256(architecture_of(model).encode())
    for tensor in model.state_dict().values():
        real = tensor.abs() if tensor.is_complex() else tensor.double()
        digest.update(f"{real.sum().item()} {real.square().sum().item()};".encode())
    return digest.hexdigest()[:16]


def read_checkpoint(path: Path, run: State) -> State | None:
    """The state that was written for the same run; None where there is none.

    Args:
        path: The file.
        run: What says which run it is: settings, first weights and regulariser.

    Raises:
        TrainingError: The file is no checkpoint, or of another run.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        written = state["run"]
    except Exception as error:
        raise TrainingError(f"{path} is no checkpoint of a training: {error}. Choose another path.") from error
    different = [name for name in run if written.get(name) != run[name]]
    if different:
        said = ", ".join(f"{name} was {written.get(name)!r}, now {run[name]!r}" for name in different)
        raise TrainingError(f"{path} belongs to another training: {said}. Choose another path, or delete it.")
    found: State = state
    return found
