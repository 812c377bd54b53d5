"""What is written appears whole or not at all, whatever ends the writing: a full disk, a kill, a read-only place."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.engine.errors import SaveError
from explorer.engine.writing import new_folder

ROOT = Path(__file__).resolve().parents[2]

SAVING = """
import resource, sys, torch, explorer
model = torch.nn.Sequential(torch.nn.Linear(1, 4000), torch.nn.Linear(4000, 1))
pruned = explorer.trace(model, torch.ones(1, 1)).plan(0.5).apply()
for room in (1000, 30_000):  # for part of the weights, and for all of them but not the recipe
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        explorer.save(pruned, sys.argv[1])
    except explorer.ExplorerError as error:
        print(type(error).__name__, error)
"""

WAITING = """
import sys, time
from pathlib import Path
from explorer.engine.writing import new_folder
with new_folder(Path(sys.argv[1])) as unfinished:
    (unfinished / "half").write_text("written")
    print("writing", flush=True)
    time.sleep(60)
"""


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    given = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are POSIX")
def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    shown, errors = python(SAVING, tmp_path / "out").communicate(timeout=120)
    assert shown.count("SaveError") == 2, errors
    assert shown.count("could not be written") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_killed_leaves_no_target_and_the_next_one_clears_up(tmp_path: Path) -> None:
    process = python(WAITING, tmp_path / "out")
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert [path.name.startswith(".out-") for path in tmp_path.iterdir()] == [True]
    with new_folder(tmp_path / "out") as unfinished:
        (unfinished / "whole").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("explorer.engine.claims.tempfile.mkdtemp", refused)
    with (
        pytest.raises(SaveError, match=r"cannot be written: .*Read-only file system\. Choose a folder"),
        new_folder(tmp_path / "out"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_else_puts_there_meanwhile_stays(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="could not be written"), new_folder(tmp_path / "out") as unfinished:
        (unfinished / "ours").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["theirs"]
