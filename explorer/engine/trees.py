"""Tensors inside nested containers, what a forward takes and returns, and the modules inside a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from explorer.engine.provenance import TracedFloat, TracedInt

Leaf = TypeVar("Leaf")
Modules = list[tuple[str, nn.Module]]
"""A model's modules by path, the model itself first: what `named_modules` gives."""


def flatten_tensors(tree: Any) -> list[Tensor]:
    """Every tensor in nested tuples, lists, dicts and dataclasses, in order."""
    return find_leaves(tree, Tensor)


def find_leaves(tree: Any, kind: type[Leaf]) -> list[Leaf]:
    """Every leaf of one type in nested tuples, lists, dicts and dataclasses, in order."""
    found: list[Leaf] = []
    _collect(tree, kind, found)
    return found


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


def named_modules(model: nn.Module) -> Modules:
    """What `model.named_modules()` gives, without a generator for every level: a recording asks for it often."""
    found: Modules = []
    seen: set[nn.Module] = set()
    waiting = [("", model)]
    while waiting:
        path, module = waiting.pop()
        if module not in seen:
            seen.add(module)
            found.append((path, module))
            if module._modules:
                prefix = f"{path}." if path else ""
                children = [(prefix + name, child) for name, child in module._modules.items() if child is not None]
                waiting += reversed(children)
    return found


def named_parameters(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """What `model.named_parameters()` gives: one that has several names keeps the first."""
    return parameters_of(named_modules(model))


def named_buffers(model: nn.Module) -> list[tuple[str, Tensor]]:
    """What `model.named_buffers()` gives: one that has several names keeps the first."""
    return buffers_of(named_modules(model))


def parameters_of(modules: Modules) -> list[tuple[str, nn.Parameter]]:
    """`named_parameters` of a model whose modules are known."""
    return _states_of(modules, "_parameters")


def buffers_of(modules: Modules) -> list[tuple[str, Tensor]]:
    """`named_buffers` of a model whose modules are known."""
    return _states_of(modules, "_buffers")


def _states_of(modules: Modules, holder: str) -> list[tuple[str, Any]]:
    found: dict[int, tuple[str, Any]] = {}
    for path, module in modules:
        for name, state in module.__dict__[holder].items():
            if state is not None and id(state) not in found:
                found[id(state)] = f"{path}.{name}" if path else name, state
    return list(found.values())


PLAIN = frozenset({int, float, bool, complex, str, type(None), torch.dtype, torch.device, torch.layout,
                   torch.memory_format, TracedInt, TracedFloat})  # fmt: skip
"""Types of arguments that hold nothing."""


def _collect(tree: Any, kind: type, found: list[Any]) -> None:
    """Adds every leaf of one type; what is met most often is asked for first, since every recorded op passes here."""
    if isinstance(tree, kind):
        found.append(tree)
        return
    for item in _items(tree):
        if type(item) not in PLAIN:
            if isinstance(item, kind):
                found.append(item)
            else:
                _collect(item, kind, found)


def _items(tree: Any) -> Iterable[Any]:
    """What a container holds; nothing where it is none."""
    if isinstance(tree, (tuple, list)):
        return tree
    if isinstance(tree, (dict, Mapping)):
        return tree.values()
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [getattr(tree, field.name) for field in dataclasses.fields(tree)]
    return ()
