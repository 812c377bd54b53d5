"""Weights fit in every name and shape, or nothing is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import Tensor, nn

from explorer.engine.errors import ModelSourceError
from explorer.models import load_weights

State = dict[str, Tensor]


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


class Tied(nn.Module):
    """One tensor under two names, as embeddings and output layers of language models share it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.last = nn.Linear(3, 3)
        self.last.weight = self.first.weight


def by_torch(state: State, folder: Path) -> Path:
    path = folder / "weights.pt"
    torch.save(state, path)
    return path


def by_safetensors(state: State, folder: Path) -> Path:
    path = folder / "weights.safetensors"
    save_file(state, path)
    return path


@pytest.mark.parametrize("save", [by_torch, by_safetensors])
def test_loads_either_format(save: Callable[[State, Path], Path], tmp_path: Path):
    source, target = model(), model()
    source[1].running_mean.fill_(5)
    load_weights(target, save(source.state_dict(), tmp_path))
    assert all(torch.equal(tensor, source.state_dict()[name]) for name, tensor in target.state_dict().items())


def test_keeps_the_dtype_of_the_model(tmp_path: Path):
    target = model()
    load_weights(target, by_safetensors(model().half().state_dict(), tmp_path))
    assert {parameter.dtype for parameter in target.parameters()} == {torch.float32}


def test_tied_weights_may_be_stored_once(tmp_path: Path):
    source, target = Tied(), Tied()
    save_model(source, str(tmp_path / "tied.safetensors"))
    load_weights(target, tmp_path / "tied.safetensors")
    assert torch.equal(target.last.weight, source.first.weight)
    assert target.last.weight is target.first.weight


def test_lists_all_that_does_not_fit_and_loads_nothing(tmp_path: Path):
    target, state = model(), model().state_dict()
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    state["head.weight"] = state.pop("2.weight")
    state["0.weight"] = torch.zeros(4, 5)
    state["1.running_var"] = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ModelSourceError) as caught:
        load_weights(target, by_safetensors(state, tmp_path))
    message = str(caught.value)
    assert "do not fit Sequential; nothing was loaded" in message
    assert "missing (1): 2.weight" in message
    assert "unexpected (1): head.weight" in message
    assert (
        "misshapen (2): 0.weight (file [4, 5], model [4, 3]), 1.running_var (file [4] torch.int64, model [4])"
        in message
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in target.state_dict().items())


def test_names_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ModelSourceError, match="There is no file of weights"):
        load_weights(model(), tmp_path / "absent.pt")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("weights.safetensors", b"not weights", "cannot be read as safetensors"),
        ("weights.pt", b"not weights", "holds more than tensors, or is no file of weights"),
        ("weights.pt", b"PK\3\4 not a whole archive", "cannot be read as weights: PytorchStreamReader"),
        ("weights.pt", b"", "cannot be read as weights: it is empty"),
    ],
)
def test_refuses_a_file_that_is_no_weights(name: str, content: bytes, message: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelSourceError, match=message):
        load_weights(model(), path)


def test_refuses_to_unpickle_code(tmp_path: Path):
    path = tmp_path / "whole_model.pt"
    torch.save(model(), path)
    with pytest.raises(ModelSourceError, match="unpickling it could run code"):
        load_weights(model(), path)


@pytest.mark.parametrize(
    ("content", "found"),
    [({"state_dict": {}, "epoch": 3}, "holds a dict with state_dict, epoch"), ([1, 2], "holds list")],
)
def test_refuses_a_checkpoint_that_is_no_state_dict(content: object, found: str, tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path)
    with pytest.raises(ModelSourceError, match=found):
        load_weights(model(), path)
