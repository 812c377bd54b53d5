"""All programs of a model: what runs in eval mode, and what only training reaches.

Training may reach parameters, as those of an auxiliary head, and buffers, as the running means of a codebook.
"""

from __future__ import annotations

from copy import deepcopy

from torch import nn

from explorer.engine.errors import TraceError
from explorer.engine.program import Program, Value
from explorer.engine.randomness import own_random_state
from explorer.engine.trace import ExampleInputs, doubled_batch, record
from explorer.engine.trees import named_buffers, named_parameters


def record_all(model: nn.Module, example_inputs: ExampleInputs) -> list[Program]:
    """The program in eval mode, and the one in train mode where only that reaches some parameters or buffers.

    Raises:
        TraceError: The model does not run on the example inputs, or returns no tensor.
    """
    programs = [record(model, example_inputs)]
    if _has_unreached(model, programs[0]):
        programs += _training_program(model, example_inputs, programs[0])
    return programs


def _has_unreached(model: nn.Module, program: Program) -> bool:
    buffers = [buffer for _, buffer in named_buffers(model) if buffer.is_floating_point() and buffer.dim()]
    return len(_reached(program)) < len(named_parameters(model)) + len(buffers)


def _reached(program: Program) -> set[str]:
    """Names of the parameters, and of the buffers that have dimensions of real numbers, that an op reads."""
    read = {value for op in program.ops for value in op.inputs()}
    return {value.name for value in map(program.values.__getitem__, read) if _is_real_state(value)}


def _is_real_state(value: Value) -> bool:
    is_real = value.kind == "buffer" and value.dtype.is_floating_point and bool(value.shape)
    return is_real or value.kind == "parameter"


def _training_program(model: nn.Module, example_inputs: ExampleInputs, evaluated: Program) -> list[Program]:
    """The program in train mode, where that reaches more; nothing where the model cannot run so."""
    try:
        copy = deepcopy(model)
        for module in copy.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = 0.0
        with own_random_state():
            program = record(copy, doubled_batch(example_inputs), is_training=True)
    except (TraceError, RuntimeError):
        return []  # a model that needs targets to train, or that cannot be copied, is traced in eval mode alone
    return [program] if _reached(program) - _reached(evaluated) else []
