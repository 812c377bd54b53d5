"""Lessons are read as they are written, and what they must not say is refused."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from explorer.engine.errors import LessonError
from explorer.lessons import Lesson, bundled_lessons, glossary, lessons_with, read_lesson, read_lessons
from explorer.lessons.reading import MOST_WORDS
from explorer.lessons.words import count_words, terms_in

WHOLE = """\
title: A lesson
summary: What it is about.
minutes: 3
show: {model: "sample:resnet20", open: [layer1], ratios: {conv1: 0.5}}
steps:
  - id: first
    title: First
    text: About [channels](term:channel).
  - id: second
    title: Second
    text: About more.
    show: {select: {group: conv1}, ratios: {}, panels: {centre: matrices}, importance: l1}
    task:
      kind: pick
      question: Which?
      hint: Look.
      because: It is so.
      find: loses_with
      port: conv1+
"""


def lesson_of(tmp_path: Path, text: str, name: str = "07-a-lesson.yaml") -> Lesson:
    path = tmp_path / name
    path.write_text(textwrap.dedent(text))
    return read_lesson(path)


def test_a_lesson_as_it_is_written(tmp_path: Path) -> None:
    lesson = lesson_of(tmp_path, WHOLE)
    assert (lesson.id, lesson.title, lesson.minutes, len(lesson.steps)) == ("a-lesson", "A lesson", 3, 2)
    first, second = lesson.steps
    assert first.task is None
    assert (first.show.opened, first.show.ratios, first.show.select) == (("layer1",), {"conv1": 0.5}, {})
    assert second.task is not None
    assert (second.task.kind, second.task.because) == ("pick", "It is so.")
    assert second.task.fields == {"find": "loses_with", "port": "conv1+"}
    assert lesson.step("second") is second
    assert lesson.step("third") is None


def test_a_step_may_say_what_is_to_be_done(tmp_path: Path) -> None:
    asking = WHOLE.replace("text: About [channels](term:channel).", "text: About it.\n    do: sweep")
    assert [step.does for step in lesson_of(tmp_path, asking).steps] == ["sweep", ""]


def test_a_step_replaces_the_fields_that_it_names(tmp_path: Path) -> None:
    recipe = lesson_of(tmp_path, WHOLE).steps[1].show.recipe()
    assert (recipe.source, recipe.importance, dict(recipe.ratios)) == ("sample:resnet20", "l1", {})
    assert recipe.view.opened == ("layer1",)
    assert (recipe.view.selection, recipe.view.panels) == ({"kind": "group", "name": "conv1"}, {"centre": "matrices"})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("minutes: 3", "minutes: soon", "07-a-lesson.yaml:3: minutes: minutes is 'soon', and should be an integer"),
        ("find: loses_with", "find: loses", ":18: steps[1].task.find: find is 'loses', and should be one of"),
        ("port: conv1+", "prt: conv1+", ":19: steps[1].task.prt: it has 'prt', which is not known"),
        ("kind: pick", "kind: guess", ":14: steps[1].task.kind: steps[1].task.kind is 'guess'"),
        ("text: About more.", "text: About more.\n    do: dance", ":12: steps[1].do: steps[1].do is 'dance'"),
        ("text: About more.", "text: About more.\n    do: play", ":12: steps[1].do: a step has a task or something"),
        ("title: Second", "titel: Second", ":9: steps[1]: steps[1] has no 'title'"),
        ("id: second", "id: first", ":9: steps[1].id: 'first' is the id of another one above"),
        ("{group: conv1}", "{group: conv1, layer: fc}", ":12: steps[1].show.select: only one thing is selected"),
        ("term:channel", "term:chanel", ":8: steps[0].text: the glossary has no term 'chanel'"),
        ("sample:resnet20", "../evil.py:build", ":4: show.model: show.model is '../evil.py:build'"),
        ("About more.", "word " * (MOST_WORDS + 1), f":11: steps[1].text: a step has at most {MOST_WORDS} words"),
    ],
)  # fmt: skip
def test_mistakes_are_said_with_file_line_and_field(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in WHOLE
    with pytest.raises(LessonError) as raised:
        lesson_of(tmp_path, WHOLE.replace(old, new))
    assert words in str(raised.value)


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("10-last.yaml", "02-first.yaml", "glossary.yaml", "notes.txt"):
        (tmp_path / name).write_text(WHOLE)
    assert [lesson.id for lesson in read_lessons(tmp_path)] == ["first", "last"]


def test_folders_without_lessons_and_with_the_same_twice(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match="holds no lessons"):
        read_lessons(tmp_path)
    with pytest.raises(LessonError, match="is no folder"):
        read_lessons(tmp_path / "absent")
    for name in ("1-same.yaml", "2-same.yaml"):
        (tmp_path / name).write_text(WHOLE)
    with pytest.raises(LessonError, match=r"2-same.yaml:1: there is another lesson 'same'"):
        read_lessons(tmp_path)


def test_every_term_has_a_text_and_refers_to_others_that_exist() -> None:
    terms = glossary()
    assert {"channel", "group"} <= set(terms)
    for term in terms.values():
        assert term.text
        assert set(terms_in(term.text)) <= set(terms)


def test_words_are_counted_as_somebody_reads_them() -> None:
    assert count_words("Two **words** and `one.name`, [a term](term:x).\n\n- and a list") == 9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("07-My Lesson.yaml", "small letters, digits and dashes"),
        ("07-.yaml", "small letters, digits and dashes"),
        ("07-glossary.yaml", "'glossary' is a page of its own beside the lessons"),
        ("assets.yaml", "'assets' is a page of its own"),
    ],
)
def test_a_file_whose_name_is_no_address_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(LessonError, match=words):
        lesson_of(tmp_path, WHOLE, name)


def test_a_step_cannot_be_called_as_a_page_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match=r":9: steps\[1\]\.id: 'handout' is a page of its own below each lesson"):
        lesson_of(tmp_path, WHOLE.replace("id: second", "id: handout"))


def test_lessons_of_a_folder_follow_those_that_come_with_the_explorer(tmp_path: Path) -> None:
    (tmp_path / "01-mine.yaml").write_text(WHOLE)
    *usual, own = lessons_with(tmp_path)
    assert tuple(usual) == bundled_lessons() == lessons_with(None)
    assert (own.id, own.folder) == ("mine", tmp_path.name)


def test_a_lesson_of_ones_own_has_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / f"{bundled_lessons()[0].id}.yaml").write_text(WHOLE)
    with pytest.raises(LessonError, match=r"\.yaml:1: a lesson that comes with the explorer is '.*' too"):
        lessons_with(tmp_path)
