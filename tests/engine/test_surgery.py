"""A surgery is plain data: carried out on any model of the architecture, refused on any other."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explorer.engine.errors import ApplyError
from explorer.engine.provenance import Attribute
from explorer.engine.surgery import AttentionChange, AttributeChange, IntegerAttributes, Surgery, copy_with, perform
from tests.engine.nets import IMAGE, PlainCnn, every_group, randomised, traced


def pair() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def test_indices_are_selected_in_the_order_given() -> None:
    model = pair()
    made = perform(model, Surgery({("0.weight", 0): (3, 0), ("0.bias", 0): (3, 0), ("1.weight", 1): (3, 0)}))
    assert torch.equal(made[0].weight, model[0].weight[[3, 0]])
    assert torch.equal(made[0].bias, model[0].bias[[3, 0]])
    assert torch.equal(made[1].weight, model[1].weight[:, [3, 0]])
    assert torch.equal(made[1].bias, model[1].bias)
    assert made[1].bias.data_ptr() != model[1].bias.data_ptr()


def test_two_dims_of_one_parameter() -> None:
    model = nn.Linear(5, 4)
    made = perform(model, Surgery({("weight", 0): (1, 2), ("weight", 1): (0, 4)}))
    assert torch.equal(made.weight, model.weight[[1, 2]][:, [0, 4]])


def test_index_buffers_take_their_new_content_and_keep_their_type() -> None:
    model = pair()
    model.register_buffer("order", torch.tensor([3, 1, 2, 0], dtype=torch.int32))
    model.register_buffer("mask", torch.tensor([True, False, True]))
    made = perform(model, Surgery({}, index_buffers={"order": (1, 0), "mask": (1, 0)}))
    assert made.order.tolist() == [1, 0]
    assert made.order.dtype is torch.int32
    assert made.mask.tolist() == [True, False]
    assert model.order.tolist() == [3, 1, 2, 0]


def test_the_same_surgery_on_another_model_of_the_architecture() -> None:
    pruned = every_group(traced(PlainCnn(), *IMAGE))
    torch.manual_seed(9)
    other = randomised(PlainCnn())
    made = perform(other, pruned.surgery)
    assert {n: p.shape for n, p in made.named_parameters()} == {n: p.shape for n, p in pruned.model.named_parameters()}
    made.load_state_dict(pruned.model.state_dict())
    x = torch.randn(IMAGE)
    assert torch.equal(made(x), pruned.model(x))


@pytest.mark.parametrize(
    ("surgery", "message"),
    [
        (Surgery({("2.weight", 0): (0,)}), r"prunes 2\.weight, which this model does not have"),
        (Surgery({}, index_buffers={"order": (0,)}), r"prunes order, which this model does not have"),
        (Surgery({("0.weight", 0): (0, 4)}), r"keeps index 4 of 0\.weight dim 0, whose shape is \(4, 3\)"),
        (Surgery({("0.bias", 1): (0,)}), r"keeps index 0 of 0\.bias dim 1, whose shape is \(4,\)"),
        (
            Surgery({}, (AttributeChange("5", "in_features", 3, 2, "test"),)),
            r"sets 5\.in_features: 3 -> 2 \(test\), but .* no such",
        ),
        (Surgery({}, (AttributeChange("0", "width", 3, 2, "test"),)), r"sets 0\.width: .* no such module or attribute"),
        (
            Surgery({}, (AttributeChange("0", "in_features", 9, 2, "test"),)),
            r"sets 0\.in_features: 9 -> 2 .* attribute is 3",
        ),
        (
            Surgery({}, (), (AttentionChange("0", 1, 1.0),)),
            r"replaces the attention at '0', but there is no nn\.Multihead",
        ),
        (Surgery({}, (), (AttentionChange("7.x", 1, 1.0),)), r"replaces the attention at '7\.x'"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(surgery: Surgery, message: str) -> None:
    model = pair()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ApplyError, match=message):
        perform(model, surgery)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert (model[0].in_features, model[0].out_features) == (3, 4)


def test_a_change_reads_as_a_sentence() -> None:
    change = AttributeChange("", "num_heads", 8, 4, "view at net.py:7", is_standard=False)
    assert str(change) == "model.num_heads: 8 -> 4 (view at net.py:7)"


def test_a_copy_with_changed_tensors_keeps_ties_and_flags() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    model[0].bias.requires_grad_(False)
    seen = []

    def doubled(name: str, tensor: torch.Tensor) -> torch.Tensor:
        seen.append(name)
        return 2 * tensor

    made = copy_with(model, doubled)
    assert seen == ["0.weight", "0.bias", "1.bias"]
    assert made[1].weight is made[0].weight
    assert torch.equal(made[0].weight, 2 * model[0].weight)
    assert [p.requires_grad for p in made.parameters()] == [True, False, True]


class Holder(nn.Module):
    """Holds tables, and says what becomes of its state when it is copied."""

    def __init__(self, table: dict[str, object], names: list[str]) -> None:
        super().__init__()
        self.table, self.names, self.pair = table, names, (nn.Identity(), 2)

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)
        self.is_copy = True


def test_a_copy_shares_inside_what_the_model_shares_and_nothing_with_the_model() -> None:
    table: dict[str, object] = {"sizes": [1, 2], "seen": set()}
    model = nn.Sequential(Holder(table, []), Holder(table, []))
    model[1].names = model[0].names
    model[0].table["self"] = model[0]
    made = copy_with(model, lambda _, tensor: tensor.clone())
    assert made[0].table is made[1].table is not table
    assert made[0].names is made[1].names is not model[0].names
    assert made[0].table == {"sizes": [1, 2], "seen": set(), "self": made[0]}
    assert made[0].table["sizes"] is not table["sizes"]
    assert made[0].pair[0] is not model[0].pair[0]
    assert made[0].is_copy
    assert not hasattr(model[0], "is_copy")


def test_a_copy_of_a_compiled_module_does_not_run_what_was_compiled() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2))
    model[0].compile(backend="eager")
    pruned = perform(model, Surgery({("0.weight", 0): (1, 4), ("0.bias", 0): (1, 4), ("1.weight", 1): (1, 4)}))
    x = torch.ones(5, 3)
    assert pruned[0](x).shape == (5, 2)
    assert pruned(x).shape == (5, 2)
    assert model[0]._compiled_call_impl is not None


def test_integer_attributes_are_read_when_asked_for() -> None:
    attributes = IntegerAttributes(nn.Sequential(nn.Conv2d(3, 4, (5, 6))))
    asked = (Attribute("0", "in_channels"), Attribute("0", "kernel_size", 1))
    assert [attributes[attribute] for attribute in asked] == [3, 6]
    with pytest.raises(KeyError):
        attributes[Attribute("0", "num_heads")]
