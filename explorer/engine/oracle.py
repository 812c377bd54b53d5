"""The zeroing oracle: what the original model gives when the parameters of removed channels are zero.

Pruned and zeroed must agree. Intermediates are never masked by the coupling under test, with one exception that the
mathematics demands: a reduction over an axis that carries channels (normalisation, softmax, mean, a product of two
activations) runs over the kept channels, since the pruned model has no others. A weight that the model computes from
parameters (weight normalisation, softplus) is a parameter by another name, so its removed slices are zero too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from explorer.engine.errors import VerifyError
from explorer.engine.program import Op, Program, Ref
from explorer.engine.provenance import Origin, Traced, evaluate, origin_of, plain, with_numbers
from explorer.engine.randomness import own_random_state
from explorer.engine.recorder import is_reserve
from explorer.engine.rules.table import axes, axis
from explorer.engine.shapes import PlannedShapes
from explorer.engine.surgery import copy_with
from explorer.engine.trace import ExampleInputs, call_model, in_eval_mode, plain_kernels
from explorer.engine.trees import flatten_tensors, map_tensors

Kept = Mapping[tuple[str, int], tuple[int, ...]]


def zeroed(model: nn.Module, kept: Kept) -> nn.Module:
    """A copy of a model in which every parameter slice that a plan removes is zero; buffers stay.

    Args:
        model: The original.
        kept: For each (parameter or buffer, dim), the indices that stay.
    """
    parameters = {name for name, _ in model.named_parameters()}
    by_name: dict[str, dict[int, tuple[int, ...]]] = {}
    for (name, dim), indices in kept.items():
        if name in parameters:
            by_name.setdefault(name, {})[dim] = indices

    def change(name: str, tensor: Tensor) -> Tensor:
        made = tensor.clone()
        for dim, indices in by_name.get(name, {}).items():
            gone = np.setdiff1d(np.arange(tensor.shape[dim]), indices)
            made.index_fill_(dim, torch.from_numpy(gone).to(tensor.device), 0)
        return made

    return copy_with(model, change)


def reference(
    model: nn.Module,
    example_inputs: ExampleInputs,
    shapes: PlannedShapes,
    numbers: Mapping[Origin, int] | None = None,
) -> Any:
    """What a zeroed model returns, with reductions over kept channels only.

    Args:
        model: The zeroed model.
        example_inputs: What the program was traced on.
        shapes: The plan's shapes for the traced program in eval mode.
        numbers: Attributes, and expressions in the code, that the plan gives other values: a scale that the code
            computes from a size (``head_dim ** -0.5``) is what it is in the smaller model.

    Raises:
        VerifyError: The forward ran other ops than when it was traced.
    """
    planned = _PlannedNumbers(shapes, numbers or {})
    with (
        own_random_state(seed=0),
        torch.no_grad(),
        in_eval_mode(model),
        plain_kernels(),
        _KeptReductions(shapes, planned),
    ):
        return call_model(model, example_inputs)


@dataclass(frozen=True)
class _Site:
    """One op of the reference run that reduces over removed channels.

    Attributes:
        op: The op as recorded.
        shapes: The plan's shapes.
        states: Values computed from parameters and buffers alone.
        numbers: Numbers in the code, as they are under the plan.
    """

    op: Op
    shapes: PlannedShapes
    states: frozenset[int]
    numbers: _PlannedNumbers

    @property
    def makes_state(self) -> bool:
        """Whether the result is computed from parameters and buffers alone."""
        return any(value in self.states for value in self.op.results)

    def without_removed(self, made: Any) -> Any:
        """The op's results with zeros at removed indices."""
        tensors = iter([self._zeroed(*pair) for pair in zip(flatten_tensors(made), self.op.results, strict=True)])
        return map_tensors(made, lambda _: next(tensors))

    def removes(self, position: int, place: int) -> bool:
        """Whether an axis of a tensor argument loses indices."""
        dims = self._dims(position)
        return place < len(dims) and not self.shapes.is_whole(dims[place])

    def kept(self, position: int, place: int) -> Tensor:
        """Indices kept of one axis of a tensor argument."""
        return torch.from_numpy(np.flatnonzero(self.shapes.kept(self._dims(position)[place])))

    def mask(self, position: int, place: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each index of an axis, whether it is kept."""
        return self.shapes.kept(self._dims(position)[place])

    def rank(self, position: int = 0) -> int:
        """Number of dimensions of a tensor argument."""
        return len(self._dims(position))

    def is_state(self, position: int) -> bool:
        """Whether a tensor argument is computed from parameters alone."""
        return self._value(position) in self.states

    def _zeroed(self, tensor: Tensor, value: int) -> Tensor:
        dims = self.shapes.dims(value)
        gone = [
            (place, np.flatnonzero(~self.shapes.kept(d))) for place, d in enumerate(dims) if not self.shapes.is_whole(d)
        ]
        for place, indices in gone:
            tensor = tensor.index_fill(place, torch.from_numpy(indices).to(tensor.device), 0)
        return tensor

    def _dims(self, position: int) -> Any:
        return self.shapes.dims(self._value(position))

    def _value(self, position: int) -> int:
        argument = self.op.args[position]
        assert isinstance(argument, Ref)
        return argument.value


class _PlannedNumbers:
    """What numbers that the code computes from sizes and attributes become under a plan."""

    def __init__(self, shapes: PlannedShapes, numbers: Mapping[Origin, int]) -> None:
        self._shapes = shapes
        self._numbers = numbers
        self._changed: dict[int, dict[float, float]] = {}

    def after(self, number: int | float) -> int | float:
        """A recorded number under the plan; one of unknown origin stays."""
        origin = with_numbers(origin_of(number), self._numbers)
        after: int | float = evaluate(origin, self._shapes.attribute, self._shapes.size)
        return after

    def changed(self, call: int) -> dict[float, float]:
        """The numbers of a call that the plan changes, each with what it becomes."""
        if call < 0:
            return {}
        if call not in self._changed:
            recorded = self._shapes.program.calls[call]
            numbers = [item for item in (*recorded.args, *recorded.kwargs.values()) if isinstance(item, Traced)]
            pairs = {plain(number): self.after(number) for number in numbers}
            self._changed[call] = {before: after for before, after in pairs.items() if after != before}
        return self._changed[call]


_ON_META = (
    " Tracing saw meta tensors, on which this model took another path than with numbers. Trace a real run instead: "
    "pass example_inputs as a callable, such as lambda model: model(x)."
)

Handler = Callable[[_Site, Any, tuple[Any, ...], dict[str, Any]], Any]


class _KeptReductions(TorchDispatchMode):
    """Follows the recorded ops one by one, and reduces over kept channels where a reduction meets removed ones."""

    def __init__(self, shapes: PlannedShapes, numbers: _PlannedNumbers) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._shapes = shapes
        self._numbers = numbers
        self._ops: Iterator[Op] = iter(shapes.program.ops)
        self._states = _state_values(shapes.program)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        op = self._next(str(func), args)
        if op is None:
            return func(*args, **(kwargs or {}))
        site = _Site(op, self._shapes, self._states, self._numbers)
        handler = _HANDLERS.get(op.base_name, _as_it_is)
        made = handler(site, func, self._planned(op, args), kwargs or {})
        if site.makes_state and op.base_name not in _KEEP_ZEROS and not op.is_in_place:
            return site.without_removed(made)
        return made

    def _planned(self, op: Op, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments with the numbers that follow sizes; only elementwise ops take such numbers as numbers."""
        changed = self._numbers.changed(op.call) if op.is_pointwise else {}
        return (
            tuple(changed.get(item, item) if type(item) in (int, float) else item for item in args) if changed else args
        )

    def _next(self, name: str, args: tuple[Any, ...]) -> Op | None:
        """The recorded op that runs now; None for one that is not recorded, or a conversion for this precision."""
        op = next(self._ops, None)
        while op is not None and op.name != name and op.name == _CONVERSION:
            op = next(self._ops, None)
        if op is not None and op.name == name:
            return op
        if name == _CONVERSION or is_reserve(name, args):
            self._ops = chain([op] if op else [], self._ops)
            return None
        raise VerifyError(
            f"The zeroed model ran {name} where tracing saw {op.name if op else 'the end'}: its forward depends on the "
            f"data, so the two runs cannot be compared op by op.{_ON_META if self._shapes.program.is_shadow else ''}"
        )


def _as_it_is(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return func(*args, **kwargs)


def _reduce(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """mean, sum, amax, var, norm...: leave removed indices of the reduced axes out."""
    x = args[0]
    place = 2 if site.op.base_name in ("aten.linalg_vector_norm", "aten.norm") else 1
    listed = args[place] if len(args) > place else kwargs.get("dim")
    is_axes = isinstance(listed, (list, tuple, int)) and not isinstance(listed, bool)
    for gone in axes(listed if is_axes else None, x.dim()):
        if site.removes(0, gone):
            x = x.index_select(gone, site.kept(0, gone))
    return func(x, *args[1:], **kwargs)


def _softmax(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Normalise among the kept; the removed get what a missing channel gives: nothing."""
    x, place = args[0], axis(int(args[1]), args[0].dim())
    if not site.removes(0, place):
        return func(*args, **kwargs)
    kept = site.kept(0, place)
    return _scattered(x, [(place, kept)], func(x.index_select(place, kept), *args[1:], **kwargs))


def _layer_norm(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, shape, weight, bias, *rest = args
    first = x.dim() - len(shape)
    taken = [(place, site.kept(0, place)) for place in range(first, x.dim()) if site.removes(0, place)]
    if not taken:
        return func(*args, **kwargs)
    small = x
    for place, kept in taken:
        small = small.index_select(place, kept)
        weight, bias = (None if p is None else p.index_select(place - first, kept) for p in (weight, bias))
    output, *statistics = func(small, list(small.shape[first:]), weight, bias, *rest, **kwargs)
    return (_scattered(x, taken, output), *statistics)


def _batch_norm(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A weight that is standardised, as rows of a batch, has the statistics of its kept indices."""
    x, *rest = args
    taken = [(place, site.kept(0, place)) for place in range(x.dim()) if place != 1 and site.removes(0, place)]
    small = x
    for place, kept in taken:
        small = small.index_select(place, kept)
    output, *statistics = func(small, *rest, **kwargs)
    return (_scattered(x, taken, output), *statistics)


def _group_norm(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, weight, bias, batch, _, space, groups, eps = args
    if not site.removes(0, 1):
        return func(*args, **kwargs)
    kept = site.kept(0, 1)
    staying = int(site.mask(0, 1).reshape(groups, -1).any(axis=1).sum())
    weight, bias = (None if p is None else p.index_select(0, kept) for p in (weight, bias))
    small = x.index_select(1, kept).contiguous()
    output, *statistics = func(small, weight, bias, batch, len(kept), space, staying, eps, **kwargs)
    return (_scattered(x, [(1, kept)], output), *statistics)


def _matmul(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A product of two activations: contract over the kept. One with a weight needs nothing, its rows are zero."""
    position = 1 if site.op.base_name in ("aten.addmm", "aten.baddbmm", "aten.addbmm", "aten.addmv") else 0
    before, (a, b) = args[:position], args[position : position + 2]
    last = a.dim() - 1
    if site.is_state(position) or site.is_state(position + 1) or not site.removes(position, last):
        return func(*args, **kwargs)
    kept = site.kept(position, last)
    return func(*before, a.index_select(last, kept), b.index_select(max(b.dim() - 2, 0), kept), **kwargs)


def _convolution(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A kernel that was computed from the input: its input channels are the kept ones."""
    x, weight, *rest = args
    into = 0 if args[6] else 1
    if site.is_state(1) or args[8] != 1 or not site.removes(1, into):
        return func(*args, **kwargs)
    kept = site.kept(1, into)
    return func(x.index_select(1, kept), weight.index_select(into, kept), *rest, **kwargs)


def _attention_scale(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The scale of `scaled_dot_product_attention`: the default follows the head size that is left.

    PyTorch multiplies query and key each by the root of the scale.
    """
    x, factor = args
    call = site.shapes.program.calls[site.op.call] if site.op.call >= 0 else None
    if call is None or call.function != "scaled_dot_product_attention" or not isinstance(factor, float):
        return func(*args, **kwargs)
    scale = call.kwargs.get("scale")
    ratio = _head_ratio(site, x) ** 0.5 if scale is None else site.numbers.after(scale) / scale
    return func(x, factor * float(ratio) ** 0.5, **kwargs)


def _constant(site: _Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``torch.tensor(channels)``: a number that the code wraps into a tensor."""
    made = func(*args, **kwargs)
    call = site.shapes.program.calls[site.op.call] if site.op.call >= 0 else None
    if call is None or call.function not in ("tensor", "as_tensor") or not isinstance(call.args[0], Traced):
        return made
    return torch.full_like(made, site.numbers.after(call.args[0]))


def _head_ratio(site: _Site, x: Tensor) -> float:
    """How many times smaller the head size becomes; it is the last axis of the query, the last but one of the key."""
    last = x.dim() - 1
    head = next((place for place in (last, last - 1) if site.removes(0, place)), None)
    return 1.0 if head is None else x.shape[head] / len(site.kept(0, head))


def _scattered(like: Tensor, taken: list[tuple[int, Tensor]], small: Tensor) -> Tensor:
    """Zeros of the shape of `like` with `small` at the kept indices."""
    full = small
    for place, kept in taken:
        shape = list(full.shape)
        shape[place] = like.shape[place]
        full = full.new_zeros(shape).index_copy_(place, kept, full)
    return full


def _state_values(program: Program) -> frozenset[int]:
    """Values computed from parameters and buffers alone."""
    found = {value.index for value in program.values if value.is_state}
    for op in program.ops:
        inputs = op.inputs()
        if inputs and all(value in found for value in inputs):
            found.update(op.results)
    return frozenset(found)


_CONVERSION = "aten._to_copy.default"

_KEEP_ZEROS = frozenset(f"aten.{name}" for name in (
    "t", "transpose", "permute", "view", "_unsafe_view", "unsqueeze", "squeeze", "expand", "clone", "detach", "alias",
    "slice", "select", "split", "split_with_sizes", "unbind", "_to_copy"))  # fmt: skip
"""Ops that move elements: what comes of zeroed parameters is zero by itself."""

_HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(
        ("aten.mean", "aten.sum", "aten.amax", "aten.amin", "aten.max", "aten.min", "aten.var", "aten.std",
         "aten.var_mean", "aten.std_mean", "aten.linalg_vector_norm", "aten.norm", "aten.logsumexp", "aten.prod",
         "aten.aminmax", "aten.median", "aten.nanmedian", "aten.mode", "aten.all"),
        _reduce,
    ),
    **dict.fromkeys(("aten._softmax", "aten._safe_softmax", "aten._log_softmax"), _softmax),
    "aten.native_batch_norm": _batch_norm,
    "aten.native_layer_norm": _layer_norm,
    "aten.native_group_norm": _group_norm,
    **dict.fromkeys(
        ("aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.addmm", "aten.baddbmm", "aten.addbmm", "aten.addmv"),
        _matmul,
    ),
    "aten.convolution": _convolution,
    "aten.mul": _attention_scale,
    "aten.lift_fresh": _constant,
}  # fmt: skip
