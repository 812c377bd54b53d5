"""Addresses of brokers, and what is said of those that cannot be used."""

from __future__ import annotations

import builtins
import subprocess
import sys
from typing import Any

import pytest

from explorer.__main__ import main
from explorer.jobs.connecting import BrokerError, broker_url, connect, shown_url

NOBODY = "redis://:secret@127.0.0.1:9/0"  # a port that nothing listens on


@pytest.mark.parametrize(
    "url", ["redis://host", "redis://:word@host:6379/0", "rediss://me:word@host:1/2?ssl_cert_reqs=none"]
)
def test_addresses_of_redis_servers_are_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_BROKER", url)
    assert broker_url(url) == broker_url("env:OUR_BROKER") == url
    assert "word" not in shown_url(url)


@pytest.mark.parametrize(
    "url", ["amqp://me:secret@host", "localhost:6379", "redis://", "redis://me:secret@host:port", ""]
)
def test_other_addresses_are_refused_without_telling_them(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_BROKER", url)
    with pytest.raises(BrokerError, match=r"^--broker holds no address of a Redis server. Write redis://HOST:PORT/DB"):
        broker_url(url)
    with pytest.raises(BrokerError, match="variable OUR_BROKER holds no address") as refused:
        broker_url("env:OUR_BROKER")
    assert "secret" not in str(refused.value)


def test_a_broker_that_is_not_there_is_said_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["serve", "--no-browser", "--port", "0"], ["sensitivity"]):
        assert main([*command, "--broker", NOBODY]) == 2
        said = capsys.readouterr().err
        assert "The broker at redis://127.0.0.1:9/0 does not answer: " in said
        assert "refused" in said
        assert "secret" not in said


def test_missing_packages_are_named_with_the_way_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_celery(name: str, *rest: Any) -> Any:
        if name == "celery":
            raise ModuleNotFoundError("No module named 'celery'", name="celery")
        return real(name, *rest)

    for name in ("explorer.jobs.workers", "explorer.jobs.celery"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(builtins, "__import__", without_celery)
    with pytest.raises(BrokerError, match=r"celery is not installed\. Install them: .* celery redis$"):
        connect(NOBODY)


def test_without_a_broker_neither_celery_nor_redis_is_imported() -> None:
    script = "import sys, explorer.app, explorer.jobs; print({'celery', 'kombu', 'redis'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"


def test_a_model_that_workers_do_not_know_is_swept_here_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sensitivity", "sample:lstm", "--groups", "embed", "--ratios", "0.5", "--broker", NOBODY]
    assert main([*asked, "--input", "2,8,8"]) == 0
    assert capsys.readouterr().err.startswith("measured on this machine: workers open models by name alone")
