"""``pt2``: the program that `torch.export` captures, in PyTorch's own file.

PyTorch puts example inputs into the file as a pickle; they are left out, so that the file holds none.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import torch

from explorer.exports.format import Format, Overhead
from explorer.exports.refusing import containers
from explorer.exports.subject import Subject

if TYPE_CHECKING:
    from explorer.engine.plan import Plan
    from explorer.engine.ways import Way

FILE = "model.pt2"


def _write(subject: Subject, folder: Path) -> None:
    program = subject.program
    examples = program.example_inputs
    program.example_inputs = None
    try:
        with (folder / FILE).open("wb") as file:
            patient = _Patient(file)
            torch.export.save(program, cast("IO[bytes]", patient))
            if patient.error:
                raise patient.error
    finally:
        program.example_inputs = examples


def _refusal(plan: Plan, way: Way) -> str:
    strange = next((kind for kind in containers(plan) if kind.__module__.partition(".")[0] not in _OWN), None)
    if strange is None:
        return ""
    return (
        f"The model returns a {strange.__name__}, which only a process that imports {strange.__module__} could load. "
        "Choose onnx, which gives the tensors alone, or let the model return tensors, tuples, lists or dicts."
    )


_OWN = ("builtins", "collections", "torch")
"""Packages whose containers PyTorch writes into a file and finds again."""


class _Patient(io.RawIOBase):
    """A file that keeps what went wrong for later: PyTorch's writer ends the whole process where a disk is full.

    Attributes:
        error: Why something could not be written; nothing is written after that.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always, as PyTorch asks for."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """The new position, which PyTorch sets once everything is written."""
        return 0 if self.error else self._file.seek(offset, whence)

    def write(self, content: Any) -> int:
        """The number of bytes of the content, also where they could not be written."""
        if self.error is None:
            try:
                self._file.write(content)
            except OSError as error:
                self.error = error
        return memoryview(content).nbytes


PT2 = Format(
    name="pt2",
    title="torch.export program",
    good_for="Running in PyTorch without the model's code, and compiling ahead of time; for inference.",
    write=_write,
    loading=lambda subject: f'import torch\n\nmodel = torch.export.load("{FILE}").module()',
    call=lambda subject: f"outputs = {subject.call_text}",
    overhead=Overhead(fixed=3000, tensor=1300, call=710),
    refusal=_refusal,
    is_captured=True,
)
