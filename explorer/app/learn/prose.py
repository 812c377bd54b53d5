"""The Markdown of lessons as html components. Terms of the glossary say what they mean on hover and focus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from dash import html
from markdown_it.tree import SyntaxTreeNode

from explorer.app.learn.addresses import glossary_address
from explorer.app.parts import attributes
from explorer.lessons import glossary
from explorer.lessons.words import TERM, tree

BLOCKS: dict[str, Callable[..., Any]] = {
    "paragraph": html.P,
    "heading": html.P,  # a step has its title already
    "bullet_list": html.Ul,
    "ordered_list": html.Ol,
    "list_item": html.Li,
    "blockquote": html.Blockquote,
    "em": html.Em,
    "strong": html.Strong,
}
LEAVES: dict[str, Callable[[str], Any]] = {
    "text": str,
    "code_inline": html.Code,
    "fence": lambda code: html.Pre(html.Code(code), className="code"),
    "code_block": lambda code: html.Pre(html.Code(code), className="code"),
    "softbreak": lambda _: " ",
    "hardbreak": lambda _: html.Br(),
    "hr": lambda _: html.Hr(),
}


def prose(text: str, name: str) -> list[Any]:
    """A text as html components.

    Args:
        text: Markdown, with links to ``term:ID``.
        name: Names this text on its page, for the ids of what it explains.
    """
    notes = (f"{name}-term-{number}" for number in count(1))
    return _all(tree(text), notes)


def words(text: str) -> str:
    """The text without its marks: what is read aloud, or fits into a title."""
    return " ".join(_plain(tree(text)).split())


def _all(node: SyntaxTreeNode, notes: Iterator[str]) -> list[Any]:
    return [part for child in node.children for part in _drawn(child, notes)]


def _drawn(node: SyntaxTreeNode, notes: Iterator[str]) -> list[Any]:
    if node.type in BLOCKS:
        return [BLOCKS[node.type](_all(node, notes))]
    if node.type == "link":
        return _link(node, notes)
    return [LEAVES[node.type](node.content)] if node.type in LEAVES else _all(node, notes)


def _link(node: SyntaxTreeNode, notes: Iterator[str]) -> list[Any]:
    target = str(node.attrs.get("href", ""))
    if not target.startswith(TERM):
        return [html.A(_all(node, notes), href=target)]
    return term_link(target.removeprefix(TERM), _all(node, notes), next(notes))


def term_link(term: str, shown: Any, note: str) -> list[Any]:
    """A term that says what it means, and the words that it does so with.

    Args:
        term: Its id in the glossary.
        shown: What stands in the text.
        note: Id of the words, by which screen readers find them.
    """
    entry = glossary()[term]
    said = f"{entry.title} ({entry.notation}): " if entry.notation else f"{entry.title}: "
    link = html.A(shown, href=glossary_address(term), className="term", **attributes(aria_describedby=note))
    return [link, html.Span(said + words(entry.text), id=note, className="term-words", hidden=True)]


def _plain(node: SyntaxTreeNode) -> str:
    if node.type in ("text", "code_inline", "fence", "code_block"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return " "
    inner = "".join(_plain(child) for child in node.children)
    return inner if node.is_root or not node.block else f"{inner} "
