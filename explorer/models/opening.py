"""From the text of a source to a model that can be traced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from explorer.engine.errors import ModelSourceError, did_you_mean
from explorer.models.from_file import ExampleInputs, build_from_file
from explorer.models.seeding import noise
from explorer.models.source import FileSource, SampleSource, TorchvisionSource, parse_source
from explorer.models.weights import load_weights
from sample_models import SAMPLES


@dataclass(frozen=True, slots=True, eq=False)
class OpenedModel:
    """A model with all that is known about where it came from.

    Attributes:
        source: The canonical text of the source; opening it again gives the same model.
        title: What the model is called on screen.
        model: The model, in eval mode.
        example_inputs: Inputs that the model runs on.
        notes: What a user should know before trusting a number, such as "random weights"; may be empty.
        card: How the weights were trained and what they achieve; sample models have one.
        data: The word of the data that it was made for; sample models have one, and keep it with other weights.
        is_shareable: Whether the source is a name and no code of the user's, so that a recipe or a link may carry it.
    """

    source: str
    title: str
    model: nn.Module
    example_inputs: ExampleInputs
    notes: tuple[str, ...] = ()
    card: dict[str, Any] | None = None
    data: str = ""
    is_shareable: bool = False


def open_model(
    source: str,
    *,
    input_shape: tuple[int, ...] | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
) -> OpenedModel:
    """The model that `source` names, with inputs to run it on.

    Random weights are seeded: opening a source again gives the same ones. The caller's random state is left alone.

    Args:
        source: `sample:NAME`, `torchvision:NAME` (random weights), `torchvision:NAME@DEFAULT` (pretrained, through
            torchvision's own loader and cache), or `path/to/file.py:factory`.
        input_shape: Shape of the example input, batch included, such as (1, 3, 224, 224), filled with standard normal
            noise; None for the model's own example inputs.
        weights: A safetensors file or a `weights_only` state dict to load over the weights of the source.
        trust_code: Whether `path/to/file.py:factory`, which runs the file, is allowed.

    Raises:
        ModelSourceError: If the source names no model, the model cannot be built or downloaded, code is not trusted,
            no example inputs are known, or the weights do not fit.
    """
    match parse_source(source):
        case SampleSource() as parsed:
            opened = _open_sample(parsed, input_shape)
        case TorchvisionSource() as parsed:
            opened = _open_torchvision(parsed, input_shape)
        case FileSource() as parsed:
            opened = _open_file(parsed, input_shape, trust_code=trust_code)
    opened.model.eval()
    if weights is None:
        return opened
    load_weights(opened.model, weights)
    return replace(opened, notes=(f"weights from {weights.name}",), card=None)


def data_of(source: str) -> str:
    """The word of the data that a source was made for, as `explorer.training.open_data` takes it; empty if unknown."""
    name = source.removeprefix("sample:")
    return SAMPLES[name].data if name != source and name in SAMPLES else ""


def _open_sample(source: SampleSource, input_shape: tuple[int, ...] | None) -> OpenedModel:
    if source.name not in SAMPLES:
        raise ModelSourceError(
            f"There is no sample model '{source.name}'. {did_you_mean(source.name, SAMPLES)}"
            f"The sample models are {', '.join(SAMPLES)}."
        )
    sample = SAMPLES[source.name]
    return OpenedModel(
        source=str(source),
        title=sample.title,
        model=sample.load(),
        example_inputs=(noise(input_shape),) if input_shape else sample.example_inputs(),
        card=sample.card(),
        data=sample.data,
        is_shareable=True,
    )


def _open_torchvision(source: TorchvisionSource, input_shape: tuple[int, ...] | None) -> OpenedModel:
    # torchvision takes a second to import; sample models and files do without it
    from explorer.models import from_torchvision

    model, note = from_torchvision.build(source)
    return OpenedModel(
        source=str(source),
        title=f"{source.name} (torchvision)",
        model=model,
        example_inputs=from_torchvision.example_inputs(source.name, model, input_shape),
        notes=(note,),
        is_shareable=True,
    )


def _open_file(source: FileSource, input_shape: tuple[int, ...] | None, *, trust_code: bool) -> OpenedModel:
    if not trust_code:
        raise ModelSourceError(
            f"'{source}' would run the code in {source.path.name}, which is allowed from the command line only. "
            f"Start the explorer with it: python -m explorer {source}"
        )
    model, example_inputs = build_from_file(source)
    if input_shape:
        example_inputs = (noise(input_shape),)
    if example_inputs is None:
        raise ModelSourceError(
            f"'{source}' returned a model without example inputs. Give their shape, batch included, as in "
            f"--input 1,3,224,224, or let {source.factory} return (model, example_inputs)."
        )
    return OpenedModel(
        source=str(source),
        title=f"{source.factory} ({source.path.name})",
        model=model,
        example_inputs=example_inputs,
    )
