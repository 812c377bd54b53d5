from __future__ import annotations

import pytest

from explorer.reproduction.comparing import STAGES, against_base, differences, matching, spread
from tests.reproduction.hand_made import record


def test_a_spread_is_a_mean_and_a_standard_deviation() -> None:
    assert spread([0.98, 1.0]) == "99.0 ± 1.4"
    assert spread([0.98, None]) == "98.0"
    assert spread([]) == spread([None]) == ""


def test_differences_pair_the_seeds_that_both_have() -> None:
    ours = [record("random", seed, pruned=0.5 + 0.1 * seed, tuned=0.9) for seed in (2, 0, 1)]
    theirs = [record("base", seed, pruned=0.4, tuned=None) for seed in (1, 0, 3)]
    pruned, tuned = STAGES["right after pruning"], STAGES["fine-tuned"]
    assert differences(matching(ours), theirs, pruned) == pytest.approx([10, 20])
    assert differences(ours, theirs, tuned) == []
    assert against_base(ours, theirs) == pytest.approx([-9, -9])
