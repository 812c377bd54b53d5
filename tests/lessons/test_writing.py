"""What is on the screen as a step of a lesson: reading it gives the same recipe."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.engine.errors import LessonError
from explorer.exploration import Recipe, View
from explorer.lessons import Step, read_lesson, shown
from explorer.lessons.writing import as_read, step_yaml, unsaid
from explorer.models.tracing import trace

HEAD = """\
title: Mine
summary: Of my own.
minutes: 1
show: {model: "sample:vgg"}
steps:
"""
NAMES = st.text("abz019._:*~-[] '\"#{},&!|>%@?\\\n\tä−", min_size=1, max_size=12)  # noqa: RUF001
RECIPES = st.builds(
    Recipe,
    source=st.sampled_from(["sample:resnet20", "torchvision:resnet50@DEFAULT"]),
    ratios=st.dictionaries(NAMES, st.integers(1, 9900).map(lambda n: n / 10000), max_size=4),
    keep=st.dictionaries(NAMES, st.sets(st.integers(0, 99), min_size=1).map(lambda n: tuple(sorted(n))), max_size=3),
    importance=st.sampled_from(["l2", "l1", "group_norm"]),
    reduction=st.sampled_from(["mean", "max"]),
    normalise=st.sampled_from(["none", "mean"]),
    view=st.builds(
        View,
        opened=st.none() | st.lists(NAMES, max_size=4).map(tuple),
        selection=st.just({})
        | st.builds(lambda k, n: {"kind": k, "name": n}, st.sampled_from(["group", "layer", "module"]), NAMES),
        pins=st.lists(NAMES, max_size=4, unique=True).map(tuple),
        panels=st.dictionaries(st.sampled_from(["centre", "matrix", "shade"]), NAMES, max_size=3)
        | st.just({"player": {"port": "conv1+", "step": 3}, "changed": True}),
    ),
)


def read(text: str) -> Step:
    """The step, read out of a lesson that it was pasted into."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mine.yaml"
        file.write_text(HEAD + textwrap.indent(text, "  "), encoding="utf-8")
        return read_lesson(file).steps[0]


@given(RECIPES)
def test_what_was_written_reads_back_as_the_same_recipe(recipe: Recipe) -> None:
    assert read(step_yaml(recipe)).show.recipe() == recipe == as_read(recipe)


def test_a_step_is_written_as_people_write_it() -> None:
    view = View(
        ("layer1", "layer1.*0-2"), {"kind": "group", "name": "conv1"}, (), {"player": {"port": "conv1+", "step": 2}}
    )
    text = step_yaml(Recipe("sample:resnet20", ratios={"conv1": 0.25}, importance="l1", view=view), "two-ways")
    assert text == (
        "- id: two-ways\n"
        "  title: A title\n"
        "  text: At most 80 words.\n"
        "  show:\n"
        "    model: sample:resnet20\n"
        "    open: [layer1, layer1.*0-2]\n"
        "    select: {group: conv1}\n"
        "    ratios: {conv1: 0.25}\n"
        "    importance: l1\n"
        "    panels:\n"
        "      player: {port: conv1+, step: 2}\n"
    )


def test_what_a_lesson_cannot_say_is_named_and_left_out() -> None:
    recipe = Recipe("sample:resnet20", fingerprint="abc", locked=frozenset({"conv1"}), round_to=8, minimum=2)
    assert unsaid(recipe) == (
        "which groups are locked",
        "that channels are kept in multiples",
        "how many channels groups keep at least",
    )
    assert unsaid(replace(recipe, locked=frozenset(), round_to=1, minimum=1)) == ()
    assert read(step_yaml(recipe)).show.recipe() == as_read(recipe)


@pytest.mark.parametrize("source", ["session:abc", "my_model.py:build", ""])
def test_a_model_without_a_name_cannot_be_in_a_lesson(source: str) -> None:
    with pytest.raises(LessonError, match="opens its models by name, and this one has none"):
        step_yaml(Recipe(source))


def test_modules_are_named_as_the_screen_has_them_and_are_found_so() -> None:
    graph = trace("sample:resnet20")
    view = View(("layer3", "layer3.*1-2"), {"kind": "module", "name": "layer3.*1-2.2"})
    step = read(step_yaml(Recipe("sample:resnet20", view=view)))
    assert shown(step.show, graph, step.place).recipe.view == view
    lost = replace(step.show, select={"kind": "module", "name": "layer3.*1-2.9"})
    with pytest.raises(LessonError, match=r"select\.module: ResNet-20 has no module 'layer3\.\*1-2\.9'"):
        shown(lost, graph, step.place)
