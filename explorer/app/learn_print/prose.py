"""The Markdown of lessons as HTML text, for pages that are plain documents."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token

from explorer.lessons.words import TERM

GLOSSARY = "/learn/glossary"
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def html_of(text: str) -> str:
    """A text as HTML; ``[groups](term:group)`` leads to the glossary, and HTML in it stays text.

    Args:
        text: Markdown of a lesson.
    """
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        for inner in token.children or ():
            _lead(inner)
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def term_address(term: str) -> str:
    """Where the glossary explains a term."""
    return f"{GLOSSARY}#{term}"


def _lead(token: Token) -> None:
    target = str(token.attrs.get("href", ""))
    if token.type == "link_open" and target.startswith(TERM):
        token.attrs["href"] = term_address(target.removeprefix(TERM))
        token.attrs["class"] = "term"
