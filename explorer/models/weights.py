"""Weights from a file into a model: every name and shape fits, or nothing is loaded."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from explorer.engine.errors import ModelSourceError

LISTED_NAMES = 20


def load_weights(model: nn.Module, path: Path) -> None:
    """Loads a file of weights into `model`, in place, on the devices and in the dtypes that the model has.

    Tensors that the model shares between names may be stored under one of them, as safetensors does.

    Args:
        model: What the weights are for.
        path: A safetensors file (`.safetensors`), or a state dict written by `torch.save`. Nothing is unpickled but
            tensors.

    Raises:
        ModelSourceError: If the file cannot be read, or any name is missing, unexpected or misshapen. The model is
            unchanged then, and the message lists the names.
    """
    given = _read(path)
    wanted: dict[str, Tensor] = model.state_dict()
    stored_as = _aliases(wanted)
    missing = [name for name in wanted if not any(alias in given for alias in stored_as[name])]
    unexpected = [name for name in given if name not in wanted]
    misshapen = [
        f"{name} (file {_form(given[name])}, model {_form(wanted[name])})"
        for name in wanted
        if name in given and _form(given[name]) != _form(wanted[name])
    ]
    if missing or unexpected or misshapen:
        raise ModelSourceError(
            f"The weights in '{path}' do not fit {type(model).__name__}; nothing was loaded."
            + _listing("missing", missing)
            + _listing("unexpected", unexpected)
            + _listing("misshapen", misshapen)
            + "\nGive weights that were saved from this very architecture."
        )
    model.load_state_dict({name: given[next(alias for alias in stored_as[name] if alias in given)] for name in wanted})


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors in a file, by name, on the CPU."""
    if not path.is_file():
        raise ModelSourceError(f"There is no file of weights '{path}'. Give a path relative to {Path.cwd()}.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelSourceError(
            f"'{path}' holds more than tensors, or is no file of weights, and was not opened: unpickling it could run "
            "code. Save the weights with torch.save(model.state_dict(), ...) or as safetensors."
        ) from error
    except (OSError, RuntimeError, EOFError) as error:
        raise ModelSourceError(
            f"'{path}' cannot be read as weights: {str(error) or 'it is empty'}. "
            "Give a .safetensors file or what torch.save wrote."
        ) from error
    return _state_dict(content, path)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelSourceError(f"'{path}' cannot be read as safetensors: {error}. Save the file anew.") from error


def _state_dict(content: object, path: Path) -> dict[str, Tensor]:
    """`content`, if it is a flat mapping of names to tensors."""
    if isinstance(content, Mapping):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        if len(tensors) == len(content):
            return tensors
        found = f"a dict with {', '.join(str(name) for name in list(content)[:LISTED_NAMES])}"
    else:
        found = type(content).__name__
    raise ModelSourceError(
        f"'{path}' holds {found}, where a state dict, names to tensors, was expected. "
        "Save model.state_dict() by itself, without optimizer or epoch."
    )


def _aliases(state: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """For each name, itself first, then the names that share its memory (tied weights)."""
    sharing: dict[tuple[int, torch.Size], list[str]] = {}
    for name, tensor in state.items():
        if tensor.numel():
            sharing.setdefault((tensor.data_ptr(), tensor.shape), []).append(name)
    aliases = {name: [name] for name in state}
    for group in sharing.values():
        for name in group:
            aliases[name] += [other for other in group if other != name]
    return aliases


def _form(tensor: Tensor) -> str:
    """What must agree: the shape, and whether the numbers are whole."""
    return f"{list(tensor.shape)}" + ("" if tensor.is_floating_point() else f" {tensor.dtype}")


def _listing(what: str, names: list[str]) -> str:
    """One line that lists names; nothing where there are none."""
    return f"\n  {what} ({len(names)}): {', '.join(names)}" if names else ""
