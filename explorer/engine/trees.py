"""Tensors inside nested containers: what a forward takes and returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def flatten_tensors(tree: Any) -> list[Tensor]:
    """Every tensor in nested tuples, lists, dicts and dataclasses, in order."""
    return list(_walk(tree))


def map_tensors(tree: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same nested containers with every tensor replaced by `change` of it."""
    return map_leaves(tree, Tensor, change)


def map_leaves(tree: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """The same nested containers with every leaf of one type replaced by `change` of it.

    Args:
        tree: Nested tuples, named tuples, lists, mappings and dataclasses.
        kind: Type of the leaves to replace; other leaves stay.
        change: What to put in place of each.
    """
    if isinstance(tree, kind):
        return change(tree)
    if isinstance(tree, Mapping):
        return type(tree)({key: map_leaves(item, kind, change) for key, item in tree.items()})  # type: ignore[call-arg]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(map_leaves(item, kind, change) for item in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(map_leaves(item, kind, change) for item in tree)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        entries = {field.name: getattr(tree, field.name) for field in dataclasses.fields(tree)}
        return dataclasses.replace(tree, **{name: map_leaves(item, kind, change) for name, item in entries.items()})
    return tree


def structure(tree: Any) -> Any:
    """The shape of nested containers: types and keys, with each tensor replaced by its shape."""
    if isinstance(tree, Tensor):
        return tuple(tree.shape)
    if isinstance(tree, Mapping):
        return type(tree).__name__, {key: structure(item) for key, item in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree).__name__, [structure(item) for item in tree]
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return type(tree).__name__, {f.name: structure(getattr(tree, f.name)) for f in dataclasses.fields(tree)}
    return type(tree).__name__


def _walk(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from _walk(item)
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from _walk(item)
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for field in dataclasses.fields(tree):
            yield from _walk(getattr(tree, field.name))
