"""What has to be in the picture of a step: all that its text and its task speak of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from explorer.app.outline import Outline, ancestors, is_place, last, module_path
from explorer.app.scene import build_scene, closed_ancestor, fold_id, layer_id
from explorer.lessons import Form, Step, Task, hidden
from explorer.lessons.words import marked

MOST_INSIDE = 12
"""An open module that a text names is in its picture as a whole if it holds at most so many boxes."""


@dataclass(frozen=True)
class Focus:
    """What a picture is about, besides what is selected.

    Attributes:
        names: Layers, groups and closed modules, by full names.
        words: The same and signs of ops, by full names or by what is read on them in the graph.
        hides: What must not show, of `explorer.lessons.tasks.HIDEABLE`, since the answer could be read off it.
    """

    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()


def focus_of(step: Step, form: Form | None) -> Focus:
    """What the picture of a step has to hold.

    Args:
        step: The step.
        form: How its task is answered; None where it has none, or that cannot be said.
    """
    task, options = step.task, form.options if form else ()
    words = (*marked(step.text), *(marked(task.question) if task else ()))
    names = (*(option.layer or option.name for option in options), *(_fields(task) if task else ()))
    return Focus(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(words)), hidden(step))


def _fields(task: Task) -> Iterator[str]:
    """The layers that the fields of a task name: by a port, a group, or parameters that are cut."""
    if port := task.fields.get("port"):
        yield port[:-1]
    yield task.fields.get("group", "")
    for edit in task.fields.get("edits", ()):
        for cut in edit["cut"]:
            yield cut.partition(" ")[0].rpartition(".")[0]


def boxes_of(focus: Focus, outline: Outline, opened: frozenset[str]) -> frozenset[str]:
    """Ids of the boxes that stand for what a picture is about.

    Args:
        focus: What it is about; a name that stands for nothing in the graph is left out.
        outline: Layers, edges and modules.
        opened: Paths of the open modules.
    """
    names = dict.fromkeys((*focus.names, *focus.words))
    named = {name: [*_named(name.partition(":")[0], outline, opened)] for name in names}
    read = {word for word in focus.words if not named[word] and word not in outline.members}
    boxes = [box for box in build_scene(outline, opened).boxes if box.kind != "module"]
    titled = (box.id for box in boxes if read & {box.title, last(box.name)})
    inside = (box for name in focus.words for box in _inside(name, outline, opened))
    return frozenset((*(box for found in named.values() for box in found), *titled, *inside))


def box_of(outline: Outline, opened: frozenset[str], layer: str) -> str:
    """Id of the box that stands for a layer: its own, or that of the closed module around it."""
    closed = closed_ancestor(outline.by_name[layer], opened)
    return fold_id(closed) if closed else layer_id(layer)


def _named(name: str, outline: Outline, opened: frozenset[str]) -> Iterator[str]:
    """The box of a layer, or of a closed module; none where the module is open, or there is nothing of that name."""
    if name in outline.by_name:
        yield box_of(outline, opened, name)
        return
    for path in outline.members:
        if not is_place(path) and module_path(path) == name and (closed := _closed(path, opened)):
            yield fold_id(closed)


def _inside(name: str, outline: Outline, opened: frozenset[str]) -> tuple[str, ...]:
    """The boxes in an open module of a name; none where they are too many, or the module is closed."""
    paths = [path for path in outline.members if not is_place(path) and module_path(path) == name]
    if not paths or _closed(paths[0], opened):
        return ()
    layers = [layer.name for layer in outline.layers if paths[0] in ancestors(layer.parent)]
    boxes = tuple(dict.fromkeys(box_of(outline, opened, layer) for layer in layers))
    return boxes if len(boxes) <= MOST_INSIDE else ()


def _closed(path: str, opened: frozenset[str]) -> str:
    """The outermost closed module at or around a path; empty where it is open."""
    return next((each for each in ancestors(path) if each not in opened), "")
