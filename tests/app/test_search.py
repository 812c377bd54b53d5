from __future__ import annotations

import pytest

from explorer.app.search import search
from explorer.app.workspace import Subject


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("linear", ["fc"]),
        ("layer3 bn1", ["layer3.0.bn1", "layer3.1.bn1", "layer3.2.bn1"]),
        ("LAYER3.0.SHORTCUT.0", ["layer3.0.shortcut.0"]),
        ("64x32x3x3", ["layer3.0.conv1"]),
        ("64 x 32 x 3", ["layer3.0.conv1"]),
        ("10 fc", ["fc"]),
        ("", []),
        ("nowhere", []),
    ],
)
def test_layers_are_found_by_name_class_and_shape(subject: Subject, wanted: str, names: list[str]) -> None:
    assert [hit.name for hit in search(subject.outline, wanted)] == names


def test_names_come_before_classes(subject: Subject) -> None:
    names = [hit.name for hit in search(subject.outline, "conv2")]
    assert names[:2] == ["layer1.0.conv2", "layer1.1.conv2"]
    assert names.index("conv1") > names.index("layer3.2.conv2")  # a Conv2d


def test_a_result_says_its_class_and_shape(subject: Subject) -> None:
    (hit,) = search(subject.outline, "fc")
    assert (hit.kind, hit.type_name, hit.shape) == ("layer", "Linear", "10 \N{MULTIPLICATION SIGN} 64")


def test_modules_are_found_by_class_and_lead_to_their_place_in_the_outline(subject: Subject) -> None:
    hits = [hit for hit in search(subject.outline, "basicblock") if hit.kind == "module"]
    assert len(hits) == 9
    assert (hits[0].name, hits[0].title) == ("layer1.*0-2.0", "layer1.0")
