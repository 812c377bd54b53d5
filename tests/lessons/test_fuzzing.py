"""Whatever a file holds, reading it gives a lesson or says what is wrong with it: nothing else comes out."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from explorer.engine.errors import LessonError
from explorer.lessons import KINDS, Lesson, read_lesson
from explorer.lessons.schema import GLOSSARY, LESSON
from explorer.lessons.source import read_source
from tests.app.learn_print.conftest import EVERY_KIND

PIECES = [
    *(
        "",
        " ",
        "\n",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "<<: ",
        "? ",
        "|\n",
        ">",
        "%",
        "@",
        "`",
        "'",
        '"',
        "#",
    ),
    *("!!set ", "!!binary a", "---\n", "...\n", "\t", "\x00", "\x85", "\ufffd"),
    *("~", ".nan", ".inf", "-1", "1e999", "0x1F", "2026-13-45", "yes", "null", "ratios: {1: 2, a: 3}"),
    *("[x](term:nothing)", "[x](term:group)", "steps", "task:", "kind: goal", "show: {model: 'sample:vgg'}"),
]
WORDS = st.sampled_from(
    [*KINDS, "id", "title", "text", "show", "task", "kind", "model", "sample:vgg", "find", "group", "x y", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.integers() | st.none(), inner, max_size=5),
    max_leaves=12,
)
FIELDS: dict[str, Any] = {**LESSON["properties"], **LESSON["properties"]["steps"]["items"]["properties"]}


def said(text: str | bytes) -> str:
    """What reading a text as a lesson says; empty where it is one."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
        try:
            assert isinstance(read_lesson(path), Lesson)
        except LessonError as error:
            assert "fuzzed.yaml" in str(error)
            return str(error)
        return ""


@given(st.text() | st.binary())
def test_any_text(text: str | bytes) -> None:
    assert said(text), "chance makes no lesson"


@given(
    st.just(EVERY_KIND),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(PIECES)), max_size=4),
)
def test_lessons_with_pieces_cut_out_and_others_put_in(text: str, cuts: list[tuple[float, int, str]]) -> None:
    for where, length, piece in cuts:
        start = int(where * len(text))
        text = text[:start] + piece + text[start + length :]
    said(text)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), VALUES, max_size=8), st.lists(VALUES, max_size=3))
def test_any_data_in_the_fields_of_lessons(data: dict[str, Any], steps: list[Any]) -> None:
    said(yaml.dump({**data, "steps": steps}))


@given(st.data())
def test_lessons_with_a_field_of_a_step_replaced(data: st.DataObject) -> None:
    lesson = yaml.safe_load(EVERY_KIND)
    step = data.draw(st.sampled_from(lesson["steps"]))
    held = data.draw(st.sampled_from([part for part in (step, step.get("task"), step.get("show")) if part]))
    held[data.draw(st.sampled_from(sorted(held)))] = data.draw(VALUES)
    said(yaml.dump(lesson))


@given(st.text() | VALUES.map(yaml.dump))
def test_any_text_as_a_glossary(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "glossary.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            data, _ = read_source(path, GLOSSARY)
        except LessonError as error:
            assert "glossary.yaml" in str(error)
        else:
            assert data["terms"], "what is read is of the form"
