"""Models that a function in a Python file of the user's returns."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from torch import Tensor, nn

from explorer.engine.errors import ModelSourceError
from explorer.models.seeding import fixed_seed
from explorer.models.source import FileSource, did_you_mean

ExampleInputs: TypeAlias = tuple[Any, ...] | dict[str, Any] | Callable[[nn.Module], Any]
"""Positional inputs, keyword inputs, or a function that runs the model: what `explorer.trace` takes."""


def build_from_file(source: FileSource) -> tuple[nn.Module, ExampleInputs | None]:
    """The model that the factory returns, and its example inputs where it returns them too.

    The file runs anew on each call, with its folder on the import path, as `python file.py` would have it.

    Raises:
        ModelSourceError: If there is no such file or function, if either raises, or if something else is returned.
    """
    factory = _factory(_run_file(source.path), source)
    try:
        with fixed_seed():
            returned = factory()
    except Exception as error:
        raise ModelSourceError(f"'{source}' raised {type(error).__name__}: {error}") from error
    if isinstance(returned, nn.Module):
        return returned, None
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[0], nn.Module):
        return returned[0], _example_inputs(returned[1], source)
    raise ModelSourceError(
        f"'{source}' returned {type(returned).__name__}. It must return a torch.nn.Module, or (module, example_inputs)."
    )


def _run_file(path: Path) -> ModuleType:
    """The module that running the file gives."""
    if not path.is_file():
        raise ModelSourceError(f"There is no file '{path}'. Give the path of a Python file, relative to {Path.cwd()}.")
    name = f"explorer_source_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelSourceError(f"'{path}' cannot be imported. Give a Python file, ending in .py.")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.modules[name] = module  # dataclasses and pickling look their module up by name
    try:
        with fixed_seed():
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ModelSourceError(f"Running '{path}' raised {type(error).__name__}: {error}") from error
    return module


def _factory(module: ModuleType, source: FileSource) -> Callable[[], Any]:
    """The function that the source names."""
    factory = getattr(module, source.factory, None)
    if factory is None:
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ModelSourceError(
            f"'{source.path}' defines no '{source.factory}'. {did_you_mean(source.factory, names)}"
            "Name a function in it that returns the model."
        )
    if isinstance(factory, nn.Module) or not callable(factory):
        raise ModelSourceError(
            f"'{source}' is of type {type(factory).__name__}, and no function. Name a function that returns the model."
        )
    called: Callable[[], Any] = factory
    return called


def _example_inputs(given: object, source: FileSource) -> ExampleInputs:
    """The given inputs, a single tensor as a tuple of one."""
    if isinstance(given, Tensor):
        return (given,)
    if isinstance(given, tuple | dict) or callable(given):
        return given
    raise ModelSourceError(
        f"'{source}' returned example inputs of type {type(given).__name__}. Return a tensor, a tuple of positional "
        "inputs, a dict of keyword inputs, or a function that takes the model and runs it."
    )
