"""What listens while a model runs.

`OpMode` sees every ATen operation: what happens. `CallMode` sees every torch call with the provenance of its integers:
what the code says. Both tell the `Recorder`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._python_dispatch import TorchDispatchMode

from explorer.engine.custom import custom_forwards, running
from explorer.engine.program import Call, Op, Program, Ref, SourceLine, is_in_place, refs
from explorer.engine.provenance import Literal, Size, TracedInt
from explorer.engine.shadow import NoShadowError, bodiless, run_on_shadow, with_content
from explorer.engine.shadow_ops import META
from explorer.engine.switches import PLAIN_RECURRENCE
from explorer.engine.trees import Modules, flatten_tensors, map_tensors, parameters_of
from explorer.engine.values import ValueTable
from explorer.engine.written import WrittenParameters

_TORCH_FOLDER = str(Path(torch.__file__).parent) + os.sep
_ENGINE_FOLDER = str(Path(__file__).parent) + os.sep
_SHAPE_GETTER = torch.Tensor.shape.__get__  # type: ignore[attr-defined]
_DATA_GETTER = torch.Tensor.data.__get__  # type: ignore[attr-defined]


RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell"})
"""Calls that run a recurrent layer or cell."""

NORMS = frozenset({"batch_norm", "instance_norm"})
"""Calls that run a batch norm, and with it an op that is not recorded: see `is_reserve`."""

_GETTERS = frozenset({"dim", "is_contiguous", "stride", "is_floating_point", "size", "__len__", "element_size",
                      "data_ptr", "is_complex", "get_device", "storage_offset", "__hash__", "__repr__"})  # fmt: skip


_UNCHANGED = frozenset({Ref, float, bool, str, type(None), torch.dtype})


class Recorder:
    """What has been seen so far."""

    def __init__(self, modules: Modules, stands_for: torch.device) -> None:
        self.table = ValueTable(modules)
        self.stands_for = stands_for
        self.is_shadow = any(parameter.is_meta for _, parameter in parameters_of(modules))
        self.written = WrittenParameters([] if self.is_shadow else [found for _, found in parameters_of(modules)])
        self.ops: list[Op] = []
        self.calls: list[Call] = []
        self.stack: list[str] = []
        self.current_call = -1
        self._kinds: dict[Any, OpKind] = {}
        self._is_own: dict[str, bool] = {}
        self._custom = custom_forwards()

    @property
    def function(self) -> str:
        """Name of the torch call that runs; empty where none does."""
        return self.calls[self.current_call].function if self.current_call >= 0 else ""

    @property
    def module(self) -> str:
        """Path of the module whose forward runs."""
        return self.stack[-1] if self.stack else ""

    def add_op(self, kind: OpKind, args: Any, kwargs: Any, inputs: list[Tensor], result: Any) -> None:
        """Record an op that has run; `inputs` are all tensors among its arguments."""
        recorded = self.table.refs(args), self.table.refs(kwargs) if kwargs else {}
        # `x.t_()` gives a tensor that is known another shape: it becomes another value.
        add = self.table.add_viewed if kind.is_reshaping else self.table.add_result
        if not (inputs or self.stack):
            add = self.table.add_input  # a callable made it before it ran the model
        made = [result] if isinstance(result, Tensor) else flatten_tensors(result)
        results = tuple([add(tensor, inputs) for tensor in made])
        call = self.current_call
        where = self.module, self.source() if call < 0 else self.calls[call].source
        scalar = result if isinstance(result, (int, float, complex)) else None
        self.ops.append(Op(len(self.ops), kind.name, *recorded, results, *where, call, kind.is_pointwise, scalar))

    def add_call(self, function: str, target: Any, args: Any, kwargs: Any) -> int:
        """Record a torch call that is about to run; its number is given back to `end_call`."""
        recorded = self._literal(self.table.refs(args)), self._literal(self.table.refs(kwargs))
        where = self.module, self.source()
        custom = running(self._custom)
        self.calls.append(Call(len(self.calls), function, *recorded, (), *where, target, custom))
        return len(self.calls) - 1

    def _literal(self, tree: Any) -> Any:
        """Nested arguments in which plain integers are literals; every integer is an object of its own.

        A name in the code may stand twice in one call and have to become two numbers: ``x.split((width, width))``.
        """
        kind = type(tree)
        if kind in _UNCHANGED:
            return tree
        if kind is int or kind is TracedInt:
            return TracedInt(int(tree), Literal(tree) if kind is int else tree.origin)
        if kind is tuple or kind is list or kind is torch.Size:
            return kind([self._literal(item) for item in tree])
        if kind is dict:
            return {key: self._literal(item) for key, item in tree.items()}
        if kind is slice:
            return slice(self._literal(tree.start), self._literal(tree.stop), self._literal(tree.step))
        return self.stands_for if kind is torch.device and tree.type == "meta" else tree

    def end_call(self, index: int, result: Any) -> None:
        """Record what a call returned."""
        returned = flatten_tensors(result)
        if any(type(tensor) not in (Tensor, nn.Parameter) for tensor in returned):
            self._know_wrapped(index, returned)
        results = tuple([self.table.find(tensor) for tensor in returned])
        self.calls[index] = self.calls[index].returning(results)

    def replace(self, tensor: Tensor, source: Tensor) -> None:
        """A tensor got the content of another: where that has another shape, it stands for the other from now on."""
        (known,) = self.table.shapes((self.table.find(tensor),))
        if known != tuple(tensor.shape):
            self.table.replace(tensor, self.table.find(source))

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
        """Everything recorded, once the model has returned."""
        tree = map_tensors(output, lambda tensor: Ref(self.table.find(tensor)))
        values = self.table.values()
        inputs = tuple(value.index for value in values if value.kind == "input")
        outputs = tuple(ref.value for ref in refs(tree))
        return Program(values, tuple(self.ops), tuple(self.calls), inputs, outputs, tree, is_training)

    def kind(self, func: Any) -> OpKind:
        """What is known of an op."""
        known = self._kinds.get(func)
        if known is None:
            is_reshaping = torch.Tag.inplace_view in func.tags
            name = str(func)
            known = self._kinds[func] = OpKind(
                name, _is_pointwise(func), is_reshaping, is_composite(func), is_in_place(name)
            )
        return known


@cache
def is_composite(func: Any) -> bool:
    """Whether PyTorch takes an op apart into others; only inference mode lets it through to a dispatch mode."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"))


@dataclass(frozen=True)
class OpKind:
    """What is known of an ATen op.

    Attributes:
        name: Operator with overload, such as ``aten.add.Tensor``.
        is_pointwise: Whether PyTorch tags it as pointwise.
        is_reshaping: Whether it changes the shape of its argument in place.
        is_composite: Whether PyTorch takes it apart into others.
        is_in_place: Whether it writes into its first argument.
    """

    name: str
    is_pointwise: bool
    is_reshaping: bool
    is_composite: bool
    is_in_place: bool


def _is_pointwise(func: Any) -> bool:
    """Whether an op, or what it is the in-place form of, is tagged pointwise."""
    namespace, packet, _ = str(func).split(".", 2)
    twin = getattr(getattr(torch.ops, namespace), packet.rstrip("_"), None)
    candidates = [func] + ([getattr(twin, name) for name in twin.overloads()] if twin and packet[-1] == "_" else [])
    return any(torch.Tag.pointwise in candidate.tags for candidate in candidates)


def is_reserve(name: str, args: Any) -> bool:
    """Whether an op makes the tensor of no elements that a batch norm leaves to backwards on other devices."""
    return name == "aten.empty.memory_format" and len(args[0]) == 1 and args[0][0] == 0


class OpMode(TorchDispatchMode):
    """Records every ATen op."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recorder = recorder

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        recorder, kwargs = self.recorder, kwargs or {}
        kind = recorder.kind(func)
        if kind.is_composite:
            with self:
                return func.decompose(*args, **kwargs)
        inputs = flatten_tensors((args, kwargs) if kwargs else args)
        if kind.is_in_place and not recorder.is_shadow:
            recorder.written.before(args[0])
        result = run_on_shadow(func, args, kwargs, inputs) if recorder.is_shadow else func(*args, **kwargs)
        if not (is_reserve(kind.name, args) and recorder.function in NORMS):
            recorder.add_op(kind, args, kwargs, inputs, result)
        return result


class CallMode(TorchFunctionMode):
    """Records every torch call, and gives the sizes that it reads a provenance."""

    def __init__(self, recorder: Recorder) -> None:
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
            with PLAIN_RECURRENCE if name in RECURRENT else contextlib.nullcontext():
                result = func(*args, **kwargs)
        finally:
            recorder.current_call = -1
        recorder.end_call(index, result)
        if recorder.calls[index].sets_data:
            recorder.replace(*args)
        return result

    def _on_shadow(self, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Arguments for a shadow: what forward makes has content, but not for a recurrent layer."""
        if name in RECURRENT and self.recorder.stands_for != META:
            raise NoShadowError(f"{name} runs other steps without numbers")
        if name in RECURRENT and any(tensor.is_meta for tensor in flatten_tensors((args, kwargs))):
            mapped: tuple[Any, Any] = map_tensors((args, kwargs), self._bodiless)
            return mapped
        return args, with_content(args, kwargs)

    def _bodiless(self, tensor: Tensor) -> Tensor:
        """The shape of a tensor alone, which goes by the tensor's number."""
        made = bodiless(tensor)
        self.recorder.table.know(made, self.recorder.table.find(tensor))
        return made

    def _attribute(self, func: Any, args: Any, kwargs: Any) -> Any:
        """A property of a tensor; only those that are tensors themselves (``.T``) matter."""
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            recorder = self.recorder
            index = recorder.add_call("__get__", func, args, kwargs)
            if func == _DATA_GETTER:  # runs no op, and does what this one does
                recorder.current_call = index
                recorder.add_op(recorder.kind(torch.ops.aten.detach.default), args, {}, list(args), result)
                recorder.current_call = -1
            recorder.end_call(index, result)
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
            is_op = isinstance(func, torch._ops.OpOverload)  # in a captured program: ``layer_norm.default``
            own = func._opname if is_op else getattr(func, "__name__", None)
            known = self._names[func] = own or resolve_name(func) or str(func)
        return known
