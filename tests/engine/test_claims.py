"""Folders of killed processes are cleared by the next one; those of living processes, and all others, are left."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from explorer.engine import claims
from explorer.engine.claims import SUFFIX, claim, clear

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders are locked on POSIX only")

ROOT = Path(__file__).resolve().parents[2]
HOLDING = """
import sys
from pathlib import Path
from explorer.engine.claims import claim
held = claim(Path(sys.argv[1]), "out-")
(held.path / "half").write_text("written")
print(held.path.name, flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(parent: Path) -> Iterator[Path]:
    """A folder that another process holds, which is killed at the end."""
    command = [sys.executable, "-c", HOLDING, str(parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield parent / process.stdout.readline().strip()
        process.kill()


def test_what_a_killed_process_left_is_cleared_and_a_living_one_keeps_its_folder(tmp_path: Path) -> None:
    with holding(tmp_path) as living:
        with holding(tmp_path) as dead:
            assert dead.is_dir()
        mine = claim(tmp_path, "out-")
        assert not dead.exists()
        assert (living / "half").read_text() == "written"
        assert stat.S_IMODE(mine.path.stat().st_mode) == 0o700
        claim(tmp_path, "out-").remove()
        assert mine.path.exists(), "this process holds it"
        mine.remove()
    clear(tmp_path, "out-")
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_cleared(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for name in (f"other-abcdefgh{SUFFIX}", f"out-abcdefghi{SUFFIX}", "out-abcdefgh", "out-abcdefgh.000000.explorer"):
        (tmp_path / name).mkdir()
    (tmp_path / f"out-aaaaaaaa{SUFFIX}").touch()
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    (tmp_path / f"out-bbbbbbbb{SUFFIX}").symlink_to(elsewhere)
    before = sorted(tmp_path.rglob("*"))
    clear(tmp_path, "out-")
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / f"out-cccccccc{SUFFIX}").mkdir()
    clear(tmp_path, "out-")
    assert sorted(tmp_path.rglob("*")) == before
    clear(tmp_path / "missing", "out-")


def test_another_users_folder_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"out-abcdefgh{SUFFIX}").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    clear(tmp_path, "out-")
    assert len(list(tmp_path.iterdir())) == 1


def test_who_is_cleared_between_making_and_locking_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    lock = claims._lock

    def late(path: Path) -> int | None:
        made.append(path)
        if len(made) == 1:
            clear(tmp_path, "out-")
        return lock(path)

    monkeypatch.setattr(claims, "_lock", late)
    held = claim(tmp_path, "out-")
    assert [path.exists() for path in made] == [False, True]
    assert made[1] == held.path
    held.remove()


def test_where_nothing_can_be_locked_nothing_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(claims.fcntl, "flock", refused)
    first, second = claim(tmp_path, "out-"), claim(tmp_path, "out-")
    assert first.path.exists()
    monkeypatch.setattr(claims, "fcntl", None)
    third = claim(tmp_path, "out-")
    assert len(list(tmp_path.iterdir())) == 3
    for held in (first, second, third):
        held.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_forked_process_removes_nothing_of_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = claim(tmp_path, "out-")
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        held.remove()
    assert held.path.exists()
    held.remove()
    assert not held.path.exists()


def test_many_at_once_each_get_a_folder_of_their_own(tmp_path: Path) -> None:
    failed: list[str] = []

    def work() -> None:
        for _ in range(30):
            held = claim(tmp_path, "out-")
            (held.path / "mine").touch()
            if not (held.path / "mine").exists():
                failed.append(held.path.name)
            held.remove()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert list(tmp_path.iterdir()) == []
