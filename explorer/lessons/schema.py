"""The form of lesson files and of the glossary, as JSON schemas. `docs/schemas` holds them for editors."""

from __future__ import annotations

from explorer.engine.schema import Schema
from explorer.lessons.actions import ACTIONS
from explorer.lessons.tasks import KINDS

MOST_STEPS = 20
PANES = ("inspector", "groups", "totals")
TEXT: Schema = {"type": "string", "pattern": r"\S"}
NAME: Schema = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
NAMES: Schema = {"type": "array", "items": {"type": "string"}}

SELECT: Schema = {
    "type": "object",
    "properties": {"group": TEXT, "layer": TEXT, "module": TEXT},
    "additionalProperties": False,
}
SHOW: Schema = {
    "type": "object",
    "properties": {
        "model": {"type": "string", "pattern": "^(sample|torchvision):"},
        "open": NAMES,
        "select": SELECT,
        "pins": NAMES,
        "ratios": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 0.99}},
        "keep": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        },
        "importance": TEXT,
        "reduction": TEXT,
        "normalise": TEXT,
        "panels": {"type": "object"},
        "panes": {"type": "array", "items": {"enum": list(PANES)}},
    },
    "additionalProperties": False,
}
"""What a step shows. What it leaves out is as in the lesson's own ``show``."""

TASK: Schema = {
    "type": "object",
    "required": ["kind", "question", "hint"],
    "properties": {"kind": {"enum": list(KINDS)}, "question": TEXT, "hint": TEXT, "because": TEXT},
}
"""What all tasks have; each kind says what it needs besides."""

STEP: Schema = {
    "type": "object",
    "required": ["id", "title", "text"],
    "properties": {"id": NAME, "title": TEXT, "text": TEXT, "show": SHOW, "task": TASK, "do": {"enum": [*ACTIONS]}},
    "additionalProperties": False,
}
LESSON: Schema = {
    "type": "object",
    "required": ["title", "summary", "minutes", "show", "steps"],
    "properties": {
        "title": TEXT,
        "summary": TEXT,
        "minutes": {"type": "integer", "minimum": 1, "maximum": 15},
        "show": {**SHOW, "required": ["model"]},
        "steps": {"type": "array", "minItems": 1, "maxItems": MOST_STEPS, "items": STEP},
    },
    "additionalProperties": False,
}
TERM: Schema = {
    "type": "object",
    "required": ["id", "title", "text", "show"],
    "properties": {"id": NAME, "title": TEXT, "notation": TEXT, "text": TEXT, "show": {**SHOW, "required": ["model"]}},
    "additionalProperties": False,
}
GLOSSARY: Schema = {
    "type": "object",
    "required": ["terms"],
    "properties": {"terms": {"type": "array", "minItems": 1, "items": TERM}},
    "additionalProperties": False,
}


def task_schema(kind: str) -> Schema:
    """The form of a task of one kind."""
    own = KINDS[kind].fields
    return {
        **TASK,
        "required": [*TASK["required"], *own.get("required", ())],
        "properties": {**TASK["properties"], **own.get("properties", {})},
        "additionalProperties": False,
    }


def published() -> dict[str, Schema]:
    """The schemas that `docs/schemas` holds for editors, by the names of their files.

    Returns:
        That of lessons, in which each kind of task says what it needs, and that of the glossary.
    """
    tasks = [_of_kind(kind) for kind in KINDS]
    step = {**STEP, "properties": {**STEP["properties"], "task": {"anyOf": tasks}}}
    steps = {**LESSON["properties"]["steps"], "items": step}
    lesson = {**LESSON, "properties": {**LESSON["properties"], "steps": steps}}
    return {"lesson.json": _headed("A lesson", lesson), "glossary.json": _headed("The glossary", GLOSSARY)}


def _of_kind(kind: str) -> Schema:
    form = task_schema(kind)
    return {**form, "title": kind, "properties": {**form["properties"], "kind": {"const": kind}}}


def _headed(title: str, schema: Schema) -> Schema:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}
