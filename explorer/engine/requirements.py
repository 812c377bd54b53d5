"""What the size arguments of each recorded torch call must become under a plan. Adding a call: a row in `_NEEDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from explorer.engine.errors import ApplyError
from explorer.engine.factors import size_of
from explorer.engine.program import EVEN_SPLITS, Call, Program, Ref
from explorer.engine.provenance import Literal, Origin, evaluate, origin_of
from explorer.engine.shapes import PlannedShapes

Needs = Iterator[tuple[int, int] | tuple[int, int, bool]]
"""(number in the code, what it must become), and whether more than that does as well."""

Kept = np.ndarray[tuple[int], np.dtype[Any]]


@dataclass(frozen=True)
class Requirement:
    """One integer of one call, and what it must become.

    Attributes:
        call: The call.
        number: The integer as recorded; it may know its origin.
        after: What the plan needs it to be.
        is_floor: Whether a larger number does as well.
    """

    call: Call
    number: int
    after: int
    is_floor: bool = False


def requirements(shapes: PlannedShapes) -> list[Requirement]:
    """Every size argument of a program's calls, with what the plan needs.

    An attribute that one call needs changed may stand in other calls too, so what must stay is listed as well: all
    numbers of calls that the plan does not reach, and of the others those that are no size (an axis, a stride).
    """
    needed = []
    for call in shapes.program.calls:
        needs, is_touched = _NEEDS.get(call.function), _touches(call, shapes)
        numbers = call.attribute_ints
        is_sized = bool(numbers) or not shapes.changed_values.isdisjoint(call.sized_by)
        stated = list(needs(call, shapes)) if needs is not None and (is_touched or is_sized) else []
        needed += [Requirement(call, *need) for need in stated]
        if needs is not None or not is_touched:
            known = {id(number) for number, *_ in stated}
            needed += [Requirement(call, number, int(number)) for number in numbers if id(number) not in known]
    return needed


def restated(needed: list[Requirement], shapes: PlannedShapes) -> dict[Origin, int]:
    """Expressions in the code that must give another number than its sizes and original attributes would.

    Where a tie is broken, ``C // num_heads`` is no longer the size of a head. What the code computes from it, such as a
    scale, has to follow the head all the same. An expression that must give two numbers at once is left out.

    Args:
        needed: The requirements of a plan.
        shapes: Shapes of all values under it.
    """
    after: dict[Origin, set[int]] = {}
    for need in needed:
        origin = origin_of(need.number)
        if not need.is_floor and not isinstance(origin, Literal):
            after.setdefault(origin, set()).add(need.after)
    single = {origin: numbers.pop() for origin, numbers in after.items() if len(numbers) == 1}
    return {o: number for o, number in single.items() if evaluate(o, shapes.attribute, shapes.size) != number}


def _touches(call: Call, shapes: PlannedShapes) -> bool:
    return not shapes.changed_values.isdisjoint(call.values)


def _argument(call: Call, position: int, name: str, default: Any = None) -> Any:
    return call.argument(position, name, default)


def _tensor(call: Call, position: int = 0, name: str = "input") -> int:
    found = _argument(call, position, name)
    assert isinstance(found, Ref), f"{call.function}: argument {position} is no tensor"
    return found.value


def _sizes(call: Call, first: int, *names: str) -> Sequence[Any]:
    """Sizes given as one sequence or one by one."""
    rest = call.args[first:] or tuple(call.kwargs[name] for name in names if name in call.kwargs)
    return rest[0] if rest and isinstance(rest[0], (tuple, list)) else rest


def stated_sizes(call: Call, program: Program) -> Iterator[tuple[int, int, int]]:
    """(number, result, dimension of the result) for each size of a result that a call states.

    Args:
        call: Any call.
        program: The program that it belongs to.
    """
    reader = _STATED.get(call.function)
    if reader is not None:
        sizes = reader(call)
        rank = len(program.values[call.results[0]].shape)
        first = _place(call, program) if call.function == "unflatten" else rank - len(sizes)
        for offset, number in enumerate(sizes):
            if isinstance(number, int) and number != -1:
                yield number, call.results[0], first + offset
    elif call.function in ("split", "split_with_sizes"):
        given, dim = _sections(call), call.split_dim(len(program.values[call.results[0]].shape))
        numbers = (given,) if isinstance(given, int) else given
        for number, result in zip(numbers, call.results, strict=False):
            if number == program.values[result].shape[dim]:  # a single piece may be smaller than it was asked for
                yield number, result, dim
    elif call.function == "narrow":
        yield _argument(call, 3, "length"), call.results[0], int(_argument(call, 1, "dim"))


def _place(call: Call, program: Program) -> int:
    """The dimension that `unflatten` takes apart."""
    return int(_argument(call, 1, "dim")) % len(program.values[_tensor(call)].shape)


def _result_sizes(call: Call, shapes: PlannedShapes) -> Needs:
    for number, result, place in stated_sizes(call, shapes.program):
        yield number, shapes.shape(result)[place]


def _repeat(call: Call, shapes: PlannedShapes) -> Needs:
    """Only a dimension of size 1 is repeated as often as there are channels; of others each channel is repeated."""
    times = _sizes(call, 1, "repeats", "dims")
    before, after = shapes.program.values[_tensor(call)].shape, shapes.shape(call.results[0])
    before = (1,) * (len(after) - len(before)) + before
    for number, old, new in zip(reversed(times), reversed(before), reversed(after), strict=False):
        if old == 1:
            yield number, new


def _convolution(call: Call, shapes: PlannedShapes) -> Needs:
    is_transposed = "transpose" in call.function
    groups = _argument(call, 6, "groups", 1)
    weight = shapes.shape(_tensor(call, 1, "weight"))
    x = _tensor(call)
    rank = len(weight) - 2
    channels = shapes.shape(x)[-rank - 1]
    if is_transposed:
        yield groups, shapes.shape(call.results[0])[-rank - 1] // weight[1]
    else:
        yield groups, channels // weight[1]


def _group_norm(call: Call, shapes: PlannedShapes) -> Needs:
    groups = _argument(call, 1, "num_groups")
    x = _tensor(call)
    kept = shapes.kept(shapes.dims(x)[1]).reshape(int(groups), -1)
    yield groups, _regular_rows(call, kept)


def _channel_shuffle(call: Call, shapes: PlannedShapes) -> Needs:
    groups = _argument(call, 1, "groups")
    kept = shapes.kept(shapes.dims(_tensor(call))[1]).reshape(int(groups), -1)
    yield groups, _regular_rows(call, kept)


def _split(call: Call, shapes: PlannedShapes) -> Needs:
    given = _sections(call)
    sizes = _piece_sizes(call, shapes)
    if not isinstance(given, int):
        yield from zip(given, sizes, strict=True)
    elif len(sizes) == 1:
        yield given, sizes[0], True
    else:
        _check_pieces(call, sizes, [min(sizes[0], sum(sizes) - start) for start in range(0, sum(sizes), sizes[0])])
        yield given, sizes[0]


def _sections(call: Call) -> Any:
    names = ("split_size_or_sections", "split_size", "split_sizes")
    return call.args[1] if len(call.args) > 1 else next(call.kwargs[name] for name in names if name in call.kwargs)


def _chunk(call: Call, shapes: PlannedShapes) -> Needs:
    """The number of chunks stays; PyTorch then makes pieces of ceil(n / chunks)."""
    sizes = _piece_sizes(call, shapes)
    piece = -(-sum(sizes) // int(_argument(call, 1, "chunks")))
    _check_pieces(call, sizes, [min(piece, sum(sizes) - start) for start in range(0, sum(sizes), piece)])
    yield from ()


def _tensor_split(call: Call, shapes: PlannedShapes) -> Needs:
    """A number of pieces, the first ones larger by one where they are uneven; or the indices where pieces begin."""
    given = call.args[1] if len(call.args) > 1 else next(iter(call.kwargs.values()))
    sizes = _piece_sizes(call, shapes)
    if isinstance(given, int):
        small, larger = divmod(sum(sizes), int(given))
        _check_pieces(call, sizes, [small + (number < larger) for number in range(given)])
    elif not isinstance(given, Ref):
        yield from zip(given, np.cumsum(sizes)[:-1].tolist(), strict=True)


def _piece_sizes(call: Call, shapes: PlannedShapes) -> list[int]:
    place = call.split_dim(len(shapes.shape(call.results[0])))
    return [shapes.shape(result)[place] for result in call.results]


def _check_pieces(call: Call, needed: list[int], found: list[int]) -> None:
    """What the call makes of the smaller axis is what the plan says.

    Raises:
        ApplyError: It is not.
    """
    if found != needed:
        raise ApplyError(
            f"{call.function} at {call.source} would cut {sum(needed)} channels into {found}, and the plan needs "
            f"{needed}. Keep the tied groups at equal counts.",
            call.source,
        )


def _narrow(call: Call, shapes: PlannedShapes) -> Needs:
    x = _tensor(call)
    place = int(_argument(call, 1, "dim")) % len(shapes.dims(x))
    start, length = _argument(call, 2, "start"), _argument(call, 3, "length")
    if isinstance(start, int) and not shapes.is_whole(shapes.dims(x)[place]):
        kept = shapes.kept(shapes.dims(x)[place])
        yield start, _position(call, start, kept)
        yield length, int(kept[int(start) :][: int(length)].sum())


def _select(call: Call, shapes: PlannedShapes) -> Needs:
    x = _tensor(call)
    dim = shapes.dims(x)[int(_argument(call, 1, "dim")) % len(shapes.dims(x))]
    index = _argument(call, 2, "index")
    if isinstance(index, int) and not shapes.is_whole(dim):
        yield index, _position(call, index, shapes.kept(dim))


def _roll(call: Call, shapes: PlannedShapes) -> Needs:
    x = _tensor(call)
    shifts, places = _argument(call, 1, "shifts"), _argument(call, 2, "dims", ())
    pairs = ((shifts, places),) if isinstance(shifts, int) else zip(shifts, places, strict=False)
    for shift, place in pairs:
        if isinstance(place, int) and not shapes.is_whole(dim := shapes.dims(x)[place]):
            kept, by = shapes.kept(dim), int(shift) % size_of(dim)
            moved = int(kept[size_of(dim) - by :].sum())
            yield shift, moved if shift >= 0 else moved - int(kept.sum())


def _pad(call: Call, shapes: PlannedShapes) -> Needs:
    """Widths before and after, from the last dimension on; a negative one cuts off."""
    x, made = shapes.dims(_tensor(call)), shapes.dims(call.results[0])
    widths = _argument(call, 1, "pad")
    for number, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        place = len(x) - 1 - number
        if not (shapes.is_whole(x[place]) and shapes.is_whole(made[place])):
            small, large = shapes.kept(x[place]), shapes.kept(made[place])
            yield before, int(large[: int(before)].sum()) if before >= 0 else -int(small[: -int(before)].sum())
            cut = len(small) + int(after)
            yield after, int(large[len(large) - int(after) :].sum()) if after >= 0 else -int(small[cut:].sum())


def _getitem(call: Call, shapes: PlannedShapes) -> Needs:
    """Slices and single indices over axes that shrink; tensors that index are left to `renumber`."""
    x = shapes.dims(_tensor(call))
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    for place, item in axes_of(index, len(x), shapes):
        if isinstance(item, slice):
            yield from slice_needs(call, item, shapes.kept(x[place]))
        elif isinstance(item, int):
            yield item, _position(call, item, shapes.kept(x[place]))


def slice_needs(call: Call, item: slice, kept: Kept) -> Needs:
    """Bounds that read the same channels of those that are left."""
    if kept.all():
        yield from ((bound, int(bound)) for bound in (item.start, item.step) if bound is not None)
        if item.stop is not None:
            yield (item.stop, len(kept), True) if item.stop >= len(kept) else (item.stop, int(item.stop))
        return
    if item.step is not None and int(item.step) != 1:
        yield from _strided(call, item, kept)
        return
    if item.start is not None:
        yield item.start, _position(call, item.start, kept)
    if item.stop is not None and item.stop >= len(kept):
        yield item.stop, int(kept.sum()), True
    elif item.stop is not None:
        yield item.stop, _position(call, item.stop, kept)


def _strided(call: Call, item: slice, kept: Kept) -> Needs:
    """A slice with a step: what it reads must lie evenly among the kept."""
    start, stop, step = item.indices(len(kept))
    wanted = [int(kept[:position].sum()) for position in range(start, stop, step) if kept[position]]
    end = int(kept.sum()) if item.stop is None or item.stop >= len(kept) else _position(call, item.stop, kept)
    end = end if end > 0 else end + int(kept.sum())
    first = wanted[0] if wanted else 0
    pace = wanted[1] - first if len(wanted) > 1 else max(step, end - first) * len(wanted)
    if not pace or list(range(first, end, pace)) != wanted or (item.start is None and first):
        raise ApplyError(
            f"{call.function} at {call.source} takes every {step}. channel, and of those that the plan keeps these "
            f"would be {wanted}, which no slice says. Keep the same channels of every piece, or ask for a ratio of 0.",
            call.source,
        )
    yield item.step, pace
    if item.start is not None:
        yield item.start, first if item.start >= 0 else first - int(kept.sum())
    if item.stop is not None:
        yield item.stop, end if item.stop >= 0 else end - int(kept.sum()), item.stop >= len(kept)


def _position(call: Call, number: int, kept: Kept) -> int:
    """Where an index, or the bound of a slice, lies among the kept; negative ones count from the end.

    Raises:
        ApplyError: Counted from the end, it would come to lie behind the end.
    """
    after = int(kept[: int(number) % len(kept) if number < 0 else int(number)].sum())
    if number >= 0:
        return after
    if after == kept.sum():
        raise ApplyError(
            f"{call.function} at {call.source} counts {number} from the end, and the plan keeps nothing there. Keep at "
            "least one channel of the last ones.",
            call.source,
        )
    return after - int(kept.sum())


def axes_of(index: tuple[Any, ...], rank: int, shapes: PlannedShapes) -> Iterator[tuple[int, Any]]:
    """(axis of the input, item) for each item of an index; a mask covers as many axes as it has."""
    widths = [_width(item, shapes) for item in index]
    place = 0
    for item, width in zip(index, widths, strict=True):
        if item is Ellipsis:
            place += rank - sum(widths)
        elif width:
            yield place, item
            place += width


def _width(item: Any, shapes: PlannedShapes) -> int:
    if isinstance(item, Ref) and shapes.program.values[item.value].dtype in (torch.bool, torch.uint8):
        return len(shapes.program.values[item.value].shape)
    return int(item is not None and item is not Ellipsis and not isinstance(item, bool))


def _regular_rows(call: Call, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
    """Rows that stay, where each keeps equally many."""
    per_row = kept.sum(axis=1)
    staying = per_row[per_row > 0]
    if len(set(staying.tolist())) > 1:
        raise ApplyError(
            f"{call.function} at {call.source} needs groups of equal size, and the plan keeps {per_row.tolist()} "
            "channels in them. Prune the same channels of every group.",
            call.source,
        )
    return len(staying)


_STATED: Mapping[str, Callable[[Call], Sequence[Any]]] = {
    "view": lambda call: _sizes(call, 1, "shape", "size"),
    "reshape": lambda call: _sizes(call, 1, "shape", "size"),
    **dict.fromkeys(("expand", "broadcast_to"), lambda call: _sizes(call, 1, "size")),
    "unflatten": lambda call: _argument(call, 2, "sizes"),
    **dict.fromkeys(("zeros", "ones", "empty"), lambda call: _sizes(call, 0, "size")),
    "full": lambda call: _argument(call, 0, "size"),
    **dict.fromkeys(("new_zeros", "new_ones", "new_empty"), lambda call: _sizes(call, 1, "size")),
    "new_full": lambda call: _argument(call, 1, "size"),
    **dict.fromkeys(("layer_norm", "rms_norm"), lambda call: _argument(call, 1, "normalized_shape")),
}
"""Calls that state sizes of their result, and where these stand among the arguments."""

_NEEDS: Mapping[str, Callable[[Call, PlannedShapes], Needs]] = {
    **dict.fromkeys(_STATED, _result_sizes),
    "repeat": _repeat,
    "tile": _repeat,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _convolution),
    "group_norm": _group_norm,
    "channel_shuffle": _channel_shuffle,
    "split": _split,
    "split_with_sizes": _split,
    "chunk": _chunk,
    **dict.fromkeys(EVEN_SPLITS, _tensor_split),
    "narrow": _narrow,
    "select": _select,
    "roll": _roll,
    "pad": _pad,
    "__getitem__": _getitem,
    "__setitem__": _getitem,
}
