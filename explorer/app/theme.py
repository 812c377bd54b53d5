"""The colours of the app for what CSS does not reach (Cytoscape, Plotly), read from the one file that defines them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SCHEMES = ("light", "dark")
HUES, SHADES = 8, 9
FONT = "Inter, SF Pro Text, Segoe UI, Roboto, Helvetica Neue, Liberation Sans, Arial, sans-serif"
"""Without quotes, which Cytoscape does not read."""

_BLOCK = re.compile(r"([^{}]+)\{([^{}]*)\}")
_VARIABLE = re.compile(r"--([\w-]+):\s*([^;]+);")


@cache
def tokens(scheme: str) -> dict[str, str]:
    """Token names without dashes in front, and their values, for one colour scheme.

    Args:
        scheme: ``light`` or ``dark``.

    Returns:
        Such as ``{"ink": "#16191d", "hue-0": "#e69f00", ...}``.
    """
    css = re.sub(r"/\*.*?\*/", "", (ASSETS / "tokens.css").read_text(encoding="utf-8"), flags=re.S)
    found: dict[str, str] = {}
    for selector, body in _BLOCK.findall(css):
        if ":root" in selector or f'"{scheme}"' in selector:
            found |= dict(_VARIABLE.findall(body))
    return found


def letter(slot: int) -> str:
    """The badge of a highlighted group: A to H."""
    return "ABCDEFGH"[slot % HUES]


def slot_of(group: str, pins: Sequence[str]) -> int:
    """The hue of a selected group: its own where it is pinned, else the first free one."""
    return list(pins).index(group) if group in pins else min(len(pins), HUES - 1)


def mixed(a: str, b: str, share: float) -> str:
    """A colour between two: ``share`` of `b` in `a`, both as ``#rrggbb``."""
    parts = [round(int(a[at : at + 2], 16) * (1 - share) + int(b[at : at + 2], 16) * share) for at in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in parts)


def faint(colour: str, share: float) -> str:
    """A colour ``#rrggbb`` that covers only a share of what is below it."""
    return f"rgba({','.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))},{share})"
