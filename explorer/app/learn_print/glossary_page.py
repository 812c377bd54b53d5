"""The glossary as a page: each term with its notation, its meaning, and the part of a real graph that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from explorer.app.learn_print.live import live_address
from explorer.app.learn_print.pictures import picture
from explorer.app.learn_print.prose import html_of
from explorer.app.learn_print.sheet import LEARN, sheet
from explorer.app.workspace import Workspace
from explorer.lessons import Lesson, Step, Term, glossary, shown
from explorer.lessons.words import terms_in

ROOM = (560.0, 330.0)
"""Pixels that a picture may take."""
INTRODUCTION = (
    "The terms of the field, in the notation of Fang et al., DepGraph: Towards Any Structural Pruning (CVPR 2023). "
    "Each picture is the part of a real model that shows what is meant, drawn from what the engine found."
)


def glossary_page(workspace: Workspace, lessons: Sequence[Lesson]) -> str:
    """The page as HTML.

    Args:
        workspace: The models.
        lessons: Those that refer to the terms.
    """
    terms, used = glossary(), dict(_uses(lessons))
    index = "".join(f'<li><a href="#{term.id}">{escape(term.title)}</a></li>' for term in terms.values())
    entries = "\n".join(_entry(workspace, term, used) for term in terms.values())
    content = (
        f'<header class="sheet-head"><h1>Glossary</h1><p>{escape(INTRODUCTION)}</p></header>'
        f'<nav class="sheet-index" aria-label="Terms"><ul>{index}</ul></nav>{entries}'
    )
    return sheet("Glossary: structural pruning", content, [(LEARN, "All lessons")])


def _entry(workspace: Workspace, term: Term, used: Mapping[str, Sequence[str]]) -> str:
    subject = workspace.open(term.show.model)
    exploration = shown(term.show, subject.graph, term.place.inside("show"))
    drawn = picture(subject, exploration, ROOM)
    notation = f' <span class="notation">{escape(term.notation)}</span>' if term.notation else ""
    places = "".join(f"<li>{link}</li>" for link in used.get(term.id, ()))
    lessons = f'<ul class="uses" aria-label="In lessons">{places}</ul>' if places else ""
    live = f'<a class="live" href="{escape(live_address(term.show.recipe()))}">Open it in the explorer</a>'
    return (
        f'<section class="entry" id="{term.id}" aria-labelledby="{term.id}-title"><div class="entry-words">'
        f'<h2 id="{term.id}-title">{escape(term.title)}{notation}</h2>{html_of(term.text)}{lessons}</div>'
        f"<figure>{drawn.svg}<figcaption>{escape(drawn.caption)}. {live}</figcaption></figure></section>"
    )


def _said(step: Step) -> tuple[str, ...]:
    """The terms that a step refers to."""
    task = step.task
    return terms_in(step.text) + (terms_in(task.question) + terms_in(task.because) if task else ())


def _uses(lessons: Sequence[Lesson]) -> Iterator[tuple[str, list[str]]]:
    """For each term the first step of each lesson that refers to it, as links."""
    for name in glossary():
        found = [(lesson, next((step for step in lesson.steps if name in _said(step)), None)) for lesson in lessons]
        links = [
            f'<a href="{LEARN}{lesson.id}/{step.id}">{escape(lesson.title)}: {escape(step.title)}</a>'
            for lesson, step in found
            if step
        ]
        yield name, links
