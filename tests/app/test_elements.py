from __future__ import annotations

import pytest

from explorer.app.elements import MAX_SEGMENTS, TITLE_EDGE, build_elements, relative, segments, upright_middle
from explorer.app.positions import LABEL_OFFSET
from explorer.app.unfolding import opened_by_name
from explorer.app.workspace import Workspace
from tests.app.hand_made import ALL_OPEN, OUTLINE, SIZES, port

ELEMENTS = {each["data"]["id"]: each for each in build_elements(OUTLINE, ALL_OPEN, SIZES)}


def test_a_layer_has_a_band_above_and_one_below() -> None:
    above, below = (ELEMENTS[f"port:stage.0.conv1{side}:0"] for side in "-+")
    assert above["data"]["parent"] == below["data"]["parent"] == "layer:stage.0.conv1"
    assert above["position"]["y"] < below["position"]["y"]
    assert above["data"]["groups"] == ["stem"]
    assert below["data"]["groups"] == ["stage.0.conv1"]
    assert above["data"]["label"] == "8"


def test_what_cannot_be_pruned_is_marked_and_says_why() -> None:
    band = ELEMENTS["port:stem-:0"]
    assert "frozen" in band["classes"].split()
    assert band["data"]["reason"] == "nothing here can be pruned"


def test_elementwise_ops_sit_on_edges() -> None:
    assert ELEMENTS["edge:layer:stage.0.conv1>layer:stage.0.conv2"]["data"]["label"] == "relu"
    assert ELEMENTS["edge:layer:stage.0.add>layer:head"]["data"]["label"] == "relu · avg_pool2d · flatten"


def test_a_layer_names_the_groups_that_it_makes_first() -> None:
    assert ELEMENTS["layer:stage.0.conv1"]["data"]["groups"] == ["stage.0.conv1", "stem"]


def test_compounds_have_no_position_of_their_own() -> None:
    assert "position" not in ELEMENTS["layer:stem"]
    assert "position" not in ELEMENTS["module:stage"]


def test_parents_come_before_children() -> None:
    seen: set[str] = set()
    for element in ELEMENTS.values():
        assert element["data"].get("parent", "") in seen | {""}
        seen.add(element["data"]["id"])


def test_a_closed_module_says_how_much_is_in_it() -> None:
    (fold,) = [
        each for each in build_elements(OUTLINE, frozenset({"stage"}), SIZES) if each["data"].get("kind") == "fold"
    ]
    assert fold["data"]["label"] == "0\n2 layers · 2 groups"
    assert set(fold["data"]["groups"]) == {"stem", "stage.0.conv1"}


def test_a_port_with_many_groups_shows_the_first_and_counts_the_rest() -> None:
    names = tuple(f"g{index}" for index in range(10))
    parts = segments(port("x", "-", names, 80), {})
    assert len(parts) == MAX_SEGMENTS
    assert parts[-1].text == "+5"
    assert [group for part in parts for group in part.groups] == list(names)


def test_a_port_that_is_frozen_in_part_says_so_in_a_segment_of_its_own() -> None:
    *live, frozen = segments(port("x", "-", ("a",), 8, "reads the input"), {"a": 6})
    assert [part.text for part in live] == ["6"]
    assert frozen.reason == "reads the input"


@pytest.mark.parametrize(
    ("bend", "weight", "distance"),
    [((0, 50), "0.5000", "0.0"), ((20, 50), "0.5000", "-20.0"), ((-20, 0), "0.0000", "20.0")],
)
def test_bends_are_given_along_and_beside_the_line(bend: tuple[float, float], weight: str, distance: str) -> None:
    assert relative([bend], (0, 0), (0, 100)) == {"weights": weight, "distances": distance}


def test_a_label_stands_in_the_middle_of_the_longest_upright_stretch() -> None:
    assert upright_middle([(0, 0), (30, 40), (30, 140), (0, 180), (0, 190)]) == 50 + 50
    assert upright_middle([(0, 0), (30, 40)]) == LABEL_OFFSET


def test_labels_that_leave_one_box_stand_apart(workspace: Workspace) -> None:
    subject = workspace.open("sample:vit")
    opened = opened_by_name(subject.outline, ["blocks", "blocks.0", "blocks.0.attention"])
    view = "layer:blocks.0.attention.view"
    leaving = [
        each["data"]
        for each in build_elements(subject.outline, opened, subject.sizes)
        if each["data"].get("source") == view and each["data"]["label"]
    ]
    straight, bent = sorted(leaving, key=lambda data: "weights" in data)
    assert "offset" not in straight
    assert bent["offset"] > 2 * LABEL_OFFSET


def test_the_title_of_a_module_begins_at_its_left_edge(workspace: Workspace) -> None:
    subject = workspace.open("sample:vit")
    opened = opened_by_name(subject.outline, ["blocks", "blocks.0"])
    modules = [
        each["data"]
        for each in build_elements(subject.outline, opened, subject.sizes)
        if each["data"].get("kind") == "module"
    ]
    assert modules
    assert {data["width"] + data["shift"] for data in modules} == {TITLE_EDGE}


def test_each_group_of_a_port_shows_its_own_size() -> None:
    parts = segments(port("cat", "+", ("stem", "stage.0.conv1"), 16), SIZES)
    assert [part.text for part in parts] == ["8", "8"]
