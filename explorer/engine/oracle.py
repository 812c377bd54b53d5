"""The zeroing oracle: what the original model gives when the parameters of removed channels are zero.

Pruned and zeroed must agree. Intermediates are never masked by the coupling under test, with one exception that the
mathematics demands: a reduction over an axis that carries channels (normalisation, softmax, mean, a product of two
activations) runs over the kept channels, since the pruned model has no others; `oracle_ops.py` says how. A weight that
the model computes from parameters (weight normalisation, softplus) is a parameter by another name, so its removed
slices are zero too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from explorer.engine.errors import VerifyError
from explorer.engine.oracle_ops import PlannedNumbers, Site, run
from explorer.engine.program import Op, Program
from explorer.engine.provenance import Origin
from explorer.engine.randomness import own_random_state
from explorer.engine.recorder import is_composite, is_reserve
from explorer.engine.shapes import PlannedShapes
from explorer.engine.surgery import copy_with
from explorer.engine.trace import ExampleInputs, call_model, in_eval_mode, plain_kernels

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
    planned = PlannedNumbers(shapes, numbers or {})
    with (
        own_random_state(seed=0),
        torch.no_grad(),
        in_eval_mode(model),
        plain_kernels(),
        _KeptReductions(shapes, planned),
    ):
        return call_model(model, example_inputs)


_ON_META = (
    " Tracing saw meta tensors, on which this model took another path than with numbers. Trace a real run instead: "
    "pass example_inputs as a callable, such as lambda model: model(x)."
)


class _KeptReductions(TorchDispatchMode):
    """Follows the recorded ops one by one, and reduces over kept channels where a reduction meets removed ones."""

    def __init__(self, shapes: PlannedShapes, numbers: PlannedNumbers) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._shapes = shapes
        self._numbers = numbers
        self._ops: Iterator[Op] = iter(shapes.program.ops)
        self._states = _state_values(shapes.program)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if is_composite(func):
            with self:
                return func.decompose(*args, **(kwargs or {}))
        op = self._next(str(func), args)
        if op is None:
            return func(*args, **(kwargs or {}))
        site = Site(op, self._shapes, self._states, self._numbers)
        made = run(site, func, *self._planned(op, args, kwargs or {}))
        if site.makes_state and op.base_name not in _KEEP_ZEROS and not op.is_in_place:
            return site.without_removed(made)
        return made

    def _planned(self, op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Arguments with the numbers that follow sizes: those of elementwise ops, and factors as in `baddbmm`."""
        changed = self._numbers.changed(op.call)
        if not changed:
            return args, kwargs
        if op.is_pointwise:
            args = tuple(changed.get(item, item) if type(item) in (int, float) else item for item in args)
        factors = {name: changed.get(kwargs[name], kwargs[name]) for name in _FACTORS if name in kwargs}
        return args, kwargs | factors

    def _next(self, name: str, args: tuple[Any, ...]) -> Op | None:
        """The recorded op that runs now; None for one that is not recorded, or a conversion for this precision."""
        op = next(self._ops, None)
        while op is not None and ((op.name != name and op.name == _CONVERSION) or self._is_data(op)):
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

    def _is_data(self, op: Op) -> bool:
        """Whether an op stands for ``x.data``, which runs none."""
        return (
            op.name == "aten.detach.default"
            and op.call >= 0
            and self._shapes.program.calls[op.call].function == "__get__"
        )


def _state_values(program: Program) -> frozenset[int]:
    """Values computed from parameters and buffers alone."""
    found = {value.index for value in program.values if value.is_state}
    for op in program.ops:
        inputs = op.inputs()
        if inputs and all(value in found for value in inputs):
            found.update(op.results)
    return frozenset(found)


_FACTORS = ("alpha", "beta", "value")
"""Arguments that an op multiplies something by."""

_CONVERSION = "aten._to_copy.default"

_KEEP_ZEROS = frozenset(f"aten.{name}" for name in (
    "t", "transpose", "permute", "view", "_unsafe_view", "unsqueeze", "squeeze", "expand", "clone", "detach", "alias",
    "slice", "select", "split", "split_with_sizes", "unbind", "_to_copy"))  # fmt: skip
"""Ops that move elements: what comes of zeroed parameters is zero by itself."""
