"""Background work: the latest of each owner first, in this process or on workers, results kept on disk.

By default one thread of the server does everything. Where a broker is named, tasks of models that have a name go to
workers, on any number of machines: `celery -A explorer.jobs -b redis://HOST:PORT/DB worker`. See docs/jobs.md.
"""

from explorer.jobs.connecting import BrokerError, connect
from explorer.jobs.gradients import KnownGradients, measure_gradients
from explorer.jobs.latency import Latency, find_latency, measure_latency
from explorer.jobs.measure import Measurement, measure
from explorer.jobs.progress import JobCancelledError, Progress
from explorer.jobs.queue import Job, JobQueue
from explorer.jobs.recover import recover
from explorer.jobs.sensitivities import ranking_alone, sensitivity_from_json, sensitivity_to_json, sweep
from explorer.jobs.shelves import Shelves
from explorer.jobs.sparse import train_sparse
from explorer.jobs.tasks import Task, reason_to_stay
from explorer.jobs.tensors import TensorStore

__all__ = [
    "BrokerError",
    "Job",
    "JobCancelledError",
    "JobQueue",
    "KnownGradients",
    "Latency",
    "Measurement",
    "Progress",
    "Shelves",
    "Task",
    "TensorStore",
    "connect",
    "find_latency",
    "measure",
    "measure_gradients",
    "measure_latency",
    "ranking_alone",
    "reason_to_stay",
    "recover",
    "sensitivity_from_json",
    "sensitivity_to_json",
    "sweep",
    "train_sparse",
]
