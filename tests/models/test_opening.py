"""From a source to a model with inputs it runs on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from explorer.engine.errors import ModelSourceError
from explorer.models import open_model
from sample_models import SAMPLES

FACTORY = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Linear(6, 4), nn.Dropout(), nn.Linear(4, 2))

def build_with_inputs():
    return build(), torch.ones(3, 6)
"""


@pytest.fixture
def factory_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(FACTORY, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_comes_trained_with_its_card(name: str):
    opened = open_model(f"sample:{name}")
    trained = SAMPLES[name].load().state_dict()
    assert all(torch.equal(tensor, trained[key]) for key, tensor in opened.model.state_dict().items())
    assert opened.source == f"sample:{name}"
    assert opened.title == SAMPLES[name].title
    assert opened.card == SAMPLES[name].card()
    assert opened.notes == ()
    assert opened.is_shareable
    assert opened.data == SAMPLES[name].data
    assert opened.model(*opened.example_inputs).shape[1] == 10


def test_torchvision_model_has_the_same_random_weights_each_time_and_says_so():
    random_state = torch.get_rng_state()
    first, second = open_model("torchvision:squeezenet1_1"), open_model("torchvision:squeezenet1_1")
    assert torch.equal(torch.get_rng_state(), random_state)
    weights = second.model.state_dict()
    assert all(torch.equal(tensor, weights[key]) for key, tensor in first.model.state_dict().items())
    assert torch.equal(first.example_inputs[0], second.example_inputs[0])
    assert first.notes == ("random weights",)
    assert first.card is None
    assert first.is_shareable
    assert not first.model.training


def test_file_model_is_seeded_and_not_shareable(factory_file: Path):
    source = f"{factory_file}:build_with_inputs"
    first, second = open_model(source, trust_code=True), open_model(source, trust_code=True)
    assert torch.equal(first.model[0].weight, second.model[0].weight)
    assert torch.equal(first.example_inputs[0], torch.ones(3, 6))
    assert not first.is_shareable
    assert not first.model[1].training
    assert first.title == "build_with_inputs (net.py)"


def test_code_is_not_run_unless_it_is_trusted(tmp_path: Path):
    path = tmp_path / "trap.py"
    path.write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\n", encoding="utf-8")
    with pytest.raises(ModelSourceError, match="allowed from the command line only"):
        open_model(f"{path}:build")
    assert not (tmp_path / "ran").exists()


def test_input_shape_replaces_the_example_inputs(factory_file: Path):
    assert open_model("sample:vgg", input_shape=(5, 1, 8, 8)).example_inputs[0].shape == (5, 1, 8, 8)
    assert open_model("torchvision:resnet18", input_shape=(2, 3, 64, 64)).example_inputs[0].shape == (2, 3, 64, 64)
    opened = open_model(f"{factory_file}:build_with_inputs", input_shape=(7, 6), trust_code=True)
    assert opened.example_inputs[0].shape == (7, 6)


def test_file_model_without_inputs_asks_for_their_shape(factory_file: Path):
    with pytest.raises(ModelSourceError, match="--input 1,3,224,224"):
        open_model(f"{factory_file}:build", trust_code=True)
    assert open_model(f"{factory_file}:build", input_shape=(1, 6), trust_code=True).model(torch.zeros(1, 6)).shape == (
        1,
        2,
    )


def test_weights_file_replaces_weights_notes_and_card(tmp_path: Path):
    path = tmp_path / "mine.safetensors"
    save_file({name: torch.full_like(tensor, 2) for name, tensor in SAMPLES["vgg"].build().state_dict().items()}, path)
    opened = open_model("sample:vgg", weights=path)
    assert all(bool((parameter == 2).all()) for parameter in opened.model.parameters())
    assert opened.notes == ("weights from mine.safetensors",)
    assert opened.card is None
    assert opened.data == "digits"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("sample:resnet2", "no sample model 'resnet2'. Did you mean resnet20"),
        ("sample:zzz", "no sample model 'zzz'. The sample models are resnet20, resnet56, vgg, densenet"),
        ("torchvision:resnet19", r"has no model 'resnet19'. Did you mean resnet\d+"),
        ("torchvision:resnet18@NEWEST", "It has IMAGENET1K_V1, DEFAULT for resnet18"),
    ],
)
def test_unknown_name_lists_near_ones(source: str, message: str):
    with pytest.raises(ModelSourceError, match=message):
        open_model(source)


def test_sample_opens_without_importing_torchvision_or_sklearn():
    code = "import sys; from explorer.models import open_model; open_model('sample:vgg'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "sample_models.vgg" in done.stdout.split()
    assert not {"torchvision", "sklearn"} & set(done.stdout.split())
