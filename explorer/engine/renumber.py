"""Index buffers under a plan: what picks channels by number must count anew where channels are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from explorer.engine.errors import ApplyError
from explorer.engine.explicit import has_positions
from explorer.engine.program import Op, Ref, Value
from explorer.engine.provenance import Attribute
from explorer.engine.recomputing import recomputed
from explorer.engine.shapes import PlannedShapes

Numbers = np.ndarray[tuple[int], np.dtype[Any]]


_AT = frozenset({"aten.index", "aten._unsafe_index", "aten.index_put", "aten._unsafe_index_put"})
_ALONG = frozenset({"aten.index_select", "aten.index_fill", "aten.index_add", "aten.index_copy", "aten.index_reduce"})


def renumbered(
    every: Iterable[PlannedShapes], attributes: Mapping[Attribute, int] | None = None
) -> dict[str, tuple[int, ...]]:
    """The new content of every integer or boolean buffer that picks from an axis which shrinks.

    Args:
        every: The plan's shapes for each traced program.
        attributes: Attributes that the plan changes, with their new values.

    Returns:
        New content by qualified name of the buffer.

    Raises:
        ApplyError: The numbers are written in the code, or one buffer picks from two axes that shrink differently.
    """
    found: dict[str, tuple[int, ...]] = {}
    for shapes in every:
        for op in shapes.program.ops:
            for name, numbers in _picks(op, shapes, attributes or {}):
                if found.setdefault(name, numbers) != numbers:
                    raise ApplyError(
                        f"The buffer {name} picks from axes that lose different channels, one of them at {op.source}. "
                        "Give each axis a buffer of its own, or ask for a ratio of 0 for the groups involved.",
                        op.source,
                    )
    return found


def _picks(op: Op, shapes: PlannedShapes, attributes: Mapping[Attribute, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(buffer, new content), where an op picks by number from an axis that shrinks."""
    picked = _picked(op)
    if picked is None:
        return
    place, index = picked
    read = shapes.dims(_value(op.args[0]))[place]
    value, is_computed = shapes.program.values[index], index in shapes.program.computed
    if shapes.is_whole(read) or value.data is None or not (is_computed or index in shapes.program.fixed):
        return  # a mask that depends on activations is as long as they are
    numbers = _after(value.data, shapes.kept(read))
    if value.kind == "buffer":
        yield value.name, tuple(numbers.tolist())
    elif numbers.tolist() != _in_code(value, shapes, attributes) and not _is_written_out(op, shapes):
        origin = "computed from positions" if is_computed else "written in the code"
        raise ApplyError(
            f"{op.short_name} at {op.source} picks channels by numbers {origin}, {_shown(value.data)}, "
            f"which would have to become {_shown(numbers)}. Register them as a buffer, or ask for a ratio of 0 for the "
            "groups involved.",
            op.source,
        )


def _in_code(value: Value, shapes: PlannedShapes, attributes: Mapping[Attribute, int]) -> Any:
    """What the code makes of an index where sizes and attributes are those of a plan; None where that is not known."""
    try:
        return recomputed(value.index, shapes, attributes).tolist()
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return None  # the code cannot make it, or nobody knows how it was made


def _is_written_out(op: Op, shapes: PlannedShapes) -> bool:
    return op.call >= 0 and has_positions(shapes.program.calls[op.call].args)


def _after(numbers: Numbers, kept: Numbers) -> Numbers:
    """Numbers, or truth values, for an axis of which only some indices are left."""
    if numbers.dtype in (np.bool_, np.uint8):
        return numbers[kept]
    position = np.cumsum(kept) - 1
    after: Numbers = position[numbers[kept[numbers]]]
    return after


def _picked(op: Op) -> tuple[int, int] | None:
    """(axis, value of the index) of an op that reads or writes one axis through a one-dimensional index; else None."""
    if op.base_name in _ALONG:
        return int(op.args[1]), _value(op.args[2])
    if op.base_name in _AT:
        given: Sequence[Any] = op.args[1]
        used = [place for place, item in enumerate(given) if item is not None]
        return (used[0], _value(given[used[0]])) if len(used) == 1 else None
    return None


def _value(item: Any) -> int:
    assert isinstance(item, Ref)
    return item.value


def _shown(numbers: Numbers) -> str:
    listed = ", ".join(map(str, numbers[:6].tolist()))
    return f"[{listed}, ...]" if len(numbers) > 6 else f"[{listed}]"
