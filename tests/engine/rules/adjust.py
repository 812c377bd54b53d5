"""Size arguments of an op after its operands have lost indices: what a plan will have to write into the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from explorer.engine.program import Op

Mask = np.ndarray[Any, Any]
Masks = dict[int, list[Mask]]
Adjusted = tuple[Callable[..., Any], Any, Any]


def adjusted(op: Op, function: Callable[..., Any], arguments: Any, masks: Masks) -> Adjusted:
    """The function and arguments to run on reduced operands.

    Args:
        op: The recorded op.
        function: Its operator.
        arguments: (args, kwargs) with reduced tensors and the original sizes.
        masks: Kept indices of each dimension of each value that the op reads or makes.
    """
    args, kwargs = arguments
    change = _CHANGES.get(op.base_name)
    return change(op, function, list(args), kwargs, masks) if change else (function, args, kwargs)


def reduced_axes(op: Op, rank: int) -> tuple[int, ...]:
    """Axes of the first operand over which an op takes statistics or other functions of what is there."""
    place = _STATISTICS.get(op.base_name)
    if place is None:
        return ()
    if place == "normalized":
        return tuple(range(rank - len(op.args[1]), rank))
    if place == "groups":
        return tuple(range(1, rank))
    if place == "batch":
        return tuple(axis for axis in range(rank) if axis != 1)
    found = op.args[place] if len(op.args) > place else op.kwargs.get("dim")
    if found is None or found == [] or isinstance(found, bool):
        return tuple(range(rank))
    return tuple(int(axis) % rank for axis in (found if isinstance(found, list) else [found])) if rank else ()


_STATISTICS: dict[str, Any] = {
    **dict.fromkeys(("aten.mean", "aten.amax", "aten.amin", "aten.var", "aten.std", "aten.var_mean", "aten.prod"), 1),
    **dict.fromkeys(("aten.std_mean", "aten._softmax", "aten._safe_softmax", "aten._log_softmax"), 1),
    **dict.fromkeys(("aten.max", "aten.min", "aten.median", "aten.mode", "aten.logsumexp", "aten.all"), 1),
    **dict.fromkeys(("aten.nanmedian", "aten.aminmax", "aten.any", "aten.kthvalue"), 1),
    **dict.fromkeys(("aten.linalg_vector_norm", "aten.norm"), 2),
    "aten.native_layer_norm": "normalized",
    "aten.native_group_norm": "groups",
    **dict.fromkeys(
        ("aten.native_batch_norm", "aten._native_batch_norm_legit", "aten._batch_norm_with_update"), "batch"
    ),
}


def _sizes(masks: list[Mask]) -> list[int]:
    return [int(mask.sum()) for mask in masks]


def _axis(op: Op, place: int, name: str, rank: int, default: int = 0) -> int:
    found = op.args[place] if len(op.args) > place else op.kwargs.get(name, default)
    return int(found) % rank


def _resized(place: int) -> Callable[..., Adjusted]:
    """The argument at `place` is the shape of the result."""

    def change(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
        args[place] = _sizes(masks[op.results[0]])
        return function, args, kwargs

    return change


def _reshaped(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    return torch.reshape, (args[0], _sizes(masks[op.results[0]])), {}


def _split(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    axis = _axis(op, 2, "dim", args[0].dim())
    sizes = [int(masks[result][axis].sum()) for result in op.results]
    return torch.split_with_sizes, (args[0], sizes, axis), {}


def _positions(op: Op, masks: Masks, axis: int, chosen: Mask) -> torch.Tensor:
    """Where the chosen indices of an axis that stay are found after the removal."""
    mask = masks[op.args[0].value][axis]
    return torch.from_numpy((np.cumsum(mask) - 1)[chosen[mask[chosen]]])


def _slice(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    axis = _axis(op, 1, "dim", args[0].dim())
    bounds = [*args[2:], *[None] * (5 - len(args))]
    size = len(masks[op.args[0].value][axis])
    chosen = np.arange(size)[slice(bounds[0], bounds[1], bounds[2])]
    return torch.index_select, (args[0], axis, _positions(op, masks, axis, chosen)), {}


def _select(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    axis = _axis(op, 1, "dim", args[0].dim())
    size = len(masks[op.args[0].value][axis])
    position = _positions(op, masks, axis, np.array([args[2] % size]))
    return torch.select, (args[0], axis, int(position)), {}


def _roll(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    axes = list(args[2]) if len(args) > 2 else [0] * (args[0].dim() == 1)
    if not axes:
        return function, args, kwargs

    def permuted(x: torch.Tensor) -> torch.Tensor:
        for shift, axis in zip(args[1], axes, strict=True):
            size = len(masks[op.args[0].value][axis])
            x = x.index_select(axis, _positions(op, masks, axis, np.roll(np.arange(size), shift)))
        return x

    return permuted, (args[0],), {}


def _repeat(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    sizes, shape = _sizes(masks[op.results[0]]), list(args[0].shape)
    shape = [1] * (len(sizes) - len(shape)) + shape
    args[1] = [new // old if old else 0 for new, old in zip(sizes, shape, strict=True)]
    return function, args, kwargs


def _pad(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    out = masks[op.results[0]]
    widths = list(args[1])
    for number in range(len(widths) // 2):
        mask = out[len(out) - 1 - number]
        before, after = widths[2 * number : 2 * number + 2]
        size = len(mask) - before - after
        x = masks[op.args[0].value][len(out) - 1 - number]
        widths[2 * number] = int(mask[:before].sum()) if before >= 0 else -int(x[:-before].sum())
        widths[2 * number + 1] = int(mask[before + size :].sum()) if after >= 0 else -int(x[after:].sum())
    args[1] = widths
    return function, args, kwargs


def _convolution(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    channels = _sizes(masks[op.results[0]])[1] if args[6] else args[0].shape[1]
    args[8] = channels // args[1].shape[1]
    return function, args, kwargs


def _deformable(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    args[11] = args[0].shape[1] // args[1].shape[1]
    return function, args, kwargs


def _normalized(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    args[1] = list(args[0].shape[args[0].dim() - len(args[1]) :])
    return function, args, kwargs


def _group_norm(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    batch, channels = args[0].shape[:2]
    groups = _sizes(masks[op.results[1]])[1]
    args[3:7] = [batch, channels, args[0].numel() // (batch * channels), groups]
    return function, args, kwargs


def _renumbered(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    """An index over a live axis names kept positions by their new numbers; a constant one also loses the others."""
    x = masks[op.args[0].value]
    if not x:
        return function, args, kwargs
    if op.base_name == "aten.index_select":
        args[2] = _new_numbers(args[2], x[int(args[1]) % len(x)])
    else:
        axis = 0
        indices = []
        for index in args[1]:
            is_mask = index is not None and index.dtype == torch.bool
            renumber = _same_mask if is_mask else _new_numbers
            indices.append(index if index is None else renumber(index, x[axis]))
            axis += index.dim() if is_mask else 1
        args[1] = indices
    return function, args, kwargs


def _same_mask(index: torch.Tensor, mask: Mask) -> torch.Tensor:
    return index[torch.from_numpy(mask)] if index.dim() == 1 and len(index) == len(mask) else index


def _new_numbers(index: torch.Tensor, mask: Mask) -> torch.Tensor:
    if mask.all():
        return index
    positions = index.numpy() % len(mask)
    return torch.from_numpy((np.cumsum(mask) - 1)[positions[mask[positions]]])


def _strided(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    return torch.empty, (_sizes(masks[op.results[0]]),), kwargs


def _affine_grid(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    args[1] = [args[0].shape[0], *args[1][1:]]
    return function, args, kwargs


def _grouped(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    """Group by group, as the op is documented: its kernel refuses rows that are no multiple of 16 bytes."""
    a, b, offsets = args[0], args[1], args[2] if len(args) > 2 else None
    if offsets is None:
        return torch.bmm, (a, b), {}
    ends = offsets.tolist()
    runs = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    if a.dim() == b.dim():
        return torch.stack, ([a[:, run] @ b[run] for run in runs],), {}
    if a.dim() == 2:
        return torch.cat, ([a[run] @ b[number] for number, run in enumerate(runs)],), {}
    return torch.cat, ([a[number] @ b[:, run] for number, run in enumerate(runs)], 1), {}


def _shuffle(op: Op, function: Any, args: list[Any], kwargs: Any, masks: Masks) -> Adjusted:
    out = masks[op.results[0]][1].reshape(-1, int(args[1]))
    args[1] = int(out.any(axis=0).sum())
    return function, args, kwargs


_CHANGES: dict[str, Callable[..., Adjusted]] = {
    "aten.view": lambda op, *rest: _resized(1)(op, *rest) if op.name == "aten.view.default" else rest[:3],
    **dict.fromkeys(("aten._unsafe_view", "aten.expand", "aten.new_zeros", "aten.new_ones"), _resized(1)),
    **dict.fromkeys(("aten.new_full", "aten.new_empty", "aten.as_strided"), _resized(1)),
    **dict.fromkeys(("aten.empty_strided", "aten.new_empty_strided"), _strided),
    "aten.affine_grid_generator": _affine_grid,
    **dict.fromkeys(("aten.zeros", "aten.ones", "aten.full", "aten.empty", "aten.empty_permuted"), _resized(0)),
    **dict.fromkeys(("aten.split", "aten.split_with_sizes", "aten.unsafe_split"), _split),
    **dict.fromkeys(("aten.squeeze", "aten._reshape_alias"), _reshaped),
    **dict.fromkeys(("aten.index", "aten._unsafe_index", "aten.index_select"), _renumbered),
    "aten.native_layer_norm": _normalized,
    "aten.channel_shuffle": _shuffle,
    "aten._grouped_mm": _grouped,
    "aten.slice": _slice,
    "aten.select": _select,
    "aten.roll": _roll,
    "aten.repeat": _repeat,
    "aten.constant_pad_nd": _pad,
    **dict.fromkeys(("aten.convolution", "aten._convolution"), _convolution),
    "torchvision.deform_conv2d": _deformable,
    "aten.native_group_norm": _group_norm,
}
