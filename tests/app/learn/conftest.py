"""A small lesson with a task of every kind on ResNet-20, as a file would say it."""

from __future__ import annotations

import pytest

from explorer.lessons import Lesson, read_lesson

TEXT = """\
title: All kinds
summary: One task of each kind.
minutes: 3
show:
  model: sample:resnet20
  open: [layer1, layer1.0]
steps:
  - id: see
    title: Only to see
    text: |
      A **bold** [channel](term:channel), and `code`
      on a second line.
  - id: pick
    title: Pick
    text: Text.
    task:
      kind: pick
      question: Select every layer that loses a channel with `conv1`.
      hint: Follow the arrows.
      because: One [group](term:group).
      find: loses_with
      port: conv1+
      among: [bn1, layer1.0]
  - id: choose
    title: Choose
    text: Text.
    task:
      kind: choose
      question: Which one saves most?
      hint: The widest.
      find: most
      by: macs
      options: [conv1, layer3.0.conv1]
  - id: accurate
    title: Choose by accuracy
    text: Text.
    task:
      kind: choose
      question: Which one costs most accuracy?
      hint: Try.
      find: least
      by: accuracy
      options: [conv1, layer3.0.conv1]
  - id: predict
    title: Predict
    text: Text.
    show:
      panes: [groups, totals]
    task:
      kind: predict
      question: How many MACs are left?
      hint: Half times half.
      quantity: macs
      ratios: 0.5
  - id: edits
    title: Edits
    text: Text.
    task:
      kind: edits
      question: Which ones break it?
      hint: Shapes have to fit.
      group: conv1
      channel: 3
      edits:
        - {title: Only one weight, cut: [conv1.weight 0]}
        - {title: The whole group, cut: [group]}
  - id: goal
    title: Goal
    text: Text.
    show:
      panes: [groups, totals]
    task:
      kind: goal
      question: Halve the MACs.
      hint: Move the sliders.
      at_most: {macs: 0.5}
      at_least: {accuracy: 0.05}
      best: macs
"""


@pytest.fixture(scope="session")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    path = tmp_path_factory.mktemp("lessons") / "01-kinds.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return read_lesson(path)
