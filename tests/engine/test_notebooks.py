"""Groups and plans as HTML for notebooks."""

from __future__ import annotations

from dataclasses import replace

from explorer.engine import notebooks
from tests.engine.nets import IMAGE, TOKENS, PlainCnn, Transformer, traced


def test_a_group_lists_what_it_touches() -> None:
    group = traced(PlainCnn(), *IMAGE).group("conv1")
    shown = group._repr_html_()
    assert "<b>conv1</b>: 16 channels, 7 coupled tensors" in shown
    assert "<td>conv2.weight</td><td>1</td><td>16 of 16</td><td>conv2</td>" in shown
    assert "a &lt; b" in replace(group, warnings=("a < b",))._repr_html_()
    tied = replace(group, ties=("fc1",))
    assert "tied to fc1" in tied._repr_html_()


def test_a_plan_shows_its_cost_and_what_stays() -> None:
    graph = traced(Transformer(), *TOKENS)
    plan = graph.plan({"mlp.0": 0.25})
    shown = plan._repr_html_()
    assert "<b>Plan for Transformer</b>: 1 of 4 groups lose channels" in shown
    before, after = plan.cost.before.params, plan.cost.after.params
    assert f"<td>{before:,}</td><td>{after:,}</td><td>{100 * (after - before) / before:+.1f} %</td>" in shown
    assert "<td>mlp.0</td><td>24 of 32</td>" in shown
    assert "width:75%" in shown


def test_long_tables_are_cut_and_say_so() -> None:
    group = traced(PlainCnn(), *IMAGE).group("conv1")
    long = replace(group, members=group.members * 20)
    assert f"and {len(long.members) - notebooks.ROWS} more" in long._repr_html_()
