"""The short text that says which model is meant, and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer.engine.errors import ModelSourceError

FORMS = "sample:NAME, torchvision:NAME, torchvision:NAME@WEIGHTS or path/to/file.py:factory"


@dataclass(frozen=True, slots=True)
class SampleSource:
    """A sample model with its trained weights: `sample:NAME`."""

    name: str

    def __str__(self) -> str:
        """The canonical text."""
        return f"sample:{self.name}"


@dataclass(frozen=True, slots=True)
class TorchvisionSource:
    """A model that torchvision registers: `torchvision:NAME`, or `torchvision:NAME@WEIGHTS` for pretrained weights.

    Attributes:
        name: As in `torchvision.models.list_models()`.
        weights: A member of the model's weights enumeration, such as `DEFAULT` or `IMAGENET1K_V1`; None for random
            weights.
    """

    name: str
    weights: str | None = None

    def __str__(self) -> str:
        """The canonical text."""
        return f"torchvision:{self.name}" + (f"@{self.weights}" if self.weights else "")


@dataclass(frozen=True, slots=True)
class FileSource:
    """A function in a Python file: `path/to/file.py:factory`. Opening it runs the file."""

    path: Path
    factory: str

    def __str__(self) -> str:
        """The canonical text."""
        return f"{self.path}:{self.factory}"


Source = SampleSource | TorchvisionSource | FileSource


def parse_source(text: str) -> Source:
    """The source that `text` names. Whether such a model exists shows when it is opened.

        >>> parse_source("torchvision:resnet18@DEFAULT")
        TorchvisionSource(name='resnet18', weights='DEFAULT')

    Raises:
        ModelSourceError: If `text` has none of the four forms.
    """
    text = text.strip()
    scheme, _, rest = text.partition(":")
    if scheme == "sample" and rest:
        return SampleSource(rest)
    if scheme == "torchvision" and rest:
        return _torchvision_source(text, rest)
    path, _, factory = text.rpartition(":")  # from the right: a Windows path starts with a drive and a colon
    if path.endswith(".py") and factory.isidentifier():
        return FileSource(Path(path), factory)
    if text.endswith(".py"):
        raise ModelSourceError(
            f"'{text}' names a file, but not the function in it that returns the model. Write {text}:factory."
        )
    raise ModelSourceError(f"'{text}' is not a model source. Write {FORMS}.")


def _torchvision_source(text: str, rest: str) -> TorchvisionSource:
    """The torchvision source that `rest`, the text after the scheme, names."""
    name, at, weights = rest.partition("@")
    if not name or (at and not weights):
        raise ModelSourceError(
            f"'{text}' lacks a name {'after the @' if name else 'before the @'}. "
            "Write torchvision:NAME@DEFAULT for pretrained weights or torchvision:NAME for random ones."
        )
    return TorchvisionSource(name, weights or None)
