"""Running a Python file of the user's, for a function in it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from explorer.engine.errors import ExplorerError, did_you_mean
from explorer.engine.randomness import own_random_state

SEED = 0


def call_factory(path: Path, name: str, returns: str, error: type[ExplorerError]) -> Any:
    """What a function of a Python file returns.

    The file runs anew on each call, with its folder on the import path, as `python file.py` would have it; file and
    function see a fixed random seed.

    Args:
        path: The file.
        name: The function, or whatever else can be called without arguments.
        returns: What it should return, in words for errors: "the model".
        error: What is raised.

    Raises:
        ExplorerError: Of the type `error`, if there is no such file or function, or if either raises.
    """
    with own_random_state(SEED):
        factory = _function(_run(path, error), path, name, returns, error)
    with own_random_state(SEED):
        try:
            return factory()
        except Exception as problem:
            raise error(f"'{path}:{name}' raised {type(problem).__name__}: {problem}") from problem


def _run(path: Path, error: type[ExplorerError]) -> ModuleType:
    """The module that running the file gives."""
    if not path.is_file():
        raise error(f"There is no file '{path}'. Give the path of a Python file, relative to {Path.cwd()}.")
    name = f"explorer_source_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise error(f"'{path}' cannot be imported. Give a Python file, ending in .py.")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.modules[name] = module  # dataclasses and pickling look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        del sys.modules[name]
        raise error(f"Running '{path}' raised {type(problem).__name__}: {problem}") from problem
    return module


def _function(module: ModuleType, path: Path, name: str, returns: str, error: type[ExplorerError]) -> Callable[[], Any]:
    """The function `name` of the module."""
    found = getattr(module, name, None)
    if found is None:
        names = [known for known, value in vars(module).items() if callable(value) and not known.startswith("_")]
        raise error(
            f"'{path}' defines no '{name}'. {did_you_mean(name, names)}Name a function in it that returns {returns}."
        )
    if not callable(found) or isinstance(found, nn.Module):
        raise error(
            f"'{path}:{name}' is of type {type(found).__name__}, and no function. Name a function that returns "
            f"{returns}."
        )
    called: Callable[[], Any] = found
    return called
