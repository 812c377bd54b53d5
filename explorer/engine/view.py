"""Reads the layer view off an exact coupling: nodes, ports, data flow and dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import prod

import numpy as np
from torch import nn

from explorer.engine.cost import CostModel
from explorer.engine.couple import Coupling
from explorer.engine.coupler import READS_INPUT
from explorer.engine.explain import PLUMBING
from explorer.engine.factors import FIRST_ATOM, INPUT, Dim, Dims, is_inert, is_inert_dim, size_of
from explorer.engine.grouping import Grouping, leaves
from explorer.engine.layers import Dependency, Edge, Layer, Port
from explorer.engine.links import Links
from explorer.engine.naming import owner
from explorer.engine.program import Op, SourceLine
from explorer.engine.solve import Mask

RECURRENT = frozenset({
    "lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
})  # fmt: skip
"""Torch calls whose many ops are one layer to people."""

_MODEL_INPUT = "reads the model's input"


@dataclass(frozen=True)
class View:
    """The paper's layer-level graph.

    Attributes:
        layers: In execution order.
        edges: Data flow, from ``input`` to ``output``.
        dependencies: The paper's D, one entry for each pair of ports.
    """

    layers: tuple[Layer, ...]
    edges: tuple[Edge, ...]
    dependencies: tuple[Dependency, ...]


@dataclass
class _Node:
    """A layer while it is collected."""

    name: str
    kind: str
    type_name: str
    parent: str
    order: int
    source: SourceLine | None
    module: nn.Module | None = None
    path: str = ""
    ops: list[int] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    exits: dict[int, None] = field(default_factory=dict)

    def leaving(self) -> list[int]:
        """Values that come out: all results of an op; of a module those that something else reads, else the last."""
        return self.outputs if self.kind == "op" else list(self.exits) or self.outputs[-1:]


@dataclass(frozen=True)
class _Origin:
    """Where a value came from: what left which layer (or ``input``), and the ops that it went through since."""

    layer: str
    via: tuple[str, ...]
    value: int


def build_view(model: nn.Module, coupling: Coupling, grouping: Grouping, cost_model: CostModel) -> View:
    """The layer view of a model.

    Args:
        model: The traced model.
        coupling: Its coupling; the first program gives the data flow.
        grouping: Its groups.
        cost_model: For multiply-adds per layer.

    Returns:
        Layers, edges and dependencies.
    """
    flow = _Flow(model, coupling)
    flow.run()
    reader = _PortReader(coupling, grouping)
    macs = cost_model.macs_per_op(coupling.solution.alive(np.empty(0, dtype=np.int64)))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    layers = tuple(_layer(node, flow, reader, macs, names) for node in flow.nodes.values())
    edges = tuple(
        Edge(source, target, via, flow.shape(value), reader.groups(flow.dims[value]))
        for source, target, via, value in flow.edges
    )
    return View(layers, edges, tuple(_dependencies(layers, edges, flow, coupling)))


class _Flow:
    """One pass over the program that assigns ops to nodes and follows the data between them."""

    def __init__(self, model: nn.Module, coupling: Coupling) -> None:
        self.program, self.dims = coupling.programs[0], coupling.dims[0]
        self.labels, self.frozen = coupling.solution.labels, coupling.solution.frozen
        self.modules = dict(model.named_modules())
        self.nodes: dict[str, _Node] = {}
        self._by_name: dict[str, _Node] = {}
        self.edges: dict[tuple[str, str, tuple[str, ...], int], None] = {}
        self._owners = _owners(model)
        self._state_of: dict[int, str] = {v.index: v.name for v in self.program.values if v.is_state}
        self._origins: dict[int, tuple[_Origin, ...]] = {
            value: (_Origin("input", (), value),) for value in self.program.inputs
        }
        self._op_counts: dict[str, int] = {}
        self._sharing: dict[int, list[int]] = {}
        for value in self.program.values:
            if not value.is_state:
                self._sharing.setdefault(value.storage, []).append(value.index)

    def run(self) -> None:
        for op in self.program.ops:
            self._follow(op)
        for value in dict.fromkeys(self.program.outputs):
            if value in self._origins:
                self._connect("output", value)

    def shape(self, value: int) -> tuple[int, ...]:
        return self.program.values[value].shape

    def _follow(self, op: Op) -> None:
        data = [value for value in dict.fromkeys(op.inputs()) if value in self._origins]
        states = [self._state_of[value] for value in op.inputs() if value in self._state_of]
        if data:
            self._place(op, data, states)
            if op.is_in_place:
                self._share_write(op)
        elif states:
            self._state_of |= dict.fromkeys(op.results, states[0])

    def _place(self, op: Op, data: list[int], states: list[str]) -> None:
        """Put an op on an edge, or into a node that the data enters."""
        wide = [value for value in data if self.shape(value)]
        node = self._node(op, data, wide, states)
        if node is None:
            shown = () if op.short_name in PLUMBING else (op.short_name,)
            origins = self._origins[(wide or data)[0]]
            passed = tuple(_Origin(origin.layer, (*origin.via, *shown), origin.value) for origin in origins)
            self._origins |= dict.fromkeys(op.results, passed)
            return
        for value in data:
            self._connect(node.name, value)
        node.ops.append(op.index)
        node.inputs += [value for value in data if any(o.layer != node.name for o in self._origins[value])]
        node.outputs += op.results if node.kind == "op" else op.results[:1]
        self._origins |= {value: (_Origin(node.name, (), value),) for value in op.results}

    def _share_write(self, op: Op) -> None:
        """What an op wrote in place can be read through every value of the same memory."""
        written = op.inputs()[0]
        new = self._origins.get(written, ())
        for value in self._sharing.get(self.program.values[written].storage, ()):
            kept = (o for o in self._origins.get(value, ()) if o.layer not in {origin.layer for origin in new})
            self._origins[value] = new if value == written else (*kept, *new)

    def _node(self, op: Op, data: list[int], wide: list[int], states: list[str]) -> _Node | None:
        """The node that an op belongs to; None for what sits on an edge."""
        if states:
            return self._module_node(self._owner(states[0], op), op)
        if op.call >= 0 and self.program.calls[op.call].function in RECURRENT:
            return self._module_node(op.module, op)
        if len(wide) > 1 or self._changes_channels(op, (wide or data)[0]):
            return self._op_node(op)
        return None

    def _owner(self, state: str, op: Op) -> str:
        """Path of the module that a state belongs to; of the modules that share it, the one that ran the op."""
        owners = self._owners.get(state, ())
        return op.module if op.module in owners else owner(state)

    def _module_node(self, path: str, op: Op) -> _Node:
        if path not in self.nodes:
            module = self.modules[path]
            name = path or type(module).__name__
            parent = path.rpartition(".")[0]
            order = len(self.nodes)
            node = _Node(name, "module", type(module).__name__, parent, order, op.source, module, path)
            self.nodes[path] = self._by_name[name] = node
        return self.nodes[path]

    def _op_node(self, op: Op) -> _Node:
        base = f"{op.module}.{op.short_name}" if op.module else op.short_name
        number = self._op_counts.get(base, 0)
        name = f"{base}_{number}" if number or base in self.modules else base
        while name in self.modules:
            number += 1
            name = f"{base}_{number}"
        self._op_counts[base] = number + 1
        node = _Node(name, "op", op.short_name, op.module, len(self.nodes), op.source)
        self.nodes[name] = self._by_name[name] = node
        return node

    def _changes_channels(self, op: Op, value: int) -> bool:
        before = self._channel_dims(self.dims[value])
        return any(self._channel_dims(self.dims[result]) != before for result in op.results[:1])

    def _channel_dims(self, dims: Dims) -> list[tuple[int, ...]]:
        """What tells live dimensions apart: their live factors, and the sizes of what is merged with them.

        A batch merged into the heads, as attention does for its matrix products, tells nothing.
        """
        live = [(place, dim) for place, dim in enumerate(dims) if self._is_live(dim)]
        return [
            tuple(
                len(factor) if is_inert(factor) else id(factor)
                for factor in (_without_batch(dim) if place == 0 or len(live) > 1 else dim)
            )
            for place, dim in live
        ]

    def _is_live(self, dim: Dim) -> bool:
        return any(not is_inert(factor) and not self.frozen[self.labels[factor]].all() for factor in dim)

    def _connect(self, target: str, value: int) -> None:
        for origin in self._origins[value]:
            if origin.layer != target:
                self.edges[origin.layer, target, origin.via, value] = None
                if origin.layer in self._by_name:
                    self._by_name[origin.layer].exits[origin.value] = None


def _without_batch(dim: Dim) -> Dim:
    return dim[next(place for place, factor in enumerate(dim) if not is_inert(factor)) :]


class _PortReader:
    """Which groups a value carries."""

    def __init__(self, coupling: Coupling, grouping: Grouping) -> None:
        self._solution = coupling.solution
        self._grouping = grouping
        self._known: dict[int, tuple[Dim, tuple[str, ...]]] = {}

    def groups(self, dims: Dims) -> tuple[str, ...]:
        """Names of the groups in the live dimensions, in channel order."""
        return tuple(dict.fromkeys(name for dim in dims for name in self._groups(dim)))

    def port(self, layer: str, side: str, values: list[int], dims: dict[int, Dims]) -> Port:
        listed = [dims[value] for value in values]
        names = tuple(dict.fromkeys(name for found in listed for name in self.groups(found)))
        channels = self._channels(listed)
        size = sum(prod(size_of(dim) for dim in found) for found in channels)
        frozen = self._reason([dim for found in channels for dim in found])
        reads_input = any(bool((factor == INPUT).any()) for found in listed[:1] for dim in found for factor in dim)
        return Port(layer, side, names, size, frozen or (_MODEL_INPUT if not channels and reads_input else ""))

    def _channels(self, listed: list[Dims]) -> list[list[Dim]]:
        """The dimensions that carry groups, once for each different choice of groups; else those frozen as channels."""
        carrying = {groups: found for found in reversed(listed) if (groups := self.groups(found))}
        if carrying:
            return [[dim for dim in found if self._groups(dim)] for found in reversed(carrying.values())]
        stuck = [dim for found in listed[:1] for dim in found if not is_inert_dim(dim)]
        telling = [dim for dim in stuck if self._reason([dim]) != READS_INPUT] or stuck
        return [telling] if telling else []

    def _groups(self, dim: Dim) -> tuple[str, ...]:
        if not dim or is_inert_dim(dim):
            return ()
        if id(dim) not in self._known:
            self._known[id(dim)] = (dim, tuple(self._names(dim)))
        return self._known[id(dim)][1]

    def _names(self, dim: Dim) -> Iterator[str]:
        for factor in dim:
            index, channel, _ = leaves(self._solution, self._solution.labels[factor])
            numbers = self._grouping.group_of[channel[np.argsort(index, kind="stable")]]
            _, first = np.unique(numbers, return_index=True)
            for place in np.sort(first):
                if numbers[place] >= 0:
                    yield self._grouping.groups[int(numbers[place])].name

    def _reason(self, dims: list[Dim]) -> str:
        """Why the first frozen index of some dimensions stays."""
        for dim in dims:
            for factor in dim:
                labels = self._solution.labels[factor[factor >= FIRST_ATOM]]
                stuck = labels[self._solution.frozen[labels]]
                if len(stuck):
                    return self._solution.reason(int(stuck[0]))[0]
        return ""


def _layer(node: _Node, flow: _Flow, reader: _PortReader, macs: dict[int, int], names: dict[int, str]) -> Layer:
    own = [(names[id(parameter)], parameter) for parameter in _own_parameters(node)]
    leaving = node.leaving()
    return Layer(
        name=node.name,
        kind=node.kind,
        type_name=node.type_name,
        parent=node.parent,
        inputs=reader.port(node.name, "-", list(dict.fromkeys(node.inputs)), flow.dims),
        outputs=reader.port(node.name, "+", leaving, flow.dims),
        input_shape=flow.shape(node.inputs[0]) if node.inputs else (),
        output_shape=flow.shape(leaving[0]) if leaving else (),
        parameters=tuple((name, tuple(parameter.shape)) for name, parameter in own),
        params=sum(parameter.numel() for name, parameter in own if owner(name) == node.path),
        macs=sum(macs.get(op, 0) for op in node.ops),
        source=node.source,
        order=node.order,
        arguments=node.module.extra_repr() if node.module is not None else "",
        ops=tuple(node.ops),
        output=leaving[0] if leaving else -1,
    )


def _own_parameters(node: _Node) -> Iterator[nn.Parameter]:
    if node.module is not None:
        yield from node.module.parameters(recurse=hasattr(node.module, "parametrizations"))


def _owners(model: nn.Module) -> dict[str, list[str]]:
    """For each parameter and buffer, by its first name, the paths of all modules that hold it."""
    first_name = {id(state): name for name, state in (*model.named_parameters(), *model.named_buffers())}
    owners: dict[str, list[str]] = {}
    for path, module in model.named_modules():
        for state in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            owners.setdefault(first_name[id(state)], []).append(path)
    return owners


def _dependencies(
    layers: tuple[Layer, ...], edges: tuple[Edge, ...], flow: _Flow, coupling: Coupling
) -> Iterator[Dependency]:
    seen: set[tuple[str, str]] = set()
    for edge in edges:
        a, b = f"{edge.source}+", f"{edge.target}-"
        if edge.groups and edge.source != "input" and edge.target != "output" and (a, b) not in seen:
            seen.add((a, b))
            via = f" through {', '.join(edge.via)}" if edge.via else ""
            reason = f"what {edge.source} makes is what {edge.target} reads{via}"
            yield Dependency("inter", a, b, edge.groups, reason)
    links = Links(coupling)
    for layer, node in zip(layers, flow.nodes.values(), strict=True):
        shared = tuple(name for name in layer.outputs.groups if name in layer.inputs.groups)
        if shared and (layer.kind == "op" or _passes_channels(node, flow, links, coupling)):
            reason = f"{layer.name} ({layer.type_name}) has the same channels on both sides"
            yield Dependency("intra", layer.inputs.name, layer.outputs.name, shared, reason)
    yield from _shared_parameters(layers)


def _shared_parameters(layers: tuple[Layer, ...]) -> Iterator[Dependency]:
    """Ports of layers that hold one parameter together, which can only be pruned once."""
    first: dict[str, Layer] = {}
    for layer in layers:
        for name in dict.fromkeys(name for name, _ in layer.parameters):
            other = first.setdefault(name, layer)
            for a, b in product((other.inputs, other.outputs), (layer.inputs, layer.outputs)):
                shared = tuple(group for group in a.groups if group in b.groups)
                if shared and other is not layer:
                    yield Dependency("intra", a.name, b.name, shared, f"{other.name} and {layer.name} share {name}")


def _passes_channels(node: _Node, flow: _Flow, links: Links, coupling: Coupling) -> bool:
    """Whether the ops of a module by themselves make an input and an output channel the same."""
    carriers: Mask = ~coupling.solution.frozen
    sources = [dim for value in node.inputs for dim in flow.dims[value]]
    targets = [dim for value in node.leaving() for dim in flow.dims[value]]
    return any(links.are_linked(node.ops, a, b, carriers) for a in sources for b in targets if a and b)
