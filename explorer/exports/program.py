"""``program``: the captured operations as an `fx.GraphModule`, kept as Python that can be read and weights next to it.

PyTorch itself keeps a `GraphModule` by pickling it. Here its code is written out, and loading traces that code again.
"""

from __future__ import annotations

import textwrap
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from torch import Tensor, fx
from torch.fx.graph import CodeGen

from explorer.engine.errors import ExportError
from explorer.exports.architecture import in_docstring, quoted
from explorer.exports.format import Format, Overhead
from explorer.exports.refusing import containers
from explorer.exports.subject import Subject

if TYPE_CHECKING:
    from explorer.engine.plan import Plan
    from explorer.engine.ways import Way

FILE = "program.py"
WEIGHTS_FILE = "program.safetensors"


def _write(subject: Subject, folder: Path) -> None:
    graph = subject.program.module(check_guards=False)
    assert isinstance(graph, fx.GraphModule), "torch.export gives its program as a GraphModule"
    save_file(dict(_states(graph)), folder / WEIGHTS_FILE)
    (folder / FILE).write_text(program_text(subject, graph), encoding="utf-8")


def _states(graph: fx.GraphModule) -> Iterator[tuple[str, Tensor]]:
    """Every tensor that the program reads, by the name that its code has for it."""
    for node in graph.graph.find_nodes(op="get_attr"):
        found = _attribute(graph, str(node.target))
        if not isinstance(found, Tensor):
            raise ExportError(
                f"The program holds {node.target}, a program of its own, which this format cannot write out: the "
                "forward switches gradients or precision inside. Choose pt2, which can."
            )
        yield str(node.target), found.detach().contiguous().clone()


def _attribute(graph: fx.GraphModule, name: str) -> Any:
    owner, _, leaf = name.rpartition(".")
    return getattr(graph.get_submodule(owner), leaf)


def _refusal(plan: Plan, way: Way) -> str:
    strange = next((kind for kind in containers(plan) if kind not in _CONTAINERS), None)
    return _unmade(strange) if strange else ""


def _unmade(kind: type) -> str:
    return (
        f"The model returns a {kind.__name__}, which generated code cannot make. Choose onnx, which gives the tensors "
        "alone, or let the model return tensors, tuples, lists or dicts."
    )


def program_text(subject: Subject, graph: fx.GraphModule) -> str:
    """The generated Python file.

    Args:
        subject: What is exported.
        graph: Its program.
    """
    parameters = {name for name, _ in graph.named_parameters(remove_duplicate=False)}
    used = sorted({str(node.target) for node in graph.graph.find_nodes(op="get_attr")} & parameters)
    return _TEMPLATE.format(
        title=in_docstring(subject.pruned.plan.graph.title),
        parameters="\n".join(f"    {quoted(name)}," for name in used),
        forward=_forward(subject, graph),
        weights=WEIGHTS_FILE,
    )


class _Code(CodeGen):
    """Writes a forward whose arguments are the input tensors, and which returns what the original returns."""

    def __init__(self, outputs: Any) -> None:
        super().__init__()
        self._outputs = outputs

    def generate_output(self, output_args: Any, *args: Any, **kwargs: Any) -> str:
        """The return statement."""
        return f"return {_structured(self._outputs, iter(output_args))}"


def _forward(subject: Subject, graph: fx.GraphModule) -> str:
    graph.graph.set_codegen(_Code(subject.program.call_spec.out_spec))
    code = graph.graph.python_code("self")
    if strange := sorted(set(code.globals) - _KNOWN):
        raise ExportError(
            f"The program calls {', '.join(strange)}, which generated code cannot import. Choose pt2, which can hold "
            "it."
        )
    return textwrap.indent(code.src.strip(), "    ")


_KNOWN = {"torch", "device", "inf", "nan", "NoneType", "fx_pytree", "pytree"}
"""Names that PyTorch lets every program use; of these, programs that `torch.export` captures write the first four."""


def _structured(spec: Any, leaves: Iterator[Any]) -> str:
    """An expression that puts outputs back into the containers that the original returns."""
    if spec.is_leaf():
        return repr(next(leaves))
    if spec.type not in _CONTAINERS:
        raise ExportError(_unmade(spec.type))
    return _CONTAINERS[spec.type](spec.context, [_structured(child, leaves) for child in spec.children()])


def _mapping(keys: Any, items: list[str]) -> str:
    return "{" + ", ".join(f"{key!r}: {item}" for key, item in zip(keys, items, strict=True)) + "}"


_CONTAINERS: dict[type, Callable[[Any, list[str]], str]] = {
    tuple: lambda _, items: f"({', '.join(items)},)" if items else "()",
    list: lambda _, items: f"[{', '.join(items)}]",
    dict: _mapping,
    OrderedDict: _mapping,
}

_TEMPLATE = '''\
"""{title}, pruned: every operation of its forward in eval mode, in order.

Needs PyTorch and safetensors.
"""

from math import inf, nan
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import device
from torch.fx import Proxy, symbolic_trace
from torch.fx.node import map_aggregate
from torch.overrides import TorchFunctionMode

PARAMETERS = {{
{parameters}
}}
"""Those of the tensors below that are parameters; the others are buffers and constants."""


class Program(torch.nn.Module):
    """The operations, with weights under their original names."""

    def __init__(self, weights):
        super().__init__()
        for name, tensor in weights.items():
            *path, leaf = name.split(".")
            module = self
            for step in path:
                if step not in module._modules:
                    module.add_module(step, torch.nn.Module())
                module = module._modules[step]
            if name in PARAMETERS:
                module.register_parameter(leaf, torch.nn.Parameter(tensor))
            else:
                module.register_buffer(leaf, tensor)

{forward}


class EveryCall(TorchFunctionMode):
    """Shows torch.fx the calls that it would not see by itself: those with a traced size inside a list."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        traced = []
        map_aggregate((args, kwargs or {{}}), lambda item: traced.append(item) if isinstance(item, Proxy) else None)
        if not traced:
            return function(*args, **(kwargs or {{}}))
        return traced[0].tracer.create_proxy("call_function", function, args, kwargs or {{}})


def load(weights=Path(__file__).with_name("{weights}")):
    """The program as a torch.fx.GraphModule."""
    with EveryCall():
        return symbolic_trace(Program(load_file(weights)).eval())
'''

PROGRAM = Format(
    name="program",
    title="fx.GraphModule",
    good_for="Reading and rewriting the forward op by op with torch.fx; for inference.",
    write=_write,
    loading=lambda subject: "import torch\nfrom program import load\n\nmodel = load()",
    call=lambda subject: "outputs = model(*inputs)",
    overhead=Overhead(fixed=1400, tensor=265, call=78),
    refusal=_refusal,
    takes="flat",
    is_captured=True,
)
