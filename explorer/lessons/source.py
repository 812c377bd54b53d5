"""A YAML file as plain data that knows on which line each part of it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from explorer.engine.errors import LessonError
from explorer.engine.schema import Schema, mistakes
from explorer.lessons.lesson import Place

LARGEST_BYTES = 2**18


def read_source(path: Path, schema: Schema) -> tuple[dict[str, Any], Place]:
    """What a file says, checked against a schema.

    Args:
        path: The file.
        schema: What it should hold.

    Returns:
        The data, and its place, by which errors name file, line and field.

    Raises:
        LessonError: The file cannot be read, is no YAML, or departs from the schema.
    """
    data, place = parsed(_text(path), path.name)
    check(data, schema, place)
    return data, place


def parsed(text: str, file: str) -> tuple[Any, Place]:
    """YAML as plain data, and the line of each part.

    Raises:
        LessonError: It is no YAML, says something twice, or refers from one part to another.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines = dict[str, int]()
        if node is not None:
            _note_lines(node, "", lines, Place(file, lines), set())
        return (loader.construct_document(node) if node is not None else None), Place(file, lines)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none is a ValueError
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise LessonError(f"{file}:{mark.line + 1 if mark else 1}: this is no YAML: {problem}") from error
    finally:
        loader.dispose()


def check(data: object, schema: Schema, place: Place) -> None:
    """Refuses data that departs from a schema.

    Raises:
        LessonError: With file, line and field of the first mistake.
    """
    for mistake in mistakes(data, schema):
        where = place.inside(mistake.at) if mistake.at else place
        raise where.error(mistake.text)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise LessonError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > LARGEST_BYTES:
        raise LessonError(f"{path} is larger than a lesson can be ({LARGEST_BYTES // 1024} kB).")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LessonError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}.") from error


def _note_lines(node: yaml.Node, at: str, lines: dict[str, int], place: Place, seen: set[int]) -> None:
    """Notes the line of a node and of all within it; `at` names it as `mistakes` does."""
    lines.setdefault(at, node.start_mark.line + 1)
    here = Place(place.file, lines, at)
    if id(node) in seen:  # an alias: such data can be far larger than its text
        raise here.error("this refers to another part of the file (*name); write it out instead")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _note_lines(item, f"{at}[{number}]", lines, place, seen)
    elif isinstance(node, yaml.MappingNode):
        _note_fields(node, at, lines, place, seen)


def _note_fields(node: yaml.MappingNode, at: str, lines: dict[str, int], place: Place, seen: set[int]) -> None:
    for key, item in node.value:
        inner = f"{at}.{key.value}" if at else str(key.value)
        is_second, lines[inner] = inner in lines, key.start_mark.line + 1
        if is_second or not isinstance(key, yaml.ScalarNode):
            text = "is said twice" if isinstance(key, yaml.ScalarNode) else "is no name"
            raise Place(place.file, lines, inner).error(f"this {text}")
        _note_lines(item, inner, lines, place, seen)
