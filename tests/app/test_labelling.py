"""Labels at the points of a plot."""

from __future__ import annotations

from explorer.app.labelling import label_places


def test_a_label_stands_above_its_point_where_there_is_room() -> None:
    assert label_places([(0.2, 0.5), (0.8, 0.5)], ["1", "2"]) == ["top center", "top center"]


def test_labels_of_points_side_by_side_keep_clear_of_each_other() -> None:
    assert label_places([(0.5, 0.5), (0.52, 0.5)], ["original", "1"]) == ["top center", "bottom center"]


def test_a_label_keeps_clear_of_a_point_above() -> None:
    assert label_places([(0.5, 0.5), (0.5, 0.43)], ["4", "5"])[0] != "top center"


def test_where_nothing_is_free_the_label_stands_in_its_usual_place() -> None:
    crowd = [(0.5, 0.5)] * 6
    assert label_places(crowd, list("abcdef"))[-1] == "top center"
