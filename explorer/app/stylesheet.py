"""How the graph looks in each colour scheme: a Cytoscape stylesheet, neutral until a group is picked."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

from explorer.app.positions import BAND_TEXT, EDGE_TEXT
from explorer.app.theme import FONT, HUES, SHADES, tokens

Rule = dict[str, Any]

BORDERS = ("solid", "dashed", "dotted", "double")
"""A pattern besides the hue and the letter, so that colour never speaks alone."""


@cache
def stylesheet(scheme: str) -> list[Rule]:
    """All rules for one colour scheme, later ones stronger.

    Args:
        scheme: ``light`` or ``dark``.
    """
    colours = tokens(scheme)
    hues = [rule for slot in range(HUES) for rule in _hue(slot, colours)]
    shades = [_shade(step, colours) for step in range(SHADES)]
    return [
        *_nodes(colours),
        *_ports(colours),
        *_edges(colours),
        *shades,
        *_reached(colours),
        *hues,
        *_states(colours),
        _shaded_beside_selection(),
        *_playing(colours),
        *_answered(colours),
    ]


def _rule(selector: str, **style: Any) -> Rule:
    return {"selector": selector, "style": {name.replace("_", "-"): value for name, value in style.items()}}


def _nodes(c: dict[str, str]) -> list[Rule]:
    return [
        _rule(
            "node",
            shape="round-rectangle",
            width="data(width)",
            height="data(height)",
            label="data(label)",
            font_family=FONT,
            font_size=12,
            color=c["ink"],
            text_valign="center",
            text_halign="center",
            background_color=c["node"],
            border_width=1,
            border_color=c["node-line"],
            padding=0,
            min_zoomed_font_size=5,
            overlay_opacity=0,
        ),
        _rule(".layer", font_weight=500, compound_sizing_wrt_labels="exclude"),
        _rule(
            ".module",
            background_color=c["module"],
            border_color=c["module-line"],
            color=c["ink-3"],
            font_size=11,
            text_valign="top",
            text_halign="right",
            text_margin_x="data(shift)",
            text_margin_y=18,
            compound_sizing_wrt_labels="exclude",
            min_width="data(width)",
            min_height="data(height)",
            min_width_bias_left="data(left)",
            min_width_bias_right="data(right)",
            min_height_bias_top="data(above)",
            min_height_bias_bottom="data(below)",
        ),
        _rule(".fold", text_wrap="wrap", line_height=1.3, font_weight=500, compound_sizing_wrt_labels="exclude"),
        _rule(".fold", **_sign(PLUS_PATH, c["ink-3"], "50%")),
        _rule(".module", **_sign(MINUS_PATH, c["ink-3"], "8px")),
        _rule(".stack", ghost="yes", ghost_offset_x=5, ghost_offset_y=-5, ghost_opacity=0.7),
        _rule(".op", shape="round-rectangle", color=c["ink-2"], font_size=10),
        _rule(".op[label.length = 1]", shape="ellipse", font_size=15),
        _rule(
            ".terminal",
            background_color=c["sunken"],
            border_style="dashed",
            color=c["ink-3"],
            font_size=11,
        ),
    ]


def _ports(c: dict[str, str]) -> list[Rule]:
    return [
        _rule(
            ".port",
            shape="rectangle",
            background_color=c["band"],
            border_width=0.5,
            border_color=c["node-line"],
            color=c["band-ink"],
            font_size=BAND_TEXT,
            min_zoomed_font_size=4,
        ),
        _rule(
            ".port.frozen",
            background_color=c["frozen"],
            color=c["frozen-ink"],
            background_image=lock(c["frozen-ink"]),
            background_fit="none",
            background_width=7,
            background_height=9,
            background_position_x="5px",
        ),
    ]


PLUS_PATH, MINUS_PATH = "M2 7h10M7 2v10", "M2 7h10"
"""Signs that open and close, on 14 x 14."""


def _sign(path: str, colour: str, y: str) -> dict[str, Any]:
    """A sign at the right of a module: a click on it opens or closes."""
    drawn = f'<path d="{path}" stroke="{colour}" stroke-width="1.6"/>'
    return {
        "background_image": _picture(14, 14, drawn),
        "background_fit": "none",
        "background_width": 10,
        "background_height": 10,
        "background_position_x": "100%",
        "background_offset_x": -7,
        "background_position_y": y,
    }


def lock(colour: str) -> str:
    """A small lock as a data address."""
    return _picture(14, 18, lock_paths(colour))


def lock_paths(colour: str) -> str:
    """A small lock as SVG, on 14 x 18."""
    return (
        f'<rect x="1" y="8" width="12" height="9" rx="2" fill="{colour}"/>'
        f'<path d="M4 8V5a3 3 0 0 1 6 0v3" fill="none" stroke="{colour}" stroke-width="2"/>'
    )


def _picture(width: int, height: int, drawn: str) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{drawn}</svg>'
    return f"data:image/svg+xml;utf8,{quote(svg)}"


def _shade(step: int, c: dict[str, str]) -> Rule:
    return _rule(f"node.shade-{step}", background_color=c[f"shade-{step}"], color=c[f"on-shade-{step}"])


def _shaded_beside_selection() -> Rule:
    """A shade is read off a scale, so nothing fades it: the bands tell what is selected."""
    return _rule(", ".join(f"node.dim.shade-{step}" for step in range(SHADES)), opacity=1)


def _edges(c: dict[str, str]) -> list[Rule]:
    return [
        _rule(
            "edge",
            width=1.25,
            curve_style="straight",
            source_endpoint="0% 50%",  # out of f+, the band below
            target_endpoint="0% -50%",  # into f-, the band above
            line_color=c["edge"],
            target_arrow_color=c["edge"],
            target_arrow_shape="triangle",
            arrow_scale=0.65,
            label="data(label)",
            font_family=FONT,
            font_size=EDGE_TEXT,
            color=c["edge-ink"],
            text_background_color=c["canvas"],
            text_background_opacity=1,
            text_background_padding=2,
            text_background_shape="round-rectangle",
            min_zoomed_font_size=5,
            overlay_opacity=0,
            z_index=1,
        ),
        _rule(
            "edge.bent",
            z_index=0,  # below the labels of straight ones
            label="",
            source_label="data(label)",  # where it leaves, not at some bend
            source_text_offset="data(offset)",
            curve_style="segments",
            segment_weights="data(weights)",
            segment_distances="data(distances)",
            edge_distances="node-position",
        ),
    ]


def _hue(slot: int, c: dict[str, str]) -> list[Rule]:
    hue, ink = c[f"hue-{slot}"], c[f"on-hue-{slot}"]
    border = BORDERS[slot % len(BORDERS)]
    return [
        _rule(f".port.group-{slot}", background_color=hue, color=ink, label="data(badge)", font_weight=700),
        _rule(f".op.group-{slot}, .fold.group-{slot}", border_color=hue, border_width=3, border_style=border),
        _rule(f"edge.group-{slot}", line_color=hue, target_arrow_color=hue, width=2.5),
    ]


def _reached(c: dict[str, str]) -> list[Rule]:
    """What a propagation has reached, where no hue is left for its group."""
    return [
        _rule(".port.reached", background_color=c["accent"], color=c["on-accent"]),
        _rule("edge.reached", line_color=c["accent"], target_arrow_color=c["accent"], width=2.5),
        _rule(".op.reached, .fold.reached", border_color=c["accent"], border_width=3),
    ]


def _playing(c: dict[str, str]) -> list[Rule]:
    """While a propagation plays: what it has not reached is neutral, where it is now stands out."""
    return [
        _rule(
            ".port.unreached",
            background_color=c["band"],
            color=c["band-ink"],
            label="data(label)",
            font_weight="normal",
        ),
        _rule(".port.frozen.unreached", background_color=c["frozen"]),
        _rule(".op.unreached, .fold.unreached", border_color=c["node-line"], border_width=1, border_style="solid"),
        _rule("node.unreached.layer, node.unreached.op, node.unreached.fold, node.unreached.terminal", opacity=0.7),
        _rule("edge.unreached", line_color=c["edge-dim"], target_arrow_color=c["edge-dim"], width=1.25),
        _rule(
            "node.now",
            underlay_color=c["accent"],
            underlay_opacity=0.45,
            underlay_padding=5,
            underlay_shape="round-rectangle",
            opacity=1,
        ),
        _rule("node.now.beat", underlay_opacity=0.15, underlay_padding=13),
        _rule("edge.now", width=4.5, line_style="dashed", line_dash_pattern=[10, 5], opacity=1, z_index=9),
        _rule(".moving.now", transition_property="underlay-padding, underlay-opacity", transition_duration="420ms"),
    ]


def _answered(c: dict[str, str]) -> list[Rule]:
    """Layers that are picked as an answer, and what was said of them; the page writes a sign and a word beside each."""
    borders = {
        "picked": ("accent", "solid"),
        "right": ("good", "solid"),
        "missing": ("warn", "dashed"),
        "extra": ("bad", "dotted"),
    }
    return [
        _rule(f".option-{state}", border_color=c[colour], border_width=3, border_style=style, opacity=1)
        for state, (colour, style) in borders.items()
    ]


def _states(c: dict[str, str]) -> list[Rule]:
    return [
        _rule("node.dim.layer, node.dim.op, node.dim.fold, node.dim.terminal", opacity=0.75),
        _rule("node.dim.port", opacity=0.85),
        _rule("edge.dim", line_color=c["edge-dim"], target_arrow_color=c["edge-dim"]),
        _rule(".picked", border_color=c["accent"], border_width=2.5),
        _rule("node.hover", border_color=c["ink-2"]),
        _rule("edge.hover", line_color=c["ink-2"], target_arrow_color=c["ink-2"], width=2.5),
        _rule(":active", overlay_opacity=0),
    ]
