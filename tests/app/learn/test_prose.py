from __future__ import annotations

from typing import Any

from dash import html

from explorer.app.learn.prose import prose, words


def kinds(parts: list[Any]) -> list[str]:
    """The tag of each part, with those inside."""
    found: list[str] = []
    for part in parts:
        found.append(type(part).__name__ if not isinstance(part, str) else part)
        inner = getattr(part, "children", None)
        found += kinds(inner if isinstance(inner, list) else []) if not isinstance(part, str) else []
    return found


def test_markdown_becomes_elements() -> None:
    assert kinds(prose("A **b** `c`\nd\n\n- e", "t")) == [
        "P", "A ", "Strong", "b", " ", "Code", " ", "d", "Ul", "Li", "P", "e",
    ]  # fmt: skip


def test_html_in_a_text_stays_text() -> None:
    (paragraph,) = prose("<script>alert(1)</script>", "t")
    assert isinstance(paragraph, html.P)
    assert "".join(paragraph.children) == "<script>alert(1)</script>"


def test_a_term_links_to_the_glossary_and_says_what_it_means() -> None:
    (paragraph,) = prose("Two [groups](term:group), one [group](term:group)", "text")
    links = [part for part in paragraph.children if isinstance(part, html.A)]
    notes = {part.id: part for part in paragraph.children if isinstance(part, html.Span)}
    assert [link.href for link in links] == ["/learn/glossary#group"] * 2
    described = [link.to_plotly_json()["props"]["aria-describedby"] for link in links]
    assert described == ["text-term-1", "text-term-2"]
    assert notes["text-term-1"].children.startswith("group (g): All the channels")
    assert notes["text-term-1"].hidden is True


def test_the_words_of_a_text_are_without_marks() -> None:
    assert words("A **b** [group](term:group)\n`c`\n\n- d\n- e") == "A b group c d e"
