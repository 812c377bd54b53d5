"""The execution oracle: remove a channel from what an op reads, run the op, compare with what the coupling predicts.

`trace_case` records a function on live operands. `statements` says in words what the rules stated. `check_execution`
removes channels and runs every recorded op again on the smaller operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.engine.couple import Coupling, couple
from explorer.engine.factors import Dims
from explorer.engine.program import Op, Program, Ref
from explorer.engine.trace import record
from explorer.engine.trees import flatten_tensors, map_tensors
from tests.engine.rules.adjust import adjusted, reduced_axes

Operand = tuple[int, ...] | Tensor
Mask = np.ndarray[Any, Any]

RANDOM = ("rand", "bernoulli", "dropout", "normal", "rrelu", "empty")


class Operands(nn.Module):
    """Holds operands a, b, c... (parameters, or buffers for integer tensors); forward runs a function on them.

    The sums of the results and of the operands consume every dimension and freeze none, so that what is frozen was
    frozen by the ops under test.
    """

    def __init__(self, function: Callable[..., Any], operands: tuple[Operand, ...]) -> None:
        super().__init__()
        self.function = function
        self.order = [chr(ord("a") + place) for place in range(len(operands))]
        generator = torch.Generator().manual_seed(0)
        for name, operand in zip(self.order, operands, strict=True):
            if isinstance(operand, Tensor):
                self.register_buffer(name, operand)
            else:
                drawn = torch.rand(operand, generator=generator, dtype=torch.float64) + 0.1
                self.register_parameter(name, nn.Parameter(drawn))

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        operands = [getattr(self, name) for name in self.order]
        made = flatten_tensors(self.function(*operands, *given))
        return tuple(tensor.sum() for tensor in (*made, *operands))


@dataclass(frozen=True)
class Case:
    """A traced function: the ops under test, their results, and the coupling of the whole."""

    module: nn.Module
    given: tuple[Tensor, ...]
    program: Program
    coupling: Coupling
    ops: tuple[Op, ...]
    results: tuple[int, ...]

    def dims(self, value: int) -> Dims:
        return self.coupling.dims[0][value]


def trace_case(function: Callable[..., Any], *operands: Operand, given: tuple[Tensor, ...] = ()) -> Case:
    """Record and couple a function of operands, given by shape or as integer tensors; `given` are model inputs."""
    module = Operands(function, operands)
    program = record(module, given)
    sums = len(program.outputs)
    ends = program.ops[len(program.ops) - sums :]
    assert all(op.name == "aten.sum.default" for op in ends)
    results = tuple(op.args[0].value for op in ends)[: sums - len(operands)]
    return Case(module, given, program, couple([program]), program.ops[: len(program.ops) - sums], results)


def module_case(module: nn.Module, *given: Tensor) -> Case:
    """Record and couple a whole model in float64; every op that it ran is under test."""
    module = module.double().eval()
    inputs = tuple(tensor.double() if tensor.is_floating_point() else tensor for tensor in given)
    program = record(module, inputs)
    return Case(module, inputs, program, couple([program]), program.ops, program.outputs)


def live_dims(case: Case) -> str:
    """The operand dimensions of which some index can be pruned, such as ``a1 b0``; partly frozen ones get a ``?``."""
    solution = case.coupling.solution
    found = []
    for name, state in case.coupling.states.items():
        for place, dim in enumerate(state.dims):
            thawed = [not solution.frozen[solution.labels[atom]] for factor in dim for atom in factor]
            if any(thawed):
                found.append(f"{name}{_mark(name)}{place}" + ("" if all(thawed) else "?"))
    return " ".join(sorted(found))


def _mark(name: str) -> str:
    """Operands are letters, ``a0``; parameters of models are names, ``conv.weight:0``."""
    return "" if len(name) == 1 else ":"


def check_execution(case: Case) -> int:
    """Remove every channel alone, then half of them together.

    Returns:
        Number of removals that were tried.
    """
    channels = free_channels(case)
    removals = [[channel] for channel in channels] + ([channels[::2]] if len(channels) > 3 else [])
    arguments = _arguments(case) if removals else []
    tried = 0
    for removal in removals:
        gone = closure(case, removal)
        if not _empties_a_dimension(case, gone):
            _check_removal(case, arguments, gone)
            tried += 1
    return tried


def free_channels(case: Case) -> list[int]:
    """Classes that are neither frozen nor derived from a product and touch an operand."""
    solution = case.coupling.solution
    channels = {
        int(label)
        for state in case.coupling.states.values()
        for dim in state.dims
        for factor in dim
        for atom in factor
        for label in _factor_classes(case, int(solution.labels[atom]))
        if not solution.frozen[label]
    }
    return sorted(channels)


def closure(case: Case, removal: list[int]) -> Mask:
    """For each class whether it goes when some channels go."""
    solution = case.coupling.solution
    gone = np.zeros(len(solution.frozen), dtype=bool)
    gone[removal] = True
    derived = solution.outer >= 0
    while True:
        grown = gone.copy()
        grown[derived] |= gone[solution.outer[derived]] | gone[solution.inner[derived]]
        if (grown == gone).all():
            return gone
        gone = grown


def kept(case: Case, dims: Dims, gone: Mask) -> list[Mask]:
    """For each dimension which indices stay."""
    labels = case.coupling.solution.labels
    masks = []
    for dim in dims:
        mask = np.ones(1, dtype=bool)
        for factor in dim:
            mask = (mask[:, None] & ~gone[labels[factor]][None, :]).ravel()
        masks.append(mask)
    return masks


def _factor_classes(case: Case, label: int) -> Iterator[int]:
    solution = case.coupling.solution
    if solution.outer[label] < 0:
        yield label
        return
    yield from _factor_classes(case, int(solution.outer[label]))
    yield from _factor_classes(case, int(solution.inner[label]))


def _empties_a_dimension(case: Case, gone: Mask) -> bool:
    shapes = {value.index: value.shape for value in case.program.values}
    return any(
        size and not mask.any()
        for value, dims in case.coupling.dims[0].items()
        for size, mask in zip(shapes[value], kept(case, dims, gone), strict=True)
    )


def _check_removal(case: Case, arguments: list[Any], gone: Mask) -> None:
    for op, before in zip(case.ops, arguments, strict=True):
        masks = {number: kept(case, case.dims(number), gone) for number in (*op.inputs(), *op.results)}
        if not all(mask.all() for dims in masks.values() for mask in dims):
            _check_op(op, masks, before)


def _arguments(case: Case) -> list[Any]:
    """What each op read, copied before later ops could write into it."""
    values = _first_values(case)
    read = []
    for op in case.ops:
        args, kwargs = arguments = _filled((op.args, op.kwargs), values)
        read.append(map_tensors(arguments, torch.Tensor.clone))
        torch.manual_seed(0)
        results = flatten_tensors(resolve(op.name)(*args, **kwargs))
        values.update(zip(op.results, results, strict=True))
    return read


def _first_values(case: Case) -> dict[int, Tensor]:
    """Parameters, buffers and inputs; constants are the data that the program kept, and ones where it kept none."""
    state = {**dict(case.module.named_parameters()), **dict(case.module.named_buffers())}
    values = {}
    given = iter(case.given)
    for value in case.program.values:
        if value.is_state:
            values[value.index] = state[value.name].detach().clone()
        elif value.kind == "input":
            values[value.index] = next(given).clone()
        elif value.kind == "constant":
            kept_data = None if value.data is None else torch.from_numpy(value.data.copy())
            values[value.index] = torch.ones(value.shape, dtype=value.dtype) if kept_data is None else kept_data
    return values


def _check_op(op: Op, masks: dict[int, list[Mask]], arguments: Any) -> None:
    function = resolve(op.name)
    torch.manual_seed(0)
    blanked = _rebuilt((op.args, op.kwargs), arguments, lambda ref, t: _blanked(t, masks[ref.value]))
    expected = flatten_tensors(function(*blanked[0], **blanked[1]))
    smaller = _rebuilt((op.args, op.kwargs), arguments, lambda ref, t: _taken(t, masks[ref.value]))
    torch.manual_seed(0)
    call, args, kwargs = adjusted(op, function, smaller, masks)
    found = flatten_tensors(call(*args, **kwargs))
    for number, whole, part in zip(op.results, expected, found, strict=True):
        predicted = _taken(whole, masks[number])
        assert part.shape == predicted.shape, f"{op.name}: {tuple(part.shape)}, predicted {tuple(predicted.shape)}"
        if not any(word in op.name for word in RANDOM) and not _shrinks_a_reduced_axis(op, masks):
            torch.testing.assert_close(part, predicted, equal_nan=True, msg=lambda text: f"{op.name}: {text}")


def _shrinks_a_reduced_axis(op: Op, masks: dict[int, list[Mask]]) -> bool:
    """Statistics over an axis are then taken over the kept channels: only the shape is predicted."""
    if not isinstance(op.args[0], Ref):
        return False
    x = masks[op.args[0].value]
    return any(not x[axis].all() for axis in reduced_axes(op, len(x)))


def _blanked(tensor: Tensor, masks: list[Mask]) -> Tensor:
    """A copy with zeros wherever an index goes; index tensors keep their values."""
    copy = tensor.clone()
    if not tensor.is_floating_point():
        return copy
    for axis, mask in enumerate(masks):
        copy.index_fill_(axis, torch.from_numpy(np.flatnonzero(~mask)), 0.0)
    return copy


def _taken(tensor: Tensor, masks: list[Mask]) -> Tensor:
    taken = tensor.clone()
    assert taken.dim() == len(masks)
    for axis, mask in enumerate(masks):
        taken = taken.index_select(axis, torch.from_numpy(np.flatnonzero(mask)))
    return taken


def _filled(tree: Any, values: dict[int, Tensor]) -> Any:
    if isinstance(tree, Ref):
        return values[tree.value]
    if isinstance(tree, (tuple, list)):
        return type(tree)(_filled(item, values) for item in tree)
    if isinstance(tree, dict):
        return {key: _filled(item, values) for key, item in tree.items()}
    return tree


def _rebuilt(tree: Any, filled: Any, change: Callable[[Ref, Tensor], Tensor]) -> Any:
    """`filled` with each tensor changed, knowing the reference that it stands for."""
    if isinstance(tree, Ref):
        return change(tree, filled)
    if isinstance(tree, (tuple, list)):
        return type(tree)(_rebuilt(item, fill, change) for item, fill in zip(tree, filled, strict=True))
    if isinstance(tree, dict):
        return {key: _rebuilt(item, filled[key], change) for key, item in tree.items()}
    return filled


def resolve(name: str) -> Any:
    """The operator of a recorded name."""
    namespace, packet, overload = name.split(".")
    return getattr(getattr(getattr(torch.ops, namespace), packet), overload)
