"""What all tables have in common."""

from __future__ import annotations

from explorer.app.tables import HEADER, ROW, table


def test_a_table_has_what_all_share_and_its_own_instead() -> None:
    usual = table("first", [], []).dashGridOptions
    own = table("second", [], [], rowHeight=99, singleClickEdit=True).dashGridOptions
    assert (usual["rowHeight"], usual["headerHeight"]) == (ROW, HEADER)
    assert own == usual | {"rowHeight": 99, "singleClickEdit": True}


def test_rows_are_known_by_name_and_fill_the_width_only_where_that_is_wanted() -> None:
    assert table("first", [], [{"name": "a"}]).getRowId == "params.data.name"
    assert table("first", [], []).columnSize is None
    assert table("second", [], [], is_fitted=True).columnSize == "responsiveSizeToFit"
