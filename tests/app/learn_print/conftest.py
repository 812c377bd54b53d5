"""A lesson with a task of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.lessons import Lesson, read_lesson

EVERY_KIND = """\
title: Every <kind>
summary: One task of each kind.
minutes: 3
show: {model: "sample:resnet20", open: [layer1, layer1.0]}
steps:
  - id: see
    title: See
    text: A [group](term:group) of `conv1` & more.
    show: {select: {group: conv1}}
  - id: pick
    title: Pick
    text: Who loses a channel?
    task:
      {kind: pick, question: "Which **layers**?", hint: "Follow it.", because: "A [channel](term:channel) is shared.",
       find: loses_with, port: layer1.0.conv1+, among: [layer1.0]}
  - id: choose
    title: Choose
    text: Which saves most?
    task:
      {kind: choose, question: "Which?", hint: "Look at sizes.", by: params, find: most,
       options: [conv1, layer1.0.conv1]}
  - id: predict
    title: Predict
    text: How much is left?
    task: {kind: predict, question: "How much?", hint: "Halves.", quantity: macs, ratios: {layer1.0.conv1: 0.5}}
  - id: edits
    title: Edits
    text: What breaks?
    task:
      kind: edits
      question: Which break it?
      hint: Count.
      group: layer1.0.conv1
      channel: 0
      edits: [{title: Only the weight, cut: [layer1.0.conv1.weight 0]}, {title: All of it, cut: [group]}]
  - id: goal
    title: Goal
    text: Prune it.
    task: {kind: goal, question: "Prune.", hint: "Slide.", at_most: {macs: 0.95}, at_least: {accuracy: 0.2}, best: macs}
"""


@pytest.fixture
def lesson(tmp_path: Path) -> Lesson:
    file = tmp_path / "07-every-kind.yaml"
    file.write_text(EVERY_KIND, encoding="utf-8")
    return read_lesson(file)
