"""Writes what is on the screen as a step of a lesson, which reads back as the same recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from explorer.engine.errors import LessonError
from explorer.exploration import Recipe

WIDTH = 116
NAMED = ("sample:", "torchvision:")
"""How the sources begin that anybody can open."""
WORDS = {
    "locked": "which groups are locked",
    "break_ties": "which ties are broken",
    "round_to": "that channels are kept in multiples",
    "minimum": "how many channels groups keep at least",
}
"""What a recipe says and a lesson does not, in words."""


def step_yaml(recipe: Recipe, name: str = "my-step") -> str:
    """A step that shows a recipe, as an entry of the ``steps`` of a lesson.

    Args:
        recipe: What is pruned, and how it is looked at.
        name: Id of the step.

    Returns:
        YAML with title and text to be filled in. In a lesson whose own ``show`` says no more than the model, reading it
        gives the recipe back, but for what `unsaid` names.

    Raises:
        LessonError: The model has no name by which a lesson could open it.
    """
    step = {"id": name, "title": "A title", "text": "At most 80 words.", "show": shown_fields(recipe)}
    return yaml.dump([step], Dumper=_Writer, sort_keys=False, default_flow_style=None, allow_unicode=True, width=WIDTH)


def shown_fields(recipe: Recipe) -> dict[str, Any]:
    """The fields of ``show`` that a recipe comes to, without those that are as at first.

    Args:
        recipe: What is pruned, and how it is looked at.

    Raises:
        LessonError: The model has no name by which a lesson could open it.
    """
    if not recipe.source.startswith(NAMED):
        raise LessonError(
            "A lesson opens its models by name, and this one has none: it came from a file or from memory, or was "
            "trained here. Show the view on a sample or torchvision model, and use that."
        )
    view, usual = recipe.view, Recipe(recipe.source)
    select = {view.selection["kind"]: view.selection["name"]} if view.selection else {}
    options = {name: getattr(recipe, name) for name in ("importance", "reduction", "normalise")}
    fields: dict[str, Any] = {
        "model": recipe.source,
        "open": None if view.opened is None else list(view.opened),
        "select": select,
        "pins": list(view.pins),
        "ratios": dict(recipe.ratios),
        "keep": {group: list(channels) for group, channels in recipe.keep.items()},
        **{name: said for name, said in options.items() if said != getattr(usual, name)},
        "panels": dict(view.panels),
    }
    return {name: said for name, said in fields.items() if said or (name == "open" and said is not None)}


def unsaid(recipe: Recipe) -> tuple[str, ...]:
    """What of a recipe a lesson cannot say, in words."""
    usual = Recipe(recipe.source)
    return tuple(words for name, words in WORDS.items() if getattr(recipe, name) != getattr(usual, name))


def as_read(recipe: Recipe) -> Recipe:
    """A recipe as it comes back from the step that was written of it."""
    usual = Recipe(recipe.source)
    kept = {name: getattr(usual, name) for name in ("fingerprint", *WORDS)}
    return replace(recipe, **kept, view=replace(recipe.view, selection=recipe.view.selection or {}))


class _Writer(yaml.SafeDumper):
    """Writes lists within a mapping further in, as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
