"""Functions and weak references that a model holds and that hold something of the model: a hook written in `__init__`.

`copy.deepcopy` takes them as they are, so that a copy of the model would write into the original, or compute with the
original's parameters.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Mapping
from types import CellType, FunctionType
from typing import Any
from weakref import ref

from torch import nn

from explorer.engine.trees import named_modules


def rebind_closures(copy: nn.Module, memo: Mapping[int, Any]) -> None:
    """Let the functions and weak references that a copy of a model holds speak of the copy.

    Args:
        copy: The copy; those among the attributes of its modules, and in dicts and lists there, are replaced.
        memo: What `copy.deepcopy` made of each object, by identity.
    """
    rebinding = _Rebinding(memo)
    for _, module in named_modules(copy):
        rebinding.replace_in(module.__dict__)
        for found in module.__dict__.values():
            if type(found) in _HOLDERS and found:
                rebinding.replace_in(found)


_HOLDERS = frozenset({dict, OrderedDict, list})
_HOLDING = frozenset({FunctionType, ref})


class _Rebinding:
    """Functions that close over copies, each made once."""

    def __init__(self, memo: Mapping[int, Any]) -> None:
        self._memo = memo
        self._done: dict[int, FunctionType] = {}

    def replace_in(self, holder: Any) -> None:
        entries = enumerate(holder) if type(holder) is list else holder.items()
        found = [(key, item) for key, item in entries if type(item) in _HOLDING]
        for key, item in found:
            holder[key] = self._rebound(item) if type(item) is FunctionType else self._referring(item)

    def _referring(self, reference: ref[Any]) -> ref[Any]:
        target = reference()
        made = self._memo.get(id(target), target)
        return reference if made is target else ref(made)

    def _rebound(self, function: FunctionType) -> FunctionType:
        if id(function) not in self._done:
            self._done[id(function)] = function  # one that closes over itself goes on calling the original
            self._done[id(function)] = self._made(function)
        return self._done[id(function)]

    def _made(self, function: FunctionType) -> FunctionType:
        cells, defaults = function.__closure__ or (), function.__defaults__ or ()
        new_cells = tuple([self._cell(cell) for cell in cells])
        new_defaults = tuple([self._memo.get(id(default), default) for default in defaults])
        if all(map(operator.is_, (*cells, *defaults), (*new_cells, *new_defaults))):
            return function
        name, names = function.__name__, function.__globals__
        made = FunctionType(function.__code__, names, name, new_defaults or None, new_cells or None)
        made.__kwdefaults__ = function.__kwdefaults__
        made.__qualname__, made.__doc__, made.__module__ = function.__qualname__, function.__doc__, function.__module__
        made.__dict__.update(function.__dict__)
        return made

    def _cell(self, cell: CellType) -> CellType:
        try:
            held = cell.cell_contents
        except ValueError:  # what it is for has not been assigned yet
            return cell
        made = self._rebound(held) if type(held) is FunctionType else self._memo.get(id(held), held)
        return cell if made is held else CellType(made)
