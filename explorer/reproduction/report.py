"""The report of what was measured: a Markdown page with tables, claims and figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

from explorer.reproduction.charts import DotChart, Histograms, dot_charts, histograms
from explorer.reproduction.comparing import (
    BEFORE_TUNING,
    STAGES,
    against_base,
    full_against_partial,
    matching,
    spread,
)
from explorer.reproduction.experiments import BASE, METHODS, Experiment
from explorer.reproduction.published import PUBLISHED, Published
from explorer.reproduction.records import FILE, Record
from explorer.reproduction.running import NORM_STEP, cases_of
from explorer.training import TrainingSettings
from explorer.training.checkpoint import write_whole

PAGE, ACCURACIES, SPARSITY = "README.md", "accuracy.svg", "group-sparsity.svg"
PAPERS_METHOD = "sparse-group"
FULL_AGAINST_PARTIAL = {
    "sparse-group": ("sparse-producer", "sparse-conv"),
    "l1-group": ("l1-producer", "l1-conv"),
}
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

{progress}

Every accuracy is in per cent of the test part, which nothing was trained, chosen or stopped on. One of its {samples}
samples is {one:.2f} points. *a ± b* is the mean over the seeds and their standard deviation.

- **speed-up**: multiply-adds before over after, as counted on the plan.
- **right after pruning**: no weight was trained, no statistic changed. Every pruned network was proven to give what the
  original gives with the removed channels at zero.
- **statistics renewed**: the same with the mean and variance of BatchNorm layers taken anew on the train part; no label
  and no gradient is needed for that.
- **fine-tuned**: after the training that all methods of a table share, last epoch.
"""
_AGAIN = """
## How to run it again

    python -m explorer reproduce{options}

It goes on where it was stopped. Every run is a line of `{file}`, with its settings and versions.
"""


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
    begun = [experiment for experiment in experiments if matching(records, experiment=experiment.name)]
    studies = [experiment for experiment in begun if _is_study(experiment)]
    families = [experiment for experiment in begun if not _is_study(experiment)]
    parts = [_introduction(experiments, records)]
    parts += [_study(experiment, matching(records, experiment=experiment.name)) for experiment in studies]
    parts += [_families(families, records)] if families else []
    parts += [_budget(begun, records), _again(experiments)]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def accuracy_figure(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    """Dots for every seed of every method, a chart for each speed-up, as SVG; empty where nothing was compared."""
    charts = [
        _accuracy_chart(experiment, speed_up, matching(records, experiment=experiment.name))
        for experiment in experiments
        if _is_study(experiment)
        for speed_up in experiment.speed_ups
        if matching(records, experiment=experiment.name, speed_up=speed_up)
    ]
    return dot_charts(charts) if charts else ""


def _accuracy_chart(experiment: Experiment, speed_up: float, records: Sequence[Record]) -> DotChart:
    runs = [matching(records, method=method, speed_up=speed_up) for method in experiment.methods]
    series = {
        name: [[100 * found for record in row if (found := value(record)) is not None] for row in runs]
        for name, value in STAGES.items()
    }
    bases = [100 * record.unpruned for record in matching(records, method=BASE)]
    return DotChart(
        title=f"{experiment.title} at {speed_up:g}x fewer multiply-adds",
        rows=[METHODS[method].title for method in experiment.methods],
        series=series,
        axis="test accuracy, %",
        limits=(0, 100),
        ticks=range(0, 101, 20),
        mark=(fmean(bases), "base") if bases else None,
    )


def sparsity_figure(records: Sequence[Record]) -> str:
    """How the norms of channels lie before and after sparse training, as SVG; empty where none was measured.

    Each seed's sparse training is counted once, whatever was pruned after it.
    """
    charts = []
    for method in (name for name, method in METHODS.items() if method.is_sparse):
        runs = {record.seed: record.norms for record in matching(records, method=method) if record.norms}
        if runs:
            before, after = (
                [sum(bins) for bins in zip(*each, strict=True)] for each in zip(*runs.values(), strict=True)
            )
            title = f"{METHODS[method].title.capitalize()}: {_count(runs, 'seed')}"
            axis = "channels, by the squared norm of all their coupled slices over the mean of the group's better half"
            series = {"before sparse training": before, "after": after}
            charts.append(Histograms(title, series, NORM_STEP, axis))
    return histograms(charts) if charts else ""


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")


def _is_study(experiment: Experiment) -> bool:
    """Whether methods are compared; else it shows one family."""
    return len(experiment.methods) > 1


def _introduction(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    total, samples = len(cases_of(experiments)), max(record.samples for record in records)
    return _INTRODUCTION.format(
        data=_DATA[experiments[0].data.partition(":")[0].partition("-")[0]],
        progress=f"{len(records)} of {total} runs are done." if len(records) < total else f"All {total} runs are done.",
        samples=samples,
        one=100 / samples,
    )


def _study(experiment: Experiment, records: Sequence[Record]) -> str:
    """One network, several methods."""
    bases = matching(records, method=BASE)
    head = ("method", "speed-up", "parameters left", *STAGES, "against the base", "seeds")
    rows = [_base_row(bases)] if bases else []
    for speed_up in experiment.speed_ups:
        for method in experiment.methods:
            if runs := matching(records, method=method, speed_up=speed_up):
                rows.append((*_method_row(METHODS[method].title, runs), _mean(against_base(runs, bases)), _seeds(runs)))
    parts = [f"## {experiment.title}", "", *_markdown(head, rows), "", f"![Accuracy of every run]({ACCURACIES})", ""]
    parts += [*_claims(experiment, records), *_grouping(experiment, records), *_published(experiment.name)]
    if any(record.norms for record in records):
        parts += ["### Group sparsity", "", f"![Norms before and after sparse training]({SPARSITY})", ""]
    return "\n".join(parts)


def _base_row(bases: Sequence[Record]) -> tuple[str, ...]:
    unpruned, tuned = (spread(values) for values in zip(*((each.unpruned, each.tuned) for each in bases), strict=True))
    return "base", "1.00", "100 %", unpruned, "", tuned, _mean(against_base(bases, bases)), _seeds(bases)


def _method_row(title: str, runs: Sequence[Record]) -> tuple[str, ...]:
    speed_up = fmean(record.macs[0] / record.macs[1] for record in runs)
    left = 100 * fmean(record.params[1] / record.params[0] for record in runs)
    stages = (spread(value(record) for record in runs) for value in STAGES.values())
    return title, f"{speed_up:.2f}", f"{left:.0f} %", *stages


def _claims(experiment: Experiment, records: Sequence[Record]) -> list[str]:
    """How often what the paper says came out, a row for each claim that something was measured of."""
    highest = max(experiment.speed_ups)
    rows = []
    for full, partial in ((full, partial) for full, partials in FULL_AGAINST_PARTIAL.items() for partial in partials):
        found = [full_against_partial(records, full, partial, speed_up)[0] for speed_up in experiment.speed_ups]
        above = [difference for each in found for difference in each]
        claim = f"right after pruning, {METHODS[full].title} is better than {METHODS[partial].title}"
        rows.append((claim, above, sum(difference > 0 for difference in above)))
    lost = against_base(matching(records, method=PAPERS_METHOD, speed_up=highest), matching(records, method=BASE))
    claim = f"after fine-tuning, {METHODS[PAPERS_METHOD].title} loses nothing at {highest:g}x"
    rows.append((claim, lost, sum(difference >= 0 for difference in lost)))
    told = [(claim, f"{held} of {len(found)}", _mean(found)) for claim, found, held in rows if found]
    head = ("claim", "held in", "mean difference in points")
    return ["### What holds", "", *_markdown(head, told), ""] if told else []


def _grouping(experiment: Experiment, records: Sequence[Record]) -> list[str]:
    """Full grouping against each partial one."""
    rows = [
        (METHODS[full].title, f"{speed_up:g}", METHODS[partial].title, *map(_paired, found))
        for full, partials in FULL_AGAINST_PARTIAL.items()
        for speed_up in experiment.speed_ups
        for partial in partials
        if any(found := full_against_partial(records, full, partial, speed_up))
    ]
    if not rows:
        return []
    said = (
        "Points by which full grouping is above partial grouping before fine-tuning, and for how many seeds it is.\n"
        "Without sparse training, what the removed channels carried shifts the means that every BatchNorm behind them\n"
        "expects: accuracy then says little of the choice until these statistics are renewed."
    )
    head = ("full grouping", "speed-up", "partial grouping", *BEFORE_TUNING)
    return ["### Full grouping against partial grouping", "", said, "", *_markdown(head, rows), ""]


def _published(name: str) -> list[str]:
    rows = [_published_row(row) for row in PUBLISHED.get(name, ())]
    head = ("network", "data", "method", "base", "fine-tuned", "speed-up")
    return ["### What the paper reports", "", *_markdown(head, rows), ""] if rows else []


def _published_row(row: Published) -> tuple[str, ...]:
    return row.network, row.data, row.method, f"{row.base:.2f}", f"{row.pruned:.2f}", f"{row.speed_up:.2f}"


def _families(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    """Many networks, one method each."""
    rows = []
    for experiment in experiments:
        bases = matching(records, experiment=experiment.name, method=BASE)
        for method in experiment.methods:
            if runs := matching(records, experiment=experiment.name, method=method):
                base = spread(record.unpruned for record in bases)
                row = (*_method_row(METHODS[method].title, runs), base, _seeds(runs))
                rows.append((experiment.title, experiment.data, *row))
    said = (
        "Each network starts from the same trained weights for all seeds; a seed changes the order of samples and\n"
        "dropout. The paper prunes other networks of these families on other data."
    )
    head = ("network", "data", "method", "speed-up", "parameters left", *STAGES, "base", "seeds")
    published = [line for experiment in experiments for line in _published(experiment.name)]
    return "\n".join(["## The other families", "", said, "", *_markdown(head, rows), "", *published])


def _budget(experiments: Sequence[Experiment], records: Sequence[Record]) -> str:
    """How the networks were trained, with what, and for how long."""
    rows = []
    for experiment in experiments:
        base, sparse = experiment.base, experiment.sparse
        rows += [(experiment.title, "base", _said(base))] if base else []
        rows += [(experiment.title, f"sparse, strength {experiment.strength:g}", _said(sparse))] if sparse else []
        rows.append((experiment.title, "fine-tuning", _said(experiment.tuning)))
    versions = sorted({", ".join(f"{name} {text}" for name, text in record.versions.items()) for record in records})
    minutes = sum(record.seconds for record in records) / 60
    seeds = ", ".join(str(seed) for seed in sorted({record.seed for record in records}))
    return "\n".join(
        [
            "## How",
            "",
            *_markdown(("network", "training", "settings"), rows),
            "",
            f"Seeds {seeds}. {minutes:.0f} minutes on a clock, with {'; '.join(versions)}.",
        ]
    )


def _said(settings: TrainingSettings) -> str:
    default = asdict(TrainingSettings())
    always = ("epochs", "batch_size", "optimizer", "learning_rate", "schedule")
    given = {name: value for name, value in asdict(settings).items() if name in always or value != default[name]}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items() if name != "keep_best")


def _again(experiments: Sequence[Experiment]) -> str:
    is_cifar, is_quick = experiments[0].data.startswith("cifar10"), experiments[0].samples is not None
    options = (" --data cifar10:DIR" if is_cifar else "") + (" --quick" if is_quick else "")
    return _AGAIN.format(options=options, file=FILE)


def _paired(found: Sequence[float]) -> str:
    higher = sum(difference > 0 for difference in found)
    return f"{_mean(found)} ({higher} of {len(found)})" if found else ""


def _mean(found: Sequence[float]) -> str:
    return f"{fmean(found):+.1f}" if found else ""


def _seeds(runs: Sequence[Record]) -> str:
    return str(len(runs))


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
