from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from explorer.app import ids, learn
from explorer.app.server import create_app
from explorer.app.workspace import Subject, Workspace
from explorer.lessons import Lesson

UPDATE = "/learn/_dash-update-component"


@pytest.fixture(scope="module")
def client(workspace: Workspace, subject: Subject, lesson: Lesson) -> FlaskClient:
    server = Flask("explorer")
    learn.add_app(server, workspace, subject, [lesson])
    return server.test_client()


@pytest.fixture(scope="module")
def whole(workspace: Workspace, subject: Subject) -> FlaskClient:
    return create_app(workspace, subject).server.test_client()


def components(node: Any) -> Iterator[dict[str, Any]]:
    """Every component of a layout."""
    if isinstance(node, list):
        for each in node:
            yield from components(each)
    elif isinstance(node, dict) and "props" in node:
        yield node["props"]
        yield from components(node["props"].get("children"))


def ask(client: FlaskClient, outputs: list[tuple[str, str]], inputs: dict[str, Any], state: dict[str, Any]) -> Any:
    """Runs a callback as a page does; both name ``id.property`` of what they hold, in order."""
    parts = [{"id": name, "property": part} for name, part in outputs]
    ids_of = [f"{name}.{part}" for name, part in outputs]
    body = {
        "output": f"..{'...'.join(ids_of)}.." if len(parts) > 1 else ids_of[0],
        "outputs": parts if len(parts) > 1 else parts[0],
        "inputs": [_given(name, value) for name, value in inputs.items()],
        "state": [_given(name, value) for name, value in state.items()],
        "changedPropIds": [next(iter(inputs))],
    }
    answer = client.post(UPDATE, json=body)
    return json.loads(answer.text)["response"] if answer.status_code == 200 else None


def _given(name: str, value: Any) -> dict[str, Any]:
    node, _, part = name.rpartition(".")
    return {"id": node, "property": part, "value": value}


@pytest.mark.parametrize("path", ["/learn/", "/learn/kinds", "/learn/kinds/pick", "/learn/nothing"])
def test_every_address_of_a_lesson_is_the_page(whole: FlaskClient, path: str) -> None:
    answer = whole.get(path)
    assert answer.status_code == 200
    assert "learn.js" in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def test_without_a_slash_one_is_led_there(whole: FlaskClient) -> None:
    answer = whole.get("/learn")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/learn/"


def test_the_explorer_leads_to_the_lessons_and_loads_nothing_of_them(whole: FlaskClient) -> None:
    assert "learn" not in whole.get("/").text.replace("learning", "")
    links = [props.get("href") for props in components(whole.get("/_dash-layout").get_json())]
    assert "/learn/" in links


def test_the_page_holds_all_that_the_panels_of_the_explorer_need(whole: FlaskClient) -> None:
    explorer, page = (
        {str(props["id"]) for props in components(whole.get(f"{path}_dash-layout").get_json()) if "id" in props}
        for path in ("/", "/learn/")
    )
    assert explorer - page == {ids.TOUR, ids.TOUR_MARKS}
    assert {ids.LESSON, ids.LESSON_LIST, ids.LESSON_CHECK} <= page - explorer


def test_requests_under_another_name_are_refused_here_too(whole: FlaskClient) -> None:
    for path in ("/learn/", "/learn/_dash-layout"):
        assert whole.get(path, headers={"Host": "evil.example"}).status_code == 403
    assert whole.post(UPDATE, json={}).status_code == 400


def test_an_address_is_answered_with_its_step(client: FlaskClient) -> None:
    shown = [(ids.LESSON_STEP, "data")] + [
        (name, "children") for name in (ids.LESSON_LIST, ids.LESSON_HEAD, ids.LESSON_TEXT, ids.LESSON_FOOT)
    ]
    found = ask(client, shown, {"lesson-path.data": {"path": "/learn/kinds/pick", "at": 1}}, {})
    assert found[ids.LESSON_STEP]["data"]["step"] == "pick"
    assert "Pick" in json.dumps(found[ids.LESSON_TEXT])


@pytest.fixture
def states(exploration: Any) -> dict[str, Any]:
    return {"recipe.data": exploration.recipe.to_json(), "page.data": "serving-test"}


def test_a_task_is_asked_and_checked(client: FlaskClient, states: dict[str, Any]) -> None:
    at = {"lesson": "kinds", "step": "pick"}
    form = ask(client, [(ids.LESSON_TASK, "children")], {"lesson-step.data": at}, states)
    assert "layer1.0.conv2" in json.dumps(form)
    what = at | {"want": "check", "answer": ["bn1"], "at": 4}
    outputs = [(ids.LESSON_VERDICT, "data"), (ids.LESSON_CLOCK, "disabled")]
    found = ask(client, outputs, {"lesson-answer.data": what}, states)
    assert found[ids.LESSON_VERDICT]["data"]["state"] == "wrong"
    assert found[ids.LESSON_VERDICT]["data"]["at"] == 4
    assert found[ids.LESSON_CLOCK]["disabled"] is True


def test_a_step_without_a_task_asks_nothing(client: FlaskClient, states: dict[str, Any]) -> None:
    at = {"lesson": "kinds", "step": "see"}
    assert ask(client, [(ids.LESSON_TASK, "children")], {"lesson-step.data": at}, states) == {
        ids.LESSON_TASK: {"children": []}
    }


@pytest.mark.parametrize(("step", "count"), [("goal", 3), ("pick", 0)])
def test_only_a_goal_has_conditions(client: FlaskClient, states: dict[str, Any], step: str, count: int) -> None:
    inputs = {
        "settled.data": "key",
        "lesson-step.data": {"lesson": "kinds", "step": step},
        "clock.disabled": True,
        "lesson-verdict.data": None,
    }
    found = ask(client, [(ids.LESSON_CONDITIONS, "children")], inputs, states)
    assert json.dumps(found).count("condition-name") == count
