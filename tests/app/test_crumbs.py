from __future__ import annotations

from explorer.app.crumbs import crumbs, trail
from explorer.app.workspace import Subject


def test_the_trail_leads_from_the_outermost_module_to_the_selection(subject: Subject) -> None:
    assert trail(subject.outline, {"kind": "layer", "name": "layer3.2.bn1"}) == [
        ("layer3", "layer3"),
        ("1\N{EN DASH}2 \N{MULTIPLICATION SIGN} 2", "layer3.*1-2"),
        ("2", "layer3.*1-2.2"),
        ("bn1", ""),
    ]
    assert trail(subject.outline, {"kind": "module", "name": "layer3.0"}) == [("layer3", "layer3"), ("0", "layer3.0")]


def test_without_a_place_there_is_only_the_model(subject: Subject) -> None:
    assert trail(subject.outline, {"kind": "group", "name": "conv1"}) == []
    assert trail(subject.outline, {"kind": "module", "name": "nowhere"}) == []
    (trail_list,) = crumbs(subject.outline, "ResNet-20", {})
    (item,) = trail_list.children
    assert item.children.children == "ResNet-20"
    assert getattr(item.children, "data-zoom") == ""
