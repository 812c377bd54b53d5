"""What has to be in the picture of a step, and that it is."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from explorer.app.learn_print.focus import Focus, box_of, boxes_of, focus_of
from explorer.app.learn_print.pictures import PAGE_COLOURS, Picture, picture
from explorer.app.opening import opening_state
from explorer.app.playing import recording
from explorer.app.positions import place
from explorer.app.scene import build_scene
from explorer.app.workspace import Workspace
from explorer.lessons import KINDS, Form, Lesson, Step, Task, asked, bundled_lessons, hidden, shown

ROOM = (640.0, 340.0)
SVG = "{http://www.w3.org/2000/svg}"
BUNDLED = {lesson.id: lesson for lesson in bundled_lessons()}
STEPS = [
    pytest.param(step, id=f"{lesson}-{step.id}")
    for lesson in ("residual", "depthwise", "attention")
    for step in BUNDLED[lesson].steps
    if step.task
]


def form_of(workspace: Workspace, step: Step) -> Form:
    put = asked(step, workspace.open(step.show.model).graph)
    return KINDS[put.task.kind].form(put)


def drawn(workspace: Workspace, step: Step) -> Picture:
    subject = workspace.open(step.show.model)
    form = form_of(workspace, step) if step.task else None
    return picture(subject, shown(step.show, subject.graph, step.place), ROOM, focus_of(step, form))


def seen(made: Picture) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what a picture shows of the graph."""
    root = ET.fromstring(made.svg)
    pane = root.find(f"{SVG}svg")
    left, top, width, height = map(float, (root if pane is None else pane).attrib["viewBox"].split())
    return left, top, left + width, top + height


@pytest.mark.parametrize("step", STEPS)
def test_a_picture_holds_every_option_of_its_task(workspace: Workspace, step: Step) -> None:
    subject = workspace.open(step.show.model)
    state = opening_state(subject, shown(step.show, subject.graph, step.place))
    opened = frozenset(state.opened["paths"])
    frames = place(build_scene(subject.outline, opened)).frames
    left, top, right, bottom = seen(drawn(workspace, step))
    names = {option.layer or option.name for option in form_of(workspace, step).options}
    for box in boxes_of(Focus(tuple(names)), subject.outline, opened):
        frame = frames[box]
        assert left < frame.left and frame.right < right, box
        assert top < frame.top and frame.bottom < bottom, box


def test_where_layers_are_picked_no_colour_tells_which(workspace: Workspace, lesson: Lesson) -> None:
    see, pick = lesson.steps[:2]
    asking = replace(pick, show=see.show)
    hue = PAGE_COLOURS["hue-0"]
    assert hue in drawn(workspace, see).svg
    made = drawn(workspace, asking)
    assert hue not in made.svg
    assert made.caption == "ResNet-20", "nor does the caption name the group"
    on_layer = replace(pick, show=replace(see.show, select={"kind": "layer", "name": "layer1.0.conv1"}))
    made = drawn(workspace, on_layer)
    assert hue not in made.svg
    assert PAGE_COLOURS["accent"] in made.svg, "what is selected has its border"


def test_where_layers_of_groups_are_counted_no_colour_tells_how_many(workspace: Workspace) -> None:
    step = BUNDLED["concatenation"].step("how-far")
    assert step is not None
    pinned = replace(step, show=replace(step.show, pins=("blocks.0.0.conv2",)))
    assert PAGE_COLOURS["hue-0"] not in drawn(workspace, pinned).svg


def test_a_group_whose_ties_are_asked_for_is_in_its_colour(workspace: Workspace, lesson: Lesson) -> None:
    see = lesson.steps[0]
    assert see.show.select["kind"] == "group"
    asked_of = {"find": "tied_to", "group": "conv1"}
    tied = replace(lesson.steps[1], show=see.show, task=Task("pick", "?", "", "", asked_of, see.place))
    subject = workspace.open(tied.show.model)
    made = picture(subject, shown(tied.show, subject.graph, tied.place), ROOM, focus_of(tied, None))
    assert PAGE_COLOURS["hue-0"] in made.svg
    assert made.caption.endswith("the group conv1")


def test_what_is_frozen_has_no_lock_while_that_is_asked(workspace: Workspace) -> None:
    step = BUNDLED["limits"].step("ends")
    assert step is not None
    lock = PAGE_COLOURS["frozen-ink"]
    assert lock not in drawn(workspace, step).svg
    assert lock in drawn(workspace, replace(step, task=None)).svg


def test_layers_and_signs_are_found_by_what_is_read_on_them(workspace: Workspace) -> None:
    step = BUNDLED["depthwise"].step("the-gate")
    assert step is not None
    subject = workspace.open(step.show.model)
    opened = frozenset(opening_state(subject, shown(step.show, subject.graph, step.place)).opened["paths"])
    boxes = boxes_of(focus_of(step, None), subject.outline, opened)
    assert {"layer:blocks.0.excite.reduce", "layer:blocks.0.excite.expand"} <= boxes
    titles = {box.id: box.title for box in build_scene(subject.outline, opened).boxes}
    assert "×" in {titles[box] for box in boxes}  # noqa: RUF001 - the sign on the graph


def test_what_is_in_a_closed_module_is_that_and_unknown_words_are_nothing(workspace: Workspace) -> None:
    outline = workspace.open("sample:resnet20").outline
    focus = Focus(("layer2.0.conv1", "conv1:heads"), ("num_heads", "layer3", "layer1"))
    boxes = boxes_of(focus, outline, frozenset({"layer1"}))
    assert boxes == {"fold:layer2", "layer:conv1", "fold:layer3", "fold:layer1.*0-2"}, "the open layer1 with its inside"


def test_a_step_names_its_layers_in_its_text_its_options_and_what_is_cut(workspace: Workspace, lesson: Lesson) -> None:
    see, pick, *_, edits, _ = lesson.steps
    assert focus_of(see, None) == Focus(words=("conv1",))
    picking = focus_of(pick, form_of(workspace, pick))
    assert picking.hides == hidden(pick)
    assert set(picking.names) >= {"layer1.0.bn1", "layer1.0.conv2", "layer1.0.bn2", "layer1.0.conv1"}
    assert "layer1.0.conv1" in focus_of(edits, form_of(workspace, edits)).names


def test_a_played_picture_holds_all_that_was_reached(workspace: Workspace) -> None:
    step = BUNDLED["residual"].step("backwards")
    assert step is not None
    made = drawn(workspace, step)
    subject = workspace.open(step.show.model)
    opened = frozenset(opening_state(subject, shown(step.show, subject.graph, step.place)).opened["paths"])
    frames = place(build_scene(subject.outline, opened)).frames
    player = step.show.panels["player"]
    left, top, right, bottom = seen(made)
    for reached in recording(subject.graph, subject.outline, player["port"])["steps"][: player["step"]]:
        frame = frames[box_of(subject.outline, opened, reached["target"][:-1])]
        assert left < frame.left and frame.right < right
        assert top < frame.top and frame.bottom < bottom


def test_an_option_that_is_called_by_a_number_is_no_layer_that_reads_so(workspace: Workspace) -> None:
    step = BUNDLED["depthwise"].step("the-attribute")
    assert step is not None
    subject = workspace.open(step.show.model)
    opened = frozenset(opening_state(subject, shown(step.show, subject.graph, step.place)).opened["paths"])
    boxes = boxes_of(focus_of(step, form_of(workspace, step)), subject.outline, opened)
    assert "layer:blocks.0.depthwise.0" in boxes
    assert "layer:stem.0" not in boxes


def test_an_open_module_that_a_text_names_is_in_the_picture_as_a_whole_unless_it_is_large(workspace: Workspace) -> None:
    step = BUNDLED["residual"].steps[0]
    assert "layer1" in focus_of(step, None).words
    subject = workspace.open(step.show.model)
    opened = frozenset(opening_state(subject, shown(step.show, subject.graph, step.place)).opened["paths"])
    frames = place(build_scene(subject.outline, opened)).frames
    left, top, right, bottom = seen(drawn(workspace, step))
    for box in (
        "layer:layer1.0.conv1",
        "layer:layer1.0.bn2",
        "layer:layer1.0.add",
        "fold:layer1.*0-2.1",
        "fold:layer1.*0-2.2",
    ):
        frame = frames[box]
        assert left < frame.left < frame.right < right, box
        assert top < frame.top < frame.bottom < bottom, box
    everything = frozenset(path for path in subject.outline.members)
    assert not boxes_of(Focus(words=("layer1",)), subject.outline, everything)
