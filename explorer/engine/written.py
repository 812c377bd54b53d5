"""Parameters that a forward writes, as a momentum encoder does: kept as they were before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import _disable_current_modes

from explorer.engine.trees import flatten_tensors, named_parameters


class WrittenParameters:
    """The parameters that a run writes, each saved when the first op is about to."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        """Prepare.

        Args:
            parameters: All of the model.
        """
        strided = [parameter for parameter in parameters if parameter.layout is torch.strided]
        self._held = [(parameter, parameter.data) for parameter in strided]
        self._storages = {data.untyped_storage()._cdata: data.untyped_storage() for _, data in self._held}
        self._saved: dict[int, torch.UntypedStorage] = {}

    def before(self, tree: Any) -> None:
        """An op is about to write into one or several tensors."""
        for tensor in flatten_tensors(tree):
            key = tensor.untyped_storage()._cdata if tensor.layout is torch.strided else 0
            if key in self._storages and key not in self._saved:
                with no_dispatch():
                    self._saved[key] = self._storages[key].clone()

    def restore(self) -> None:
        """Put everything back that was written, or replaced by way of `Tensor.data`."""
        with _disable_current_modes():
            for key, saved in self._saved.items():
                self._storages[key].copy_(saved)
            for parameter, data in self._held:
                _point_to(parameter, data)


@contextmanager
def same_parameters(model: nn.Module, names: Collection[str]) -> Iterator[None]:
    """Gives some parameters of a model the content back that they had before.

    Args:
        model: The model, which runs inside.
        names: Those that its forward is known to write.
    """
    written = [parameter for name, parameter in named_parameters(model) if name in names]
    before = [(parameter, parameter.data, parameter.detach().clone()) for parameter in written]
    try:
        yield
    finally:
        with _disable_current_modes():
            for parameter, data, saved in before:
                data.copy_(saved)
                _point_to(parameter, data)


def _point_to(parameter: nn.Parameter, data: Tensor) -> None:
    if parameter.shape != data.shape or parameter.data_ptr() != data.data_ptr():
        parameter.data = data
