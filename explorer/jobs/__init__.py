"""Background work: small jobs in the server's own process, the latest of each owner first, results kept on disk."""

from explorer.jobs.latency import Latency, measure_latency
from explorer.jobs.measure import Measurement, measure
from explorer.jobs.progress import JobCancelledError, Progress
from explorer.jobs.queue import Job, JobQueue

__all__ = ["Job", "JobCancelledError", "JobQueue", "Latency", "Measurement", "Progress", "measure", "measure_latency"]
