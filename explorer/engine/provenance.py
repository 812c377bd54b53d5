"""Numbers that remember where they came from.

While a model is traced, the integer attributes of its modules and the sizes read from its tensors are `TracedInt`:
ordinary integers that also carry an expression. Arithmetic on them builds larger expressions, so that
``C // self.num_heads`` still says so when it arrives in a ``view``. What becomes a fraction, such as the scale
``head_dim ** -0.5``, is a `TracedFloat`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Binary = Callable[[Any, Any], Any]

OPERATORS: Mapping[str, Binary] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "/": operator.truediv,
    "**": operator.pow,
}


class Attribute(NamedTuple):
    """An integer attribute of a module; `position` counts inside a tuple, -1 for a plain integer.

    A named tuple, since it is looked up some ten thousand times per plan and its hash is quick.
    """

    module: str
    name: str
    position: int = -1

    def __str__(self) -> str:
        place = f"[{self.position}]" if self.position >= 0 else ""
        return f"{self.module or 'model'}.{self.name}{place}"


@dataclass(frozen=True)
class Size:
    """The size of one dimension of a traced value."""

    value: int
    dim: int

    def __str__(self) -> str:
        return f"size of dim {self.dim}"


@dataclass(frozen=True)
class Literal:
    """A number written in the code, or one whose origin is not known."""

    number: int | float

    def __str__(self) -> str:
        return str(self.number)


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers combined."""

    operator: str
    left: Origin
    right: Origin

    def __str__(self) -> str:
        return f"({self.left} {self.operator} {self.right})"


Origin = Attribute | Size | Literal | Arithmetic


class TracedInt(int):
    """An integer that carries the expression it came from."""

    origin: Origin

    def __new__(cls, number: int, origin: Origin) -> TracedInt:
        """Wrap a number.

        Args:
            number: The value.
            origin: Where it came from.
        """
        made = super().__new__(cls, number)
        made.origin = origin
        return made

    def __neg__(self) -> TracedInt:
        return TracedInt(-int(self), Arithmetic("-", Literal(0), self.origin))

    def __rshift__(self, bits: int) -> Any:
        return self // 2 ** int(bits)

    def __lshift__(self, bits: int) -> Any:
        return self * 2 ** int(bits)

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __reduce__(self) -> tuple[Any, ...]:
        return (int, (int(self),))

    def __deepcopy__(self, memo: dict[int, Any]) -> int:
        return int(self)


class TracedFloat(float):
    """A fraction that carries the expression of integers that it came from."""

    origin: Origin

    def __new__(cls, number: float, origin: Origin) -> TracedFloat:
        """Wrap a number.

        Args:
            number: The value.
            origin: Where it came from.
        """
        made = super().__new__(cls, number)
        made.origin = origin
        return made

    def __neg__(self) -> TracedFloat:
        return TracedFloat(-float(self), Arithmetic("-", Literal(0), self.origin))

    def __floor__(self) -> int:
        found = math.floor(float(self))
        quotient = _floored(self.origin)
        return found if quotient is None else TracedInt(found, quotient)

    def __ceil__(self) -> int:
        found = math.ceil(float(self))
        quotient = _floored(Arithmetic("-", Literal(0), self.origin))
        return found if quotient is None else TracedInt(found, Arithmetic("-", Literal(0), quotient))

    def __reduce__(self) -> tuple[Any, ...]:
        return (float, (float(self),))

    def __deepcopy__(self, memo: dict[int, Any]) -> float:
        return float(self)


def _floored(origin: Origin) -> Origin | None:
    """A quotient, or one subtracted from zero, rounded down to an integer; None for any other fraction."""
    if not isinstance(origin, Arithmetic):
        return None
    if origin.operator == "/":
        return Arithmetic("//", origin.left, origin.right)
    if origin.operator == "-" and origin.left == Literal(0) and isinstance(origin.right, Arithmetic):
        inner = origin.right
        return Arithmetic("//", Arithmetic("-", Literal(0), inner.left), inner.right) if inner.operator == "/" else None
    return None


Traced = TracedInt | TracedFloat


def plain(number: Traced) -> int | float:
    """The ordinary number that a traced one is."""
    return int(number) if isinstance(number, int) else float(number)


def square_root(number: float) -> float:
    """The square root, traced where the number is: what stands for `math.sqrt` while a model is traced."""
    root = SQUARE_ROOT(number)
    return TracedFloat(root, Arithmetic("**", number.origin, Literal(0.5))) if isinstance(number, Traced) else root


SQUARE_ROOT = math.sqrt
"""Python's own."""


def origin_of(number: int | float) -> Origin:
    """The expression of a number; a plain one is a literal."""
    return number.origin if isinstance(number, Traced) else Literal(number)


def traced_ints(tree: Any) -> list[TracedInt]:
    """Every integer with a known origin in nested tuples, lists, dicts and slices, in order."""
    found: list[TracedInt] = []
    _collect_ints(tree, found)
    return found


def _collect_ints(tree: Any, found: list[TracedInt]) -> None:
    if isinstance(tree, TracedInt):
        found.append(tree)
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            if type(item) is TracedInt:
                found.append(item)
            elif isinstance(item, (tuple, list, dict, slice)):
                _collect_ints(item, found)
    elif isinstance(tree, dict):
        for item in tree.values():
            _collect_ints(item, found)
    elif isinstance(tree, slice):
        _collect_ints((tree.start, tree.stop, tree.step), found)


def map_numbers(tree: Any, change: Callable[[Traced], Any]) -> Any:
    """Nested arguments in which every recorded integer, and fraction of integers, is replaced."""
    if isinstance(tree, Traced):
        return change(tree)
    if isinstance(tree, slice):
        return slice(*(map_numbers(item, change) for item in (tree.start, tree.stop, tree.step)))
    if isinstance(tree, Mapping):
        return {key: map_numbers(item, change) for key, item in tree.items()}
    if isinstance(tree, (tuple, list)):
        made = [map_numbers(item, change) for item in tree]
        return made if isinstance(tree, list) else tuple(made)  # a `torch.Size` holds nothing but numbers
    return tree


def attributes_of(origin: Origin) -> tuple[Attribute, ...]:
    """Every attribute that an expression reads, from left to right."""
    if isinstance(origin, Attribute):
        return (origin,)
    if isinstance(origin, Arithmetic):
        return attributes_of(origin.left) + attributes_of(origin.right)
    return ()


def sizes_of(origin: Origin) -> tuple[Size, ...]:
    """Every size of a tensor that an expression reads, from left to right."""
    if isinstance(origin, Size):
        return (origin,)
    if isinstance(origin, Arithmetic):
        return sizes_of(origin.left) + sizes_of(origin.right)
    return ()


def with_numbers(origin: Origin, numbers: Mapping[Origin, int]) -> Origin:
    """An expression in which the parts that are known to be some number are that number."""
    if origin in numbers:
        return Literal(numbers[origin])
    if isinstance(origin, Arithmetic):
        return Arithmetic(origin.operator, with_numbers(origin.left, numbers), with_numbers(origin.right, numbers))
    return origin


def evaluate(origin: Origin, attribute: Callable[[Attribute], int], size: Callable[[Size], int]) -> Any:
    """The value of an expression where attributes and sizes have become others.

    Args:
        origin: The expression.
        attribute: New value of each attribute.
        size: New value of each size.

    Returns:
        An integer, or a float where the expression divides or takes a root.

    Raises:
        ZeroDivisionError: The new values make the expression divide by zero.
    """
    if isinstance(origin, Attribute):
        return attribute(origin)
    if isinstance(origin, Size):
        return size(origin)
    if isinstance(origin, Literal):
        return origin.number
    left = evaluate(origin.left, attribute, size)
    return OPERATORS[origin.operator](left, evaluate(origin.right, attribute, size))


def _binary(symbol: str, *, is_reflected: bool) -> Callable[[Traced, Any], Any]:
    compute = OPERATORS[symbol]

    def method(self: Traced, other: Any) -> Any:
        if not isinstance(other, (int, float)) or isinstance(other, bool):
            return NotImplemented
        left, right = (other, self) if is_reflected else (self, other)
        number = compute(*(plain(side) if isinstance(side, Traced) else side for side in (left, right)))
        origin = Arithmetic(symbol, origin_of(left), origin_of(right))
        return _wrapped(number, origin)

    return method


def _wrapped(number: Any, origin: Origin) -> Any:
    if isinstance(number, int):
        return TracedInt(number, origin)
    return TracedFloat(number, origin) if isinstance(number, float) else number  # a root may be complex


_NAMES = {"+": "add", "-": "sub", "*": "mul", "//": "floordiv", "%": "mod", "/": "truediv", "**": "pow"}

for _symbol, _name in _NAMES.items():
    for _kind in (TracedInt, TracedFloat):
        setattr(_kind, f"__{_name}__", _binary(_symbol, is_reflected=False))
        setattr(_kind, f"__r{_name}__", _binary(_symbol, is_reflected=True))
