"""The JSON schema of the recipe of the app, as `explorer.exploration.recipe` reads it."""

from __future__ import annotations

from typing import Any

from explorer.engine.schema import Schema
from explorer.exploration.recipe import CHOICES, FORMAT, MAX_NAMES, MAX_RATIO, SELECTABLE

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 1}
_NAMES = {"type": ["array", "null"], "items": _TEXT, "maxItems": MAX_NAMES}


def _map(entry: Schema) -> dict[str, Any]:
    """Of one entry per group."""
    return {"type": ["object", "null"], "maxProperties": MAX_NAMES, "additionalProperties": entry}


def _choice(option: str) -> dict[str, Any]:
    return {"enum": list(CHOICES[option])}


_SELECTION = {
    "anyOf": [
        {"type": "null"},
        {"type": "object", "maxProperties": 0},
        {
            "type": "object",
            "required": ["kind", "name"],
            "properties": {"kind": {"enum": [*SELECTABLE]}, "name": _TEXT},
        },
    ]
}
_VIEW = {
    "type": ["object", "null"],
    "maxProperties": MAX_NAMES,
    "properties": {
        "opened": _NAMES | {"description": "Paths of the open modules; null for those that are open at first."},
        "selection": _SELECTION | {"description": "What is selected; empty for nothing, null for what is at first."},
        "pins": _NAMES | {"description": "Groups that keep their hue."},
        "panels": _map({}) | {"description": "What each panel remembers by itself."},
    },
}

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "What the app prunes of which model, and how one looks at it",
    "type": "object",
    "required": ["format", "source"],
    "properties": {
        "format": {"const": FORMAT},
        "source": _TEXT | {"description": "What names the model: sample:NAME, torchvision:NAME, file.py:factory."},
        "fingerprint": _TEXT | {"description": "Of the model that it was made for; empty where that does not matter."},
        "ratios": _map({"type": "number", "minimum": 0, "maximum": MAX_RATIO})
        | {"description": "Fraction of the channels to remove, by group."},
        "keep": _map({"type": "array", "items": {"type": "integer", "minimum": 0}})
        | {"description": "Channels to keep, by group; they win over its ratio."},
        "locked": _NAMES | {"description": "Groups that changes of many groups leave as they are."},
        "break_ties": _NAMES | {"description": "Groups whose ties need not hold."},
        "importance": _choice("importance") | {"description": "What ranks the channels."},
        "reduction": _choice("reduction") | {"description": "How coupled slices become the score of a channel."},
        "normalise": _choice("normalise") | {"description": "How the scores of groups come to one scale."},
        "round_to": _COUNT | {"description": "Kept channels are rounded up to a multiple of this."},
        "minimum": _COUNT | {"description": "Fewest channels that a group keeps."},
        "view": _VIEW | {"description": "How the model is looked at; changes nothing of what is pruned."},
    },
}
"""Of the format that is written now; `docs/schemas` has it as a file."""
