"""What a model's functions and weak references hold of the model, they hold of the copy in a pruned one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.closures import rebind_closures
from explorer.engine.graph import trace
from explorer.engine.surgery import copy_with
from tests.engine.nets import Run, proven


def layers() -> dict[str, nn.Module]:
    return {"a": nn.Linear(3, 8), "b": nn.Linear(8, 6), "out": nn.Linear(6, 2)}


def hook_of_a_parameter() -> nn.Module:
    net = Run(lambda s, x: s.out(s.b(s.a(x).relu())), **layers())
    scale = nn.Parameter(torch.randn(6))
    net.register_parameter("scale", scale)
    net.b.register_forward_hook(lambda module, inputs, output: output * scale)
    return net


def hook_that_stores() -> nn.Module:
    net: Any = Run(lambda s, x: s.out(s.b(s.a(x).relu()) + s.seen["b"]), **layers(), seen={})
    net.b.register_forward_hook(lambda module, inputs, output: net.seen.__setitem__("b", output.tanh()))
    return net


def function_as_an_attribute() -> nn.Module:
    net: Any = Run(lambda s, x: s.out(s.step(s.a(x))), **layers())
    net.step = lambda x: net.b(x).relu()
    return net


def default_of_a_function() -> nn.Module:
    net: Any = Run(lambda s, x: s.out(s.steps[0](s.a(x))), **layers())
    net.steps = [lambda x, layer=net.b: layer(x).relu()]
    return net


def function_in_a_function() -> nn.Module:
    net: Any = Run(lambda s, x: s.out(s.steps["b"](s.a(x))), **layers())

    def inner(x: Tensor) -> Tensor:
        return net.b(x)

    net.steps = {"b": lambda x: inner(x).relu()}
    return net


def weak_parent() -> nn.Module:
    net: Any = Run(lambda s, x: s.out(s.child(s.a(x))), **layers())
    net.child = Run(lambda s, x: s.parent().b(x).relu(), parent=ref(net))
    return net


HOLDERS = [
    hook_of_a_parameter,
    hook_that_stores,
    function_as_an_attribute,
    default_of_a_function,
    function_in_a_function,
    weak_parent,
]


@pytest.mark.parametrize("build", HOLDERS, ids=lambda build: build.__name__)
def test_a_pruned_model_is_live_and_trains_its_own_parameters(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    net = build().eval()
    x = torch.randn(4, 3)
    plan = trace(net, x).plan(0.5)
    pruned = plan.apply()
    assert (plan.expected_way.way, pruned.way) == ("live", "live")
    proven(pruned)
    pruned.model(x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in pruned.model.parameters())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert net(x).shape == (4, 2)


def test_what_holds_nothing_of_the_model_is_shared() -> None:
    outside: list[int] = []
    net: Any = Run(lambda s, x: s.a(x), a=nn.Linear(3, 2))
    net.note = lambda: outside.append(1)
    made: Any = copy_with(net, lambda _, tensor: tensor.clone())
    assert made.note is net.note
    assert made.function is net.function


def test_one_function_in_two_places_stays_one_and_keeps_what_it_is_called() -> None:
    net: Any = Run(lambda s, x: s.a(x), a=nn.Linear(3, 2))

    def step(x: Tensor, *, times: int = 2) -> Tensor:
        """Says what it does."""
        return net.a(x) * times

    step.note = "mine"  # type: ignore[attr-defined]
    net.one, net.more = step, [step]
    made: Any = copy_with(net, lambda _, tensor: tensor + 1)
    assert made.one is made.more[0] is not step
    x = torch.ones(1, 3)
    torch.testing.assert_close(made.one(x), 2 * made.a(x))
    torch.testing.assert_close(net.one(x), 2 * net.a(x))
    found = made.one.__name__, made.one.__qualname__, made.one.__doc__, made.one.__module__, made.one.note
    assert found == (step.__name__, step.__qualname__, step.__doc__, step.__module__, "mine")


def test_a_name_that_is_not_assigned_yet_and_a_function_that_calls_itself_do_no_harm() -> None:
    net: Any = Run(lambda s, x: s.a(x), a=nn.Linear(3, 2))

    def unfinished() -> Any:
        return later

    def again(times: int) -> int:
        return 0 if not times else again(times - 1)

    net.unfinished, net.again = unfinished, again
    rebind_closures(net, {})
    assert (net.unfinished, net.again) == (unfinished, again)
    later = 3
    assert (unfinished(), again(2)) == (later, 0)
