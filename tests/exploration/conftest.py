"""Two traced models: one with groups of its own each, and one whose groups an even split ties."""

from __future__ import annotations

import pytest

from explorer.engine.graph import DependencyGraph, trace
from explorer.exploration import Exploration, start
from explorer.models import open_model


@pytest.fixture(scope="session")
def graph() -> DependencyGraph:
    opened = open_model("sample:resnet20")
    return trace(opened.model, opened.example_inputs, source=opened.source)


@pytest.fixture(scope="session")
def tied() -> DependencyGraph:
    opened = open_model("torchvision:shufflenet_v2_x0_5")
    return trace(opened.model, opened.example_inputs, source=opened.source)


@pytest.fixture
def fresh(graph: DependencyGraph) -> Exploration:
    return start(graph)
