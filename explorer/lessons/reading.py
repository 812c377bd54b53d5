"""Reads lessons and the glossary from their files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from explorer.engine.errors import LessonError
from explorer.lessons.lesson import Lesson, Place, Show, Step, Task, Term
from explorer.lessons.schema import GLOSSARY, LESSON, task_schema
from explorer.lessons.source import check, read_source
from explorer.lessons.words import count_words, terms_in

TEXTS = Path(__file__).with_name("texts")
GLOSSARY_FILE = TEXTS / "glossary.yaml"
MOST_WORDS = 80
"""Of the text of a step."""

_NUMBER = re.compile(r"^\d+-")
_OPTIONS = ("importance", "reduction", "normalise")


@cache
def bundled_lessons() -> tuple[Lesson, ...]:
    """The lessons that come with the explorer, in order."""
    return read_lessons(TEXTS)


@cache
def glossary() -> Mapping[str, Term]:
    """The terms of the field by their ids, in order."""
    data, place = read_source(GLOSSARY_FILE, GLOSSARY)
    terms = [_term(entry, place.inside(f"terms[{number}]")) for number, entry in enumerate(data["terms"])]
    _check_distinct([(term.id, term.place) for term in terms])
    return {term.id: term for term in terms}


def read_lessons(folder: Path) -> tuple[Lesson, ...]:
    """The lessons in a folder, in the order of their file names; the glossary beside them is none.

    Args:
        folder: Holds one ``.yaml`` file per lesson.

    Raises:
        LessonError: There is no such folder, it holds no lesson, or one cannot be read: file, line and field are named.
    """
    if not folder.is_dir():
        raise LessonError(f"{folder} is no folder. Give the folder that holds the lessons, one .yaml file each.")
    files = sorted(path for path in folder.glob("*.yaml") if path.name != GLOSSARY_FILE.name)
    if not files:
        raise LessonError(f"{folder} holds no lessons. A lesson is a .yaml file; CONTRIBUTING.md says what is in it.")
    lessons = tuple(read_lesson(path) for path in files)
    for number, lesson in enumerate(lessons):
        if any(lesson.id == other.id for other in lessons[:number]):
            raise lesson.place.error(f"there is another lesson {lesson.id!r} in this folder; rename this file")
    return lessons


def read_lesson(path: Path) -> Lesson:
    """The lesson in a file.

    Raises:
        LessonError: The file is none; file, line and field are named. What it names of its model is not looked up here;
            `explorer.lessons.verify` does that.
    """
    data, place = read_source(path, LESSON)
    steps = tuple(
        _step(entry, data["show"], place.inside(f"steps[{number}]")) for number, entry in enumerate(data["steps"])
    )
    _check_distinct([(step.id, step.place) for step in steps])
    name = _NUMBER.sub("", path.stem)
    return Lesson(name, data["title"], data["summary"], data["minutes"], steps, place)


def _step(entry: Mapping[str, Any], shared: Mapping[str, Any], place: Place) -> Step:
    _check_text(entry["text"], place.inside("text"))
    if (words := count_words(entry["text"])) > MOST_WORDS:
        raise place.inside("text").error(f"a step has at most {MOST_WORDS} words, and this has {words}")
    shown = _show({**shared, **entry.get("show", {})}, place.inside("show"))
    task = _task(entry["task"], place.inside("task")) if "task" in entry else None
    return Step(entry["id"], entry["title"], entry["text"].strip(), shown, task, place)


def _task(entry: Mapping[str, Any], place: Place) -> Task:
    check(entry, task_schema(entry["kind"]), place)
    common = {"kind", "question", "hint", "because"}
    for name in ("question", "hint", "because"):
        _check_text(entry.get(name, ""), place.inside(name))
    fields = {name: value for name, value in entry.items() if name not in common}
    return Task(entry["kind"], entry["question"], entry["hint"], entry.get("because", ""), fields, place)


def _term(entry: Mapping[str, Any], place: Place) -> Term:
    shown = _show(entry["show"], place.inside("show"))
    return Term(entry["id"], entry["title"], entry.get("notation", ""), entry["text"].strip(), shown, place)


def _show(entry: Mapping[str, Any], place: Place) -> Show:
    select = entry.get("select", {})
    if len(select) > 1:
        raise place.inside("select").error("only one thing is selected at a time: a group, a layer or a module")
    return Show(
        model=entry["model"],
        opened=tuple(entry["open"]) if "open" in entry else None,
        select=next(({"kind": kind, "name": name} for kind, name in select.items()), {}),
        pins=tuple(entry.get("pins", ())),
        ratios=entry.get("ratios", {}),
        keep={name: tuple(channels) for name, channels in entry.get("keep", {}).items()},
        options={name: entry[name] for name in _OPTIONS if name in entry},
        panels=entry.get("panels", {}),
        panes=tuple(entry.get("panes", ())),
    )


def _check_text(text: str, place: Place) -> None:
    """Refuses a text that refers to a term which the glossary does not have."""
    for term in terms_in(text):
        if term not in glossary():
            raise place.error(f"the glossary has no term {term!r}; it has {', '.join(glossary())}")


def _check_distinct(ids: Sequence[tuple[str, Place]]) -> None:
    names = [name for name, _ in ids]
    for number, (name, place) in enumerate(ids):
        if name in names[:number]:
            raise place.inside("id").error(f"{name!r} is the id of another one above")
