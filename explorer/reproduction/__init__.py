"""The paper's experiments, run again: what is compared (a table), the runs, their records, and the report of them."""

from explorer.reproduction.experiments import EXPERIMENTS, METHODS, Experiment, Method, experiments_for, quick
from explorer.reproduction.records import Record, read_records
from explorer.reproduction.report import write_report
from explorer.reproduction.running import Case, Step, cases_of, reproduce

__all__ = [
    "EXPERIMENTS",
    "METHODS",
    "Case",
    "Experiment",
    "Method",
    "Record",
    "Step",
    "cases_of",
    "experiments_for",
    "quick",
    "read_records",
    "reproduce",
    "write_report",
]
