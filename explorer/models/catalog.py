"""The models that can be opened by name, for a picker."""

from __future__ import annotations

from dataclasses import dataclass

from sample_models import SAMPLES

TASK_TITLES = {
    "classification": "Classification",
    "segmentation": "Segmentation",
    "detection": "Detection",
    "video": "Video",
    "optical_flow": "Optical flow",
}


@dataclass(frozen=True, slots=True)
class SourceFamily:
    """Sources that belong under one heading.

    Attributes:
        title: The heading.
        sources: Canonical texts of sources, in the order in which they are shown.
    """

    title: str
    sources: tuple[str, ...]


def list_sources() -> tuple[SourceFamily, ...]:
    """The sample models, then torchvision's models by task, each with random weights.

    The quantized twins that torchvision registers are left out: built without their weights they are the models of the
    same name. The first call imports torchvision, which takes a second.
    """
    from explorer.models import from_torchvision

    samples = SourceFamily("Trained samples", tuple(f"sample:{name}" for name in SAMPLES))
    by_task: dict[str, list[str]] = {task: [] for task in TASK_TITLES}
    for name in from_torchvision.names():
        task = from_torchvision.task(name)
        if task != "quantization":
            by_task.setdefault(task, []).append(f"torchvision:{name}")
    families = (SourceFamily(TASK_TITLES.get(task, task), tuple(found)) for task, found in by_task.items() if found)
    return (samples, *families)
