"""What code that depends on sizes alone computes under a plan: ``torch.arange(x.shape[1]).flip(0)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from explorer.engine.program import Ref
from explorer.engine.provenance import Attribute, Traced, evaluate, map_numbers, origin_of
from explorer.engine.shapes import PlannedShapes
from explorer.engine.trees import flatten_tensors, map_leaves


def recomputed(value: int, shapes: PlannedShapes, attributes: Mapping[Attribute, int]) -> Tensor:
    """A value of `Program.computed` as the recorded calls make it with planned sizes and attributes.

    Args:
        value: Number of the value.
        shapes: Shapes of all values under the plan.
        attributes: Attributes that the plan changes, with their new values.

    Raises:
        LookupError: No recorded call returned it.
    """
    program = shapes.program
    call = next((call for call in program.calls if value in call.results), None)
    if value in program.fixed:
        return torch.from_numpy(program.values[value].data)
    if call is None:
        raise LookupError(f"no recorded call returned value {value}")

    def after(number: Traced) -> Any:
        return evaluate(origin_of(number), lambda a: attributes.get(a, shapes.attribute(a)), shapes.size)

    def tensor(ref: Ref) -> Tensor:
        return recomputed(ref.value, shapes, attributes)

    args, kwargs = map_leaves(map_numbers((call.args, call.kwargs), after), Ref, tensor)
    return flatten_tensors(call.target(*args, **kwargs))[call.results.index(value)]
