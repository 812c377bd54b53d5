"""Models that a function in a Python file of the user's returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from torch import Tensor, nn

from explorer.code_file import call_factory
from explorer.engine.errors import ModelSourceError
from explorer.models.source import FileSource

ExampleInputs: TypeAlias = tuple[Any, ...] | dict[str, Any] | Callable[[nn.Module], Any]
"""Positional inputs, keyword inputs, or a function that runs the model: what `explorer.trace` takes."""


def build_from_file(source: FileSource) -> tuple[nn.Module, ExampleInputs | None]:
    """The model that the factory returns, and its example inputs where it returns them too.

    The file runs anew on each call, with its folder on the import path, as `python file.py` would have it.

    Raises:
        ModelSourceError: If there is no such file or function, if either raises, or if something else is returned.
    """
    returned = call_factory(source.path, source.factory, "the model", ModelSourceError)
    if isinstance(returned, nn.Module):
        return returned, None
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[0], nn.Module):
        return returned[0], _example_inputs(returned[1], source)
    raise ModelSourceError(
        f"'{source}' returned {type(returned).__name__}. It must return a torch.nn.Module, or (module, example_inputs)."
    )


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
