"""Files of weights that a page sends, and whether the server is there."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from flask.testing import FlaskClient
from safetensors.torch import save_file

from explorer.app import routes
from explorer.app.routes import file_name
from explorer.app.server import create_app
from explorer.app.workspace import Workspace
from explorer.engine.errors import ModelSourceError
from explorer.models import open_model

OWN = {"X-Explorer": "1"}


@pytest.fixture(scope="module")
def space() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(space: Workspace) -> FlaskClient:
    return create_app(space, space.open("sample:resnet20")).server.test_client()


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    state = open_model("sample:resnet20").model.state_dict()
    return state | {"conv1.weight": torch.full_like(state["conv1.weight"], 0.5)}


def sent(client: FlaskClient, body: bytes, name: str = "mine.safetensors", source: str = "sample:resnet20") -> dict:
    answer = client.post("/weights", query_string={"source": source, "name": name}, data=body, headers=OWN)
    assert answer.status_code == 200
    return answer.get_json()


def packed(folder: Path, state: dict[str, torch.Tensor]) -> bytes:
    save_file(state, folder / "w.safetensors")
    return (folder / "w.safetensors").read_bytes()


def test_a_server_says_which_run_it_is(client: FlaskClient, space: Workspace) -> None:
    assert client.get("/alive").get_json() == {"run": space.run}
    assert client.get("/alive", headers={"Host": "evil.example"}).status_code == 403


def test_weights_for_a_named_architecture_open_under_an_id_of_their_own(
    client: FlaskClient, space: Workspace, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    source = sent(client, packed(tmp_path, state))["source"]
    assert source.startswith("session:")
    subject = space.open(source)
    assert subject.notes == ("weights from mine.safetensors",)
    assert torch.equal(subject.graph.model.get_parameter("conv1.weight"), state["conv1.weight"])
    assert not torch.equal(
        space.open("sample:resnet20").graph.model.get_parameter("conv1.weight"), state["conv1.weight"]
    )
    # offered to the page that sent them, and again for other weights of the same architecture
    assert source not in str(space.choices())
    assert "weights from mine.safetensors" in str(space.choices(source))
    assert sent(client, packed(tmp_path, state), source=source)["source"] != source


def test_only_the_latest_uploads_stay(
    state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.app.workspace.UPLOADS_KEPT", 1)
    space = Workspace()
    (tmp_path / "w.safetensors").write_bytes(packed(tmp_path, state))
    first, second = (space.add_weights("sample:resnet20", tmp_path / "w.safetensors").source for _ in range(2))
    with pytest.raises(ModelSourceError, match="earlier session"):
        space.open(first)
    assert space.knows(second)
    space.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: {"fc.bias": state["fc.bias"]}, "missing"),
        (lambda state: state | {"more": torch.zeros(1)}, "unexpected .1.: more"),
        (lambda state: state | {"fc.bias": torch.zeros(3)}, "misshapen"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_words(
    client: FlaskClient, state: dict[str, torch.Tensor], tmp_path: Path, change: object, reason: str
) -> None:
    error = sent(client, packed(tmp_path, change(state)))["error"]  # type: ignore[operator]
    assert "mine.safetensors" in error
    assert str(tmp_path.parents[1]) not in error
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(error)


@pytest.mark.parametrize("body", [b"", b"\x80\x04K\x01.", b"PK\x03\x04", b"{}", b"\xff" * 64])
def test_what_is_no_safetensors_is_refused_and_never_unpickled(
    client: FlaskClient, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(torch, "load", never)
    assert "cannot be read as safetensors" in sent(client, body, name="weights.pt")["error"]


def test_weights_for_no_named_architecture_are_refused(client: FlaskClient) -> None:
    for source in ("", "/etc/passwd", "session:guess"):
        assert "cannot be opened from here" in sent(client, b"x", source=source)["error"]


def test_weights_are_taken_from_pages_of_this_server_only(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.post("/weights", data=b"x").status_code == 403
    monkeypatch.setattr("explorer.app.routes.MOST_BYTES", 3)
    assert "a page can send" in sent(client, b"four")["error"]


@pytest.mark.parametrize(
    ("name", "harmless"),
    [
        ("mine.safetensors", "mine.safetensors"),
        ("../../etc/passwd", "passwd.safetensors"),
        ("weights.pt", "weights.pt.safetensors"),
        ("", "weights.safetensors"),
        ("a b\x00.safetensors", "a-b.safetensors"),
    ],
)
def test_file_names_are_made_harmless(name: str, harmless: str) -> None:
    assert file_name(name) == harmless


def test_a_body_that_does_not_say_how_long_it_is_is_counted(
    client: FlaskClient, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MOST_BYTES", 100)
    monkeypatch.setattr(routes, "CHUNK", 10)
    body = io.BytesIO(b"x" * 1000)
    answer = client.post(
        "/weights",
        query_string={"source": "sample:resnet20", "name": "w.safetensors"},
        input_stream=body,
        environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True},
        headers=OWN,
    )
    assert "The file has 110 bytes or more; a page can send" in answer.get_json()["error"]
    assert body.tell() == 110  # no more than that was read
    assert not list(space.tensors.folder.glob("weights-*"))


def test_a_full_disk_is_told_in_words(client: FlaskClient, space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(routes, "_take_in", full)
    error = sent(client, b"x")["error"]
    assert error.startswith("The weights could not be taken in: No space left on device. ")
    assert str(space.tensors.folder) not in error
    assert error.endswith("Make room on the disk of the server.")
