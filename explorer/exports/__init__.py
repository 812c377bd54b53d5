"""Pruned models for elsewhere: one file per format, each checked by a fresh process before anybody gets it.

Every format stores numbers as numbers and structure as text; none needs pickle to write or to read. TorchScript is left
out: PyTorch deprecates it in favour of `torch.export`, which is here as ``pt2``.
"""

from explorer.exports.checking import TOLERANCE, Check
from explorer.exports.exporting import FORMATS, Exported, check_formats, estimates, export, refusals
from explorer.exports.format import Format
from explorer.exports.refusing import capture_refusal, is_doubtful

__all__ = [
    "FORMATS",
    "TOLERANCE",
    "Check",
    "Exported",
    "Format",
    "capture_refusal",
    "check_formats",
    "estimates",
    "export",
    "is_doubtful",
    "refusals",
]
