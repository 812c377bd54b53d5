"""The models that one server holds: opened by name, or handed in and known by an opaque id."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from explorer.app.openings import Openings
from explorer.app.outline import Outline, outline
from explorer.engine.errors import ModelSourceError, PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.exploration import Exploration, Recipe, start
from explorer.exports import capture_refusal
from explorer.jobs import JobQueue, KnownGradients, Shelves, TensorStore
from explorer.models import OpenedModel, list_sources, open_model
from explorer.models.tracing import trace_opened
from explorer.training.data import Dataset, open_data

MODELS_KEPT = 8
UPLOADS_KEPT = 4
OPAQUE = "session:"


@dataclass(frozen=True, eq=False)
class Subject:
    """A model on the screen.

    Attributes:
        source: What names it in a recipe: a source that anybody can open, or an opaque id.
        title: What it is called on screen.
        graph: Its dependency graph.
        notes: What to know before trusting a number.
        data: What it learns from and is measured on, in parts; None where there is none.
        card: How it was trained; None where that is unknown.
        training: What its weights come from where they were trained here, in words.
    """

    source: str
    title: str
    graph: DependencyGraph
    notes: tuple[str, ...] = ()
    data: Dataset | None = None
    card: Mapping[str, Any] | None = None
    training: str = ""

    @cached_property
    def outline(self) -> Outline:
        """Its layers in the places where the screen shows them."""
        classes = {path: type(module).__name__ for path, module in self.graph.model.named_modules()}
        return outline(self.graph.layers, self.graph.edges, classes)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Channels of each group."""
        return {group.name: group.size for group in self.graph.groups}


class RefusedSourceError(ModelSourceError):
    """A page asked for what no page may open."""


class Workspace:
    """Opened models, shared by every page of one server, and the queues that measure and train them.

    Args:
        jobs: Where measuring happens; a queue of its own by default.
        trainings: Where what takes minutes happens, so that no measurement waits for it; by default a queue of its own
            beside that of `jobs`.
        shelves: Where trainings keep their state, so that one goes on that was killed or stopped; by default a folder
            that no later server finds.
    """

    def __init__(
        self, jobs: JobQueue | None = None, trainings: JobQueue | None = None, shelves: Shelves | None = None
    ) -> None:
        self.jobs = jobs or JobQueue()
        self.trainings = trainings or self.jobs.beside()
        self.exports = self.jobs.beside()  # so that nobody waits for a training to take a model away
        self.tensors = TensorStore()
        self.shelves = shelves or Shelves()
        self.run = secrets.token_urlsafe(9)  # names this run of the server
        self._own: dict[str, Subject] = {}
        self._uploaded: deque[str] = deque()
        self._named: OrderedDict[str, Subject] = OrderedDict()
        self._gradients: WeakKeyDictionary[Subject, KnownGradients] = WeakKeyDictionary()
        self._tried: WeakKeyDictionary[Subject, str] = WeakKeyDictionary()
        self.openings = Openings()
        self._lock = threading.Lock()  # held for looking up only
        self._opening: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._building = threading.Lock()  # random weights come from the process's one generator

    def add(
        self,
        graph: DependencyGraph,
        opened: OpenedModel | None = None,
        *,
        data: Dataset | None = None,
        is_as_named: bool = True,
    ) -> Subject:
        """Takes in a model that came from the command line or from memory.

        Args:
            graph: Its dependency graph.
            opened: Where it came from, if it was opened here.
            data: What to measure it on; what it was made for by default.
            is_as_named: Whether opening its source again gives this very model (no other weights, input or data).

        Returns:
            The model under its own name where a name is enough to open it again, else under a new opaque id.
        """
        if opened and opened.is_shareable and is_as_named:
            return self._keep(_subject(opened.source, opened, graph))
        source = OPAQUE + secrets.token_urlsafe(12)
        own = _subject(source, opened, graph, data) if opened else Subject(source, graph.title, graph, data=data)
        self._own[source] = own
        return own

    def add_weights(self, source: str, weights: Path) -> Subject:
        """Takes in a model of a named architecture with weights from a file that a page sent.

        Args:
            source: What names the architecture, or the model on the page, which came from one.
            weights: A safetensors file; only the latest few of all pages stay.

        Returns:
            The model under a new opaque id.

        Raises:
            ExplorerError: The architecture has no name, or the weights do not fit it.
        """
        name = self.open(source).graph.source.partition("@")[0]  # whatever weights it has, they are replaced
        checked_name(name)
        with self._building:
            opened = open_model(name, weights=weights)
        return self._keep_few(self.add(trace_opened(opened), opened, is_as_named=False))

    def add_trained(self, source: str, weights: str, training: str) -> Subject:
        """Takes in a model with other weights, which a page trained; the same ones only once.

        Args:
            source: The model whose weights were trained on.
            weights: Key of its state after that, in `tensors`.
            training: What was done, in words: ``sparse, 2 epochs``.

        Returns:
            The model under `trained_source`; only the latest few of all pages stay.

        Raises:
            ExplorerError: The model or the weights are no longer there, or do not fit each other.
        """
        name = self.trained_source(weights)
        if known := self._own.get(name):
            return known
        origin = self.open(source)
        model = deepcopy(origin.graph.model)
        try:
            model.load_state_dict(self.tensors.read(weights))
        except RuntimeError as error:
            raise ModelSourceError(f"The trained weights do not fit {origin.title}: {error}") from error
        title = f"{origin.title}, {training}"
        graph = trace(model, origin.graph.example_inputs, source=origin.graph.source, title=title)
        own = Subject(name, title, graph, (training,), origin.data, training=training)
        self._own[name] = own
        return self._keep_few(own)

    @staticmethod
    def trained_source(weights: str) -> str:
        """The opaque id of a model that was trained here, from the key of its weights, which only its page knows."""
        return OPAQUE + hashlib.sha256(weights.encode()).hexdigest()[:24]

    def open(self, source: str, page: str = "") -> Subject:
        """The model that `source` names, traced. Who asks for a model that is being opened waits; others do not.

        Args:
            source: The model.
            page: Who asks, and may give up waiting; empty for somebody who does not.

        Raises:
            ExplorerError: It cannot be opened or traced, or nobody waits for it any more.
        """
        if own := self._own.get(source):
            return own
        checked_name(source)
        if known := self._known(source):
            return known
        with self.openings.waiting(source, page), self._alone(source):
            return self._known(source) or self._keep(self._opened(source))

    def knows(self, source: str) -> bool:
        """Whether `source` is the opaque id of a model of this run."""
        return source in self._own

    def like(self, fingerprint: str) -> Subject | None:
        """The model of this run that a recipe of an earlier run was made for, by its fingerprint."""
        known = [subject for source, subject in tuple(self._own.items()) if source not in self._uploaded]
        return next((each for each in known if fingerprint and each.graph.fingerprint == fingerprint), None)

    def exploration(self, recipe: Mapping[str, Any]) -> Exploration:
        """The exploration that a recipe describes.

        Raises:
            ExplorerError: The recipe is none, its model cannot be opened, or it was made for another model.
        """
        read = Recipe.from_json(recipe)
        subject = self.open(read.source)
        if read.fingerprint and read.fingerprint != subject.graph.fingerprint:
            raise PlanError(f"This recipe was made for another version of {read.source}. Open the model again.")
        return Exploration(subject.graph, read, self.gradients(subject))

    def begin(self, source: str) -> Exploration:
        """A new exploration of the model that `source` names."""
        subject = self.open(source)
        return start(subject.graph, source, self.gradients(subject))

    def gradients(self, subject: Subject) -> KnownGradients | None:
        """What channels of a model do to the loss, shared by all recipes of it; None where there is no data."""
        if subject.data is None:
            return None
        with self._lock:
            if subject not in self._gradients:
                found = KnownGradients(subject.source, subject.graph.model, subject.data.train, self.tensors)
                self._gradients[subject] = found
            return self._gradients[subject]

    def known_capture(self, subject: Subject) -> str | None:
        """Why `torch.export` cannot follow a model, or that it can, as `capture` gives it; None before that."""
        return self._tried.get(subject)

    def capture(self, subject: Subject) -> str:
        """Why `torch.export` cannot follow a model, in words; empty where it can. It is tried once, and may take long.

        Args:
            subject: The model, which is untouched.
        """
        if (known := self.known_capture(subject)) is None:
            known = self._tried[subject] = capture_refusal(subject.graph)
        return known

    def close(self) -> None:
        """Ends all work in the background."""
        self.exports.close()
        self.trainings.close()
        self.jobs.close()

    def names(self) -> tuple[str, ...]:
        """Every source that a page may open by name."""
        return tuple(source for family in list_sources() for source in family.sources)

    def choices(self, shown: str = "") -> list[dict[str, Any]]:
        """What the model picker offers, in groups.

        Args:
            shown: The model on the page; weights that a page sent are offered to that page alone.
        """
        own = [
            {"label": _own_title(subject), "value": source}
            for source, subject in tuple(self._own.items())
            if source == shown or source not in self._uploaded
        ]
        families = [
            {"group": family.title, "items": [{"label": _short(name), "value": name} for name in family.sources]}
            for family in list_sources()
        ]
        return ([{"group": "This session", "items": own}] if own else []) + families

    def _keep_few(self, subject: Subject) -> Subject:
        """Of the models that pages made, the latest stay."""
        with self._lock:
            self._uploaded.append(subject.source)
            if len(self._uploaded) > UPLOADS_KEPT:
                del self._own[self._uploaded.popleft()]
        return subject

    def _known(self, source: str) -> Subject | None:
        with self._lock:
            if source in self._named:
                self._named.move_to_end(source)
            return self._named.get(source)

    @contextmanager
    def _alone(self, source: str) -> Iterator[None]:
        """One at a time for each source; a lock that nobody holds or waits for is forgotten."""
        with self._lock:
            opening = self._opening.setdefault(source, threading.Lock())
        with opening:
            yield

    def _opened(self, source: str) -> Subject:
        tell = partial(self.openings.tell, source)
        try:
            tell("building")
            with self._building:
                opened = open_model(source)
            subject = _subject(source, opened, trace_opened(opened, tell=tell))
            tell("laying out")
            _ = subject.outline  # here, where somebody is told of it
            return subject
        finally:
            tell("")

    def _keep(self, subject: Subject) -> Subject:
        with self._lock:
            self._named[subject.source] = subject
            while len(self._named) > MODELS_KEPT:
                self._named.popitem(last=False)
        return subject


def checked_name(source: str) -> None:
    """Refuses what a page must not open: only names do, never a path.

    Raises:
        RefusedSourceError: `source` is no ``sample:`` and no ``torchvision:`` name.
    """
    if not source.startswith(("sample:", "torchvision:")):
        shown = "a model of an earlier session" if source.startswith(OPAQUE) else f"'{source}'"
        raise RefusedSourceError(
            f"The page asked for {shown}, which cannot be opened from here. Choose a sample or torchvision model, or "
            "start the explorer with your model: python -m explorer path/to/file.py:factory"
        )


def _subject(source: str, opened: OpenedModel, graph: DependencyGraph, data: Dataset | None = None) -> Subject:
    """A model on the screen, with the data given or else that which it was made for, whatever its weights."""
    known = open_data(opened.data) if opened.data and data is None else data
    return Subject(source, opened.title, graph, opened.notes, known, opened.card)


def _own_title(subject: Subject) -> str:
    """What the picker calls a model of this run: with its notes, which name the file of its weights."""
    return ", ".join([subject.title, *(note for note in subject.notes if note.startswith("weights from"))])


def _short(source: str) -> str:
    return source.partition(":")[2]
