"""A model from what `torch.export.export` returned: a module that runs its graph, and the inputs it was exported on."""

from __future__ import annotations

from inspect import signature

from torch import nn
from torch.export import ExportedProgram
from torch.fx import GraphModule

from explorer.engine.errors import TraceError
from explorer.engine.trace import ExampleInputs


def module_of(program: ExportedProgram) -> nn.Module:
    """A module that runs a program's graph, with the parameters under their own names.

    What `ExportedProgram.module` returns refuses to be put into eval mode, and checks its inputs for the sizes of the
    export; this one does neither. It is in eval mode, and its own calls do the same in train mode.

    Args:
        program: An exported program; the module shares its weights.

    Source:
        https://docs.pytorch.org/docs/stable/export.html
    """
    unlifted = program.module(check_guards=False)
    assert isinstance(unlifted, GraphModule)
    return GraphModule(unlifted, unlifted.graph).eval()


def inputs_of(program: ExportedProgram, module: nn.Module) -> ExampleInputs:
    """What a program was exported on, as example inputs: positional ones, or all by name where some are.

    Args:
        program: An exported program.
        module: What `module_of` made of it, whose forward names the inputs.

    Raises:
        TraceError: The program was saved without them.
    """
    if program.example_inputs is None:
        raise TraceError(
            "The exported program holds no example inputs. Pass some: a tensor, a tuple of positional inputs, a dict "
            "of keyword inputs, or a callable that takes the model and runs it."
        )
    args, kwargs = program.example_inputs
    names = signature(module.forward).parameters
    return dict(zip(names, args, strict=False)) | kwargs if kwargs else tuple(args)
