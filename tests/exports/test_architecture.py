"""What generated code builds the original architecture from."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import ExportError
from explorer.engine.graph import DependencyGraph, trace
from explorer.exports.architecture import architecture, in_docstring, quoted
from sample_models.vgg import VGG


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
    built = architecture(trace(VGG(), torch.randn(2, 1, 8, 8)))
    assert "original_code().VGG()" in built.build
    assert list(built.files) == ["original/sample_models/vgg.py"]


def test_building_the_class_to_see_what_it_gives_draws_no_numbers_of_the_callers() -> None:
    graph = trace(VGG(), torch.randn(2, 1, 8, 8))
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    architecture(graph)
    assert torch.rand(1) == expected


class Looking(Sized):
    """Its default says where to look for what is not there."""

    def __init__(self, sizes: Mapping[str, int] = MappingProxyType({})) -> None:
        super().__init__(sizes["hidden"])


@pytest.mark.parametrize(
    "model",
    [Sized(7), Demanding(6), Looking({"hidden": 6})],
    ids=["other default", "no default", "a default that fails"],
)
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


def test_files_are_copied_byte_for_byte_in_whatever_encoding_they_are(tmp_path: Path) -> None:
    main = "# -*- coding: latin-1 -*-\nfrom side import x\nname = 'caf\xe9'\n".encode("latin-1")
    (tmp_path / "main.py").write_bytes(main)
    (tmp_path / "side.py").write_bytes(b"\xef\xbb\xbfx = 1\r\nif False:\r\n    import old\r\n")
    (tmp_path / "old.py").write_bytes(b"print 'of Python 2', '\xe9'")
    built = architecture(graph_of(Sized(), f"{tmp_path / 'main.py'}:build"))
    assert {path: (tmp_path / path.removeprefix("original/")).read_bytes() for path in built.files} == built.files
    assert set(built.files) == {"original/main.py", "original/side.py", "original/old.py"}


def test_a_file_that_needs_the_explorer_is_refused_and_one_that_may_is_not(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import torch\nfrom explorer.engine import graph\n")
    with pytest.raises(ExportError, match=r"^main\.py imports the explorer, and this format has to load without it"):
        architecture(graph_of(Sized(), f"{tmp_path / 'main.py'}:build"))
    (tmp_path / "main.py").write_text("def see(model):\n    import explorer\n    explorer.show(model)\n")
    assert list(architecture(graph_of(Sized(), f"{tmp_path / 'main.py'}:build")).files) == ["original/main.py"]


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"cannot be copied: .*gone\.py.* Put the file back, or choose folder"):
        architecture(graph_of(Sized(), f"{tmp_path / 'gone.py'}:build"))


@pytest.mark.parametrize(
    "text", ["conv1", 'a"; import os; "', "back\\slash\\", "new\nline", '"""', "ü \U0001f600 \u2028"]
)
def test_names_and_titles_cannot_leave_their_place_in_generated_code(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    [statement] = ast.parse(f'"""{in_docstring(text)}, pruned"""').body
    assert isinstance(statement, ast.Expr)
    assert ast.literal_eval(statement.value) == f"{' '.join(text.split())}, pruned"
