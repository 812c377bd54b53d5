"""What commands print."""

from __future__ import annotations

import sys

import pytest

from explorer.commands import text
from explorer.commands.text import Bar, bar


def test_a_bar_is_as_full_as_the_fraction() -> None:
    assert bar(0) == "·" * 24
    assert bar(0.5) == "█" * 12 + "·" * 12
    assert bar(1) == "█" * 24


def test_where_there_is_no_terminal_only_milestones_are_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(text.time, "monotonic", lambda: now[0])
    with Bar() as shown:
        now[0] = 30.0
        shown.show(0.25, "a quarter", is_milestone=True)
        shown.show(0.3, "not said")
        shown.show(1.0, "done", is_milestone=True)
    assert capsys.readouterr().err.splitlines() == [f"[{bar(0.25)}] a quarter  1:30 left", f"[{bar(1)}] done"]


def test_on_a_terminal_the_bar_is_drawn_over_itself_but_not_too_often(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(text.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Bar() as shown:
        for moment in (0.05, 4.0, 4.05, 7200.0):
            now[0] = moment
            shown.show(0.5, f"at {moment:g}")
    written = capsys.readouterr().err
    assert written == f"\r\x1b[K[{bar(0.5)}] at 4  0:04 left\r\x1b[K[{bar(0.5)}] at 7200  2:00:00 left\n"
