"""Why two members go together: the chain of ops, with the user's lines."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import explorer
from explorer.engine.errors import PlanError
from explorer.engine.graph import trace
from tests.engine import patterns
from tests.engine.patterns import traced


class Block(nn.Module):
    """A residual block whose lines are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.branch = nn.Conv2d(4, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        b = self.norm(self.branch(h))
        return self.head(h + b)


LINES, FIRST_LINE = inspect.getsourcelines(Block.forward)


def line_of(text: str) -> int:
    """Number of the line of `Block.forward` that holds a text."""
    (place,) = [number for number, line in enumerate(LINES) if text in line]
    return FIRST_LINE + place


@pytest.fixture(scope="module")
def graph() -> explorer.DependencyGraph:
    return trace(Block(), torch.randn(1, 3, 2, 2))


def test_the_chain_between_two_branches_goes_over_the_addition(graph: explorer.DependencyGraph) -> None:
    steps = graph.explain("stem", ("stem.weight", 0), ("branch.weight", 0))
    assert [(step.op, step.module) for step in steps] == [
        ("convolution", "stem"),
        ("add", ""),
        ("native_batch_norm", "norm"),
        ("convolution", "branch"),
    ]


def test_steps_point_to_the_users_lines(graph: explorer.DependencyGraph) -> None:
    steps = graph.explain("stem", ("stem.weight", 0), ("branch.weight", 0))
    sources = [step.source for step in steps]
    assert all(source is not None for source in sources)
    assert {source.file for source in sources if source} == {str(Path(__file__))}
    assert [source.line for source in sources if source] == [
        line_of("self.stem"),
        line_of("h + b"),
        line_of("self.norm"),
        line_of("self.branch"),
    ]
    assert {source.function for source in sources if source} == {"forward"}


def test_each_step_says_what_it_does(graph: explorer.DependencyGraph) -> None:
    texts = [step.text for step in graph.explain("stem", ("norm.weight", 0), ("head.weight", 1))]
    assert texts == [
        "each channel has its own scale, shift, mean and variance",
        "adds index by index, so both sides keep the same channels",
        "row i of the weight makes output channel i; column j reads input channel j",
    ]


def test_the_way_back_is_the_same_chain(graph: explorer.DependencyGraph) -> None:
    there = graph.explain("stem", ("stem.bias", 0), ("norm.running_mean", 0))
    back = graph.explain("stem", ("norm.running_mean", 0), ("stem.bias", 0))
    assert [step.op for step in there] == ["convolution", "add", "native_batch_norm"]
    assert there == back[::-1]


def test_two_parameters_of_one_op_are_one_step_apart(graph: explorer.DependencyGraph) -> None:
    (step,) = graph.explain("stem", ("norm.weight", 0), ("norm.bias", 0))
    assert step.op == "native_batch_norm"


def test_a_member_explains_itself_without_steps(graph: explorer.DependencyGraph) -> None:
    assert graph.explain("stem", ("stem.weight", 0), ("stem.weight", 0)) == ()


def test_plumbing_is_spared() -> None:
    steps = traced(patterns.flattened()).explain("a", ("a.weight", 0), ("out.weight", 1))
    assert [step.op for step in steps] == ["convolution", "addmm"]


def test_the_chain_of_a_part_goes_the_way_of_that_part() -> None:
    graph = traced(patterns.chunked())
    left = graph.explain("a[0:4]", ("a.weight", 0), ("p.weight", 1))
    right = graph.explain("a[4:8]", ("a.weight", 0), ("q.weight", 1))
    assert [step.op for step in left] == ["addmm", "split", "relu", "addmm"]
    assert [step.op for step in right] == ["addmm", "split", "sigmoid", "addmm"]
    assert left[2].text == "passes index i on as index i"


def test_heads_are_explained_through_the_attention_product() -> None:
    steps = traced(patterns.attention()).explain(
        "attend:head_dim", ("attend.in_proj_weight", 0), ("attend.out_proj.weight", 1)
    )
    assert {step.module for step in steps} == {"attend"}
    assert "bmm" in [step.op for step in steps]


def test_every_member_is_explained_from_the_first_and_the_chain_has_ops_of_both() -> None:
    for build in patterns.PATTERNS:
        graph = traced(build())
        for group in graph.groups:
            first, *others = [(member.parameter, member.dim) for member in group.members]
            for other in others:
                assert graph.explain(group.name, first, other), (build.__name__, group.name, other)


def test_members_of_a_training_only_branch_are_explained() -> None:
    class Auxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.out, self.aux = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            h = self.a(x)
            return (self.out(h), self.aux(h)) if self.training else (self.out(h),)

    steps = trace(Auxiliary(), torch.randn(2, 3)).explain("a", ("out.weight", 1), ("aux.weight", 1))
    assert [(step.op, step.module) for step in steps] == [("addmm", "out"), ("addmm", "aux")]


@pytest.mark.parametrize(
    ("group", "member", "message"),
    [
        ("stam", ("stem.weight", 0), r"no group 'stam'.*Did you mean stem\?"),
        ("stem", ("stem.weight", 1), "stem.weight dim 1 is not a member of group stem. See its .members"),
        ("stem", ("nowhere.weight", 0), "nowhere.weight dim 0 is not a member of group stem"),
    ],
)
def test_unknown_names_are_refused(
    graph: explorer.DependencyGraph, group: str, member: tuple[str, int], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        graph.explain(group, ("stem.weight", 0), member)
