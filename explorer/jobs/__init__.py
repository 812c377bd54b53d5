"""Background work: jobs in the server's own process, the latest of each owner first, results kept on disk."""

from explorer.jobs.gradients import KnownGradients, measure_gradients
from explorer.jobs.latency import Latency, measure_latency
from explorer.jobs.measure import Measurement, measure
from explorer.jobs.progress import JobCancelledError, Progress
from explorer.jobs.queue import Job, JobQueue
from explorer.jobs.recover import recover
from explorer.jobs.sensitivities import sensitivity_from_json, sensitivity_to_json, sweep
from explorer.jobs.sparse import train_sparse
from explorer.jobs.tensors import TensorStore

__all__ = [
    "Job",
    "JobCancelledError",
    "JobQueue",
    "KnownGradients",
    "Latency",
    "Measurement",
    "Progress",
    "TensorStore",
    "measure",
    "measure_gradients",
    "measure_latency",
    "recover",
    "sensitivity_from_json",
    "sensitivity_to_json",
    "sweep",
    "train_sparse",
]
