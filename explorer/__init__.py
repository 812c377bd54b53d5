"""The explorer: see why the parts of a neural network must be pruned together, and prune them.

Example:
    >>> import explorer
    >>> graph = explorer.trace("sample:resnet20")  # or explorer.trace(model, example_inputs)
    >>> plan = graph.plan(0.5)  # nothing is run or changed
    >>> pruned = plan.apply()  # a new, smaller module
    >>> pruned.verify().ok
    True
    >>> folder = explorer.save(pruned, "out")
    >>> model = explorer.load(folder)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from explorer.engine import __version__

if TYPE_CHECKING:
    from explorer.app import show
    from explorer.engine.apply import Pruned
    from explorer.engine.cost import Cost, CostChange
    from explorer.engine.errors import ExplorerError
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.groups import Frozen, Group, Member, Tie
    from explorer.engine.importance import gradients
    from explorer.engine.plan import Plan
    from explorer.engine.rules import register_rule
    from explorer.engine.save import save
    from explorer.engine.ways import Way
    from explorer.exploration import apply_recipe
    from explorer.exports import export
    from explorer.models.saved import expand, load
    from explorer.models.tracing import trace
    from explorer.training import evaluate, finetune, recalibrate, sensitivity, sparsify

__all__ = [
    "Cost",
    "CostChange",
    "DependencyGraph",
    "ExplorerError",
    "Frozen",
    "Group",
    "Member",
    "Plan",
    "Pruned",
    "Tie",
    "Way",
    "__version__",
    "apply_recipe",
    "evaluate",
    "expand",
    "export",
    "finetune",
    "gradients",
    "load",
    "recalibrate",
    "register_rule",
    "save",
    "sensitivity",
    "show",
    "sparsify",
    "trace",
]


_PLACES = {
    "Cost": "explorer.engine.cost",
    "CostChange": "explorer.engine.cost",
    "DependencyGraph": "explorer.engine.graph",
    "ExplorerError": "explorer.engine.errors",
    "Frozen": "explorer.engine.groups",
    "Group": "explorer.engine.groups",
    "Member": "explorer.engine.groups",
    "Plan": "explorer.engine.plan",
    "Pruned": "explorer.engine.apply",
    "Tie": "explorer.engine.groups",
    "Way": "explorer.engine.ways",
    "apply_recipe": "explorer.exploration",
    "evaluate": "explorer.training",
    "expand": "explorer.models.saved",
    "export": "explorer.exports",
    "finetune": "explorer.training",
    "gradients": "explorer.engine.importance",
    "load": "explorer.models.saved",
    "recalibrate": "explorer.training",
    "register_rule": "explorer.engine.rules",
    "save": "explorer.engine.save",
    "sensitivity": "explorer.training",
    "show": "explorer.app",
    "sparsify": "explorer.training",
    "trace": "explorer.models.tracing",
}
"""Where each public name lives."""


def __getattr__(name: str) -> Any:
    """Public names are imported when they are used: PyTorch takes seconds, and only `show` needs Dash."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return [*globals(), *__all__]
