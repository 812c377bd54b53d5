"""A residual block made by hand, of the engine's own data classes: small enough to know every number of it."""

from __future__ import annotations

from explorer.app.outline import outline
from explorer.engine.layers import Edge, Layer, Port

SHAPE = (1, 8, 4, 4)


def port(layer: str, side: str, groups: tuple[str, ...] = (), size: int = 8, frozen: str = "") -> Port:
    return Port(layer, side, groups, size, frozen)


def layer(name: str, type_name: str, groups: tuple[tuple[str, ...], tuple[str, ...]], order: int) -> Layer:
    kind = "op" if type_name == "add" else "module"
    before, after = (port(name, side, names) for side, names in zip("-+", groups, strict=True))
    parent = name.rpartition(".")[0]
    return Layer(name, kind, type_name, parent, before, after, SHAPE, SHAPE, (), 0, 0, None, order)


LAYERS = (
    layer("stem", "Conv2d", ((), ("stem",)), 0),
    layer("stage.0.conv1", "Conv2d", (("stem",), ("stage.0.conv1",)), 1),
    layer("stage.0.conv2", "Conv2d", (("stage.0.conv1",), ("stem",)), 2),
    layer("stage.0.add", "add", (("stem",), ("stem",)), 3),
    layer("head", "Linear", (("stem",), ()), 4),
)
EDGES = (
    Edge("input", "stem", (), SHAPE, ()),
    Edge("stem", "stage.0.conv1", ("relu",), SHAPE, ("stem",)),
    Edge("stage.0.conv1", "stage.0.conv2", ("relu",), SHAPE, ("stage.0.conv1",)),
    Edge("stage.0.conv2", "stage.0.add", (), SHAPE, ("stem",)),
    Edge("stem", "stage.0.add", ("relu",), SHAPE, ("stem",)),
    Edge("stage.0.add", "head", ("relu", "avg_pool2d", "flatten"), SHAPE, ("stem",)),
    Edge("head", "output", (), SHAPE, ()),
)
CLASSES = {"": "Net", "stage": "Sequential", "stage.0": "Block"}
OUTLINE = outline(LAYERS, EDGES, CLASSES)
ALL_OPEN = frozenset({"stage", "stage.0"})
SIZES = {"stem": 8, "stage.0.conv1": 8}
