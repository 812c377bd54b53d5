"""The recipe: what is pruned of which model, and how one looks at it, as plain data with one JSON form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.engine.errors import PlanError
from explorer.engine.importance import CRITERIA, NORMALISERS, REDUCTIONS

FORMAT = 2
MAX_RATIO = 0.99
MAX_PINS = 8
MAX_NAMES = 5000
"""Most names in one list of a recipe; no model on the screen has so many groups or modules."""
PANEL_BYTES = 16_384
"""Room for what the panels remember, all of them together, as JSON text."""

SELECTABLE = ("group", "layer", "module")

Data = Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """How one looks at a model; changes nothing of what is pruned.

    Attributes:
        opened: Paths of the open modules; None for those that are open at first.
        selection: ``kind`` (one of `SELECTABLE`) and ``name`` of what is selected; empty for nothing, None for what is
            selected at first.
        pins: Groups that keep their hue.
        panels: What each panel remembers by itself, by the panel's name: any JSON data.
    """

    opened: tuple[str, ...] | None = None
    selection: Mapping[str, str] | None = None
    pins: tuple[str, ...] = ()
    panels: Data = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The view as JSON data, without what is as at first; `from_json` reads it back."""
        parts: dict[str, Any] = {
            "opened": None if self.opened is None else list(self.opened),
            "selection": None if self.selection is None else dict(self.selection),
            "pins": list(self.pins) or None,
            "panels": dict(self.panels) or None,
        }
        return {name: part for name, part in parts.items() if part is not None}

    @classmethod
    def from_json(cls, data: Data) -> View:
        """The view that `to_json` wrote.

        Raises:
            PlanError: A part is not what a view holds.
        """
        opened = data.get("opened")
        return cls(
            opened=None if opened is None else _checked_names("opened", opened),
            selection=_checked_selection(data.get("selection")),
            pins=_checked_names("pins", data.get("pins"))[:MAX_PINS],
            panels=_checked_panels(data.get("panels")),
        )


@dataclass(frozen=True)
class Recipe:
    """What to prune, and how it is looked at, as plain data.

    Attributes:
        source: Where the model comes from, or an opaque id that only this server run knows.
        fingerprint: Of the model that the recipe was made for; empty where it does not matter.
        ratios: Fraction to remove per group name, 0-1; groups that keep everything are left out.
        keep: Channels to keep per group name, in order, chosen one by one; they win over the group's ratio.
        locked: Groups that changes of many groups leave as they are.
        break_ties: Groups whose ties need not hold.
        importance: Criterion that ranks the channels.
        reduction: How the coupled slices of a channel become one score.
        normalise: How the scores of groups come to one scale, for targets where all channels compete.
        round_to: Kept channels are rounded up to a multiple of this.
        minimum: Fewest channels that a group keeps.
        view: How it is looked at.
    """

    source: str
    fingerprint: str = ""
    ratios: Mapping[str, float] = field(default_factory=dict)
    keep: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    break_ties: frozenset[str] = frozenset()
    importance: str = "l2"
    reduction: str = "mean"
    normalise: str = "none"
    round_to: int = 1
    minimum: int = 1
    view: View = View()

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON data; `from_json` reads it back."""
        return {
            "format": FORMAT,
            "source": self.source,
            "fingerprint": self.fingerprint,
            "ratios": {name: self.ratios[name] for name in sorted(self.ratios)},
            "keep": {name: list(self.keep[name]) for name in sorted(self.keep)},
            "locked": sorted(self.locked),
            "break_ties": sorted(self.break_ties),
            "importance": self.importance,
            "reduction": self.reduction,
            "normalise": self.normalise,
            "round_to": self.round_to,
            "minimum": self.minimum,
            "view": self.view.to_json(),
        }

    @classmethod
    def from_json(cls, data: Data) -> Recipe:
        """The recipe that `to_json` wrote, of this version or of an earlier one.

        Raises:
            PlanError: A field is missing or is not what a recipe holds.
        """
        data = migrated(data)
        source, fingerprint = data.get("source"), data.get("fingerprint", "")
        if not isinstance(source, str) or not isinstance(fingerprint, str):
            raise PlanError("This is not a recipe: it names no source. A recipe has format, source and ratios.")
        ratios = {name: checked_ratio(value) for name, value in checked_map("ratios", data.get("ratios")).items()}
        keep = {name: checked_channels(name, value) for name, value in checked_map("keep", data.get("keep")).items()}
        return cls(
            source=source,
            fingerprint=fingerprint,
            ratios={name: ratio for name, ratio in ratios.items() if ratio},
            keep=keep,
            locked=frozenset(_checked_names("locked", data.get("locked"))),
            break_ties=frozenset(_checked_names("break_ties", data.get("break_ties"))),
            importance=checked_choice("importance", data.get("importance", "l2")),
            reduction=checked_choice("reduction", data.get("reduction", "mean")),
            normalise=checked_choice("normalise", data.get("normalise", "none")),
            round_to=checked_count("round_to", data.get("round_to", 1)),
            minimum=checked_count("minimum", data.get("minimum", 1)),
            view=View.from_json(checked_map("view", data.get("view"))),
        )

    @property
    def key(self) -> str:
        """A short name for exactly what is pruned: the same in every run, whatever is locked, open or selected."""
        what = self.to_json()
        what["ratios"] = {name: ratio for name, ratio in what["ratios"].items() if name not in self.keep}
        del what["view"], what["locked"]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def migrated(data: object) -> Data:
    """A recipe of any version as one of this version.

    Raises:
        PlanError: It is no recipe, or one of a version that is not known here.
    """
    if not isinstance(data, Mapping) or "format" not in data:
        raise PlanError("This is not a recipe: it says no format. A recipe has format, source and ratios.")
    while type(data["format"]) is not int or data["format"] != FORMAT:  # True and 2.0 are no formats
        step = _MIGRATIONS.get(data["format"]) if type(data["format"]) is int else None
        if step is None:
            raise PlanError(
                f"This recipe has format {data['format']!r}; this version of the explorer reads formats 1 to {FORMAT}."
            )
        data = step(data)
    return data


_MIGRATIONS: dict[int, Callable[[Data], Data]] = {
    1: lambda data: {**data, "format": 2, "keep": {}, "locked": [], "view": {}},
}
"""From each earlier version to the next."""


def checked_ratio(ratio: object) -> float:
    """`ratio` as a number in the range that a group allows.

    Raises:
        PlanError: It is none.
    """
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio <= MAX_RATIO:
        raise PlanError(f"A ratio is the fraction of channels to remove, from 0 to {MAX_RATIO}; got {ratio!r}.")
    return round(float(ratio), 4)


CHOICES: Mapping[str, Collection[str]] = {
    "importance": CRITERIA.keys(),
    "reduction": REDUCTIONS.keys(),
    "normalise": NORMALISERS.keys(),
}
"""The options of a recipe that are names, and those names."""


def checked_choice(option: str, name: object) -> str:
    """`name` where it is one that an option of `CHOICES` can have.

    Raises:
        PlanError: It is none.
    """
    if not isinstance(name, str) or name not in CHOICES[option]:
        raise PlanError(f"There is no {option} {name!r}. A recipe can have {', '.join(CHOICES[option])}.")
    return name


_SHOWN_AS = {"round_to": "“multiple of” (round_to)", "minimum": "“at least” (minimum)"}


def checked_count(name: str, value: object) -> int:
    """`value` where it is a number of channels.

    Raises:
        PlanError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        said = "an empty entry" if value in (None, "") else repr(value)
        raise PlanError(f"{_SHOWN_AS[name]} is a whole number of channels, 1 or more, not {said}.")
    return value


def checked_channels(name: str, value: object) -> tuple[int, ...]:
    """The numbers of channels of the group `name`, in order, each once; the plan says whether the group has them.

    Raises:
        PlanError: It is no list of whole numbers.
    """
    channels = value if isinstance(value, (list, tuple, range)) else (None,)
    if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in channels):
        raise PlanError(f"The channels to keep of {name} are a list of whole numbers, as in [0, 2, 5]; got {value!r}.")
    return tuple(sorted(set(channels)))


def checked_map(name: str, value: object) -> Data:
    """`value` where it is a JSON object; an empty one where it is missing.

    Raises:
        PlanError: It is something else, or too large.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > MAX_NAMES:
        raise PlanError(f"The {name} of a recipe are a JSON object of at most {MAX_NAMES} entries.")
    return value


def _checked_names(name: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    names = value if isinstance(value, (list, tuple)) else (None,)
    if len(names) > MAX_NAMES or not all(isinstance(each, str) for each in names):
        raise PlanError(f"This is not a recipe: its {name} are no list of at most {MAX_NAMES} names.")
    return tuple(names)


def _checked_panels(value: object) -> Data:
    panels = checked_map("panels", value)
    try:
        size = len(json.dumps(panels, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise PlanError(f"This is not a recipe: its panels hold what JSON cannot: {error}.") from error
    if size > PANEL_BYTES:
        raise PlanError(f"This is not a recipe: its panels hold more than {PANEL_BYTES} bytes.")
    return panels


def _checked_selection(value: object) -> Mapping[str, str] | None:
    if value is None or value == {}:
        return None if value is None else {}
    kind, name = (value.get("kind"), value.get("name")) if isinstance(value, Mapping) else (None, None)
    if kind not in SELECTABLE or not isinstance(name, str):
        raise PlanError(f"This is not a recipe: its selection names no {', '.join(SELECTABLE[:-1])} or module.")
    return {"kind": str(kind), "name": name}
