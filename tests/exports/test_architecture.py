"""What generated code builds the original architecture from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import ExportError
from explorer.engine.graph import DependencyGraph, trace
from explorer.exports.architecture import architecture
from tests.engine.nets import PlainCnn, traced


def graph_of(model: nn.Module, source: str = "") -> DependencyGraph:
    return trace(model, torch.randn(2, 3), source=source)


class Sized(nn.Module):
    """Its default is not what the tests build it with."""

    def __init__(self, size: int = 6) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, size), nn.Linear(size, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x))


class Demanding(Sized):
    def __init__(self, size: int) -> None:
        super().__init__(size)


def test_torchvision_builds_its_own_models() -> None:
    built = architecture(graph_of(Sized(), "torchvision:inception_v3@DEFAULT"))
    assert built.build == 'model = torchvision.models.get_model("inception_v3", weights=None, init_weights=True)'
    assert "import torchvision" in built.imports
    assert not built.files


def test_a_sample_comes_with_the_files_that_it_imports() -> None:
    built = architecture(graph_of(Sized(), "sample:resnet56"))
    assert set(built.files) == {"original/sample_models/resnet56.py", "original/sample_models/resnet20.py"}
    assert "original_code().build()" in built.build


def test_a_class_that_is_built_without_arguments_comes_with_its_file() -> None:
    built = architecture(traced(PlainCnn(), 2, 3, 12, 12))
    assert "original_code().PlainCnn()" in built.build
    assert "original/tests/engine/nets.py" in built.files
    assert not any(path.startswith("original/explorer") for path in built.files)


def test_building_the_class_to_see_what_it_gives_draws_no_numbers_of_the_callers() -> None:
    graph = graph_of(Sized())
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    architecture(graph)
    assert torch.rand(1) == expected


@pytest.mark.parametrize("model", [Sized(7), Demanding(6)], ids=["other default", "no default"])
def test_a_class_that_needs_arguments_is_refused(model: nn.Module) -> None:
    with pytest.raises(ExportError, match=r"\(\) without arguments gives no model .* file\.py:factory"):
        architecture(graph_of(model))


def test_a_class_that_no_file_defines_at_its_top_is_refused() -> None:
    class Local(Sized):
        pass

    with pytest.raises(ExportError, match=r"Local is not defined at the top level of a Python file"):
        architecture(graph_of(Local()))


def test_what_a_file_imports_from_its_own_folder_is_copied_and_nothing_else(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    for path, text in {
        "main.py": "import torch, side\nimport package.inner.deep\nfrom package import flat as f\n",
        "side.py": "import main\n",
        "unused.py": "",
        "package/__init__.py": "from .inner import deep\n",
        "package/flat.py": "from . import other\nfrom .inner.deep import x\n",
        "package/other.py": "",
        "package/inner/__init__.py": "",
        "package/inner/deep.py": "from .. import other\n",
    }.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    built = architecture(graph_of(Sized(), f"{tmp_path / 'main.py'}:build"))
    assert {re.sub("^original/", "", path) for path in built.files} == {
        "main.py", "side.py", "package/__init__.py", "package/flat.py", "package/other.py", "package/inner/__init__.py",
        "package/inner/deep.py",
    }  # fmt: skip
