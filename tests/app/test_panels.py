"""What the panels say, as plain functions of the model and the state."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from explorer.app import inspection
from explorer.app.export import name_of, slug
from explorer.app.opening import opening_state
from explorer.app.panels import drawer, graph_panel, lists, totals
from explorer.app.parts import proof_tag
from explorer.app.preview import preview, rows
from explorer.app.workspace import Subject, Workspace
from explorer.exploration import Exploration, set_every_ratio, set_keep, set_lock, set_options, set_ratio
from explorer.jobs import Job

MAY_BREAK = "\N{ZERO WIDTH SPACE}"


def text(node: Any) -> str:
    """All text in a tree of Dash components, what the browser draws by itself included."""
    return said(json.loads(json.dumps(node, cls=PlotlyJSONEncoder))).replace(f" {MAY_BREAK} ", "")


def said(node: Any) -> str:
    if isinstance(node, list):
        return " ".join(part for part in map(said, node) if part)
    if not isinstance(node, dict):
        return "" if node is None else str(node).strip()
    props = node["props"]
    if node["type"] == "Wbr":
        return MAY_BREAK
    return said(json.loads(props["data-plain"]) if "data-plain" in props else props.get("children"))


def test_a_page_opens_with_the_group_that_couples_most(subject: Subject) -> None:
    state = opening_state(subject)
    assert state.selection["name"] == "conv1"
    assert state.recipe["ratios"] == {}
    assert "layer2.0" in state.opened["paths"]


def test_the_preview_counts_without_running_the_model(exploration: Exploration) -> None:
    asked = set_ratio(exploration, "layer1.0.conv1", 0.5)
    seen = preview(asked)
    assert seen["groups"]["layer1.0.conv1"] == [16, 8, 0.5]
    assert seen["groups"]["conv1"] == [16, 16, 0.0]
    before, after = seen["totals"]["macs"]
    assert before - after == 8 * 16 * 9 * 8 * 8 * 2  # half of the outputs of conv1, half of the inputs of conv2


def test_the_controls_show_the_recipe(exploration: Exploration) -> None:
    usual = {"importance": "l2", "reduction": "mean", "normalise": "none", "round_to": 1, "minimum": 1, "every": 0}
    assert preview(exploration)["controls"] == usual
    asked = set_options(set_every_ratio(exploration, 0.3), importance="l1", minimum=2)
    assert preview(asked)["controls"] == usual | {"importance": "l1", "minimum": 2, "every": 30}


def test_what_comes_to_nothing_is_said(exploration: Exploration) -> None:
    half = set_every_ratio(exploration, 0.5)
    assert preview(half)["remark"] == preview(exploration)["remark"] == ""
    undone = preview(set_options(half, minimum=500))["remark"]
    assert undone == "Nothing is removed, because of “at least 500”."
    assert "of 12 groups with a ratio keep all" in preview(set_options(half, minimum=32))["remark"]
    assert "too small" in preview(set_ratio(exploration, "layer1.0.conv1", 0.01))["remark"]


def test_the_grid_has_a_row_per_group(exploration: Exploration) -> None:
    found = {row["name"]: row for row in rows(set_ratio(exploration, "layer1.0.conv1", 0.25))}
    assert set(found) == {group.name for group in exploration.graph.groups}
    assert found["layer1.0.conv1"] | {"ties": []} == {
        "name": "layer1.0.conv1",
        "kind": "channels",
        "size": 16,
        "kept": 12,
        "percent": 25,
        "members": 6,
        "ties": [],
        "loose": False,
        "locked": False,
        "chosen": False,
    }
    assert [column["headerName"] for column in drawer.columns()][-3:] == ["Remove", "%", ""]


def test_the_grid_shows_what_is_chosen_by_hand_and_what_is_locked(exploration: Exploration) -> None:
    state = set_lock(set_keep(exploration, "layer1.0.conv1", [0, 1, 2, 3]), ["conv1"], True)
    found = {row["name"]: row for row in rows(state)}
    assert (found["layer1.0.conv1"]["kept"], found["layer1.0.conv1"]["percent"]) == (4, 75)
    assert [name for name, row in found.items() if row["chosen"]] == ["layer1.0.conv1"] == preview(state)["chosen"]
    assert [name for name, row in found.items() if row["locked"]] == ["conv1"] == preview(state)["locked"]


def test_cards_show_flops_and_macs_before_and_after(exploration: Exploration) -> None:
    shown = text(totals.cards(preview(set_every_ratio(exploration, 0.5))))
    assert "FLOPs (= 2 MACs) 5.07 M → 1.27 M −75 % 2,532,992 → 635,712 MACs" in shown  # noqa: RUF001
    assert "Parameters" in shown
    assert "Activations" in shown


MEASURED = {
    "accuracy": 0.95,
    "before": 0.975,
    "correct": 342,
    "total": 360,
    "proof": "pruned = zeroed, max rel. error 7.3e-07",
    "is_proven": True,
    "is_wrong": False,
    "error": 7.3e-07,
    "repairs": [],
}


def test_accuracy_is_labelled_as_measured(subject: Subject) -> None:
    shown = text(totals.accuracy(subject, Job("k", "done", MEASURED), is_pruning=True))
    assert "Accuracy measured 97.5 % → 95.0 %" in shown
    assert "2.5 points" in shown
    assert "proven max rel. error 7e-7" in shown  # short enough for its card; the whole sentence is the title


@pytest.mark.parametrize(("accuracy", "leads"), [(0.95, True), (0.974, False), (0.98, False)])
def test_lost_accuracy_leads_to_what_recovers_it(subject: Subject, accuracy: float, leads: bool) -> None:
    job = Job("k", "done", MEASURED | {"accuracy": accuracy})
    assert ("Recover" in text(totals.accuracy(subject, job, is_pruning=True))) == leads


@pytest.mark.parametrize(
    ("is_proven", "is_wrong", "said", "tone"),
    [(True, False, "proven", "good"), (False, False, "not proven", "neutral"), (False, True, "wrong", "bad")],
)
def test_a_proof_that_could_not_have_failed_is_no_proof(is_proven: bool, is_wrong: bool, said: str, tone: str) -> None:
    tag = proof_tag(is_proven, is_wrong)
    assert (tag.children, tag.className) == (said, f"tag is-{tone}")


def test_a_failed_job_says_why_and_can_be_tried_again(subject: Subject) -> None:
    shown = text(totals.accuracy(subject, Job("k", "failed", error="view cannot follow"), is_pruning=True))
    assert "view cannot follow" in shown
    assert "Try again" in shown


def test_random_weights_are_not_measured_and_the_screen_says_so(subject: Subject) -> None:
    random = replace(subject, data=None, notes=("random weights",))
    idle = Job("k", "gone")
    assert "Accuracy is not measured: random weights." in text(totals.accuracy(random, idle, is_pruning=False))
    assert "Apply and verify" in text(totals.accuracy(random, idle, is_pruning=True))


def test_the_screen_says_where_it_is_measured_where_there_are_workers(subject: Subject) -> None:
    def tag(state: str, *place: str) -> Any:
        return totals.accuracy(subject, Job("k", state, error="no"), False, place)[0].children[1]  # type: ignore[arg-type]

    assert text(tag("running", "", "")) == "running"
    assert text(tag("running", "a worker", "it can")) == "running on a worker"
    assert tag("running", "this server", "not on a worker: it is code").title == "not on a worker: it is code"
    assert text(tag("failed", "this server", "it is code")) == "failed"


def test_a_measurement_that_takes_long_says_how_far_it_is_and_can_be_stopped(subject: Subject) -> None:
    running = totals.accuracy(subject, Job("k", "running", fraction=0.42), is_pruning=True)
    assert text(running) == "Accuracy running measuring… 42 %"
    stopped = text(totals.accuracy(subject, Job("k", "stopped"), is_pruning=True))
    assert stopped == "Accuracy stopped Nothing was measured, nothing was changed. Measure"


def test_a_stopped_measurement_begins_again_only_when_asked(workspace: Workspace, exploration: Exploration) -> None:
    asked = set_ratio(exploration, "layer1.0.conv1", 0.4375)
    assert totals.ask(workspace, asked, "stops", is_asked=False).is_pending
    workspace.jobs.stop("stops", totals.job_key(asked))
    assert totals.ask(workspace, asked, "stops", is_asked=False).state == "stopped"
    assert totals.ask(workspace, asked, "stops", is_asked=True).is_pending


def test_measuring_begins_by_itself_only_where_there_is_data(workspace: Workspace, exploration: Exploration) -> None:
    asked = set_ratio(exploration, "layer1.0.conv1", 0.125)
    assert totals.ask(workspace, asked, "page", is_asked=False).state in ("waiting", "running", "done")


def test_a_group_shows_members_reasons_and_places(subject: Subject) -> None:
    head, details = inspection.inspect(subject, {"kind": "group", "name": "layer1.0.conv1"}, [])
    assert "16 channels go one by one, each through 6 tensors" in text(head)
    shown = text(details)
    assert "layer1.0.conv2.weight" in shown
    assert "16 × 16 × 3 × 3" in " ".join(shown.split())  # noqa: RUF001
    assert "resnet20.py:" in shown
    assert "convolution" in shown


def test_why_is_answered_for_every_member(subject: Subject) -> None:
    group = subject.graph.group("conv1")
    answers = [text(inspection.why(subject.graph, group, member)) for member in range(len(group.members))]
    assert "named after this one" in answers[0]
    assert all("From conv1.weight to" in answer for answer in answers[1:])


def test_a_layer_shows_both_ports_and_what_is_frozen(subject: Subject) -> None:
    head, details = inspection.inspect(subject, {"kind": "layer", "name": "fc"}, [])
    assert "fc Linear" in text(head)
    shown = text(details)
    assert "what comes in" in shown
    assert "model output" in shown or "the model's output" in shown


def test_a_module_can_be_opened_from_the_inspector(subject: Subject) -> None:
    _, closed = inspection.inspect(subject, {"kind": "module", "name": "layer3.0"}, [])
    _, opened = inspection.inspect(subject, {"kind": "module", "name": "layer3.0"}, ["layer3", "layer3.0"])
    assert "Open" in text(closed).split()
    assert "Close" in text(opened).split()


def test_nothing_selected_shows_the_model(subject: Subject) -> None:
    _, details = inspection.inspect(subject, {}, [])
    assert subject.title in text(details)


def test_search_finds_names_types_and_shapes(subject: Subject) -> None:
    def found(wanted: str) -> str:
        return text(lists.list_rows(subject, "modules", wanted, []))

    assert "layer2.0.shortcut.0" in found("SHORTCUT")
    assert found("linear") == "1 found fc Linear · 10 × 64"  # noqa: RUF001
    assert "layer3.2.conv2" in found("64x64x3x3")
    assert "in its name, type or shapes" in found("nowhere")
    assert "layer1. 1.conv1" in text(lists.list_rows(subject, "groups", "layer1.1", []))  # in two parts


def test_the_tree_shows_what_is_open(subject: Subject) -> None:
    assert "layer1 layer2" in text(lists.list_rows(subject, "modules", "", []))
    assert "layer1 0–2 × 3 layer2" in text(lists.list_rows(subject, "modules", "", ["layer1"]))  # noqa: RUF001
    opened = ["layer1", "layer1.*0-2"]
    assert "0–2 × 3 0 1 2 layer2" in text(lists.list_rows(subject, "modules", "", opened))  # noqa: RUF001


def test_a_layer_picked_in_a_list_opens_its_modules(subject: Subject) -> None:
    picked = {"kind": "layer", "name": "layer1.0.conv1", "via": "list"}
    assert graph_panel.revealing(subject, picked, []) == ["layer1", "layer1.*0-2", "layer1.*0-2.0"]
    assert graph_panel.revealing(subject, picked, ["layer1", "layer1.*0-2", "layer1.*0-2.0"]) is None
    assert graph_panel.revealing(subject, {**picked, "via": "graph"}, []) is None


def test_one_of_something_is_counted_as_one(subject: Subject) -> None:
    group = subject.graph.groups[0]
    one = replace(group, size=1, members=group.members[:1])
    assert inspection.counted(one) == "1 channel goes through 1 tensor"


def test_titles_become_file_names() -> None:
    assert slug("ResNet-20 (digits)") == "resnet-20-digits"
    assert slug("…") == "model"
    assert name_of("ResNet-20", is_pruned=True, is_recovered=False) == "resnet-20-pruned"
    assert name_of("GAT, sparse, 1 epoch", is_pruned=False, is_recovered=False) == "gat-sparse-1-epoch"
