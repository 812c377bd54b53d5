"""One model being explored: its graph, and a recipe that says what is pruned of it and how it is looked at.

The recipe is the single truth: what is pruned follows from it and the model, so the browser, an undo stack, a link and
an exported file can all hold the same few lines of JSON.
"""

from explorer.exploration.applying import apply_recipe, plan_of, recipe_data
from explorer.exploration.changes import (
    TARGETS,
    TIMED,
    change,
    change_all,
    checked_target,
    competing,
    found_ratios,
    reset,
    scale_ratios,
    set_break_ties,
    set_each_ratio,
    set_every_ratio,
    set_found_ratios,
    set_keep,
    set_lock,
    set_options,
    set_preset,
    set_ratio,
    set_ratios,
    set_target,
)
from explorer.exploration.fitting import exported_recipe, fitted, without_implied
from explorer.exploration.presets import PRESETS, Preset, stages
from explorer.exploration.recipe import FORMAT, MAX_PINS, MAX_RATIO, Recipe, View, checked_map
from explorer.exploration.state import (
    Exploration,
    common_ratio,
    every_group,
    needed_gradients,
    start,
    tied_groups,
    without_gradients,
)

__all__ = [
    "FORMAT",
    "MAX_PINS",
    "MAX_RATIO",
    "PRESETS",
    "TARGETS",
    "TIMED",
    "Exploration",
    "Preset",
    "Recipe",
    "View",
    "apply_recipe",
    "change",
    "change_all",
    "checked_map",
    "checked_target",
    "common_ratio",
    "competing",
    "every_group",
    "exported_recipe",
    "fitted",
    "found_ratios",
    "needed_gradients",
    "plan_of",
    "recipe_data",
    "reset",
    "scale_ratios",
    "set_break_ties",
    "set_each_ratio",
    "set_every_ratio",
    "set_found_ratios",
    "set_keep",
    "set_lock",
    "set_options",
    "set_preset",
    "set_ratio",
    "set_ratios",
    "set_target",
    "stages",
    "start",
    "tied_groups",
    "without_gradients",
    "without_implied",
]
