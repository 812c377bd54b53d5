"""What the browser is told when a model is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.app.preview import first_group, preview
from explorer.app.unfolding import first_open
from explorer.app.workspace import Subject
from explorer.exploration import start


@dataclass(frozen=True)
class OpeningState:
    """Everything that a page holds about a model that was just opened.

    Attributes:
        source: What names the model.
        opened: The open modules.
        recipe: A recipe that prunes nothing.
        preview: Its costs.
        selection: The group shown first.
    """

    source: str
    opened: dict[str, Any]
    recipe: dict[str, Any]
    preview: dict[str, Any]
    selection: dict[str, Any]

    def stores(self) -> tuple[Any, ...]:
        """Data of the stores MODEL, OPENED, RECIPE, PREVIEW, SELECTION and PINS."""
        return self.source, self.opened, self.recipe, self.preview, self.selection, []


def opening_state(subject: Subject) -> OpeningState:
    """The state of a page that shows `subject` for the first time."""
    exploration = start(subject.graph, subject.source)
    group = first_group(exploration)
    paths = first_open(subject.outline, group)
    return OpeningState(
        source=subject.source,
        opened={"source": subject.source, "paths": sorted(paths)},
        recipe=exploration.recipe.to_json(),
        preview=preview(exploration),
        selection=group_selection(group),
    )


def group_selection(group: str) -> dict[str, Any]:
    """The selection of one group; of nothing where the name is empty."""
    return {"kind": "group", "name": group, "groups": [group], "via": "start"} if group else {}
