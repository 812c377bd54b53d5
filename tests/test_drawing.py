from __future__ import annotations

from xml.etree import ElementTree as ET

from explorer.drawing import add, picture


def test_attributes_are_named_with_dashes_and_numbers_are_short() -> None:
    root = ET.Element("svg")
    add(root, "line", x1=0.0, x2=100.0, y2=1 / 3, stroke_width=2, stroke_dasharray="4 3")
    assert ET.tostring(root) == b'<svg><line x1="0" x2="100" y2="0.33" stroke-width="2" stroke-dasharray="4 3" /></svg>'


def test_a_picture_shows_its_box_on_its_paper() -> None:
    root = picture((-4.0, 2.0, 10.0, 20.5), font="serif", paper="white")
    assert (root.get("viewBox"), root.get("width"), root.get("height")) == ("-4 2 10 20.5", "10", "20.5")
    assert root.get("font-family") == "serif"
    assert root[0].attrib == {"x": "-4", "y": "2", "width": "10", "height": "20.5", "fill": "white"}
