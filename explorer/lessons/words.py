"""The texts of lessons: Markdown, in which a link to ``term:ID`` refers to the glossary."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

TERM = "term:"
MARKDOWN = MarkdownIt("commonmark", {"html": False})
"""Reads the texts; HTML in them is plain text."""


def tree(text: str) -> SyntaxTreeNode:
    """A text as a tree of paragraphs, lists, emphasis, code and links; HTML in it is plain text."""
    return SyntaxTreeNode(MARKDOWN.parse(text))


def terms_in(text: str) -> tuple[str, ...]:
    """The ids of the glossary's terms that a text refers to, in order."""
    links = [str(token.attrs.get("href", "")) for token in _tokens(text) if token.type == "link_open"]
    return tuple(link.removeprefix(TERM) for link in links if link.startswith(TERM))


def marked(text: str) -> tuple[str, ...]:
    """What a text sets in code, such as names of layers, or in bold, such as the sign **+** of an op; code first."""
    tokens = list(_tokens(text))
    bold = [after.content for before, after in pairwise(tokens) if (before.type, after.type) == ("strong_open", "text")]
    return (*(token.content for token in tokens if token.type == "code_inline"), *bold)


def count_words(text: str) -> int:
    """How many words somebody reads of a text."""
    return len(
        "".join(
            token.content if token.type in _READ else " " * (token.type in _BREAKS) for token in _tokens(text)
        ).split()
    )


_READ = frozenset({"text", "code_inline", "fence", "code_block"})
_BREAKS = frozenset({"softbreak", "hardbreak", "inline"})


def _tokens(text: str) -> Iterator[Token]:
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or ()
