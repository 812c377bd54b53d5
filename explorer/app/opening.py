"""What the browser is told when a model is opened, anew or with a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from explorer.app import ids
from explorer.app.parts import layer_groups
from explorer.app.preview import first_group, preview
from explorer.app.remembered import fitting
from explorer.app.unfolding import first_open, opened_by_name, path_by_name
from explorer.app.workspace import Subject
from explorer.exploration import MAX_PINS, Exploration, View, start


@dataclass(frozen=True)
class OpeningState:
    """Everything that a page holds about a model that was just opened.

    Attributes:
        source: What names the model.
        opened: The open modules.
        recipe: What is pruned; the view of it is in the other parts.
        preview: Its costs.
        selection: What is selected.
        pins: Groups that keep their hue.
        panels: What the panels remember.
    """

    source: str
    opened: dict[str, Any]
    recipe: dict[str, Any]
    preview: dict[str, Any]
    selection: dict[str, Any]
    pins: list[str]
    panels: dict[str, Any]

    def stores(self) -> dict[str, Any]:
        """The parts by the name of the store that holds them."""
        return {
            ids.MODEL: self.source,
            ids.OPENED: self.opened,
            ids.RECIPE: self.recipe,
            ids.PREVIEW: self.preview,
            ids.SELECTION: self.selection,
            ids.PINS: self.pins,
            ids.PANELS: self.panels,
        }


def opening_state(subject: Subject, exploration: Exploration | None = None) -> OpeningState:
    """The state of a page that shows `subject`.

    Args:
        subject: The model.
        exploration: What is to be pruned of it and how it is looked at; by default nothing, as it looks at first.
    """
    exploration = exploration or start(subject.graph, subject.source)
    view, group = exploration.recipe.view, first_group(exploration)
    outline = subject.outline
    paths = first_open(outline, group) if view.opened is None else opened_by_name(outline, view.opened)
    return OpeningState(
        source=subject.source,
        opened={"source": subject.source, "paths": sorted(paths)},
        recipe=replace(exploration.recipe, view=View()).to_json(),
        preview=preview(exploration),
        selection=group_selection(group) if view.selection is None else selected(subject, view.selection),
        pins=list(view.pins),
        panels=fitting(subject, view.panels),
    )


def group_selection(group: str) -> dict[str, Any]:
    """The selection of one group; of nothing where the name is empty."""
    return {"kind": "group", "name": group, "groups": [group], "via": "start"} if group else {}


def selected(subject: Subject, selection: Mapping[str, str]) -> dict[str, Any]:
    """The selection that a recipe names, with the groups to highlight; of nothing where the model has no such thing."""
    kind, name = selection.get("kind"), selection.get("name", "")
    layers = {layer.name: layer for layer in subject.graph.layers}
    if kind == "group" and any(group.name == name for group in subject.graph.groups):
        return group_selection(name)
    if kind == "layer" and name in layers:
        return {"kind": kind, "name": name, "groups": list(layer_groups(layers[name]))[:MAX_PINS], "via": "start"}
    if kind == "module" and (path := path_by_name(subject.outline, name)) in subject.outline.members:
        return {"kind": kind, "name": path, "groups": [], "via": "start"}
    return {}
