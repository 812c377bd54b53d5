"""What is on the screen as a step of a lesson: the dialog of the file menu."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from explorer.app import ids
from explorer.app.opening import opening_state
from explorer.app.panels import lesson_view
from explorer.app.workspace import Subject
from explorer.engine.errors import PlanError
from explorer.exploration import Recipe, View, set_each_ratio, start
from explorer.lessons.writing import step_yaml


def drawn(children: Any) -> str:
    return json.dumps(children, cls=PlotlyJSONEncoder, ensure_ascii=False)


def stores(subject: Subject, recipe: Recipe) -> list[Any]:
    """What the stores of a page hold that shows a recipe."""
    exploration = set_each_ratio(start(subject.graph, subject.source), recipe.ratios)
    state = opening_state(subject, exploration).stores()
    state |= {ids.SELECTION: {**recipe.view.selection, "groups": [], "via": "list"} if recipe.view.selection else None}
    state |= {ids.OPENED: {"source": subject.source, "paths": list(recipe.view.opened or ())}}
    state |= {ids.PINS: list(recipe.view.pins), ids.PANELS: dict(recipe.view.panels)}
    return [state[name] for name in (ids.RECIPE, ids.OPENED, ids.SELECTION, ids.PINS, ids.PANELS)]


VIEW = View(("layer1",), {"kind": "layer", "name": "conv1"}, ("conv1",), {"centre": "matrices"})


@pytest.mark.parametrize("view", [VIEW, View((), {})])
def test_the_recipe_of_a_page_has_the_view_that_its_stores_hold(subject: Subject, view: View) -> None:
    recipe = Recipe(subject.source, subject.graph.fingerprint, ratios={"conv1": 0.25}, view=view)
    assert lesson_view.whole(*stores(subject, recipe)) == recipe


def test_the_step_stands_there_to_be_copied_with_what_to_do_with_it(subject: Subject) -> None:
    recipe = Recipe(subject.source, ratios={"conv1": 0.25}, view=VIEW)
    shown = drawn(lesson_view.content(recipe))
    assert json.dumps(step_yaml(recipe), ensure_ascii=False) in shown
    assert "python -m explorer --lessons my_lessons/" in shown
    assert "that is left out" not in shown


def test_what_a_lesson_cannot_say_is_told(subject: Subject) -> None:
    shown = drawn(lesson_view.content(Recipe(subject.source, locked=frozenset({"conv1"}))))
    assert "A lesson does not say which groups are locked; that is left out." in shown


def test_a_model_without_a_name_is_told_that_it_cannot_be_used() -> None:
    shown = drawn(lesson_view.content(Recipe("session:abc")))
    assert "A lesson opens its models by name, and this one has none" in shown
    assert "id: my-step" not in shown


def test_a_page_that_holds_no_view_is_refused(subject: Subject) -> None:
    recipe, opened, selection, pins, _ = stores(subject, Recipe(subject.source, view=VIEW))
    with pytest.raises(PlanError, match="The panels of a recipe are a JSON object"):
        lesson_view.whole(recipe, opened, selection, pins, [1])


def test_the_dialog_opens_with_the_step(subject: Subject) -> None:
    app = Dash("test", suppress_callback_exceptions=True)
    lesson_view.register(app)
    (callback,) = app.callback_map.values()
    show = callback["callback"].__wrapped__
    shown, is_open = show(1, *stores(subject, Recipe(subject.source, view=VIEW)))
    assert is_open
    assert "id: my-step" in drawn(shown)
    recipe, *_ = stores(subject, Recipe(subject.source, view=VIEW))
    assert "message" in drawn(show(1, recipe, {"paths": 3}, None, None, None)[0])
