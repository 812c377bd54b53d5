"""The graph as SVG and the groups as CSV."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

import pytest

from explorer.app import ids
from explorer.app.elements import build_elements
from explorer.app.opening import opening_state
from explorer.app.outline import ancestors
from explorer.app.panels.take_away import COLUMNS, View, drops_at_half, file, graph_svg, groups_csv
from explorer.app.positions import BAND_TEXT, text_width
from explorer.app.preview import preview
from explorer.app.svg import draw_svg, port_text
from explorer.app.theme import tokens
from explorer.app.unfolding import most_open
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import PlanError
from explorer.exploration import Exploration, set_ratio
from explorer.jobs import sensitivity_to_json
from explorer.training import Point, Sensitivity

SVG = "{http://www.w3.org/2000/svg}"
GROUP = "layer1.0.conv1"
C = tokens("light")


def drawn(subject: Subject, exploration: Exploration, opened: tuple[str, ...], *highlighted: str) -> ET.Element:
    kept = preview(exploration)["groups"]
    return ET.fromstring(draw_svg(subject.outline, frozenset(opened), subject.sizes, highlighted, kept))


def around(subject: Subject) -> tuple[str, ...]:
    """The modules that are open when the group is shown."""
    return next(tuple(ancestors(layer.parent)) for layer in subject.outline.layers if layer.name == GROUP)


def texts(picture: ET.Element) -> list[str]:
    return [str(text.text) for text in picture.iter(f"{SVG}text")]


def fills(picture: ET.Element, colour: str) -> int:
    return sum(each.get("fill") == colour for each in picture.iter())


def test_everything_that_the_screen_names_is_in_the_picture(subject: Subject, exploration: Exploration) -> None:
    opened = frozenset(around(subject))
    shown = texts(drawn(subject, exploration, tuple(opened)))
    elements = build_elements(subject.outline, opened, subject.sizes)
    labels = [line for element in elements for line in element["data"]["label"].split("\n") if line]
    assert sorted(shown) == sorted(labels)


def test_nothing_is_highlighted_without_a_group(subject: Subject, exploration: Exploration) -> None:
    picture = drawn(subject, exploration, ())
    assert not any(fills(picture, C[f"hue-{slot}"]) for slot in range(8))
    assert not any(each.get("opacity") == "0.75" for each in picture.iter())


def test_a_highlighted_group_has_its_hue_and_letter_and_the_rest_steps_back(
    subject: Subject, exploration: Exploration
) -> None:
    picture = drawn(subject, exploration, around(subject), GROUP)
    members = [each for each in subject.graph.layers if GROUP in {*each.outputs.groups, *each.inputs.groups}]
    ports = sum(GROUP in port.groups for layer in members for port in (layer.inputs, layer.outputs))
    assert texts(picture).count("A 16") == ports
    assert {"A", GROUP} <= set(texts(picture))  # the legend
    assert any(line.get("stroke") == C["hue-0"] for line in picture.iter(f"{SVG}polyline"))
    assert sum(each.get("opacity") == "0.75" for each in picture.iter()) > 0


def test_bands_show_what_stays(subject: Subject, exploration: Exploration) -> None:
    picture = drawn(subject, set_ratio(exploration, GROUP, 0.5), around(subject))
    assert texts(picture).count("16 → 8") == 4


@pytest.mark.parametrize(
    ("room", "badge", "text"),
    [(20, "", "64 → 16"), (20, "A", "A 64 → 16"), (6, "A", "A →16"), (4, "A", "A"), (4, "", "→16"), (2, "", "")],
)
def test_a_band_says_as_much_as_it_has_room_for(room: int, badge: str, text: str) -> None:
    flattened = {"groups": [GROUP], "size": "64", "room": room}
    assert port_text(flattened, {GROUP: [16, 4]}, badge) == text  # four indices per channel
    assert port_text({"groups": [], "size": "3", "room": 9}, {}) == "3"


def test_texts_on_narrow_bands_do_not_overlap(workspace: Workspace) -> None:
    subject = workspace.open("sample:dgcnn")
    halved = {name: [size, size // 2] for name, size in subject.sizes.items()}
    elements = build_elements(subject.outline, most_open(subject.outline), subject.sizes)
    ports = [element["data"] for element in elements if element["data"].get("kind") == "port"]
    written = [(text_width(port_text(port, halved, "A"), BAND_TEXT), port) for port in ports if port["groups"]]
    assert [port["id"] for width, port in written if width > port["width"]] == []
    assert {port_text(port, halved, "A") for port in ports if port["port"] == "fuse.0-"} == {"A →16", "A →32"}


@pytest.mark.parametrize(("shade", "step", "said"), [("ratio", 4, "100 % of channels go"), ("macs", 8, "of all MACs")])
def test_the_picture_is_shaded_as_the_screen_is(
    subject: Subject, exploration: Exploration, shade: str, step: int, said: str
) -> None:
    kept = preview(set_ratio(exploration, "conv1", 0.5))["groups"]
    opened = frozenset(around(subject))
    text = draw_svg(subject.outline, opened, subject.sizes, [], kept, shade=shade)
    picture = ET.fromstring(text)
    boxes = [
        box for box in picture.iter(f"{SVG}rect") if box.get("rx") == "4" and box.get("fill") == C[f"shade-{step}"]
    ]
    assert boxes
    assert any(said in text for text in texts(picture))  # the legend says what the last colour means
    assert fills(picture, C["shade-8"]) > 0


def test_everything_is_inside_the_picture(subject: Subject, exploration: Exploration) -> None:
    picture = drawn(subject, exploration, ("layer1", "layer2", "layer3"), "conv1")
    left, top, width, height = map(float, str(picture.get("viewBox")).split())
    for box in picture.iter(f"{SVG}rect"):
        x, y, w, h = (float(str(box.get(name))) for name in ("x", "y", "width", "height"))
        if "scale" not in str(box.get("transform")) and w > 12:  # locks have coordinates of their own
            assert left <= x + 0.1
            assert x + w <= left + width + 0.1
            assert top <= y + 0.1
            assert y + h <= top + height + 0.1


def test_the_table_of_groups_can_be_read_back(exploration: Exploration) -> None:
    table = list(csv.DictReader(io.StringIO(groups_csv(set_ratio(exploration, GROUP, 0.5)))))
    assert tuple(table[0]) == COLUMNS
    assert [row["name"] for row in table] == [group.name for group in exploration.graph.groups]
    row = next(row for row in table if row["name"] == GROUP)
    assert (row["size"], row["kept"], row["percent"], row["members"]) == ("16", "8", "50", "6")
    assert row["layers"].split() == ["layer1.0.conv1", "layer1.0.bn1", "layer1.0.conv2"]


def test_files_are_named_after_the_model(workspace: Workspace, subject: Subject, exploration: Exploration) -> None:
    recipe, view = exploration.recipe.to_json(), View(opening_state(subject).opened["paths"], ["conv1"])
    made = {which: file(workspace, which, recipe, view) for which in (ids.SAVE_SVG, ids.SAVE_CSV)}
    assert [each["filename"] for each in made.values()] == ["resnet-20-graph.svg", "resnet-20-groups.csv"]
    assert ET.fromstring(made[ids.SAVE_SVG]["content"]).tag == f"{SVG}svg"
    with pytest.raises(PlanError, match="another version"):
        file(workspace, ids.SAVE_CSV, recipe | {"fingerprint": "other"}, view)


def test_what_a_page_measured_of_groups_shades_the_picture(
    workspace: Workspace, subject: Subject, exploration: Exploration
) -> None:
    points = (Point(GROUP, 0.25, 0.9, 1.0), Point(GROUP, 0.75, 0.5, 1.0), Point("conv1", 0.5, 0.95, 1.0))
    found = Sensitivity(Point("", 0.0, 0.9, 0.5), points, (), (GROUP, "conv1"), (0.25, 0.5, 0.75), "l2")
    drops = drops_at_half({"data": sensitivity_to_json(found)})
    assert drops == {GROUP: pytest.approx(0.2), "conv1": 0.0}
    view = View(around(subject), (), "sensitivity", drops)
    picture = ET.fromstring(graph_svg(workspace, exploration.recipe.to_json(), view))
    assert "20 points of accuracy, half removed" in texts(picture)
    last = [box for box in picture.iter(f"{SVG}rect") if box.get("rx") == "4" and box.get("fill") == C["shade-8"]]
    assert len(last) == 2  # the layer that makes the group, and the norm after it
    assert drops_at_half(None) is None
    assert drops_at_half({"data": None}) is None
