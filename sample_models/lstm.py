"""Gates: a hidden unit is one row of each of the four gates, a column of the recurrent weight and of the next layer's.

A recurrent classifier after Hochreiter and Schmidhuber, Long Short-Term Memory (1997), that reads the 8x8 images of
scikit-learn's digits row by row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):
    """An embedding of each row, two LSTM layers, and a linear classifier on the last state."""

    def __init__(self, hidden_size: int = 64, num_classes: int = 10) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 32)
        self.lstm = nn.LSTM(32, hidden_size, num_layers=2, batch_first=True, dropout=0.2)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(hidden_size, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of shape (B, num_classes) for sequences of shape (B, 8, 8): steps, then pixels."""
        states, _ = self.lstm(torch.relu(self.embed(x)))
        scores: Tensor = self.classifier(self.dropout(states[:, -1]))
        return scores


def build() -> LSTMClassifier:
    """The model with freshly initialised weights."""
    return LSTMClassifier()


def example_inputs() -> tuple[Tensor]:
    """One sequence of standard normal noise, always the same, shape (1, 8, 8)."""
    return (torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(0)),)
