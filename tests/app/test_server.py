from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import torch
from dash import Dash
from torch.utils.data import DataLoader, TensorDataset

from explorer.app.server import create_app, host_name, outward_addresses
from explorer.app.serving import ServeError, address_of, listen, show
from explorer.app.workspace import Subject, Workspace, checked_name
from explorer.engine.errors import DataError, LessonError, ModelSourceError, PlanError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, start
from explorer.jobs import measure
from explorer.models import OpenedModel, open_model
from explorer.models.tracing import trace_opened
from explorer.training import digits, evaluate


@pytest.fixture(scope="module")
def app(workspace: Workspace, subject: Subject) -> Dash:
    return create_app(workspace, subject)


@pytest.fixture
def own() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.close()


@pytest.mark.parametrize("host", ["127.0.0.1:8050", "localhost:8050", "[::1]:8050", "localhost"])
def test_requests_from_this_machine_are_answered(app: Dash, host: str) -> None:
    assert app.server.test_client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", "localhost.", "[::2]"])
def test_requests_under_another_name_are_refused(app: Dash, host: str) -> None:
    for path in ("/", "/_dash-layout", "/_dash-dependencies", "/assets/tokens.css"):
        assert app.server.test_client().get(path, headers={"Host": host}).status_code == 403


def test_the_address_that_is_served_on_is_allowed(workspace: Workspace, subject: Subject) -> None:
    client = create_app(workspace, subject, host="192.0.2.7").server.test_client()
    assert client.get("/", headers={"Host": "192.0.2.7:8050"}).status_code == 200


def test_on_all_addresses_this_machines_own_names_are_allowed(workspace: Workspace, subject: Subject) -> None:
    client = create_app(workspace, subject, host="0.0.0.0").server.test_client()
    for own in (socket.gethostname(), *outward_addresses(), "localhost"):
        assert client.get("/", headers={"Host": f"{own}:8050"}).status_code == 200
    refused = client.get("/", headers={"Host": "evil.example:8050"})
    assert refused.status_code == 403
    assert "'evil.example'" in refused.text
    assert "--host" in refused.text


def test_the_address_that_is_printed_can_be_opened() -> None:
    assert "0.0.0.0" not in address_of("0.0.0.0", 8050)
    assert address_of("::1", 80) == "http://[::1]:80"


@pytest.mark.parametrize("body", [{}, [], {"output": "a"}, None])
def test_what_is_no_callback_is_refused_without_a_traceback(app: Dash, body: object) -> None:
    answer = app.server.test_client().post("/_dash-update-component", json=body)
    assert answer.status_code == 400


def test_a_host_header_is_read_without_its_port() -> None:
    assert [host_name(host) for host in ("a:1", "[::1]:8050", "[::1", "")] == ["a", "::1", "", ""]


def test_what_the_page_asks_for_early_is_there(app: Dash) -> None:
    client = app.server.test_client()
    early = re.findall(r'<link rel="preload" as="script" href="([^"]+)">', client.get("/").get_data(as_text=True))
    assert early
    assert [client.get(address).status_code for address in early] == [200] * len(early)


def test_everything_comes_from_this_machine(app: Dash) -> None:
    page = app.server.test_client().get("/").get_data(as_text=True)
    assert "http://" not in page
    assert "https://" not in page
    assert "explorer.css" in page


def test_every_page_is_its_own(app: Dash) -> None:
    first, second = (app.server.test_client().get("/_dash-layout").get_json() for _ in range(2))
    pages = [
        next(
            child["props"]["data"]
            for child in page["props"]["children"]["props"]["children"]
            if child["props"].get("id") == "page"
        )
        for page in (first, second)
    ]
    assert pages[0] != pages[1]


def test_a_model_from_memory_has_an_opaque_id_that_only_this_run_knows(
    own: Workspace, exploration: Exploration
) -> None:
    subject = own.add(exploration.graph)
    assert subject.source.startswith("session:")
    assert own.open(subject.source) is subject
    assert own.choices()[0] == {
        "group": "This session",
        "items": [{"label": exploration.graph.title, "value": subject.source}],
    }


@pytest.mark.parametrize("source", ["session:guess", "model.py:build", "/etc/passwd", "sample"])
def test_a_page_opens_models_by_name_only(own: Workspace, source: str) -> None:
    with pytest.raises(ModelSourceError, match="cannot be opened from here"):
        own.open(source)
    with pytest.raises(ModelSourceError):
        checked_name(source)


def test_a_recipe_for_another_model_is_refused(workspace: Workspace, exploration: Exploration) -> None:
    recipe = exploration.recipe.to_json() | {"fingerprint": "0" * 16}
    with pytest.raises(PlanError, match="made for another version"):
        workspace.exploration(recipe)


def test_only_the_latest_models_stay_in_memory(own: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.app.workspace.MODELS_KEPT", 1)
    first = own.open("sample:resnet20")
    own.open("sample:vgg")
    assert own.open("sample:resnet20") is not first


def test_who_opens_a_model_waits_for_it_and_others_go_on(own: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    began, release = threading.Event(), threading.Event()

    def slow(opened: OpenedModel, **_: object) -> DependencyGraph:
        began.set()
        assert release.wait(20)
        return trace_opened(opened)

    own.open("sample:resnet20")
    monkeypatch.setattr("explorer.app.workspace.trace_opened", slow)
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(own.open, "sample:vgg") for _ in range(2))
        assert began.wait(20)
        assert own.openings.stage("sample:vgg") == "building"
        own.begin("sample:resnet20")  # would hang while one lock is held for all
        assert not first.done()
        assert not second.done()
        release.set()
        assert first.result() is second.result()
    assert own.openings.stage("sample:vgg") == ""
    assert not own._opening


def test_a_sample_is_measured_whatever_weights_it_has(own: Workspace, exploration: Exploration) -> None:
    opened = replace(open_model("sample:resnet20"), card=None, notes=("weights from mine.safetensors",))
    subject = own.add(exploration.graph, opened, is_as_named=False)
    assert subject.source.startswith("session:")
    assert subject.data is not None
    assert subject.data.word == "digits"
    assert subject.notes == ("weights from mine.safetensors",)


def test_a_sample_is_measured_on_the_data_that_it_was_made_for(own: Workspace) -> None:
    opened = {name: own.open(f"sample:{name}") for name in ("lstm", "dgcnn", "gat")}
    words = {name: subject.data.word for name, subject in opened.items() if subject.data}
    assert words == {"lstm": "digits-sequence", "dgcnn": "digits-points", "gat": "digits-graph"}


def test_a_port_in_use_is_told_before_anything_is_served(exploration: Exploration) -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ServeError, match="cannot be served"):
        show(exploration.graph, port=taken.getsockname()[1], open_browser=False)


def test_a_model_in_memory_is_shown_from_a_thread_until_it_is_closed(exploration: Exploration) -> None:
    shown = show(exploration.graph, port=0, block=False)
    with urlopen(f"{shown.address}/alive") as answer:
        assert json.load(answer)["run"]
    assert f'<iframe src="{shown.address}"' in shown._repr_html_()
    again = show(exploration.graph, block=False, port=None)  # a cell that is run again finds a port of its own
    assert again.address != shown.address
    for each in (shown, again, shown):
        each.close()
    with pytest.raises(URLError):
        urlopen(f"{shown.address}/alive")


def test_a_model_in_memory_is_measured_on_data_in_memory(exploration: Exploration) -> None:
    test = digits().test
    loader = DataLoader(TensorDataset(torch.as_tensor(test.inputs), test.labels), batch_size=7)
    shown = show(exploration.graph, data=loader, port=0, block=False)
    (subject,) = shown._workspace._own.values()
    assert subject.data is not None
    assert (len(subject.data.train), len(subject.data.test)) == (0, 359)
    found = measure(start(subject.graph, subject.source), subject.data.test)
    assert found.accuracy == evaluate(exploration.graph.model, test).accuracy
    shown.close()
    with pytest.raises(DataError, match=r"The data is of type int\. Give a dataset, a DataLoader"):
        show(exploration.graph, data=7, port=0, block=False)


def test_a_folder_of_lessons_is_taught_after_the_explorers_own(exploration: Exploration, tmp_path: Path) -> None:
    text = "title: Mine\nsummary: Own.\nminutes: 1\nshow: {model: 'sample:resnet20'}\n"
    (tmp_path / "mine.yaml").write_text(f"{text}steps: [{{id: see, title: See, text: Look.}}]\n")
    shown = show(exploration.graph, lessons=str(tmp_path), port=0, block=False)
    try:
        with urlopen(f"{shown.address}/learn/mine/handout") as answer:
            assert b"Mine" in answer.read()
    finally:
        shown.close()
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(LessonError, match=r"mine\.yaml:1: it has no 'steps'"):
        show(exploration.graph, lessons=tmp_path, port=0, block=False)


def test_a_script_waits_until_it_is_interrupted(
    exploration: Exploration, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def interrupted(_thread: threading.Thread, _seconds: float) -> None:
        monkeypatch.undo()  # what closes the app joins the thread for good
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("explorer.app.serving._is_interactive", lambda: False)
    monkeypatch.setattr("threading.Thread.join", interrupted)
    shown = show(exploration.graph, port=0)
    said = f"Explorer shows {exploration.graph.title} at {shown.address}  (Ctrl-C stops it)\n"
    assert capsys.readouterr().out == said
    assert not shown._thread.is_alive()
    with pytest.raises(URLError):
        urlopen(f"{shown.address}/alive")
    assert opened == [shown.address]


def test_at_a_prompt_nothing_waits(monkeypatch: pytest.MonkeyPatch, exploration: Exploration) -> None:
    monkeypatch.setattr("sys.ps1", ">>> ", raising=False)
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    shown = show(exploration.graph, port=0)
    assert shown._thread.is_alive()
    assert not opened
    shown.close()
