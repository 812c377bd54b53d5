"""How a task is answered on the page. The browser draws the controls and reads them: assets/learn_task.js."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dash import html

from explorer.app.learn.prose import prose
from explorer.app.parts import attributes, plain
from explorer.lessons import Form, Option, Task

PERCENT = {"min": 0, "max": 100, "step": "any", "inputMode": "decimal"}


def task_form(task: Task, form: Form) -> html.Div:
    """The question, its controls and its hint.

    Args:
        task: The task.
        form: How it is answered on its model.
    """
    question = html.Legend(prose(task.question, "question"), className="task-question")
    fields = html.Fieldset([question, *CONTROLS[form.control](form)], className="task-fields")
    hint = html.Div(prose(task.hint, "hint"), className="task-hint prose", hidden=True)
    return plain(html.Form([fields, hint], className="task", **attributes(data_control=form.control)))


def _several(form: Form) -> list[Any]:
    return [html.Div([_option(option, "checkbox") for option in form.options], className="options")]


def _one(form: Form) -> list[Any]:
    return [html.Div([_option(option, "radio") for option in form.options], className="options")]


def _number(form: Form) -> list[Any]:
    field = field_of("number", name="answer", className="number-field", **PERCENT)
    return [html.Label([field, html.Span(form.unit)], className="number-line")]


def _plan(_form: Form) -> list[Any]:
    """Nothing: the answer is what is pruned on the page."""
    return []


CONTROLS: Mapping[str, Callable[[Form], list[Any]]] = {
    "several": _several,
    "one": _one,
    "number": _number,
    "plan": _plan,
}
"""The controls for each way in which a task can be answered."""


def field_of(kind: str, **given: Any) -> Any:
    """An ``input`` of a kind, in the form that `explorer.app.parts.plain` takes; Dash has no bare one."""
    return {"type": "Input", "props": {"type": kind, **given}}


def _option(option: Option, kind: str) -> html.Label:
    """A row: the field, what it stands for, and room for what the engine says of it."""
    words = [html.Span(option.title, className="option-name")]
    words += [html.Span(option.detail, className="option-detail quiet")] if option.detail else []
    said = html.Span(className="option-said", **attributes(data_said=""))
    return html.Label(
        [
            field_of(kind, name="answer", value=option.name),
            html.Span([*words, said], className="option-words"),
        ],
        className="option",
        **attributes(data_option=option.name, data_layer=option.layer or None),
    )
