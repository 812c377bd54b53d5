"""One self-contained HTML page about a pruned model: its graph, tables, charts and proof. It asks for nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.app.numbers import change, count, percent, shape, size
from explorer.app.outline import outline
from explorer.app.svg import draw_svg
from explorer.app.theme import FONT, tokens
from explorer.app.unfolding import first_open
from explorer.engine.changes import LayerChange, layer_changes
from explorer.training.checkpoint import write_whole

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned
    from explorer.engine.plan import Plan

LAYERS_CHARTED = 24
"""The layers with the most parameters; what the others hold would be too thin to be seen."""
BAR_WIDTH, BAR_HEIGHT, ROW, LABEL_WIDTH = 420, 12, 20, 250
USED = ("canvas", "ink", "ink-2", "ink-3", "node-line", "sunken", "accent", "band")

COSTS = (("Parameters", "params", count), ("Multiply-adds", "macs", count), ("Weights", "bytes", size))


@dataclass(frozen=True)
class Bar:
    """A row of a chart.

    Attributes:
        label: What it is of.
        before: How much there was.
        after: How much stays.
        text: What is written next to it.
    """

    label: str
    before: float
    after: float
    text: str


def write_report(pruned: Pruned, target: Path, proof: str) -> None:
    """Write the page.

    Args:
        pruned: The pruned model.
        target: A file to write, replaced where it exists.
        proof: What the proof found, in words.

    Raises:
        SaveError: The disk refuses.
    """
    write_whole(target, report_html(pruned, proof).encode())


def report_html(pruned: Pruned, proof: str) -> str:
    """The page as text.

    Args:
        pruned: The pruned model.
        proof: What the proof found, in words.
    """
    plan = pruned.plan
    title = f"{plan.graph.title}, pruned"
    changed = [each for each in layer_changes(plan) if each.is_changed and each.parameters]
    sections = (
        _section("What it costs", _costs(plan)),
        _section("The graph", f'<div class="picture">{_graph(plan)}</div>'),
        _section("What stays of each group", chart(_group_bars(plan))),
        _section("Parameters by layer", chart(_layer_bars(changed))),
        _section("Groups", _groups(plan)),
        _section("Layers that change", _layers(changed)),
        _section("What was changed in the code's numbers", _repairs(pruned)),
        _section("The recipe", _recipe(pruned)),
    )
    return _PAGE.format(
        title=escape(title),
        style=_style(),
        proof=escape(proof),
        source=escape(plan.graph.source or "a model in memory"),
        way=_way(pruned),
        sections="\n".join(sections),
    )


def chart(bars: Sequence[Bar]) -> str:
    """A bar chart as SVG: what there was in pale, what stays in strong.

    Args:
        bars: The rows; their longest fills the width.
    """
    if not bars:
        return '<p class="quiet">Nothing changes.</p>'
    most = max(bar.before for bar in bars) or 1
    rows = [_bar(bar, most, ROW * number) for number, bar in enumerate(bars)]
    width, height = LABEL_WIDTH + BAR_WIDTH + 150, ROW * len(bars)
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" class="chart">{"".join(rows)}</svg>'


def _bar(bar: Bar, most: float, top: int) -> str:
    before, after = (BAR_WIDTH * amount / most for amount in (bar.before, bar.after))
    label = bar.label if len(bar.label) <= 38 else f"…{bar.label[-37:]}"
    middle = top + ROW / 2 + 4
    hint = f"<title>{escape(bar.label)}</title>"
    return (
        f'<text x="{LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(label)}{hint}</text>'
        f'<rect x="{LABEL_WIDTH}" y="{top + 4}" width="{before:.1f}" height="{BAR_HEIGHT}" class="before"/>'
        f'<rect x="{LABEL_WIDTH}" y="{top + 4}" width="{after:.1f}" height="{BAR_HEIGHT}" class="after"/>'
        f'<text x="{LABEL_WIDTH + before + 8:.1f}" y="{middle}" class="quiet">{escape(bar.text)}</text>'
    )


def _group_bars(plan: Plan) -> list[Bar]:
    bars = []
    for group in plan.graph.groups:
        kept = len(plan.channels[group.name])
        bars.append(Bar(group.name, 1, kept / group.size, f"{kept} of {group.size}"))
    return bars


def _layer_bars(changed: Sequence[LayerChange]) -> list[Bar]:
    largest = sorted(changed, key=lambda each: -each.params[0])[:LAYERS_CHARTED]
    return [
        Bar(e.layer.name, *e.params, f"{count(e.params[0])} → {count(e.params[1])}") for e in largest if e.params[0]
    ]


def _costs(plan: Plan) -> str:
    costs = [(title, getattr(plan.cost.before, key), getattr(plan.cost.after, key), show) for title, key, show in COSTS]
    rows = [(title, show(before), show(after), change(before, after)) for title, before, after, show in costs]
    return _table(("", "before", "after", "change"), rows)


def _graph(plan: Plan) -> str:
    graph = plan.graph
    classes = {path: type(module).__name__ for path, module in graph.model.named_modules()}
    drawn = outline(graph.layers, graph.edges, classes)
    sizes = {group.name: group.size for group in graph.groups}
    kept = {name: [sizes[name], len(channels), 0.0] for name, channels in plan.channels.items()}
    return draw_svg(drawn, first_open(drawn), sizes, (), kept)


def _groups(plan: Plan) -> str:
    rows = []
    for group in plan.graph.groups:
        kept = len(plan.channels[group.name])
        cells = group.name, group.kind.replace("_", " "), str(group.size), str(kept), percent(1 - kept / group.size, 0)
        rows.append((*cells, str(len(group.members))))
    return _table(("group", "kind", "channels", "kept", "removed", "coupled tensors"), rows)


def _layers(changed: Sequence[LayerChange]) -> str:
    rows = []
    for each in changed:
        _, before, after = each.parameters[0]
        params = f"{count(each.params[0])} → {count(each.params[1])}"
        rows.append((each.layer.name, each.layer.type_name, f"{shape(before)} → {shape(after)}", params))
    return _table(("layer", "class", "weight", "parameters"), rows)


def _repairs(pruned: Pruned) -> str:
    if not pruned.repairs:
        return '<p class="quiet">Nothing but the attributes of modules that PyTorch defines.</p>'
    rows = [(f"{r.module or 'model'}.{r.name}", str(r.before), str(r.after), r.reason) for r in pruned.repairs]
    return _table(("attribute", "before", "after", "why"), rows)


def _recipe(pruned: Pruned) -> str:
    text = escape(json.dumps(pruned.recipe))
    return (
        '<p>Save it as <code>recipe.json</code>; <code>explorer.apply_recipe(model, "recipe.json")</code> does the '
        "same to other weights of this architecture.</p>"
        f"<details><summary>recipe.json</summary><pre>{text}</pre></details>"
    )


def _way(pruned: Pruned) -> str:
    if pruned.way == "live":
        return "The original classes run with the smaller sizes."
    return escape(f"The recorded calls are replayed with the smaller sizes. {pruned.reason}")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    if not (listed := list(rows)):
        return '<p class="quiet">None.</p>'
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in listed)
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _style() -> str:
    def variables(scheme: str) -> str:
        return "".join(f"--{name}:{tokens(scheme)[name]};" for name in USED)

    return _STYLE.replace("LIGHT", variables("light")).replace("DARK", variables("dark")).replace("FONT", FONT)


_STYLE = """
:root { LIGHT color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { DARK } }
body { margin: 0 auto; max-width: 1080px; padding: 32px 24px 64px; background: var(--canvas); color: var(--ink);
  font: 14px/1.5 FONT; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 36px 0 10px; }
p { margin: 4px 0; } .quiet { color: var(--ink-3); fill: var(--ink-3); }
.proof { display: inline-block; margin-top: 12px; padding: 6px 10px; border: 1px solid var(--node-line);
  border-radius: 6px; background: var(--sunken); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--ink-3); }
th, td { padding: 3px 20px 3px 0; border-bottom: 1px solid var(--node-line); white-space: nowrap; }
.scroll { overflow-x: auto; max-height: 480px; overflow-y: auto; }
.picture { background: #fff; border: 1px solid var(--node-line); border-radius: 8px; padding: 8px; overflow: auto; }
.picture svg { display: block; margin: 0 auto; max-width: 100%; height: auto; }
.chart { max-width: 100%; height: auto; } .chart text { font-size: 11px; fill: var(--ink-2); }
.chart text.quiet { fill: var(--ink-3); } .chart .before { fill: var(--band); stroke: var(--node-line); }
.chart .after { fill: var(--accent); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 11px; max-height: 320px; overflow: auto;
  background: var(--sunken); padding: 10px; border-radius: 6px; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p class="quiet">Made from {source} by the explorer. {way}</p>
<p class="proof">{proof}</p>
{sections}
</body>
</html>
"""
