"""The models that one server holds: opened by name, or handed in and known by an opaque id."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.engine.errors import ModelSourceError, PlanError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, Recipe, start
from explorer.jobs import JobQueue
from explorer.models import OpenedModel, SampleSource, list_sources, open_model, parse_source
from explorer.models.tracing import trace_opened
from explorer.training.data import Split, digits

MODELS_KEPT = 8
OPAQUE = "session:"


@dataclass(frozen=True, eq=False)
class Subject:
    """A model on the screen.

    Attributes:
        source: What names it in a recipe: a source that anybody can open, or an opaque id.
        title: What it is called on screen.
        graph: Its dependency graph.
        notes: What to know before trusting a number.
        data: Labelled samples that it can be measured on; None where there are none.
        card: How it was trained; None where that is unknown.
    """

    source: str
    title: str
    graph: DependencyGraph
    notes: tuple[str, ...] = ()
    data: Split | None = None
    card: Mapping[str, Any] | None = None


class Workspace:
    """Opened models, shared by every page of one server, and the queue that measures them.

    Args:
        jobs: Where measuring happens; a queue of its own by default.
    """

    def __init__(self, jobs: JobQueue | None = None) -> None:
        self.jobs = jobs or JobQueue()
        self._own: dict[str, Subject] = {}
        self._named: OrderedDict[str, Subject] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, graph: DependencyGraph, opened: OpenedModel | None = None, *, is_as_named: bool = True) -> Subject:
        """Takes in a model that came from the command line or from memory.

        Args:
            graph: Its dependency graph.
            opened: Where it came from, if it was opened here.
            is_as_named: Whether opening its source again gives this very model (no other weights, no other input).

        Returns:
            The model under its own name where a name is enough to open it again, else under a new opaque id.
        """
        if opened and opened.is_shareable and is_as_named:
            subject = _subject(opened.source, opened, graph)
            with self._lock:
                self._keep(subject)
            return subject
        title = opened.title if opened else graph.title
        source = OPAQUE + secrets.token_urlsafe(12)
        self._own[source] = Subject(source, title, graph, opened.notes if opened else ())
        return self._own[source]

    def open(self, source: str) -> Subject:
        """The model that `source` names, traced.

        Raises:
            ExplorerError: It cannot be opened or traced.
        """
        if source in self._own:
            return self._own[source]
        checked_name(source)
        with self._lock:
            if source not in self._named:
                opened = open_model(source)
                self._keep(_subject(source, opened, trace_opened(opened)))
            self._named.move_to_end(source)
            return self._named[source]

    def exploration(self, recipe: Mapping[str, Any]) -> Exploration:
        """The exploration that a recipe describes.

        Raises:
            ExplorerError: The recipe is none, its model cannot be opened, or it was made for another model.
        """
        read = Recipe.from_json(recipe)
        graph = self.open(read.source).graph
        if read.fingerprint and read.fingerprint != graph.fingerprint:
            raise PlanError(f"This recipe was made for another version of {read.source}. Open the model again.")
        return Exploration(graph, read)

    def begin(self, source: str) -> Exploration:
        """A new exploration of the model that `source` names."""
        return start(self.open(source).graph, source)

    def choices(self) -> list[dict[str, Any]]:
        """What the model picker offers, in groups."""
        own = [{"label": subject.title, "value": subject.source} for subject in self._own.values()]
        families = [
            {"group": family.title, "items": [{"label": _short(name), "value": name} for name in family.sources]}
            for family in list_sources()
        ]
        return ([{"group": "This session", "items": own}] if own else []) + families

    def _keep(self, subject: Subject) -> None:
        self._named[subject.source] = subject
        while len(self._named) > MODELS_KEPT:
            self._named.popitem(last=False)


def checked_name(source: str) -> None:
    """Refuses what a page must not open: only names do, never a path.

    Raises:
        ModelSourceError: `source` is no ``sample:`` and no ``torchvision:`` name.
    """
    if not source.startswith(("sample:", "torchvision:")):
        shown = "a model of an earlier session" if source.startswith(OPAQUE) else f"'{source}'"
        raise ModelSourceError(
            f"The page asked for {shown}, which cannot be opened from here. Choose a sample or torchvision model, or "
            "start the explorer with your model: python -m explorer path/to/file.py:factory"
        )


def _subject(source: str, opened: OpenedModel, graph: DependencyGraph) -> Subject:
    is_sample = isinstance(parse_source(opened.source), SampleSource) and opened.card is not None
    data = digits().test if is_sample else None
    return Subject(source, opened.title, graph, opened.notes, data, opened.card)


def _short(source: str) -> str:
    return source.partition(":")[2]
