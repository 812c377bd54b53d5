"""Background work: small jobs in the server's own process, the latest of each owner first, results kept on disk."""

from explorer.jobs.measure import Measurement, measure
from explorer.jobs.queue import Job, JobQueue

__all__ = ["Job", "JobQueue", "Measurement", "measure"]
