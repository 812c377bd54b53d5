"""What every SVG picture is drawn with."""

from __future__ import annotations

from xml.etree import ElementTree as ET


def picture(box: tuple[float, float, float, float], *, font: str, paper: str) -> ET.Element:
    """The root of a picture with its background.

    Args:
        box: Left, top, width and height of what is seen, in pixels.
        font: Families, as in CSS.
        paper: Colour of the background.
    """
    left, top, width, height = box
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg")
    size = {"width": number(width), "height": number(height), "font-family": font}
    for name, value in {"viewBox": " ".join(map(number, box)), **size}.items():
        root.set(name, value)
    add(root, "rect", x=left, y=top, width=width, height=height, fill=paper)
    return root


def add(parent: ET.Element, name: str, **given: object) -> ET.Element:
    """A new element at the end of another.

    Args:
        parent: What it is put into.
        name: Its tag.
        given: Its attributes; underscores stand for dashes, numbers are rounded to hundredths.

    Example:
        >>> ET.tostring(add(ET.Element("svg"), "rect", stroke_width=0.333, x=1.0))
        b'<rect stroke-width="0.33" x="1" />'
    """
    return ET.SubElement(parent, name, {key.replace("_", "-"): number(value) for key, value in given.items()})


def number(value: object) -> str:
    """A number as short as hundredths allow; anything else as it is.

    Example:
        >>> number(1 / 3), number(2.0), number("none")
        ('0.33', '2', 'none')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
