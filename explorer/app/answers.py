"""What the server answers when people change or open something: new data by the name of what holds it on the page.

Every answer names the epoch that it belongs to. A page that has opened something else in the meantime is in another
epoch and drops it, so a late answer never brings back an old recipe.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from explorer.app import ids
from explorer.app.failure import failure
from explorer.app.opening import opening_state
from explorer.app.panels import totals
from explorer.app.parts import message, notes, plain
from explorer.app.preview import preview
from explorer.app.remembered import for_another_model
from explorer.app.workspace import OPAQUE, RefusedSourceError, Subject, Workspace, checked_name
from explorer.engine.errors import ExplorerError, PlanError
from explorer.exploration import (
    Exploration,
    Recipe,
    View,
    change_all,
    checked_map,
    exported_recipe,
    fitted,
    set_options,
    without_implied,
)

log = logging.getLogger(__name__)

RECIPE_BYTES = 32_000_000
"""Of a recipe that a page sends. The largest of torchvision's models, RegNetY-128GF and ViT-H/14, take about 6 MB as
``recipe.json`` of an export, and took up to 13 MB when each index had a line of its own."""
RANKING = ("importance", "reduction", "normalise")
VIEW_STAYS = ("undo", "file")
"""Why a page goes to another state that need not say how the model is looked at: that stays as it is then."""
LESSON = "lesson"
"""Why a page goes to a step of a lesson, which says all of how its model is looked at."""
UNEXPECTED = "Something went wrong that the explorer did not expect. The log of the server has the details."

Asked = Mapping[str, Any]
Answer = dict[str, Any]


def after_changes(workspace: Workspace, asked: Asked, recipe: Asked) -> Answer:
    """The answer to changes of what is pruned.

    Args:
        workspace: The models.
        asked: ``changes``, each as `explorer.exploration.change` takes it, ``serial`` and ``epoch``.
        recipe: What they change.

    Returns:
        ``serial``, ``epoch``, and ``set``: recipe, preview, totals, and words where something was not as asked.
    """

    def made() -> dict[str, Any]:
        changes = asked.get("changes")
        after, mistakes = change_all(workspace.exploration(recipe), changes if isinstance(changes, list) else [{}])
        seen = preview(after)
        said = [message(mistake) for mistake in mistakes]
        said += [message(seen["remark"], "warn")] if seen["remark"] else []
        return {
            ids.RECIPE: after.recipe.to_json(),
            ids.PREVIEW: seen,
            ids.TOTALS: plain(totals.cards(seen)),
            ids.CHANGE_ERROR: said,
        }

    return _answer(asked, made, lambda error: {ids.CHANGE_ERROR: [message(words(error))]})


def after_restoring(workspace: Workspace, asked: Asked, page: str = "") -> Answer:
    """The answer to a page that opens a model, goes back to an earlier state, or follows a link.

    Args:
        workspace: The models.
        asked: ``why`` (``pick``, ``link``, ``reload``, ``file``, ``undo`` or ``lesson``), ``epoch``, ``shown`` (source
            of the model on the page), ``panels`` (what they remember), and ``source``, with ``ranking`` where its
            channels are to be ranked in another way than at first, ``recipe`` or ``text`` (of a file that should hold a
            recipe).
        page: Who asks, and may give up waiting.

    Returns:
        ``epoch``, and ``set``: everything that the page holds about the model, and remarks. Of a model that is on the
        page already, an undo and a file leave the view that they say nothing of as it is. Where it could not be opened,
        why and what to try.
    """

    def made() -> dict[str, Any]:
        subject, exploration, remarks = restored(workspace, asked, page)
        is_same = subject.source == asked.get("shown")
        state = opening_state(subject, exploration).stores()
        if is_same and asked.get("why") in VIEW_STAYS:
            state = _less_untouched(state, exploration)
        if is_same and asked.get("why") == LESSON:
            del state[ids.MODEL]  # which would be taken in as a new one
        return {
            **state,
            ids.TOTALS: plain(totals.cards(state[ids.PREVIEW])),
            ids.MODEL_NOTE: notes(subject.notes),
            ids.PICKER: subject.source,
            "choices": workspace.choices(subject.source),
            ids.FAILURE: None,
            ids.CHANGE_ERROR: None,
            ids.NOTICE: [message(remark, "warn") for remark in remarks],
        }

    return _answer(asked, made, lambda error: _not_restored(workspace, asked, error))


def restored(workspace: Workspace, asked: Asked, page: str = "") -> tuple[Subject, Exploration, tuple[str, ...]]:
    """The model and recipe that a page asks for, and remarks.

    Raises:
        ExplorerError: It is no recipe, its model cannot be opened, or only this server's owner may open it.
    """
    if "source" in asked:
        subject = workspace.open(str(asked["source"]), page)
        view = View(panels=for_another_model(checked_map("panels", asked.get("panels"))))
        ranking = checked_map("ranking", asked.get("ranking"))
        exploration = set_options(workspace.begin(subject.source), **{name: ranking.get(name) for name in RANKING})
        return subject, replace(exploration, recipe=replace(exploration.recipe, view=view)), ()
    recipe = _asked_recipe(asked)
    subject = workspace.open(_source(workspace, recipe, str(asked.get("why")), str(asked.get("shown"))), page)
    exploration, remarks = fitted(subject.graph, subject.source, recipe, workspace.gradients(subject))
    return subject, without_implied(exploration) if "text" in asked else exploration, remarks


def read_recipe(text: str) -> Mapping[str, Any]:
    """The JSON data in a file that should be a recipe, or the ``recipe.json`` of an exported model.

    Raises:
        PlanError: It is too large, or no JSON object.
        SaveError: It is that of an exported model, and damaged.
    """
    if (size := len(text.encode())) > RECIPE_BYTES:
        raise PlanError(
            f"This file has {size / 10**6:.1f} MB, and a page takes recipes of up to {RECIPE_BYTES // 10**6} MB. "
            "Nothing was opened. The command line takes larger ones: python -m explorer apply FILE --out DIR"
        )
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"This file is no JSON: {error}. A recipe is what “Save recipe” writes.") from error
    if not isinstance(data, dict):
        raise PlanError("This file holds JSON, but no recipe. A recipe is what “Save recipe” writes.")
    return exported_recipe(data)


def words(error: Exception) -> str:
    """What a page says of an error: its message where it was raised on purpose."""
    return str(error) if isinstance(error, ExplorerError) else UNEXPECTED


def _asked_recipe(asked: Asked) -> Recipe:
    return Recipe.from_json(read_recipe(str(asked["text"])) if "text" in asked else asked.get("recipe") or {})


def _source(workspace: Workspace, recipe: Recipe, why: str, shown: str) -> str:
    """The model of a recipe: by name; by its opaque id; or, of an earlier run, one that this run knows again."""
    if why == "link":
        checked_name(recipe.source)
    if workspace.knows(recipe.source):
        return recipe.source
    if recipe.source.startswith(OPAQUE) and (again := workspace.like(recipe.fingerprint)):
        return again.source
    if why == "file" and not recipe.source.startswith(("sample:", "torchvision:")):
        return shown
    return recipe.source


def _not_restored(workspace: Workspace, asked: Asked, error: Exception) -> dict[str, Any]:
    """Words over the page where a recipe was none; for a model that could not be opened, in its place what to try."""
    if isinstance(error, (PlanError, RefusedSourceError)):
        return {ids.NOTICE: [message(str(error))]}
    source = str(asked["source"]) if "source" in asked else _asked_recipe(asked).source
    return {ids.FAILURE: failure(source, words(error), error, workspace.names())}


def _less_untouched(state: dict[str, Any], exploration: Exploration) -> dict[str, Any]:
    view = exploration.recipe.view
    untouched = {ids.MODEL}
    untouched |= {ids.OPENED} if view.opened is None else set()
    untouched |= {ids.SELECTION} if view.selection is None else set()
    untouched |= set() if view.panels else {ids.PANELS}
    return {name: data for name, data in state.items() if name not in untouched}


def _answer(asked: Asked, make: Callable[[], dict[str, Any]], told: Callable[[Exception], dict[str, Any]]) -> Answer:
    """What `make` gives, or what is `told` where it cannot be made."""
    head = {"epoch": asked.get("epoch"), "serial": asked.get("serial")}
    try:
        return {**head, "isMade": True, "set": make()}
    except ExplorerError as error:
        return {**head, "isMade": False, "set": told(error)}
    except Exception as error:  # a page that waits for an answer gets one, whatever a model does
        log.exception("No answer could be made")
        return {**head, "isMade": False, "set": told(error)}
