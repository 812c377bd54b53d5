"""How pruning one port reaches others: the paper's propagation over the dependency graph."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from explorer.engine.errors import PlanError
from explorer.engine.layers import Dependency
from explorer.engine.view import View


@dataclass(frozen=True)
class PropagationStep:
    """One dependency followed.

    Attributes:
        kind: ``inter`` or ``intra``.
        source: Port that was reached before.
        target: Port that is reached now.
        groups: Names of the groups that travel.
        reason: One line that says why.
    """

    kind: str
    source: str
    target: str
    groups: tuple[str, ...]
    reason: str


def propagate(view: View, port: str) -> tuple[PropagationStep, ...]:
    """What pruning one port reaches, in breadth-first order.

    Args:
        view: The layer view of a graph.
        port: Name of a port: a layer's name followed by ``-`` or ``+``.

    Returns:
        One step for each port reached; only the groups of the first port travel.

    Raises:
        PlanError: There is no such port.

    Source:
        DepGraph, algorithm 2: grouping by traversing the dependency graph from any of its members.
    """
    ports = {found.name: found for layer in view.layers for found in (layer.inputs, layer.outputs)}
    if port not in ports:
        raise PlanError(f"There is no port {port!r} in this graph. A port is a layer's name followed by - or +.")
    neighbours = _neighbours(view.dependencies)
    steps: list[PropagationStep] = []
    seen = {port}
    queue = deque([ports[port]])
    travelling = set(ports[port].groups)
    while queue:
        here = queue.popleft()
        for target, dependency in neighbours.get(here.name, ()):
            shared = tuple(name for name in dependency.groups if name in travelling)
            if shared and target not in seen:
                seen.add(target)
                queue.append(ports[target])
                steps.append(PropagationStep(dependency.kind, here.name, target, shared, dependency.reason))
    return tuple(steps)


def _neighbours(dependencies: tuple[Dependency, ...]) -> dict[str, list[tuple[str, Dependency]]]:
    found: dict[str, list[tuple[str, Dependency]]] = {}
    for dependency in dependencies:
        found.setdefault(dependency.a, []).append((dependency.b, dependency))
        found.setdefault(dependency.b, []).append((dependency.a, dependency))
    return found
