"""Back to the original: a model of full size with a pruned one's weights, and zeros where channels were removed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from explorer.engine.errors import ApplyError
from explorer.engine.surgery import Surgery, copy_with

Kept = Mapping[tuple[str, int], tuple[int, ...]]


def expanded(model: nn.Module, pruned: nn.Module, surgery: Surgery) -> nn.Module:
    """A model of the original's architecture with a pruned one's weights.

    Args:
        model: A model of the original architecture; it is untouched.
        pruned: The pruned model.
        surgery: What was done to get it.

    Returns:
        A copy of `model` in which every parameter is the pruned model's at the kept indices and zero elsewhere. Buffers
        of removed channels, and buffers that number channels, are those of `model`.

    Raises:
        ApplyError: The pruned model did not come from this architecture by this surgery.
    """
    parameters, buffers = dict(pruned.named_parameters()), dict(pruned.named_buffers())
    kept: dict[str, dict[int, tuple[int, ...]]] = {}
    for (name, dim), indices in surgery.kept.items():
        kept.setdefault(name, {})[dim] = indices

    def change(name: str, tensor: Tensor) -> Tensor:
        if name in surgery.index_buffers:
            return tensor.clone()
        small = parameters.get(name, buffers.get(name))
        if small is None:
            raise ApplyError(f"The pruned {type(pruned).__name__} has no {name}, which the original has.")
        full = tensor.to(small, copy=True) if name in buffers else torch.zeros_like(tensor).to(small)
        return _placed(name, full, small.detach(), kept.get(name, {}))

    return copy_with(model, change)


def _placed(name: str, full: Tensor, small: Tensor, kept: Mapping[int, tuple[int, ...]]) -> Tensor:
    """A tensor that holds a smaller one at the indices kept."""
    indices = [kept.get(dim, tuple(range(size))) for dim, size in enumerate(full.shape)]
    if tuple(small.shape) != tuple(map(len, indices)):
        raise ApplyError(
            f"{name} has shape {tuple(small.shape)} in the pruned model, and the recipe leaves "
            f"{tuple(map(len, indices))}. The recipe belongs to another plan."
        )
    if any(max(places, default=-1) >= size for places, size in zip(indices, full.shape, strict=True)):
        raise ApplyError(f"The recipe keeps indices that {name} of shape {tuple(full.shape)} does not have.")
    if not indices:
        return small.clone()
    full[tuple(torch.from_numpy(places).to(full.device) for places in np.ix_(*map(np.array, indices)))] = small
    return full


def positions(kept: Kept, sizes: Mapping[tuple[str, int], int]) -> Kept:
    """Where each index of the original is in the pruned model: the inverse of what is kept.

    Args:
        kept: For each (parameter or buffer, dim), the indices kept, in order.
        sizes: Size of each of these dimensions in the original.

    Returns:
        For each (parameter or buffer, dim) and each index of the original, its index in the pruned model; -1 where it
        was removed.

    Example:
        >>> positions({("fc.weight", 0): (1, 3)}, {("fc.weight", 0): 4})
        {('fc.weight', 0): (-1, 0, -1, 1)}
    """
    found = {}
    for key, indices in kept.items():
        places = np.full(sizes[key], -1)
        places[list(indices)] = np.arange(len(indices))
        found[key] = tuple(places.tolist())
    return found
