"""The table from op to rule, and what a rule is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dim, Dims, inert_dim


@dataclass(frozen=True)
class Operand:
    """A tensor argument of an op, as a rule sees it.

    Attributes:
        dims: The factors of each dimension.
        shape: Sizes.
        data: The elements, for integer and boolean tensors whose content was known.
        is_state: Whether it is a parameter or buffer of the model.
        is_fixed: Whether it is an integer or boolean buffer or constant that nothing writes, so that a plan can
            renumber the indices in it.
        is_computed: Whether it is integers or booleans that forward computes from positions and fixed ones alone.
        dtype: Element type.
    """

    dims: Dims
    shape: tuple[int, ...]
    data: np.ndarray[Any, Any] | None = None
    is_state: bool = False
    is_fixed: bool = False
    is_computed: bool = False
    dtype: torch.dtype | None = None


@dataclass(frozen=True)
class Bound:
    """One recorded op with its arguments looked up.

    Attributes:
        name: ATen name with overload.
        args: Positional arguments; tensors are `Operand`.
        kwargs: Keyword arguments, likewise.
        shapes: Shape of each result.
        function: The torch call that the op came from, such as ``chunk``; empty where there was none.
        unread: Positions of results that nothing reads, such as the indices of ``x.max(1)[0]``.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    function: str = ""
    unread: tuple[int, ...] = ()

    def arg(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by position or name."""
        if position < len(self.args):
            return self.args[position]
        return self.kwargs.get(name, default)

    def tensor(self, position: int = 0, name: str = "") -> Operand:
        """A tensor argument."""
        found = self.arg(position, name)
        assert isinstance(found, Operand), f"{self.name}: argument {position} is {type(found).__name__}, not a tensor"
        return found

    def optional(self, position: int, name: str = "") -> Operand | None:
        """A tensor argument that may be None."""
        found = self.arg(position, name)
        return found if isinstance(found, Operand) else None

    def operands(self) -> tuple[Operand, ...]:
        """Every tensor argument, those in lists included, in order."""
        return tuple(_operands((self.args, tuple(self.kwargs.values()))))


Result = tuple[Dims, ...]
"""Dimensions of each result, in order."""

Rule = Callable[[Bound, Coupler], Result]

_RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule of the engine for ops given as ``aten.add`` (every overload) or ``aten.add.Tensor``."""

    def register(function: Rule) -> Rule:
        for name in names:
            assert name not in _RULES, f"two rules for {name}"
            _RULES[name] = function
        return function

    return register


def register_rule(op: Any) -> Callable[[Rule], Rule]:
    """Add or replace the rule of an op from a user's own code.

    Args:
        op: ``torch.ops.namespace.name`` (all overloads), one of its overloads, or the name as a string.

    Returns:
        A decorator for a function ``rule(op: Bound, couple: Coupler) -> tuple of dims, one per result``.

    Example:
        >>> @register_rule("mylib.swish")
        ... def swish(op, couple):
        ...     return (op.tensor(0).dims,)
    """
    name = op if isinstance(op, str) else str(op)

    def register(function: Rule) -> Rule:
        _RULES[name] = function
        return function

    return register


def find_rule(name: str, base_name: str, *, is_pointwise: bool) -> Rule | None:
    """The rule of an op, the pointwise rule for ops so tagged, or None."""
    found = _RULES.get(name) or _RULES.get(base_name)
    return found or (_RULES["pointwise"] if is_pointwise else None)


def registered() -> tuple[str, ...]:
    """Names of all ops that have a rule, in alphabetical order."""
    return tuple(sorted(_RULES))


def inert_result(op: Bound) -> Result:
    """Results that carry no channel."""
    return tuple(tuple(inert_dim(size) for size in shape) for shape in op.shapes)


def axis(number: int, rank: int) -> int:
    """A dimension number counted from the front."""
    return number % rank if rank else 0


def axes(numbers: Any, rank: int) -> tuple[int, ...]:
    """Dimension numbers counted from the front; None or nothing means all."""
    if numbers is None or numbers == []:
        return tuple(range(rank))
    listed = numbers if isinstance(numbers, (list, tuple)) else [numbers]
    return tuple(sorted(axis(int(number), rank) for number in listed))


def replace_dim(dims: Dims, place: int, dim: Dim) -> Dims:
    """The same dimensions with one replaced."""
    return (*dims[:place], dim, *dims[place + 1 :])


def _operands(tree: Any) -> list[Operand]:
    if isinstance(tree, Operand):
        return [tree]
    if isinstance(tree, (tuple, list)):
        return [found for item in tree for found in _operands(item)]
    return []
