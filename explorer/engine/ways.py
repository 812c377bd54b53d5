"""Which way a plan needs, known before anything is built: the model's own code, or its recorded calls replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.engine.apply import explained, plan_replay, plan_surgery, refused
from explorer.engine.errors import ApplyError
from explorer.engine.program import SourceLine
from explorer.engine.replay import replayed_lines

if TYPE_CHECKING:
    from explorer.engine.plan import Plan


@dataclass(frozen=True)
class Way:
    """How a plan will be carried out.

    Attributes:
        way: ``live``: the original classes run their own code; ``program``: the recorded calls are replayed, since some
            number in the code cannot follow; ``none``: neither is possible, and `Plan.apply` will say so.
        reason: Why the original classes cannot run it, in words; empty where they can.
        source: The user's line that stands in the way, where one does.
    """

    way: str
    reason: str = ""
    source: SourceLine | None = None


def expected_way(plan: Plan) -> Way:
    """The way that applying a plan will take, from what was recorded; no model is built and nothing runs.

    A forward that checks sizes by itself (``assert x.shape[1] == 64``) is found out only when the plan is applied.

    Args:
        plan: Any plan.
    """
    try:
        plan_surgery(plan)
    except ApplyError as refusal:
        return _without_own_code(plan, refusal)
    return Way("live")


def _without_own_code(plan: Plan, refusal: ApplyError) -> Way:
    try:
        _, shapes = plan_replay(plan)
        replayed_lines(shapes)
    except ApplyError as error:
        return Way("none", str(refused(plan, refusal, error)), refusal.source)
    return Way("program", explained(plan, refusal), refusal.source)
