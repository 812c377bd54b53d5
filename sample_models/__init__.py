"""Small trained models of every family, one file each, every one showing a way in which channels are coupled.

Each model is ordinary PyTorch and knows nothing of the explorer. Its weights lie in `weights/NAME.safetensors`, and
`weights/NAME.json` is the card that says how they came about. `python -m sample_models.train NAME` makes both anew.

    >>> import sample_models
    >>> model = sample_models.SAMPLES["resnet20"].load()
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from sample_models import densenet, dgcnn, gat, lstm, mobilenetv2, resnet20, resnet56, vgg, vit

WEIGHTS_FOLDER = Path(__file__).resolve().parent / "weights"


@dataclass(frozen=True, slots=True)
class SampleModel:
    """A sample model, and where its weights are.

    Attributes:
        name: What it is asked for by: the name of its file.
        title: What it is called on screen.
        coupling: The coupling that it shows, in one sentence.
        data: The word of the data that it is trained and measured on, as `explorer.training.open_data` takes it.
        build: Makes the model with freshly initialised weights.
        example_inputs: Makes the positional inputs of one forward.
    """

    name: str
    title: str
    coupling: str
    data: str
    build: Callable[[], nn.Module]
    example_inputs: Callable[[], tuple[Tensor, ...]]

    @property
    def weights_file(self) -> Path:
        """The file of the trained weights."""
        return WEIGHTS_FOLDER / f"{self.name}.safetensors"

    @property
    def card_file(self) -> Path:
        """The file of the card that says how the weights were trained."""
        return WEIGHTS_FOLDER / f"{self.name}.json"

    def card(self) -> dict[str, Any]:
        """The card: data, split, seed, accuracy, recipe and versions of the trained weights."""
        card: dict[str, Any] = json.loads(self.card_file.read_text(encoding="utf-8"))
        return card

    def load(self) -> nn.Module:
        """The trained model, in eval mode."""
        model = self.build()
        model.load_state_dict(load_file(self.weights_file))
        return model.eval()


def _sample(module: ModuleType, title: str, data: str = "digits") -> SampleModel:
    """The sample model that `module` defines."""
    name = module.__name__.rpartition(".")[2]
    coupling = (module.__doc__ or "").partition("\n")[0]
    return SampleModel(name, title, coupling, data, module.build, module.example_inputs)


SAMPLES: dict[str, SampleModel] = {
    sample.name: sample
    for sample in (
        _sample(resnet20, "ResNet-20"),
        _sample(resnet56, "ResNet-56"),
        _sample(vgg, "VGG with BatchNorm"),
        _sample(densenet, "DenseNet"),
        _sample(mobilenetv2, "MobileNetV2 with SE"),
        _sample(vit, "Vision transformer"),
        _sample(lstm, "LSTM", "digits-sequence"),
        _sample(dgcnn, "DGCNN", "digits-points"),
        _sample(gat, "GAT", "digits-graph"),
    )
}
"""Every sample model by name, in the order in which they are shown."""
