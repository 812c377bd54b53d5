from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.app.ranking import Pair, Rows, is_bend, rank

BLOCK = ("in", "conv1", "conv2", "add", "out")
BLOCK_EDGES = [("in", "conv1"), ("conv1", "conv2"), ("conv2", "add"), ("in", "add"), ("add", "out")]


def assert_layered(rows: Rows, edges: list[Pair]) -> None:
    """Every edge runs downwards, one row per step."""
    row_of = {name: index for index, row in enumerate(rows.rows) for name in row}
    for source, target in edges:
        steps = [row_of[name] for name in (source, *rows.chains[source, target], target)]
        assert all(below == above + 1 for above, below in pairwise(steps))


def test_a_shortcut_passes_one_bend_in_each_row_that_it_skips() -> None:
    rows = rank(BLOCK, BLOCK_EDGES)
    assert_layered(rows, BLOCK_EDGES)
    assert len(rows.chains["in", "add"]) == 2
    assert [name for row in rows.rows for name in row if not is_bend(name)] == list(BLOCK)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_acyclic_graph_is_layered(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    nodes = [f"n{index}" for index in range(size)]
    pairs = [(a, b) for index, a in enumerate(nodes) for b in nodes[index + 1 :]]
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    rows = rank(nodes, edges)
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


def crossings(rows: Rows) -> int:
    """Pairs of steps from row to row that cross, counted one by one."""
    place = {name: (row, at) for row, names in enumerate(rows.rows) for at, name in enumerate(names)}
    paths = ((source, *chain, target) for (source, target), chain in rows.chains.items())
    steps = {(place[upper], place[lower]) for path in paths for upper, lower in pairwise(path)}
    return sum(a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0 for (a, b), (c, d) in combinations(sorted(steps), 2))


def test_branches_do_not_cross_where_they_need_not() -> None:
    names = ["in", "q", "k", "v", "scores", "mix", "skip", "out"]
    edges = [("in", "q"), ("in", "k"), ("in", "v"), ("in", "skip"), ("k", "scores"), ("q", "scores"), ("v", "mix"),
             ("scores", "mix"), ("mix", "out"), ("skip", "out")]  # fmt: skip
    assert crossings(rank(names, edges)) == 0
    crossed = [("a", "y"), ("b", "x"), ("a", "z"), ("b", "w"), ("c", "x"), ("c", "z")]
    assert crossings(rank(["a", "b", "c", "w", "x", "y", "z"], crossed)) == 0


def test_the_same_graph_is_drawn_in_the_same_way_everywhere() -> None:
    names = ["in", "a", "b", "c", "d", "e", "out"]
    edges = [("in", "a"), ("in", "b"), ("in", "c"), ("a", "e"), ("b", "d"), ("c", "d"), ("a", "d"), ("d", "out"),
             ("e", "out"), ("b", "e")]  # fmt: skip
    rows = rank(names, edges)
    assert rows.rows == (("in",), ("a", "b", "c"), ("e", "d"), ("out",))
    assert crossings(rows) == 1  # a and b both lead to d and e
