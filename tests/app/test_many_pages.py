"""Twenty people at once: every page gets answers to its own questions about its own state."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask.testing import FlaskClient

from explorer.app import ids
from explorer.app.server import create_app
from explorer.app.workspace import Subject, Workspace
from explorer.exploration import Recipe

PAGES = 20
SOURCES = ("sample:resnet20", "sample:vgg")


def asked(client: FlaskClient, output: str, inputs: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """What the server answers a page that runs the callback of `output`, a store."""
    body = {
        "output": output,
        "outputs": {"id": ids.ANSWER, "property": output.partition(".")[2]},
        "inputs": [{"id": name, "property": "data", "value": value} for name, value in inputs.items()],
        "state": [{"id": name, "property": "data", "value": value} for name, value in state.items()],
        "changedPropIds": [f"{name}.data" for name in inputs],
    }
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 200
    return answer.get_json()["response"][ids.ANSWER]["data"]


def test_twenty_pages_do_not_mix_up_their_states(workspace: Workspace, subject: Subject) -> None:
    server = create_app(workspace, subject).server
    start = threading.Barrier(PAGES)

    def page(number: int) -> list[dict[str, Any]]:
        client, source = server.test_client(), SOURCES[number % len(SOURCES)]
        group = workspace.open(source).graph.groups[number % 6].name
        recipe, answers = Recipe(source).to_json(), []
        start.wait(60)
        for step in range(1, 4):
            changes = [{"kind": "ratio", "group": group, "ratio": step * (number + 5) / 100}]
            change = {"changes": changes, "serial": step, "epoch": number}
            answers.append(asked(client, "answer.data", {ids.CHANGE: change}, {ids.RECIPE: recipe}))
            recipe = answers[-1]["set"][ids.RECIPE]
        return answers

    with ThreadPoolExecutor(PAGES) as pool:
        for number, answers in enumerate(pool.map(page, range(PAGES))):
            source = SOURCES[number % len(SOURCES)]
            group = workspace.open(source).graph.groups[number % 6]
            assert [answer["serial"] for answer in answers] == [1, 2, 3]
            for step, answer in enumerate(answers, start=1):
                held, ratio = answer["set"], round(step * (number + 5) / 100, 4)
                expected = workspace.open(source).graph.plan({group.name: ratio})
                assert answer["epoch"] == number
                assert (held[ids.RECIPE]["source"], held[ids.RECIPE]["ratios"]) == (source, {group.name: ratio})
                assert held[ids.PREVIEW]["totals"]["macs"][1] == expected.cost.after.macs
                assert held[ids.PREVIEW]["groups"][group.name][1] == len(expected.channels[group.name])
