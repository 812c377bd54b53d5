"""The state of a training on disk, so that a killed one goes on where it was. No pickle: `weights_only` reads it."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from explorer.engine.errors import SaveError, TrainingError
from explorer.engine.recipe import architecture_of

State = dict[str, Any]


MOST_SAID = 120
"""Letters of what PyTorch says of a file that it cannot load; the rest tells how to load code from it."""


class CheckpointError(TrainingError):
    """What lies where a checkpoint is to be is none, or belongs to another training."""


class Place(Protocol):
    """Where the state of a training lies: a file, or something else that holds bytes. Its text names it."""

    def read(self) -> bytes | None:
        """What lies there; None where nothing does."""

    def write(self, content: bytes) -> None:
        """Puts something there; a `SaveError` leaves what lay there before."""


@dataclass(frozen=True)
class FilePlace:
    """A file that holds the state of a training."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> bytes | None:
        """What the file holds; None where there is none."""
        return self.path.read_bytes() if self.path.exists() else None

    def write(self, content: bytes) -> None:
        """Nothing; the file then holds the content, whole, or what it held before.

        Raises:
            SaveError: It cannot be written, for example because the disk is full.
        """
        write_whole(self.path, content)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training after each epoch, and what somebody who watches it wants back with it.

    Attributes:
        place: Where it lies.
        take: What lies beside it: numbers, text, tensors, and lists and dicts of them.
        give: Told what lies beside the state that a training goes on from.
    """

    place: Place
    take: Callable[[], Any] = lambda: None
    give: Callable[[Any], object] = lambda _: None

    @classmethod
    def at(cls, where: str | Path | Checkpoint | None) -> Checkpoint | None:
        """The checkpoint in a file, or the one that is given; None where the state is not kept."""
        return where if isinstance(where, Checkpoint) else cls(FilePlace(Path(where))) if where else None

    def write(self, state: State) -> None:
        """Keeps a state and what lies beside it.

        Raises:
            SaveError: It cannot be written; the one before it is whole.
        """
        held = io.BytesIO()
        torch.save(state | {"beside": self.take()}, held)
        self.place.write(held.getvalue())

    def read(self, run: State) -> State | None:
        """The state that was kept of the same run, once what lay beside it is given back; None where there is none.

        Args:
            run: What says which run it is: settings, first weights and regulariser.

        Raises:
            CheckpointError: It is no checkpoint, or of another run.
        """
        try:
            if (content := self.place.read()) is None:
                return None
            state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            written, beside = state["run"], state.get("beside")
        except Exception as error:
            said = str(error).strip().partition("\n")[0][:MOST_SAID]
            raise CheckpointError(
                f"{self.place} is no checkpoint of a training: {said}. Choose another path."
            ) from error
        different = [name for name in run if written.get(name) != run[name]]
        if different:
            said = ", ".join(f"{name} was {written.get(name)!r}, now {run[name]!r}" for name in different)
            raise CheckpointError(
                f"{self.place} belongs to another training: {said}. Choose another path, or delete it."
            )
        if beside is not None:
            self.give(beside)
        return state


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
