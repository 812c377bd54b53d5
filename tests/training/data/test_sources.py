"""What a word may be."""

from __future__ import annotations

import pytest

from explorer.engine.errors import DataError
from explorer.training.data import SOURCES, open_data


def test_the_table_says_how_each_word_is_written() -> None:
    assert [source.form for source in SOURCES.values()] == [
        "digits",
        "digits-sequence",
        "digits-points",
        "digits-graph",
        "cifar10:DIR",
        "imagefolder:DIR",
    ]


@pytest.mark.parametrize("word", ["", "mnist", "digits-words", "mnist:folder", "data.py"])
def test_an_unknown_word_lists_all_words(word: str) -> None:
    with pytest.raises(DataError, match=r"names no data\. Write digits, .*, imagefolder:DIR or path/to/file\.py:fact"):
        open_data(word)


@pytest.mark.parametrize(
    ("word", "form"), [("cifar10", "cifar10:DIR"), ("cifar10:", "cifar10:DIR"), ("digits:x", "digits")]
)
def test_a_word_in_another_form_is_corrected(word: str, form: str) -> None:
    with pytest.raises(DataError, match=rf"Write {form}\."):
        open_data(word)


def test_code_runs_only_where_it_is_trusted() -> None:
    with pytest.raises(DataError, match=r"would run the code in data\.py, which is allowed from the command line only"):
        open_data("some/data.py:build")
