"""Background work: the latest of each owner first, in this process or on workers, results kept on disk.

By default one thread of the server does everything. Where a broker is named, tasks of models that have a name go to
workers, on any number of machines: `celery -A explorer.jobs -b redis://HOST:PORT/DB worker`. See docs/jobs.md.
"""

from explorer.jobs.connecting import BrokerError, connect
from explorer.jobs.latency import Latency, measure_latency
from explorer.jobs.measure import Measurement, measure
from explorer.jobs.progress import JobCancelledError, Progress
from explorer.jobs.queue import Job, JobQueue
from explorer.jobs.tasks import Task, reason_to_stay

__all__ = [
    "BrokerError",
    "Job",
    "JobCancelledError",
    "JobQueue",
    "Latency",
    "Measurement",
    "Progress",
    "Task",
    "connect",
    "measure",
    "measure_latency",
    "reason_to_stay",
]
