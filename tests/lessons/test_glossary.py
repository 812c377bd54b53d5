"""The glossary: each term is short, and its picture is of something that is there."""

from __future__ import annotations

import re
from functools import cache

import pytest

from explorer.engine.graph import DependencyGraph
from explorer.lessons import Term, glossary, verify_term
from explorer.lessons.words import count_words, terms_in
from explorer.models import open_model
from explorer.models.tracing import trace_opened

WISHED = (
    "channel layer f-minus f-plus scheme inter-layer intra-layer dependency-graph grouping-matrix group "
    "importance group-norm sparsity sparse-training ratio structural-pruning macs flops params frozen tie head "
    "head-dim gate residual concatenation depthwise grouped-convolution sensitivity fine-tuning recalibration "
    "oracle live-way program-way latency accuracy criterion"
).split()
MOST_WORDS, MOST_SENTENCES = 48, 2


@cache
def opened(source: str) -> DependencyGraph:
    return trace_opened(open_model(source))


def test_every_term_that_lessons_need_is_in_it() -> None:
    assert [name for name in WISHED if name not in glossary()] == []


@pytest.mark.parametrize("term", glossary().values(), ids=list(glossary()))
def test_what_a_picture_shows_is_in_its_model(term: Term) -> None:
    verify_term(term, opened)
    assert term.show.select or term.show.pins or term.show.ratios or term.show.panels, (
        "nothing stands out of its picture"
    )


@pytest.mark.parametrize("term", glossary().values(), ids=list(glossary()))
def test_a_term_is_said_in_one_or_two_short_sentences(term: Term) -> None:
    assert count_words(term.text) <= MOST_WORDS
    assert 1 <= len(re.findall(r"\.(?=\s|$)", term.text)) <= MOST_SENTENCES
    assert [name for name in terms_in(term.text) if name not in glossary()] == []


@pytest.mark.parametrize(("name", "kind"), [("inter-layer", "inter"), ("intra-layer", "intra")])
def test_a_picture_of_a_dependency_stops_at_one(name: str, kind: str) -> None:
    shown = glossary()[name].show
    player = shown.panels["player"]
    assert opened(shown.model).propagation(player["port"])[player["step"] - 1].kind == kind
