"""Why two members of a group go together: the shortest chain of ops between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.engine.couple import Coupling
from explorer.engine.errors import PlanError
from explorer.engine.factors import Dim
from explorer.engine.groups import Group
from explorer.engine.links import Links
from explorer.engine.program import Op, SourceLine
from explorer.engine.solve import Mask

Node = tuple[int, int]
"""(value, dim)."""

PLUMBING = frozenset({
    "t", "view", "unsafe_view", "reshape_alias", "transpose", "permute", "clone", "detach", "alias", "expand",
    "contiguous", "unsqueeze", "squeeze", "to_copy", "lift_fresh", "as_strided",
})  # fmt: skip
"""Ops that only rearrange; people are spared them where something else explains the coupling."""

_TEXTS = {
    "convolution": "row i of the weight makes output channel i; column j reads input channel j",
    "addmm": "row i of the weight makes output feature i; column j reads input feature j",
    "mm": "row i of one matrix meets column i of the other",
    "bmm": "the products share this dimension index by index",
    "native_batch_norm": "each channel has its own scale, shift, mean and variance",
    "native_layer_norm": "each index has its own scale and shift",
    "native_group_norm": "each channel has its own scale and shift",
    "add": "adds index by index, so both sides keep the same channels",
    "sub": "subtracts index by index, so both sides keep the same channels",
    "mul": "multiplies index by index, so both sides keep the same channels",
    "div": "divides index by index, so both sides keep the same channels",
    "cat": "puts channels one after the other; each keeps its identity",
    "split": "hands each piece its own channels",
    "embedding": "each entry is a row of these features",
}


@dataclass(frozen=True)
class Step:
    """One op on the way from one member to another.

    Attributes:
        op: Short name ("add").
        module: Path of the module that ran it.
        source: The user's line.
        text: What the op does to the channel.
    """

    op: str
    module: str
    source: SourceLine | None
    text: str


def explain(coupling: Coupling, group: Group, a: tuple[str, int], b: tuple[str, int]) -> tuple[Step, ...]:
    """The shortest chain of ops that couples two members of a group.

    Args:
        coupling: The coupling that the group came from.
        group: The group.
        a: (parameter, dim) of one member.
        b: (parameter, dim) of another.

    Returns:
        Steps from a to b; empty where a is b.

    Raises:
        PlanError: One of them is not a member.
    """
    _check_member(group, a)
    _check_member(group, b)
    carriers = carriers_of(coupling, int(group.channels[0]))
    for number in range(len(coupling.programs)):
        path = _Search(coupling, number, carriers).path(a, b)
        if path is not None:
            return _readable(path)
    return ()


def carriers_of(coupling: Coupling, channel: int) -> Mask:
    """For each class, whether it is a channel or a product that the channel is a factor of."""
    solution = coupling.solution
    carriers = np.zeros(len(solution.frozen), dtype=bool)
    carriers[channel] = True
    products = np.flatnonzero(solution.outer >= 0)
    while True:
        hit = carriers[solution.outer[products]] | carriers[solution.inner[products]]
        if not (hit & ~carriers[products]).any():
            return carriers
        carriers[products[hit]] = True


class _Search:
    """Breadth-first over (value, dim) nodes; ops are the edges."""

    def __init__(self, coupling: Coupling, number: int, carriers: Mask) -> None:
        self.program = coupling.programs[number]
        self.dims = coupling.dims[number]
        self.offset = coupling.offsets[number]
        self.carriers = carriers
        self.labels = coupling.solution.labels
        self.links = Links(coupling)
        self.ops_of: dict[int, list[Op]] = {}
        for op in self.program.ops:
            for value in {*op.inputs(), *op.results}:
                self.ops_of.setdefault(value, []).append(op)

    def path(self, a: tuple[str, int], b: tuple[str, int]) -> list[Op] | None:
        start, goal = self._node(a), self._node(b)
        if start is None or goal is None:
            return None
        came: dict[Node, tuple[Node, Op] | None] = {start: None}
        queue = deque([start])
        while queue and goal not in came:
            here = queue.popleft()
            for node, op in self._neighbours(here):
                if node not in came:
                    came[node] = (here, op)
                    queue.append(node)
        return _walk_back(came, goal) if goal in came else None

    def _node(self, member: tuple[str, int]) -> Node | None:
        for value in self.program.values:
            if value.is_state and value.name == member[0] and value.index in self.dims:
                return value.index, member[1]
        return None

    def _neighbours(self, node: Node) -> Iterator[tuple[Node, Op]]:
        value, dim = node
        mine = self.dims[value][dim]
        for op in self.ops_of.get(value, ()):
            for other in {*op.inputs(), *op.results}:
                for place, theirs in enumerate(self.dims[other]):
                    if (other, place) != node and self._carries(theirs) and self._linked(op, mine, theirs):
                        yield (other, place), op

    def _carries(self, dim: Dim) -> bool:
        return any(self.carriers[self.labels[factor]].any() for factor in dim)

    def _linked(self, op: Op, a: Dim, b: Dim) -> bool:
        return self.links.are_linked([self.offset + op.index], a, b, self.carriers)


def _walk_back(came: dict[Node, tuple[Node, Op] | None], goal: Node) -> list[Op]:
    ops: list[Op] = []
    step = came[goal]
    while step is not None:
        node, op = step
        if not ops or ops[-1] is not op:
            ops.append(op)
        step = came[node]
    return ops[::-1]


def _readable(ops: list[Op]) -> tuple[Step, ...]:
    telling = [op for op in ops if op.short_name not in PLUMBING] or ops
    return tuple(Step(op.short_name, op.module, op.source, _text(op)) for op in telling)


def _text(op: Op) -> str:
    return _TEXTS.get(op.short_name, "passes index i on as index i" if op.is_pointwise else "carries the channels on")


def _check_member(group: Group, asked: tuple[str, int]) -> None:
    if not any((member.parameter, member.dim) == asked for member in group.members):
        raise PlanError(f"{asked[0]} dim {asked[1]} is not a member of group {group.name}. See its .members.")
