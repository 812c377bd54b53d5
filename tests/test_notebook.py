"""The example notebook runs as it stands, and shows groups, plans and the app as HTML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "docs" / "explorer.ipynb"


@pytest.mark.filterwarnings("default")  # of Jupyter's own event loops and sockets
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "the notebook is kept without outputs"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = {cell["id"]: cell for cell in notebook.cells}

    def shown(cell: str, kind: str) -> str:
        outputs: list[Any] = cells[cell]["outputs"]
        return "".join(out.get("data", {}).get(kind, "") or out.get("text", "") for out in outputs)

    assert "<b>layer1.0.conv1</b>: 16 channels, 6 coupled tensors" in shown("group", "text/html")
    assert "12 of 12 groups lose channels" in shown("plan", "text/html")
    assert "pruned = zeroed" in shown("apply", "text/plain")
    assert shown("back", "text/plain").startswith("equal")
    assert "README.md" in shown("save", "text/plain")
    assert "<iframe" in shown("show", "text/html")
