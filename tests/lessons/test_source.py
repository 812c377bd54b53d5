"""Files of lessons say what is wrong with them by file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.engine.errors import LessonError
from explorer.lessons.source import LARGEST_BYTES, parsed, read_source

ANY: dict[str, object] = {}


def test_each_part_knows_its_line() -> None:
    data, place = parsed("a: 1\nb:\n  - c: 2\n  - {d: 3,\n     e: 4}\n", "some.yaml")
    assert data == {"a": 1, "b": [{"c": 2}, {"d": 3, "e": 4}]}
    lines = {at: place.lines[at] for at in ("a", "b", "b[0].c", "b[1]", "b[1].d", "b[1].e")}
    assert lines == {"a": 1, "b": 2, "b[0].c": 3, "b[1]": 4, "b[1].d": 4, "b[1].e": 5}


def test_a_field_that_is_missing_is_said_at_what_should_hold_it() -> None:
    _, place = parsed("steps:\n  - id: one\n", "some.yaml")
    assert str(place.inside("steps[0].task.port").error("wrong")) == "some.yaml:2: steps[0].task.port: wrong"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1,", "some.yaml:1: this is no YAML: "),
        ("a: 1\na: 2\n", "some.yaml:2: a: this is said twice"),
        ("a: &x [1]\nb: *x\n", "some.yaml:2: b: this refers to another part"),
        ("? [1, 2]\n: 3\n", "is no name"),
        ("a:\n  0: 1\n", "some.yaml:2: a.0: this is no name; if it is meant to be one, put it in quotes: '0'"),
        ("on: 1\n", "some.yaml:1: on: this is no name; if it is meant"),
        ("<<: {a: 1}\n", "<<: this is no name"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "some.yaml:1: this is no YAML: could not determine a constructor",
        ),
        ("a: 2026-13-45\n", "this is no YAML"),
        ("a: 1\nb: \x08\n", "some.yaml:2: this is no YAML: special characters are not allowed"),
        ("--- 1\n--- 2\n", "this is no YAML"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(LessonError) as raised:
        parsed(text, "some.yaml")
    assert words in str(raised.value)


def test_nesting_without_end_is_refused_in_words() -> None:
    with pytest.raises(LessonError, match="no YAML"):
        parsed("[" * 5000, "some.yaml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match=r"absent.yaml cannot be read: No such file"):
        read_source(tmp_path / "absent.yaml", ANY)
    (tmp_path / "large.yaml").write_bytes(b"#" * (LARGEST_BYTES + 1))
    with pytest.raises(LessonError, match="larger than a lesson can be"):
        read_source(tmp_path / "large.yaml", ANY)
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(LessonError, match="no text in UTF-8"):
        read_source(tmp_path / "latin.yaml", ANY)
