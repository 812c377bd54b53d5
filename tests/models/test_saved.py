"""`load` builds named sources by itself, asks for the model where the source is code, and never runs that code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import explorer
from explorer.engine.errors import ModelSourceError, SaveError
from explorer.models import open_model, saved
from explorer.models.tracing import trace_opened
from tests.engine.nets import IMAGE, PlainCnn, Transformer, every_group, traced


def with_source(folder: Path, source: object) -> Path:
    recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    (folder / "recipe.json").write_text(json.dumps(recipe | {"source": source}), encoding="utf-8")
    return folder


@pytest.fixture
def in_memory(tmp_path: Path) -> Path:
    return explorer.save(every_group(traced(PlainCnn(), *IMAGE)), tmp_path / "out")


@pytest.mark.parametrize("source", ["sample:resnet20", "torchvision:squeezenet1_0"])
def test_a_named_source_is_built_and_its_weights_come_from_the_folder(tmp_path: Path, source: str) -> None:
    graph = explorer.trace(source)
    pruned = graph.plan(0.5).apply()
    with torch.no_grad():
        next(pruned.model.parameters()).add_(1)
    folder = explorer.save(pruned, tmp_path / "out")
    assert 'explorer.load("path/to/this/folder")' in (folder / "README.md").read_text(encoding="utf-8")
    model = explorer.load(folder)
    expected = pruned.model.state_dict()
    assert list(model.state_dict()) == list(expected)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(model(*graph.example_inputs), pruned.model(*graph.example_inputs))
    assert not model.training


def test_pretrained_weights_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = explorer.save(explorer.trace("torchvision:squeezenet1_0").plan(0.5).apply(), tmp_path / "out")
    with_source(folder, "torchvision:squeezenet1_0@IMAGENET1K_V1")
    asked = []

    def opened(source: str) -> object:
        asked.append(source)
        return original(source)

    original = saved.open_model
    monkeypatch.setattr(saved, "open_model", opened)
    explorer.load(folder)
    assert asked == ["torchvision:squeezenet1_0"]


def test_a_model_in_memory_must_be_given(in_memory: Path) -> None:
    with pytest.raises(
        SaveError, match=r"was made from a model in memory, .* explorer\.load\(folder, model=your_model\)"
    ):
        explorer.load(in_memory)
    given = PlainCnn()
    before = {name: tensor.clone() for name, tensor in given.state_dict().items()}
    assert explorer.load(in_memory, model=given).conv1.out_channels == 8
    assert all(torch.equal(before[name], tensor) for name, tensor in given.state_dict().items())


def test_a_source_that_is_code_is_never_run(in_memory: Path, tmp_path: Path) -> None:
    file = tmp_path / "trap.py"
    file.write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n", encoding="utf-8")
    with_source(in_memory, f"{file}:build")
    with pytest.raises(SaveError, match=r"names '.*trap\.py:build', which is code, so the explorer cannot build"):
        explorer.load(in_memory)
    assert not (tmp_path / "ran").exists()
    assert explorer.load(in_memory, model=PlainCnn()).conv1.out_channels == 8


def test_a_source_that_no_longer_exists_or_is_nonsense(in_memory: Path) -> None:
    for source, match in (
        ("sample:nothing", "nothing"),
        ("torchvision:resnet99", "resnet99"),
        ("nonsense", "not a model source"),
    ):
        with pytest.raises(ModelSourceError, match=match):
            explorer.load(with_source(in_memory, source))
    with pytest.raises(SaveError, match=r"source is .* and should be a string"):
        explorer.load(with_source(in_memory, ["sample:resnet20"]))


def test_another_source_than_the_saved_one(in_memory: Path) -> None:
    with pytest.raises(SaveError, match="have other names or shapes"):
        explorer.load(with_source(in_memory, "sample:resnet20"))


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"holds no recipe\.json"):
        explorer.load(tmp_path / "missing")
    with pytest.raises(SaveError, match=r"holds no recipe\.json"):
        explorer.load(str(tmp_path))


def test_a_trusted_source_is_run(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "import torch\nfrom torch import nn\n"
        "def build():\n    return nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2)), torch.ones(2, 3)\n",
        encoding="utf-8",
    )
    graph = trace_opened(open_model(f"{file}:build", trust_code=True))
    pruned = graph.plan(0.5).apply()
    folder = explorer.save(pruned, tmp_path / "out")
    assert "trust_source=True" in (folder / "README.md").read_text(encoding="utf-8")
    with pytest.raises(SaveError, match=r"explorer\.load\(folder, trust_source=True\) runs it"):
        explorer.load(folder)
    model = explorer.load(folder, trust_source=True)
    assert torch.equal(model(torch.ones(2, 3)), pruned.model(torch.ones(2, 3)))


class TestExpand:
    def test_a_named_source_is_built_and_gives_the_pruned_models_outputs(self, tmp_path: Path) -> None:
        graph = explorer.trace("sample:resnet20")
        pruned = graph.plan(0.5).apply()
        full = explorer.expand(pruned.model, explorer.save(pruned, tmp_path / "out"))
        assert type(full) is type(graph.model)
        assert [p.shape for p in full.parameters()] == [p.shape for p in graph.model.parameters()]
        torch.testing.assert_close(full(*graph.example_inputs), pruned.model(*graph.example_inputs))
        assert not torch.equal(full(*graph.example_inputs), graph.model(*graph.example_inputs))

    def test_a_model_in_memory_is_given(self) -> None:
        graph = traced(PlainCnn(), *IMAGE)
        pruned = every_group(graph)
        with pytest.raises(
            SaveError, match=r"made from a model in memory, .* explorer\.expand\(pruned, recipe, model="
        ):
            explorer.expand(pruned.model, pruned.recipe)
        with pytest.raises(SaveError, match=r"names 'a\.py:f', which is code, .* explorer\.expand\("):
            explorer.expand(pruned.model, pruned.recipe | {"source": "a.py:f"})
        full = explorer.expand(pruned.model, pruned.recipe, graph.model)
        torch.testing.assert_close(full(graph.example_inputs), pruned.model(graph.example_inputs))
        with pytest.raises(SaveError, match=r"there is no conv1\.weight"):
            explorer.expand(pruned.model, pruned.recipe, Transformer())
