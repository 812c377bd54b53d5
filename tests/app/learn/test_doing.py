"""What a step asks somebody to do on the screen: said, noticed, and passed over as a task is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from explorer.app.learn.doing import SIGNS
from explorer.app.learn.turning import turned
from explorer.app.theme import ASSETS
from explorer.lessons import ACTIONS, Lesson


def text_of(parts: Any) -> str:
    return json.dumps(parts, cls=PlotlyJSONEncoder).replace("\\", "")


def test_every_action_is_noticed_by_a_function_of_its_name() -> None:
    assert set(SIGNS) == set(ACTIONS)
    noticing = (ASSETS / "learn_doing.js").read_text(encoding="utf-8")
    assert {name for name in ACTIONS if re.search(rf"^    {name}:", noticing, re.MULTILINE)} == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_step_says_what_is_to_be_done_and_can_be_skipped(lesson: Lesson, action: str) -> None:
    asking = replace(lesson, steps=(replace(lesson.steps[0], does=action), *lesson.steps[1:]))
    shown = turned([asking], f"/learn/{lesson.id}/{lesson.steps[0].id}")
    assert shown.step["does"] == action
    assert f"{ACTIONS[action]}." in text_of(shown.text)
    assert '"Skip"' in text_of(shown.foot)
    assert '"data-solved": "Next"' in text_of(shown.foot)


def test_a_step_with_nothing_to_do_says_nothing_of_it(lesson: Lesson) -> None:
    shown = turned([lesson], f"/learn/{lesson.id}/{lesson.steps[0].id}")
    assert shown.step["does"] == ""
    assert "lesson-does" not in text_of(shown.text)
