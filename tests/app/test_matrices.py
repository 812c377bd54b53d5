"""D and G as the paper defines them, and what is drawn and said of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from explorer.app.figures import matrix_map
from explorer.app.matrices import (
    CHOSEN,
    EVERYTHING,
    INTER,
    INTRA,
    SHOWN,
    Matrix,
    boxes_in,
    dependency_matrix,
    grouping_matrix,
    readable,
    segments,
)
from explorer.app.outline import outline
from explorer.app.panels.matrices_panel import drawn, legend, scopes
from explorer.app.theme import tokens
from explorer.app.workspace import Subject
from explorer.engine.graph import DependencyGraph
from tests.engine import patterns
from tests.engine.patterns import traced


@pytest.fixture(scope="module")
def residual() -> DependencyGraph:
    return traced(patterns.residual())


def whole(graph: DependencyGraph, kind: str, group: str = "") -> Matrix:
    boxes, _ = boxes_in(outline(graph.layers, graph.edges, {}), EVERYTHING, ())
    return dependency_matrix(graph, boxes, group) if kind == "D" else grouping_matrix(boxes, group)


def pairs(matrix: Matrix, level: int) -> set[tuple[str, str]]:
    found = zip(*np.nonzero(np.triu(matrix.levels == level)), strict=True)
    return {(matrix.rows[i].ports[0], matrix.rows[j].ports[0]) for i, j in found}


def test_d_is_the_papers(residual: DependencyGraph) -> None:
    matrix = whole(residual, "D")
    assert (matrix.levels == matrix.levels.T).all()
    assert pairs(matrix, INTER) == {
        ("stem+", "a-"),
        ("stem+", "add-"),
        ("a+", "bn-"),
        ("bn+", "add-"),
        ("add+", "head-"),
    }
    assert pairs(matrix, INTRA) == {("bn-", "bn+"), ("add-", "add+")}  # not a convolution: its two sides differ


def test_g_follows_from_d(residual: DependencyGraph) -> None:
    d, g = whole(residual, "D"), whole(residual, "G")
    _, component = connected_components(d.levels > 0, directed=False)
    ports = {row.ports[0]: component[index] for index, row in enumerate(d.rows) if row.groups}
    for i, a in enumerate(g.rows):
        for j, b in enumerate(g.rows):
            parts = [{ports[port] for port in row.ports if port in ports} for row in (a, b)]
            assert bool(g.levels[i, j]) == bool(parts[0] & parts[1]), (a.name, b.name)


def test_the_selected_group_stands_out(residual: DependencyGraph) -> None:
    group = residual.groups[0].name
    for kind in "DG":
        matrix = whole(residual, kind, group)
        chosen = {matrix.rows[i].name for i in np.nonzero((matrix.levels > CHOSEN).any(axis=1))[0]}
        assert chosen == {row.name for row in matrix.rows if group in row.groups}


def test_a_closed_module_is_one_row(subject: Subject) -> None:
    boxes, is_joined = boxes_in(subject.outline, SHOWN, ["layer1", "layer1.*0-2", "layer1.*0-2.1"])
    names = [row.name for row in dependency_matrix(subject.graph, boxes).rows]
    assert "layer1.0" in names
    assert "layer1.1.conv1 f+" in names
    assert "layer2" in names
    assert not any(name.startswith("layer1.0.") for name in names)
    assert not is_joined
    blocks, _ = boxes_in(subject.outline, SHOWN, ["layer1"])
    assert "layer1 0–2" in [row.name for row in grouping_matrix(blocks).rows]  # noqa: RUF001
    inside, _ = boxes_in(subject.outline, "layer1.*0-2.0", [])
    assert {box.name for box in inside} == {f"layer1.0.{name}" for name in ("conv1", "bn1", "conv2", "bn2", "add")}


def test_too_many_rows_are_joined_by_module(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.app.matrices.MAX_ROWS", 40)
    boxes, is_joined = boxes_in(subject.outline, EVERYTHING, [])
    assert is_joined
    assert len(dependency_matrix(subject.graph, boxes).rows) <= 40
    assert "one row each" in drawn(subject, "D", EVERYTHING, [], "")[2]


def test_a_cell_says_which_two_ports_and_why(residual: DependencyGraph) -> None:
    told = readable(whole(residual, "D"))
    names = [row["name"] for row in told["rows"]]
    at = sorted(names.index(name) for name in ("bn f\N{MINUS SIGN}", "bn f+"))
    kind, reason, groups = told["cells"][f"{at[0]},{at[1]}"]
    assert (kind, groups) == ("intra-layer", ["stem"])
    assert reason == "bn (BatchNorm2d) has the same channels on both sides"
    assert readable(whole(residual, "G"))["cells"] == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_levels_have_the_colours_of_the_scheme(residual: DependencyGraph, scheme: str) -> None:
    matrix = whole(residual, "D")
    figure = matrix_map(matrix, segments(matrix.rows), scheme, slot=1)
    colours = [colour for _, colour in figure.data[0].colorscale][::2]
    assert colours[0] == tokens(scheme)["surface"]
    assert colours[3] == tokens(scheme)["hue-1"]
    assert figure.layout.shapes[0].visible is False  # the cursor waits for a key


def test_rows_run_in_modules(subject: Subject) -> None:
    runs = segments(whole(subject.graph, "G").rows)
    assert [path for _, _, path in runs] == ["", "layer1", "layer2", "layer3", ""]
    assert runs[0][:2] == (0, 2)


def test_the_note_counts_and_the_choice_offers_modules(subject: Subject) -> None:
    _, _, said = drawn(subject, "D", EVERYTHING, [], "conv1")
    assert said.startswith("104 rows: 60 inter-layer and 30 intra-layer dependencies.")
    assert {"label": "inside layer1", "value": "layer1"} in scopes(["layer1", "layer1.0"])
    assert len(legend("D")) == 3
