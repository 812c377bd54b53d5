from __future__ import annotations

import pytest

from explorer.app.scene import LONG_RUN, ancestors, build_scene, default_open, gathered, module_paths, visible_nodes
from tests.app.hand_made import ALL_OPEN, EDGES, LAYERS, layer


def links(opened: frozenset[str]) -> set[tuple[str, str]]:
    return {(link.source, link.target) for link in build_scene(LAYERS, EDGES, opened).links}


def test_ancestors_run_from_the_outermost_module_inwards() -> None:
    assert ancestors("a.b.c") == ("a", "a.b", "a.b.c")
    assert ancestors("") == ()


def test_every_module_that_holds_layers_is_listed_parents_first() -> None:
    assert module_paths(LAYERS) == ("stage", "stage.0")


def test_an_open_scene_shows_every_layer_in_its_module() -> None:
    boxes = {box.id: (box.kind, box.parent) for box in build_scene(LAYERS, EDGES, ALL_OPEN).boxes}
    assert boxes == {
        "input": ("input", ""),
        "layer:stem": ("layer", ""),
        "module:stage": ("module", ""),
        "module:stage.0": ("module", "module:stage"),
        "layer:stage.0.conv1": ("layer", "module:stage.0"),
        "layer:stage.0.conv2": ("layer", "module:stage.0"),
        "layer:stage.0.add": ("op", "module:stage.0"),
        "layer:head": ("layer", ""),
        "output": ("output", ""),
    }


def test_a_closed_module_hides_its_inside_and_joins_parallel_links() -> None:
    assert links(frozenset({"stage"})) == {
        ("input", "layer:stem"),
        ("layer:stem", "fold:stage.0"),
        ("fold:stage.0", "layer:head"),
        ("layer:head", "output"),
    }
    (joined,) = [link for link in build_scene(LAYERS, EDGES, frozenset()).links if link.target == "fold:stage"]
    assert len(joined.shapes) == 2
    assert joined.groups == ("stem",)
    assert joined.via == ()


def test_structural_ops_show_their_usual_sign() -> None:
    (add,) = [box for box in build_scene(LAYERS, EDGES, ALL_OPEN).boxes if box.kind == "op"]
    assert add.title == "+"


@pytest.mark.parametrize(
    ("opened", "nodes"),
    [
        (frozenset(), 2 + 2 * 3 + 1),
        (frozenset({"stage"}), 2 + 2 * 3 + 1 + 1),
        (ALL_OPEN, 2 + 4 * 3 + 1 + 2),
    ],
)
def test_nodes_are_counted_with_ports(opened: frozenset[str], nodes: int) -> None:
    assert visible_nodes(LAYERS, opened) == nodes


@pytest.mark.parametrize(("limit", "opened"), [(8, set()), (10, {"stage"}), (300, {"stage", "stage.0"})])
def test_modules_open_from_the_outside_in_while_there_is_room(limit: int, opened: set[str]) -> None:
    assert default_open(LAYERS, limit) == opened


def test_a_long_run_of_ops_outside_of_modules_folds() -> None:
    ops = tuple(layer(f"add_{index}", "add", ((), ()), 5 + index) for index in range(LONG_RUN))
    assert gathered(LAYERS) == LAYERS
    found = gathered((*LAYERS, *ops))
    assert found[: len(LAYERS)] == LAYERS
    assert len({each.parent for each in found[len(LAYERS) :]}) == 1
    assert visible_nodes(found, frozenset()) == visible_nodes(LAYERS, frozenset()) + 1
