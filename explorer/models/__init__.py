"""Where a model comes from: a name that stands for one, or a file of the user's own."""

from explorer.models.catalog import SourceFamily, list_sources
from explorer.models.from_file import ExampleInputs
from explorer.models.opening import OpenedModel, data_of, open_model
from explorer.models.source import FileSource, SampleSource, Source, TorchvisionSource, parse_source
from explorer.models.weights import load_weights

__all__ = [
    "ExampleInputs",
    "FileSource",
    "OpenedModel",
    "SampleSource",
    "Source",
    "SourceFamily",
    "TorchvisionSource",
    "data_of",
    "list_sources",
    "load_weights",
    "open_model",
    "parse_source",
]
