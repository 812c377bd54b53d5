"""The one module that knows dash-cytoscape: what it needs, and what it must not be asked."""

from __future__ import annotations

from typing import Any

import dash_cytoscape as cyto

from explorer.app import ids
from explorer.app.elements import Element
from explorer.app.stylesheet import stylesheet

ZOOMS = (0.05, 3.0)
"""Least and most that the graph is magnified."""


def graph_view(elements: list[Element], scheme: str) -> Any:
    """The graph component.

    Elements only ever travel to the browser: after a drag, reading them back loses their classes. Highlights are class
    toggles on the live object (assets/explorer_graph.js), since a new stylesheet costs a second at 1000 nodes.

    Args:
        elements: From `explorer.app.elements.build_elements`.
        scheme: ``light`` or ``dark``.
    """
    return cyto.Cytoscape(
        id=ids.GRAPH,
        className="graph-canvas",
        elements=elements,
        stylesheet=stylesheet(scheme),
        layout={"name": "preset", "fit": False},
        autoRefreshLayout=False,  # every element brings its position
        autoungrabify=True,  # positions mean something; dragging a node pans like dragging the canvas
        autounselectify=True,
        boxSelectionEnabled=False,
        responsive=False,
        minZoom=ZOOMS[0],
        maxZoom=ZOOMS[1],
        style={"width": "100%", "height": "100%"},
    )
