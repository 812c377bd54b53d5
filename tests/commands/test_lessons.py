"""`python -m explorer lessons DIR`: a line for each lesson, and an error where one cannot be taught."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.__main__ import main
from explorer.app import serving
from explorer.lessons import Lesson, bundled_lessons

GOOD = """\
title: Mine
summary: Of my own.
minutes: 1
show: {model: "sample:resnet20"}
steps:
  - {id: see, title: See, text: Look.}
  - id: guess
    title: Guess
    text: How accurate is it?
    task: {kind: predict, question: "How?", hint: "High.", quantity: accuracy, ratios: {layer3.2.conv1: 0.1}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "01-mine.yaml").write_text(GOOD)
    return tmp_path


def test_a_good_lesson_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lessons", str(folder)]) == 0
    assert capsys.readouterr().out == "01-mine.yaml: Mine, 2 steps, 1 task, all answered by the engine\n"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("layer3.2.conv1: 0.1", "layer9: 0.1", ":10: steps[1].task.ratios.layer9: There is no group 'layer9'"),
        ("minutes: 1", "minutes: 99", ":3: minutes: minutes is 99, and should be from 1 to 15"),
        ("sample:resnet20", "sample:nothing", ": There is no sample model 'nothing'"),
        ("sample:resnet20", "torchvision:alexnet", ":10: steps[1].task.ratios.layer3.2.conv1: There is no group"),
    ],
)  # fmt: skip
def test_each_bad_lesson_is_said_and_the_others_are_checked_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, line: str
) -> None:
    (folder / "02-bad.yaml").write_text(GOOD.replace(old, new))
    (folder / "03-last.yaml").write_text(GOOD)
    assert main(["lessons", str(folder)]) == 2
    said = capsys.readouterr()
    first, bad, last = said.out.splitlines()
    assert first.startswith("01-mine.yaml: Mine, 2 steps")
    assert bad.startswith(f"02-bad.yaml{line}")
    assert last.startswith("03-last.yaml: Mine, 2 steps")
    assert said.err.startswith("explorer: 1 of 3 lessons cannot be taught as they are; see above.")


def test_a_name_that_is_taken_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / f"{bundled_lessons()[0].id}.yaml").write_text(GOOD)
    assert main(["lessons", str(folder)]) == 2
    assert "a lesson that comes with the explorer is" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "said"), [(None, "is no folder"), ("", "holds no lessons")])
def test_a_folder_without_lessons_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    asked = tmp_path / "nowhere"
    if text is not None:
        asked.mkdir()
    assert main(["lessons", str(asked)]) == 2
    assert said in capsys.readouterr().err


def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Lesson, ...]]:
    found: list[tuple[Lesson, ...]] = []
    monkeypatch.setattr(serving, "run", lambda *_, lessons, **__: found.append(lessons))
    return found


def test_the_app_is_given_the_lessons_of_a_folder_after_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = served(monkeypatch)
    assert main(["--lessons", str(folder)]) == 0
    assert main([]) == 0
    own, usual = found
    assert usual == bundled_lessons() == own[:-1]
    assert (own[-1].id, own[-1].folder) == ("mine", folder.name)
    assert {lesson.folder for lesson in usual} == {""}


def test_a_bad_lesson_is_refused_at_the_start(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = served(monkeypatch)
    (folder / "02-bad.yaml").write_text(GOOD.replace("hint:", "hnt:"))
    assert main(["--lessons", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("explorer: 02-bad.yaml:10: steps[1].task: steps[1].task has no 'hint'")
    assert found == []
