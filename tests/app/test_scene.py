from __future__ import annotations

import pytest

from explorer.app.scene import build_scene, op_title
from tests.app.hand_made import ALL_OPEN, OUTLINE, SHAPE


def links(opened: frozenset[str]) -> set[tuple[str, str]]:
    return {(link.source, link.target) for link in build_scene(OUTLINE, opened).links}


def test_an_open_scene_shows_every_layer_in_its_module() -> None:
    boxes = {box.id: (box.kind, box.parent) for box in build_scene(OUTLINE, ALL_OPEN).boxes}
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
    (joined,) = [link for link in build_scene(OUTLINE, frozenset()).links if link.target == "fold:stage"]
    assert joined.groups == ("stem",)


def test_structural_ops_show_their_usual_sign() -> None:
    (add,) = [box for box in build_scene(OUTLINE, ALL_OPEN).boxes if box.kind == "op"]
    assert add.title == "+"


@pytest.mark.parametrize(
    ("op", "title"),
    [
        ("mul", "\N{MULTIPLICATION SIGN}"),
        ("relu", "relu"),
        ("max_pool2d_with_indices", "max_pool2d"),
        ("native_layer_norm", "layer_norm"),
        ("_softmax", "softmax"),
        ("constant_pad_nd", "pad"),
    ],
)
def test_ops_are_called_what_they_are_called_in_python(op: str, title: str) -> None:
    assert op_title(op) == title


def test_what_is_read_twice_is_one_tensor() -> None:
    (joined,) = [link for link in build_scene(OUTLINE, frozenset()).links if link.target == "fold:stage"]
    assert joined.shapes == (SHAPE,)
    assert joined.via == ("relu",)
