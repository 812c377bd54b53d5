"""``state_dict``: weights under their original names, and a ``model.py`` that builds the architecture for them.

The generated file needs PyTorch, safetensors and what the original's own code needs; nothing of the explorer.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save_file
from torch import Tensor

from explorer.engine import attention
from explorer.engine.errors import ExportError
from explorer.engine.save import WEIGHTS_FILE, distinct_states
from explorer.exports.architecture import Architecture, architecture, in_docstring, quoted
from explorer.exports.format import Format, Overhead
from explorer.exports.subject import Subject

if TYPE_CHECKING:
    from explorer.engine.plan import Plan
    from explorer.engine.ways import Way

MODEL_FILE = "model.py"
ATTENTION_FILE = "pruned_attention.py"


def _write(subject: Subject, folder: Path) -> None:
    built = architecture(subject.pruned.plan.graph)
    for path, content in built.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    if subject.pruned.surgery.attention:
        source = Path(attention.__file__).read_text(encoding="utf-8")
        (folder / ATTENTION_FILE).write_text(source, encoding="utf-8")
    save_file(_weights(subject), folder / WEIGHTS_FILE)
    (folder / MODEL_FILE).write_text(model_text(subject, built), encoding="utf-8")


def _refusal(plan: Plan, way: Way) -> str:
    if way.way != "live":
        return (
            "This plan replays recorded calls, since the code of the original cannot run with the pruned weights. "
            f"{way.reason} Choose pt2, onnx or program; or folder, to go on with the explorer."
        )
    try:
        architecture(plan.graph)
    except ExportError as error:
        return str(error)
    return ""


def _weights(subject: Subject) -> dict[str, Tensor]:
    """What the generated file loads: the state dict, and what pruning changed of buffers that are not part of it."""
    surgery = subject.pruned.surgery
    touched = {name for name, _ in surgery.kept} | set(surgery.index_buffers)
    states = distinct_states(subject.model)
    states |= {name: buffer for name, buffer in subject.model.named_buffers() if name in touched}
    return {name: tensor.detach().contiguous().clone() for name, tensor in states.items()}


def model_text(subject: Subject, built: Architecture) -> str:
    """The generated Python file.

    Args:
        subject: What is exported.
        built: How the original architecture is built.
    """
    surgery, title = subject.pruned.surgery, subject.pruned.plan.graph.title
    changes = [
        f"    ({quoted(change.module)}, {quoted(change.name)}): {change.after!r}," for change in surgery.attributes
    ]
    replaced = [
        f"    model = replace_attention(model, {quoted(change.module)}, {change.num_heads}, {change.scale!r})"
        for change in surgery.attention
    ]
    extra = f"from {Path(ATTENTION_FILE).stem} import replace_attention\n" if replaced else ""
    return _TEMPLATE.format(
        title=in_docstring(title),
        needs=built.needs,
        imports=built.imports,
        attention=extra,
        changes="\n".join(changes),
        helpers=built.helpers,
        build=textwrap.indent(built.build, "    "),
        replaced="\n".join([*replaced, ""]),
        weights=WEIGHTS_FILE,
    )


_TEMPLATE = '''\
"""{title}, pruned: the original architecture with the sizes that pruning left, and its weights.

Needs {needs}.
"""

{imports}
from safetensors.torch import load_file
{attention}
HERE = Path(__file__).resolve().parent

ATTRIBUTES = {{
{changes}
}}
"""What pruning made of the integers that the modules hold, by module and name."""

{helpers}
def build():
    """The architecture; parameters have their original sizes until weights are loaded."""
{build}
    for (path, name), value in ATTRIBUTES.items():
        module = model.get_submodule(path)
        is_list = isinstance(getattr(module, name), list)
        setattr(module, name, list(value) if is_list else value)
{replaced}    return model


def load(weights=HERE / "{weights}"):
    """The pruned model in eval mode; every parameter takes the size that it has in the file."""
    model = build()
    states = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, tensor in load_file(weights).items():
        states[name].data = tensor
    return model.eval()
'''

STATE_DICT = Format(
    name="state_dict",
    title="Weights and model.py",
    good_for="Your own project: the original classes with smaller weights, to read, change and train, without us.",
    write=_write,
    loading=lambda subject: "import torch\nfrom model import load\n\nmodel = load()",
    call=lambda subject: f"outputs = {subject.call_text}",
    overhead=Overhead(fixed=4500, tensor=125),
    refusal=_refusal,
)
