"""The example notebook runs from the first cell to the last, and shows what it says."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def written() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """The notebook with the outputs of a run in an empty folder; a cell that raises fails it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder), "TMPDIR": str(folder)}
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return notebook


def html_of(notebook: NotebookNode, cell: str) -> str:
    """The HTML that a cell shows as its value."""
    outputs = next(found.outputs for found in notebook.cells if found.id == cell)
    (value,) = (output.data for output in outputs if output.output_type == "execute_result")
    return value["text/html"]


def test_no_output_is_kept_in_the_file(written: NotebookNode) -> None:
    nbformat.validate(written)
    code = [cell for cell in written.cells if cell.cell_type == "code"]
    assert len(code) >= 6
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("trace", "ResNet-20"),
        ("group", "layer1.2.conv2.weight"),
        ("plan", "12 of 12 groups lose channels"),
        ("ratios", "2 of 12 groups lose channels"),
        ("target", "Multiply-adds"),
        ("show", "<iframe src="),
    ],
)
def test_each_object_shows_itself(run: NotebookNode, cell: str, shown: str) -> None:
    assert shown in html_of(run, cell)


def test_nothing_is_written_to_the_error_stream(run: NotebookNode) -> None:
    outputs = [output for cell in run.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
