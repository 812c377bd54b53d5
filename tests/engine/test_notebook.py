from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.notebook import Column, group_html, heading, table, text

TAGS = {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"style", "tabindex"}
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]))  # what a line of text can hold


class Page(HTMLParser):
    """What a browser would make of a piece of HTML: rows of cells, paragraphs, and which tags there are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.paragraphs: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "p":
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.paragraphs[-1] += data


class Halves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 2000)
        self.a = nn.Linear(1000, 3)
        self.b = nn.Linear(1000, 3)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.first(x).chunk(2, dim=1)
        return self.a(a) + self.b(b)


@pytest.fixture(scope="module")
def graph() -> DependencyGraph:
    return trace(Halves(), torch.randn(2, 4), title="<Halves>")


@given(WORDS, WORDS)
def test_words_are_shown_and_never_become_markup(name: str, about: str) -> None:
    page = Page(heading(name, about) + text(about) + table([Column(name)], [[about]]))
    assert set(page.tags) <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert page.open == []
    assert page.paragraphs == [f"{name} {about}", about]
    assert page.rows == [[name], [about]]


def test_numbers_stand_to_the_right_with_separators() -> None:
    html = table([Column("Name"), Column("Elements", is_number=True)], [("weight", 1234567)])
    assert Page(html).rows == [["Name", "Elements"], ["weight", "1,234,567"]]
    assert html.count("text-align: right") == 2
    assert html.count("text-align: left") == 2


def test_a_table_without_rows_is_nothing() -> None:
    assert table([Column("Name")], []) == ""


def test_a_row_of_another_length_than_the_heading_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        table([Column("Name"), Column("Size")], [("weight",)])


def test_a_group_shows_its_kind_its_ties_and_every_member(graph: DependencyGraph) -> None:
    group = graph.group("first[0:1000]")
    page = Page(group._repr_html_())
    assert page.paragraphs == ["first[0:1000] channels: 1,000 channels in 3 dimensions", "Tied to first[1000:2000]"]
    assert page.rows == [
        ["Parameter", "Dim", "Module", "Indices"],
        ["first.weight", "0", "first", "1,000 of 2,000"],
        ["first.bias", "0", "first", "1,000 of 2,000"],
        ["a.weight", "1", "a", "1,000 of 1,000"],
    ]


def test_a_plan_shows_costs_before_and_after_and_the_groups_it_prunes(graph: DependencyGraph) -> None:
    plan = graph.plan(0.25)
    page = Page(plan._repr_html_())
    assert page.paragraphs == ["Plan for <Halves>: 2 of 2 groups lose channels"]
    before, after = plan.cost.before, plan.cost.after
    assert page.rows[:3] == [
        ["Cost", "Before", "After", "Left"],
        ["Multiply-adds", f"{before.macs:,}", f"{after.macs:,}", "75.0%"],
        ["Parameters", f"{before.params:,}", f"{after.params:,}", f"{after.params / before.params:.1%}"],
    ]
    assert page.rows[-3:] == [
        ["Group", "Kind", "Kept", "Size"],
        ["first[0:1000]", "channels", "750", "1,000"],
        ["first[1000:2000]", "channels", "750", "1,000"],
    ]


def test_a_plan_that_removes_nothing_lists_no_group(graph: DependencyGraph) -> None:
    page = Page(graph.plan()._repr_html_())
    assert page.paragraphs == ["Plan for <Halves>: 0 of 2 groups lose channels"]
    assert [row[0] for row in page.rows] == [
        "Cost",
        "Multiply-adds",
        "Parameters",
        "Bytes of weights",
        "Peak bytes of activations",
    ]


def test_a_plan_tells_the_ties_that_it_breaks(graph: DependencyGraph) -> None:
    plan = graph.plan({"first[0:1000]": 0.5}, break_ties=True)
    told = Page(plan._repr_html_()).paragraphs[1]
    assert told == f"Broken tie of first[0:1000], first[1000:2000]: {plan.broken_ties[0].reason}"


def test_a_graph_shows_its_cost_and_its_groups(graph: DependencyGraph) -> None:
    page = Page(graph._repr_html_())
    assert page.paragraphs == ["<Halves> groups: 2, ties between them: 1"]
    assert page.rows[:2] == [["Cost", "Now"], ["Multiply-adds", f"{graph.cost.macs:,}"]]
    assert page.rows[-2:] == [
        ["first[0:1000]", "channels", "1,000", "3"],
        ["first[1000:2000]", "channels", "1,000", "3"],
    ]


def test_what_pruning_may_break_is_said(graph: DependencyGraph) -> None:
    group = replace(graph.groups[0], warnings=("expert 3 was not reached",))
    assert Page(group_html(group)).paragraphs[-1] == "expert 3 was not reached"
