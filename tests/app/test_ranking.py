from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.app import ranking
from explorer.app.ranking import Pair, Rows, is_bend, longest_path, rank

BLOCK = ("in", "conv1", "conv2", "add", "out")
BLOCK_EDGES = [("in", "conv1"), ("conv1", "conv2"), ("conv2", "add"), ("in", "add"), ("add", "out")]
both = pytest.mark.parametrize("make", [rank, longest_path])


def assert_layered(rows: Rows, edges: list[Pair]) -> None:
    """Every edge runs downwards, one row per step."""
    row_of = {name: index for index, row in enumerate(rows.rows) for name in row}
    for source, target in edges:
        steps = [row_of[name] for name in (source, *rows.chains[source, target], target)]
        assert all(below == above + 1 for above, below in pairwise(steps))


@both
def test_a_shortcut_passes_one_bend_in_each_row_that_it_skips(make: Callable[..., Rows]) -> None:
    rows = make(BLOCK, BLOCK_EDGES)
    assert_layered(rows, BLOCK_EDGES)
    assert len(rows.chains["in", "add"]) == 2
    assert [name for row in rows.rows for name in row if not is_bend(name)] == list(BLOCK)


@both
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_acyclic_graph_is_layered(make: Callable[..., Rows], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    nodes = [f"n{index}" for index in range(size)]
    pairs = [(a, b) for index, a in enumerate(nodes) for b in nodes[index + 1 :]]
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    rows = make(nodes, edges)
    assert_layered(rows, edges)
    assert sorted(name for row in rows.rows for name in row if not is_bend(name)) == sorted(nodes)


def test_what_many_read_runs_in_one_lane() -> None:
    names = [f"n{index}" for index in range(5)]
    edges = [(a, b) for index, a in enumerate(names) for b in names[index + 1 :]]  # as in a dense block
    rows = rank(names, edges)
    assert_layered(rows, edges)
    assert set(rows.chains["n0", "n3"]) < set(rows.chains["n0", "n4"])
    assert [sum(map(is_bend, row)) for row in rows.rows] == [0, 1, 2, 3, 0]


def test_bends_stand_right_of_nodes() -> None:
    rows = rank(BLOCK, BLOCK_EDGES)
    assert all(is_bend(row[-1]) for row in rows.rows if len(row) > 1)


def test_where_the_library_fails_the_longest_path_ranking_takes_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(ranking, "from_edges", fail)
    assert_layered(rank(BLOCK, BLOCK_EDGES), BLOCK_EDGES)
    assert "fast-sugiyama failed" in caplog.text
