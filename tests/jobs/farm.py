"""A real Redis server with a password, and real workers, for tests that nobody else notices."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

ROOT = Path(__file__).parents[2]
SERVER = shutil.which(os.environ.get("EXPLORER_REDIS", "redis-server")) or shutil.which("valkey-server")
START_SECONDS = 60
UNTIL_THE_TESTS_END = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1  # the kernel kills this process when the one that started it ends, however that ends
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass
class Farm:
    """A broker and its workers.

    Attributes:
        url: Address of the broker, with its password.
        folder: Private to this farm: logs, and what the tasks of `farm_tasks` leave.
        workers: Processes by name; each leads a session of its own.
    """

    url: str
    folder: Path
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def password(self) -> str:
        """What lets one in."""
        return self.url.partition("@")[0].rpartition(":")[2]

    def logs(self) -> str:
        """All that was written by the server and the workers."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


def wait_until(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    """Returns once it is so; fails after some seconds."""
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit, "it never came true"
        threading.Event().wait(0.02)


@contextmanager
def farm(folder: Path, names: tuple[str, ...]) -> Iterator[Farm]:
    """A broker on a free port with workers of some names, all gone afterwards."""
    if SERVER is None:
        missing = "there is no redis-server: sudo apt-get install redis-server, or `make test`, which does it"
        (pytest.fail if "CI" in os.environ else pytest.skip)(missing)
    with ExitStack() as stack:
        made = Farm(stack.enter_context(_server(folder)), folder)
        for name in names:
            made.workers[name] = stack.enter_context(_worker(made, name))
        for name in names:
            log = folder / f"{name}.log"
            wait_until(lambda log=log: " ready." in log.read_text(), START_SECONDS)  # type: ignore[misc]
        yield made


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = secrets.token_hex(8)
    (folder / "redis.conf").write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\nsave ''\nappendonly no\n"
    )
    with _process(folder / "redis.log", str(SERVER), str(folder / "redis.conf")):
        client = redis.Redis(port=port, password=password)
        wait_until(lambda: _answers(client))
        client.close()
        yield f"redis://:{password}@127.0.0.1:{port}/0"


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextmanager
def _worker(made: Farm, name: str) -> Iterator[subprocess.Popen[bytes]]:
    celery = [sys.executable, "-m", "celery", "-A", "explorer.jobs"]
    options = ["-c", "1", "-n", f"{name}@farm", "-I", "tests.jobs.farm_tasks", "-l", "INFO", "--without-mingle"]
    with _process(made.folder / f"{name}.log", *celery, "worker", *options, CELERY_BROKER_URL=made.url) as process:
        yield process


@contextmanager
def _process(log: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    shared = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", UNTIL_THE_TESTS_END, *command],
            cwd=ROOT,
            env=shared | environment,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and those that it started, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
