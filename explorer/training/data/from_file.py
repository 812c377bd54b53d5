"""Data that a function in a Python file of the user's returns."""

from __future__ import annotations

from pathlib import Path

from explorer.code_file import call_factory
from explorer.engine.errors import DataError
from explorer.training.data.in_memory import FORMS, data_in_memory
from explorer.training.data.split import Dataset


def data_from_file(path: Path, factory: str) -> Dataset:
    """The data that the function `factory` of the file returns, in one of the forms that `data_in_memory` takes.

    Raises:
        DataError: If the file or function fails, or returns something else.
    """
    word = f"{path}:{factory}"
    returned = call_factory(path, factory, FORMS, DataError)
    return data_in_memory(returned, word=word, title=f"{factory} ({path.name})", what=f"data that '{word}' returned")
