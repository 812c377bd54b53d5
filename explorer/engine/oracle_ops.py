"""How the zeroing oracle runs single ops: a reduction over an axis that loses channels runs over the kept ones.

Adding an op: a row in `_HANDLERS`. An op without a row runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch

from explorer.engine.program import Op, Ref
from explorer.engine.provenance import Origin, Traced, evaluate, origin_of, plain, with_numbers
from explorer.engine.rules.table import axes, axis
from explorer.engine.shapes import PlannedShapes
from explorer.engine.trees import flatten_tensors, map_tensors


@dataclass(frozen=True)
class Site:
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
    numbers: PlannedNumbers

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

    def removed(self, value: int, device: torch.device) -> list[tuple[int, Tensor]]:
        """(axis, indices that go) for each axis of a value that loses some."""
        dims = self.shapes.dims(value)
        gone = ((place, ~self.shapes.kept(d)) for place, d in enumerate(dims) if not self.shapes.is_whole(d))
        return [(place, torch.from_numpy(np.flatnonzero(lost)).to(device)) for place, lost in gone]

    def _zeroed(self, tensor: Tensor, value: int) -> Tensor:
        for place, indices in self.removed(value, tensor.device):
            tensor = tensor.index_fill(place, indices, 0)
        return tensor

    def _dims(self, position: int) -> Any:
        return self.shapes.dims(self._value(position))

    def _value(self, position: int) -> int:
        argument = self.op.args[position]
        assert isinstance(argument, Ref)
        return argument.value


class PlannedNumbers:
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


Handler = Callable[[Site, Any, tuple[Any, ...], dict[str, Any]], Any]


def run(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What an op of the reference run returns."""
    handler = _HANDLERS.get(site.op.base_name)
    return handler(site, func, args, kwargs) if handler else func(*args, **kwargs)


def _reduce(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """mean, sum, amax, var, norm...: leave removed indices of the reduced axes out."""
    x = args[0]
    place = 2 if site.op.base_name in ("aten.linalg_vector_norm", "aten.norm") else 1
    listed = args[place] if len(args) > place else kwargs.get("dim")
    is_axes = isinstance(listed, (list, tuple, int)) and not isinstance(listed, bool)
    for gone in axes(listed if is_axes else None, x.dim()):
        if site.removes(0, gone):
            x = x.index_select(gone, site.kept(0, gone))
    return func(x, *args[1:], **kwargs)


def _softmax(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Normalise among the kept; the removed get what a missing channel gives: nothing."""
    x, place = args[0], axis(int(args[1]), args[0].dim())
    if not site.removes(0, place):
        return func(*args, **kwargs)
    kept = site.kept(0, place)
    return _scattered(x, [(place, kept)], func(x.index_select(place, kept), *args[1:], **kwargs))


def _layer_norm(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
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


def _batch_norm(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A weight that is standardised, as rows of a batch, has the statistics of its kept indices."""
    x, *rest = args
    taken = [(place, site.kept(0, place)) for place in range(x.dim()) if place != 1 and site.removes(0, place)]
    small = x
    for place, kept in taken:
        small = small.index_select(place, kept)
    output, *statistics = func(small, *rest, **kwargs)
    return (_scattered(x, taken, output), *statistics)


def _group_norm(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, weight, bias, batch, _, space, groups, eps = args
    if not site.removes(0, 1):
        return func(*args, **kwargs)
    kept = site.kept(0, 1)
    staying = int(site.mask(0, 1).reshape(groups, -1).any(axis=1).sum())
    weight, bias = (None if p is None else p.index_select(0, kept) for p in (weight, bias))
    small = x.index_select(1, kept).contiguous()
    output, *statistics = func(small, weight, bias, batch, len(kept), space, staying, eps, **kwargs)
    return (_scattered(x, [(1, kept)], output), *statistics)


def _matmul(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A product of two activations: contract over the kept. One with a weight needs nothing, its rows are zero."""
    position = 1 if site.op.base_name in ("aten.addmm", "aten.baddbmm", "aten.addbmm", "aten.addmv") else 0
    before, (a, b) = args[:position], args[position : position + 2]
    last = a.dim() - 1
    if site.is_state(position) or site.is_state(position + 1) or not site.removes(position, last):
        return func(*args, **kwargs)
    kept = site.kept(position, last)
    return func(*before, a.index_select(last, kept), b.index_select(max(b.dim() - 2, 0), kept), **kwargs)


def _convolution(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A kernel that was computed from the input: its input channels are the kept ones."""
    x, weight, *rest = args
    into = 0 if args[6] else 1
    if site.is_state(1) or args[8] != 1 or not site.removes(1, into):
        return func(*args, **kwargs)
    kept = site.kept(1, into)
    return func(x.index_select(1, kept), weight.index_select(into, kept), *rest, **kwargs)


def _attention_scale(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
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


def _distance(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The distance of two points of which one may be a parameter: over the kept coordinates."""
    a, b, *rest = args
    last = a.dim() - 1
    if not site.removes(0, last):
        return func(*args, **kwargs)
    kept = site.kept(0, last)
    return func(a.index_select(last, kept), b.index_select(b.dim() - 1, kept), *rest, **kwargs)


def _without_infinities(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Zero over zero at a removed channel is nothing: the next weight, zero there, would make NaN of everything."""
    made = func(*args, **kwargs)
    with no_dispatch():  # what follows is no step of the model
        for place, indices in site.removed(site.op.results[0], made.device):
            part = made.index_select(place, indices)
            if not part.isfinite().all():
                made.index_copy_(place, indices, part.masked_fill(~part.isfinite(), 0))
    return made


def _constant(site: Site, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``torch.tensor(channels)``: a number that the code wraps into a tensor."""
    made = func(*args, **kwargs)
    call = site.shapes.program.calls[site.op.call] if site.op.call >= 0 else None
    if call is None or call.function not in ("tensor", "as_tensor") or not isinstance(call.args[0], Traced):
        return made
    return torch.full_like(made, site.numbers.after(call.args[0]))


def _head_ratio(site: Site, x: Tensor) -> float:
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


_HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(
        ("aten.mean", "aten.sum", "aten.amax", "aten.amin", "aten.max", "aten.min", "aten.var", "aten.std",
         "aten.var_mean", "aten.std_mean", "aten.linalg_vector_norm", "aten.norm", "aten.logsumexp", "aten.prod",
         "aten.aminmax", "aten.median", "aten.nanmedian", "aten.mode", "aten.all", "aten.any", "aten.nansum",
         "aten.count_nonzero"),
        _reduce,
    ),
    **dict.fromkeys(("aten._softmax", "aten._safe_softmax", "aten._log_softmax"), _softmax),
    "aten.native_batch_norm": _batch_norm,
    "aten.native_layer_norm": _layer_norm,
    "aten.native_group_norm": _group_norm,
    **dict.fromkeys(
        ("aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.vdot", "aten.addmm", "aten.baddbmm", "aten.addbmm",
         "aten.addmv"),
        _matmul,
    ),
    **dict.fromkeys(("aten._cdist_forward", "aten._euclidean_dist"), _distance),
    **dict.fromkeys(
        ("aten.div", "aten.addcdiv", "aten.reciprocal", "aten.rsqrt", "aten.pow", "aten.log", "aten.log2", "aten.log10",
         "aten.remainder", "aten.fmod"),
        _without_infinities,
    ),
    "aten.convolution": _convolution,
    "aten.mul": _attention_scale,
    "aten.lift_fresh": _constant,
}  # fmt: skip
