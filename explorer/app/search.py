"""Finds layers and modules by name, class and shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from explorer.app import numbers
from explorer.app.outline import PLACE, Outline, ancestors, is_stack, last, module_path
from explorer.engine.layers import Layer

MOST_HITS = 100
"""More results than this are counted, not listed."""

_TIMES = re.compile(rf"(?<=\d)\s*[x*{numbers.TIMES}]\s*(?=\d)")


@dataclass(frozen=True)
class Hit:
    """A result.

    Attributes:
        kind: ``layer`` or ``module``.
        name: Name of the layer, or path of the module in the outline.
        title: Name as in the model.
        type_name: Class or op.
        shape: Shape of the first parameter, or of the output; empty for a module.
    """

    kind: str
    name: str
    title: str
    type_name: str
    shape: str


def search(outline: Outline, wanted: str) -> list[Hit]:
    """Everything that has all words of `wanted` in its name, class or shapes: names first, then in execution order.

    Args:
        outline: The model.
        wanted: Words in any order and case: ``conv2d``, ``64x3x3``, ``layer3 bn``.
    """
    words = _TIMES.sub("x", wanted.lower()).split()
    hits = [hit for hit, text in _searched(outline) if all(word in text for word in words)] if words else []
    return sorted(hits, key=lambda hit: not all(word in hit.title.lower() for word in words))


def _searched(outline: Outline) -> Iterator[tuple[Hit, str]]:
    """Each possible result with what it is found by."""
    seen: set[str] = set()
    for layer in outline.layers:
        for path in ancestors(layer.parent):
            if path not in seen and not is_stack(path) and not last(path).startswith(PLACE):
                seen.add(path)
                hit = Hit("module", path, module_path(path), outline.class_of(path), "")
                yield hit, f"{hit.title} {hit.type_name}".lower()
        yield _layer_hit(layer), _layer_text(layer)


def _layer_hit(layer: Layer) -> Hit:
    shape = layer.parameters[0][1] if layer.parameters else layer.output_shape
    return Hit("layer", layer.name, layer.name, layer.type_name, numbers.shape(shape))


def _layer_text(layer: Layer) -> str:
    shapes = (layer.input_shape, layer.output_shape, *(shape for _, shape in layer.parameters))
    return " ".join([layer.name, layer.type_name, *("x".join(map(str, shape)) for shape in shapes)]).lower()
