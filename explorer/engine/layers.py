"""The paper's view of an exact coupling: layers with two ports, dependencies between ports, and the data flow."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.engine.program import SourceLine

SIGNS = {
    **dict.fromkeys(("matmul", "mm", "bmm"), "@"),
    "add": "+",
    "sub": "\N{MINUS SIGN}",
    "mul": "\N{MULTIPLICATION SIGN}",
    "div": "\N{DIVISION SIGN}",
}
"""Ops whose usual sign says more than their name."""


@dataclass(frozen=True)
class Port:
    """One side of a layer: f- (what comes in) or f+ (what goes out).

    Attributes:
        layer: Name of the layer.
        side: ``-`` or ``+``.
        groups: Names of the groups that the port carries, in channel order; empty where nothing is prunable.
        size: Channels that the port carries, all groups and frozen ones together.
        frozen: Why the port (or the rest of it) cannot be pruned, or empty.
    """

    layer: str
    side: str
    groups: tuple[str, ...]
    size: int
    frozen: str = ""

    @property
    def name(self) -> str:
        """``layer1.0.conv1-`` or ``layer1.0.conv1+``."""
        return self.layer + self.side


@dataclass(frozen=True)
class Layer:
    """A node of the dependency graph: a module that owns parameters, or an op that joins or reshapes.

    Attributes:
        name: Module path, or module path and op with a number for an op ("layer1.0.add_1"); unique.
        kind: ``module`` or ``op``.
        type_name: Class of the module ("Conv2d") or short name of the op ("add").
        parent: Path of the enclosing module ("layer1.0"; "" is the model itself).
        inputs: Port f-.
        outputs: Port f+.
        input_shape: Shape of the first traced input.
        output_shape: Shape of the first traced output.
        parameters: (name, shape) of each parameter that the module owns.
        params: Number of parameter elements; a parameter that several modules share counts for the first of them.
        macs: Multiply-adds of the traced forward.
        source: The user's line that ran it first.
        order: Position in execution order.
        arguments: What the class says about itself (`extra_repr`), for modules.
        ops: Numbers of its ops in the first program.
        output: Number of the value that leaves it first, in the first program; -1 where none does.
    """

    name: str
    kind: str
    type_name: str
    parent: str
    inputs: Port
    outputs: Port
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: tuple[tuple[str, tuple[int, ...]], ...]
    params: int
    macs: int
    source: SourceLine | None
    order: int
    arguments: str = ""
    ops: tuple[int, ...] = ()
    output: int = -1


@dataclass(frozen=True)
class Edge:
    """Data that flows from one layer to another.

    Attributes:
        source: Name of the layer that made it, or ``input``.
        target: Name of the layer that reads it, or ``output``.
        via: Short names of the elementwise and plumbing ops that sit on the edge, in order.
        shape: Shape of what arrives.
        groups: Names of the groups that the data carries.
    """

    source: str
    target: str
    via: tuple[str, ...]
    shape: tuple[int, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Dependency:
    """Two ports that must be pruned together (the paper's D).

    Attributes:
        kind: ``inter`` (the same value leaves one layer and enters the other) or ``intra`` (both sides of one layer
            share a pruning scheme, or two layers share a parameter).
        a: Name of the first port.
        b: Name of the second port.
        groups: Names of the groups shared.
        reason: One line that says why.
    """

    kind: str
    a: str
    b: str
    groups: tuple[str, ...]
    reason: str
