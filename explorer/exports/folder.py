"""``folder``: the explorer's own form, which rebuilds the original and prunes it again; it trains like the original."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from explorer.engine.save import README_FILE, is_by_name, loading_arguments, rebuild, write_model
from explorer.exports.format import Format, Overhead
from explorer.exports.subject import Subject


def _write(subject: Subject, folder: Path) -> None:
    write_model(subject.pruned, folder)
    (folder / README_FILE).unlink()  # an export has one of its own


def _loading(subject: Subject) -> str:
    pruned = subject.pruned
    arguments = ", ".join(['"."', *loading_arguments(pruned.plan.graph.source, pruned.way)])
    return f"import explorer\nimport torch\n\nmodel = explorer.load({arguments})"


def _reload(subject: Subject, folder: Path) -> nn.Module | None:
    graph = subject.pruned.plan.graph
    return None if is_by_name(graph.source) else rebuild(folder, graph.model, graph.example_inputs)


FOLDER = Format(
    name="folder",
    title="Explorer folder",
    good_for="Going on here or in Python: it trains like the original, and its recipe applies to other weights.",
    write=_write,
    loading=_loading,
    call=lambda subject: f"outputs = {subject.call_text}",
    overhead=Overhead(fixed=600, tensor=265, index=5),
    needs_explorer=True,
    reload=_reload,
)
