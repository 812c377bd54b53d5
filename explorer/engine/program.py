"""What one traced forward did: values, operations on them, and where in the user's code each happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch

from explorer.engine.provenance import TracedInt, attributes_of, sizes_of, traced_ints
from explorer.engine.trees import find_leaves


@dataclass(frozen=True)
class SourceLine:
    """A line of the user's code.

    Attributes:
        file: Path as Python knows it.
        line: 1-based line number.
        function: Name of the function that the line belongs to.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Value:
    """A tensor that a traced forward read or made.

    Attributes:
        index: Position in `Program.values`.
        shape: Sizes of the dimensions.
        dtype: Element type.
        kind: ``parameter``, ``buffer``, ``input``, ``constant`` or ``intermediate``.
        name: Qualified name of a parameter or buffer, or of the attribute that holds a constant; else empty.
        storage: Number of the memory that the value lives in; views share their base's.
        data: The elements, kept only for integer and boolean constants, buffers and indices.
        is_sparse: Whether the elements are stored by their positions.
    """

    index: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    kind: str
    name: str = ""
    storage: int = -1
    data: np.ndarray[Any, Any] | None = field(default=None, repr=False, compare=False)
    is_sparse: bool = False

    @property
    def is_state(self) -> bool:
        """Whether the value is a parameter or a buffer of the model."""
        return self.kind in ("parameter", "buffer")


@dataclass(frozen=True)
class Ref:
    """Stands for a value inside the recorded arguments of an op or call."""

    value: int


@dataclass(frozen=True)
class Op:
    """One ATen operation, as PyTorch's dispatcher saw it.

    Attributes:
        index: Position in `Program.ops`.
        name: Operator with overload, such as ``aten.add.Tensor``.
        args: Positional arguments, with every tensor replaced by a `Ref`.
        kwargs: Keyword arguments, likewise.
        results: Indices of the values that came out, in order.
        module: Path of the module whose forward ran the op ("" is the model itself).
        source: The user's line.
        call: Index of the enclosing torch call in `Program.calls`, or -1.
        is_pointwise: Whether PyTorch tags the operator as pointwise.
        scalar: The Python number that came out, for an op such as ``item``; None for tensors.
    """

    index: int
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[int, ...]
    module: str
    source: SourceLine | None
    call: int
    is_pointwise: bool
    scalar: int | float | bool | complex | None = None

    @property
    def base_name(self) -> str:
        """Operator without overload and without the in-place underscore: ``aten.add``."""
        return _base_name(self.name)

    @property
    def short_name(self) -> str:
        """What people call the operator: ``add``."""
        return self.base_name.split(".", 1)[1].lstrip("_")

    @property
    def is_in_place(self) -> bool:
        """Whether the op writes into its first argument."""
        return is_in_place(self.name)

    def inputs(self) -> tuple[int, ...]:
        """Indices of every value among the arguments, in order."""
        return self._inputs

    @cached_property
    def _inputs(self) -> tuple[int, ...]:
        return tuple([ref.value for ref in refs((self.args, self.kwargs))])


@dataclass(frozen=True)
class Call:
    """One torch call of the user's code, with the provenance of its integers.

    Attributes:
        index: Position in `Program.calls`.
        function: Name of the function, such as ``reshape``.
        args: Positional arguments; tensors are `Ref`, integers may be `TracedInt`.
        kwargs: Keyword arguments, likewise.
        results: Indices of the values that came out.
        module: Path of the module whose forward made the call.
        source: The user's line.
        target: The function itself.
        custom: The `torch.autograd.Function` of the user that made the call; empty where none did.
    """

    index: int
    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[int, ...]
    module: str
    source: SourceLine | None
    target: Any = field(default=None, repr=False, compare=False)
    custom: str = ""

    def returning(self, results: tuple[int, ...]) -> Call:
        """The call once it has returned."""
        stated = self.args, self.kwargs, results, self.module, self.source, self.target, self.custom
        return Call(self.index, self.function, *stated)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by position or name."""
        return self.args[position] if position < len(self.args) else self.kwargs.get(name, default)

    def split_dim(self, rank: int) -> int:
        """The dimension of a tensor of some rank that a call such as `chunk` cuts into pieces."""
        known = _SPLIT_DIMS.get(self.function)
        return int(self.argument(2, "dim", 0)) % rank if known is None else min(known, rank - 1)

    @property
    def sets_data(self) -> bool:
        """Whether the call gives a tensor the content of another: ``a.data = b``."""
        return self.function == "__set__" and len(refs(self.args)) > 1

    @cached_property
    def values(self) -> tuple[int, ...]:
        """Indices of every value among the arguments and results, in order."""
        return (*[ref.value for ref in refs((self.args, self.kwargs))], *self.results)

    @cached_property
    def attribute_ints(self) -> tuple[TracedInt, ...]:
        """Every integer among the arguments that some attribute of a module took part in, in order."""
        return tuple([number for number in self._traced_ints if attributes_of(number.origin)])

    @cached_property
    def sized_by(self) -> frozenset[int]:
        """Indices of the values whose sizes went into some integer among the arguments."""
        return frozenset([size.value for number in self._traced_ints for size in sizes_of(number.origin)])

    @cached_property
    def _traced_ints(self) -> list[TracedInt]:
        return traced_ints((self.args, self.kwargs))


_SPLIT_DIMS = {"vsplit": 0, "hsplit": 1, "dsplit": 2}
"""Names of `tensor_split` along a certain dimension; `hsplit` cuts vectors along their only one."""

EVEN_SPLITS = ("tensor_split", *_SPLIT_DIMS)
"""Calls that cut an axis into a number of pieces by slices."""


@dataclass(frozen=True)
class Program:
    """Everything that one run of the model did, in order.

    Attributes:
        values: All tensors.
        ops: All ATen operations.
        calls: All torch calls that made or shaped a tensor.
        inputs: Values that are example inputs.
        outputs: Values that the model returned, in order.
        output_tree: What the model returned, with every tensor replaced by a `Ref`.
        is_training: Whether the run was in train mode.
        is_shadow: Whether the run was on tensors without content.
        traced_on: What ran, a real run or meta tensors, and why, in words.
    """

    values: tuple[Value, ...]
    ops: tuple[Op, ...]
    calls: tuple[Call, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    output_tree: Any = None
    is_training: bool = False
    is_shadow: bool = False
    traced_on: str = ""

    @cached_property
    def read(self) -> frozenset[int]:
        """Values that some op reads or the model returns."""
        return frozenset(value for op in self.ops for value in op.inputs()).union(self.outputs)

    @cached_property
    def written(self) -> frozenset[int]:
        """Numbers of the memory that some op writes into."""
        places = (op.inputs()[0] for op in self.ops if op.is_in_place and op.inputs())
        return frozenset(self.values[value].storage for value in places)

    @cached_property
    def written_parameters(self) -> frozenset[str]:
        """Names of the parameters that forward writes, or gives other tensors by way of `Tensor.data`."""
        replaced = {refs(call.args)[0].value for call in self.calls if call.sets_data}
        parameters = (value for value in self.values if value.kind == "parameter")
        return frozenset(v.name for v in parameters if v.storage in self.written or v.index in replaced)

    @cached_property
    def fixed(self) -> frozenset[int]:
        """Integer and boolean buffers and constants that no op writes: a plan can renumber what they say."""
        known = (value for value in self.values if value.kind in ("buffer", "constant") and value.data is not None)
        fixed = {value.index for value in known if value.storage not in self.written}
        for op in self.ops:
            if op.name == "aten.lift_fresh.default" and op.inputs()[0] in fixed:
                fixed.update(op.results)
        return frozenset(fixed)

    @cached_property
    def computed(self) -> frozenset[int]:
        """Integers and booleans computed from positions and `fixed` ones alone, such as ``torch.arange(n).flip(0)``."""
        computed: set[int] = set()
        for op in self.ops:
            made = [self.values[number] for number in op.results if number not in self.fixed]
            if not made or any(value.data is None or value.storage in self.written for value in made):
                continue
            inputs = op.inputs()
            is_known = all(number in self.fixed or number in computed for number in inputs)
            if op.base_name == "aten.arange" or (inputs and is_known and op.base_name not in _RANDOM):
                computed.update(op.results)
        return frozenset(computed)


_RANDOM = frozenset({"aten.bernoulli", "aten.multinomial", "aten.randint_like", "aten.empty_like"})


@cache
def is_in_place(name: str) -> bool:
    """Whether the operator of a name, such as ``aten.add_.Tensor``, writes into its first argument."""
    packet = name.split(".")[1]
    return packet.endswith("_") and not packet.startswith("__")


def refs(tree: Any) -> list[Ref]:
    """Every `Ref` in nested tuples, lists and dicts, in order."""
    return find_leaves(tree, Ref)


@cache
def _base_name(name: str) -> str:
    namespace, packet, *_ = name.split(".")
    if is_in_place(name):
        packet = packet[:-1]
    return f"{namespace}.{packet}"
