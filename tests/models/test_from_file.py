"""Models from a file of the user's, and what can be wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from explorer.engine.errors import ModelSourceError
from explorer.models import FileSource
from explorer.models.from_file import build_from_file


def write(folder: Path, code: str, name: str = "net.py") -> Path:
    path = folder / name
    path.write_text("import torch\nfrom torch import nn\n" + code, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("returned", "inputs"),
    [
        ("nn.Linear(2, 3)", None),
        ("(nn.Linear(2, 3), torch.ones(4, 2))", (torch.ones(4, 2),)),
        ("(nn.Linear(2, 3), (torch.ones(4, 2),))", (torch.ones(4, 2),)),
    ],
)
def test_takes_a_module_with_and_without_inputs(tmp_path: Path, returned: str, inputs: tuple[torch.Tensor] | None):
    path = write(tmp_path, f"def build():\n    return {returned}\n")
    model, given = build_from_file(FileSource(path, "build"))
    assert isinstance(model, nn.Linear)
    if inputs is None:
        assert given is None
    else:
        assert isinstance(given, tuple)
        assert torch.equal(given[0], inputs[0])


def test_takes_keyword_inputs_a_callable_and_a_class(tmp_path: Path):
    path = write(
        tmp_path,
        "def keywords():\n    return nn.Linear(2, 3), {'input': torch.ones(4, 2)}\n"
        "def runner():\n    return nn.Linear(2, 3), lambda model: model(torch.ones(4, 2))\n"
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(2, 3)\n",
    )
    model, keywords = build_from_file(FileSource(path, "keywords"))
    assert isinstance(keywords, dict)
    assert model(**keywords).shape == (4, 3)
    model, runner = build_from_file(FileSource(path, "runner"))
    assert callable(runner)
    assert runner(model).shape == (4, 3)
    assert type(build_from_file(FileSource(path, "Net"))[0]).__name__ == "Net"


def test_file_may_import_its_neighbours(tmp_path: Path):
    write(tmp_path, "def block():\n    return nn.Linear(2, 3)\n", "neighbour_of_net.py")
    path = write(tmp_path, "from neighbour_of_net import block\ndef build():\n    return block()\n")
    assert isinstance(build_from_file(FileSource(path, "build"))[0], nn.Linear)


def test_file_runs_anew_so_that_edits_count(tmp_path: Path):
    path = write(tmp_path, "def build():\n    return nn.Linear(2, 3)\n")
    build_from_file(FileSource(path, "build"))
    write(tmp_path, "def build():\n    return nn.Linear(2, 3000)\n")
    assert build_from_file(FileSource(path, "build"))[0].out_features == 3000


@pytest.mark.parametrize(
    ("code", "factory", "message"),
    [
        ("import no_such_module\n", "build", "Running .* raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("def build(:\n", "build", "Running .* raised SyntaxError"),
        ("def build():\n    return nn.Linear(2, 3)\n", "bild", "defines no 'bild'. Did you mean build"),
        ("def build():\n    raise ValueError('seven')\n", "build", "build' raised ValueError: seven"),
        ("def build(width):\n    return nn.Linear(width, 3)\n", "build", "build' raised TypeError: .*width"),
        ("def build():\n    return 7\n", "build", "returned int. It must return a torch.nn.Module"),
        ("def build():\n    return nn.Linear(2, 3), [1]\n", "build", "example inputs of type list"),
        ("build = nn.Linear(2, 3)\n", "build", "is of type Linear, and no function"),
        ("build = 7\n", "build", "is of type int, and no function"),
    ],
)
def test_says_what_is_wrong_with_the_file(tmp_path: Path, code: str, factory: str, message: str):
    with pytest.raises(ModelSourceError, match=message):
        build_from_file(FileSource(write(tmp_path, code), factory))


def test_file_that_failed_leaves_no_module_behind(tmp_path: Path):
    with pytest.raises(ModelSourceError):
        build_from_file(FileSource(write(tmp_path, "raise RuntimeError\n", "broken_net.py"), "build"))
    assert not [name for name in sys.modules if "broken_net" in name]


def test_refuses_a_file_that_is_no_python(tmp_path: Path):
    path = write(tmp_path, "", "net.txt")
    with pytest.raises(ModelSourceError, match=r"net\.txt' cannot be imported\. Give a Python file"):
        build_from_file(FileSource(path, "build"))


def test_names_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ModelSourceError, match=r"There is no file '.*absent\.py'"):
        build_from_file(FileSource(tmp_path / "absent.py", "build"))
