"""The text of a source and its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.engine.errors import ModelSourceError
from explorer.models import FileSource, SampleSource, Source, TorchvisionSource, parse_source

FORMS = {
    "sample:resnet20": SampleSource("resnet20"),
    "torchvision:resnet18": TorchvisionSource("resnet18"),
    "torchvision:resnet18@DEFAULT": TorchvisionSource("resnet18", "DEFAULT"),
    "models/net.py:build": FileSource(Path("models/net.py"), "build"),
    r"C:\models\net.py:build": FileSource(Path(r"C:\models\net.py"), "build"),
}


@pytest.mark.parametrize(("text", "source"), FORMS.items(), ids=FORMS)
def test_reads_each_form_and_writes_it_back(text: str, source: Source):
    assert parse_source(text) == source
    assert str(parse_source(text)) == text


def test_ignores_space_around_the_text():
    assert str(parse_source("  sample:vgg \n")) == "sample:vgg"


@pytest.mark.parametrize("text", ["", "resnet18", "timm:resnet18", "sample:", "torchvision:", "net.py:", "net.py:a-b"])
def test_refuses_text_of_no_form(text: str):
    with pytest.raises(ModelSourceError, match=r"is not a model source\. Write sample:NAME, torchvision:NAME"):
        parse_source(text)


@pytest.mark.parametrize(
    ("text", "lack"),
    [("torchvision:resnet18@", "lacks a name after the @"), ("torchvision:@DEFAULT", "lacks a name before the @")],
)
def test_refuses_half_a_torchvision_source(text: str, lack: str):
    with pytest.raises(ModelSourceError, match=lack):
        parse_source(text)


def test_asks_for_the_function_in_a_file():
    with pytest.raises(ModelSourceError, match=r"Write models/net\.py:factory"):
        parse_source("models/net.py")
