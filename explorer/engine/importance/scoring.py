"""Scores of channels from the weights alone: `l1`, `l2` and `random`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from explorer.engine.errors import PlanError
from explorer.engine.groups import Group, Member

Scores = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Criterion:
    """A way to score one coupled slice.

    Attributes:
        element: From a weight to what each of its elements contributes; contributions of a slice are summed.
        finish: From the sums of all slices to their scores.
        text: One line for people.
    """

    element: Callable[[Tensor], Tensor]
    finish: Callable[[Scores], Scores]
    text: str


CRITERIA: Mapping[str, Criterion] = {
    "l1": Criterion(torch.abs, lambda sums: sums, "sum of absolute weights"),
    "l2": Criterion(torch.square, np.sqrt, "Euclidean norm of the weights"),
    "random": Criterion(torch.zeros_like, lambda sums: sums, "a fixed random order: the baseline to beat"),
}


def score_groups(
    groups: Sequence[Group], weights: Mapping[str, Tensor], importance: str, *, seed: int = 0
) -> dict[str, Scores]:
    """The importance of every channel of some groups.

    Args:
        groups: Groups of one model.
        weights: Parameters by name.
        importance: A name of `CRITERIA`.
        seed: For ``random``; each group draws from its own generator, so that plans repeat.

    Returns:
        For each group name, scores of shape (channels,): the mean over the coupled slices. Buffers do not count.
        Weights on the meta device have no values, so they score zero: what a plan for such a model costs is exact, and
        of channels that score alike the first are kept.

    Raises:
        PlanError: The criterion is unknown, or a weight holds NaN or infinity.

    Source:
        DepGraph, section 3.3: the importance of a channel is aggregated over all coupled parameters.
    """
    if importance not in CRITERIA:
        known = ", ".join(CRITERIA)
        raise PlanError(f"importance {importance!r} is not known. Choose one of: {known}.")
    if importance == "random":
        return {group.name: _random(group, seed) for group in groups}
    table = _SliceTable(weights, CRITERIA[importance])
    return {group.name: table.mean_score(group) for group in groups}


class _SliceTable:
    """Sums of element scores per index of each (parameter, dim), computed once per parameter."""

    def __init__(self, weights: Mapping[str, Tensor], criterion: Criterion) -> None:
        self._weights = weights
        self._criterion = criterion
        self._sums: dict[str, list[Scores]] = {}

    def mean_score(self, group: Group) -> Scores:
        slices = [self._slices(member) for member in group.members if member.parameter in self._weights]
        if not slices:
            return np.zeros(group.size)
        scores: Scores = np.mean([self._criterion.finish(sums) for sums in slices], axis=0)
        return scores

    def _slices(self, member: Member) -> Scores:
        """The sum of element scores of each channel's slice of one member."""
        name = member.parameter
        if name not in self._sums:
            self._sums[name] = _sums_per_dim(name, self._weights[name].detach(), self._criterion)
        per_index = self._sums[name][member.dim][member.positions]
        lengths = np.diff(member.starts)
        channel = np.repeat(np.arange(len(lengths)), lengths)
        return np.bincount(channel, weights=per_index, minlength=len(lengths)).astype(np.float64)


def _sums_per_dim(name: str, weight: Tensor, criterion: Criterion) -> list[Scores]:
    """For each dimension, the sum of element scores at each of its indices."""
    if weight.is_meta:
        return [np.zeros(size) for size in weight.shape]
    real = weight.abs() if weight.is_complex() else weight
    elements = criterion.element(real if real.dtype in (torch.float32, torch.float64) else real.float())
    dims = range(elements.dim())
    sums = [elements.sum(dim=[other for other in dims if other != dim]) if len(dims) > 1 else elements for dim in dims]
    found = [total.double().cpu().numpy() for total in sums]
    if found and not np.isfinite(found[0]).all():
        raise PlanError(
            f"{name} holds NaN or infinite values, so its channels cannot be ranked. Mend the weights, or use "
            "importance='random'."
        )
    return found


def _random(group: Group, seed: int) -> Scores:
    return np.random.default_rng([seed, crc32(group.name.encode())]).random(group.size)
