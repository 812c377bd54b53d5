"""The table of tensors that a recorder has met."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch

from explorer.engine.program import Ref, Value
from explorer.engine.trees import PLAIN, Modules, buffers_of, parameters_of

MAX_KEPT_BYTES = 64_000_000
"""Integer and boolean tensors up to this size are kept: an index op may read them, a proof may replay them."""


class ValueTable:
    """Numbers tensors by identity, without keeping intermediates alive."""

    def __init__(self, modules: Modules) -> None:
        """Number the parameters and buffers of a model first, and tensors that are plain attributes of its modules.

        Args:
            modules: All of the model to be traced; a tensor that has several names keeps the first.
        """
        self._values: list[Value] = []
        self._numbers: dict[int, tuple[weakref.ref[Tensor], int]] = {}
        for name, parameter in parameters_of(modules):
            self.add(parameter, kind="parameter", name=name)
        for name, buffer in buffers_of(modules):
            self.add(buffer, kind="buffer", name=name)
        for path, module in modules:
            for name, found in module.__dict__.items():
                if isinstance(found, Tensor) and self._known(found) is None:
                    self.add(found, kind="constant", name=f"{path}.{name}" if path else name)

    def values(self) -> tuple[Value, ...]:
        """All values so far."""
        return tuple(self._values)

    def add(self, tensor: Tensor, *, kind: str, name: str = "") -> int:
        """The number of a tensor that was not known yet."""
        return self._add(tensor, kind, name, self._new_storage())

    def find(self, tensor: Tensor) -> int:
        """The number of a tensor; one that no recorded op made is a constant."""
        known = self._known(tensor)
        return self.add(tensor, kind="constant") if known is None else known

    def know(self, tensor: Tensor, value: int) -> None:
        """Take a tensor that was not known for a value that was."""
        if self._known(tensor) is None:
            self.replace(tensor, value)

    def replace(self, tensor: Tensor, value: int) -> None:
        """Take a tensor for another value than before."""
        self._numbers[id(tensor)] = (weakref.ref(tensor), value)

    def shapes(self, values: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The shapes of some values."""
        return [self._values[value].shape for value in values]

    def add_result(self, tensor: Tensor, inputs: list[Tensor]) -> int:
        """The number of what an op returned: its input's where the op returned the input itself."""
        known = self._known(tensor)
        if known is not None and any(tensor is candidate for candidate in inputs):
            return known if self._values[known].shape == tensor.shape else self.add_viewed(tensor, inputs)
        return self._add(tensor, "intermediate", "", self._storage(tensor, inputs))

    def add_viewed(self, tensor: Tensor, inputs: list[Tensor]) -> int:
        """The new number of a tensor whose own shape an op changed in place."""
        return self._add(tensor, "intermediate", "", self._storage(tensor, inputs))

    def add_input(self, tensor: Tensor, inputs: list[Tensor]) -> int:
        """The number of a tensor that was made outside of the model, out of no `inputs`: what the model is run on."""
        return self.add(tensor, kind="input")

    def refs(self, tree: Any) -> Any:
        """Nested arguments with every tensor replaced by a `Ref`."""
        if isinstance(tree, Tensor):
            return Ref(self.find(tree))
        if isinstance(tree, (tuple, list)):
            items = [item if type(item) in PLAIN else self.refs(item) for item in tree]
            return items if isinstance(tree, list) else tuple(items)
        if isinstance(tree, dict):
            return {key: self.refs(item) for key, item in tree.items()}
        return tree

    def _known(self, tensor: Tensor) -> int | None:
        entry = self._numbers.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def _add(self, tensor: Tensor, kind: str, name: str, storage: int) -> int:
        index = len(self._values)
        shape = tuple(tensor.shape)
        is_sparse = tensor.layout is not torch.strided
        data = None if is_sparse else _kept_data(tensor)
        self._values.append(Value(index, shape, tensor.dtype, kind, name, storage, data, is_sparse))
        self._numbers[id(tensor)] = (weakref.ref(tensor), index)
        return index

    def _storage(self, tensor: Tensor, inputs: list[Tensor]) -> int:
        key = _storage_key(tensor)
        for candidate in inputs:
            if _storage_key(candidate) == key:
                return self._values[self.find(candidate)].storage
        return self._new_storage()

    def _new_storage(self) -> int:
        return len(self._values)


def _storage_key(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)


def _kept_data(tensor: Tensor) -> np.ndarray[Any, Any] | None:
    dtype = tensor.dtype
    if (
        dtype.is_floating_point
        or dtype.is_complex
        or tensor.is_meta
        or tensor.numel() * tensor.element_size() > MAX_KEPT_BYTES
    ):
        return None
    with no_dispatch():
        return tensor.detach().cpu().numpy().copy()
