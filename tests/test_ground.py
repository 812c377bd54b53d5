"""What the project stands on: requirements with reasons, honest imports, portable files, scripts that explain."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
OUR_PACKAGES = {"explorer", "sample_models"}
DASH_IS_MADE_OF = {"flask", "werkzeug"}  # `Dash.server` is a Flask application: part of Dash's own interface
ENGINE_MAY_IMPORT = {"torch", "numpy", "scipy", "safetensors", "explorer"}
UNREAD_SUFFIXES = {".safetensors", ".png", ".ico", ".woff2", ".pyc"}

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines}

each_list = pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]


def imported_by(folder: Path) -> set[str]:
    """Top-level names that the Python files below `folder` import from elsewhere than the standard library."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def our_files() -> Iterator[Path]:
    """Every text file of the project, tools' own folders left out."""
    for entry in ROOT.iterdir():
        is_ours = not entry.name.startswith(".") or entry.name == ".ci"
        if entry.is_dir() and is_ours and not entry.name.endswith(".egg-info"):
            yield from (path for path in entry.rglob("*") if path.is_file() and path.suffix not in UNREAD_SUFFIXES)
        elif entry.is_file() and not entry.name.startswith(".coverage"):
            yield entry


@each_list
def test_each_requirement_has_its_reason_above_it(name: str):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    for above, line in pairwise(lines):
        if line and not line.startswith("#"):
            assert re.fullmatch(r"# \S.{15,}", above), f"{name}: {line} has no reason"


@each_list
def test_each_requirement_has_a_lower_bound_that_is_met_and_no_upper_one(name: str):
    for requirement in requirements(name):
        assert [bound.operator for bound in requirement.specifier] == [">="], requirement
        assert metadata.version(requirement.name) in requirement.specifier


def test_everything_that_is_imported_is_required():
    distributions = metadata.packages_distributions()
    required = {requirement.name for requirement in (*requirements("requirements.txt"), *EXTRAS)}
    required |= DASH_IS_MADE_OF & {Requirement(line).name.lower() for line in metadata.requires("dash") or ()}
    for package in OUR_PACKAGES:
        for name in imported_by(ROOT / package) - OUR_PACKAGES:
            owners = {owner.lower().replace("_", "-") for owner in distributions[name]}
            assert owners & required, f"{package} imports {name}, which requirements.txt does not list"


def test_extras_are_what_the_tests_run_with():
    assert set(requirements("requirements-dev.txt")) >= EXTRAS


def test_engine_imports_nothing_but_its_four_libraries():
    assert imported_by(ROOT / "explorer" / "engine") <= ENGINE_MAY_IMPORT


def test_console_command_exists():
    module, _, function = PROJECT["scripts"]["explorer"].partition(":")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_file_names_a_machine_or_a_registry():
    # put together from pieces, so that this file does not hold them
    private = "|".join(
        ("/" + "root/", "/" + r"home/\w+/", "/" + r"Users/\w+/", "/" + "work/", "pypi" + r"\.org", "python" + "hosted")
    )
    guilty = [path for path in our_files() if re.search(private, path.read_text(encoding="utf-8"))]
    assert not guilty


@pytest.mark.parametrize("script", ["run", "browser", "install", "redis"])
def test_scripts_are_executable_and_parse(script: str):
    path = ROOT / ".ci" / script
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True)


def find(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script of .ci where only the programs in `folder` exist, none of which can install anything."""
    bash = shutil.which("bash")
    assert bash is not None
    (folder / "cat").symlink_to(str(shutil.which("cat")))
    return subprocess.run(
        [bash, ROOT / ".ci" / script],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": str(folder)} | environment,
    )


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_a_browser_on_the_path_is_found(tmp_path: Path, name: str):
    browser = program(tmp_path, name)
    found = find("browser", tmp_path)
    assert (found.returncode, found.stdout) == (0, f"{browser}\n")


def test_the_browser_that_was_asked_for_comes_first(tmp_path: Path):
    program(tmp_path, "chromium")
    wanted = program(tmp_path, "my-browser")
    found = find("browser", tmp_path, EXPLORER_CHROMIUM=str(wanted))
    assert (found.returncode, found.stdout) == (0, f"{wanted}\n")


def test_a_browser_that_is_not_there_is_an_error_even_where_another_is(tmp_path: Path):
    program(tmp_path, "chromium")
    found = find("browser", tmp_path, EXPLORER_CHROMIUM=str(tmp_path / "absent"))
    assert found.returncode == 1
    assert "absent', which is no program" in found.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS keeps browsers off the PATH, so one may be found")
def test_without_a_browser_the_error_says_how_to_install_one(tmp_path: Path):
    found = find("browser", tmp_path)
    assert (found.returncode, found.stdout) == (1, "")
    assert "apt-get install chromium" in found.stderr
    assert "EXPLORER_CHROMIUM" in found.stderr


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_redis_server_on_the_path_is_found(tmp_path: Path, name: str):
    server = program(tmp_path, name)
    found = find("redis", tmp_path)
    assert (found.returncode, found.stdout) == (0, f"{server}\n")


def test_the_redis_server_that_was_asked_for_comes_first(tmp_path: Path):
    program(tmp_path, "redis-server")
    wanted = program(tmp_path, "my-redis")
    assert find("redis", tmp_path, EXPLORER_REDIS=str(wanted)).stdout == f"{wanted}\n"


def test_a_redis_server_that_is_not_there_is_an_error_even_where_another_is(tmp_path: Path):
    program(tmp_path, "redis-server")
    found = find("redis", tmp_path, EXPLORER_REDIS=str(tmp_path / "absent"))
    assert (found.returncode, found.stdout) == (1, "")
    assert "absent', which is no program" in found.stderr


def test_without_a_redis_server_the_error_says_how_to_install_one(tmp_path: Path):
    found = find("redis", tmp_path)
    assert (found.returncode, found.stdout) == (1, "")
    assert "apt-get install redis-server" in found.stderr
