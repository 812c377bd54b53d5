"""The importance of every channel of every group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn

from explorer.engine.errors import PlanError
from explorer.engine.groups import Group, Member
from explorer.engine.importance.combining import NORMALISERS, REDUCTIONS, SCOPES
from explorer.engine.importance.criteria import CRITERIA, Criterion, Element, Scores
from explorer.engine.importance.gradients import Gradients
from explorer.engine.trees import named_parameters

T = TypeVar("T")


@dataclass(frozen=True)
class Scoring:
    """How channels are scored.

    Attributes:
        importance: A name of `CRITERIA`.
        reduction: A name of `REDUCTIONS`: how the coupled slices of a channel become one score.
        normalise: A name of `NORMALISERS`: how groups come to a common scale; it changes no order within a group.
        scope: A name of `SCOPES`: which coupled slices count.
        gradients: For criteria that need them.
        seed: For ``random``; each group draws from its own generator, so that plans repeat.
    """

    importance: str = "l2"
    reduction: str = "mean"
    normalise: str = "none"
    scope: str = "group"
    gradients: Gradients | None = field(default=None, repr=False)
    seed: int = 0

    @property
    def criterion(self) -> Criterion:
        """The row of the table.

        Raises:
            PlanError: There is none of this name.
        """
        return _choice("importance", self.importance, CRITERIA)


def check_scoring(scoring: Scoring) -> None:
    """Nothing, where every name is known and what the criterion needs is there.

    Raises:
        PlanError: An unknown criterion, reduction, normaliser or scope, or gradients that are missing.
    """
    needs = scoring.criterion.needs
    _choice("reduction", scoring.reduction, REDUCTIONS)
    _choice("normalise", scoring.normalise, NORMALISERS)
    _choice("scope", scoring.scope, SCOPES)
    measured = scoring.gradients and (scoring.gradients.mean if needs == "gradient" else scoring.gradients.fisher)
    if needs and not measured:
        asked = ", fisher=True" if needs == "fisher" else ""
        raise PlanError(
            f"importance {scoring.importance!r} asks what a channel does to the loss, so it needs data: "
            f"plan(..., importance={scoring.importance!r}, data=loader). Labelled batches, a Split, or the result of "
            f"explorer.gradients(model, loader{asked}) will do."
        )


def score_groups(groups: Sequence[Group], model: nn.Module, scoring: Scoring) -> dict[str, Scores]:
    """The importance of every channel of some groups.

    Args:
        groups: Groups of `model`.
        model: The model whose weights are scored.
        scoring: Criterion, reduction, normaliser, scope, gradients and seed.

    Returns:
        For each group name, scores of shape (channels,): the reduction over the coupled slices. Buffers do not count,
        and a group of which nothing counts scores zero (see `unscored`). Weights on the meta device have no values,
        so they score zero: what a plan for such a model costs is exact, and of channels that score alike the first
        are kept.

    Raises:
        PlanError: See `check_scoring`, or a weight holds NaN or infinity.

    Source:
        DepGraph, section 3.3: the importance of a channel is aggregated over all coupled parameters.
    """
    check_scoring(scoring)
    normalise = NORMALISERS[scoring.normalise]
    if scoring.importance == "random":
        return {group.name: normalise(_random(group, scoring.seed)) for group in groups}
    table = _SliceTable(groups, model, scoring)
    return {group.name: normalise(table.score(group)) for group in groups}


def squared_norms(groups: Sequence[Group], model: nn.Module, scope: str = "group") -> dict[str, Scores]:
    """For each group, the squared norm of all that each channel touches, shape (channels,): the paper's I(g, k).

    Args:
        groups: Groups of `model`.
        model: The model whose weights are measured.
        scope: A name of `SCOPES`: which coupled slices count.
    """
    table = _SliceTable(groups, model, Scoring("group_norm", reduction="sum", scope=scope))
    return {group.name: table.reduced(group) for group in groups}


def members_in(scope: str, group: Group, model: nn.Module) -> list[Member]:
    """The members of a group whose weights count in a scope, a name of `SCOPES`; buffers never do."""
    parameters = {name for name, _ in named_parameters(model)}
    return _counted(group, parameters, _counts(Scoring("group_norm", scope=scope), model))


def unscored(groups: Sequence[Group], model: nn.Module, scoring: Scoring) -> list[str]:
    """Names of the groups that have parameters, and none that the criterion and the scope look at."""
    if scoring.importance == "random":
        return []
    counts = _counts(scoring, model)
    parameters = {name for name, _ in named_parameters(model)}
    found = with_parameters(groups, model)
    return [group.name for group in found if not _counted(group, parameters, counts)]


def with_parameters(groups: Sequence[Group], model: nn.Module) -> list[Group]:
    """The groups that are not of buffers alone, as the random features of a kernel are, of which none matters more."""
    parameters = {name for name, _ in named_parameters(model)}
    return [group for group in groups if any(member.parameter in parameters for member in group.members)]


class _SliceTable:
    """Sums of element scores per index of each (parameter, dim); every weight is read once."""

    def __init__(self, groups: Sequence[Group], model: nn.Module, scoring: Scoring) -> None:
        self._groups = groups
        self._weights = {name: parameter.detach() for name, parameter in named_parameters(model)}
        self._scoring = scoring
        self._criterion = scoring.criterion
        self._counts = _counts(scoring, model)
        self._totals: dict[str, _Totals] = {}

    def score(self, group: Group) -> Scores:
        found = self.reduced(group)
        return self._criterion.relative(found) if self._criterion.relative else found

    def reduced(self, group: Group) -> Scores:
        members = _counted(group, self._weights, self._counts)
        if not members:
            return np.zeros(group.size)
        slices = np.array([self._slices(member) for member in members])
        return REDUCTIONS[self._scoring.reduction](slices)

    def _slices(self, member: Member) -> Scores:
        """The score of each channel's slice of one member."""
        name = member.parameter
        if self._criterion.among:
            return _finite(name, _compared(self._weights[name], member, self._criterion.among))
        per_index = self._total(name).at(member.dim)[member.positions]
        channels = len(member.starts) - 1
        if len(per_index) == channels:  # each channel has some index of every member
            return self._criterion.finish(per_index)
        channel = np.repeat(np.arange(channels), np.diff(member.starts))
        sums = np.bincount(channel, weights=per_index, minlength=channels).astype(np.float64)
        return self._criterion.finish(sums)

    def _total(self, name: str) -> _Totals:
        known = self._totals.get(name)
        if known is None:
            weight, vector = self._weights[name], self._vectors.get(name)
            known = _total(weight, self._gradient(name), self._criterion.element) if vector is None else _Totals(vector)
            _finite(name, known.rows)
            self._totals[name] = known
        return known

    @cached_property
    def _vectors(self) -> dict[str, Scores]:
        """The element scores of the weights of one dimension, which are many and short: all of a kind at once."""
        names = {member.parameter for group in self._groups for member in group.members}
        kinds: dict[tuple[torch.dtype, torch.device], list[str]] = {}
        for name, weight in self._weights.items():
            if weight.dim() == 1 and name in names and not weight.is_meta:
                kinds.setdefault((weight.dtype, weight.device), []).append(name)
        return {name: scores for alike in kinds.values() for name, scores in self._scored_together(alike)}

    def _scored_together(self, names: Sequence[str]) -> Iterator[tuple[str, Scores]]:
        vectors = [self._weights[name] for name in names]
        values = _as_float(torch.cat(vectors))
        gradients = [self._gradient(name) for name in names] if self._criterion.needs else []
        pairs = zip(gradients, vectors, strict=False)
        known = [torch.zeros_like(vector) if gradient is None else gradient for gradient, vector in pairs]
        scores = _as_array(self._criterion.element(values, torch.cat(known) if known else values.new_zeros(())))
        ends = np.cumsum([len(vector) for vector in vectors]).tolist()
        for name, start, end in zip(names, [0, *ends], ends, strict=False):
            yield name, scores[start:end]

    def _gradient(self, name: str) -> Tensor | None:
        """What is known of the gradient of one parameter, where the criterion asks for it."""
        measured, needs = self._scoring.gradients, self._criterion.needs
        return (measured.fisher if needs == "fisher" else measured.mean).get(name) if measured and needs else None


@dataclass(frozen=True, eq=False)
class _Totals:
    """The element scores of one weight, summed.

    Attributes:
        rows: For each index of dim 0 the sum over all others, shape (C_0,).
        rest: The sums over dim 0, shape (C_1, C_2, ...); None for a vector.
    """

    rows: Scores
    rest: np.ndarray[Any, np.dtype[np.float64]] | None = None

    def at(self, dim: int) -> Scores:
        """For each index of a dimension, the sum over all others."""
        if dim == 0 or self.rest is None:
            return self.rows
        others = tuple(other for other in range(self.rest.ndim) if other != dim - 1)
        return self.rest.sum(axis=others) if others else self.rest


def _counts(scoring: Scoring, model: nn.Module) -> Callable[[Group, Member], bool]:
    """Whether a member of a group counts."""
    if scoring.scope == "group" and not scoring.criterion.modules:
        return lambda group, member: True
    modules = dict(model.named_modules(remove_duplicate=False))
    wanted = scoring.criterion.modules
    is_producer, is_conv = scoring.scope == "producer", scoring.scope == "conv"

    def counts(group: Group, member: Member) -> bool:
        module = modules.get(member.module)
        if wanted and not isinstance(module, wanted):
            return False
        if is_conv:
            return isinstance(module, nn.modules.conv._ConvNd)
        return not is_producer or bool(wanted) or member is group.members[0]

    return counts


def _counted(
    group: Group, parameters: Mapping[str, Tensor] | set[str], counts: Callable[[Group, Member], bool]
) -> list[Member]:
    return [member for member in group.members if member.parameter in parameters and counts(group, member)]


def _total(weight: Tensor, gradient: Tensor | None, element: Element) -> _Totals:
    """The sums of the element scores of one weight; a gradient that is not known is zero."""
    if weight.is_meta:
        return _Totals(np.zeros(weight.shape[0]), np.zeros(weight.shape[1:]))
    values = _as_float(weight)
    known = values.new_zeros(()) if gradient is None else gradient
    rows, rest = _sums(values.flatten(1), known, element)
    return _Totals(_as_array(rows), _as_array(rest).reshape(weight.shape[1:]))


def _sums(rows: Tensor, gradient: Tensor, element: Element) -> tuple[Tensor, Tensor]:
    """The sums of each row of a matrix and of each column.

    Rows go piece by piece, each small enough for the processor's cache: a large weight is read once and nothing of its
    size is made.
    """
    step = max(1, PIECE // rows.shape[1])
    if step >= len(rows):
        whole = element(rows, gradient.flatten(1) if gradient.dim() else gradient)
        return whole.sum(1), whole.sum(0)
    gradients = gradient.flatten(1).split(step) if gradient.dim() else repeat(gradient)
    pieces = (element(*pair) for pair in zip(rows.split(step), gradients, strict=False))
    totals = [(piece.sum(1), piece.sum(0)) for piece in pieces]
    return torch.cat([row for row, _ in totals]), torch.stack([column for _, column in totals]).sum(0)


def _as_array(sums: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    return sums.cpu().numpy().astype(np.float64)


PIECE = 2**18
"""Elements that are scored at a time."""


def _compared(weight: Tensor, member: Member, among: Callable[[Tensor], Tensor]) -> Scores:
    """Scores of slices that are compared with one another; slices of fewer indices are padded with zeros."""
    lengths = np.diff(member.starts)
    if weight.is_meta:
        return np.zeros(len(lengths))
    rows = _as_float(weight).movedim(member.dim, 0).flatten(1) if weight.dim() > 1 else _as_float(weight)[:, None]
    channel = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(channel)) - member.starts[channel]
    slices = rows.new_zeros(len(lengths), int(lengths.max(initial=1)), rows.shape[1])
    slices[_index(channel, rows), _index(place, rows)] = rows[_index(member.positions, rows)]
    found: Scores = among(slices.flatten(1)).double().cpu().numpy()
    return found


def _index(numbers: np.ndarray[Any, Any], like: Tensor) -> Tensor:
    return torch.as_tensor(numbers, dtype=torch.int64, device=like.device)


def _as_float(weight: Tensor) -> Tensor:
    """Real numbers of single precision at least; complex ones by their magnitude."""
    real = weight.abs() if weight.is_complex() else weight
    return real if real.dtype in (torch.float32, torch.float64) else real.float()


def _finite(name: str, scores: Scores) -> Scores:
    if not np.isfinite(scores).all():
        raise PlanError(
            f"{name} holds NaN or infinite values, so its channels cannot be ranked. Mend the weights, or use "
            "importance='random'."
        )
    return scores


def _random(group: Group, seed: int) -> Scores:
    return np.random.default_rng([seed, crc32(group.name.encode())]).random(group.size)


def _choice(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise PlanError(f"{what} {name!r} is not known. Choose one of: {', '.join(known)}.")
    return known[name]
