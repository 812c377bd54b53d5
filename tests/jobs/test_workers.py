"""Jobs on real workers behind a real Redis server: the same results, progress, cancelling, and workers that die."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
import torch

from explorer.__main__ import main
from explorer.app import serving
from explorer.app.panels import totals
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import Exploration, set_ratio, start
from explorer.jobs import BrokerError, JobCancelledError, JobQueue, Progress, Shelves, Task, connect, measure
from explorer.jobs import workers as workers_module
from explorer.jobs.broker import MOST_TRIES, Answer, Board
from explorer.jobs.celery import celery_app, has_workers, work
from explorer.jobs.connecting import shown_url
from explorer.jobs.tasks import message_key
from explorer.jobs.versions import versions
from explorer.jobs.workers import WorkerError, Workers
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from explorer.training import Dataset, open_data
from tests.jobs.farm import Farm, farm, kill, wait_until


@pytest.fixture(autouse=True)
def _as_many_threads_as_a_worker(_same_start: None) -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with farm(tmp_path_factory.mktemp("farm"), ("one", "two")) as made:
        yield made


@pytest.fixture(scope="module")
def workers(broker: Farm) -> Iterator[Workers]:
    with closing(connect(broker.url)) as made:
        yield made


@pytest.fixture(scope="module")
def board(broker: Farm) -> Iterator[Board]:
    with closing(Board(broker.url)) as made:
        yield made


@pytest.fixture(scope="module")
def exploration() -> Exploration:
    return set_ratio(start(trace_opened(open_model("sample:vgg"))), "features.3", 0.5)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return open_data("digits")


class Background(Thread):
    """A task that workers do while the test goes on."""

    def __init__(self, workers: Workers, task: Task) -> None:
        super().__init__(daemon=True)
        self._workers, self._task = workers, task
        self.outcome: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self._workers.run(self._task)
        except (ExplorerError, JobCancelledError) as error:
            self.outcome = error

    def result(self) -> Any:
        self.join(30)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def holding(folder: Path, exploration: Exploration, **more: Any) -> Task:
    folder.mkdir()
    return Task("hold", exploration, options={"folder": str(folder)}, **more)


def at_work(folder: Path) -> list[int]:
    """Process numbers of the workers that have begun a task that `holding` made."""
    return [int(path.name.removeprefix("worker-")) for path in folder.glob("worker-*")]


def test_a_measurement_is_the_same_as_here_and_known_when_it_is_asked_for_again(
    workers: Workers, board: Board, exploration: Exploration, data: Dataset
) -> None:
    task = Task("measure", exploration, data)
    found = workers.run(task)
    assert found | {"seconds": 0} == task() | {"seconds": 0}
    assert found["accuracy"] < found["before"]
    assert found["is_proven"]
    assert board.known(message_key(task.to_message() | {"versions": versions()})) == found
    assert workers.run(task) == found  # to the time that it took


def test_a_sweep_spreads_over_workers_and_gives_exactly_what_one_process_does(
    broker: Farm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["sensitivity", "sample:lstm", "--ratios", "0.5,0.9", "--importance", "taylor"]
    assert main([*asked, "--out", str(tmp_path / "here.json")]) == 0
    here = capsys.readouterr().out
    assert main([*asked, "--out", str(tmp_path / "there.json"), "--broker", broker.url]) == 0
    assert capsys.readouterr().out == here
    written = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("here", "there")]
    for sweep in written:
        sweep["points"].sort(key=lambda point: (point["group"], point["ratio"]))
    assert written[0] == written[1]
    assert len(written[1]["points"]) == 4


def test_a_sweep_of_the_app_spreads_over_workers_and_can_be_stopped(
    broker: Farm, workers: Workers, tmp_path: Path
) -> None:
    asked, data = start(trace_opened(open_model("sample:lstm"))), open_data("digits-sequence")
    alone = Task("sensitivity", asked, data)
    shelf = Shelves(tmp_path).shelf(alone)
    spread = replace(alone, progress=Progress(shelf))
    with closing(JobQueue(elsewhere=connect(broker.url))) as queue:
        queue.ask("me", "sweep", spread)
        wait_until(lambda: queue.job("me", "sweep").state == "done")
        assert queue.job("me", "sweep").result == json.loads(json.dumps(alone()))
    assert len(json.loads(shelf.read() or b"")["points"]) == 10
    shelf.clear()
    spread.progress.cancel()
    with pytest.raises(JobCancelledError):
        workers.run(spread)


def test_a_server_with_a_broker_lets_workers_measure(
    broker: Farm, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[Workspace, Subject]] = []
    monkeypatch.setattr(serving, "run", lambda workspace, subject, **_: served.append((workspace, subject)))
    monkeypatch.setenv("OUR_BROKER", broker.url)
    assert main(["sample:vgg", "--broker", "env:OUR_BROKER"]) == 0
    [(workspace, subject)] = served
    asked = set_ratio(start(subject.graph), "features.0", 0.5)
    done = broker.logs().count("succeeded")
    totals.ask(workspace, asked, "page", is_asked=False)
    wait_until(lambda: workspace.jobs.job("page", totals.job_key(asked)).state == "done")
    found = workspace.jobs.job("page", totals.job_key(asked)).result
    assert found is not None
    assert found | {"seconds": 0} == measure(asked, data.test).to_json() | {"seconds": 0}
    wait_until(lambda: broker.logs().count("succeeded") > done)
    workspace.close()


def test_the_work_of_a_killed_worker_is_taken_up_by_another(
    broker: Farm, workers: Workers, exploration: Exploration, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    job = Background(workers, holding(folder, exploration))
    wait_until(lambda: at_work(folder))
    [first] = at_work(folder)
    by_pid = {process.pid: process for process in broker.workers.values()}
    kill(by_pid.pop(first))
    wait_until(lambda: len(at_work(folder)) == 2)
    [(second, _)] = by_pid.items()
    assert set(at_work(folder)) == {first, second}
    (folder / "go").touch()
    assert job.result() == {"is_whole": True}


def test_a_queue_shows_what_a_worker_has_so_far_and_keeps_it_when_it_is_cancelled(
    broker: Farm, exploration: Exploration, tmp_path: Path
) -> None:
    folder, key = tmp_path / "cancelled", "hold"
    with closing(JobQueue(elsewhere=connect(broker.url))) as queue:
        queue.ask("me", key, holding(folder, exploration))
        wait_until(lambda: queue.job("me", key).fraction)
        job = queue.job("me", key)
        assert (job.state, job.fraction, job.partial) == ("running", 0.5, {"seen": [1, 2]})
        assert queue.job("you", key).state == "gone"
        queue.cancel("me")
        wait_until(lambda: queue.job("me", key).state == "done")
        assert queue.job("me", key).result == {"is_whole": False}


def test_a_server_that_stops_waits_for_no_worker_and_the_worker_stops_too(
    broker: Farm, exploration: Exploration, tmp_path: Path
) -> None:
    folder = tmp_path / "stopped"
    queue = JobQueue(elsewhere=connect(broker.url))
    queue.ask("me", "hold", holding(folder, exploration))
    wait_until(lambda: at_work(folder))
    queue.close()
    with closing(redis.Redis.from_url(broker.url)) as client:
        wait_until(lambda: not list(client.scan_iter("explorer:life:*")))


def test_tensors_come_back_and_what_was_cut_short_is_not_taken_for_the_result(
    workers: Workers, exploration: Exploration, tmp_path: Path
) -> None:
    kept: list[bytes] = []
    task = holding(tmp_path / "held", exploration, keep=kept.append)
    task.progress.cancel()
    with pytest.raises(JobCancelledError):
        workers.run(task)
    (tmp_path / "held" / "go").touch()
    assert workers.run(Task("hold", exploration, options=task.options, keep=kept.append)) == {"is_whole": True}
    assert kept == [b"tensors"]


def test_those_who_ask_alike_know_nothing_of_each_other(
    broker: Farm, workers: Workers, exploration: Exploration, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    mine = holding(folder, exploration)
    job = Background(workers, mine)
    yours = Task("hold", exploration, options=mine.options)
    other = Background(workers, yours)
    wait_until(lambda: at_work(folder))
    yours.progress.cancel()
    with pytest.raises(JobCancelledError):
        other.result()
    (folder / "go").touch()
    assert job.result() == {"is_whole": True}


def test_a_worker_with_other_code_says_so(
    workers: Workers, exploration: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = versions() | {"explorer": "0.0.9 (abcdef00)"}
    monkeypatch.setattr(workers_module, "versions", lambda: older)
    with pytest.raises(WorkerError, match=r"runs explorer 0\.\d.*asks it runs explorer 0\.0\.9 \(abcdef00\).*install"):
        workers.run(Task("measure", exploration))


def test_what_goes_wrong_is_told_in_words_and_the_rest_is_in_the_workers_log(
    broker: Farm, workers: Workers, exploration: Exploration
) -> None:
    with pytest.raises(WorkerError, match="There is no task 'dance'; there are measure,"):
        workers.run(Task("dance", exploration))
    with pytest.raises(WorkerError, match=r"The log of the worker \w+@farm says more"):
        workers.run(Task("break_down", exploration))
    assert "ZeroDivisionError" in broker.logs()


def test_a_task_that_kills_its_workers_is_given_up(board: Board, exploration: Exploration) -> None:
    message = Task("measure", exploration).to_message() | {"versions": versions()}
    board.want(["deadly"])
    for number in range(1, MOST_TRIES + 1):
        assert board.begin("deadly") == number
        board._redis.delete("explorer:life:deadly")  # as if that worker were lost
    work(board, "deadly", message, "me")
    ended = board.wait(["deadly"], 1)
    assert ended is not None
    assert "3 workers were lost over this task" in ended[1].error


def test_a_run_has_one_worker_at_a_time_and_none_where_nobody_waits(board: Board) -> None:
    assert board.begin("unwanted") == 0
    board.want(["wanted"])
    assert board.begin("wanted") == 1
    assert board.begin("wanted") == 0
    assert board.live("wanted", {"fraction": 0.5, "partial": None})
    board.leave(["wanted"])
    assert not board.live("wanted", {"fraction": 0.6, "partial": None})
    board.want(["wanted"])
    board.end("wanted", Answer({"value": 1}))
    assert board.begin("wanted") == 0  # a second message for it, which came late


def test_where_no_worker_is_that_is_said(
    broker: Farm, exploration: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "PATIENCE_SECONDS", 0.1)
    empty = broker.url.removesuffix("/0") + "/1"
    assert has_workers(celery_app(broker.url))
    with closing(connect(empty)) as nobody, pytest.raises(BrokerError, match=r"no workers at redis://127.*worker; or"):
        nobody.run(Task("measure", exploration))


def test_a_broker_that_refuses_is_an_error_without_its_password(broker: Farm) -> None:
    wrong = broker.url.replace(broker.password, "guessed")
    with pytest.raises(BrokerError, match=f"{shown_url(wrong)} does not answer: .*Start a Redis server") as refused:
        connect(wrong)
    assert "guessed" not in str(refused.value)


def test_everything_expires_and_no_log_tells_the_password(broker: Farm) -> None:
    with closing(redis.Redis.from_url(broker.url)) as client:
        ours = [name for name in client.scan_iter("explorer:*") if not name.startswith(b"explorer:celery:")]
        assert ours
        assert all(client.ttl(name) > 0 for name in ours)
    assert broker.password not in broker.logs()
