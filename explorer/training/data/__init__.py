"""Data by one word: samples in three parts, and the table of what the word may be."""

from explorer.training.data.digits import digits
from explorer.training.data.sources import SOURCES, DataSource, open_data, without_data
from explorer.training.data.split import Dataset, Split, hold_out, three_parts

__all__ = [
    "SOURCES",
    "DataSource",
    "Dataset",
    "Split",
    "digits",
    "hold_out",
    "open_data",
    "three_parts",
    "without_data",
]
