"""Writing a pruned model in one or several formats, each checked before anything appears."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from explorer.engine.errors import ExplorerError, ExportError, SaveError, did_you_mean
from explorer.engine.save import MAKE_ROOM, README_FILE
from explorer.engine.ways import Way
from explorer.engine.writing import new_folder
from explorer.exports.checking import Check, check
from explorer.exports.folder import FOLDER
from explorer.exports.format import Format
from explorer.exports.onnx import ONNX
from explorer.exports.program import PROGRAM
from explorer.exports.pt2 import PT2
from explorer.exports.refusing import known_refusal, plan_refusal
from explorer.exports.state_dict import STATE_DICT
from explorer.exports.subject import Subject

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned
    from explorer.engine.plan import Plan

FORMATS: Mapping[str, Format] = {form.name: form for form in (FOLDER, STATE_DICT, PT2, ONNX, PROGRAM)}
"""Every format by name, in the order in which they are shown; a new one is a file and an entry."""


MOST_SAID = 300
"""Letters of a message of PyTorch's that are passed on."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: Where; each format has a folder of its name in it.
        checks: What the check of each format found.
        sizes: Bytes of each format's files together.
        snippets: The lines that load each format where its folder is the current one.
    """

    folder: Path
    checks: Mapping[str, Check]
    sizes: Mapping[str, int]
    snippets: Mapping[str, str]


def export(
    pruned: Pruned,
    folder: str | Path,
    formats: Sequence[str] = ("folder",),
    *,
    watch: Callable[[str, str], None] = lambda stage, name: None,
) -> Exported:
    """Write a pruned model for use elsewhere, and check each format by loading it in a fresh process.

    Args:
        pruned: What `Plan.apply` returned; its weights may have been trained since.
        folder: A folder that does not exist yet, or is empty. Each format gets a folder of its name in it.
        formats: Names of `FORMATS`.
        watch: Is told of each stage before it begins: ``writing`` or ``checking``, and the format.

    Returns:
        What was written and what the checks found. All of it appears at once, or nothing does.

    Raises:
        ExportError: There is no such format, it cannot hold this model, lacks a package, or came out wrong.
        SaveError: The folder holds something, or the disk refuses.
    """
    chosen = check_formats(formats)
    for form in chosen:
        if reason := known_refusal(form, pruned.plan, Way(pruned.way, pruned.reason)):
            raise ExportError(f"The format '{form.name}' cannot hold this model. {reason}")
    subject = Subject(pruned)
    target = Path(folder)
    checks: dict[str, Check] = {}
    sizes: dict[str, int] = {}
    with new_folder(target) as unfinished:
        for form in chosen:
            place = unfinished / form.name
            place.mkdir()
            checks[form.name] = _made(form, subject, place, watch)
            (place / README_FILE).write_text(_readme(subject, form, checks[form.name]), encoding="utf-8")
            sizes[form.name] = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return Exported(target, checks, sizes, {form.name: form.snippet(subject) for form in chosen})


def _made(form: Format, subject: Subject, place: Path, watch: Callable[[str, str], None]) -> Check:
    """A format is written, and checked."""
    try:
        watch("writing", form.name)
        _write(form, subject, place)
        watch("checking", form.name)
        return check(subject, form, place)
    except SafetensorError as error:
        raise SaveError(f"The export '{form.name}' could not be written: {error}. {MAKE_ROOM}") from error


def _write(form: Format, subject: Subject, place: Path) -> None:
    try:
        form.write(subject, place)
    except (ExplorerError, OSError, SafetensorError):
        raise
    except Exception as error:  # whatever PyTorch says where a format has no form for something
        said = " ".join(str(error).split())[:MOST_SAID]
        raise ExportError(
            f"PyTorch cannot write this model in the format '{form.name}': {type(error).__name__}: {said}. Choose "
            "another format; folder and state_dict keep the model's own code."
        ) from error


def estimates(plan: Plan) -> dict[str, int]:
    """About how many bytes the files of each format take for a plan, before any is made.

    Args:
        plan: The plan; nothing is applied.
    """
    return {name: form.estimate(plan) for name, form in FORMATS.items()}


def refusals(plan: Plan) -> dict[str, str]:
    """Why a format cannot hold what a plan makes, as far as that is known before any is made.

    Args:
        plan: The plan; nothing is applied.

    Returns:
        Reasons by name of the format; the others may be tried.
    """
    if reason := plan_refusal(plan):
        return dict.fromkeys(FORMATS, reason)
    found = {name: known_refusal(form, plan, plan.expected_way) for name, form in FORMATS.items()}
    return {name: reason for name, reason in found.items() if reason}


def check_formats(names: Sequence[str]) -> tuple[Format, ...]:
    """The formats of some names, each once.

    Raises:
        ExportError: None is named, there is no such format, or a package is missing that it needs.
    """
    if not names:
        raise ExportError(f"No format is named. The formats are {', '.join(FORMATS)}.")
    for name in names:
        if name == "torchscript":
            raise ExportError("TorchScript is deprecated in PyTorch, so it is not offered. Choose pt2, its successor.")
        if name not in FORMATS:
            raise ExportError(
                f"There is no format {name!r}. {did_you_mean(name, FORMATS)}The formats are {', '.join(FORMATS)}."
            )
    chosen = tuple(FORMATS[name] for name in dict.fromkeys(names))
    for form in chosen:
        if form.lacks:
            raise ExportError(f"The format '{form.name}' cannot be written here. {form.lacks}")
    return chosen


def _readme(subject: Subject, form: Format, found: Check) -> str:
    plan = subject.pruned.plan
    before, after = plan.cost.before, plan.cost.after
    needs = "Needs the explorer; nothing here is pickled." if form.needs_explorer else "Nothing here is pickled."
    return "\n".join([
        f"# {plan.graph.title}, pruned: {form.title}",
        "",
        f"Parameters {before.params:,} -> {after.params:,}; multiply-adds {before.macs:,} -> {after.macs:,} for one "
        "traced input. Made by the explorer.",
        "",
        f"{form.good_for} {needs}",
        "",
        "In this folder:",
        "",
        "```python",
        form.snippet(subject),
        "```",
        "",
        f"Checked when it was made: {found}.",
        "",
    ])  # fmt: skip
