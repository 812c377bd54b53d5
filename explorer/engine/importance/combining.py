"""From the scores of coupled slices to one score per channel, and to scores that groups can compete with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from explorer.engine.importance.criteria import Scores

Slices = np.ndarray[tuple[int, int], np.dtype[np.float64]]
"""Scores of shape (coupled slices, channels)."""


def _standardised(scores: Scores) -> Scores:
    spread = float(scores.std())
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)


def _over(scores: Scores, scale: float) -> Scores:
    return scores / scale if scale else scores


REDUCTIONS: Mapping[str, Callable[[Slices], Scores]] = {
    "mean": lambda slices: slices.mean(axis=0),
    "sum": lambda slices: slices.sum(axis=0),
    "max": lambda slices: slices.max(axis=0),
    "prod": lambda slices: slices.prod(axis=0),
    "first": lambda slices: slices[0],
}
"""How the coupled slices of a channel become one score."""

NORMALISERS: Mapping[str, Callable[[Scores], Scores]] = {
    "none": lambda scores: scores,
    "mean": lambda scores: _over(scores, float(scores.mean())),
    "max": lambda scores: _over(scores, float(scores.max())),
    "standardise": _standardised,
}
"""How the scores of one group are brought to a scale that groups share. The order within a group stays."""

SCOPES: Mapping[str, str] = {
    "group": "every coupled slice counts",
    "producer": "only the slice of the layer that makes the channels: no grouping",
    "conv": "only slices of convolutions",
}
"""Which coupled slices count, for the paper's comparison of full with partial grouping (DepGraph, section 4.3)."""
