from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from explorer.app.outline import (
    LONG_RUN,
    MOST_CHILDREN,
    MOST_REPEATED,
    PART,
    Outline,
    ancestors,
    fold_nodes,
    is_stack,
    module_path,
    outline,
    title_of,
)
from explorer.app.scene import closed_ancestor
from explorer.app.unfolding import NODE_LIMIT, revealed, visible_nodes
from explorer.app.workspace import Subject
from explorer.engine.layers import Edge, Layer
from tests.app.hand_made import CLASSES, EDGES, LAYERS, OUTLINE, SHAPE, layer


def chain(names: list[str], type_name: str = "Conv2d") -> tuple[tuple[Layer, ...], tuple[Edge, ...]]:
    """Layers that each read what the one before made."""
    layers = tuple(layer(name, type_name, ((), ()), order) for order, name in enumerate(names))
    edges = tuple(Edge(a, b, (), SHAPE, ()) for a, b in pairwise(names))
    return layers, edges


def blocks(*arguments: str, classes: str = "Block") -> Outline:
    """Blocks of one convolution each, side by side."""
    layers, edges = chain([f"stage.{number}.conv" for number in range(len(arguments))])
    layers = tuple(replace(each, arguments=text) for each, text in zip(layers, arguments, strict=True))
    return outline(layers, edges, {f"stage.{number}": classes for number in range(len(arguments))})


def test_ancestors_run_from_the_outermost_module_inwards() -> None:
    assert ancestors("a.b.c") == ("a", "a.b", "a.b.c")
    assert ancestors("") == ()


def test_every_module_that_holds_layers_is_listed_parents_first() -> None:
    assert list(OUTLINE.members) == ["stage", "stage.0"]
    assert OUTLINE.class_of("stage.0") == "Block"


def test_blocks_that_repeat_but_for_their_widths_stand_in_one_place() -> None:
    found = blocks("8, 8, kernel_size=(3, 3)", "8, 16, kernel_size=(3, 3)", "16, 16, kernel_size=(3, 3)")
    assert list(found.members) == ["stage", "stage.*0-2", "stage.*0-2.0", "stage.*0-2.1", "stage.*0-2.2"]
    assert found.count_of("stage.*0-2") == 3
    assert found.class_of("stage.*0-2") == "Block"
    assert found.layers[1].name == "stage.1.conv"
    assert module_path(found.layers[1].parent) == "stage.1"


@pytest.mark.parametrize(
    "found",
    [
        blocks("8, 8, stride=(2, 2)", "8, 8, stride=(1, 1)"),
        blocks("8, 8", "8, 8", classes="Sequential"),
        blocks("8, 8"),
    ],
    ids=["another stride", "plain containers", "alone"],
)
def test_what_does_not_repeat_stands_by_itself(found: Outline) -> None:
    assert not [path for path in found.members if "*" in path]


def dense(count: int) -> Outline:
    """A block as of DenseNet: each of its layers reads what all before it made, and so has a wide band."""
    names = [f"block.{number}.conv" for number in range(count)]
    groups = [(tuple(names[:number]), (name,)) for number, name in enumerate(names)]
    layers = tuple(
        layer(name, "Conv2d", each, order) for order, (name, each) in enumerate(zip(names, groups, strict=True))
    )
    edges = tuple(Edge(a, b, (), SHAPE, (a,)) for number, b in enumerate(names) for a in names[:number])
    return outline(layers, edges, {f"block.{number}": "Layer" for number in range(count)})


def test_blocks_with_many_bands_stand_in_several_places() -> None:
    assert list(dense(12).children["block"]) == ["block.*0-11"]
    found = dense(60)
    stacks = found.children["block"]
    assert stacks == ("block.*0-19", "block.*20-39", "block.*40-59")
    for path in stacks:
        assert sum(fold_nodes(found.crossing[each]) for each in found.children[path]) <= MOST_REPEATED + 6
        assert found.class_of(path) == "Layer"


@pytest.mark.parametrize("count", [12, 48, 60, 200])
def test_every_layer_can_be_revealed_within_the_limit(count: int) -> None:
    found = dense(count)
    for each in found.layers:
        paths = revealed(found, [], {"kind": "layer", "name": each.name})
        assert not closed_ancestor(each, frozenset(paths))
        assert visible_nodes(found, frozenset(paths)) <= NODE_LIMIT


def test_branches_side_by_side_do_not_repeat_each_other() -> None:
    layers, _ = chain(["a.conv", "b.conv"])
    edges = tuple(Edge("input", each.name, (), SHAPE, ()) for each in layers)
    assert list(outline(layers, edges, {"a": "Branch", "b": "Branch"}).members) == ["a", "b"]


def test_a_long_run_of_ops_stands_in_one_place() -> None:
    ops = tuple(layer(f"add_{index}", "add", ((), ()), 5 + index) for index in range(LONG_RUN))
    assert outline(LAYERS, EDGES, CLASSES).layers == LAYERS
    found = outline((*LAYERS, *ops), EDGES, CLASSES)
    assert found.layers[: len(LAYERS)] == LAYERS
    assert {each.parent for each in found.layers[len(LAYERS) :]} == {"~ops 1"}
    assert title_of("~ops 1") == "ops"


def test_what_has_many_children_shows_them_in_parts() -> None:
    layers, edges = chain([f"net.conv{number}" for number in range(MOST_CHILDREN + 1)])
    found = outline(layers, edges, {"net": "Net"})
    assert found.children["net"] == ("net.~1-40", "net.~41-61")
    assert [len(found.members[path]) for path in found.children["net"]] == [PART, MOST_CHILDREN + 1 - PART]


def test_parameters_of_a_module_itself_stand_inside_it() -> None:
    layers, edges = chain(["block.conv", "block"])
    found = outline(layers, edges, {"block": "Block"})
    assert found.by_name["block"].parent == "block"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("layer3.*1-5", "1\N{EN DASH}5"),
        ("*denselayer1-denselayer48", "denselayer1\N{EN DASH}48"),
        ("net.~41-80", "41\N{EN DASH}80"),
        ("layer1.0", "0"),
    ],
)
def test_places_have_short_titles(path: str, title: str) -> None:
    assert title_of(path) == title


def test_the_sample_folds_its_repeated_blocks(subject: Subject) -> None:
    stacks = {path: subject.outline.count_of(path) for path in subject.outline.members if is_stack(path)}
    assert stacks == {"layer1.*0-2": 3, "layer2.*1-2": 2, "layer3.*1-2": 2}
