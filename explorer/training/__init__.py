"""Data, accuracy on it, and training: fine-tuning, sparse training, sensitivity."""

from explorer.training.data import Dataset, Split, digits, hold_out, open_data
from explorer.training.evaluate import Evaluation, evaluate
from explorer.training.finetune import finetune, recalibrate
from explorer.training.loop import Epoch, Progress, Training
from explorer.training.sensitivity import Estimate, Point, Sensitivity, measure_point, sensitivity
from explorer.training.settings import OPTIMIZERS, SCHEDULES, TrainingSettings
from explorer.training.sparsify import REGULARISERS, SparseTraining, sparsify

__all__ = [
    "OPTIMIZERS",
    "REGULARISERS",
    "SCHEDULES",
    "Dataset",
    "Epoch",
    "Estimate",
    "Evaluation",
    "Point",
    "Progress",
    "Sensitivity",
    "SparseTraining",
    "Split",
    "Training",
    "TrainingSettings",
    "digits",
    "evaluate",
    "finetune",
    "hold_out",
    "measure_point",
    "open_data",
    "recalibrate",
    "sensitivity",
    "sparsify",
]
