"""From the address of a broker to the workers behind it. Celery and redis are imported here, when somebody asks."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from explorer.engine.errors import ExplorerError

if TYPE_CHECKING:
    from explorer.jobs.workers import Workers

_ADDRESS = re.compile(r"rediss?://([^/@]*@)?[^/@:]+(:\d+)?(/\d*)?(\?.*)?")
_PACKAGES = ("celery", "redis")


class BrokerError(ExplorerError):
    """A broker that cannot be used, or no worker behind it."""


def connect(broker: str) -> Workers:
    """The workers behind a broker.

    Args:
        broker: As `broker_url` takes it.

    Raises:
        BrokerError: It is no address, nothing answers there, or a package is missing.
    """
    url = broker_url(broker)
    try:
        from explorer.jobs.workers import Workers
    except ModuleNotFoundError as error:
        if error.name not in _PACKAGES:
            raise
        raise BrokerError(
            f"--broker needs the packages {' and '.join(_PACKAGES)}, and {error.name} is not installed. Install them: "
            f"python -m pip install {' '.join(_PACKAGES)}"
        ) from error
    return Workers(url)


def broker_url(text: str) -> str:
    """The address of a broker.

    Args:
        text: ``redis://HOST:PORT/DB``, ``rediss://`` for TLS, or ``env:NAME`` for an environment variable that holds
            it. What stands on a command line can be read by everybody on the machine, a password in it too.

    Raises:
        BrokerError: It is none.
    """
    name = text.removeprefix("env:")
    url = os.environ.get(name, "") if name != text else text
    if not _ADDRESS.fullmatch(url):
        said = f"The environment variable {name}" if name != text else "--broker"
        raise BrokerError(
            f"{said} holds no address of a Redis server. Write redis://HOST:PORT/DB, or rediss:// for TLS."
        )
    return url


def shown_url(url: str) -> str:
    """The address of a broker without what is secret in it.

    >>> shown_url("redis://me:secret@example.org:6379/0?password=secret")
    'redis://example.org:6379/0'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
