"""Runs the rules over programs: `couple` says which atoms every dimension of every value is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.engine.coupler import Coupler, Freeze
from explorer.engine.dot_products import tag_heads
from explorer.engine.factors import INPUT, Dims, Factor, inert_dim
from explorer.engine.program import EVEN_SPLITS, Call, Op, Program, Ref, Value, refs
from explorer.engine.rules import Bound, Operand, Result, find_rule
from explorer.engine.rules.joining import promise_equal_counts
from explorer.engine.solve import Solution, solve
from explorer.engine.trees import PLAIN

OUTPUT = "model output: its size is what the model promises"
LEAVING = frozenset({"numpy", "__array__", "tolist"})
"""Calls that take a tensor's elements out of PyTorch, where nobody can follow them."""
_ALIKE = frozenset({"expand_as", "view_as", "reshape_as", "broadcast_tensors"})
"""Calls whose result has the sizes of their second argument, or whose results all have the same."""

SPARSE = "the tensor is sparse: its elements are stored by their positions"
RESIZED = "the code puts a tensor of another shape in its place"

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
        self.last_op = {op.call: offset + op.index for op in program.ops}
        """The number of the last op of each torch call."""

    def run(self) -> None:
        for op in self.program.ops:
            self.coupler.op = self.offset + op.index
            self._apply(op)
        self._carry_states()
        self._promise_even_pieces()
        self._match_shapes()
        self._follow_data()
        tag_heads(self.program, self.dims, self.coupler)
        self._freeze_what_leaves()
        for output in self.program.outputs:
            self.coupler.freeze_all(self._dims(output), OUTPUT)

    def _carry_states(self) -> None:
        """A recurrent layer carries its state on: what goes in is what comes out, even if one step alone was traced."""
        for call in self.program.calls:
            if call.function in _RECURRENT and call.index in self.last_op:
                self.coupler.op = self.last_op[call.index]
                for before, after in _states(self.program, call):
                    self._unify(before, after)

    def _promise_even_pieces(self) -> None:
        """`tensor_split` into a number of pieces runs as slices, which know nothing of each other."""
        for call in self.program.calls:
            if call.function in EVEN_SPLITS and isinstance(pieces := call.argument(1, "sections"), int) and pieces:
                place = call.split_dim(len(self.program.values[call.results[0]].shape))
                self.coupler.op = self.last_op[call.index]
                sizes = [self.program.values[value].shape[place] for value in call.results]
                promise_equal_counts([self._dims(value)[place] for value in call.results], sizes, self.coupler)

    def _match_shapes(self) -> None:
        """`expand_as` and its like give one tensor the sizes of another; their ops know only the numbers."""
        for call in self.program.calls:
            if call.function in _ALIKE and call.index in self.last_op:
                self.coupler.op = self.last_op[call.index]
                self._unify(*call.results, *(call.values[1:2] if len(call.results) == 1 else ()))

    def _follow_data(self) -> None:
        """``a.data = b`` runs no op; whoever reads `a` afterwards reads `b`."""
        for call in self.program.calls:
            if call.sets_data:
                target, source = (ref.value for ref in refs(call.args))
                self.coupler.op = self._made_by(source)
                if self.program.values[target].shape == self.program.values[source].shape:
                    self._unify(target, source)
                elif self.program.values[target].is_state:
                    self.coupler.freeze_all((*self._dims(target), *self._dims(source)), RESIZED)

    def _unify(self, first: int, *others: int) -> None:
        """Say of values of one shape that their dimensions are one."""
        for other in others:
            for mine, its in zip(self._dims(first), self._dims(other), strict=True):
                self.coupler.unify(mine, its)

    def _freeze_what_leaves(self) -> None:
        """Elements that left PyTorch may come back as constants of the size that they had."""
        for call in self.program.calls:
            if call.function in LEAVING:
                place = f" in {call.module}" if call.module else ""
                reason = f"the code takes its elements out of PyTorch by {call.function}{place}"
                for ref in refs((call.args, call.kwargs)):
                    self.coupler.op = self._made_by(ref.value)
                    self.coupler.freeze_all(self._dims(ref.value), reason)

    def _made_by(self, value: int) -> int:
        """The number of the op that made a value; -1 where none did."""
        return next((self.offset + op.index for op in self.program.ops if value in op.results), -1)

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


_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})


def _states(program: Program, call: Call) -> Iterator[tuple[int, int]]:
    """(state before, state after) of a recurrent call: hidden, and for an LSTM cell states too."""
    after = call.results[1:]
    shapes = [program.values[value].shape for value in after]
    for argument in call.args[1:3]:  # the second argument, or with packed sequences the third
        before = [ref.value for ref in refs(argument)]
        if [program.values[value].shape for value in before] == shapes:
            yield from zip(before, after, strict=True)


def _check(op: Op, dims: Dims, shape: tuple[int, ...]) -> None:
    found = tuple([_size(dim) for dim in dims])
    assert found == shape, f"the rule of {op.name} gives {found} for a result of shape {shape}"


def _size(dim: tuple[Any, ...]) -> int:
    size = 1
    for factor in dim:
        size *= len(factor)
    return size
