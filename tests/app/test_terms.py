"""Ties, frozen parts and the way of a group, in words."""

from __future__ import annotations

import torch
from torch import nn

import explorer
from explorer.app.numbers import TIMES
from explorer.app.terms import formula, partly_frozen, plan_terms, terms, untying, way_tag
from explorer.engine.groups import Tie
from explorer.exploration import Exploration, change, set_ratio, start
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


def test_letting_go_of_a_tie_is_announced_shown_and_taken_back() -> None:
    graph = explorer.trace(TwoHalves(), torch.randn(1, 3, 4, 4))
    name = next(group for group in graph.groups if group.ties).name
    state = start(graph)
    assert "Let go of these ties" in text(terms(state, name))
    said = text(untying(state, name))
    assert "keeps as many channels as its own ratio says" in said
    assert "needs the program way" in said
    assert "test_terms.py:" in said

    loose = set_ratio(change(state, {"kind": "ties", "group": name, "broken": True}), name, 0.5)
    shown = text(terms(loose, name))
    assert f"Let go at {name}" in shown
    assert "now 2 ≠ 4" in shown
    assert "Tie again" in shown
    assert "Let go of these" not in shown


def test_a_plan_says_what_is_unusual_about_it_and_its_way() -> None:
    graph = explorer.trace(TwoHalves(), torch.randn(1, 3, 4, 4))
    name = next(group for group in graph.groups if group.ties).name
    whole = set_ratio(start(graph), name, 0.5)
    assert plan_terms(whole) == []
    assert text(way_tag(whole)) == "live"
    assert way_tag(start(graph)) == []
    broken = set_ratio(change(start(graph), {"kind": "ties", "group": name, "broken": True}), name, 0.5)
    said = text(plan_terms(broken))
    assert "program way" in said
    assert "1 broken tie" in said
    assert "2 ≠ 4" in said
    assert text(way_tag(broken)) == "program way"


def test_a_plan_hands_on_the_warnings_of_its_groups() -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 2)
            self.experts = nn.ModuleList(nn.Linear(6, 6) for _ in range(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.experts[0](self.first(x)))

    graph = explorer.trace(Experts(), torch.randn(1, 4))
    name = next(group for group in graph.groups if group.warnings).name
    assert plan_terms(start(graph)) == []
    assert "1 warning" in text(plan_terms(set_ratio(start(graph), name, 0.5)))
    assert "experts.1 was not reached" in text(plan_terms(set_ratio(start(graph), name, 0.5)))
