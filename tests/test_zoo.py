"""A spread of torchvision over every family and every pattern of coupling; `make zoo` does the same for all of it."""

from __future__ import annotations

import gc

import pytest

from benchmarks.zoo import COLUMNS, Row, examine, float_models, line_of, report

SPREAD = (
    "alexnet",
    "convnext_small",
    "deeplabv3_mobilenet_v3_large",
    "densenet169",
    "efficientnet_b1",
    "efficientnet_v2_s",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fcn_resnet50",
    "googlenet",
    "lraspp_mobilenet_v3_large",
    "maxvit_t",
    "mc3_18",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "mvit_v2_s",
    "raft_small",
    "regnet_x_400mf",
    "regnet_y_800mf",
    "resnet34",
    "retinanet_resnet50_fpn",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "ssdlite320_mobilenet_v3_large",
    "swin_t",
    "swin_v2_t",
    "vgg11_bn",
    "vit_b_32",
    "wide_resnet50_2",
)
STAYS = (
    "meets a dimension of the model's input",
    "model output",
    "kernel extent",
    "meets a batch, sequence or spatial dimension",  # tables of relative positions
    "the code picks indices of this axis by number",  # tables of relative positions, key points
    "the code picks this index by its number",  # a detector's classes and box coordinates
    "the code picks elements by their values",  # scores above a threshold
    "all of it hangs together as one channel",  # a detector's background class, what shuffles leave alone
    "the code sorts or accumulates along this axis",  # scores of anchors
)


@pytest.mark.parametrize("name", SPREAD)
def test_half_of_every_group_goes_and_the_result_is_right(name: str) -> None:
    row = examine(name)
    gc.collect()
    assert row.verdict == "right"
    assert row.way == "live"
    assert row.unsupported == 0
    assert row.error < 1e-4
    assert row.params[1] < 0.5 * row.params[0]
    assert row.macs[1] < 0.5 * row.macs[0]
    assert [reason for reason in row.frozen if not reason.startswith(STAYS)] == []


def test_the_spread_is_of_the_zoo() -> None:
    assert set(SPREAD) <= set(float_models())
    assert len(SPREAD) >= 25
    assert len(float_models()) >= 109


def test_the_report_has_a_line_for_each_model_and_says_what_stays() -> None:
    row = Row(
        "alexnet", "classification", 7, {"kernel extent": 2}, 0, 1, "live", (2, 1), (4, 1), 1e-7, (1.0,) * 4, "right", 9
    )
    died = {"model": "vit", "family": "classification", "verdict": "MemoryError"}
    text = report([vars(row), died])
    assert "1 of 2 are right" in text
    assert "- kernel extent (1 models)" in text
    assert line_of(vars(row)).count("|") == line_of(died).count("|") == len(COLUMNS) + 1
