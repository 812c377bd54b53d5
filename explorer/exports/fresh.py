"""Loads an export as its own lines say, runs it, and writes down what came out.

Run by path in a process of its own: ``python -P fresh.py TASK``. It imports nothing of the explorer, and the model
cannot either unless the task says that its format needs that. TASK is a folder with ``task.json`` and
``tensors.safetensors``; the answer is ``outputs.safetensors``, with the tensors of each case by ``case.number``.
"""

from __future__ import annotations

import dataclasses
import importlib.abc
import importlib.machinery
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

OURS = ("explorer", "sample_models")


class _Without(importlib.abc.MetaPathFinder):
    """Finds our packages nowhere but inside the export."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in OURS:
            return None
        places = [place for place in (sys.path if path is None else path) if Path(place).is_relative_to(self._folder)]
        found = importlib.machinery.PathFinder.find_spec(name, places)
        if found is None:
            raise ModuleNotFoundError(f"the export asks for {name}, which belongs to the explorer", name=name)
        return found


def _filled(tree: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Inputs with the tensors in their places."""
    if isinstance(tree, dict):
        if "tensor" in tree:
            return tensors[tree["tensor"]]
        return {key: _filled(item, tensors) for key, item in tree["items"].items()}
    return [_filled(item, tensors) for item in tree] if isinstance(tree, list) else tree


def _flat(tree: Any) -> list[torch.Tensor]:
    """Every tensor or array of what a model returned, in order."""
    if isinstance(tree, Mapping):
        return [tensor for item in tree.values() for tensor in _flat(item)]
    if isinstance(tree, (list, tuple)):
        return [tensor for item in tree for tensor in _flat(item)]
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [tensor for field in dataclasses.fields(tree) for tensor in _flat(getattr(tree, field.name))]
    return [] if tree is None or isinstance(tree, (int, float, str)) else [torch.as_tensor(tree)]


def main(folder: Path) -> None:
    """Does the task in a folder."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "tensors.safetensors")
    os.chdir(task["folder"])
    sys.path.insert(0, task["folder"])
    if task["explorer"]:
        sys.path.append(task["explorer"])
    else:
        sys.meta_path.insert(0, _Without(task["folder"]))
    names: dict[str, Any] = {"__name__": "loading"}
    exec(task["loading"], names)
    outputs: dict[str, torch.Tensor] = {}
    for case, inputs in task["cases"].items():
        names["inputs"] = _filled(inputs, tensors)
        with torch.no_grad():
            exec(task["call"], names)
        flat = _flat(names["outputs"])
        outputs |= {f"{case}.{number}": tensor.detach().contiguous().clone() for number, tensor in enumerate(flat)}
    save_file(outputs, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
