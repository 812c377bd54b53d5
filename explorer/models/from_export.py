"""Programs that `torch.export` captured, as modules that can be traced, pruned and run like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram

from explorer.engine.errors import TraceError
from explorer.engine.trace import ExampleInputs

_AS_CODE: Mapping[Any, Callable[..., Any]] = {
    torch.ops.aten.sym_size.int: torch.Tensor.size,
    torch.ops.aten.lstm.input: torch.lstm,
    torch.ops.aten.gru.input: torch.gru,
    torch.ops.aten.rnn_tanh.input: torch.rnn_tanh,
    torch.ops.aten.rnn_relu.input: torch.rnn_relu,
}
"""Ops that are recorded as the call that people write: sizes keep their origin, recurrent layers show their steps."""


def module_of(program: ExportedProgram) -> nn.Module:
    """The program as a module with parameters and buffers under their original names.

    Sizes in it are literals, so that pruning replays its calls where they hold a pruned size.

    Raises:
        TraceError: It was captured in a form that is no longer a module.
    """
    captured = program.module(check_guards=False)
    if not isinstance(captured, fx.GraphModule):
        raise TraceError(
            f"The exported program is a {type(captured).__name__}. Capture the model with torch.export.export."
        )
    for node in captured.graph.nodes:
        node.target = _AS_CODE.get(node.target, node.target) if node.op == "call_function" else node.target
    # A new one, since PyTorch forbids the first to be put into eval mode, which it is in anyway.
    return fx.GraphModule(captured, captured.graph, class_name="ExportedProgram").eval()


def example_inputs_of(program: ExportedProgram) -> ExampleInputs:
    """The inputs that the program was captured with.

    Raises:
        TraceError: It was saved without them.
    """
    if program.example_inputs is None:
        raise TraceError("The exported program carries no example inputs. Pass example_inputs that it runs on.")
    args, kwargs = program.example_inputs
    if not kwargs:
        inputs: ExampleInputs = tuple(args)
        return inputs
    return dict(kwargs) if not args else lambda model: model(*args, **kwargs)
