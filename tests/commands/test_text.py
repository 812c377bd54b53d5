"""What commands print."""

from __future__ import annotations

import sys

import pytest

from explorer.commands.text import Bar


def test_where_there_is_no_terminal_only_milestones_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as shown:
        shown.show(0.25, "a quarter", is_milestone=True)
        shown.show(0.3, "not said")
        shown.show(1.0, "done", is_milestone=True)
    assert capsys.readouterr().err.splitlines() == [" 25 %  a quarter", "100 %  done"]


def test_on_a_terminal_the_bar_is_drawn_over_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Bar() as shown:
        shown.show(0.5, "half", is_milestone=True)
        shown.show(1.0, "all", is_milestone=True)
    written = capsys.readouterr().err
    assert "] half" in written
    assert written.count("\n") == 1
    assert written.rstrip().split("\r")[-1].startswith(f"[{'█' * 24}] all")


def test_what_an_earlier_call_did_does_not_count_as_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    with Bar() as shown:
        now[0] = 600.0
        shown.start_at(0.5)
        now[0] = 660.0
        shown.show(0.75, "half of the rest", is_milestone=True)
    assert "half of the rest  01:00 left" in capsys.readouterr().err
