"""How the page notices that what a step asks for was done on the screen: assets/learn_doing.js tells it from these."""

from __future__ import annotations

from collections.abc import Mapping

from dash import ClientsideFunction, Dash, Input, State
from dash.dependencies import DashDependency

from explorer.app import ids


def _work(parts: ids.Work) -> tuple[DashDependency, ...]:
    """A piece of work in the background: what was asked for, and what came out."""
    return Input(parts.asked, "data"), Input(parts.shown, "data")


SIGNS: Mapping[str, tuple[DashDependency, ...]] = {
    "play": (Input(ids.PANELS, "data"), State(ids.PROPAGATION, "data")),
    "prove": (Input(ids.MEASURED, "data"),),
    "time": _work(ids.LATENCY),
    "sweep": _work(ids.SWEEP),
    "recover": _work(ids.RECOVER),
    "train_sparsely": _work(ids.SPARSE),
    "plan_on_trained": (Input(ids.RECIPE, "data"),),
    "ask_to_untie": (Input(ids.UNTIE_SAID, "children"),),
}
"""For each of `explorer.lessons.ACTIONS` what on the page changes with it; the function of its name looks at that."""

RESULTS = (ids.RECOVER, ids.SPARSE)
"""Work whose result stays on the page. A step on another plan or model opens without it."""


def register(app: Dash) -> None:
    """Callbacks that notice what was done, and that put away what an earlier step left."""
    for action, parts in SIGNS.items():
        app.clientside_callback(ClientsideFunction("doing", action), *parts, prevent_initial_call=True)
    for work in RESULTS:
        app.clientside_callback(
            ClientsideFunction("doing", "forget"),
            Input(ids.LESSON_STEP, "data"),
            State(work.begin, "n_clicks"),
            State(work.asked, "data"),
            State(work.asked, "id"),
            prevent_initial_call=True,
        )
