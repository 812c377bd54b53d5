"""The check of an export: a fresh process loads it and must give what the pruned model gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from explorer.engine.errors import ExportError
from explorer.engine.verify import relative_error
from explorer.exports.format import Format
from explorer.exports.subject import Inputs, Subject, outputs_of

TOLERANCE = 1e-5
"""Largest difference from the pruned model's outputs, relative to the largest of them, that counts as equal."""

SECONDS = 900
"""How long the fresh process may take."""

_FRESH = Path(__file__).with_name("fresh.py")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Check:
    """What loading an export and running it showed.

    Attributes:
        error: Largest difference from the pruned model's outputs, relative to the largest of them.
        batches: Sizes of the batches that were compared: one where the export takes no other, none where the inputs of
            the model are not one batch.
        process: What loaded it: ``alone``, a fresh process in which nothing of the explorer can be imported;
            ``explorer``, a fresh process that imports the explorer; ``here``, since it needs what is in memory.
    """

    error: float
    batches: tuple[int, ...]
    process: str

    def __str__(self) -> str:
        found = _PROCESSES[self.process]
        sizes = f" for batches of {' and '.join(map(str, self.batches))}" if self.batches else ""
        only = " alone, which is all it takes" if len(self.batches) == 1 else ""
        size = f"largest difference {self.error:.0e}" if self.error else "bit for bit"
        return f"loaded {found}; outputs equal the pruned model's{sizes}{only}, {size}"


_PROCESSES = {
    "alone": "by a fresh process without the explorer",
    "explorer": "by a fresh process with the explorer",
    "here": "in this process, since it needs the original model",
}


def check(subject: Subject, form: Format, folder: Path) -> Check:
    """Load what was written, as the format's own lines say, and compare.

    Args:
        subject: What was exported.
        form: The format.
        folder: Where it was written. What the check itself writes is next to it for as long as it takes.

    Raises:
        ExportError: It does not load, or gives other outputs.
    """
    cases = _cases(subject, form)
    expected = {name: outputs_of(subject.model, inputs) for name, inputs in cases.items()}
    model = form.reload(subject, folder)
    if model is None:
        found = _in_fresh_process(subject, form, folder, cases)
    else:
        found = {name: outputs_of(model, inputs) for name, inputs in cases.items()}
    error = max(_difference(form, found[name], expected[name]) for name in cases)
    if not error <= TOLERANCE:
        raise ExportError(
            f"The export '{form.name}' gives outputs that differ from the pruned model's by {error:.1e} of the "
            f"largest, more than {TOLERANCE:.0e}. It was not kept; choose another format."
        )
    process = "here" if model is not None else "explorer" if form.needs_explorer else "alone"
    return Check(error, _batches(subject, cases), process)


def _cases(subject: Subject, form: Format) -> dict[str, Inputs]:
    """The inputs to compare on: the traced ones, and a batch of another size where that is free."""
    more = subject.more_inputs
    if more is None or (form.is_captured and not subject.is_batch_free):
        return {"traced": subject.inputs}
    return {"traced": subject.inputs, "more": more}


def _batches(subject: Subject, cases: Mapping[str, Inputs]) -> tuple[int, ...]:
    if subject.more_inputs is None:
        return ()
    return tuple(len(inputs.tensors[0]) for inputs in cases.values())


def _in_fresh_process(
    subject: Subject, form: Format, folder: Path, cases: Mapping[str, Inputs]
) -> dict[str, list[Tensor]]:
    around = folder.parent.resolve()  # where what a killed process leaves is cleared
    with tempfile.TemporaryDirectory(prefix="check-", dir=around) as place:
        task = Path(place)
        _write_task(subject, form, folder, cases, task)
        environment = os.environ | {"PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_FRESH), str(task)],
                capture_output=True, text=True, check=False, timeout=SECONDS, env=environment,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ExportError(
                f"Loading the export '{form.name}' took more than {SECONDS} s; it was not kept."
            ) from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [_ended(done.returncode)])[-1]
            raise ExportError(
                f"The export '{form.name}' does not load in a fresh process: {last}. It was not kept; choose another "
                "format."
            )
        return _outputs(load_file(task / "outputs.safetensors"), cases)


def _ended(code: int) -> str:
    """How a process ended that said nothing."""
    return f"it was ended by signal {-code}, perhaps for lack of memory" if code < 0 else f"exit code {code}"


def _outputs(tensors: Mapping[str, Tensor], cases: Mapping[str, Inputs]) -> dict[str, list[Tensor]]:
    found: dict[str, list[Tensor]] = {}
    for case in cases:
        count = sum(name.startswith(f"{case}.") for name in tensors)
        found[case] = [tensors[f"{case}.{number}"] for number in range(count)]
    return found


def _write_task(subject: Subject, form: Format, folder: Path, cases: Mapping[str, Inputs], task: Path) -> None:
    tensors: dict[str, Tensor] = {}
    trees = {name: _tree(_given(form, inputs), tensors) for name, inputs in cases.items()}
    save_file(tensors, task / "tensors.safetensors")
    what = {
        "folder": str(folder.resolve()),
        "explorer": str(_ROOT) if form.needs_explorer else "",
        "loading": form.loading(subject),
        "call": form.call(subject),
        "cases": trees,
    }
    (task / "task.json").write_text(json.dumps(what), encoding="utf-8")


def _given(form: Format, inputs: Inputs) -> Any:
    """What the format's line for a call finds in `inputs`."""
    if form.takes == "flat":
        return inputs.tensors
    if not inputs.kwargs:
        return inputs.args
    return [inputs.args, inputs.kwargs] if inputs.args else inputs.kwargs


def check_handed(inputs: Any) -> None:
    """Nothing, where inputs can be handed to the process that checks an export.

    Raises:
        ExportError: Something among them is neither tensor, number nor text.
    """
    _tree(inputs, {})


def _tree(item: Any, tensors: dict[str, Tensor]) -> Any:
    """Inputs as JSON, with each tensor put aside under a name."""
    if isinstance(item, Tensor):
        name = f"input.{len(tensors)}"
        tensors[name] = item.detach().contiguous().clone()
        return {"tensor": name}
    if isinstance(item, Mapping):
        return {"items": {key: _tree(value, tensors) for key, value in item.items()}}
    if isinstance(item, (list, tuple)):
        return [_tree(value, tensors) for value in item]
    if item is None or isinstance(item, (bool, int, float, str)):
        return item
    raise ExportError(
        f"The model was traced with an argument of type {type(item).__name__}, which cannot be handed to the process "
        "that checks an export. Trace it on tensors, numbers and text."
    )


def _difference(form: Format, found: list[Tensor], expected: list[Tensor]) -> float:
    shapes = [[tuple(tensor.shape) for tensor in tensors] for tensors in (found, expected)]
    if shapes[0] != shapes[1]:
        raise ExportError(
            f"The export '{form.name}' returns tensors of shapes {shapes[0]}, the pruned model {shapes[1]}. It was not "
            "kept; choose another format."
        )
    return relative_error(found, expected)
