"""The Markdown of lessons as HTML text, for pages that are plain documents."""

from __future__ import annotations

from markdown_it.token import Token

from explorer.app.learn.addresses import glossary_address
from explorer.lessons.words import MARKDOWN, TERM


def html_of(text: str) -> str:
    """A text as HTML; ``[groups](term:group)`` leads to the glossary, and HTML in it stays text.

    Args:
        text: Markdown of a lesson.
    """
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        for inner in token.children or ():
            _lead(inner)
    return str(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))


def _lead(token: Token) -> None:
    target = str(token.attrs.get("href", ""))
    if token.type == "link_open" and target.startswith(TERM):
        token.attrs["href"] = glossary_address(target.removeprefix(TERM))
        token.attrs["class"] = "term"
