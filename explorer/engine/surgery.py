"""Building the smaller module: a copy of the model with indices selected, attributes set and attention replaced.

A `Surgery` is plain data, so that a saved recipe can repeat it on a freshly built model without tracing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.engine.attention import replace_attentions
from explorer.engine.closures import rebind_closures
from explorer.engine.errors import ApplyError
from explorer.engine.provenance import Attribute
from explorer.engine.trees import Modules, buffers_of, named_modules, parameters_of

AttributeValue = int | tuple[int, ...]


@dataclass(frozen=True)
class AttributeChange:
    """An attribute of a module that a plan sets.

    Attributes:
        module: Path of the module.
        name: Name of the attribute.
        before: Value in the original.
        after: Value in the pruned model.
        reason: Why it must be that.
        is_standard: Whether the attribute belongs to a torch.nn class; others were found in the user's code.
    """

    module: str
    name: str
    before: AttributeValue
    after: AttributeValue
    reason: str
    is_standard: bool = True

    def __str__(self) -> str:
        return f"{self.module or 'model'}.{self.name}: {self.before} -> {self.after} ({self.reason})"

    def entries(self) -> Iterator[tuple[Attribute, int]]:
        """Each integer with its new value; a tuple has several."""
        if isinstance(self.after, int):
            yield Attribute(self.module, self.name), self.after
        else:
            for place, number in enumerate(self.after):
                yield Attribute(self.module, self.name, place), number


@dataclass(frozen=True)
class AttentionChange:
    """A `torch.nn.MultiheadAttention` that a drop-in replaces, since its inner and embedding sizes part.

    Attributes:
        module: Path of the module.
        num_heads: Heads that stay.
        scale: What scores are multiplied by: the original's, so that pruned equals zeroed.
    """

    module: str
    num_heads: int
    scale: float


@dataclass(frozen=True)
class Surgery:
    """Everything that turns a model into its pruned form.

    Attributes:
        kept: For each (parameter or buffer, dim), the indices kept, in order.
        attributes: Attributes to set.
        attention: Attention modules to replace.
        index_buffers: New content of integer and boolean buffers that pick channels by number.
    """

    kept: Mapping[tuple[str, int], tuple[int, ...]]
    attributes: tuple[AttributeChange, ...] = ()
    attention: tuple[AttentionChange, ...] = ()
    index_buffers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def perform(model: nn.Module, surgery: Surgery) -> nn.Module:
    """A pruned copy of a model; the model itself is untouched.

    Args:
        model: A model with the original shapes.
        surgery: What to change.

    Raises:
        ApplyError: The model cannot be copied, or a name or index does not fit it.
    """
    selected = _Selection(surgery.kept, surgery.index_buffers)
    pruned = copy_with(model, selected.select)
    selected.check_all_used()
    modules = dict(named_modules(pruned))
    for change in surgery.attributes:
        _set_attribute(modules, change)
    try:
        return replace_attentions(pruned, {each.module: (each.num_heads, each.scale) for each in surgery.attention})
    except ValueError as error:
        raise ApplyError(str(error)) from error


def copy_with(model: nn.Module, change: Callable[[str, Tensor], Tensor]) -> nn.Module:
    """A deep copy in which every parameter and buffer is replaced by `change(name, tensor)`.

    Tied tensors stay tied, `requires_grad` is kept, and the original tensors are never copied whole.

    Raises:
        ApplyError: The model cannot be copied.
    """
    modules = named_modules(model)
    memo: dict[int, object] = {}
    for name, parameter in parameters_of(modules):
        made = change(name, parameter.detach())
        memo[id(parameter)] = nn.Parameter(made, requires_grad=parameter.requires_grad)
    for name, buffer in buffers_of(modules):
        memo[id(buffer)] = change(name, buffer.detach())
    memo |= {id(tensor): tensor.detach().clone() for tensor in _computed_attributes(modules) if id(tensor) not in memo}
    try:
        for _, module in reversed(modules):  # what is inside comes first
            _copy_module(module, memo)
        copied: nn.Module = deepcopy(model, memo)
        rebind_closures(copied, memo)
    except Exception as error:
        raise ApplyError(
            f"{type(model).__name__} cannot be copied: {type(error).__name__}: {error}. Every attribute of the model "
            "must support copy.deepcopy."
        ) from error
    return copied


def _computed_attributes(modules: Modules) -> Iterator[Tensor]:
    """Plain attributes that PyTorch would not copy, since they were computed from parameters.

    The old hooks for weight and spectral norm keep such a weight, and compute it anew before each forward.
    """
    for _, module in modules:
        yield from (found for found in module.__dict__.values() if isinstance(found, Tensor) and not found.is_leaf)


def _copy_module(module: nn.Module, memo: dict[int, Any]) -> None:
    """Copy a module as `deepcopy` does, unless its class does so in another way; `deepcopy` finds it in the memo."""
    kind: Any = type(module)
    if id(module) in memo or _copies_itself(kind):
        return
    made = memo[id(module)] = kind.__new__(kind)
    state = {name: it for name, it in module.__dict__.items() if name != _COMPILED}
    made.__setstate__({name: it if type(it) in _ATOMS else _copied(it, memo) for name, it in state.items()})


@lru_cache(maxsize=1024)
def _copies_itself(kind: type[nn.Module]) -> bool:
    """Whether a class of modules says how it is copied."""
    own = [vars(base) for base in kind.__mro__ if base not in (nn.Module, object)]
    return any(name in names for names in own for name in _COPYING)


def _copied(found: Any, memo: dict[int, Any]) -> Any:
    """What `deepcopy` makes; most of what a module holds are numbers and tables, which it needs no help with."""
    known = memo.get(id(found))
    if known is not None:
        return known
    kind = type(found)
    if kind in _HOLDERS and not found:
        empty = memo[id(found)] = kind()
        return empty
    if kind is tuple and _ATOMS.issuperset(map(type, found)):
        return found
    if kind is dict and _NAMES.issuperset(map(type, found)):
        table: dict[str, Any] = {}
        memo[id(found)] = table
        for name, item in found.items():
            table[name] = item if type(item) in _ATOMS else _copied(item, memo)
        return table
    return deepcopy(found, memo)


_COMPILED = "_compiled_call_impl"
"""What `nn.Module.compile` made of a module: it runs that module and no copy of it."""

_COPYING = ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")
_ATOMS = frozenset({bool, int, float, str, type(None)})
_HOLDERS = frozenset({dict, OrderedDict, set, list})
_NAMES = frozenset({str})


class _Selection:
    """Index selection by name, which knows whether every name was met."""

    def __init__(
        self, kept: Mapping[tuple[str, int], tuple[int, ...]], index_buffers: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._by_name: dict[str, dict[int, tuple[int, ...]]] = {}
        for (name, dim), indices in kept.items():
            self._by_name.setdefault(name, {})[dim] = indices
        self._index_buffers = index_buffers
        self._unused = self._by_name.keys() | index_buffers.keys()
        self._picked: dict[tuple[int, torch.device], tuple[Tensor, int]] = {}

    def select(self, name: str, tensor: Tensor) -> Tensor:
        self._unused.discard(name)
        if name in self._index_buffers:
            return _numbered(name, self._index_buffers[name], tensor)
        picks, shape = {}, tensor.shape
        for dim, indices in self._by_name.get(name, {}).items():
            pick, highest = self._tensor(indices, tensor.device)
            if dim >= len(shape) or highest >= shape[dim]:
                raise ApplyError(
                    f"The plan keeps index {highest} of {name} dim {dim}, whose shape is {tuple(shape)}. The plan "
                    "belongs to another architecture."
                )
            if len(indices) < shape[dim]:
                picks[dim] = pick
        return _selected(tensor, picks)

    def _tensor(self, indices: tuple[int, ...], device: torch.device) -> tuple[Tensor, int]:
        """Indices as a tensor, and the highest of them; many parameters keep the very same ones."""
        key = id(indices), device
        known = self._picked.get(key)
        if known is None:
            numbers = np.fromiter(indices, dtype=np.int64, count=len(indices))
            known = self._picked[key] = torch.from_numpy(numbers).to(device), int(numbers.max(initial=-1))
        return known

    def check_all_used(self) -> None:
        if self._unused:
            raise ApplyError(
                f"The plan prunes {', '.join(sorted(self._unused)[:5])}, which this model does not have. The plan "
                "belongs to another architecture."
            )


def _numbered(name: str, numbers: tuple[int, ...], tensor: Tensor) -> Tensor:
    """A buffer that picks channels by number, with other numbers."""
    try:
        return torch.tensor(numbers, dtype=tensor.dtype, device=tensor.device)
    except (RuntimeError, ValueError, OverflowError) as error:
        raise ApplyError(f"The plan puts numbers into {name} that it cannot hold: {error}.") from error


LARGE = 2**22
"""Elements of a weight that does not fit in the processor's cache."""
PIECE = 2**18
"""Elements of it that are looked at together."""


def _selected(tensor: Tensor, picks: Mapping[int, Tensor]) -> Tensor:
    """A new tensor of the picked indices per dimension.

    Rows of a large one go some at a time: what the first dimension leaves of them is still at hand for the others.
    """
    if not picks:
        return tensor.clone()
    if 0 not in picks or len(picks) == 1 or tensor.numel() < LARGE:
        return _selected_whole(tensor, picks)
    others = {dim: pick for dim, pick in picks.items() if dim}
    made = tensor.new_empty([len(picks[dim]) if dim in picks else size for dim, size in enumerate(tensor.shape)])
    step = max(1, PIECE * tensor.shape[0] // tensor.numel())
    for rows, place in zip(picks[0].split(step), made.split(step), strict=True):
        place.copy_(_selected_whole(tensor, {0: rows} | others))
    return made


def _selected_whole(tensor: Tensor, picks: Mapping[int, Tensor]) -> Tensor:
    for dim, pick in picks.items():
        tensor = tensor.index_select(dim, pick)
    return tensor


def _set_attribute(modules: Mapping[str, nn.Module], change: AttributeChange) -> None:
    try:
        module = modules[change.module]
        before = getattr(module, change.name)
    except (AttributeError, KeyError) as error:
        raise ApplyError(f"The plan sets {change}, but the model has no such module or attribute.") from error
    is_plain = isinstance(before, int) or (
        isinstance(before, (list, tuple)) and all(isinstance(e, int) for e in before)
    )
    if not is_plain or (tuple(before) if isinstance(before, list) else before) != change.before:
        raise ApplyError(f"The plan sets {change}, but the attribute is {before!r}. The plan belongs to another model.")
    after = change.after
    setattr(module, change.name, list(after) if isinstance(before, list) and isinstance(after, tuple) else after)


class IntegerAttributes(dict[Attribute, int]):
    """The integer attributes of all modules of a model, those inside tuples and lists too, each read when asked for."""

    def __init__(self, model: nn.Module) -> None:
        """Prepare.

        Args:
            model: The model; its attributes must not change meanwhile.
        """
        super().__init__()
        self._modules = dict(named_modules(model))

    def __missing__(self, attribute: Attribute) -> int:
        module = self._modules[attribute.module]
        if not hasattr(module, attribute.name):
            raise KeyError(attribute)
        found = getattr(module, attribute.name)
        number: int = found if attribute.position < 0 else found[attribute.position]
        self[attribute] = number
        return number
