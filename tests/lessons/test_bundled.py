"""The lessons that come with the explorer, on the models that they show."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from explorer.engine.errors import LessonError
from explorer.engine.graph import DependencyGraph
from explorer.lessons import Lesson, bundled_lessons, verify
from explorer.models.tracing import trace


@cache
def graph_of(source: str) -> DependencyGraph:
    return trace(source)


@pytest.mark.parametrize("lesson", bundled_lessons(), ids=lambda lesson: lesson.id)
def test_what_a_lesson_names_is_there(lesson: Lesson) -> None:
    verify(lesson, graph_of)


@pytest.mark.parametrize(("path", "is_there"), [("layer1.*0-2.0", True), ("*0-2", True), ("layer1.*0-2.7", False)])
def test_modules_are_named_as_the_model_or_the_screen_has_them(path: str, is_there: bool) -> None:
    lesson = bundled_lessons()[0]
    step = replace(
        lesson.steps[0], show=replace(lesson.steps[0].show, model="sample:resnet20", opened=(path,), select={})
    )
    changed = replace(lesson, steps=(replace(step, task=None),))
    if is_there:
        verify(changed, graph_of)
        return
    with pytest.raises(LessonError, match=r"show.open\[0\]: ResNet-20 has no module"):
        verify(changed, graph_of)
