"""A YAML file as plain data that knows on which line each part of it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from explorer.engine.errors import LessonError
from explorer.engine.schema import Schema, mistakes
from explorer.lessons.lesson import Place

LARGEST_BYTES = 2**18
STRING = "tag:yaml.org,2002:str"


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
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines = dict[str, int]()
        if node is not None:
            _note_lines(node, "", lines, Place(file, lines), set())
        return (loader.construct_document(node) if node is not None else None), Place(file, lines)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none is a ValueError
        raise LessonError(f"{file}:{_line(error, text)}: this is no YAML: {_problem(error)}") from error


def _line(error: Exception, text: str) -> int:
    """The line of a mistake in YAML, from 1; the first where nobody knows."""
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1
    mark = getattr(error, "problem_mark", None)
    return int(mark.line) + 1 if mark else 1


def _problem(error: Exception) -> str:
    return getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)


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
        if wrong := _wrong_with(key, is_second):
            raise Place(place.file, lines, inner).error(wrong)
        _note_lines(item, inner, lines, place, seen)


def _wrong_with(key: yaml.Node, is_second: bool) -> str:
    """Why a field cannot be called so; empty where it can."""
    if not isinstance(key, yaml.ScalarNode):
        return "this is no name"
    if key.tag != STRING:  # a number, a date, or one of YAML's many words for true and nothing
        return f"this is no name; if it is meant to be one, put it in quotes: '{key.value}'"
    return "this is said twice" if is_second else ""
