"""The report of what was measured: a Markdown page with tables, claims and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev

from explorer.reproduction.charts import DotChart, Histograms, dot_charts, histograms
from explorer.reproduction.experiments import BASE, METHODS, Experiment
from explorer.reproduction.published import PUBLISHED, Published
from explorer.reproduction.records import FILE, Record
from explorer.reproduction.running import NORM_STEP, cases_of
from explorer.training import TrainingSettings
from explorer.training.checkpoint import write_whole

PAGE, ACCURACIES, SPARSITY = "README.md", "accuracy.svg", "group-sparsity.svg"
_DATA = {
    "digits": (
        "**The data is scikit-learn's handwritten digits, 8 x 8 pixels; the paper's is CIFAR and ImageNet.** The\n"
        "digits are far easier and far fewer, so no accuracy here compares with a published one. What compares is\n"
        "whether the methods come in the same order, and whether pruning costs accuracy."
    ),
    "cifar10": "The data is CIFAR-10, as in the paper's table of ResNet-56.",
}
_INTRODUCTION = """\
# The paper's experiments, run again

{data}

Source: Fang et al., *DepGraph: Towards Any Structural Pruning*, CVPR 2023.

{progress} Every accuracy is in per cent of the test part, which nothing was trained, chosen or stopped on. One of its
{samples} samples is {one:.2f} points. *a ± b* is the mean over the seeds and their standard deviation.

- **speed-up**: multiply-adds before over after, as counted on the plan.
- **right after pruning**: no weight was trained, no statistic changed. Every pruned network was proven to give what the
  original gives with the removed channels at zero.
- **statistics renewed**: the same with the mean and variance of BatchNorm layers taken anew on the train part; no label
  and no gradient is needed for that.
- **fine-tuned**: after the training that all methods of a table share, last epoch.
"""
_AGAIN = """
## How to run it again

    python -m explorer reproduce{names}{quick}

It goes on where it was stopped. Every run is a line of `{file}`, with its settings and versions.
"""
Value = Callable[[Record], float | None]


def write_report(folder: Path, experiments: Sequence[Experiment], records: Sequence[Record]) -> None:
    """Nothing; the folder then holds the page and its figures.

    Args:
        folder: Where to.
        experiments: What there is on this data; those of which nothing was measured are left out.
        records: What has been measured; those of other experiments are left out.

    Raises:
        SaveError: It cannot be written.
    """
    wanted = {case.key for case in cases_of(experiments)}
    found = [record for record in records if record.key in wanted]
    if not found:
        return
    figures = {ACCURACIES: accuracy_figure(experiments, found), SPARSITY: sparsity_figure(found)}
    for name, figure in figures.items():
        if figure:
            write_whole(folder / name, figure.encode())
    write_whole(folder / PAGE, page(experiments, found).encode())


def page(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    """The Markdown page.

    Args:
        experiments: What there is on this data; those of which nothing was measured are left out.
        records: What has been measured of it, at least one.
    """
    begun = [experiment for experiment in experiments if _of(records, experiment=experiment.name)]
    studies = [each for each in begun if len(each.methods) > 1]
    families = [each for each in begun if len(each.methods) == 1]
    parts = [_introduction(experiments, records)]
    parts += [_study(each, _of(records, experiment=each.name)) for each in studies]
    parts += [_families(families, records)] if families else []
    parts += [_budget(begun, records), _again(experiments)]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def accuracy_figure(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    """Dots for every seed of every method, a chart for each speed-up, as SVG; empty where nothing was compared."""
    charts = []
    for experiment in (each for each in experiments if len(each.methods) > 1):
        bases = [100 * record.unpruned for record in _of(records, experiment=experiment.name, method=BASE)]
        for speed_up in experiment.speed_ups:
            runs = _of(records, experiment=experiment.name, speed_up=speed_up)
            if not runs:
                continue
            series = {
                name: [
                    [100 * found for record in _of(runs, method=method) if (found := value(record)) is not None]
                    for method in experiment.methods
                ]
                for name, value in _STAGES.items()
            }
            title = f"{experiment.title} at {speed_up:g}x fewer multiply-adds"
            rows = [METHODS[method].title for method in experiment.methods]
            mark = (fmean(bases), "base") if bases else None
            charts.append(DotChart(title, rows, series, "test accuracy, %", (0, 100), range(0, 101, 20), mark))
    return dot_charts(charts) if charts else ""


def sparsity_figure(records: Sequence[Record]) -> str:
    """How the norms of channels lie before and after sparse training, as SVG; empty where none was measured.

    Each seed's sparse training is counted once, whatever was pruned after it.
    """
    charts = []
    for method in (name for name, method in METHODS.items() if method.is_sparse):
        runs = {record.seed: record.norms for record in _of(records, method=method) if record.norms}
        if runs:
            before, after = (
                [sum(bins) for bins in zip(*each, strict=True)] for each in zip(*runs.values(), strict=True)
            )
            title = f"{METHODS[method].title.capitalize()}: {len(runs)} seeds together"
            axis = "channels, by the squared norm of all their coupled slices over the mean of the group's better half"
            series = {"before sparse training": before, "after": after}
            charts.append(Histograms(title, series, NORM_STEP, axis))
    return histograms(charts) if charts else ""


_STAGES: Mapping[str, Value] = {
    "right after pruning": lambda record: record.pruned,
    "statistics renewed": lambda record: record.recalibrated,
    "fine-tuned": lambda record: record.tuned,
}
_FULL_AGAINST_PARTIAL = {
    "l1-group": ("l1-producer", "l1-conv"),
    "sparse-group": ("sparse-producer", "sparse-conv"),
}


def _introduction(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    total, samples = len(cases_of(experiments)), max(record.samples for record in records)
    progress = f"{len(records)} of {total} runs are done." if len(records) < total else f"All {total} runs are done."
    return _INTRODUCTION.format(
        data=_DATA[experiments[0].data.partition(":")[0].partition("-")[0]],
        progress=progress,
        samples=samples,
        one=100 / samples,
    )


def _study(experiment: Experiment, records: Sequence[Record]) -> str:
    """One network, several methods."""
    bases = _of(records, method=BASE)
    head = ("method", "speed-up", "parameters left", *_STAGES, "fine-tuned, against the base", "seeds")
    rows = [_base_row(bases)] if bases else []
    for speed_up in experiment.speed_ups:
        for method in experiment.methods:
            if runs := _of(records, method=method, speed_up=speed_up):
                rows.append(_method_row(METHODS[method].title, runs, bases))
    parts = [f"## {experiment.title}", "", *_markdown(head, rows), "", f"![Accuracy of every run]({ACCURACIES})", ""]
    parts += _claims(experiment, records)
    parts += _published(experiment.name)
    if any(record.norms for record in records):
        parts += ["### Group sparsity", "", f"![Norms before and after sparse training]({SPARSITY})", ""]
    return "\n".join(parts)


def _base_row(bases: Sequence[Record]) -> tuple[str, ...]:
    tuned = _spread([record.tuned for record in bases])
    return ("base", "1.00", "100 %", _spread([record.unpruned for record in bases]), "", tuned,
            _difference(bases, bases), str(len(bases)))  # fmt: skip


def _method_row(title: str, runs: Sequence[Record], bases: Sequence[Record]) -> tuple[str, ...]:
    stages = (_spread([value(record) for record in runs]) for value in _STAGES.values())
    return (title, _speed_up(runs), _left(runs), *stages, _difference(runs, bases), str(len(runs)))


def _claims(experiment: Experiment, records: Sequence[Record]) -> list[str]:
    """What the paper says, held against what was measured, seed by seed."""
    head = ("full grouping", "speed-up", "against", *list(_STAGES)[:2])
    rows = []
    for full, others in _FULL_AGAINST_PARTIAL.items():
        for speed_up in experiment.speed_ups:
            for other in others:
                ours, theirs = (_of(records, method=method, speed_up=speed_up) for method in (full, other))
                found = [_paired(ours, theirs, value) for value in list(_STAGES.values())[:2]]
                if any(found):
                    rows.append((METHODS[full].title, f"{speed_up:g}", METHODS[other].title, *found))
    if not rows:
        return []
    said = "Differences in points, seed by seed: full grouping minus partial grouping, before any fine-tuning."
    return ["### Full grouping against partial grouping", "", said, "", *_markdown(head, rows), ""]


def _published(name: str) -> list[str]:
    rows = [_published_row(row) for row in PUBLISHED.get(name, ())]
    head = ("network", "data", "method", "base", "fine-tuned", "speed-up")
    return ["### What the paper reports", "", *_markdown(head, rows), ""] if rows else []


def _published_row(row: Published) -> tuple[str, ...]:
    return row.network, row.data, row.method, f"{row.base:.2f}", f"{row.pruned:.2f}", f"{row.speed_up:.2f}"


def _families(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    """Many networks, one method each."""
    head = ("network", "data", "method", "speed-up", "parameters left", "base", *_STAGES, "seeds")
    rows = []
    for experiment in experiments:
        bases = _of(records, experiment=experiment.name, method=BASE)
        for method in experiment.methods:
            runs = _of(records, experiment=experiment.name, method=method)
            if runs and bases:
                stages = (_spread([value(record) for record in runs]) for value in _STAGES.values())
                base = f"{100 * bases[0].unpruned:.1f}"
                rows.append((experiment.title, experiment.data, METHODS[method].title, _speed_up(runs), _left(runs),
                             base, *stages, str(len(runs))))  # fmt: skip
    published = [line for each in experiments for line in _published(each.name)[2:]]
    said = (
        "Each network starts from the same trained weights for all seeds; a seed changes the order of samples and\n"
        "dropout. The paper prunes other networks of these families on other data."
    )
    parts = ["## The other families", "", said, "", *_markdown(head, rows), ""]
    return "\n".join([*parts, "What the paper reports:", "", *published] if published else parts)


def _budget(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    """How the networks were trained, with what, and for how long."""
    rows = []
    for experiment in experiments:
        base, sparse = experiment.base, experiment.sparse
        rows += [(experiment.title, "base", _said(base))] if base else []
        rows += [(experiment.title, f"sparse, strength {experiment.strength:g}", _said(sparse))] if sparse else []
        rows.append((experiment.title, "fine-tuning", _said(experiment.tuning)))
    versions = sorted({", ".join(f"{name} {text}" for name, text in record.versions.items()) for record in records})
    hours = sum(record.seconds for record in records) / 3600
    seeds = ", ".join(str(seed) for seed in sorted({record.seed for record in records}))
    return "\n".join(
        [
            "## How",
            "",
            *_markdown(("network", "training", "settings"), rows),
            "",
            f"Seeds {seeds}. {hours:.1f} hours on a clock, with {'; '.join(versions)}.",
        ]
    )


def _said(settings: TrainingSettings) -> str:
    default = asdict(TrainingSettings())
    always = ("epochs", "batch_size", "optimizer", "learning_rate", "schedule")
    given = {name: value for name, value in asdict(settings).items() if name in always or value != default[name]}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items() if name != "keep_best")


def _again(experiments: Sequence[Experiment]) -> str:
    is_quick = any(experiment.samples for experiment in experiments)
    kind = experiments[0].data.partition(":")[0]
    names = "" if kind != "cifar10" else " --data cifar10:DIR"
    return _AGAIN.format(names=names, quick=" --quick" if is_quick else "", file=FILE)


def _of(records: Iterable[Record], **wanted: object) -> list[Record]:
    """The records whose fields have the wanted values, by seed."""
    found = [record for record in records if all(getattr(record, name) == value for name, value in wanted.items())]
    return sorted(found, key=lambda record: record.seed)


def _spread(fractions: Iterable[float | None]) -> str:
    """Mean and standard deviation in per cent.

    Example:
        >>> _spread([0.98, 1.0])
        '99.0 ± 1.4'
    """
    known = [100 * fraction for fraction in fractions if fraction is not None]
    if not known:
        return ""
    return f"{fmean(known):.1f} ± {stdev(known):.1f}" if len(known) > 1 else f"{known[0]:.1f}"


def _paired(ours: Sequence[Record], theirs: Sequence[Record], value: Value) -> str:
    """The mean difference in points over the seeds that both have, and for how many of them it is above zero."""
    other = {record.seed: value(record) for record in theirs}
    pairs = [(value(record), other.get(record.seed)) for record in ours]
    differences = [100 * (a - b) for a, b in pairs if a is not None and b is not None]
    if not differences:
        return ""
    higher = sum(difference > 0 for difference in differences)
    return f"{fmean(differences):+.1f} (higher for {higher} of {len(differences)} seeds)"


def _difference(runs: Sequence[Record], bases: Sequence[Record]) -> str:
    """Points of the tuned networks above the bases of their seeds, as they were before any pruning or tuning."""
    base = {record.seed: record.unpruned for record in bases}
    found = [
        100 * (record.tuned - base[record.seed]) for record in runs if record.tuned is not None and record.seed in base
    ]
    return f"{fmean(found):+.1f}" if found else ""


def _speed_up(runs: Sequence[Record]) -> str:
    return f"{fmean(record.macs[0] / record.macs[1] for record in runs):.2f}"


def _left(runs: Sequence[Record]) -> str:
    return f"{100 * fmean(record.params[1] / record.params[0] for record in runs):.0f} %"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
