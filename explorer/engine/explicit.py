"""Picks and cuts that no smaller numbers can say, written out: for the program way, which may write what it likes.

``x[:, ::2]`` keeps its meaning only where the kept channels lie as regularly as before, and a list of channel numbers
in the code cannot be renumbered there. The replayed call gets the positions of the same channels instead, and a split
the sizes of its pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from explorer.engine.errors import ApplyError
from explorer.engine.program import EVEN_SPLITS, Call, Ref
from explorer.engine.provenance import Literal, TracedInt
from explorer.engine.requirements import axes_of, slice_needs
from explorer.engine.shapes import PlannedShapes

Numbers = np.ndarray[tuple[int], np.dtype[Any]]


@dataclass(frozen=True)
class Positions:
    """Stands for a tensor of channel numbers in the arguments of a call.

    Attributes:
        numbers: Positions among the kept channels, in the order of the original pick.
    """

    numbers: tuple[int, ...]


def with_positions(shapes: PlannedShapes) -> PlannedShapes:
    """The same shapes for a program in which irregular picks from axes that shrink are written out."""
    fixed = shapes.program.fixed | shapes.program.computed
    calls = tuple(_written_out(call, shapes, fixed) for call in shapes.program.calls)
    return shapes.of_program(replace(shapes.program, calls=calls))


def has_positions(tree: Any) -> bool:
    """Whether anything in nested arguments was written out."""
    if isinstance(tree, (tuple, list)):
        return any(has_positions(item) for item in tree)
    return isinstance(tree, Positions)


def _written_out(call: Call, shapes: PlannedShapes, fixed: frozenset[int]) -> Call:
    if call.function in ("__getitem__", "__setitem__"):
        is_tuple = isinstance(call.args[1], tuple)
        index = list(call.args[1]) if is_tuple else [call.args[1]]
        for place, positions in _items(call, index, shapes, fixed):
            index[place] = positions
        return replace(call, args=(call.args[0], tuple(index) if is_tuple else index[0], *call.args[2:]))
    if call.function in _ALONG and len(call.args) >= _INDEX_SELECT:
        x, dim, index, *rest = call.args
        kept = shapes.kept(shapes.dims(x.value)[int(dim)])
        numbers = None if kept.all() else _numbers(call, index, len(kept), shapes, fixed)
        return call if numbers is None else replace(call, args=(x, dim, _after(numbers, kept), *rest))
    if call.function == "repeat_interleave":
        return _repeated_by_number(call, shapes, fixed)
    if call.function in ("chunk", "split", *EVEN_SPLITS) and isinstance(call.argument(1, ""), int):
        return _cut_by_sizes(call, shapes)
    return call


def _cut_by_sizes(call: Call, shapes: PlannedShapes) -> Call:
    """A split of an axis that shrinks, into so many pieces or pieces of one size, as one into pieces of their sizes."""
    x = call.args[0]
    dim = call.split_dim(len(shapes.dims(x.value)))
    if shapes.is_whole(shapes.dims(x.value)[dim]):
        return call
    sizes = [shapes.program.values[result].shape[dim] for result in call.results]
    literals = [TracedInt(size, Literal(size)) for size in sizes]
    return replace(call, function="split", target=torch.split, args=(x, literals, dim), kwargs={})


def _repeated_by_number(call: Call, shapes: PlannedShapes, fixed: frozenset[int]) -> Call:
    """Channels that are repeated each as often as a tensor says, as an `index_select`."""
    x, times, dim = call.argument(0, "input"), call.argument(1, "repeats"), call.argument(2, "dim")
    if not isinstance(times, Ref) or times.value not in fixed or dim is None:
        return call
    kept, counts = shapes.kept(shapes.dims(x.value)[int(dim)]), shapes.program.values[times.value].data
    if kept.all() or counts is None:
        return call
    numbers = np.repeat(np.arange(len(kept)), counts)
    args = x, dim, _after(numbers, kept)
    return replace(call, function="index_select", target=torch.index_select, args=args, kwargs={})


_INDEX_SELECT = 3
"""Arguments of an `index_select`; what writes along an axis has more."""

_ALONG = frozenset(
    {f"index_{what}{mark}" for what in ("select", "fill", "add", "copy", "reduce") for mark in ("", "_")}
)
"""Calls that read or write one axis at the positions in a tensor."""


def _items(
    call: Call, index: list[Any], shapes: PlannedShapes, fixed: frozenset[int]
) -> Iterator[tuple[int, Positions]]:
    """(place in the index, positions) for each item that has to be written out."""
    dims = shapes.dims(call.args[0].value)
    found = {id(item): place for place, item in enumerate(index)}
    for place, item in axes_of(tuple(index), len(dims), shapes):
        kept = shapes.kept(dims[place])
        numbers = None if kept.all() else _numbers(call, item, len(kept), shapes, fixed)
        if isinstance(item, slice) and numbers is not None and _can_be_said(call, item, kept):
            continue
        if numbers is not None:
            yield found[id(item)], _after(numbers, kept)


def _numbers(call: Call, item: Any, size: int, shapes: PlannedShapes, fixed: frozenset[int]) -> Numbers | None:
    """The channels that one item of an index picks; None where that is left to the numbers in it."""
    every = np.arange(size)
    if isinstance(item, slice):
        program = shapes.program
        is_written = any(program.values[result].storage in program.written for result in call.results)
        bounds = (None if bound is None else int(bound) for bound in (item.start, item.stop, item.step))
        return None if is_written else every[slice(*bounds)]
    if isinstance(item, list) and item and all(isinstance(number, int) for number in item):
        picked: Numbers = every[[bool(number) if isinstance(number, bool) else int(number) for number in item]]
        return picked
    if isinstance(item, Ref) and item.value in fixed:
        value = shapes.program.values[item.value]
        data = value.data if len(value.shape) == 1 and value.kind != "buffer" else None
        return None if data is None else every[data.astype(bool) if data.dtype == np.uint8 else data]
    return None


def _after(numbers: Numbers, kept: Numbers) -> Positions:
    position = np.cumsum(kept) - 1
    return Positions(tuple(position[numbers[kept[numbers]]].tolist()))


def _can_be_said(call: Call, item: slice, kept: Numbers) -> bool:
    """Whether a slice with other numbers reads the same channels."""
    try:
        list(slice_needs(call, item, kept))
    except ApplyError:
        return False
    return True
