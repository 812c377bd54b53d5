"""The report's chart and texts; the page as a whole is asked for by the command's test."""

from __future__ import annotations

from explorer.app.report import Bar, chart, report_html
from tests.engine.nets import IMAGE, TOKENS, PlainCnn, Transformer, every_group, traced


def test_bars_are_as_long_as_their_numbers() -> None:
    drawn = chart([Bar("a", 100, 50, "100 → 50"), Bar("b" * 50, 50, 50, "<same>")])
    assert drawn.count('width="420.0"') == 1
    assert drawn.count('width="210.0"') == 3
    assert f"…{'b' * 37}" in drawn
    assert "&lt;same&gt;" in drawn
    assert "Nothing changes" in chart([])


def test_attributes_that_were_repaired_are_listed_with_the_reason() -> None:
    page = report_html(every_group(traced(Transformer(), *TOKENS)), "proof <1>")
    assert "<td>attention.num_heads</td><td>4</td><td>2</td>" in page
    assert "proof &lt;1&gt;" in page
    assert "Nothing but the attributes of modules" in report_html(every_group(traced(PlainCnn(), *IMAGE)), "")
