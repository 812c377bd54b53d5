from __future__ import annotations

import threading

import torch
from torch import nn

from explorer.engine.graph import trace
from explorer.engine.randomness import own_random_state


def test_a_state_of_ones_own_starts_from_the_seed_and_leaves_the_other_as_it_was() -> None:
    expected = torch.rand(2)
    torch.manual_seed(0)
    with own_random_state(seed=5):
        first = torch.rand(3)
        with own_random_state(seed=5):  # what needs it again inside gets it
            assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(2), expected)


def test_a_proof_in_another_thread_disturbs_nobody_who_draws_numbers() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    pruned = trace(model, torch.randn(2, 4)).plan(0.5).apply()
    with own_random_state(seed=1):
        expected = torch.rand(6)
    found: list[bool] = []
    proof = threading.Thread(target=lambda: found.append(pruned.verify().ok))
    with own_random_state(seed=1):
        before = torch.rand(3)
        proof.start()
        proof.join(0.5)  # it would be done by then if it did not wait
        drawn = torch.cat([before, torch.rand(3)])
    proof.join(20)
    assert torch.equal(drawn, expected)
    assert found == [True]
