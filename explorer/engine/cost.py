"""What a model costs, before and after a plan, without running anything.

Multiply-adds are counted as `torch.utils.flop_counter` counts the traced program (its FLOPs / 2): convolutions and
matrix products, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from explorer.engine.couple import Coupling
from explorer.engine.factors import Dim, Dims, is_inert
from explorer.engine.program import Op, Program, Ref
from explorer.engine.solve import Labels, Mask, Solution


@dataclass(frozen=True)
class Cost:
    """The size of a model and of one forward.

    Attributes:
        macs: Multiply-adds of the traced forward.
        params: Elements of all parameters.
        bytes: Bytes of all parameters and buffers.
        activations: Peak bytes of live intermediates (inputs included, parameters not) during the traced forward.
    """

    macs: int
    params: int
    bytes: int
    activations: int

    @property
    def flops(self) -> int:
        """Floating-point operations: two for each multiply-add."""
        return 2 * self.macs

    def __sub__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field.name) - getattr(other, field.name) for field in fields(self)))


@dataclass(frozen=True)
class CostChange:
    """Costs before and after a plan."""

    before: Cost
    after: Cost


@dataclass(frozen=True)
class StateSize:
    """Elements of a parameter or buffer that no program reads, or of all of them before pruning."""

    name: str
    elements: int
    itemsize: int
    is_parameter: bool


class CostModel:
    """Products of kept counts, prepared so that a changed plan costs a few vector operations."""

    def __init__(self, coupling: Coupling, sizes: list[StateSize]) -> None:
        """Prepare the counts.

        Args:
            coupling: The solved coupling; its first program is the one that is counted.
            sizes: Every parameter and buffer of the model, reached or not.
        """
        self._factors = _FactorTable(coupling.solution)
        program, dims = coupling.programs[0], coupling.dims[0]
        counted = list(counted_ops(program))
        self._counted = [op.index for op, _ in counted]
        self._macs = _Products(self._factors, [_op_dims(program, dims, op, parts) for op, parts in counted])
        self._states = [size for size in sizes if size.name in coupling.states]
        self._state_sizes = _Products(self._factors, [coupling.states[size.name].dims for size in self._states])
        self._fixed = [size for size in sizes if size.name not in coupling.states]
        self._storages = _Lifetimes(program)
        self._values = _Products(self._factors, [dims.get(value, ()) for value in self._storages.values])
        self._factors.freeze()

    def macs_per_op(self, alive: Mask) -> dict[int, int]:
        """Multiply-adds of each op that has any, by its number in the first program."""
        return dict(zip(self._counted, self._macs.evaluate(self._factors.counts(alive)).tolist(), strict=True))

    def cost(self, alive: Mask) -> Cost:
        """The cost when the classes that are not `alive` are gone."""
        counts = self._factors.counts(alive)
        elements = self._state_sizes.evaluate(counts)
        fixed = [(size.elements, size.itemsize, size.is_parameter) for size in self._fixed]
        reached = [(int(n), size.itemsize, size.is_parameter) for n, size in zip(elements, self._states, strict=True)]
        params = sum(n for n, _, is_parameter in fixed + reached if is_parameter)
        memory = sum(n * itemsize for n, itemsize, _ in fixed + reached)
        peak = self._storages.peak(self._values.evaluate(counts))
        return Cost(int(self._macs.evaluate(counts).sum()), params, memory, peak)


def counted_ops(program: Program) -> Iterator[tuple[Op, tuple[tuple[int, str], ...]]]:
    """The ops that have multiply-adds, with the dims whose sizes multiply to their number.

    Each part is (position, what): position counts tensor arguments (-1 is the result), what names dims of it.
    """
    for op in program.ops:
        parts = _COUNTED.get(op.base_name)
        if parts is not None:
            is_transposed = op.base_name == "aten.convolution" and bool(op.args[6])
            yield op, _TRANSPOSED if is_transposed else parts


_CONVOLUTION = ((0, "batch"), (-1, "space"), (1, "all"))
_TRANSPOSED = ((0, "batch"), (0, "space"), (1, "all"))
_COUNTED = {
    "aten.mm": ((0, "all"), (1, "last")),
    "aten.bmm": ((0, "all"), (1, "last")),
    "aten.addmm": ((1, "all"), (2, "last")),
    "aten.baddbmm": ((1, "all"), (2, "last")),
    "aten.convolution": _CONVOLUTION,
}


def _op_dims(program: Program, dims: dict[int, Dims], op: Op, parts: tuple[tuple[int, str], ...]) -> Dims:
    taken: list[Dim] = []
    for position, what in parts:
        value = op.results[0] if position < 0 else _value(op, position)
        found = dims[value]
        has_batch = len(found) == len(program.values[_value(op, 1)].shape)
        space = 2 if has_batch else 1
        choice = {"all": found, "last": found[-1:], "batch": found[:1] if has_batch else (), "space": found[space:]}
        taken += choice[what]
    return tuple(taken)


def _value(op: Op, position: int) -> int:
    argument = op.args[position]
    assert isinstance(argument, Ref)
    return argument.value


class _FactorTable:
    """Numbers factors by identity and counts what is kept of each."""

    def __init__(self, solution: Solution) -> None:
        self._labels = solution.labels
        self._numbers: dict[int, int] = {}
        self._arrays: list[Labels] = []
        self._fixed: list[int] = [1]  # number 0 stands for a dimension of size 1

    def numbers(self, dims: Dims) -> list[int]:
        return [0, *(self._number(factor) for dim in dims for factor in dim)]

    def freeze(self) -> None:
        live = [number for number, array in enumerate(self._arrays, start=1) if not is_inert(array)]
        self._live = np.array(live, dtype=np.int64)
        arrays = [self._labels[self._arrays[number - 1]] for number in live]
        self._flat = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)
        self._starts = np.cumsum([0, *map(len, arrays)])[:-1]
        self._sizes = np.array(self._fixed, dtype=np.int64)

    def counts(self, alive: Mask) -> Labels:
        counts = self._sizes.copy()
        if len(self._live):
            counts[self._live] = np.add.reduceat(alive[self._flat].astype(np.int64), self._starts)
        return counts

    def _number(self, factor: Labels) -> int:
        known = self._numbers.get(id(factor))
        if known is None:
            self._arrays.append(factor)
            self._fixed.append(len(factor))
            known = self._numbers[id(factor)] = len(self._arrays)
        return known


class _Products:
    """For each row, the product of the counts of its factors."""

    def __init__(self, table: _FactorTable, rows: list[Dims]) -> None:
        numbers = [table.numbers(row) for row in rows]
        self._flat = np.array([number for row in numbers for number in row], dtype=np.int64)
        self._starts = np.cumsum([0, *map(len, numbers)])[:-1].astype(np.int64)

    def evaluate(self, counts: Labels) -> Labels:
        if not len(self._flat):
            return np.empty(0, dtype=np.int64)
        return np.multiply.reduceat(counts[self._flat], self._starts)


class _Lifetimes:
    """When each intermediate's memory is live: from the op that makes it to the last that reads it or a view of it."""

    def __init__(self, program: Program) -> None:
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        whole: dict[int, int] = {}  # what came first in a memory; views of it come later
        for moment, value in _uses(program):
            storage = program.values[value].storage
            first.setdefault(storage, moment)
            last[storage] = moment
            whole.setdefault(storage, value)
        self.values = list(whole.values())
        self._first = np.array([first[storage] for storage in whole], dtype=np.int64)
        self._last = np.array([last[storage] for storage in whole], dtype=np.int64)
        self._itemsize = np.array([program.values[value].dtype.itemsize for value in self.values], dtype=np.int64)
        self._moments = len(program.ops) + 2

    def peak(self, elements: Labels) -> int:
        """Bytes at the worst moment."""
        size = elements * self._itemsize
        change = np.zeros(self._moments + 1, dtype=np.int64)
        np.add.at(change, self._first, size)
        np.add.at(change, self._last + 1, -size)
        return int(np.cumsum(change).max(initial=0))


def _uses(program: Program) -> Iterator[tuple[int, int]]:
    """(moment, value) of every read and write of what is neither a parameter or buffer nor a view of one."""
    states = {value.storage for value in program.values if value.is_state}
    for value in program.inputs:
        yield 0, value
    for op in program.ops:
        for value in (*op.inputs(), *op.results):
            if program.values[value].storage not in states:
                yield op.index + 1, value
    for value in program.outputs:
        if program.values[value].storage not in states:
            yield len(program.ops) + 1, value
