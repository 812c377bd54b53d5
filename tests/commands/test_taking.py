"""`export`, `apply` and `report`: recipes of both kinds, other weights, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import explorer
from explorer.__main__ import main
from explorer.exports import Check, exporting


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model whose weights were trained since."""
    pruned = explorer.trace("sample:gat").plan(0.5).apply()
    with torch.no_grad():
        next(pruned.model.parameters()).add_(1)
    return explorer.save(pruned, tmp_path_factory.mktemp("saved") / "half")


@pytest.fixture
def of_app(tmp_path: Path) -> Path:
    """A recipe of the app for the same model."""
    first = explorer.trace("sample:gat").groups[0].name
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"format": 2, "source": "sample:gat", "ratios": {first: 0.5}}), encoding="utf-8")
    return path


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports without the fresh process, which other tests are about."""
    monkeypatch.setattr(exporting, "check", lambda *_: Check(0.0, (), "alone"))


@pytest.mark.usefixtures("unchecked")
def test_export_takes_the_weights_of_the_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(folder), "--format", "folder, state_dict", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert re.findall(r"^ *\d+ %  (.+)$", shown.err, re.MULTILINE) == [
        "opening", "writing folder", "checking folder", "writing state_dict", "checking state_dict",
    ]  # fmt: skip
    assert re.search(r"state_dict \([\d,]+ bytes\): loaded by a fresh process without the explorer", shown.out)
    expected = load_file(folder / "model.safetensors")
    for name in ("folder", "state_dict"):
        found = load_file(out / name / "model.safetensors")
        assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


@pytest.mark.usefixtures("unchecked")
def test_export_of_a_recipe_alone_prunes_the_weights_of_its_source(of_app: Path, tmp_path: Path) -> None:
    assert main(["export", str(of_app), "--out", str(tmp_path / "out")]) == 0
    made = explorer.load(tmp_path / "out" / "folder")
    original = explorer.trace("sample:gat").model
    assert 0 < sum(p.numel() for p in made.parameters()) < sum(p.numel() for p in original.parameters())


def test_apply_prunes_other_weights(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(2)
    original = explorer.trace("sample:gat").model
    weights = {name: torch.randn_like(tensor) for name, tensor in original.state_dict().items()}
    save_file(weights, tmp_path / "w.safetensors")
    kept = {(entry["name"], entry["dim"]): entry["indices"] for entry in explorer_recipe(folder)["kept"]}
    for arguments, same in (([], True), (["--rerank"], False)):
        out = tmp_path / f"out{same}"
        given = ["apply", str(folder), "--weights", str(tmp_path / "w.safetensors"), "--out", str(out), *arguments]
        assert main(given) == 0
        assert "proof: pruned = zeroed" in capsys.readouterr().out
        found = {(entry["name"], entry["dim"]): entry["indices"] for entry in explorer_recipe(out)["kept"]}
        assert (found == kept) is same
        assert {key: len(indices) for key, indices in found.items()} == {key: len(i) for key, i in kept.items()}


def explorer_recipe(folder: Path) -> dict[str, list[dict[str, object]]]:
    recipe: dict[str, list[dict[str, object]]] = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    return recipe


def test_report_is_one_page_that_asks_for_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.html"
    assert main(["report", str(folder), "--out", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    assert "<h1>GAT, pruned</h1>" in page
    assert "pruned = zeroed, max rel. error" in page
    assert page.count("<svg") == 3
    assert not re.search(r"""(src|href)=|url\(|@import|<script""", page)
    for group in explorer.trace("sample:gat").groups:
        assert f"<td>{group.name}</td>" in page
    assert [path.name for path in tmp_path.iterdir()] == ["half.html"]


def test_code_that_a_recipe_names_is_not_run_untrusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trap.py"
    file.write_text(
        f"import pathlib, torch\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
        "from torch import nn\n"
        "def build():\n    return nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 2)), torch.ones(1, 2)\n",
        encoding="utf-8",
    )
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"format": 2, "source": f"{file}:build", "ratios": {"0": 0.5}}), encoding="utf-8")
    given = ["apply", str(recipe), "--out", str(tmp_path / "out")]
    assert main(given) == 2
    assert "which is code. If you know what the file does, --trust-source runs it" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    assert main([*given, "--trust-source"]) == 0
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("recipe", "arguments", "message"),
    [
        (None, ["export", "--format", "onx"], "There is no format 'onx'. Did you mean onnx?"),
        (None, ["export"], "There is no recipe at"),
        ({"format": 2, "source": "session:abc"}, ["apply"], "does not name the model that it was made from"),
        ({"format": 2, "source": "sample:gat", "ratios": {"nothing": 0.5}}, ["report"], "no group 'nothing'"),
    ],
)
def test_what_goes_wrong_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    recipe: object,
    arguments: list[str],
    message: str,
) -> None:
    path = tmp_path / "r.json"
    if recipe is not None:
        path.write_text(json.dumps(recipe), encoding="utf-8")
    assert main([*arguments, str(path), "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
