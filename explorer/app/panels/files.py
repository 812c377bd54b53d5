"""What goes in and out as a file: recipes, weights for a known architecture, and how to open a model of one's own."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, html

from explorer.app import ids
from explorer.app.panels import take_away
from explorer.app.parts import attributes, copyable, icon, modal

COMMAND = "python -m explorer my_model.py:build"
FACTORY = """\
# my_model.py
import torch

def build():
    model = MyModel()
    return model, torch.randn(1, 3, 224, 224)"""
CALL = """\
import explorer

graph = explorer.trace(model, example_inputs)
explorer.show(graph)"""
SAVE_WEIGHTS = """\
from safetensors.torch import save_model

save_model(model, "weights.safetensors")"""


def menu() -> Any:
    """The menu of everything that is a file."""
    target = html.Button(["File", icon("down")], className="text-tool with-icon", type="button")
    items = [
        dmc.MenuItem("Open your own model…", id=ids.OPEN_OWN),
        dmc.MenuItem("Open a recipe or weights…", id=ids.OPEN_FILE),
        dmc.MenuDivider(),
        dmc.MenuItem("Save the recipe", id=ids.SAVE_RECIPE),
        *take_away.items(),
    ]
    return dmc.Menu(
        [dmc.MenuTarget(target), dmc.MenuDropdown(items)], position="bottom-start", shadow="md", width=230, zIndex=60
    )


def dialog() -> Any:
    """How to open a model that the picker does not have."""
    parts = [
        html.H3("From the command line", className="section-title"),
        html.P("Name the function that returns your model, or the model and example inputs:", className="quiet"),
        copyable(COMMAND),
        copyable(FACTORY),
        html.H3("From Python or a notebook", className="section-title"),
        html.P("A model that is in memory already opens in the same app:", className="quiet"),
        copyable(CALL),
        html.H3("Only other weights", className="section-title"),
        html.P(
            "For the architecture on the screen, drop a .safetensors file on the page. Names and shapes are checked "
            "before anything is loaded.",
            className="quiet",
        ),
        copyable(SAVE_WEIGHTS),
        html.H3("Why no .pt or .pkl file", className="section-title"),
        html.P(
            "They are pickles. Reading one runs whatever code is in it, and a page takes files from anybody. So code "
            "is run from your own command line only; the page reads recipes (JSON) and safetensors, which are data.",
            className="quiet",
        ),
    ]
    return modal(ids.OWN_DIALOG, "Open your own model", parts)


def layout() -> list[Any]:
    """What the menu needs besides itself."""
    drop = html.Div(
        "Drop a recipe (.json) or weights (.safetensors)",
        className="drop",
        id=ids.DROP,
        **attributes(aria_hidden="true"),
    )
    return [drop, dialog(), *take_away.layout()]


def register(app: Dash) -> None:
    """Callbacks of the menu, all in the browser."""
    for name, function in ((ids.OPEN_FILE, "openFile"), (ids.SAVE_RECIPE, "saveRecipe"), (ids.OPEN_OWN, "openOwn")):
        app.clientside_callback(
            ClientsideFunction("explorer", function), Input(name, "n_clicks"), prevent_initial_call=True
        )
