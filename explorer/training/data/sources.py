"""The words that name data, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from explorer.engine.errors import DataError
from explorer.training.data.cifar import cifar10
from explorer.training.data.digits import digits, digits_graph, digits_points, digits_sequence
from explorer.training.data.from_file import data_from_file
from explorer.training.data.imagefolder import imagefolder
from explorer.training.data.split import Dataset


@dataclass(frozen=True, slots=True)
class DataSource:
    """Data that a word names.

    Attributes:
        word: What stands before the colon, or the whole word.
        argument: What stands after the colon, in capitals; empty where nothing does.
        title: What it is, in one line.
        read: Makes the dataset, from what stands after the colon.
    """

    word: str
    argument: str
    title: str
    read: Callable[[str], Dataset]

    @property
    def form(self) -> str:
        """How the word is written: `digits`, `cifar10:DIR`."""
        return f"{self.word}:{self.argument}" if self.argument else self.word


SOURCES: dict[str, DataSource] = {
    source.word: source
    for source in (
        DataSource("digits", "", "handwritten digits, images of 8x8", lambda _: digits()),
        DataSource("digits-sequence", "", "the digits row by row", lambda _: digits_sequence()),
        DataSource("digits-points", "", "the digits as point clouds", lambda _: digits_points()),
        DataSource("digits-graph", "", "the digits as a graph of near images", lambda _: digits_graph()),
        DataSource("cifar10", "DIR", "the folder with CIFAR-10's binary version", cifar10),
        DataSource("imagefolder", "DIR", "a folder with a folder of images for each class", imagefolder),
    )
}
"""Every word by what stands before its colon; `path/to/file.py:factory` is known by its ending."""

FORMS = ", ".join(source.form for source in SOURCES.values()) + " or path/to/file.py:factory"


def open_data(word: str, *, trust_code: bool = False) -> Dataset:
    """The data that `word` names, in train, validation and test parts.

        >>> len(open_data("digits").test)
        359

    Args:
        word: A row of `SOURCES`, or `path/to/file.py:factory`: a function that returns a dataset, a `DataLoader`, or
            train, validation and test ones.
        trust_code: Whether `path/to/file.py:factory`, which runs the file, is allowed.

    Raises:
        DataError: If the word names nothing, the data is not where it says or not what it says, or code is not trusted.
    """
    name, _, argument = word.strip().partition(":")
    source = SOURCES.get(name)
    if source and bool(argument) == bool(source.argument):
        return source.read(argument)
    if source:
        raise DataError(f"'{word}' is not how this data is named. Write {source.form}.")
    path, _, factory = word.strip().rpartition(":")  # from the right: a Windows path starts with a drive and a colon
    if not (path.endswith(".py") and factory.isidentifier()):
        raise DataError(f"'{word}' names no data. Write {FORMS}.")
    if not trust_code:
        raise DataError(
            f"'{word}' would run the code in {Path(path).name}, which is allowed from the command line only. "
            f"Start the explorer with it: --data {word}"
        )
    return data_from_file(Path(path), factory)


def without_data(what: str, title: str) -> str:
    """What is said where something cannot be done for lack of labelled data, and how to give some.

        >>> without_data("This needs labelled data", "Net")
        'This needs labelled data, and Net has none here. Name some with --data, as in --data imagefolder:DIR.'

    Args:
        what: What needs the data, as the beginning of a sentence.
        title: What the model is called.
    """
    return f"{what}, and {title} has none here. Name some with --data, as in --data imagefolder:DIR."
