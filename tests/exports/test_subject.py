"""What is exported: the inputs that it runs on, in every form, and whether its batch is free."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import ExportError
from explorer.engine.graph import trace
from explorer.exports.subject import Inputs, Subject
from tests.engine.nets import Run, every_group


def subject_of(function: Any, example_inputs: Any) -> Subject:
    model = Run(function, a=nn.Linear(3, 6), b=nn.Linear(6, 2)).eval()
    return Subject(every_group(trace(model, example_inputs)))


def plain(m: Any, x: Tensor, *rest: Any) -> Tensor:
    return m.b(m.a(x).relu())


X = torch.arange(6.0).view(2, 3)


@pytest.mark.parametrize(
    ("given", "text", "call"),
    [
        (X, "[torch.randn(2, 3)]", "model(*inputs)"),
        ((X, torch.tensor(3)), "[torch.randn(2, 3), torch.zeros((), dtype=torch.int64)]", "model(*inputs)"),
        (lambda model: model(X, [None, 2]), "[torch.randn(2, 3), [None, 2]]", "model(*inputs)"),
    ],
)
def test_inputs_as_text(given: Any, text: str, call: str) -> None:
    subject = subject_of(plain, given)
    assert subject.inputs_text(is_flat=False) == text
    assert subject.call_text == call
    assert torch.equal(subject.inputs.args[0], X)


def test_inputs_by_keyword_and_both_ways() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 6), nn.Linear(6, 2)

        def forward(self, x: Tensor, scale: Tensor) -> Tensor:
            return self.b(self.a(x)) * scale

    scale = torch.ones(2, 1, dtype=torch.float64)
    named = Subject(every_group(trace(Net().eval(), {"x": X, "scale": scale})))
    assert named.inputs_text(is_flat=False) == (
        "{'x': torch.randn(2, 3), 'scale': torch.zeros(2, 1, dtype=torch.float64)}"
    )
    assert named.inputs_text(is_flat=True) == "[torch.randn(2, 3), torch.zeros(2, 1, dtype=torch.float64)]"
    assert named.call_text == "model(**inputs)"
    mixed = Subject(every_group(trace(Net().eval(), lambda model: model(X, scale=scale))))
    assert mixed.call_text == "model(*inputs[0], **inputs[1])"
    assert mixed.is_batch_free


def test_a_callable_that_does_not_call_the_model_is_refused() -> None:
    subject = subject_of(plain, lambda model: model.b(model.a(X)))
    with pytest.raises(ExportError, match="a callable that never calls the model itself"):
        _ = subject.inputs


def test_a_batch_that_is_free() -> None:
    subject = subject_of(plain, X[:1])
    assert subject.is_batch_free
    more = subject.more_inputs
    assert more is not None
    assert more.args[0].shape == (5, 3)
    assert len(more.args[0].unique(dim=0)) == 5


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (lambda m, x: m.b(m.a(x)).sum(0), X),
        (lambda m, x: m.b(m.a(x).view(2, 6)), X),
        (lambda m, x, y: m.b(m.a(x)) + y, (X, torch.ones(1, 2))),
        (lambda m, xs: m.b(m.a(xs[0])), ([X, X],)),
    ],
    ids=["summed", "literal", "unequal", "nested"],
)
def test_inputs_that_are_no_free_batch(function: Any, given: Any) -> None:
    subject = subject_of(function, given)
    assert subject.more_inputs is None
    assert not subject.is_batch_free
    assert isinstance(subject.inputs, Inputs)


def test_a_batch_size_that_the_code_turns_into_a_number_is_captured_as_it_is() -> None:
    subject = subject_of(lambda m, x: m.b(m.a(x)) + torch.ones(len(x), 2), X)
    assert subject.more_inputs is not None
    assert not subject.is_batch_free


def test_a_model_without_values_is_refused() -> None:
    with torch.device("meta"):
        model = Run(plain, a=nn.Linear(3, 6), b=nn.Linear(6, 2)).eval()
        subject = Subject(trace(model, torch.randn(2, 3)).plan(0.5).apply())
    with pytest.raises(ExportError, match="on the meta device"):
        _ = subject.model
