"""What layers are coloured by."""

from __future__ import annotations

from typing import Any

from explorer.app.shades import MACS, NEUTRAL, RATIO, SENSITIVITY, shading

GROUPS = {"a": [16, 8], "b": [4, 1], "c": [8, 8]}
MACS_OF_ALL = 1000


def box(name: str, kind: str, macs: int, *groups: str) -> dict[str, Any]:
    return {"data": {"id": name, "kind": kind, "macs": macs, "groups": list(groups)}}


def port(parent: str, side: str, *groups: str) -> dict[str, Any]:
    return {"data": {"id": f"{parent}{side}", "kind": "port", "parent": parent, "side": side, "groups": list(groups)}}


ELEMENTS = [
    box("conv", "layer", 400, "a", "c"),
    port("conv", "-", "c"),
    port("conv", "+", "a"),
    box("block", "fold", 100, "a", "b"),
    box("head", "layer", 0),
    {"data": {"id": "edge", "source": "conv", "target": "block"}},
]


def test_a_layer_is_shaded_by_what_goes_of_what_it_makes_and_a_module_by_all_that_it_holds() -> None:
    found = shading(RATIO, ELEMENTS, GROUPS, MACS_OF_ALL)
    assert found is not None
    assert found.steps == {"conv": 4, "block": 4}  # 8 of 16, and 11 of 20, in ninths
    assert (found.least, found.most) == ("0 %", "100 % of channels go")


def test_costs_are_shaded_against_the_largest_which_the_legend_names() -> None:
    found = shading(MACS, ELEMENTS, GROUPS, MACS_OF_ALL)
    assert found is not None
    assert found.steps == {"conv": 8, "block": 2}
    assert found.most == "40 % of all MACs"


def test_small_shares_keep_a_decimal() -> None:
    found = shading(MACS, [box("conv", "layer", 34)], GROUPS, MACS_OF_ALL)
    assert found is not None
    assert found.most == "3.4 % of all MACs"


def test_a_neutral_graph_has_no_colours() -> None:
    assert shading(NEUTRAL, ELEMENTS, GROUPS, MACS_OF_ALL) is None


def test_a_box_is_shaded_by_its_most_sensitive_group() -> None:
    found = shading(SENSITIVITY, ELEMENTS, GROUPS, MACS_OF_ALL, {"a": 0.1, "b": 0.2, "c": 0.4})
    assert found is not None
    assert found.steps == {"conv": 2, "block": 4}  # a of 0.4 in ninths, and b, the worse one of two
    assert (found.least, found.most) == ("no loss", "40 points of accuracy, half removed")
    harmless = shading(SENSITIVITY, ELEMENTS, GROUPS, MACS_OF_ALL, {"a": 0.0})
    assert harmless is not None
    assert harmless.steps == {"conv": 0, "block": 0}
    assert harmless.most.startswith("1 points")


def test_a_sensitivity_that_was_not_measured_says_so() -> None:
    found = shading(SENSITIVITY, ELEMENTS, GROUPS, MACS_OF_ALL)
    assert found is not None
    assert (found.steps, found.least) == ({}, "not measured yet: see Training")
