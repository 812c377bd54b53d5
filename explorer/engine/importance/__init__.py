"""How important each channel of a group is. `CRITERIA` is the table; each file holds one family.

Adding a criterion: write a function from a weight to the score of each of its elements in the file of its family, add a
row to `CRITERIA`, and add a hand-computed case to the tests.
"""

from explorer.engine.importance.scoring import CRITERIA, Criterion, score_groups

__all__ = ["CRITERIA", "Criterion", "score_groups"]
