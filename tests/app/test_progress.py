from __future__ import annotations

import pytest

from explorer.app.panels.progress import steps


@pytest.mark.parametrize(
    ("stage", "classes"),
    [
        ("", ["", "", "", ""]),
        ("building", ["is-here", "", "", ""]),
        ("grouping", ["is-done", "is-done", "is-here", ""]),
    ],
)
def test_stages_are_done_one_after_the_other(stage: str, classes: list[str]) -> None:
    assert [step.className for step in steps(stage)] == classes
