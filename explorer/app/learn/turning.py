"""What the page shows at an address: the list of lessons, or a step of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.app.learn import catalogue, pane
from explorer.app.learn.addresses import ROOT, Spot, is_list, spot_at
from explorer.lessons import Lesson, Step, hidden

TITLE = "Learn"


@dataclass(frozen=True)
class Turned:
    """What the page is told of an address.

    Attributes:
        step: What the browser needs, as JSON data: ``page`` (``list`` or ``step``), ``address``, ``title``; and of a
            step ``lesson``, ``step``, ``recipe``, ``panes``, the ``group`` it is about, whether it ``hasTask``, what
            ``hides`` until that is solved, and what one ``does`` on the screen instead.
        listed: The list of lessons; empty for a step.
        head: The head of the lesson.
        text: Its text.
        foot: The ways on.
    """

    step: dict[str, Any]
    listed: list[Any]
    head: list[Any]
    text: list[Any]
    foot: list[Any]

    def parts(self) -> tuple[Any, ...]:
        """All of it, as the page takes it."""
        return self.step, self.listed, self.head, self.text, self.foot


def turned(lessons: Sequence[Lesson], path: str) -> Turned:
    """What the page shows.

    Args:
        lessons: All of them.
        path: The path of the address.
    """
    spot = spot_at(lessons, path)
    if spot is None:
        remark = "" if is_list(path) else catalogue.unknown(path)
        told = {"page": "list", "address": ROOT, "title": TITLE}
        return Turned(told, catalogue.catalogue(lessons, remark), [], [], [])
    return Turned(told_of(spot), [], pane.head(spot), pane.text(spot), pane.foot(lessons, spot))


def told_of(spot: Spot) -> dict[str, Any]:
    """What the browser needs to know of a step."""
    step = spot.step
    return {
        "page": "step",
        "address": spot.address,
        "title": f"{step.title} · {spot.lesson.title}",
        "lesson": spot.lesson.id,
        "step": step.id,
        "recipe": step.show.recipe().to_json(),
        "panes": list(step.show.panes),
        "group": group_of(step),
        "hasTask": step.task is not None,
        "hides": list(hidden(step)),
        "does": step.does,
    }


def group_of(step: Step) -> str:
    """The one group that a step is about: that of its task, or what is selected; empty where there is none."""
    fields = step.task.fields if step.task else {}
    ratios = fields.get("ratios")
    pruned = list(ratios) if isinstance(ratios, Mapping) else []
    named = str(fields.get("group", "")) or (pruned[0] if len(pruned) == 1 else "")
    selected = step.show.select
    return named or (selected["name"] if selected.get("kind") == "group" else "")
