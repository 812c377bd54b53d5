"""Data to measure on, and the measurements themselves."""

from explorer.training.data import Dataset, Split, digits, hold_out
from explorer.training.evaluate import Evaluation, evaluate

__all__ = ["Dataset", "Evaluation", "Split", "digits", "evaluate", "hold_out"]
