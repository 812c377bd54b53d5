"""Models that torchvision registers, with inputs they run on."""

from __future__ import annotations

import inspect
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision import models

from explorer.engine.errors import ModelSourceError, did_you_mean
from explorer.models.seeding import fixed_seed, noise
from explorer.models.source import TorchvisionSource

IMAGE_SIZE = 224
DETECTION_SIZE = 320
FLOW_SIZE = 128  # the smallest that RAFT accepts
CLIP_FRAMES = 16

# Said out loud because torchvision warns where it is left to the default.
EXPLICIT_OPTIONS: dict[str, dict[str, Any]] = {
    name: {"init_weights": True}
    for name in ("googlenet", "inception_v3", "quantized_googlenet", "quantized_inception_v3")
}


def names() -> tuple[str, ...]:
    """Every registered name, sorted."""
    return tuple(models.list_models())


def task(name: str) -> str:
    """The folder of torchvision that the model lives in, such as `detection`; `classification` for its top level."""
    folders = models.get_model_builder(name).__module__.removeprefix("torchvision.models.").split(".")
    return folders[0] if len(folders) > 1 else "classification"


def build(source: TorchvisionSource) -> tuple[nn.Module, str]:
    """The model, and a note that says which weights it has.

    Raises:
        ModelSourceError: If torchvision has no such model or weights, or the weights cannot be downloaded.
    """
    if source.name not in names():
        raise ModelSourceError(
            f"torchvision {torchvision.__version__} has no model '{source.name}'. {did_you_mean(source.name, names())}"
            "torchvision.models.list_models() names them all."
        )
    if source.weights is None:
        return _build_random(source), "random weights"
    return _build_pretrained(source, source.weights)


def builder_options(name: str) -> dict[str, Any]:
    """What a model without weights is built with, besides ``weights=None``."""
    options = dict(EXPLICIT_OPTIONS.get(name, {}))
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        options["weights_backbone"] = None  # otherwise a pretrained backbone would be downloaded
    return options


def example_inputs(name: str, model: nn.Module, shape: tuple[int, ...] | None) -> tuple[Any, ...]:
    """Positional inputs for one forward: a batch of one, or of `shape` where that is given.

    Detectors take a list of images with values 0-1, video models a clip (B, C, T, H, W), optical flow two images.

    Args:
        name: The name that torchvision registers.
        model: The model that was built under that name.
        shape: Shape of one input, batch included.
    """
    height, width = _image_size(name, model)
    match task(name):
        case "detection":
            return (_pictures(shape or (1, 3, DETECTION_SIZE, DETECTION_SIZE)),)
        case "video":
            return (noise(shape or (1, 3, CLIP_FRAMES, height, width)),)
        case "optical_flow":
            image = noise(shape or (1, 3, FLOW_SIZE, FLOW_SIZE))
            return image, image.roll(1, dims=-1)
        case _:
            return (noise(shape or (1, 3, height, width)),)


def _build_random(source: TorchvisionSource) -> nn.Module:
    with fixed_seed():
        model: nn.Module = models.get_model(source.name, weights=None, **builder_options(source.name))
    return model


def _build_pretrained(source: TorchvisionSource, entry: str) -> tuple[nn.Module, str]:
    entries = models.get_model_weights(source.name).__members__
    if entry not in entries:
        raise ModelSourceError(
            f"'{source}' asks for weights that torchvision {torchvision.__version__} does not have. "
            f"It has {', '.join(entries)} for {source.name}."
        )
    try:
        model: nn.Module = models.get_model(source.name, weights=entries[entry])
    except OSError as error:  # urllib's errors are all OSErrors, and so is a full disk
        raise ModelSourceError(
            f"The weights of '{source}' are not in the cache {torch.hub.get_dir()}, and downloading "
            f"{entries[entry].url} failed: {error}. Connect to the network, put the file into the cache's folder "
            f"checkpoints, or open torchvision:{source.name} with random weights."
        ) from error
    return model, f"pretrained weights {entries[entry].name}"


def _image_size(name: str, model: nn.Module) -> tuple[int, int]:
    """Height and width of the images that the model was made for."""
    # A ViT built without weights has its own size, which its default weights may not share (vit_h_14: 224 and 518).
    own = getattr(model, "image_size", None)
    if isinstance(own, int):
        return own, own
    transforms = models.get_model_weights(name).DEFAULT.transforms()
    crop = list(getattr(transforms, "crop_size", [IMAGE_SIZE]))
    return crop[0], crop[-1]


def _pictures(shape: tuple[int, ...]) -> list[Tensor]:
    """Images of shape (3, H, W) with values 0-1, one for each entry of the batch."""
    if len(shape) != 4:
        raise ModelSourceError(
            f"A detector takes pictures of shape (B, 3, H, W); an input of shape {shape} was asked for. "
            "Give four sizes, as in --input 1,3,320,320."
        )
    return list(noise(shape).sigmoid().unbind())
