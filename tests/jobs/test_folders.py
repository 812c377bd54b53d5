"""Where jobs keep what they leave: gone with the process that made it, or cleared by the next one."""

from __future__ import annotations

import gc
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from explorer.jobs import JobQueue, TensorStore

ROOT = Path(__file__).resolve().parents[2]
SERVING = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from explorer.app.workspace import Workspace
workspace = Workspace()
workspace.tensors.keep("a", b"kept")
print(workspace.tensors.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def serving(place: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVING, str(place)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.skipif(sys.platform == "win32", reason="folders are locked on POSIX only")
def test_the_stores_of_a_killed_app_are_cleared_when_another_starts(place: Path) -> None:
    with serving(place) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        assert theirs.parent == place
        TensorStore()
        assert len(list(theirs.glob("*.safetensors"))) == 1, "it is still running"
        process.kill()
    assert theirs.exists()
    mine = TensorStore()
    assert list(place.iterdir()) == [mine.folder]


def test_an_app_that_ends_takes_its_stores_along(place: Path) -> None:
    with serving(place) as process:
        assert process.stdout is not None
        assert Path(process.stdout.readline().strip()).exists()
        process.communicate("")
    assert process.returncode == 0
    assert list(place.iterdir()) == []


def test_a_store_goes_with_its_owner_unless_it_was_given(place: Path) -> None:
    queue, store, given = JobQueue(), TensorStore(), TensorStore(place / "given")
    assert [stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()] == [0o700] * 3
    queue.close()
    assert store.folder.exists()
    given.keep("a", b"kept")
    del queue, store, given
    gc.collect()
    assert list(place.iterdir()) == [place / "given"]
    assert TensorStore(place / "given").has("a")
