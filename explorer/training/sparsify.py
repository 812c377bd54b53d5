"""Sparse training: channels that matter least to their group are driven to zero before they are pruned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.engine.errors import TrainingError
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Group
from explorer.engine.importance import SCOPES, members_in, squared_norms
from explorer.engine.importance.criteria import Scores
from explorer.training.checkpoint import Checkpoint
from explorer.training.feeding import Data, parts_of
from explorer.training.loop import Run, Training, Watch, fit
from explorer.training.settings import settings_of

ALPHA = 4.0
REGULARISERS: Mapping[str, str] = {
    "group": "the paper's: squared norms of whole groups, harder on channels that are small already",
    "bn_scale": "absolute scales of the BatchNorm layers that prunable channels pass",
}


WatchNorms = Callable[[Mapping[str, Scores]], object]
"""Told the squared norms I(g, k) of the channels of each group."""


@dataclass(frozen=True, eq=False)
class SparseTraining:
    """What came out.

    Attributes:
        training: The trained model and its history.
        norms: For each group the squared norms I(g, k) of its channels, over the slices that were pressed, shape
            (epochs + 1, channels): before each epoch that this call began, and at the end.
    """

    training: Training
    norms: Mapping[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]] = field(repr=False)

    @property
    def model(self) -> nn.Module:
        """The trained model."""
        return self.training.model


def sparsify(
    graph: DependencyGraph,
    data: Data,
    *,
    regulariser: str = "group",
    strength: float = 1e-4,
    scope: str = "group",
    watch: Watch | None = None,
    **choices: Any,
) -> SparseTraining:
    """A copy of the graph's model, trained so that unimportant channels of each group shrink together.

    Each step adds the gradient of ``strength * R`` to that of the loss. For ``group``, R is the sum over groups and
    channels of gamma_k * I(g, k), where gamma_k follows from the norms at the start of the epoch; for ``bn_scale`` it
    is the sum of the absolute scales. Trace the model that comes out, and plan with ``group_norm`` or ``bn_scale``.

    Args:
        graph: The dependency graph of the model; that model is untouched.
        data: As for `finetune`.
        regulariser: A name of `REGULARISERS`.
        strength: Weight of the regulariser; 0 only trains.
        scope: For ``group``: which coupled slices it acts on, a name of `SCOPES`. What partial grouping leaves out is
            not driven to zero; the paper compares with that.
        watch: As for `finetune`.
        choices: ``validation``, ``loss`` and ``checkpoint`` as for `finetune`; ``watch_norms``, a `WatchNorms` that is
            called before each epoch and at the end; and fields of `TrainingSettings`. The weights of the last epoch
            are returned unless ``keep_best=True``.

    Raises:
        TrainingError: As for `finetune`, an unknown regulariser, or a model that has nothing for it to act on.

    Source: DepGraph, section 3.3, equation 4; Liu et al., Network Slimming, ICCV 2017, equation 1.
    """
    _check(graph, regulariser, strength, scope)
    kind = _Groups if regulariser == "group" else _Scales
    pressure = kind(graph.groups, strength, scope, choices.pop("watch_norms", None))
    train, measured = parts_of(data, choices.pop("validation", None))
    run = Run(
        train=train,
        validation=measured,
        loss=choices.pop("loss", None),
        regulariser=pressure,
        checkpoint=Checkpoint.at(choices.pop("checkpoint", None)),
        watch=watch,
    )
    training = fit(graph.model, run, settings_of({"keep_best": False, **choices}))
    pressure.record(training.model)
    return SparseTraining(training, pressure.history())


def gamma(norms: Scores, alpha: float = ALPHA) -> Scores:
    """How hard each channel is pressed: ``2 ** (alpha * (I_max - I_k) / (I_max - I_min))``, from 1 to ``2 ** alpha``.

    Args:
        norms: Squared norms I(g, k) of one group, shape (channels,).
        alpha: The paper's 4.

    Example:
        >>> gamma(np.array([0.0, 1.0, 4.0])).tolist()
        [16.0, 8.0, 1.0]

    Source: DepGraph, section 3.3.
    """
    if not len(norms):
        return norms
    span = float(norms.max() - norms.min())
    away = (norms.max() - norms) / span if span > 0 else np.zeros_like(norms)
    pressed: Scores = np.exp2(alpha * away)
    return pressed


def _check(graph: DependencyGraph, regulariser: str, strength: float, scope: str) -> None:
    for what, name, known in (("regulariser", regulariser, REGULARISERS), ("scope", scope, SCOPES)):
        if name not in known:
            raise TrainingError(f"{what} {name!r} is not known. Choose one of: {', '.join(known)}.")
    if regulariser != "group" and scope != "group":
        raise TrainingError(f"scope {scope!r} is for regulariser='group'; {regulariser!r} acts on scales alone.")
    if not strength >= 0 or not np.isfinite(strength):
        raise TrainingError(f"strength is {strength!r}. It must be a number of at least 0.")
    if not graph.groups:
        raise TrainingError("Nothing in this model can be pruned, so there is nothing to make sparse.")
    if regulariser == "bn_scale" and not _scale_indices(graph.model, graph.groups):
        raise TrainingError("No prunable channel passes a BatchNorm. Use regulariser='group'.")


class _Pressure:
    """What both regularisers share: the record of norms."""

    def __init__(
        self, groups: Sequence[Group], strength: float, scope: str = "group", watch: WatchNorms | None = None
    ) -> None:
        self.groups, self.strength, self.scope, self._watch = groups, strength, scope, watch
        self._norms: list[dict[str, Scores]] = []

    def __str__(self) -> str:
        part = "" if self.scope == "group" else f" {self.scope}"
        return f"{type(self).__name__.strip('_').lower()} {self.strength:g}{part}"

    def begin_epoch(self, model: nn.Module) -> None:
        self.record(model)

    def record(self, model: nn.Module) -> None:
        self._norms.append(squared_norms(self.groups, model, self.scope))
        if self._watch:
            self._watch(self._norms[-1])

    def history(self) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
        return {group.name: np.array([norms[group.name] for norms in self._norms]) for group in self.groups}


class _Groups(_Pressure):
    """The paper's regulariser: each slice w of channel k gets the gradient 2 * strength * gamma_k * w."""

    def begin_epoch(self, model: nn.Module) -> None:
        super().begin_epoch(model)
        parameters = dict(model.named_parameters())
        self._factors: dict[str, Tensor] = {}
        for group in self.groups:
            pressed = gamma(self._norms[-1][group.name])
            for member in members_in(self.scope, group, model):
                weight = parameters[member.parameter]
                along = np.zeros(member.size)
                np.add.at(along, member.positions, np.repeat(pressed, np.diff(member.starts)))
                shape = [-1 if dim == member.dim else 1 for dim in range(weight.dim())]
                factor = torch.from_numpy(along).to(weight).reshape(shape)
                known = self._factors.get(member.parameter)
                self._factors[member.parameter] = factor if known is None else known + factor

    def add_gradients(self, model: nn.Module) -> None:
        for name, weight in model.named_parameters():
            if name in self._factors and weight.grad is not None:
                weight.grad.add_(self._factors[name] * weight.detach(), alpha=2 * self.strength)


class _Scales(_Pressure):
    """Network Slimming: the gradient of the absolute value of each scale."""

    def begin_epoch(self, model: nn.Module) -> None:
        super().begin_epoch(model)
        self._indices = _scale_indices(model, self.groups)

    def add_gradients(self, model: nn.Module) -> None:
        for name, weight in model.named_parameters():
            if name in self._indices and weight.grad is not None:
                rows = self._indices[name].to(weight.device)
                weight.grad[rows] += self.strength * weight.detach()[rows].sign()


def _scale_indices(model: nn.Module, groups: Sequence[Group]) -> dict[str, Tensor]:
    """For each BatchNorm scale the indices of channels that can be pruned."""
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)}
    found: dict[str, list[np.ndarray[Any, Any]]] = {}
    for group in groups:
        for member in group.members:
            if member.module in norms and member.parameter.endswith(".weight"):
                found.setdefault(member.parameter, []).append(member.positions)
    return {name: torch.from_numpy(np.unique(np.concatenate(rows))) for name, rows in found.items()}
