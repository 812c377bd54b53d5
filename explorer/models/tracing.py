"""Tracing a model, or whatever a source names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import nn
from torch.export import ExportedProgram
from torch.jit import ScriptModule

from explorer.engine.errors import TraceError
from explorer.engine.graph import DependencyGraph, graph_of
from explorer.engine.graph import trace as trace_module
from explorer.engine.programs import record_all
from explorer.engine.trace import ExampleInputs
from explorer.models.from_export import example_inputs_of, module_of
from explorer.models.opening import OpenedModel, open_model


def trace(model: nn.Module | ExportedProgram | str, example_inputs: ExampleInputs | None = None) -> DependencyGraph:
    """The dependency graph of a model, from one run.

    Args:
        model: Any module, what `torch.export.export` captured of one, or a source by name: ``sample:NAME`` or
            ``torchvision:NAME``.
        example_inputs: A tensor, a tuple of positional inputs, a dict of keyword inputs, or a callable that runs the
            model it is given. A source by name brings its own, and so does a captured program.

    Returns:
        The graph; the model is as before.

    Raises:
        TraceError: The model does not run on the example inputs.
        ModelSourceError: The source names no model.

    Example:
        >>> graph = trace("sample:resnet20")
        >>> graph.groups[0].name
        'conv1'
    """
    if isinstance(model, str):
        return trace_opened(open_model(model), example_inputs)
    if isinstance(model, ExportedProgram):
        inputs = example_inputs_of(model) if example_inputs is None else example_inputs
        return trace_module(module_of(model), inputs)
    if not isinstance(model, nn.Module):
        raise TraceError(f"trace got a {type(model).__name__}. Pass a torch.nn.Module, or the name of a source.")
    if example_inputs is None:
        raise TraceError(
            f"{type(model).__name__} needs example inputs to run on: a tensor, a tuple of positional inputs, a dict of "
            "keyword inputs, or a callable that takes the model and runs it."
        )
    return trace_module(model, example_inputs)


def trace_opened(
    opened: OpenedModel, example_inputs: ExampleInputs | None = None, *, tell: Callable[[str], None] | None = None
) -> DependencyGraph:
    """The dependency graph of an opened source.

    Args:
        opened: A model with what is known about where it came from.
        example_inputs: Inputs to trace it on; its own by default.
        tell: Is told of each stage before it begins, ``tracing`` and ``grouping``, and of ``tracing`` again whenever a
            module runs; what it raises ends the work.

    Raises:
        TraceError: The model does not run on the example inputs.
    """
    inputs = opened.example_inputs if example_inputs is None else example_inputs
    if tell is None:
        return trace_module(opened.model, inputs, source=opened.source, title=opened.title)
    tell("tracing")
    with _whenever_a_module_runs(opened.model, partial(tell, "tracing")):
        programs = record_all(opened.model, inputs)
    tell("grouping")
    return graph_of(opened.model, inputs, programs, source=opened.source, title=opened.title)


@contextmanager
def _whenever_a_module_runs(model: nn.Module, tell: Callable[[], None]) -> Iterator[None]:
    """Calls `tell` before each forward of each module, so that a long run can be ended within."""

    def enter(*_: Any) -> None:
        tell()

    with ExitStack() as stack:
        for module in model.modules():
            if not isinstance(module, ScriptModule):
                handle = module.register_forward_pre_hook(enter)
                stack.callback(handle.remove)
        yield
