from __future__ import annotations

import errno
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.__main__ import COMMANDS, input_shape, main, parser, table
from explorer.app import serving
from explorer.app.workspace import Subject
from explorer.engine import __version__
from explorer.engine.recipe import read_recipe

ROOT = Path(__file__).resolve().parents[1]


def test_help_teaches_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for word in ("sample:resnet20", "torchvision:resnet50@DEFAULT", "file.py:factory", "examples", "prune", "trace"):
        assert word in text


def test_trace_prints_groups_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "sample:resnet20"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"layer1\.0\.conv1 +channels +16 +6", text)
    assert re.search(r"fc\.weight +0 +10 +\w+", text)
    assert "ops without a rule: none" in text


def test_prune_saves_and_shows_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "half"
    assert main(["prune", "sample:resnet20", "--ratio", "0.5", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert [line.split("%  ")[1] for line in shown.err.splitlines()] == [
        "tracing",
        "planning",
        "applying",
        "verifying",
        "saving",
        "done",
    ]
    assert re.search(r"parameters +272,186 +68,\d+ +-7\d\.\d %", shown.out)
    assert "proof: pruned = zeroed" in shown.out
    assert read_recipe(out)
    assert {path.name for path in out.iterdir()} == {"model.safetensors", "recipe.json", "README.md"}
    assert json.loads((out / "recipe.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trace", "sample:nothing"], "There is no sample model 'nothing'"),
        (["no-such-form"], "is not a model source"),
        (["sample:vgg", "--data", "mnist"], "'mnist' names no data"),
        (["prune", "sample:resnet20", "--ratio", "2", "--out", "x"], "2"),
        (["prune", "sample:resnet20", "--ratio", "0.5", "--importance", "best", "--out", "x"], "best"),
    ],
)
def test_what_goes_wrong_is_said_on_stderr_without_a_traceback(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "explorer: " in error
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trase", "sample:gat"], "'trase' is no command, and is not a model source. Did you mean trace?"),
        (
            ["prune", "sample:gat", "--ratio", "0.5", "--out", "."],
            ". is a folder that cannot be made anew. Name one in",
        ),
        (
            ["report", "nothing", "--out", "{folder}"],
            "{folder} is a folder, and a report is a file. Name one in it: --out",
        ),
        (
            ["sensitivity", "sample:gat", "--groups", "zero"],
            "There is no group 'zero' in this model. There are layer1.",
        ),
    ],
)
def test_what_is_meant_instead_is_said(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([argument.format(folder=tmp_path) for argument in arguments]) == 2
    assert message.format(folder=tmp_path) in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune", "--ratio", "half", "--out", "x"], "argument --ratio: 'half' is no number; write one with a point"),
        (["prune", "--ratio", "nan", "--out", "x"], "argument --ratio: 'nan' is no number"),
        (["prune", "--ratio", "1", "--round-to", "1.5", "--out", "x"], "argument --round-to: '1.5' is no whole number"),
        (["finetune", "--epochs", "many", "--out", "x"], "argument --epochs: 'many' is no whole number; write one"),
        (["sparsify", "--strength", "x", "--out", "x"], "argument --strength: 'x' is no number"),
    ],
)
def test_what_is_no_number_is_refused_in_words(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_full_disk_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/explorer-jobs-x")

    monkeypatch.setattr("explorer.engine.claims.tempfile.mkdtemp", full)
    assert main(["sample:gat", "--no-browser", "--port", "0"]) == 2
    assert "explorer: [Errno 28] No space left on device: '/tmp/explorer-jobs-x'. Make room" in capsys.readouterr().err
    monkeypatch.setattr("explorer.__main__._trace", lambda _: full())
    assert main(["trace", "sample:gat"]) == 2


def test_whoever_reads_only_the_beginning_sees_no_traceback() -> None:
    command = [sys.executable, "-m", "explorer", "trace", "sample:gat"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_in_a_sentence_and_tells_its_defaults(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    purpose = capsys.readouterr().out.split("\n\n")[1]
    assert re.match(r"[A-Z][^\n]", purpose)
    assert purpose.endswith(".")
    assert "html" not in purpose
    assert "`explorer source`" not in purpose


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"explorer {__version__}\n"


def test_a_port_in_use_is_said_clearly(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["sample:resnet20", "--port", str(port), "--no-browser"]) == 2
    assert f"cannot be served at 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_source_alone_serves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str] = []
    monkeypatch.setattr(serving, "run", lambda _workspace, subject, **_: served.append(subject.source))
    assert main(["sample:vgg"]) == 0
    assert main([]) == 0
    assert served == ["sample:vgg", "sample:resnet20"]


def test_another_input_is_served_under_an_opaque_id(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str] = []
    monkeypatch.setattr(serving, "run", lambda _workspace, subject, **_: served.append(subject.source))
    assert main(["sample:resnet20", "--input", "1,1,16,16"]) == 0
    assert served[0].startswith("session:")


def test_data_given_by_word_replaces_the_samples_own(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Subject] = []
    monkeypatch.setattr(serving, "run", lambda _workspace, subject, **_: served.append(subject))
    assert main(["sample:vgg", "--data", "digits-sequence"]) == 0
    assert main(["sample:vgg"]) == 0
    assert [subject.data.word for subject in served if subject.data] == ["digits-sequence", "digits"]
    assert served[0].source.startswith("session:")  # its name alone would not bring the data back


def test_shapes_are_sizes_with_commas() -> None:
    assert input_shape("1,3,224,224") == (1, 3, 224, 224)


@pytest.mark.parametrize("text", ["", "1,x", "0,3", "3x224"])
def test_what_is_no_shape_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["trace", "sample:vgg", "--input", text])
    assert "no shape" in capsys.readouterr().err


def test_tables_put_numbers_to_the_right() -> None:
    assert table(("name", "n"), [("a", "7"), ("bcdef", "12")]) == ["  name    n", "  a       7", "  bcdef  12"]
