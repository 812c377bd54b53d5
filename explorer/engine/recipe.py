"""The recipe of a pruned model: what was done to which architecture, as plain data with one JSON form.

It travels: with the model that it was made from, or alone, to be applied to other weights of the same architecture.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import nn

from explorer.engine import __version__
from explorer.engine.errors import SaveError
from explorer.engine.schema import Schema, first_mistake
from explorer.engine.surgery import AttentionChange, AttributeChange, Surgery

if TYPE_CHECKING:
    from explorer.engine.plan import Plan

RECIPE_FILE = "recipe.json"
FORMAT = "explorer-recipe"
VERSION = 2
LARGEST_BYTES = 2**28
"""Of a recipe as a file; a larger one is not even opened."""

Recipe = dict[str, Any]


def recipe_of(plan: Plan, surgery: Surgery, way: str) -> Recipe:
    """What a plan does, as data that JSON can hold.

    Args:
        plan: The plan.
        surgery: Its surgery.
        way: ``live`` or ``program``.

    Returns:
        Source, ratios, kept channels and indices, attributes, versions and fingerprints.
    """
    graph = plan.graph
    kept = [{"name": name, "dim": dim, "indices": list(indices)} for (name, dim), indices in surgery.kept.items()]
    recipe = {
        "format": FORMAT,
        "version": VERSION,
        "source": graph.source,
        "title": graph.title,
        "fingerprint": graph.fingerprint,
        "architecture": architecture_of(graph.model),
        "states": [{"name": name, "shape": list(shape)} for name, shape in states_of(graph.model)],
        "way": way,
        "options": plan.options.record(),
        "ratios": dict(plan.ratios),
        "channels": {name: list(channels) for name, channels in plan.channels.items()},
        "kept": kept,
        "attributes": [asdict(change) for change in surgery.attributes],
        "attention": [asdict(change) for change in surgery.attention],
        "index_buffers": {name: list(numbers) for name, numbers in surgery.index_buffers.items()},
        "cost": {"before": asdict(plan.cost.before), "after": asdict(plan.cost.after)},
        "versions": _versions(),
    }
    plain: Recipe = json.loads(json.dumps(recipe))  # tuples become lists, as a reader will find them
    return plain


def recipe_text(recipe: Recipe) -> str:
    """A recipe as JSON, an entry a line: the indices that a dimension keeps are on one line, however many there are."""
    return "{\n" + ",\n".join(f" {_dumped(name)}: {_in_lines(part)}" for name, part in recipe.items()) + "\n}\n"


def _in_lines(part: Any) -> str:
    if isinstance(part, dict) and part:
        return "{\n  " + ",\n  ".join(f"{_dumped(name)}: {_dumped(entry)}" for name, entry in part.items()) + "\n }"
    if isinstance(part, list) and part:
        return "[\n  " + ",\n  ".join(map(_dumped, part)) + "\n ]"
    return _dumped(part)


def _dumped(data: Any) -> str:
    return json.dumps(data, separators=(",", ": "))


def _versions() -> dict[str, str]:
    """Of what takes part in building the model again, where it is installed."""
    found = {"explorer": __version__, "torch": torch.__version__}
    with contextlib.suppress(PackageNotFoundError):
        found["torchvision"] = version("torchvision")
    return found


def states_of(model: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of all parameters and buffers, in order."""
    return [(name, tuple(tensor.shape)) for name, tensor in (*model.named_parameters(), *model.named_buffers())]


def architecture_of(model: nn.Module) -> str:
    """16 hexadecimal digits that stand for the names and shapes of all parameters and buffers."""
    text = ";".join(f"{name}{shape}" for name, shape in states_of(model))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_recipe(place: str | Path) -> Recipe:
    """The recipe of a saved folder, or in a file.

    Raises:
        SaveError: There is none, or it is not one that this version can read.
    """
    path = Path(place)
    if path.is_file():
        return checked_recipe(read_json(path), str(path))
    file = inside(path, RECIPE_FILE)
    if not file.exists():
        raise SaveError(f"{place} holds no {RECIPE_FILE}. Give the folder that explorer.save wrote.")
    return checked_recipe(read_json(file), str(file))


def inside(folder: Path, name: str) -> Path:
    """The path of a file that must lie inside a folder.

    Raises:
        SaveError: It is a link that leads out of it, or no ordinary file.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise SaveError(
            f"{path} leads out of its folder, to {path.resolve()}, and was not opened. Save the model again."
        )
    if path.exists() and not path.is_file():
        raise SaveError(f"{path} is no ordinary file and was not opened. Save the model again.")
    return path


def read_json(path: Path) -> object:
    """The JSON data in a file of a size that a recipe may have.

    Raises:
        SaveError: It cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise SaveError(
                f"{path} has {size:,} bytes, and no recipe has more than {LARGEST_BYTES:,}; it was not opened. Save "
                "the model again."
            )
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise SaveError(f"{path} cannot be read: {error}. Save the model again.") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")


def checked_recipe(data: object, said: str = "This") -> Recipe:
    """A recipe of any version as one of this version, every entry of the type that it should have.

    Args:
        data: What JSON held.
        said: What to call it in errors.

    Raises:
        SaveError: It is no recipe, is of an unknown version, or an entry is not what it should be.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise SaveError(f"{said} is not a recipe of the explorer. Give the folder that explorer.save wrote.")
    recipe = dict(data)
    while type(recipe.get("version")) is not int or recipe["version"] != VERSION:
        step = _MIGRATIONS.get(recipe.get("version")) if type(recipe.get("version")) is int else None
        if step is None:
            raise SaveError(
                f"{said} has version {recipe.get('version')!r}; this explorer reads versions 1 to {VERSION}. Use the "
                "explorer that wrote it, or save again."
            )
        recipe = step(recipe)
    if mistake := first_mistake(recipe, SCHEMA):
        raise SaveError(f"{said} is damaged: {mistake}. Save the model again.")
    return recipe


_MIGRATIONS: dict[Any, Callable[[Recipe], Recipe]] = {
    1: lambda recipe: {"way": "live", **recipe, "version": 2, "states": None},
}
"""From each earlier version to the next. Version 1 knew the original's names and shapes by `architecture` alone."""


def surgery_of(recipe: Recipe) -> Surgery:
    """What a recipe changes."""
    kept = {(entry["name"], entry["dim"]): tuple(entry["indices"]) for entry in recipe["kept"]}
    attributes = tuple(
        AttributeChange(**{**entry, "before": _plain(entry["before"]), "after": _plain(entry["after"])})
        for entry in recipe["attributes"]
    )
    attention = tuple(AttentionChange(**entry) for entry in recipe["attention"])
    index_buffers = {name: tuple(numbers) for name, numbers in recipe["index_buffers"].items()}
    return Surgery(kept, attributes, attention, index_buffers)


def _plain(value: int | list[int]) -> int | tuple[int, ...]:
    """A number or several, as an attribute holds them."""
    return value if isinstance(value, int) else tuple(value)


def check_architecture(recipe: Recipe, model: nn.Module, said: str) -> None:
    """Nothing, where a model has the names and shapes that a recipe was made for.

    Args:
        recipe: The recipe.
        model: A model with any weights.
        said: What to call the recipe in errors.

    Raises:
        SaveError: It has others; the first difference is named.
    """
    if recipe["architecture"] == architecture_of(model):
        return
    known = None if recipe["states"] is None else [(s["name"], tuple(s["shape"])) for s in recipe["states"]]
    first = "" if known is None else f": {_first_difference(known, states_of(model))}"
    raise SaveError(
        f"{said} was made from {recipe['title']!r}; the parameters of this {type(model).__name__} have other names or "
        f"shapes{first}. Build the model with the same arguments as the original."
    )


State = tuple[str, tuple[int, ...]]


def _first_difference(expected: Iterable[State], found: Iterable[State]) -> str:
    shapes: Mapping[str, tuple[int, ...]] = dict(found)
    for was, now in zip_longest(expected, shapes.items()):
        if was == now:
            continue
        if was is not None and was[0] in shapes and shapes[was[0]] != was[1]:
            return f"{was[0]} has shape {shapes[was[0]]} here and {was[1]} in the recipe"
        if was is not None and was[0] not in shapes:
            return f"there is no {was[0]}, which has shape {was[1]} in the recipe"
        if now is not None and now[0] not in dict(expected):
            return f"there is {now[0]} of shape {now[1]}, which the recipe does not know"
        break
    return "they come in another order"


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 2**62}
_WHOLE = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
_INDICES = {"type": "array", "items": _COUNT}
_VALUE = {"anyOf": [_WHOLE, {"type": "array", "items": _WHOLE}]}
_COST = {"type": "object", "required": ["macs", "params", "bytes"], "additionalProperties": {"type": "number"}}


def _object(**properties: Schema) -> Schema:
    """The schema of an object with exactly these entries."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


_OPTIONS = {
    "type": "object",
    "properties": {
        "importance": _TEXT,
        "reduction": _TEXT,
        "normalise": _TEXT,
        "scope": _TEXT,
        "ranking": _TEXT,
        "gradients": {"anyOf": [{"type": "null"}, _COUNT]},
        "seed": _WHOLE,
        "round_to": _COUNT | {"minimum": 1},
        "minimum": _COUNT | {"minimum": 1},
        "cap": {"type": "number", "minimum": 0, "maximum": 1},
        "break_ties": {"anyOf": [{"type": "boolean"}, {"type": "array", "items": _TEXT}]},
    },
}

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "What explorer.save did to which architecture",
    "type": "object",
    "required": [
        "format", "version", "source", "title", "fingerprint", "architecture", "states", "way", "options", "ratios",
        "channels", "kept", "attributes", "attention", "index_buffers", "cost",
    ],
    "properties": {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "source": _TEXT,
        "title": _TEXT,
        "fingerprint": _TEXT,
        "architecture": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "states": {"anyOf": [{"type": "null"}, {"type": "array", "items": _object(name=_TEXT, shape=_INDICES)}]},
        "way": {"enum": ["live", "program"]},
        "options": _OPTIONS,
        "ratios": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}},
        "channels": {"type": "object", "additionalProperties": _INDICES},
        "kept": {"type": "array", "items": _object(name=_TEXT, dim=_COUNT, indices=_INDICES)},
        "attributes": {
            "type": "array",
            "items": _object(
                module=_TEXT, name=_TEXT, before=_VALUE, after=_VALUE, reason=_TEXT, is_standard={"type": "boolean"}
            ),
        },
        "attention": {
            "type": "array",
            "items": _object(module=_TEXT, num_heads=_COUNT | {"minimum": 1}, scale={"type": "number"}),
        },
        "index_buffers": {"type": "object", "additionalProperties": {"type": "array", "items": _WHOLE}},
        "cost": {"type": "object", "required": ["before", "after"], "properties": {"before": _COST, "after": _COST}},
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "weights_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
}  # fmt: skip
"""The JSON schema of a recipe of this version; `docs/schemas` has it as a file."""
