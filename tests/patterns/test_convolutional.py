"""Coupling patterns of convolutional nets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.engine.nets import Run
from tests.patterns.pattern import (
    Pattern,
    check_all_groups_together,
    check_each_group_alone,
    check_groups,
    graph_of,
)

PATTERNS = (
    Pattern(
        "a literal view before a linear layer",
        lambda: (
            Run(
                lambda s, x: s.out(torch.relu(s.a(x)).view(-1, 16 * 8 * 8)),
                a=nn.Conv2d(3, 16, 3, padding=1),
                out=nn.Linear(16 * 8 * 8, 10),
            ),
            torch.randn(2, 3, 8, 8),
        ),
        groups={"a": ("channels", 16)},
        way="program",
    ),
)

each_pattern = pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)


@each_pattern
def test_groups_are_those_found_by_hand(pattern: Pattern) -> None:
    check_groups(pattern, graph_of(pattern))


@each_pattern
def test_each_group_alone_is_proven(pattern: Pattern) -> None:
    check_each_group_alone(pattern, graph_of(pattern))


@each_pattern
def test_all_groups_together_are_proven(pattern: Pattern) -> None:
    check_all_groups_together(pattern, graph_of(pattern))
