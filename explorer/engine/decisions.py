"""Decisions: what a forward derives from activations as integers or booleans, and acts upon.

A detector keeps the boxes above a score, sorts them and drops those that overlap. Two models can be compared number by
number only while they decide alike, so the proof of such a model replays the decisions that were recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from explorer.engine.errors import VerifyError
from explorer.engine.program import Op, Program, Ref, is_in_place
from explorer.engine.rules.table import axis
from explorer.engine.shapes import PlannedShapes
from explorer.engine.trees import flatten_tensors, map_tensors

_SHAPED_BY_DATA = frozenset(
    ("aten.nonzero", "aten.masked_select", "aten._unique2", "aten.unique_dim", "aten.unique_consecutive",
     "aten._local_scalar_dense", "aten.repeat_interleave", "torchvision.nms")
)  # fmt: skip

_PICKED_ALONG = {
    "aten.topk": (2, -1), "aten.sort": (1, -1), "aten.max": (1, 0), "aten.min": (1, 0), "aten.kthvalue": (2, -1),
    "aten.median": (1, 0), "aten.mode": (1, -1),
}  # fmt: skip
"""Ops that return values and where they stand: the position of the axis among the arguments, and its default."""


def depends_on_data(program: Program) -> bool:
    """Whether the shapes of a program follow from the numbers it ran on, by decisions that it made."""
    has_shapes_from_data = any(op.base_name in _SHAPED_BY_DATA or _picks_by_mask(op, program) for op in program.ops)
    return has_shapes_from_data and any(True for _ in _recorded(program))


class ReplayedDecisions(TorchDispatchMode):
    """Runs a model with recorded decisions in place of its own, and keeps what these were made from.

    Attributes:
        grounds: The real numbers that each decision was made from, in order, where the plan keeps their shape: the raw
            scores and boxes of a detector.
    """

    def __init__(self, shapes: PlannedShapes, *, is_pruned: bool) -> None:
        """Prepare.

        Args:
            shapes: The plan's shapes for the program whose decisions are replayed.
            is_pruned: Whether the model that runs has these shapes; else it has the program's own.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._program = shapes.program
        self._shapes = shapes
        self._is_pruned = is_pruned
        self._recorded = _recorded(shapes.program)
        self.grounds: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        inputs, results = flatten_tensors((args, kwargs)), flatten_tensors(made)
        if not _decides(inputs, results) or is_in_place(str(func)):
            return made
        op = self._next(str(func))
        if op.scalar is not None:
            return op.scalar
        self.grounds += [tensor for tensor in inputs if tensor.is_floating_point() and self._is_whole(op)]
        return self._replayed(op, made, args, kwargs or {})

    def _next(self, name: str) -> Op:
        op = next(self._recorded, None)
        if op is None or op.name != name:
            raise VerifyError(
                f"The model decided by {name} where the traced run did by {op.name if op else 'nothing'}: its forward "
                "took another path, so the two cannot be compared."
            )
        return op

    def _replayed(self, op: Op, made: Any, args: Any, kwargs: Any) -> Any:
        results = flatten_tensors(made)
        decided = [self._decided(tensor, value) for tensor, value in zip(results, op.results, strict=True)]
        if op.base_name in _PICKED_ALONG and len(decided) == 2 and isinstance(args[0], Tensor):
            position, default = _PICKED_ALONG[op.base_name]
            place = kwargs.get("dim", args[position] if len(args) > position else default)
            decided[0] = _picked(args[0], axis(int(place), args[0].dim()), decided[1])
        tensors = iter(decided)
        return map_tensors(made, lambda _: next(tensors))

    def _decided(self, tensor: Tensor, number: int) -> Tensor:
        """The recorded content of a result, where it is a decision."""
        value = self._program.values[number]
        if value.data is None or tensor.is_floating_point():
            return tensor
        data = value.data
        for place, kept in enumerate(self._kept(number)):
            data = np.take(data, np.flatnonzero(kept), place)
        return torch.from_numpy(np.ascontiguousarray(data)).to(tensor.device)

    def _kept(self, number: int) -> list[Any]:
        return [self._shapes.kept(dim) for dim in self._shapes.dims(number)] if self._is_pruned else []

    def _is_whole(self, op: Op) -> bool:
        """Whether what an op reads keeps its shape under the plan, so that it can be compared."""
        return not any(value in self._shapes.changed_values for value in op.inputs())


def _picked(x: Tensor, place: int, indices: Tensor) -> Tensor:
    """The values at recorded indices; without the axis where the indices have none."""
    if indices.dim() == x.dim():
        return x.gather(place, indices)
    return x.gather(place, indices.unsqueeze(place)).squeeze(place)


def _recorded(program: Program) -> Iterator[Op]:
    """The ops of a program that decide something."""
    for op in program.ops:
        inputs = [program.values[number] for number in op.inputs()]
        results = [program.values[number] for number in op.results]
        if _decides(inputs, results) and not op.is_in_place:
            yield op


def _decides(inputs: Any, results: Any) -> bool:
    """Whether integers or booleans, or no tensor but a number, come out of real numbers."""
    reads_real = any(entry.dtype.is_floating_point for entry in inputs)
    return reads_real and (not results or any(not (e.dtype.is_floating_point or e.dtype.is_complex) for e in results))


def _picks_by_mask(op: Op, program: Program) -> bool:
    if op.base_name != "aten.index":
        return False
    indices = [ref.value for ref in op.args[1] if isinstance(ref, Ref)]
    return any(program.values[value].dtype in (torch.bool, torch.uint8) for value in indices)
