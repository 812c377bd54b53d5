"""Runs a model in a higher precision than its code was written for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from explorer.engine.trees import flatten_tensors, map_tensors


class RaisedPrecision(TorchDispatchMode):
    """Real numbers that forward makes or converts (``arange``, ``x.float()``) get at least one precision."""

    def __init__(self, dtype: torch.dtype) -> None:
        """Prepare.

        Args:
            dtype: The precision of parameters and inputs; narrower types are raised to it.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._dtype = dtype

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if self._is_narrow(kwargs.get("dtype")):
            kwargs["dtype"] = self._dtype
        made = func(*args, **kwargs)
        if any(tensor.dtype is self._dtype for tensor in flatten_tensors((args, kwargs))):
            return made
        # What depends on no number of this precision yet: a constant, a range, a grid of coordinates.
        return map_tensors(made, self._raised)

    def _raised(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._dtype) if self._is_narrow(tensor.dtype) else tensor

    def _is_narrow(self, dtype: torch.dtype | None) -> bool:
        if dtype is None or not dtype.is_floating_point:
            return False
        return torch.finfo(dtype).bits < torch.finfo(self._dtype).bits
