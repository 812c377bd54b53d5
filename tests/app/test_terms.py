"""Ties, frozen parts and the way of a group, in words."""

from __future__ import annotations

import torch
from torch import nn

import explorer
from explorer.app.numbers import TIMES
from explorer.app.terms import formula, partly_frozen, terms
from explorer.engine.groups import Tie
from explorer.exploration import Exploration, set_ratio, start
from tests.app.test_panels import text


class TwoHalves(nn.Module):
    """The halves of a split go different ways."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 1), nn.Conv2d(4, 2, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = self.a(x).chunk(2, dim=1)
        return self.b(left) + self.c(right)


class Literal(nn.Module):
    """Writes a width into a reshape."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.a(x).reshape(-1, 6).relu())


def test_a_relation_is_written_without_a_minus() -> None:
    heads = Tie("size", ("embed", "heads", "dim"), (1, 0, 0), 0, "", products=((-1, ("heads", "dim")),))
    assert formula(heads, str) == f"embed = heads {TIMES} dim"
    uneven = Tie("equal_count", ("a", "b"), (2, -1), -4, "")
    assert formula(uneven, {"a": "6", "b": "8"}.__getitem__) == f"2 {TIMES} 6 = 8 + 4"


def test_a_tie_says_its_relation_its_counts_and_its_place() -> None:
    graph = explorer.trace(nn.Sequential(TwoHalves()), torch.randn(1, 3, 4, 4))
    tied = next(group for group in graph.groups if group.ties)
    shown = text(terms(set_ratio(start(graph), tied.name, 0.5), tied.name))
    assert "Tied (1)" in shown
    assert "now 2 = 2" in shown
    assert "test_terms.py:" in shown
    assert "/test_terms.py" not in shown  # the folder is left out
    assert f"{tied.ties[0]} 2 stay" in shown


def test_a_group_that_needs_the_program_way_says_so_before_it_is_pruned() -> None:
    graph = explorer.trace(Literal(), torch.randn(3, 4))
    (group,) = graph.groups
    shown = text(terms(start(graph), group.name))
    assert graph.way(group.name).way == "program"
    assert "needs the program way" in shown
    assert "test_terms.py:" in shown


def test_a_group_on_no_terms_says_nothing(exploration: Exploration) -> None:
    assert terms(exploration, "layer1.0.conv1") == []


def test_a_part_that_stays_is_told_with_its_reason() -> None:
    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x)
            return self.b(y) + y[:, 3:4]

    graph = explorer.trace(Part(), torch.randn(1, 3, 4, 4))
    (group,) = graph.groups
    assert any(frozen.indices == (3,) for frozen in partly_frozen(graph, group))
    assert "1 of 8 indices of a.weight dim 0 stay" in text(terms(start(graph), group.name))
