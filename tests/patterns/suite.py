"""The three checks of every pattern as tests: a file of patterns is a subclass."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.patterns.pattern import (
    Pattern,
    check_all_groups_together,
    check_each_group_alone,
    check_groups,
    graph_of,
)


class PatternSuite:
    """A subclass named ``Test...`` lists patterns, and every one of them is held to all checks."""

    patterns: ClassVar[tuple[Pattern, ...]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test of each kind for each pattern."""
        metafunc.parametrize("pattern", self.patterns, ids=lambda pattern: pattern.name)

    def test_groups_are_those_found_by_hand(self, pattern: Pattern) -> None:
        check_groups(pattern, graph_of(pattern))

    def test_each_group_alone_is_proven(self, pattern: Pattern) -> None:
        check_each_group_alone(pattern, graph_of(pattern))

    def test_all_groups_together_are_proven(self, pattern: Pattern) -> None:
        check_all_groups_together(pattern, graph_of(pattern))
