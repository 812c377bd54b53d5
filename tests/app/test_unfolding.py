from __future__ import annotations

import pytest

from explorer.app.elements import build_elements
from explorer.app.opening import selected
from explorer.app.scene import build_scene
from explorer.app.unfolding import (
    NODE_LIMIT,
    first_open,
    is_legible,
    most_open,
    opened_by_name,
    opening,
    path_by_name,
    revealed,
    toggled,
    visible_nodes,
    within_limit,
)
from explorer.app.workspace import Subject
from tests.app.hand_made import ALL_OPEN, OUTLINE, SIZES


@pytest.mark.parametrize(
    ("opened", "nodes"),
    [
        (frozenset(), 2 + 2 * 3 + 3),
        (frozenset({"stage"}), 2 + 2 * 3 + 3 + 1),
        (ALL_OPEN, 2 + 4 * 3 + 1 + 2),
    ],
)
def test_nodes_are_counted_with_bands(opened: frozenset[str], nodes: int) -> None:
    assert visible_nodes(OUTLINE, opened) == nodes
    assert len([each for each in build_elements(OUTLINE, opened, SIZES) if "source" not in each["data"]]) == nodes


@pytest.mark.parametrize(("limit", "opened"), [(11, set()), (12, {"stage"}), (300, {"stage", "stage.0"})])
def test_modules_open_from_the_outside_in_while_there_is_room(limit: int, opened: set[str]) -> None:
    assert most_open(OUTLINE, limit) == opened


def test_the_first_view_shows_the_group_and_fits_the_screen(subject: Subject) -> None:
    opened = first_open(subject.outline, "conv1")
    assert "layer2.0" in opened
    assert is_legible(subject.outline, opened)
    assert not is_legible(subject.outline, most_open(subject.outline))


def test_a_module_that_holds_one_module_opens_with_it() -> None:
    assert opening(OUTLINE, "stage") == {"stage", "stage.0"}


def test_a_module_closes_with_everything_in_it() -> None:
    assert toggled(OUTLINE, ["stage", "stage.0"], "stage") == []
    assert toggled(OUTLINE, [], "stage") == ["stage", "stage.0"]


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["layer3.2"], {"layer3", "layer3.*1-2", "layer3.*1-2.2"}),
        (["layer3", "layer3.0"], {"layer3", "layer3.0"}),
        (["layer3", "layer3.*1-2"], {"layer3", "layer3.*1-2"}),
        (["layer3"], {"layer3"}),
        (["nowhere"], set()),
        ([], set()),
    ],
)
def test_modules_open_by_the_names_that_the_model_gives_them(
    subject: Subject, names: list[str], paths: set[str]
) -> None:
    assert opened_by_name(subject.outline, names) == paths


@pytest.mark.parametrize(
    ("name", "path"), [("layer3.2", "layer3.*1-2.2"), ("layer3.*1-2", "layer3.*1-2"), ("layer3", "layer3"), ("x", "")]
)
def test_a_module_is_found_by_either_of_its_names(subject: Subject, name: str, path: str) -> None:
    assert path_by_name(subject.outline, name) == (path or name)
    assert selected(subject, {"kind": "module", "name": name}).get("name", "") == path


def test_what_is_selected_is_revealed_in_closed_modules(subject: Subject) -> None:
    shown = revealed(subject.outline, [], {"kind": "layer", "name": "layer3.2.bn1"})
    assert shown == ["layer3", "layer3.*1-2", "layer3.*1-2.2"]
    assert "layer:layer3.2.bn1" in {box.id for box in build_scene(subject.outline, frozenset(shown)).boxes}
    assert revealed(subject.outline, [], {"kind": "module", "name": "layer3.0"}) == ["layer3"]
    assert revealed(subject.outline, ["layer1"], {"kind": "group", "name": "conv1"}) == ["layer1"]


def test_others_close_where_too_much_would_show(subject: Subject) -> None:
    everything = list(subject.outline.members)
    left = within_limit(subject.outline, everything, "layer3.0", limit=60)
    assert "layer3.0" in left
    assert visible_nodes(subject.outline, frozenset(left)) <= 60
    assert "layer1.*0-2" not in left
    assert within_limit(subject.outline, everything, "layer3.0", NODE_LIMIT) == sorted(everything)
