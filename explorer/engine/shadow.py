"""A model without numbers: the structure of a large model can be recorded on tensors that have a shape and no content.

Parameters, float buffers and float inputs of a shadow are meta tensors. Integers stay real, and so does what forward
makes by itself (masks, grids, positions), since an index may be read from them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from explorer.engine.program import Program
from explorer.engine.shadow_ops import CHECKED, META, QUICK, QuickOp
from explorer.engine.switches import PLAIN_ATTENTION
from explorer.engine.trees import flatten_tensors, map_tensors, named_modules, named_parameters

MIN_ELEMENTS = 1_000_000
"""Models with fewer parameters run for real: that is as quick, and every number in them is known."""


class NoShadowError(Exception):
    """What runs would be another program on a shadow than it is for real."""


def why_real(model: nn.Module, example_inputs: Any) -> str:
    """Why a model is not worth a shadow, or has no numbers to leave out; empty where one is tried."""
    parameters = [parameter for _, parameter in named_parameters(model)]
    if any(parameter.is_meta for parameter in parameters):
        return "the model has no numbers itself"
    if not isinstance(example_inputs, (Tensor, tuple, Mapping)):
        return "the example inputs are a callable"
    if sum(parameter.numel() for parameter in parameters) < MIN_ELEMENTS:
        return f"the model has fewer than {MIN_ELEMENTS:,} parameters"
    return ""


def is_meta(model: nn.Module) -> bool:
    """Whether some parameter of a model has no content."""
    return any(parameter.is_meta for _, parameter in named_parameters(model))


@contextlib.contextmanager
def shadowed(model: nn.Module) -> Iterator[None]:
    """A model on meta tensors while this lasts; integer buffers stay real, and tied weights tied."""
    held: list[dict[str, Any]] = [owned for _, m in named_modules(model) for owned in (m._parameters, m._buffers)]
    before = [(owned, dict(owned)) for owned in held]
    made: dict[int, Tensor] = {}
    for owned, tensors in before:
        for name, tensor in tensors.items():
            if tensor is not None:
                owned[name] = made[id(tensor)] if id(tensor) in made else made.setdefault(id(tensor), _shadow(tensor))
    try:
        yield
    finally:
        for owned, tensors in before:
            owned.clear()
            owned.update(tensors)


def shadow_inputs(example_inputs: Any) -> Any:
    """Example inputs whose real numbers are meta tensors."""
    return map_tensors(example_inputs, _shadow)


@contextlib.contextmanager
def on_shadow() -> Iterator[None]:
    """Lets a model that is `shadowed` run on `shadow_inputs` while this lasts, without being recorded.

    Whatever a real run would refuse for the sizes or indices in it raises here too.
    """
    with PLAIN_ATTENTION, _ShadowCalls(), _ShadowOps():  # type: ignore[no-untyped-call]
        yield


class _ShadowOps(TorchDispatchMode):
    """Runs every op by `run_on_shadow`."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run_on_shadow(func, args, kwargs or {}, flatten_tensors((args, kwargs)))


class _ShadowCalls(TorchFunctionMode):
    """Makes tensors with content where a call makes them on the device of the shadow."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return func(*args, **(with_content(args, kwargs) if "device" in kwargs else kwargs))


def with_content(args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords of a call in which a new tensor, made from nothing without content, has some."""
    if kwargs.get("device") != META or any(tensor.is_meta for tensor in flatten_tensors((args, kwargs))):
        return kwargs
    return {**kwargs, "device": torch.device("cpu")}


def why_unfaithful(program: Program) -> str:
    """Why a program recorded on a shadow may not be what a real run records: an index in it depends on numbers."""
    picks = (op for op in program.ops if _picks_by_number(program, op.inputs(), op.results))
    op = next(picks, None)
    return f"{op.short_name} at {op.source} chooses by numbers" if op else ""


def run_on_shadow(func: Any, args: Any, kwargs: Any, tensors: Sequence[Tensor]) -> Any:
    """What an op returns where some tensors have no content: meta tensors meet real ones, and new tensors are real.

    Args:
        func: The op.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        tensors: Every tensor among them.

    Raises:
        NoShadowError: The op would write what is not there into a tensor that has content.
    """
    kind = _kind(func)
    bodiless_ones = [tensor.is_meta for tensor in tensors]
    if kind.is_new or True not in bodiless_ones:
        device = kwargs.get("device")
        is_new = kind.is_new and device is None
        return func(*args, **({**kwargs, "device": "cpu"} if is_new or device == META else kwargs))
    if kind.check is not None:
        kind.check(func, args, kwargs)
    if kind.takes_indices or False not in bodiless_ones:
        made = None if kind.quick is None else kind.quick(func, args, kwargs)
        return func(*args, **kwargs) if made is None else made
    if not args[0].is_meta and kind.is_in_place:
        raise NoShadowError(f"{func} writes into a tensor with content")
    return func(*map_tensors(args, bodiless), **map_tensors(kwargs, bodiless))


@dataclass(frozen=True)
class _Kind:
    """What is known of an op.

    Attributes:
        is_new: Whether it makes a tensor of another's type and device.
        takes_indices: Whether its indices may have content where the indexed tensor has none.
        is_in_place: Whether it writes into one of its arguments.
        quick: What knows its result.
        check: What fails where a real run would.
    """

    is_new: bool
    takes_indices: bool
    is_in_place: bool
    quick: QuickOp | None
    check: Callable[[Any, Any, Any], None] | None


@cache
def _kind(func: Any) -> _Kind:
    infos = [argument.alias_info for argument in func._schema.arguments]
    is_in_place = any(info is not None and info.is_write for info in infos)
    return _Kind(func in _NEW, func in _TAKES_INDICES, is_in_place, QUICK.get(func), CHECKED.get(func))


def _shadow(tensor: Tensor) -> Tensor:
    """A tensor of real numbers without content; integers as they are."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor
    made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    return nn.Parameter(made, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else made


def bodiless(tensor: Tensor) -> Tensor:
    """The shape of a tensor alone; a number stays one."""
    if tensor.is_meta or not tensor.dim():
        return tensor
    with _disable_current_modes():
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)


def _picks_by_number(program: Program, inputs: tuple[int, ...], results: tuple[int, ...]) -> bool:
    reads_real = any(program.values[value].dtype.is_floating_point for value in inputs)
    return reads_real and any(program.values[v].dtype is torch.int64 and v in program.read for v in results)


def _overloads(*names: str) -> frozenset[Callable[..., Any]]:
    packets = [getattr(torch.ops.aten, name) for name in names]
    return frozenset(getattr(packet, overload) for packet in packets for overload in packet.overloads())


_NEW = _overloads("new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like",
                  "empty_like", "rand_like", "randn_like", "new_empty_strided")  # fmt: skip
"""Ops that make a tensor of another's type and device."""

_TAKES_INDICES = _overloads("index", "index_put", "index_put_", "_index_put_impl_")
"""Ops whose indices may have content where the indexed tensor has none."""
