"""Tables that draw only the rows in sight, and the field that filters one: what all of them have in common."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc

from explorer.app.parts import attributes, icon

ROW, HEADER = 28, 28  # pixels


def table(
    name: str, columns: list[dict[str, Any]], rows: list[dict[str, Any]], *, is_fitted: bool = False, **options: Any
) -> dag.AgGrid:
    """A table whose rows are known by their ``name``; arrow keys lead from cell to cell, Tab leaves it.

    Args:
        name: Id of the component.
        columns: Column definitions of AG Grid.
        rows: Data of the rows.
        is_fitted: Whether the columns share the width of the table, however wide the window is.
        options: Grid options of AG Grid, besides those that all tables share and instead of them.
    """
    shared = {
        "theme": {"function": "themeQuartz"},
        "rowHeight": ROW,
        "headerHeight": HEADER,
        "groupHeaderHeight": HEADER,
        "animateRows": False,
        "tabToNextCell": {"function": "params.editing"},
        "tabToNextHeader": {"function": "false"},
    }
    return dag.AgGrid(
        id=name,
        rowData=rows,
        columnDefs=columns,
        getRowId="params.data.name",
        defaultColDef={"sortable": True, "resizable": True, "suppressHeaderMenuButton": True},
        columnSize="responsiveSizeToFit" if is_fitted else None,
        dashGridOptions=shared | options,
        className="grid",
        style={"height": None, "width": "100%"},
    )


def filter_field(name: str, label: str, placeholder: str, width: int) -> dmc.TextInput:
    """A field whose text filters a table.

    Args:
        name: Id of the component.
        label: What screen readers call it.
        placeholder: What stands in it while it is empty.
        width: In pixels.
    """
    return dmc.TextInput(
        id=name,
        value="",
        placeholder=placeholder,
        leftSection=icon("search"),
        size="xs",
        w=width,
        debounce=120,
        **attributes(aria_label=label),
    )
