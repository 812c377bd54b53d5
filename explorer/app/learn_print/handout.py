"""A lesson on paper: each step with its picture, its task with boxes to tick, and room for notes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape

from explorer.app.learn.addresses import glossary_address
from explorer.app.learn_print.answers import Measured, answer
from explorer.app.learn_print.focus import focus_of
from explorer.app.learn_print.pictures import picture
from explorer.app.learn_print.prose import html_of
from explorer.app.learn_print.sheet import LEARN, sheet
from explorer.app.workspace import Workspace
from explorer.engine.errors import LessonError
from explorer.lessons import KINDS, Asked, Form, Lesson, Option, Step, asked, glossary, shown
from explorer.lessons.words import terms_in

ROOM = (640.0, 340.0)
"""Pixels that a picture may take: the width of the text on A4, and so much of its height that two steps fit."""
BESIDE = (370.0, 330.0)
"""A picture that is no wider than this has text and task beside it; a wider one stands between them."""
SMALL = 0.6
"""So far a picture shrinks to stand beside a text."""
HALF = 430.0
"""A picture beside a text that is higher still shrinks further, if it can be read then: two steps fit on a sheet."""
NOTES = '<p class="handout-notes">Notes<span></span><span></span></p>'
LONG = 34
"""Options with more letters than this stand below one another."""


def handout(workspace: Workspace, lesson: Lesson, *, with_answers: bool) -> str:
    """The page as HTML.

    Args:
        workspace: The models.
        lesson: The lesson.
        with_answers: Whether the answers of the engine stand at the end.
    """
    other = (f"{LEARN}{lesson.id}/handout", "Without answers")
    links = [(LEARN, "All lessons"), (f"{LEARN}{lesson.id}", "This lesson"), (glossary_address(), "Glossary")]
    links.append(other if with_answers else (f"{other[0]}?answers=1", "With answers"))
    parts = [_head(lesson), *(_step(workspace, lesson, number) for number in range(len(lesson.steps)))]
    parts += [_hints(lesson), _terms(lesson)]
    parts += [_answers(workspace, lesson)] if with_answers else []
    return sheet(f"{lesson.title}: handout", "\n".join(filter(None, parts)), links)


def _head(lesson: Lesson) -> str:
    fields = "".join(f'<span>{name} <span class="blank"></span></span>' for name in ("Name", "Date"))
    return (
        f'<header class="sheet-head"><h1>{escape(lesson.title)}</h1><p>{escape(lesson.summary)}</p>'
        f'<p class="quiet">About {lesson.minutes} minutes. The same with live graphs: {LEARN}{escape(lesson.id)}</p>'
        f'</header><div class="handout-fields">{fields}</div>'
    )


def _step(workspace: Workspace, lesson: Lesson, number: int) -> str:
    step = lesson.steps[number]
    text = f'<div class="handout-text">{html_of(step.text)}</div>'
    head = f'<h2 id="{step.id}">{number + 1}. {escape(step.title)}</h2>{text}'
    row = _or_why(lambda: _row(workspace, step, head), head)
    task = _or_why(lambda: _task(workspace, step)) if step.task else ""
    return f'<section class="handout-step" aria-labelledby="{step.id}">{row}{task}{NOTES}</section>'


def _row(workspace: Workspace, step: Step, text: str) -> str:
    """Title and text, and the picture: a narrow one first, since what comes after it stands beside it."""
    subject = workspace.open(step.show.model)
    exploration = shown(step.show, subject.graph, step.place.inside("show"))
    draw = partial(picture, subject, exploration, focus=focus_of(step, _form_if_any(workspace, step)))
    drawn = draw(BESIDE, smallest=SMALL)
    is_beside = drawn.width <= BESIDE[0]
    if not is_beside:
        drawn = draw(ROOM)
    elif drawn.height > HALF:
        drawn = draw((BESIDE[0], HALF))
    figure = (
        f'<figure class="{"is-beside" if is_beside else "is-across"}" style="width: {drawn.width + 2:.0f}px">'
        f"{drawn.svg}<figcaption>{escape(drawn.caption)}.</figcaption></figure>"
    )
    return figure + text if is_beside else text + figure


def _task(workspace: Workspace, step: Step) -> str:
    form, question = _form(workspace, step), step.task.question if step.task else ""
    return (
        f'<div class="handout-task"><div class="handout-question">{html_of(question)}</div>'
        f"{_CONTROLS[form.control](form)}</div>"
    )


def _form(workspace: Workspace, step: Step) -> Form:
    put = _asked(workspace, step)
    return KINDS[put.task.kind].form(put)


def _form_if_any(workspace: Workspace, step: Step) -> Form | None:
    """How a task is answered; None where there is none, or a mistake in it, which is said in the task's place."""
    try:
        return _form(workspace, step) if step.task else None
    except LessonError:
        return None


def _asked(workspace: Workspace, step: Step) -> Asked:
    return asked(step, workspace.open(step.show.model).graph, Measured(workspace))


def _choices(form: Form) -> str:
    """Boxes to tick; round ones where only one is right."""
    shape = "box is-round" if form.control == "one" else "box"
    longest = max(len(option.title) + len(option.detail) for option in form.options)
    rows = "".join(f'<li><span class="{shape}" aria-hidden="true"></span>{_words(each)}</li>' for each in form.options)
    return f'<ul class="handout-options{" is-long" * (longest > LONG)}">{rows}</ul>'


def _words(option: Option) -> str:
    detail = f' <span class="quiet">{escape(option.detail)}</span>' if option.detail else ""
    return f"<span>{escape(option.title)}{detail}</span>"


def _number(form: Form) -> str:
    return (
        f'<p>My prediction: <span class="blank is-short"></span> {escape(form.unit)}</p>'
        f'<p>What the engine finds: <span class="blank is-short"></span> {escape(form.unit)}</p>'
    )


def _plan(form: Form) -> str:
    rows = "".join(
        f'<li><span class="box" aria-hidden="true"></span><span>{escape(each)}</span></li>' for each in form.conditions
    )
    return (
        f'<ul class="handout-options is-long">{rows}</ul>'
        '<p>What I pruned: <span class="blank"></span> <span class="blank"></span></p>'
    )


_CONTROLS: dict[str, Callable[[Form], str]] = {"several": _choices, "one": _choices, "number": _number, "plan": _plan}


def _hints(lesson: Lesson) -> str:
    rows = [
        f"<div><dt>Step {number}</dt><dd>{html_of(step.task.hint)}</dd></div>"
        for number, step in enumerate(lesson.steps, 1)
        if step.task
    ]
    return _more("Hints", f"<dl>{''.join(rows)}</dl>") if rows else ""


def _terms(lesson: Lesson) -> str:
    """What the terms mean that the lesson refers to, since paper has no links."""
    texts = [text for step in lesson.steps for text in (step.text, *_task_texts(step))]
    names = dict.fromkeys(name for text in texts for name in terms_in(text))
    terms = [glossary()[name] for name in names]
    rows = [f"<div><dt>{escape(term.title)}</dt><dd>{html_of(term.text)}</dd></div>" for term in terms]
    return _more("Terms", f"<dl>{''.join(rows)}</dl>") if rows else ""


def _task_texts(step: Step) -> tuple[str, ...]:
    return (step.task.question, step.task.hint, step.task.because) if step.task else ()


def _answers(workspace: Workspace, lesson: Lesson) -> str:
    rows = [_answer(workspace, step, number) for number, step in enumerate(lesson.steps, 1) if step.task]
    said = "".join(rows) or "<p>This lesson has no tasks.</p>"
    return _more("Answers", f"<p>Found by the engine, on the models of the lesson.</p>{said}", "handout-answers")


def _answer(workspace: Workspace, step: Step, number: int) -> str:
    found = _or_why(lambda: answer(_asked(workspace, step)))
    because = html_of(step.task.because) if step.task else ""
    return f'<div class="handout-answer"><h3>{number}. {escape(step.title)}</h3>{found}{because}</div>'


def _more(title: str, content: str, name: str = "") -> str:
    return f'<section class="{f"handout-more {name}".strip()}"><h2>{title}</h2>{content}</section>'


def _or_why(make: Callable[[], str], before: str = "") -> str:
    """What `make` gives, or why it cannot be had: a lesson of somebody's own may name what its model does not have."""
    try:
        return make()
    except LessonError as error:
        return f'{before}<p role="alert">{escape(str(error))}</p>'
