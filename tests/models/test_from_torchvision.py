"""Inputs by task, and pretrained weights with and without a network."""

from __future__ import annotations

import urllib.error
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from explorer.engine.errors import ModelSourceError
from explorer.models import TorchvisionSource, from_torchvision, open_model

SHAPES = {
    "resnet18": (1, 3, 224, 224),
    "inception_v3": (1, 3, 299, 299),
    "efficientnet_b1": (1, 3, 240, 240),
    "swin_v2_t": (1, 3, 256, 256),
    "fcn_resnet50": (1, 3, 224, 224),
    "r3d_18": (1, 3, 16, 112, 112),
    "mvit_v1_b": (1, 3, 16, 224, 224),
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for torch.hub: the folder that downloaded weights would be in."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = Path(torch.hub.get_dir()) / "checkpoints"
    assert checkpoints.is_relative_to(tmp_path)
    checkpoints.mkdir(parents=True)
    return checkpoints


@pytest.mark.parametrize(("name", "shape"), SHAPES.items(), ids=SHAPES)
def test_input_has_the_size_that_the_model_was_trained_on(name: str, shape: tuple[int, ...]):
    (given,) = from_torchvision.example_inputs(name, nn.Identity(), None)
    assert given.shape == shape


def test_input_has_the_size_that_the_model_itself_was_built_for():
    model = models.VisionTransformer(image_size=64, patch_size=16, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=8)
    (given,) = from_torchvision.example_inputs("vit_h_14", model, None)
    assert given.shape == (1, 3, 64, 64)
    assert model(given).shape == (1, 1000)


def test_detector_runs_on_its_pictures():
    opened = open_model("torchvision:ssdlite320_mobilenet_v3_large", input_shape=(2, 3, 64, 64))
    (pictures,) = opened.example_inputs
    assert [tuple(picture.shape) for picture in pictures] == [(3, 64, 64), (3, 64, 64)]
    assert all(0 <= float(picture.min()) < float(picture.max()) <= 1 for picture in pictures)
    assert [set(found) for found in opened.model(pictures)] == [{"boxes", "scores", "labels"}] * 2


def test_detector_asks_for_pictures():
    with pytest.raises(ModelSourceError, match=r"pictures of shape \(B, 3, H, W\); an input of shape \(3, 64\)"):
        from_torchvision.example_inputs("ssdlite320_mobilenet_v3_large", nn.Identity(), (3, 64))


def test_optical_flow_runs_on_two_different_images():
    opened = open_model("torchvision:raft_small")
    first, second = opened.example_inputs
    assert first.shape == second.shape == (1, 3, 128, 128)
    assert not torch.equal(first, second)
    with torch.no_grad():
        assert opened.model(first, second)[-1].shape == (1, 2, 128, 128)


def test_random_model_downloads_no_backbone(hub: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    model, note = from_torchvision.build(TorchvisionSource("lraspp_mobilenet_v3_large"))
    assert note == "random weights"
    assert isinstance(model, nn.Module)
    assert not list(hub.iterdir())


def test_pretrained_weights_come_from_the_cache(hub: Path):
    wanted: dict[str, Tensor] = {
        name: torch.full_like(tensor, 3) for name, tensor in models.squeezenet1_1().state_dict().items()
    }
    torch.save(wanted, hub / models.SqueezeNet1_1_Weights.DEFAULT.url.rpartition("/")[2])
    opened = open_model("torchvision:squeezenet1_1@DEFAULT")
    assert all(bool((parameter == 3).all()) for parameter in opened.model.parameters())
    assert opened.notes == ("pretrained weights IMAGENET1K_V1",)
    assert opened.source == "torchvision:squeezenet1_1@DEFAULT"


def test_pretrained_weights_without_a_network_are_an_error_in_words(hub: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    with pytest.raises(ModelSourceError, match=r"downloading .*failed: .*name not known") as caught:
        open_model("torchvision:squeezenet1_1@DEFAULT")
    assert str(hub.parent) in str(caught.value)
    assert "torchvision:squeezenet1_1 with random weights" in str(caught.value)


def no_network(*_: object, **__: object) -> NoReturn:
    raise urllib.error.URLError("name not known")
