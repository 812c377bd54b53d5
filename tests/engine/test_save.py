"""A saved folder appears whole or not at all, holds plain data, and nothing in it is trusted unchecked."""

from __future__ import annotations

import json
import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from explorer.engine import save as save_module
from explorer.engine.apply import Pruned
from explorer.engine.attention import PrunedMultiheadAttention
from explorer.engine.errors import SaveError
from explorer.engine.graph import trace
from explorer.engine.recipe import RECIPE_FILE, architecture_of, read_recipe
from explorer.engine.save import README_FILE, WEIGHTS_FILE, rebuild, save
from tests.engine.nets import IMAGE, PlainCnn, Run, Transformer, every_group, randomised, traced


@pytest.fixture
def pruned() -> Pruned:
    return every_group(traced(PlainCnn(), *IMAGE))


@pytest.fixture
def folder(pruned: Pruned, tmp_path: Path) -> Path:
    return save(pruned, tmp_path / "out")


def assert_same_states(found: nn.Module, expected: nn.Module) -> None:
    a, b = found.state_dict(), expected.state_dict()
    assert list(a) == list(b)
    for name, tensor in a.items():
        assert tensor.dtype is b[name].dtype
        assert torch.equal(tensor, b[name]), name


def changed_recipe(folder: Path, **entries: Any) -> None:
    recipe = json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    (folder / RECIPE_FILE).write_text(json.dumps(recipe | entries), encoding="utf-8")


class TestWriting:
    def test_a_folder_holds_weights_a_recipe_and_a_readme(self, pruned: Pruned, folder: Path) -> None:
        assert sorted(path.name for path in folder.iterdir()) == [README_FILE, WEIGHTS_FILE, RECIPE_FILE]
        weights = load_file(folder / WEIGHTS_FILE)
        assert set(weights) == set(pruned.model.state_dict())
        recipe = read_recipe(folder)
        assert recipe["cost"]["after"]["params"] == pruned.plan.cost.after.params
        assert recipe["channels"] == {name: list(kept) for name, kept in pruned.plan.channels.items()}
        assert {(e["name"], e["dim"]): tuple(e["indices"]) for e in recipe["kept"]} == dict(pruned.plan.kept)
        readme = (folder / README_FILE).read_text(encoding="utf-8")
        assert 'explorer.load("path/to/this/folder", model=build_the_original_model())' in readme
        assert f"{pruned.plan.cost.after.params:,}" in readme

    def test_an_empty_folder_is_used_and_missing_parents_are_made(self, pruned: Pruned, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert save(pruned, tmp_path / "empty") == tmp_path / "empty"
        assert save(pruned, str(tmp_path / "a" / "b")).joinpath(RECIPE_FILE).exists()

    def test_the_folder_can_be_read_by_others(self, folder: Path) -> None:
        assert stat.S_IMODE(folder.stat().st_mode) & 0o055 == 0o055
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044 for path in folder.iterdir())

    @pytest.mark.parametrize("is_file", [True, False], ids=["file", "folder"])
    def test_what_is_there_already_is_refused_and_untouched(
        self, pruned: Pruned, tmp_path: Path, is_file: bool
    ) -> None:
        target = tmp_path / "taken"
        note = target if is_file else target / "notes.txt"
        note.parent.mkdir(exist_ok=True)
        note.write_text("mine", encoding="utf-8")
        with pytest.raises(SaveError, match=r"taken is a file" if is_file else r"taken is not empty\. Choose another"):
            save(pruned, target)
        assert note.read_text(encoding="utf-8") == "mine"
        assert [path.name for path in tmp_path.iterdir()] == ["taken"]

    @pytest.mark.parametrize("step", ["weights", "recipe", "rename"])
    def test_a_failing_write_leaves_nothing(
        self, pruned: Pruned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        if step == "weights":
            monkeypatch.setattr(save_module, "save_file", full)
        else:
            monkeypatch.setattr(Path, "write_text" if step == "recipe" else "replace", full)
        with pytest.raises(
            SaveError, match=r"could not be written: .*No space left on device.* Nothing was left there"
        ):
            save(pruned, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_an_interruption_leaves_nothing(
        self, pruned: Pruned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(save_module, "_readme", interrupted)
        with pytest.raises(KeyboardInterrupt):
            save(pruned, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_hold_a_folder(self, pruned: Pruned, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        with pytest.raises(SaveError, match=r"cannot be written: .* Choose a folder that you may write to"):
            save(pruned, tmp_path / "file" / "out")

    def test_weights_that_share_memory_are_written(self, tmp_path: Path) -> None:
        pruned = every_group(traced(PlainCnn(), *IMAGE))
        both = torch.randn(2, len(pruned.model.fc2.bias))
        pruned.model.fc2.bias.data = both[0]
        pruned.model.register_buffer("other", both)
        weights = load_file(save(pruned, tmp_path / "out") / WEIGHTS_FILE)
        assert torch.equal(weights["fc2.bias"], both[0])


class TestReading:
    def test_weights_are_bit_identical_and_outputs_equal(self, pruned: Pruned, folder: Path) -> None:
        torch.manual_seed(7)
        made = rebuild(folder, PlainCnn())
        assert_same_states(made, pruned.model)
        assert not any(module.training for module in made.modules())
        x = torch.randn(IMAGE)
        assert torch.equal(made(x), pruned.model(x))

    def test_the_given_model_is_untouched(self, folder: Path) -> None:
        model = randomised(PlainCnn()).train()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        made = rebuild(folder, model)
        made.conv1.weight.data.zero_()
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
        assert all(module.training for module in model.modules())
        assert model.conv1.out_channels == 16

    def test_weights_that_were_trained_after_pruning_are_the_ones_saved(self, pruned: Pruned, tmp_path: Path) -> None:
        with torch.no_grad():
            pruned.model.fc1.weight.mul_(3)
            pruned.model.bn1.num_batches_tracked.add_(5)
        made = rebuild(save(pruned, tmp_path / "out"), PlainCnn())
        assert_same_states(made, pruned.model)
        assert made.bn1.num_batches_tracked == pruned.model.bn1.num_batches_tracked

    @pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("is_given", [True, False], ids=["same dtype", "float32 given"])
    def test_other_precisions(self, tmp_path: Path, dtype: torch.dtype, is_given: bool) -> None:
        graph = trace(randomised(PlainCnn()).to(dtype), torch.randn(IMAGE, dtype=dtype))
        pruned = graph.plan(0.5).apply()
        folder = save(pruned, tmp_path / "out")
        given = PlainCnn().to(dtype) if is_given else PlainCnn()
        made = rebuild(folder, given)
        assert_same_states(made, pruned.model)
        assert torch.equal(made(graph.example_inputs), pruned.model.eval()(graph.example_inputs))

    def test_tied_weights_stay_tied(self, tmp_path: Path) -> None:
        def build() -> nn.Module:
            model = Run(
                lambda m, x: m.decode(torch.tanh(m.embed(x))), embed=nn.Embedding(11, 16), decode=nn.Linear(16, 11)
            )
            model.decode.weight = model.embed.weight
            return model

        pruned = every_group(trace(build().eval(), torch.tensor([[1, 5, 9]])))
        folder = save(pruned, tmp_path / "out")
        assert "decode.weight" not in load_file(folder / WEIGHTS_FILE)
        made = rebuild(folder, build())
        assert made.decode.weight is made.embed.weight
        assert_same_states(made, pruned.model)

    def test_attention_repaired_attributes_and_index_buffers_come_back(self, tmp_path: Path) -> None:
        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body = Transformer()
                self.body.head = nn.Identity()
                self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
                self.head = nn.Linear(16, 7)
                self.shape = [16]
                self.register_buffer("order", torch.randperm(16, generator=torch.Generator().manual_seed(5)))

            def forward(self, x: Tensor) -> Tensor:
                hidden = self.body(x)[:, None, self.order].view(-1, 1, *self.shape)
                return self.head(self.attention(hidden, hidden, hidden)[0])

        def build() -> nn.Module:
            return randomised(Net())

        pruned = every_group(trace(build(), torch.randn(2, 5, 12)))
        made = rebuild(save(pruned, tmp_path / "out"), build())
        assert_same_states(made, pruned.model)
        assert isinstance(made.attention, PrunedMultiheadAttention)
        assert made.attention.scale == pruned.model.attention.scale
        assert (made.shape, made.body.attention.num_heads) == ([8], 2)
        assert made.order.tolist() == pruned.model.order.tolist()
        x = torch.randn(3, 4, 12)
        assert torch.equal(made(x), pruned.model(x))

    def test_no_pickle_is_opened(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(*_: Any, **__: Any) -> None:
            raise AssertionError("something was unpickled")

        for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
            monkeypatch.setattr(module, name, forbidden)
        monkeypatch.setattr(torch.serialization, "load", forbidden)
        assert rebuild(folder, PlainCnn()).fc2.out_features == 7


class TestDamage:
    def refused(self, folder: Path, match: str, model: nn.Module | None = None) -> None:
        model = model or PlainCnn()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with pytest.raises(SaveError, match=match):
            rebuild(folder, model)
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())

    @pytest.mark.parametrize("place", [0, 20, -1], ids=["header length", "header", "last weight"])
    def test_a_changed_byte(self, folder: Path, place: int) -> None:
        content = bytearray((folder / WEIGHTS_FILE).read_bytes())
        content[place] ^= 1
        (folder / WEIGHTS_FILE).write_bytes(content)
        self.refused(folder, r"model\.safetensors is not the file that the recipe was written with")

    def test_a_file_cut_short(self, folder: Path) -> None:
        (folder / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes()[:-8])
        self.refused(folder, "is not the file that the recipe was written with")

    def test_missing_files(self, folder: Path, tmp_path: Path) -> None:
        self.refused(tmp_path, rf"holds no {RECIPE_FILE}\. Give the folder that explorer\.save wrote")
        self.refused(folder / WEIGHTS_FILE, "cannot be read|holds no recipe")
        (folder / WEIGHTS_FILE).unlink()
        self.refused(folder, r"model\.safetensors cannot be read")

    def test_a_recipe_that_is_none(self, folder: Path) -> None:
        for text, match in (
            ("{", r"recipe\.json cannot be read"),
            ("\udcff", r"recipe\.json cannot be read"),
            ("[1, 2]", r"recipe\.json is not a recipe of the explorer"),
            ('{"format": "other"}', r"recipe\.json is not a recipe of the explorer"),
        ):
            (folder / RECIPE_FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
            self.refused(folder, match)

    @pytest.mark.parametrize("version", [0, 3, "1", None, True, 2.0])
    def test_another_version(self, folder: Path, version: Any) -> None:
        changed_recipe(folder, version=version)
        self.refused(folder, rf"has version {version!r}; this explorer reads versions 1 to 2")

    def test_another_architecture(self, folder: Path) -> None:
        wider = PlainCnn()
        wider.fc1, wider.fc2 = nn.Linear(96, 21), nn.Linear(21, 7)
        same = "was made from 'PlainCnn'; the parameters of this PlainCnn have other names or shapes"
        self.refused(folder, rf"{same}: fc1\.weight has shape \(21, 96\) here and \(20, 96\) in the recipe", wider)
        self.refused(
            folder,
            r"of this Transformer have .*: there is no conv1\.weight, which has shape \(16, 3, 3, 3\)",
            Transformer(),
        )
        more = PlainCnn()
        more.fc3 = nn.Linear(2, 3)
        self.refused(folder, rf"{same}: there is fc3\.weight of shape \(3, 2\), which the recipe does not know", more)
        swapped = PlainCnn()
        swapped.conv1 = swapped._modules.pop("conv1")
        self.refused(folder, f"{same}: they come in another order", swapped)

    def test_a_recipe_of_the_first_version_is_read(self, pruned: Pruned, folder: Path) -> None:
        recipe = read_recipe(folder)
        del recipe["states"]
        (folder / RECIPE_FILE).write_text(json.dumps(recipe | {"version": 1}), encoding="utf-8")
        assert_same_states(rebuild(folder, PlainCnn()), pruned.model)
        self.refused(folder, r"of this Transformer have other names or shapes\. Build the model", Transformer())

    def test_links_that_lead_out_of_the_folder(self, folder: Path, tmp_path: Path) -> None:
        for name in (RECIPE_FILE, WEIGHTS_FILE):
            outside = tmp_path / name
            (folder / name).rename(outside)
            (folder / name).symlink_to(outside)
            self.refused(folder, rf"{name} leads out of its folder, to .*, and was not opened")
            (folder / name).unlink()
            outside.rename(folder / name)

    @pytest.mark.parametrize("name", [RECIPE_FILE, WEIGHTS_FILE])
    def test_what_is_no_ordinary_file_is_not_opened(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)  # reading it would wait for ever
        self.refused(folder, rf"{name} is no ordinary file")

    @pytest.mark.parametrize(("name", "size"), [(RECIPE_FILE, 2**28 + 1), (WEIGHTS_FILE, 2**34)])
    def test_an_absurd_size_is_not_read(self, folder: Path, name: str, size: int) -> None:
        os.truncate(folder / name, size)
        self.refused(folder, rf"{name} has {size:,} bytes, .* it was not opened")

    def test_weights_of_another_plan_with_a_matching_hash(self, folder: Path) -> None:
        weights = load_file(folder / WEIGHTS_FILE)
        weights["fc2.bias"] = torch.zeros(6)
        del weights["bn1.bias"]
        save_file(weights, folder / WEIGHTS_FILE)
        changed_recipe(
            folder, weights_sha256=save_module.hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
        )
        self.refused(folder, r"does not fit the recipe at bn1\.bias, fc2\.bias")

    def test_weights_that_are_no_safetensors_with_a_matching_hash(self, folder: Path) -> None:
        (folder / WEIGHTS_FILE).write_bytes(b"not weights")
        changed_recipe(folder, weights_sha256=save_module.hashlib.sha256(b"not weights").hexdigest())
        self.refused(folder, r"model\.safetensors cannot be read")

    @pytest.mark.parametrize(
        ("entry", "change"),
        [
            ("kept", lambda kept: "text"),
            ("kept", lambda kept: [{"name": "conv1.weight"}]),
            ("kept", lambda kept: [kept[0] | {"indices": [99]}]),
            ("kept", lambda kept: [kept[0] | {"indices": [-1]}]),
            ("kept", lambda kept: [kept[0] | {"indices": "ab"}]),
            ("kept", lambda kept: [kept[0] | {"dim": 7}]),
            ("kept", lambda kept: [kept[0] | {"name": "ghost"}]),
            ("attributes", lambda changes: [changes[0] | {"name": "forward", "before": None, "after": 1}]),
            (
                "attributes",
                lambda changes: [changes[0] | {"name": "padding_mode", "before": "zeros", "after": "circular"}],
            ),
            ("attributes", lambda changes: [changes[0] | {"module": "ghost"}]),
            ("attributes", lambda changes: [changes[0] | {"before": 99}]),
            ("attributes", lambda changes: [changes[0] | {"extra": 1}]),
            ("attention", lambda changes: [{"module": "conv1", "num_heads": 1, "scale": 1.0}]),
            ("index_buffers", lambda buffers: {"ghost": [1, 2]}),
            ("index_buffers", lambda buffers: 5),
        ],
    )
    def test_a_recipe_that_was_tampered_with(self, folder: Path, entry: str, change: Callable[[Any], Any]) -> None:
        changed_recipe(folder, **{entry: change(read_recipe(folder)[entry])})
        self.refused(folder, r"The recipe in .* does not fit the model: |recipe\.json is damaged: ")

    def test_a_recipe_without_an_entry(self, folder: Path) -> None:
        for entry in ("kept", "attributes", "attention"):
            recipe = read_recipe(folder)
            del recipe[entry]
            (folder / RECIPE_FILE).write_text(json.dumps(recipe), encoding="utf-8")
            self.refused(folder, f"recipe.json is damaged: it has no '{entry}'")
            changed_recipe(folder, **{entry: []})


def test_the_architecture_is_names_and_shapes_and_nothing_else() -> None:
    assert architecture_of(PlainCnn()) == architecture_of(randomised(PlainCnn()).double())
    assert len(architecture_of(PlainCnn())) == 16
    renamed = PlainCnn()
    renamed.conv9 = renamed.conv1
    del renamed.conv1
    assert architecture_of(renamed) != architecture_of(PlainCnn())
