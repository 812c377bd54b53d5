"""Reads lessons and the glossary from their files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from explorer.engine.errors import LessonError
from explorer.lessons.lesson import Lesson, Place, Show, Step, Task, Term
from explorer.lessons.schema import GLOSSARY, LESSON, NAME, task_schema
from explorer.lessons.source import check, read_source
from explorer.lessons.words import count_words, terms_in

TEXTS = Path(__file__).with_name("texts")
GLOSSARY_FILE = TEXTS / "glossary.yaml"
MOST_WORDS = 80
"""Of the text of a step."""

PAGES = frozenset({"assets", "glossary", "handout"})
"""What addresses below ``/learn`` mean besides lessons and steps."""

_NUMBER = re.compile(r"^\d+-")
_OPTIONS = ("importance", "reduction", "normalise")


@cache
def bundled_lessons() -> tuple[Lesson, ...]:
    """The lessons that come with the explorer, in order."""
    return read_lessons(TEXTS)


def lessons_with(folder: Path | None) -> tuple[Lesson, ...]:
    """The lessons that come with the explorer, and after them those of a folder of somebody's own.

    Args:
        folder: Holds one ``.yaml`` file per lesson; None for no others.

    Raises:
        LessonError: As `read_lessons`; or a lesson has the name of one that comes with the explorer.
    """
    if folder is None:
        return bundled_lessons()
    title = folder.resolve().name
    own = tuple(replace(lesson, folder=title) for lesson in read_lessons(folder))
    taken = {lesson.id for lesson in bundled_lessons()}
    for lesson in own:
        if lesson.id in taken:
            raise lesson.place.error(f"a lesson that comes with the explorer is {lesson.id!r} too; rename this file")
    return bundled_lessons() + own


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
    lessons = tuple(read_lesson(path) for path in lesson_files(folder))
    for number, lesson in enumerate(lessons):
        if any(lesson.id == other.id for other in lessons[:number]):
            raise lesson.place.error(f"there is another lesson {lesson.id!r} in this folder; rename this file")
    return lessons


def lesson_files(folder: Path) -> tuple[Path, ...]:
    """The files of the lessons in a folder, in order.

    Raises:
        LessonError: There is no such folder, or it holds none.
    """
    if not folder.is_dir():
        raise LessonError(f"{folder} is no folder. Give the folder that holds the lessons, one .yaml file each.")
    files = sorted(path for path in folder.glob("*.yaml") if path.name != GLOSSARY_FILE.name)
    if not files:
        raise LessonError(f"{folder} holds no lessons. A lesson is a .yaml file; docs/lessons.md says what is in it.")
    return tuple(files)


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
    name = _checked_name(_NUMBER.sub("", path.stem), place)
    for step in steps:
        if step.id in PAGES:
            raise step.place.inside("id").error(f"{step.id!r} is a page of its own below each lesson; rename this step")
    return Lesson(name, data["title"], data["summary"], data["minutes"], steps, place)


def _checked_name(name: str, place: Place) -> str:
    """The name of a lesson, which its address holds."""
    if not re.search(str(NAME["pattern"]), name):
        raise place.error(
            "the file's name is the lesson's in links: small letters, digits and dashes, as in 02-add.yaml"
        )
    if name in PAGES:
        raise place.error(f"{name!r} is a page of its own beside the lessons; rename this file")
    return name


def _step(entry: Mapping[str, Any], shared: Mapping[str, Any], place: Place) -> Step:
    _check_text(entry["text"], place.inside("text"))
    if (words := count_words(entry["text"])) > MOST_WORDS:
        raise place.inside("text").error(f"a step has at most {MOST_WORDS} words, and this has {words}")
    shown = _show({**shared, **entry.get("show", {})}, place.inside("show"))
    task = _task(entry["task"], place.inside("task")) if "task" in entry else None
    if task and "do" in entry:
        raise place.inside("do").error("a step has a task or something to do on the screen, not both")
    return Step(entry["id"], entry["title"], entry["text"].strip(), shown, task, place, entry.get("do", ""))


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
