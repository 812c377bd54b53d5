"""Pictures of what steps and terms show: what stands out of them, and that it is in sight."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from explorer.app.learn_print.pictures import PAGE_COLOURS, Picture, picture
from explorer.app.workspace import Workspace
from explorer.lessons import Show, Term, glossary, shown
from explorer.lessons.lesson import Place

ROOM = (560.0, 330.0)
SVG = "{http://www.w3.org/2000/svg}"
PLACE = Place("test.yaml", {})


def drawn(workspace: Workspace, show: Show) -> Picture:
    subject = workspace.open(show.model)
    return picture(subject, shown(show, subject.graph, PLACE), ROOM)


def texts(made: Picture) -> list[str]:
    return [each.text or "" for each in ET.fromstring(made.svg).iter(f"{SVG}text")]


def of_colour(made: Picture, token: str) -> list[ET.Element]:
    return [each for each in ET.fromstring(made.svg).iter() if PAGE_COLOURS[token] in each.attrib.values()]


BLOCK = ("layer1", "layer1.0")


def test_a_selected_group_is_in_colour_and_in_sight(workspace: Workspace) -> None:
    made = drawn(workspace, Show("sample:resnet20", BLOCK, {"kind": "group", "name": "layer1.0.conv1"}))
    bands = [text for text in texts(made) if text == "A 16"]
    assert len(bands) == 4, "f+ of conv1, both sides of bn1, f- of conv2"
    assert made.caption == "ResNet-20: the group layer1.0.conv1"
    assert ET.fromstring(made.svg).get("aria-label") == made.caption


def test_a_picture_is_no_larger_than_its_room_though_the_graph_is(workspace: Workspace) -> None:
    show = Show("sample:densenet", ("blocks", "blocks.0", "blocks.0.0"), {"kind": "layer", "name": "blocks.0.0.conv1"})
    pane = ET.fromstring(drawn(workspace, show).svg).find(f"{SVG}svg")
    assert pane is not None, "a part of the graph is drawn into a pane of its own"
    assert float(pane.attrib["width"]) <= ROOM[0]
    assert float(pane.attrib["height"]) <= ROOM[1]


@pytest.mark.parametrize("kind", ["layer", "module"])
def test_a_selected_layer_or_module_has_a_ring(workspace: Workspace, kind: str) -> None:
    name = {"layer": "blocks.0.attention.qkv", "module": "blocks.0.attention"}[kind]
    show = Show("sample:vit", ("blocks", "blocks.0", "blocks.0.attention"), {"kind": kind, "name": name})
    assert len(of_colour(drawn(workspace, show), "accent")) == 1


def test_what_is_selected_in_a_closed_module_puts_the_ring_around_that(workspace: Workspace) -> None:
    made = drawn(workspace, Show("sample:resnet20", (), {"kind": "layer", "name": "layer2.0.conv1"}))
    (ring,) = of_colour(made, "accent")
    box = next(each for each in ET.fromstring(made.svg).iter(f"{SVG}text") if each.text == "layer2")
    left, width = float(ring.attrib["x"]), float(ring.attrib["width"])
    assert left < float(box.attrib["x"]) < left + width


@pytest.mark.parametrize(("step", "lit"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_a_played_propagation_lights_what_it_has_reached_so_far(workspace: Workspace, step: int, lit: int) -> None:
    panels = {"player": {"port": "layer1.0.conv1+", "step": step}}
    made = drawn(workspace, Show("sample:resnet20", BLOCK, panels=panels))
    assert texts(made).count("A 16") == lit


def test_what_is_pruned_is_written_on_the_bands(workspace: Workspace) -> None:
    made = drawn(workspace, Show("sample:resnet20", BLOCK, ratios={"layer1.0.conv1": 0.5}, pins=("layer1.0.conv1",)))
    assert "A 16 → 8" in texts(made)
    assert made.caption == "ResNet-20, pruned: the group layer1.0.conv1"


@pytest.mark.parametrize(("kind", "rows"), [("D", "layer1.0.bn1 f−"), ("G", "layer1.0.bn1")])  # noqa: RUF001
def test_a_matrix_in_the_centre_is_what_is_drawn(workspace: Workspace, kind: str, rows: str) -> None:
    select = {"kind": "group", "name": "layer1.0.conv1"}
    panels = {"centre": "matrices", "matrix": kind}
    made = drawn(workspace, Show("sample:resnet20", BLOCK, select, panels=panels))
    assert texts(made).count(rows) == 2, "beside its row and above its column"
    graph = workspace.open("sample:resnet20").graph
    carried = [layer for layer in graph.layers if "layer1.0.conv1" in {*layer.inputs.groups, *layer.outputs.groups}]
    ones = {"D": 2 * 3, "G": len(carried) ** 2}[kind]  # a chain of four ports has three links, each drawn twice
    assert len(of_colour(made, "hue-0")) == ones + 1, "and one in the legend"


@pytest.mark.parametrize("term", glossary().values(), ids=list(glossary()))
def test_in_the_picture_of_a_term_something_stands_out(workspace: Workspace, term: Term) -> None:
    made = drawn(workspace, term.show)
    stands_out = of_colour(made, "hue-0") + of_colour(made, "accent") + of_colour(made, "shade-8")
    assert stands_out or any("→" in text for text in texts(made))
