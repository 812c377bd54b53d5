"""A small net that tells two clouds of points apart, and its data in three parts, to try jobs of learning on."""

from __future__ import annotations

from explorer.engine.graph import trace
from explorer.exploration import Exploration, start
from explorer.training import Dataset, Split
from tests.training.blobs import net, points


def dataset() -> Dataset:
    parts = [Split(*points(count, seed), 2) for seed, count in enumerate((48, 32, 32), start=1)]
    return Dataset("points", "two clouds", "by seed", *parts)


def exploration() -> Exploration:
    return start(trace(net().eval(), points()[0]), "session:small")
