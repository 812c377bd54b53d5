"""``pt2``: the program that `torch.export` captures, in PyTorch's own file.

PyTorch puts example inputs into the file as a pickle; they are left out, so that the file holds none.
"""

from __future__ import annotations

from pathlib import Path

import torch

from explorer.exports.format import Format, Overhead
from explorer.exports.subject import Subject

FILE = "model.pt2"


def _write(subject: Subject, folder: Path) -> None:
    program = subject.program
    examples = program.example_inputs
    program.example_inputs = None
    try:
        torch.export.save(program, folder / FILE)
    finally:
        program.example_inputs = examples


PT2 = Format(
    name="pt2",
    title="torch.export program",
    good_for="Running in PyTorch without the model's code, and compiling ahead of time; for inference.",
    write=_write,
    loading=lambda subject: f'import torch\n\nmodel = torch.export.load("{FILE}").module()',
    call=lambda subject: f"outputs = {subject.call_text}",
    overhead=Overhead(fixed=3000, tensor=1300, call=710),
    is_captured=True,
)
