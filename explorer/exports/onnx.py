"""``onnx``: for ONNX Runtime and all else that reads ONNX, by PyTorch's exporter that builds on `torch.export`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from explorer.engine.errors import ExportError
from explorer.exports.format import Format, Overhead
from explorer.exports.subject import Subject, without_remarks

FILE = "model.onnx"
LARGEST = 2**31 - 2**24
"""Bytes of weights that one ONNX file can hold; larger ones lie in a second file next to it."""

_LOADING = f"""\
import onnxruntime
import torch

session = onnxruntime.InferenceSession("{FILE}")
names = [entry.name for entry in session.get_inputs()]"""

_CALL = "outputs = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})"


def write_onnx(subject: Subject, folder: Path, *, largest: int = LARGEST) -> None:
    """Writes a model as ONNX.

    Args:
        subject: What is exported.
        folder: An empty folder.
        largest: Bytes of weights that go into the file itself; larger ones lie next to it, in ``model.onnx.data``.

    Raises:
        ExportError: ONNX cannot express the model.
    """
    program = subject.program
    held = [*program.state_dict.values(), *program.constants.values()]
    size = sum(tensor.nbytes for tensor in held if isinstance(tensor, Tensor))
    try:
        with without_remarks():
            made = torch.onnx.export(program, dynamo=True, verbose=False)
            assert made is not None, "the exporter returns a program unless it is given a file"
            made.save(folder / FILE, external_data=size > largest)
    except torch.onnx.errors.OnnxExporterError as error:
        raise ExportError(
            f"PyTorch's ONNX exporter cannot express {type(subject.model).__name__}: "
            f"{str(error.__cause__ or error).strip().splitlines()[0]} Choose pt2 or program, which hold the same "
            "program for PyTorch."
        ) from error


ONNX = Format(
    name="onnx",
    title="ONNX",
    good_for="Running without PyTorch: ONNX Runtime on servers, phones and in browsers; for inference.",
    write=write_onnx,
    loading=lambda subject: _LOADING,
    call=lambda subject: _CALL,
    overhead=Overhead(fixed=25_000, tensor=340, call=270),
    takes="flat",
    is_captured=True,
    requires=("onnx", "onnxscript", "onnxruntime"),
)
