"""The schemas that editors use are those that the code checks with, and refuse what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from explorer.lessons import KINDS
from explorer.lessons.reading import GLOSSARY_FILE, TEXTS, lesson_files
from explorer.lessons.schema import published

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
HOW = "write it anew: python -m tests.lessons.test_schema"
TASK = {"question": "Q?", "hint": "H."}
WHOLE_TASKS: dict[str, dict[str, Any]] = {
    "pick": {"find": "loses_with", "port": "conv1+"},
    "choose": {"by": "macs", "find": "most", "options": ["conv1", "fc"]},
    "predict": {"quantity": "macs", "ratios": 0.5},
    "edits": {"group": "conv1", "channel": 0, "edits": [{"title": each, "cut": ["x 0"]} for each in "AB"]},
    "goal": {"at_most": {"macs": 0.5}},
}  # fmt: skip


def lesson(task: dict[str, Any]) -> dict[str, Any]:
    step = {"id": "one", "title": "One", "text": "Text.", "task": task}
    return {"title": "T", "summary": "S.", "minutes": 1, "show": {"model": "sample:vgg"}, "steps": [step]}


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", published())
def test_the_schemas_are_those_that_the_code_makes(name: str) -> None:
    assert (SCHEMAS / name).read_text(encoding="utf-8") == written(name), HOW


@pytest.mark.parametrize("path", [*lesson_files(TEXTS), GLOSSARY_FILE], ids=lambda path: path.stem)
def test_what_comes_with_the_explorer_is_what_editors_expect(path: Path) -> None:
    name = "glossary.json" if path == GLOSSARY_FILE else "lesson.json"
    validator(name).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_task_has_the_fields_that_it_needs(kind: str) -> None:
    valid, fields = validator("lesson.json"), WHOLE_TASKS[kind]
    assert valid.is_valid(lesson({"kind": kind, **TASK, **fields}))
    assert not valid.is_valid(lesson({"kind": kind, **TASK, **fields, "porrt": "conv1+"})), "a slip of the pen"
    assert not valid.is_valid(lesson({"kind": kind, "question": "Q?", **fields})), "no hint"
    for name in KINDS[kind].fields.get("required", ()):
        assert not valid.is_valid(lesson({"kind": kind, **TASK, **{k: v for k, v in fields.items() if k != name}}))


def written(name: str) -> str:
    return json.dumps(published()[name], indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in published():
        (SCHEMAS / each).write_text(written(each), encoding="utf-8")
