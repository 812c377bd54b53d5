"""How important each channel of a group is. `CRITERIA` is the table of criteria, in `criteria.py`.

Adding a criterion: write what each element of a weight contributes and how the sum over a slice becomes a score, add a
row to `CRITERIA`, and add a hand-computed case to the tests.
"""

from explorer.engine.importance.combining import NORMALISERS, REDUCTIONS, SCOPES
from explorer.engine.importance.criteria import CRITERIA, Criterion
from explorer.engine.importance.gradients import Gradients, gradients
from explorer.engine.importance.scoring import Scoring, check_scoring, members_in, score_groups, squared_norms, unscored

__all__ = [
    "CRITERIA",
    "NORMALISERS",
    "REDUCTIONS",
    "SCOPES",
    "Criterion",
    "Gradients",
    "Scoring",
    "check_scoring",
    "gradients",
    "members_in",
    "score_groups",
    "squared_norms",
    "unscored",
]
