"""The layer view: nodes, ports, data flow and the paper's D."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from tests.engine import patterns
from tests.engine.patterns import Net, traced


def shown(graph: DependencyGraph) -> list[tuple[str, str, str]]:
    """Name, kind and type of every layer, in order."""
    return [(layer.name, layer.kind, layer.type_name) for layer in graph.layers]


def flow(graph: DependencyGraph) -> list[tuple[str, str, tuple[str, ...]]]:
    """Source, target and ops on the way of every edge."""
    return [(edge.source, edge.target, edge.via) for edge in graph.edges]


def depends(graph: DependencyGraph, kind: str) -> set[tuple[str, str]]:
    """Pairs of ports with a dependency of one kind."""
    return {(found.a, found.b) for found in graph.dependencies if found.kind == kind}


def test_modules_with_parameters_are_layers_and_elementwise_ops_sit_on_edges() -> None:
    graph = traced(patterns.basic())
    assert shown(graph) == [("a", "module", "Conv2d"), ("bn", "module", "BatchNorm2d"), ("b", "module", "Conv2d")]
    assert flow(graph) == [("input", "a", ()), ("a", "bn", ()), ("bn", "b", ("relu",)), ("b", "output", ())]
    assert [edge.shape for edge in graph.edges] == [(1, 3, 5, 5), (1, 4, 5, 5), (1, 4, 5, 5), (1, 2, 5, 5)]
    assert [edge.groups for edge in graph.edges] == [(), ("a",), ("a",), ()]


def test_a_layer_says_what_it_is() -> None:
    layer = traced(patterns.basic()).layer("a")
    assert layer.parameters == (("a.weight", (4, 3, 3, 3)), ("a.bias", (4,)))
    assert (layer.params, layer.macs) == (112, 2700)
    assert (layer.input_shape, layer.output_shape) == ((1, 3, 5, 5), (1, 4, 5, 5))
    assert layer.arguments.startswith("3, 4, kernel_size=(3, 3)")
    assert layer.source is not None
    assert layer.source.file == patterns.__file__
    assert (layer.parent, layer.order) == ("", 0)


def test_layers_know_the_module_that_they_are_in() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4)), nn.Linear(4, 2))
    graph = trace(net, torch.randn(2, 3))
    assert [(layer.name, layer.parent) for layer in graph.layers] == [("0.0", "0"), ("0.1", "0"), ("1", "")]


def test_dependencies_of_the_basic_pattern_are_the_papers() -> None:
    graph = traced(patterns.basic())
    assert depends(graph, "inter") == {("a+", "bn-"), ("bn+", "b-")}
    # BatchNorm prunes both of its sides alike; a convolution has a scheme for each.
    assert depends(graph, "intra") == {("bn-", "bn+")}
    reasons = {(found.a, found.b): found.reason for found in graph.dependencies}
    assert reasons["bn+", "b-"] == "what bn makes is what b reads through relu"
    assert reasons["bn-", "bn+"] == "bn (BatchNorm2d) has the same channels on both sides"


def test_a_convolution_in_a_residual_has_the_same_group_on_both_sides_but_no_intra_dependency() -> None:
    graph = traced(patterns.residual())
    layer = graph.layer("a")
    assert layer.inputs.groups == layer.outputs.groups == ("stem",)
    assert depends(graph, "intra") == {("bn-", "bn+"), ("add-", "add+")}


def test_an_addition_is_a_node_with_an_edge_from_each_side() -> None:
    graph = traced(patterns.residual())
    assert shown(graph)[3] == ("add", "op", "add")
    assert ("stem", "add", ()) in flow(graph)
    assert ("bn", "add", ()) in flow(graph)
    assert ("add", "head", ("mean",)) in flow(graph)
    assert depends(graph, "inter") == {
        ("stem+", "a-"),
        ("a+", "bn-"),
        ("stem+", "add-"),
        ("bn+", "add-"),
        ("add+", "head-"),
    }


def test_a_concatenation_is_a_node_whose_ports_carry_both_groups() -> None:
    layer = traced(patterns.concatenation()).layer("cat")
    assert (layer.inputs.groups, layer.inputs.size) == (("a", "b"), 10)
    assert (layer.outputs.groups, layer.outputs.size) == (("a", "b"), 10)
    graph = traced(patterns.concatenation())
    assert ("a+", "cat-") in depends(graph, "inter")
    assert ("cat-", "cat+") in depends(graph, "intra")
    (edge,) = [found for found in graph.dependencies if found.a == "b+"]
    assert edge.groups == ("b",)


def test_a_flatten_is_a_node_that_turns_channels_into_features() -> None:
    graph = traced(patterns.flattened())
    layer = graph.layer("view")
    assert (layer.inputs.size, layer.outputs.size) == (4, 36)
    assert layer.inputs.groups == layer.outputs.groups == ("a",)
    assert depends(graph, "inter") == {("a+", "view-"), ("view+", "out-")}
    assert depends(graph, "intra") == {("view-", "view+")}


def test_a_split_is_a_node_with_every_piece() -> None:
    graph = traced(patterns.chunked())
    layer = graph.layer("split")
    assert (layer.inputs.groups, layer.inputs.size) == (("a[0:4]", "a[4:8]"), 8)
    assert (layer.outputs.groups, layer.outputs.size) == (("a[0:4]", "a[4:8]"), 8)
    found = {(f.a, f.b): f.groups for f in graph.dependencies}
    assert found["split+", "p-"] == ("a[0:4]",)
    assert found["split+", "q-"] == ("a[4:8]",)


def test_a_depthwise_convolution_has_an_intra_dependency() -> None:
    assert depends(traced(patterns.depthwise()), "intra") == {("d-", "d+")}


def test_a_grouped_convolution_passes_only_its_conv_groups() -> None:
    (found,) = [f for f in traced(patterns.grouped()).dependencies if f.kind == "intra"]
    assert (found.a, found.b, found.groups) == ("d-", "d+", ("a:conv_groups",))


def test_frozen_ports_say_why() -> None:
    graph = traced(patterns.basic())
    first, last = graph.layer("a"), graph.layer("b")
    assert (first.inputs.groups, first.inputs.frozen) == ((), "reads the model's input")
    assert (last.outputs.groups, last.outputs.size) == ((), 2)
    assert "model output" in last.outputs.frozen
    assert (last.inputs.groups, last.inputs.size, last.inputs.frozen) == (("a",), 4, "")


def test_a_model_of_one_layer_has_two_frozen_ports_and_no_dependency() -> None:
    graph = traced(patterns.lone())
    (layer,) = graph.layers
    assert layer.inputs.frozen == "reads the model's input"
    assert "model output" in layer.outputs.frozen
    assert graph.dependencies == ()


def test_a_model_without_layers_is_one_edge() -> None:
    graph = trace(Net(lambda s, x: (x * 2).relu()), torch.randn(2, 3))
    assert graph.layers == ()
    assert flow(graph) == [("input", "output", ("mul", "relu"))]


def test_attention_shows_its_projections_and_products_and_no_shuffling_of_the_batch() -> None:
    graph = traced(patterns.attention())
    kinds = [layer.type_name for layer in graph.layers]
    assert kinds.count("bmm") == 2
    assert "transpose" not in kinds
    names = {layer.name for layer in graph.layers if layer.kind == "module"}
    assert names == {"embed", "attend", "attend.out_proj", "out"}
    # in_proj: query, key and value; into three, into heads of each, and out of them again
    assert kinds.count("view") == 4
    assert graph.layer("attend").outputs.groups == ("attend:heads", "attend:head_dim")
    assert graph.layer("attend").outputs.size == 24


def test_a_recurrent_layer_is_one_node_however_many_steps_it_takes() -> None:
    net = Net(lambda s, x: s.out(s.lstm(s.a(x))[0]), a=nn.Linear(3, 4), lstm=nn.LSTM(4, 5), out=nn.Linear(5, 2))
    graph = trace(net, torch.randn(6, 2, 3))
    assert [layer.name for layer in graph.layers] == ["a", "lstm", "out"]
    assert flow(graph) == [("input", "a", ()), ("a", "lstm", ()), ("lstm", "out", ()), ("out", "output", ())]
    assert (graph.layer("lstm").inputs.size, graph.layer("lstm").outputs.size) == (4, 5)
    assert (graph.layer("out").inputs.size, graph.layer("out").outputs.size) == (5, 2)


def test_layers_that_share_a_weight_are_layers_of_their_own() -> None:
    graph = traced(patterns.tied())
    assert [layer.name for layer in graph.layers] == ["embed", "inner", "out"]
    assert depends(graph, "inter") == {("embed+", "inner-"), ("inner+", "out-")}
    # The one weight that both hold prunes what the embedding makes together with what the output layer reads.
    (shared,) = [found for found in graph.dependencies if found.kind == "intra"]
    assert (shared.a, shared.b, shared.reason) == ("embed+", "out-", "embed and out share embed.weight")
    assert graph.layer("out").parameters == (("embed.weight", (10, 6)),)
    # Counted once, where it comes first.
    assert [layer.params for layer in graph.layers] == [60, 42, 0]
    assert "vocabulary" in graph.layer("out").outputs.frozen


def test_a_layer_called_twice_is_one_node() -> None:
    graph = traced(patterns.twice())
    assert [layer.name for layer in graph.layers] == ["embed", "a", "out"]
    assert graph.layer("a").macs == 2 * 2 * 8 * 8
    assert graph.layer("a").params == 72


def test_a_shared_layer_carries_the_groups_of_every_call() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        return s.shared(s.a(x)) + s.shared(s.b(x[:, :2]))

    net = Net(forward, a=nn.Linear(3, 4), b=nn.Linear(2, 4), shared=nn.Linear(4, 5))
    graph = trace(nn.Sequential(net, nn.Linear(5, 2)), torch.randn(2, 3))
    shared = graph.layer("0.shared")
    assert (shared.inputs.groups, shared.outputs.groups) == (("0.a",), ("0.shared",))
    assert ("0.b+", "0.shared-") in depends(graph, "inter")


def test_a_parameter_of_the_model_itself_makes_the_model_a_layer() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.randn(4))
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x) * self.scale)

    graph = trace(Scaled(), torch.randn(2, 3))
    assert shown(graph)[1] == ("Scaled", "module", "Scaled")
    assert graph.layer("Scaled").parameters == (("scale", (4,)),)
    assert depends(graph, "intra") == {("Scaled-", "Scaled+")}


def test_a_parametrised_layer_owns_what_its_weight_is_made_of() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    graph = trace(nn.Sequential(layer, nn.Linear(4, 2)), torch.randn(2, 3))
    assert [found.name for found in graph.layers] == ["0", "1"]
    assert graph.layer("0").params == 3 * 4 + 4 + 4


def test_a_buffer_filled_piece_by_piece_passes_on_what_was_written() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        out = torch.zeros(x.shape[0], 7)
        out[:, :4] = s.a(x)
        out[:, 4:] = s.b(x)
        return s.out(out)

    net = Net(forward, a=nn.Linear(3, 4), b=nn.Linear(3, 3), out=nn.Linear(7, 2))
    graph = trace(net, torch.randn(2, 3))
    assert graph.layer("out").inputs.groups == ("a", "b")
    writers = {edge.source for edge in graph.edges if edge.target == "out"}
    assert writers == {"copy", "copy_1"}
    assert ("a+", "copy-") in depends(graph, "inter")


def test_work_in_place_keeps_the_flow() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.a(x)
        h.relu_()
        h += s.b(x)
        return s.out(h)

    net = Net(forward, a=nn.Linear(3, 4), b=nn.Linear(3, 4), out=nn.Linear(4, 2))
    assert flow(trace(net, torch.randn(2, 3))) == [
        ("input", "a", ()),
        ("input", "b", ()),
        ("a", "add", ("relu",)),
        ("b", "add", ()),
        ("add", "out", ()),
        ("out", "output", ()),
    ]


def test_every_model_output_has_an_edge() -> None:
    net = Net(lambda s, x: {"a": s.a(x), "b": s.b(s.a(x))}, a=nn.Linear(3, 4), b=nn.Linear(4, 2))
    graph = trace(net, torch.randn(2, 3))
    assert {edge.source for edge in graph.edges if edge.target == "output"} == {"a", "b"}


def test_layer_names_are_unique_and_edges_join_known_layers() -> None:
    for build in patterns.PATTERNS:
        graph = traced(build())
        names = [layer.name for layer in graph.layers]
        assert len(names) == len(set(names)), build.__name__
        assert {edge.source for edge in graph.edges} <= {*names, "input"}
        assert {edge.target for edge in graph.edges} <= {*names, "output"}
        assert len(graph.edges) == len(set(graph.edges))
        assert sum(layer.macs for layer in graph.layers if layer.kind == "module") <= graph.cost.macs
        assert sum(layer.macs for layer in graph.layers) == graph.cost.macs
        assert sum(layer.params for layer in graph.layers) == graph.cost.params


def test_every_port_of_a_group_member_carries_the_group() -> None:
    for build in patterns.PATTERNS:
        graph = traced(build())
        carried = {name: layer.inputs.groups + layer.outputs.groups for layer in graph.layers for name in (layer.name,)}
        for group in graph.groups:
            for member in group.members:
                assert group.name in carried[member.module], (build.__name__, group.name, member.parameter)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(PlanError, match=r"no layer 'conv9' in this graph. See graph.layers"):
        traced(patterns.basic()).layer("conv9")
