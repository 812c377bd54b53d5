"""Runs the rules over programs: `couple` says which atoms every dimension of every value is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.engine.coupler import Coupler, Freeze
from explorer.engine.dot_products import tag_heads
from explorer.engine.factors import INPUT, Dims, Factor, inert_dim
from explorer.engine.program import Op, Program, Ref, Value
from explorer.engine.promises import PROMISES, Context
from explorer.engine.rules import Bound, Operand, Result, find_rule
from explorer.engine.solve import Solution, solve
from explorer.engine.trees import PLAIN

OUTPUT = "model output: its size is what the model promises"

SPARSE = "the tensor is sparse: its elements are stored by their positions"
UNTOUCHED = "no traced operation says how this dimension could shrink"


@dataclass(frozen=True)
class State:
    """A parameter or buffer of the model and the atoms of its dimensions.

    Attributes:
        name: Qualified name.
        value: The value as the first program that read it saw it.
        dims: Factors, one new factor per dimension.
    """

    name: str
    value: Value
    dims: Dims


@dataclass(frozen=True)
class Unsupported:
    """An op without a rule: everything live that it touched is frozen.

    Attributes:
        op: ATen name.
        module: Path of the module that ran it.
        source: The user's line.
    """

    op: str
    module: str
    source: object


@dataclass(frozen=True)
class Coupling:
    """What is one channel with what, over all programs of a model.

    Attributes:
        programs: The traced runs.
        dims: For each program, the dims of every value that an op read or made.
        states: Reached parameters and buffers by name, in order of first use.
        coupler: What the rules said.
        solution: The classes of atoms.
        unsupported: Ops without a rule.
        offsets: For each program, the number of its first op in the joined numbering that `coupler` uses.
    """

    programs: tuple[Program, ...]
    dims: tuple[dict[int, Dims], ...]
    states: dict[str, State]
    coupler: Coupler
    solution: Solution
    unsupported: tuple[Unsupported, ...]
    offsets: tuple[int, ...]

    def op(self, number: int) -> Op | None:
        """An op by its number in the joined numbering; None for numbers before the first."""
        for program, offset in zip(reversed(self.programs), reversed(self.offsets), strict=True):
            if number >= offset:
                return program.ops[number - offset]
        return None


def couple(programs: Sequence[Program]) -> Coupling:
    """The joint coupling of several runs of one model.

    Args:
        programs: One program per example input and mode; they share parameters by name.

    Returns:
        Dims of all values, and the solved classes.
    """
    coupler = Coupler()
    states: dict[str, State] = {}
    all_dims, offsets, unsupported = [], [], []
    offset = 0
    for program in programs:
        walk = _Walk(program, coupler, states, offset)
        walk.run()
        all_dims.append(walk.dims)
        unsupported += walk.unsupported
        offsets.append(offset)
        offset += len(program.ops)
    solution = solve(coupler, _factors(states), UNTOUCHED)
    return Coupling(tuple(programs), tuple(all_dims), states, coupler, solution, tuple(unsupported), tuple(offsets))


def with_frozen(coupling: Coupling, atoms: Factor, reason: str) -> Coupling:
    """The coupling of the same programs where some more atoms stay."""
    coupler = replace(coupling.coupler, frozen=[*coupling.coupler.frozen, Freeze(atoms, reason, -1)])
    return replace(coupling, coupler=coupler, solution=solve(coupler, _factors(coupling.states), UNTOUCHED))


def _factors(states: dict[str, State]) -> list[Factor]:
    return [factor for state in states.values() for dim in state.dims for factor in dim]


class _Walk:
    """One pass over one program."""

    def __init__(self, program: Program, coupler: Coupler, states: dict[str, State], offset: int) -> None:
        self.program = program
        self.coupler = coupler
        self.states = states
        self.offset = offset
        self.dims: dict[int, Dims] = {}
        self.unsupported: list[Unsupported] = []

    def run(self) -> None:
        for op in self.program.ops:
            self.coupler.op = self.offset + op.index
            self._apply(op)
        self._hear_calls()
        tag_heads(self.program, self.dims, self.coupler)
        for output in self.program.outputs:
            self.coupler.freeze_all(self._dims(output), OUTPUT)

    def _hear_calls(self) -> None:
        """What torch calls say that the ops they run do not."""
        last_op = {op.call: self.offset + op.index for op in self.program.ops}
        for call in self.program.calls:
            promise = PROMISES.get(call.function)
            if promise is not None:
                self.coupler.op = last_op.get(call.index, -1)
                promise(call, Context(self.program, self.coupler, self._dims, self.offset))

    def _apply(self, op: Op) -> None:
        bound = self._bind(op)
        found = find_rule(op.name, op.base_name, is_pointwise=op.is_pointwise)
        results = found(bound, self.coupler) if found else self._freeze(op, bound)
        for value, dims, shape in zip(op.results, results, bound.shapes, strict=True):
            _check(op, dims, shape)
            self._assign(op, value, dims)

    def _assign(self, op: Op, value: int, dims: Dims) -> None:
        """Give a result its dims; what an op wrote into keeps its own, coupled with the new ones, and so do inputs."""
        written = self._dims(value) if self.program.values[value].kind == "input" else self.dims.get(value)
        if written is None:
            self.dims[value] = dims
            return
        for mine, other in zip(written, dims, strict=True):
            self.coupler.unify(mine, other)

    def _bind(self, op: Op) -> Bound:
        args = tuple([item if type(item) in PLAIN else self._look_up(item) for item in op.args])
        kwargs = {name: self._look_up(item) for name, item in op.kwargs.items()} if op.kwargs else {}
        shapes = tuple([self.program.values[value].shape for value in op.results])
        function = self.program.calls[op.call].function if op.call >= 0 else ""
        return Bound(op.name, args, kwargs, shapes, function, self._unread(op))

    def _unread(self, op: Op) -> tuple[int, ...]:
        """Positions of the results that no other op reads and the model does not return."""
        if len(op.results) < 2:
            return ()
        return tuple([place for place, value in enumerate(op.results) if value not in self.program.read])

    def _look_up(self, tree: Any) -> Any:
        if isinstance(tree, Ref):
            value = self.program.values[tree.value]
            known = (False, False) if value.data is None else self._known(tree.value)
            return Operand(self._dims(tree.value), value.shape, value.data, value.is_state, *known, value.dtype)
        if isinstance(tree, (tuple, list)):
            return [item if type(item) in PLAIN else self._look_up(item) for item in tree]
        return tree

    def _known(self, value: int) -> tuple[bool, bool]:
        """Whether integers and booleans are fixed, and whether they are computed from such."""
        return value in self.program.fixed, value in self.program.computed

    def _dims(self, number: int) -> Dims:
        known = self.dims.get(number)
        if known is None:
            known = self.dims[number] = self._first_dims(self.program.values[number])
        return known

    def _first_dims(self, value: Value) -> Dims:
        if value.is_state:
            if value.name not in self.states:
                dims = tuple(self.coupler.new_dim(size) for size in value.shape)
                if value.is_sparse:
                    self.coupler.freeze_all(dims, SPARSE)
                self.states[value.name] = State(value.name, value, dims)
            return self.states[value.name].dims
        atom = INPUT if value.kind == "input" else 0
        return tuple(inert_dim(size, atom) for size in value.shape)

    def _freeze(self, op: Op, bound: Bound) -> Result:
        place = f" in {op.module}" if op.module else ""
        for operand in bound.operands():
            self.coupler.freeze_all(operand.dims, f"the explorer has no rule for {op.name}{place}")
        if bound.operands() or op.results:  # what only marks a place in a profile has neither
            self.unsupported.append(Unsupported(op.name, op.module, op.source))
        return tuple(tuple(inert_dim(size) for size in shape) for shape in bound.shapes)


def _check(op: Op, dims: Dims, shape: tuple[int, ...]) -> None:
    found = tuple([_size(dim) for dim in dims])
    assert found == shape, f"the rule of {op.name} gives {found} for a result of shape {shape}"


def _size(dim: tuple[Any, ...]) -> int:
    size = 1
    for factor in dim:
        size *= len(factor)
    return size
