"""Every format, written and loaded by a fresh process as its own README says; and what cannot be exported."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

import explorer
from explorer.engine.apply import Pruned
from explorer.engine.errors import ExportError, SaveError
from explorer.engine.graph import trace
from explorer.exports import FORMATS, TOLERANCE, Check, Exported, checking, estimates, exporting
from explorer.exports import format as form
from explorer.exports.onnx import write_onnx
from explorer.exports.subject import Subject
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from tests.engine.nets import IMAGE, PlainCnn, Run, every_group, traced

ROOT = Path(__file__).resolve().parents[2]

BLOCKS = """
from torch import nn

class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.attention = nn.MultiheadAttention(size, 2, batch_first=True)
        self.mlp = nn.Linear(size, size)

    def forward(self, x):
        h = self.norm(x)
        return x + self.mlp(self.attention(h, h, h)[0])
"""
MODEL = """
import torch
from torch import nn
from parts.blocks import Block

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(5, 8)
        self.block = Block(8)
        self.head = nn.Linear(8, 3)
        self.scale = nn.Buffer(torch.tensor(2.0), persistent=False)

    def forward(self, x, mask=None):
        h = self.block(self.embed(x))
        return {"scores": self.head(h.mean(1)) * self.scale, "hidden": [h, (h.sum(1),)]}

def build():
    return Net(), torch.randn(1, 4, 5)
"""


@pytest.fixture(scope="session")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Pruned:
    """A model from a file called ``model.py`` that imports another one, with attention whose sizes part."""
    place = tmp_path_factory.mktemp("code")
    (place / "parts").mkdir()
    (place / "parts" / "__init__.py").touch()
    (place / "parts" / "blocks.py").write_text(BLOCKS, encoding="utf-8")
    (place / "model.py").write_text(MODEL, encoding="utf-8")
    graph = trace_opened(open_model(f"{place / 'model.py'}:build", trust_code=True))
    return every_group(graph)


@pytest.fixture(scope="session")
def exported(pruned: Pruned, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """All formats but the explorer's own, which has to be given the original of such a model."""
    names = [name for name in FORMATS if name != "folder"]
    return explorer.export(pruned, tmp_path_factory.mktemp("exports") / "out", names)


def test_a_fresh_process_without_the_explorer_gets_equal_outputs(exported: Exported) -> None:
    for name, check in exported.checks.items():
        assert check.process == "alone", name
        assert check.batches == (1, 5), name
        assert check.error <= TOLERANCE, name
        assert "by a fresh process without the explorer; outputs equal" in str(check)


def test_each_format_has_a_folder_with_lines_that_load_it(exported: Exported) -> None:
    assert {path.name for path in exported.folder.iterdir()} == set(exported.checks)
    for name, check in exported.checks.items():
        readme = (exported.folder / name / "README.md").read_text(encoding="utf-8")
        assert f"```python\n{exported.snippets[name]}\n```" in readme
        assert str(check) in readme
        assert f"{'inputs = [torch.randn(1, 4, 5)]'}" in readme
        files = [path for path in (exported.folder / name).rglob("*") if path.is_file()]
        assert exported.sizes[name] == sum(path.stat().st_size for path in files)


def test_nothing_is_pickled(exported: Exported) -> None:
    files = [path for path in exported.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".md", ".onnx", ".pt2", ".py", ".safetensors"}
    with zipfile.ZipFile(exported.folder / "pt2" / "model.pt2") as archive:
        contents = [archive.read(name) for name in archive.namelist()]
    for content in [*contents, *(path.read_bytes() for path in files if path.suffix != ".pt2")]:
        assert not re.match(rb"\x80[\x02-\x05]", content)
        assert b"PK\x03\x04" not in content[:4]


def test_no_file_says_where_on_this_machine_it_came_from(pruned: Pruned, exported: Exported) -> None:
    place = str(Path(pruned.plan.graph.source.rpartition(":")[0]).parent).encode()
    files = [path for path in exported.folder.rglob("*") if path.is_file()]
    contents = [(path.name, path.read_bytes()) for path in files if path.suffix != ".pt2"]
    with zipfile.ZipFile(exported.folder / "pt2" / "model.pt2") as archive:
        contents += [(name, archive.read(name)) for name in archive.namelist()]
    assert place.startswith(b"/")
    for name, content in contents:
        assert place not in content, name
        assert str(ROOT).encode() not in content, name
        assert b"self.embed(x)" not in content or name.endswith("model.py"), "a line of the owner's code"


@pytest.mark.parametrize("source", ["sample:resnet20", "sample:gat", "sample:lstm"])
def test_what_is_said_of_the_size_before_is_about_what_is_written(source: str, tmp_path: Path) -> None:
    subject = Subject(explorer.trace(source).plan(0.5).apply())
    said = estimates(subject.pruned.plan)
    for name in ("folder", "state_dict", "pt2", "program"):
        (tmp_path / name).mkdir()
        FORMATS[name].write(subject, tmp_path / name)
        size = sum(path.stat().st_size for path in (tmp_path / name).rglob("*") if path.is_file())
        assert said[name] == pytest.approx(size, rel=0.1), name


def test_what_is_said_of_the_size_of_onnx_is_about_right(exported: Exported, pruned: Pruned) -> None:
    about = estimates(pruned.plan)["onnx"]
    assert about == pytest.approx(exported.sizes["onnx"], rel=0.4)


def test_weights_too_large_for_one_onnx_file_lie_next_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = replace(FORMATS["onnx"], write=partial(write_onnx, largest=1000))
    monkeypatch.setattr(exporting, "FORMATS", {"onnx": split})
    half = explorer.trace("sample:gat").plan(0.5).apply()
    made = explorer.export(half, tmp_path / "out", ["onnx"])
    folder = tmp_path / "out" / "onnx"
    assert {path.name for path in folder.iterdir()} == {"README.md", "model.onnx", "model.onnx.data"}
    assert (folder / "model.onnx.data").stat().st_size > 0.8 * half.plan.cost.after.bytes
    assert made.checks["onnx"].process == "alone"
    (folder / "model.onnx.data").unlink()
    with pytest.raises(ExportError, match="'onnx' does not load in a fresh process"):
        checking.check(Subject(half), split, folder)


def test_generated_code_reads_like_code(exported: Exported) -> None:
    model = (exported.folder / "state_dict" / "model.py").read_text(encoding="utf-8")
    assert '("block.mlp", "in_features"): 4,' in model
    assert 'replace_attention(model, "block.attention", 1, 0.5)' in model
    copied = exported.folder / "state_dict" / "original"
    found = sorted(path.relative_to(copied).as_posix() for path in copied.rglob("*.py"))
    assert found == ["model.py", "parts/__init__.py", "parts/blocks.py"]
    program = (exported.folder / "program" / "program.py").read_text(encoding="utf-8")
    assert re.search(r"return \{'scores': mul(_\d)?, 'hidden': \[\w+, \(\w+,\)\]\}", program)
    assert '    "embed.weight",' in program


def test_the_explorers_own_folder_is_loaded_by_a_fresh_process_with_it(tmp_path: Path) -> None:
    stages: list[tuple[str, str]] = []
    half = explorer.trace("sample:gat").plan(0.5).apply()
    made = explorer.export(half, tmp_path / "out", watch=lambda *stage: stages.append(stage))
    assert stages == [("writing", "folder"), ("checking", "folder")]
    assert made.checks["folder"].process == "explorer"
    assert made.checks["folder"].batches == ()  # nodes and edges are not one batch
    assert {path.name for path in (tmp_path / "out" / "folder").iterdir()} == {
        "README.md",
        "model.safetensors",
        "recipe.json",
    }


def test_a_relative_folder_is_found_by_the_fresh_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = explorer.export(explorer.trace("sample:gat").plan(0.5).apply(), "out", ["state_dict"])
    assert made.checks["state_dict"].process == "alone"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_model_in_memory_is_loaded_here(tmp_path: Path) -> None:
    made = explorer.export(every_group(traced(PlainCnn(), *IMAGE)), tmp_path / "out")
    assert made.checks["folder"] == Check(0.0, (2, 5), "here")
    assert "model=build_the_original_model()" in made.snippets["folder"]


class Scaled(nn.Module):
    """Defined at the top of a file, and built without arguments; but the file needs the explorer."""

    def __init__(self, size: int = 6) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, size), nn.Linear(size, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).relu())


ASKING = """
import torch
from torch import nn

def build():
    import explorer
    return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)), torch.ones(2, 3)
"""


def test_an_export_that_asks_for_the_explorer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(ASKING)
    half = every_group(trace_opened(open_model(f"{tmp_path / 'asking.py'}:build", trust_code=True)))
    with pytest.raises(
        ExportError, match=r"'state_dict' does not load .* the export asks for explorer, which belongs to"
    ):
        explorer.export(half, tmp_path / "out", ["state_dict"])
    assert not (tmp_path / "out").exists()
    with pytest.raises(ExportError, match=r"'state_dict' cannot hold this model\. test_exporting\.py imports the ex"):
        explorer.export(every_group(traced(Scaled(), 2, 3)), tmp_path / "out", ["state_dict"])


QUOTED = """
import torch
from torch import nn

def build():
    model = nn.Sequential()
    model.add_module('a"; import no_such_module; "', nn.Linear(3, 6))
    model.add_module("b", nn.Linear(6, 2))
    return model, torch.ones(2, 3)
"""


def test_names_that_read_like_code_are_names_where_pytorch_takes_them_for_that(tmp_path: Path) -> None:
    (tmp_path / 'quo"ted.py').write_text(QUOTED)
    half = every_group(trace_opened(open_model(f'{tmp_path / "quo"}"ted.py:build', trust_code=True)))
    made = explorer.export(half, tmp_path / "out", ["state_dict"])
    assert made.checks["state_dict"].process == "alone"
    with pytest.raises(ExportError, match=r"PyTorch cannot write this model in the format 'program': SyntaxError: "):
        explorer.export(half, tmp_path / "other", ["program"])
    assert not (tmp_path / "other").exists()


def test_an_export_that_comes_out_wrong_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(subject: Any, folder: Path) -> nn.Module:
        with torch.no_grad():
            (made := PlainCnn()).load_state_dict(subject.pruned.plan.graph.model.state_dict())
        return made.eval()

    broken = replace(FORMATS["folder"], reload=wrong)
    monkeypatch.setattr(exporting, "FORMATS", {"folder": broken})
    with pytest.raises(ExportError, match=r"'folder' gives outputs that differ from the pruned model's by \d\.\de"):
        explorer.export(every_group(traced(PlainCnn(), *IMAGE)), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("names", "match"),
    [
        ((), r"No format is named\. The formats are folder, state_dict, pt2, onnx, program"),
        (("onx",), r"no format 'onx'\. Did you mean onnx\?"),
        (("torchscript",), r"TorchScript is deprecated .* Choose pt2"),
    ],
)
def test_formats_that_are_none(tmp_path: Path, names: tuple[str, ...], match: str) -> None:
    with pytest.raises(ExportError, match=match):
        explorer.export(every_group(traced(Scaled(), 2, 3)), tmp_path / "out", names)
    assert not (tmp_path / "out").exists()


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "find_spec", lambda name: None if name == "onnxruntime" else sys)
    with pytest.raises(
        ExportError, match=r"'onnx' cannot be written .* Missing here: onnxruntime\..* install onnxruntime"
    ):
        explorer.export(every_group(traced(Scaled(), 2, 3)), tmp_path / "out", ["onnx"])


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SaveError, match="is not empty"):
        explorer.export(every_group(traced(Scaled(), 2, 3)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


FILLING = """
import resource, signal, sys, explorer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
half = explorer.trace("sample:gat").plan(0.5).apply()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # less than the weights
for name in sys.argv[2:]:
    try:
        explorer.export(half, sys.argv[1], [name])
    except explorer.ExplorerError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are POSIX")
def test_a_disk_that_is_full_is_told_in_every_format_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLING, str(tmp_path / "out"), *FORMATS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [line.startswith("SaveError") and "could not be written" in line for line in said] == [True] * len(FORMATS)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_during_the_check_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checking, "save_file", full)
    half = explorer.trace("sample:gat").plan(0.5).apply()
    with pytest.raises(SaveError, match=r"'folder' could not be written: .* No space left .*; make room"):
        explorer.export(half, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_check_whose_process_is_killed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killing = tmp_path / "killing.py"
    killing.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(checking, "_FRESH", killing)
    half = explorer.trace("sample:gat").plan(0.5).apply()
    with pytest.raises(ExportError, match=r"does not load .*: it was ended by signal 9, perhaps for lack of memory"):
        explorer.export(half, tmp_path / "out")


EXPORTING = """
import sys, explorer
def watch(stage, name):
    print(stage, flush=True)
    if stage == "checking":
        sys.stdin.read()
explorer.export(explorer.trace("sample:gat").plan(0.5).apply(), sys.argv[1], watch=watch)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders are locked on POSIX only")
def test_an_export_that_is_killed_is_cleared_by_the_next_to_the_same_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "check", lambda *_: Check(0.0, (), "explorer"))
    command = [sys.executable, "-c", EXPORTING, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["writing\n", "checking\n"]
        half = next(tmp_path.iterdir())
        half_pruned = explorer.trace("sample:gat").plan(0.5).apply()
        explorer.export(half_pruned, tmp_path / "out")  # the other one is still at it
        assert (half / "folder" / "model.safetensors").exists()
        process.kill()
    assert {path.name for path in tmp_path.iterdir()} == {"out", half.name}
    shutil.rmtree(tmp_path / "out")
    explorer.export(half_pruned, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def _branching(m: Any, x: Tensor) -> Tensor:
    return m.b(m.a(x)) if x.sum() > 0 else m.b(-m.a(x))


def _literal(m: Any, x: Tensor) -> Tensor:
    return m.b(m.a(x).view(-1, 3, 2).flatten(1))


def _switching(m: Any, x: Tensor) -> Tensor:
    with torch.set_grad_enabled(True):
        hidden = m.a(x)
    return m.b(hidden)


@pytest.mark.parametrize(
    ("function", "name", "match"),
    [
        (_branching, "pt2", r"torch\.export cannot follow Run: .* Export the format 'folder' or 'state_dict'"),
        (_literal, "state_dict", r"replays recorded calls, .* uses the literal 3 where .* Choose pt2, onnx or program"),
        (_switching, "program", r"a program of its own, which this format cannot write out"),
    ],
)
def test_models_that_a_format_cannot_hold(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], function: Callable[..., Tensor], name: str, match: str
) -> None:
    model = Run(function, a=nn.Linear(3, 6), b=nn.Linear(6, 2))
    with pytest.raises(ExportError, match=match):
        explorer.export(every_group(trace(model.eval(), torch.ones(2, 3))), tmp_path / "out", [name])
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")  # what PyTorch has to say is in the error
