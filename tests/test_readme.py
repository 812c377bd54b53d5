"""The README's Python runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
_FENCE = re.compile(r"^```python[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[str]:
    """The text of every python block, in order."""
    return _FENCE.findall(README.read_text(encoding="utf-8")) if README.exists() else []


def test_the_readme_has_python_to_run() -> None:
    assert len(blocks()) >= 1, f"{README} needs at least one python block"


def test_every_python_block_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    for number, block in enumerate(blocks(), start=1):
        exec(compile(block, f"README.md, block {number}", "exec"), names)
    assert "explorer" in names
