"""Runs a model once and records what it does: `record` turns a model and inputs into a `Program`.

Two recorders listen at once. A dispatch mode sees every ATen operation: what happens. A function mode sees every torch
call with the provenance of its integers: what the code says.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from explorer.engine.errors import ExplorerError, TraceError
from explorer.engine.program import Program
from explorer.engine.provenance import Attribute, TracedInt
from explorer.engine.recorder import RECURRENT, CallMode, OpMode, Recorder
from explorer.engine.shadow import (
    NoShadowError,
    is_meta,
    shadow_inputs,
    shadowed,
    why_real,
    why_unfaithful,
)
from explorer.engine.shadow_ops import META
from explorer.engine.switches import PLAIN_ATTENTION, PLAIN_RECURRENCE, UNCOLLECTED, traced_roots
from explorer.engine.trees import Modules, flatten_tensors, map_tensors, named_modules
from explorer.engine.written import same_parameters

ExampleInputs = Tensor | tuple[Any, ...] | Mapping[str, Any] | Callable[[nn.Module], Any]


def record(model: nn.Module, example_inputs: ExampleInputs, *, is_training: bool = False) -> Program:
    """The program that one forward of a model runs.

    A large model is run on a shadow of itself, which has shapes and no numbers and is quicker, unless what it does
    depends on numbers. A model that has no numbers itself (on ``meta``) runs as it is.

    Args:
        model: Any module. Its parameters, buffers, flags and attributes are as before when this returns.
        example_inputs: A tensor, a tuple of positional inputs, a dict of keyword inputs, or a callable that runs the
            model it is given.
        is_training: Run in train mode instead of eval mode; the caller passes a copy, since statistics change.

    Returns:
        Values, ops and torch calls in execution order.

    Raises:
        TraceError: The forward raised, or returned no tensor.
    """
    _check_traceable(model)
    reason = why_real(model, example_inputs)
    program = None
    if not reason:
        program, reason = _record_shadow(model, example_inputs, is_training=is_training)
    if program is None:
        program = _record(model, example_inputs, is_training=is_training)
    kind = "meta tensors" if program.is_shadow or is_meta(model) else "a real run"
    return replace(program, traced_on=f"{kind}, since {reason}")


def _record_shadow(model: nn.Module, example_inputs: ExampleInputs, *, is_training: bool) -> tuple[Program | None, str]:
    """The program of a model's shadow, or None where only a real run tells; and why."""
    device = next(model.parameters()).device
    try:
        with shadowed(model):
            program = _record(model, shadow_inputs(example_inputs), is_training=is_training, stands_for=device)
    except (ExplorerError, NoShadowError) as error:  # what is wrong, if anything is, the real run says
        known = isinstance(error.__cause__, NoShadowError)
        return None, str(error.__cause__) if known else "its forward asks for numbers"
    reason = why_unfaithful(program)
    if reason:
        return None, reason
    return replace(program, is_shadow=True), "the model is large and nothing that it runs depends on numbers"


def _record(
    model: nn.Module, example_inputs: ExampleInputs, *, is_training: bool, stands_for: torch.device = META
) -> Program:
    """The program of one run; `stands_for` is the device that meta tensors stand for."""
    run = _runner(model, example_inputs)
    modules = named_modules(model)
    recorder = Recorder(modules, stands_for)
    for tensor in flatten_tensors(example_inputs):
        recorder.table.add(tensor, kind="input")
    with _listening(model, modules, recorder, is_training=is_training):
        output = _run(run, model, example_inputs, recorder)
    if not flatten_tensors(output):
        raise TraceError(
            f"{type(model).__name__} returned {type(output).__name__}, which holds no tensor. Return tensors, or "
            "nested tuples, lists, dicts or dataclasses of them."
        )
    return recorder.program(output, is_training=is_training)


@contextlib.contextmanager
def plain_kernels() -> Iterator[None]:
    """Switches off fused kernels that hide the structure of attention and recurrent layers, and restores them.

    The switches belong to the whole process: off while any thread needs that, and as before after the last one.
    """
    with PLAIN_ATTENTION, _PlainRecurrence():
        yield


@contextlib.contextmanager
def mode_of(model: nn.Module, *, is_training: bool) -> Iterator[None]:
    """Puts a model into train or eval mode, and every submodule back afterwards."""
    with _mode_of(model, named_modules(model), is_training=is_training):
        yield


@contextlib.contextmanager
def _mode_of(model: nn.Module, modules: Modules, *, is_training: bool) -> Iterator[None]:
    before = [(module, module.training) for _, module in modules]
    if any(flag != is_training for _, flag in before):
        model.train(is_training)
    try:
        yield
    finally:
        for module, flag in before:
            if module.training != flag:
                module.training = flag


@contextlib.contextmanager
def in_eval_mode(model: nn.Module, written: Collection[str] = ()) -> Iterator[None]:
    """Puts a model into eval mode, and leaves it as it was: flags, buffers and attributes.

    A forward that sets something up the first time does so again the next time, so that all runs are alike.

    Args:
        model: The model, which runs inside.
        written: Names of parameters that its forward writes, which are left as they were too.
    """
    modules = named_modules(model)
    with (
        _same_attributes(modules),
        _mode_of(model, modules, is_training=False),
        _same_buffers(modules),
        same_parameters(model, written),
    ):
        yield


@contextlib.contextmanager
def _same_attributes(modules: Modules) -> Iterator[None]:
    """Takes back what a forward stores in attributes of its modules, and in lists and dicts that these hold."""
    before = [(module.__dict__, dict(module.__dict__)) for _, module in modules]
    held = [value for _, attributes in before for value in attributes.values() if type(value) in (list, dict)]
    contents = [(value, value.copy()) for value in held]
    try:
        yield
    finally:
        for attributes, saved in before:
            attributes.clear()
            attributes.update(saved)
        for value, saved in contents:
            value.clear()
            (value.extend if type(value) is list else value.update)(saved)


def call_model(model: nn.Module, example_inputs: ExampleInputs) -> Any:
    """Runs a model on example inputs in any of the accepted forms."""
    return _runner(model, example_inputs)()


def brings_its_own(example_inputs: ExampleInputs) -> bool:
    """Whether example inputs are a callable that runs the model, so that its tensors are out of reach."""
    return callable(example_inputs) and not isinstance(example_inputs, Tensor)


def _runner(model: nn.Module, example_inputs: ExampleInputs) -> Callable[[], Any]:
    if isinstance(example_inputs, Tensor):
        return lambda: model(example_inputs)
    if isinstance(example_inputs, tuple):
        return lambda: model(*example_inputs)
    if isinstance(example_inputs, Mapping):
        return lambda: model(**example_inputs)
    if callable(example_inputs):
        return lambda: example_inputs(model)
    raise TraceError(
        f"example_inputs is a {type(example_inputs).__name__}. Pass a tensor, a tuple of positional inputs, a dict of "
        "keyword inputs, or a callable that takes the model and runs it."
    )


def _check_traceable(model: nn.Module) -> None:
    for path, module in named_modules(model):
        place = f"{path or 'the model'} ({type(module).__name__})"
        if isinstance(module, torch.jit.ScriptModule):
            raise TraceError(f"{place} is compiled by torch.jit and hides its code. Pass the Python module.")
        if any(parameter is not None and is_lazy(parameter) for parameter in module._parameters.values()):
            raise TraceError(f"{place} has parameters without a shape yet. Run the model once on real inputs first.")


def _run(run: Callable[[], Any], model: nn.Module, inputs: ExampleInputs, recorder: Recorder) -> Any:
    try:
        return run()
    except ExplorerError:
        raise
    except Exception as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in flatten_tensors(inputs)) or "no tensor"
        place = recorder.module or "the model's own forward"
        raise TraceError(
            f"{type(model).__name__} raised in forward on example inputs of shape {shapes}, in {place}: "
            f"{type(error).__name__}: {error}. Check the shape and type of the example inputs; the same call must "
            "work without the explorer."
        ) from error


@contextlib.contextmanager
def _listening(model: nn.Module, modules: Modules, recorder: Recorder, *, is_training: bool) -> Iterator[None]:
    """Everything that must be on while the model runs, in an order that undoes itself."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(UNCOLLECTED)
        stack.enter_context(_same_attributes(modules))
        stack.enter_context(_mode_of(model, modules, is_training=is_training))
        stack.enter_context(torch.no_grad())
        stack.enter_context(_same_buffers(modules))
        stack.callback(recorder.written.restore)
        stack.enter_context(PLAIN_ATTENTION)
        stack.enter_context(_module_paths(modules, recorder))
        _trace_attributes(modules)
        stack.enter_context(traced_roots(type(module) for _, module in modules))
        stack.enter_context(CallMode(recorder))
        stack.enter_context(OpMode(recorder))
        yield


@contextlib.contextmanager
def _same_buffers(modules: Modules) -> Iterator[None]:
    """Gives buffers that the forward writes or replaces their old content back."""
    before = [
        (module._buffers, name, buffer, None if buffer is None or not _has_elements(buffer) else buffer.clone())
        for _, module in modules
        for name, buffer in module._buffers.items()
    ]
    try:
        yield
    finally:
        with _disable_current_modes():  # a mode that follows the forward must not see this
            for buffers, name, buffer, saved in before:
                buffers[name] = buffer
                if buffer is not None and saved is not None and not torch.equal(buffer, saved):
                    buffer.copy_(saved)


def _has_elements(buffer: Tensor) -> bool:
    """Whether a buffer may be written in place; nobody does that to a sparse one."""
    return not buffer.is_meta and buffer.layout is torch.strided


@contextlib.contextmanager
def _module_paths(modules: Modules, recorder: Recorder) -> Iterator[None]:
    """Keeps `recorder.stack` at the path of the module whose forward runs."""
    stack = recorder.stack
    key = -id(stack)  # PyTorch numbers hooks upwards from 0
    held: list[tuple[str, OrderedDict[int, Any], OrderedDict[int, Any]]] = [
        (path, cast("Any", module._forward_pre_hooks), cast("Any", module._forward_hooks)) for path, module in modules
    ]

    def leave(*_: Any) -> None:
        stack.pop()

    for path, before, after in held:  # what `register_forward_pre_hook` does, without a handle for each

        def enter(*_: Any, path: str = path) -> None:
            stack.append(path)

        before[key] = enter
        before.move_to_end(key, last=False)
        after[key] = leave
    try:
        yield
    finally:
        for _, before, after in held:
            before.pop(key, None)
            after.pop(key, None)


def _trace_attributes(modules: Modules) -> None:
    """Replaces the integer attributes of all modules, and of their classes, by `TracedInt`."""
    for path, module in modules:
        attributes, own_class = module.__dict__, cast("Any", type(module))
        for name, found in _class_integers(own_class).items():
            attributes.setdefault(name, TracedInt(found, Attribute(path, name)))
        for name, found in attributes.items():
            kind = type(found)
            if kind is int:
                attributes[name] = TracedInt(found, Attribute(path, name))
            elif kind in _SEQUENCES and found and _NUMBERS.issuperset(map(type, found)):
                attributes[name] = kind(
                    [TracedInt(item, Attribute(path, name, place)) for place, item in enumerate(found)]
                )


@lru_cache(maxsize=1024)
def _class_integers(kind: type[nn.Module]) -> dict[str, int]:
    """The public integers that a user's class of modules gives to all of its instances."""
    own = [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in ("torch", "builtins")]
    named = {name: found for base in reversed(own) for name, found in vars(base).items() if not name.startswith("_")}
    return {name: found for name, found in named.items() if type(found) is int}


_SEQUENCES = (tuple, list)
_NUMBERS = frozenset({int})


class _PlainRecurrence(TorchFunctionMode):
    """Runs recurrent layers on their plain kernels, whose steps can be seen; convolutions keep the quick ones."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") not in RECURRENT:
            return func(*args, **(kwargs or {}))
        with PLAIN_RECURRENCE:
            return func(*args, **(kwargs or {}))


def doubled_batch(example_inputs: ExampleInputs) -> ExampleInputs:
    """Example inputs whose first dimension is at least 2, as BatchNorm in train mode needs."""
    if brings_its_own(example_inputs):
        return example_inputs

    def double(tensor: Tensor) -> Tensor:
        return torch.cat([tensor, tensor]) if tensor.dim() > 1 and tensor.shape[0] == 1 else tensor

    doubled: ExampleInputs = map_tensors(example_inputs, double)
    return doubled
