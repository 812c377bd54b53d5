"""Runs a model once and records what it does: `record` turns a model and inputs into a `Program`.

Two recorders listen at once. A dispatch mode sees every ATen operation: what happens. A function mode sees every torch
call with the provenance of its integers: what the code says.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from explorer.engine.custom import custom_forwards, running
from explorer.engine.errors import ExplorerError, TraceError
from explorer.engine.program import Call, Op, Program, Ref, SourceLine, refs
from explorer.engine.provenance import Attribute, Literal, Size, TracedInt
from explorer.engine.shadow import (
    META,
    NoShadowError,
    bodiless,
    is_faithful,
    is_meta,
    is_worth_a_shadow,
    run_on_shadow,
    shadow_inputs,
    shadowed,
)
from explorer.engine.switches import PLAIN_ATTENTION, PLAIN_RECURRENCE, TRACED_ROOTS, UNCOLLECTED
from explorer.engine.trees import flatten_tensors, map_tensors
from explorer.engine.values import ValueTable

ExampleInputs = Tensor | tuple[Any, ...] | Mapping[str, Any] | Callable[[nn.Module], Any]

_TORCH_FOLDER = str(Path(torch.__file__).parent) + os.sep
_ENGINE_FOLDER = str(Path(__file__).parent) + os.sep
_SHAPE_GETTER = torch.Tensor.shape.__get__  # type: ignore[attr-defined]


def record(
    model: nn.Module, example_inputs: ExampleInputs, *, is_training: bool = False, may_shadow: bool = True
) -> Program:
    """The program that one forward of a model runs.

    A large model is run on a shadow of itself, which has shapes and no numbers and is quicker, unless what it does
    depends on numbers. A model that has no numbers itself (on ``meta``) runs as it is.

    Args:
        model: Any module. Its parameters, buffers, flags and attributes are as before when this returns.
        example_inputs: A tensor, a tuple of positional inputs, a dict of keyword inputs, or a callable that runs the
            model it is given.
        is_training: Run in train mode instead of eval mode; the caller passes a copy, since statistics change.
        may_shadow: Whether a shadow may run in the model's stead.

    Returns:
        Values, ops and torch calls in execution order.

    Raises:
        TraceError: The forward raised, or returned no tensor.
    """
    _check_traceable(model)
    if may_shadow and is_worth_a_shadow(model, example_inputs) and not is_meta(model):
        program = _record_shadow(model, example_inputs, is_training=is_training)
        if program is not None:
            return program
    return _record(model, example_inputs, is_training=is_training)


def _record_shadow(model: nn.Module, example_inputs: ExampleInputs, *, is_training: bool) -> Program | None:
    """The program of a model's shadow; None where only a real run tells."""
    device = next(model.parameters()).device
    try:
        with shadowed(model):
            program = _record(model, shadow_inputs(example_inputs), is_training=is_training, stands_for=device)
    except (ExplorerError, NoShadowError):
        return None  # what is wrong, if anything is, the real run says
    return replace(program, is_shadow=True) if is_faithful(program) else None


def _record(
    model: nn.Module, example_inputs: ExampleInputs, *, is_training: bool, stands_for: torch.device = META
) -> Program:
    """The program of one run; `stands_for` is the device that meta tensors stand for."""
    run = _runner(model, example_inputs)
    recorder = _Recorder(model, stands_for)
    for tensor in flatten_tensors(example_inputs):
        recorder.table.add(tensor, kind="input")
    with _listening(model, recorder, is_training=is_training):
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
    before = {module: module.training for module in model.modules()}
    model.train(is_training)
    try:
        yield
    finally:
        for module, flag in before.items():
            module.training = flag


@contextlib.contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Puts a model into eval mode, and leaves it as it was: flags, buffers and attributes.

    A forward that sets something up the first time does so again the next time, so that all runs are alike.
    """
    with same_attributes(model), mode_of(model, is_training=False), _same_buffers(model):
        yield


@contextlib.contextmanager
def same_attributes(model: nn.Module) -> Iterator[None]:
    """Takes back what a forward stores in attributes of its modules, and in lists and dicts that these hold."""
    before = [(module.__dict__, dict(module.__dict__)) for module in model.modules()]
    held = [value for _, attributes in before for value in attributes.values() if type(value) in (list, dict)]
    contents = [(value, copy(value)) for value in held]
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
    for path, module in model.named_modules():
        place = f"{path or 'the model'} ({type(module).__name__})"
        if isinstance(module, torch.jit.ScriptModule):
            raise TraceError(f"{place} is compiled by torch.jit and hides its code. Pass the Python module.")
        if any(is_lazy(parameter) for parameter in module.parameters(recurse=False)):
            raise TraceError(f"{place} has parameters without a shape yet. Run the model once on real inputs first.")


def _run(run: Callable[[], Any], model: nn.Module, inputs: ExampleInputs, recorder: _Recorder) -> Any:
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
def _listening(model: nn.Module, recorder: _Recorder, *, is_training: bool) -> Iterator[None]:
    """Everything that must be on while the model runs, in an order that undoes itself."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(UNCOLLECTED)
        stack.enter_context(same_attributes(model))
        stack.enter_context(mode_of(model, is_training=is_training))
        stack.enter_context(torch.no_grad())
        stack.enter_context(_same_buffers(model))
        stack.enter_context(PLAIN_ATTENTION)
        stack.enter_context(_module_paths(model, recorder))
        _trace_attributes(model)
        stack.enter_context(TRACED_ROOTS)
        stack.enter_context(_CallMode(recorder))
        stack.enter_context(_OpMode(recorder))
        yield


@contextlib.contextmanager
def _same_buffers(model: nn.Module) -> Iterator[None]:
    """Gives buffers that the forward writes or replaces their old content back."""
    before = [
        (module._buffers, name, buffer, None if buffer is None else buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
    ]
    try:
        yield
    finally:
        with _disable_current_modes():  # a mode that follows the forward must not see this
            for buffers, name, buffer, saved in before:
                buffers[name] = buffer
                if buffer is not None and saved is not None and not (buffer.is_meta or torch.equal(buffer, saved)):
                    buffer.copy_(saved)


@contextlib.contextmanager
def _module_paths(model: nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Keeps `recorder.stack` at the path of the module whose forward runs."""
    handles = []

    def leave(*_: Any) -> None:
        recorder.stack.pop()

    for path, module in model.named_modules():

        def enter(*_: Any, path: str = path) -> None:
            recorder.stack.append(path)

        handles.append(module.register_forward_pre_hook(enter, prepend=True))
        handles.append(module.register_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _trace_attributes(model: nn.Module) -> None:
    """Replaces the integer attributes of all modules by `TracedInt`."""
    for path, module in model.named_modules():
        for name, found in module.__dict__.items():
            traced = _traced(found, path, name)
            if traced is not None:
                module.__dict__[name] = traced


def _traced(found: Any, path: str, name: str) -> Any:
    if type(found) is int:
        return TracedInt(found, Attribute(path, name))
    if type(found) in (tuple, list) and found and all(type(item) is int for item in found):
        return type(found)(TracedInt(item, Attribute(path, name, place)) for place, item in enumerate(found))
    return None


class _Recorder:
    """What has been seen so far."""

    def __init__(self, model: nn.Module, stands_for: torch.device) -> None:
        self.table = ValueTable(model)
        self.stands_for = stands_for
        self.is_shadow = is_meta(model)
        self.ops: list[Op] = []
        self.calls: list[Call] = []
        self.stack: list[str] = []
        self.current_call = -1
        self._names: dict[Any, tuple[str, bool]] = {}
        self._is_own: dict[str, bool] = {}
        self._custom = custom_forwards()

    @property
    def module(self) -> str:
        return self.stack[-1] if self.stack else ""

    def add_op(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        name, is_pointwise = self._name(func)
        recorded = self.table.refs(args), self.table.refs(kwargs)
        inputs = flatten_tensors((args, kwargs))
        # `x.t_()` gives a tensor that is known another shape: it becomes another value.
        add = self.table.add_viewed if torch.Tag.inplace_view in func.tags else self.table.add_result
        results = tuple(add(tensor, inputs) for tensor in flatten_tensors(result))
        where = self.module, self.source()
        scalar = result if isinstance(result, (int, float, complex)) else None
        self.ops.append(Op(len(self.ops), name, *recorded, results, *where, self.current_call, is_pointwise, scalar))

    def add_call(self, function: str, target: Any, args: Any, kwargs: Any) -> int:
        recorded = self._literal(self.table.refs(args)), self._literal(self.table.refs(kwargs))
        where = self.module, self.source()
        custom = running(self._custom)
        self.calls.append(Call(len(self.calls), function, *recorded, (), *where, target, custom))
        return len(self.calls) - 1

    def _literal(self, tree: Any) -> Any:
        """Nested arguments in which plain integers are literals; every integer is an object of its own.

        A name in the code may stand twice in one call and have to become two numbers: ``x.split((width, width))``.
        """
        if type(tree) is int:
            return TracedInt(tree, Literal(tree))
        if isinstance(tree, TracedInt):
            return TracedInt(int(tree), tree.origin)
        if isinstance(tree, slice):
            return slice(self._literal(tree.start), self._literal(tree.stop), self._literal(tree.step))
        if type(tree) in (tuple, list, torch.Size):
            return type(tree)([self._literal(item) for item in tree])
        if type(tree) is dict:
            return {key: self._literal(item) for key, item in tree.items()}
        return self.stands_for if type(tree) is torch.device and tree.type == "meta" else tree

    def end_call(self, index: int, result: Any) -> None:
        returned = flatten_tensors(result)
        if any(type(tensor) not in (Tensor, nn.Parameter) for tensor in returned):
            self._know_wrapped(index, returned)
        results = tuple(self.table.find(tensor) for tensor in returned)
        self.calls[index] = replace(self.calls[index], results=results)

    def _know_wrapped(self, call: int, returned: list[Tensor]) -> None:
        """A subclass of tensors hands on what the ops of a call made as tensors of its own: the values are the same."""
        for op in reversed(self.ops):
            if op.call != call:
                return
            made = op.results[: len(returned)]  # beside the result some ops make what only a backward needs
            if self.table.shapes(made) == [tuple(tensor.shape) for tensor in returned]:
                for value, tensor in zip(made, returned, strict=True):
                    self.table.know(tensor, value)
                return

    def source(self) -> SourceLine | None:
        """The innermost line that belongs neither to PyTorch nor to the engine."""
        frame = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            own = self._is_own.get(file)
            if own is None:
                own = self._is_own[file] = file.startswith((_TORCH_FOLDER, _ENGINE_FOLDER, "<"))
            if not own:
                return SourceLine(file, frame.f_lineno, frame.f_code.co_name)
            frame = frame.f_back  # type: ignore[assignment]
        return None

    def program(self, output: Any, *, is_training: bool) -> Program:
        tree = map_tensors(output, lambda tensor: Ref(self.table.find(tensor)))
        values = self.table.values()
        inputs = tuple(value.index for value in values if value.kind == "input")
        outputs = tuple(ref.value for ref in refs(tree))
        return Program(values, tuple(self.ops), tuple(self.calls), inputs, outputs, tree, is_training)

    def _name(self, func: Any) -> tuple[str, bool]:
        known = self._names.get(func)
        if known is None:
            known = self._names[func] = (str(func), _is_pointwise(func))
        return known


def _is_pointwise(func: Any) -> bool:
    """Whether an op, or what it is the in-place form of, is tagged pointwise."""
    namespace, packet, _ = str(func).split(".", 2)
    twin = getattr(getattr(torch.ops, namespace), packet.rstrip("_"), None)
    candidates = [func] + ([getattr(twin, name) for name in twin.overloads()] if twin and packet[-1] == "_" else [])
    return any(torch.Tag.pointwise in candidate.tags for candidate in candidates)


class _OpMode(TorchDispatchMode):
    """Records every ATen op."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recorder = recorder
        self._composite: dict[Any, bool] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._is_composite(func):
            # Only inference mode lets ops through that PyTorch otherwise takes apart first.
            with self:
                return func.decompose(*args, **(kwargs or {}))
        kwargs = kwargs or {}
        result = run_on_shadow(func, args, kwargs) if self.recorder.is_shadow else func(*args, **kwargs)
        self.recorder.add_op(func, args, kwargs, result)
        return result

    def _is_composite(self, func: Any) -> bool:
        known = self._composite.get(func)
        if known is None:
            has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
            known = self._composite[func] = bool(has_kernel(func.name(), "CompositeImplicitAutograd"))
        return known


class _CallMode(TorchFunctionMode):
    """Records every torch call, and gives the sizes that it reads a provenance."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self._names: dict[Any, str] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == _SHAPE_GETTER or func is torch.Tensor.size:
            return self._sizes(func, args, kwargs)
        name = self._name(func)
        if name in ("numel", "nelement"):
            return self._elements(args[0] if args else kwargs["input"])
        if name in _GETTERS:
            return func(*args, **kwargs)
        if name == "__get__":
            return self._attribute(func, args, kwargs)
        recorder = self.recorder
        index = recorder.current_call = recorder.add_call(name, func, args, kwargs)
        if recorder.is_shadow:
            args, kwargs = self._on_shadow(name, args, kwargs)
        try:
            with PLAIN_RECURRENCE if name in _RECURRENT else contextlib.nullcontext():
                result = func(*args, **kwargs)
        finally:
            recorder.current_call = -1
        recorder.end_call(index, result)
        return result

    def _on_shadow(self, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Arguments for a shadow: what forward makes has content, but not for a recurrent layer."""
        has_meta = any(tensor.is_meta for tensor in flatten_tensors((args, kwargs)))
        if kwargs.get("device") == META and not has_meta:
            return args, {**kwargs, "device": torch.device("cpu")}
        if name in _RECURRENT and self.recorder.stands_for != META:
            raise NoShadowError(f"{name} runs other steps without numbers")
        if name in _RECURRENT and has_meta:
            table = self.recorder.table
            mapped: tuple[Any, Any] = map_tensors(
                (args, kwargs), lambda tensor: table.stand_in(bodiless(tensor), tensor)
            )
            return mapped
        return args, kwargs

    def _attribute(self, func: Any, args: Any, kwargs: Any) -> Any:
        """A property of a tensor; only those that are tensors themselves (``.T``) matter."""
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            self.recorder.end_call(self.recorder.add_call("__get__", func, args, kwargs), result)
        return result

    def _sizes(self, func: Any, args: Any, kwargs: Any) -> Any:
        result = func(*args, **kwargs)
        value = self.recorder.table.find(args[0])
        if isinstance(result, int):
            dim = int(args[1] if len(args) > 1 else kwargs["dim"]) % max(args[0].dim(), 1)
            return TracedInt(result, Size(value, dim))
        return torch.Size(tuple(TracedInt(size, Size(value, dim)) for dim, size in enumerate(result)))

    def _elements(self, tensor: Tensor) -> int:
        """The number of elements, as the product of the sizes."""
        value = self.recorder.table.find(tensor)
        sizes = [TracedInt(size, Size(value, dim)) for dim, size in enumerate(tensor.shape)]
        return prod(sizes[1:], start=sizes[0]) if sizes else 1

    def _name(self, func: Any) -> str:
        known = self._names.get(func)
        if known is None:
            known = self._names[func] = getattr(func, "__name__", None) or resolve_name(func) or str(func)
        return known


class _PlainRecurrence(TorchFunctionMode):
    """Runs recurrent layers on their plain kernels, whose steps can be seen; convolutions keep the quick ones."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") not in _RECURRENT:
            return func(*args, **(kwargs or {}))
        with PLAIN_RECURRENCE:
            return func(*args, **(kwargs or {}))


_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell"})
_GETTERS = frozenset({"dim", "is_contiguous", "stride", "is_floating_point", "size", "__len__", "element_size",
                      "data_ptr", "is_complex", "get_device", "storage_offset", "__hash__", "__repr__"})  # fmt: skip


def doubled_batch(example_inputs: ExampleInputs) -> ExampleInputs:
    """Example inputs whose first dimension is at least 2, as BatchNorm in train mode needs."""
    if callable(example_inputs) and not isinstance(example_inputs, Tensor):
        return example_inputs

    def double(tensor: Tensor) -> Tensor:
        return torch.cat([tensor, tensor]) if tensor.dim() > 1 and tensor.shape[0] == 1 else tensor

    doubled: ExampleInputs = map_tensors(example_inputs, double)
    return doubled
