"""What a plan makes of each layer: shapes, parameters and multiply-adds before and after, without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from explorer.engine.naming import owner
from explorer.engine.shapes import PlannedShapes

if TYPE_CHECKING:
    from explorer.engine.layers import Layer
    from explorer.engine.plan import Plan

Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True)
class LayerChange:
    """One layer before and after a plan.

    Attributes:
        layer: The layer as it is.
        parameters: (name, shape before, shape after) of each parameter that it holds.
        output: Shape of what leaves it first, before and after.
        params: Parameter elements before and after; a shared parameter counts for the first layer that holds it.
        macs: Multiply-adds before and after.
    """

    layer: Layer
    parameters: tuple[tuple[str, Shape, Shape], ...]
    output: tuple[Shape, Shape]
    params: Pair
    macs: Pair

    @property
    def is_changed(self) -> bool:
        """Whether any shape or count differs."""
        shapes = [(before, after) for _, before, after in self.parameters]
        return any(before != after for before, after in (*shapes, self.output, self.params, self.macs))


def layer_changes(plan: Plan) -> tuple[LayerChange, ...]:
    """Every layer before and after a plan, in execution order.

    Args:
        plan: Any plan; one that removes nothing changes no layer.

    Returns:
        One entry per layer of the graph. Multiply-adds are those of the first program; a model that is traced in train
        mode too has more of them in `plan.cost`.
    """
    graph = plan.graph
    macs = graph.cost_model.macs_per_op(plan.alive)
    shapes = PlannedShapes(graph.coupling, 0, plan.alive, {})
    return tuple(
        LayerChange(
            layer,
            tuple((name, shape, plan.shape(name)) for name, shape in layer.parameters),
            (layer.output_shape, shapes.shape(layer.output) if layer.output >= 0 else layer.output_shape),
            (layer.params, _params(plan, layer)),
            (layer.macs, sum(macs.get(op, 0) for op in layer.ops)),
        )
        for layer in graph.layers
    )


def _params(plan: Plan, layer: Layer) -> int:
    """Elements of the parameters that count for a layer: those named after it, or after the model where it is that."""
    if not layer.params:
        return 0
    named = [name for name, _ in layer.parameters if owner(name) == layer.name]
    own = named or [name for name, _ in layer.parameters if not owner(name)]
    return sum(prod(plan.shape(name)) for name in own)
