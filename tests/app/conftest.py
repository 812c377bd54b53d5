"""The trained sample model, opened once: what the panels are tested on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from explorer.app.workspace import Subject, Workspace
from explorer.exploration import Exploration, start


@pytest.fixture(scope="session")
def workspace() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.close()


@pytest.fixture(scope="session")
def subject(workspace: Workspace) -> Subject:
    return workspace.open("sample:resnet20")


@pytest.fixture
def exploration(subject: Subject) -> Exploration:
    return start(subject.graph, subject.source)
