"""The command line: serve the app, print what a trace finds, or prune without a browser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.commands import lessons, ranking, reproduce, taking, training
from explorer.commands.text import Bar, say, table
from explorer.engine.errors import ExplorerError, VerifyError

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.groups import Frozen, Group
    from explorer.engine.plan import Plan
    from explorer.models import OpenedModel

COMMANDS = ("serve", "trace", "prune", *training.COMMANDS, *taking.COMMANDS, reproduce.COMMAND, lessons.COMMAND)
SOURCES = """\
SOURCE is one of
  sample:resnet20                 a small trained model that comes with the explorer (the default)
  torchvision:resnet50            one of torchvision's models, with random weights
  torchvision:resnet50@DEFAULT    the same with pretrained weights, through torchvision's download cache
  path/to/file.py:factory         your own: a function that returns a module, or (module, example inputs)
"""
EXAMPLES = """\
examples
  python -m explorer                                        open the app on a trained ResNet-20
  python -m explorer torchvision:resnet50 --port 8080       another model, another port
  python -m explorer my_model.py:build --input 1,3,224,224  your own model
  python -m explorer trace torchvision:resnet18             which channels hang together, and what stays
  python -m explorer prune sample:resnet20 --ratio 0.5 --out half/
                                                            remove half of every group, prove it, save it
  python -m explorer prune sample:vgg --ratio 0.5 --importance taylor --data digits --out half/
                                                            the same, ranked by what channels do to the loss
  python -m explorer finetune sample:resnet20 --macs 0.5 --data digits --epochs 10 --out half/
                                                            prune to half of the multiply-adds, train, save it
  torchrun --nproc-per-node 4 -m explorer finetune ...      the same on four GPUs or processes
  python -m explorer sensitivity sample:resnet20 --data digits --out sweep.json
                                                            accuracy with each group pruned alone
  celery -A explorer.jobs -b redis://HOST:6379/0 worker     work for others, on as many machines as you like
  python -m explorer sensitivity --broker redis://HOST:6379/0
                                                            the same sweep, measured by those workers
  python -m explorer --lessons my_lessons/                  the app with lessons of your own at /learn
  python -m explorer lessons my_lessons/                    check that they fit the models they show
  python -m explorer reproduce --quick                      the paper's experiments, as a trial
  python -m explorer export half/ --format onnx,pt2 --out elsewhere/
                                                            formats that load without the explorer, each checked
  python -m explorer apply half/ --weights tuned.safetensors --rerank --out again/
                                                            the same recipe on other weights
  python -m explorer report half/ --out half.html           one page about it: graph, tables, charts, proof

`python -m explorer prune --help`, and the same for each command, says more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        Exit code: 0, or 2 after an error that was printed.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in (*COMMANDS, "-h", "--help"):
        arguments.insert(0, "serve")  # `explorer SOURCE` is short for `explorer serve SOURCE`
    options = parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except ExplorerError as error:
        from explorer.models.advice import advice

        sys.stderr.write("".join([f"explorer: {error}\n", *(f"  try: {hint}\n" for hint in advice(error))]))
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _teaching(
        argparse.ArgumentParser,
        prog="explorer",
        description="See what hangs together in a PyTorch model, and prune it.",
    )
    top.epilog = f"{SOURCES}\n{EXAMPLES}"
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    serve = _command(commands, "serve", "open the app (the default: `explorer SOURCE` is enough)", _serve)
    ranking.add_data(serve, "what accuracy is measured on")
    serve.add_argument("--host", default="127.0.0.1", help="address to serve on (127.0.0.1: this machine only)")
    serve.add_argument("--port", type=_port, default=8050, help="port to serve on; 0 takes a free one (8050)")
    serve.add_argument(
        "--lessons", type=Path, metavar="DIR", help="lessons of your own, which /learn lists after the explorer's"
    )
    training.add_broker(serve, "let workers measure, through this Redis server")
    serve.add_argument("--no-browser", action="store_true", help="do not open a browser")
    _command(commands, "trace", "print groups, frozen dimensions with reasons, and ops without a rule", _trace)
    prune = _command(commands, "prune", "remove a fraction of every group, prove the result and save it", _prune)
    prune.add_argument("--ratio", type=float, required=True, help="fraction of each group to remove, 0 to 0.99")
    prune.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    ranking.add_importance(prune)
    ranking.add_gradients(prune)
    prune.add_argument("--round-to", type=int, default=1, metavar="N", help="keep a multiple of N channels (1)")
    prune.add_argument("--minimum", type=int, default=1, metavar="N", help="keep at least N channels per group (1)")
    training.add_commands(partial(_command, commands), lambda options: _traced(options)[1])
    reproduce.add_command(commands)
    lessons.add_command(commands)
    taking.add_commands(partial(_bare_command, commands, epilog=taking.RECIPES), _write_report)
    return top


def input_shape(text: str) -> tuple[int, ...]:
    """Sizes separated by commas: ``1,3,224,224``.

    Raises:
        argparse.ArgumentTypeError: The text is none.
    """
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no shape; write sizes with commas, batch first, as in 1,3,224,224"
        )
    return sizes


def _teaching(make: Callable[..., argparse.ArgumentParser], **options: str) -> argparse.ArgumentParser:
    return make(formatter_class=argparse.RawDescriptionHelpFormatter, **options)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    purpose: str,
    run: Callable[[argparse.Namespace], None],
) -> argparse.ArgumentParser:
    command = _bare_command(commands, name, purpose, run, epilog=SOURCES)
    command.add_argument("source", nargs="?", default="sample:resnet20", metavar="SOURCE", help="the model; see below")
    command.add_argument(
        "--input", type=input_shape, metavar="SHAPE", help="shape of the example input, as in 1,3,224,224"
    )
    command.add_argument(
        "--weights", type=Path, metavar="FILE", help="safetensors file or weights_only state dict to load"
    )
    return command


def _bare_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    purpose: str,
    run: Callable[[argparse.Namespace], None],
    *,
    epilog: str,
) -> argparse.ArgumentParser:
    """A command without the options that name a model."""
    command = _teaching(
        commands.add_parser, name=name, help=purpose, description=f"{purpose.capitalize()}.", epilog=epilog
    )
    command.set_defaults(run=run)
    return command


def _write_report(pruned: Pruned, target: Path, proof: str) -> None:
    from explorer.app.report import write_report

    write_report(pruned, target, proof)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port; a port is a number from 0 to 65535")
    return int(text)


def _open(options: argparse.Namespace) -> OpenedModel:
    from explorer.models import open_model

    return open_model(options.source, input_shape=options.input, weights=options.weights, trust_code=True)


def _traced(options: argparse.Namespace) -> tuple[OpenedModel, DependencyGraph]:
    from explorer.models.tracing import trace_opened

    opened = _open(options)
    return opened, trace_opened(opened)


def _serve(options: argparse.Namespace) -> None:
    from explorer.app.serving import run
    from explorer.app.workspace import Workspace
    from explorer.jobs import JobQueue, Shelves, connect
    from explorer.lessons import lessons_with
    from explorer.training import open_data

    taught = lessons_with(options.lessons)
    workers = connect(options.broker) if options.broker else None
    opened, graph = _traced(options)
    data = open_data(options.data, trust_code=True) if options.data else None
    is_as_named = options.weights is None and options.input is None and data is None
    workspace = Workspace(JobQueue(elsewhere=workers), shelves=Shelves.lasting())
    subject = workspace.add(graph, opened, data=data, is_as_named=is_as_named)
    run(
        workspace,
        subject,
        port=options.port,
        host=options.host,
        open_browser=not options.no_browser,
        lessons=taught,
    )


def _trace(options: argparse.Namespace) -> None:
    opened, graph = _traced(options)
    say(trace_report(opened.title, graph))


def _prune(options: argparse.Namespace) -> None:
    from explorer.engine.save import save
    from explorer.engine.writing import check_free
    from explorer.exploration import needed_gradients

    check_free(options.out)
    with Bar() as shown:
        shown.show(0.0, "tracing", is_milestone=True)
        _, graph = _traced(options)
        shown.show(0.2, "planning", is_milestone=True)
        measured = needed_gradients(options.importance, graph, ranking.gradient_source(options, graph))
        choices = {"importance": options.importance, "round_to": options.round_to, "minimum": options.minimum}
        plan = graph.plan(options.ratio, data=measured, **choices)
        shown.show(0.4, "applying", is_milestone=True)
        pruned = plan.apply()
        shown.show(0.6, "verifying", is_milestone=True)
        proof = pruned.verify()
        if not proof.ok:
            raise VerifyError(f"The pruned model is {proof}. Nothing was saved; please report the model.")
        shown.show(0.8, "saving", is_milestone=True)
        save(pruned, options.out)
        shown.show(1.0, "done", is_milestone=True)
    say(
        [
            *cost_report(plan),
            f"proof: {proof}",
            f"saved in {options.out}",
        ]
    )


def trace_report(title: str, graph: DependencyGraph) -> list[str]:
    """What a trace found, as lines of text.

    Args:
        title: What the model is called.
        graph: Its dependency graph.
    """
    rows = [_group_row(group) for group in graph.groups]
    lines = [
        f"{title}: {len(graph.groups)} groups",
        "",
        *table(("group", "kind", "channels", "tensors", "tied to"), rows),
    ]
    lines += ["", f"frozen: {len(graph.frozen)} dimensions that stay"]
    lines += table(("parameter", "dim", "indices", "why"), [_frozen_row(frozen) for frozen in graph.frozen])
    unsupported = graph.unsupported_ops()
    lines += ["", f"ops without a rule: {len(unsupported) or 'none'}", *(f"  {op}" for op in unsupported)]
    unread = graph.not_reached
    return lines + ([f"parameters that the forward never read: {', '.join(unread)}"] if unread else [])


def cost_report(plan: Plan) -> list[str]:
    """Costs before and after, as lines of text."""
    names = {"params": "parameters", "macs": "MACs", "bytes": "weight bytes", "activations": "peak activation bytes"}
    rows = []
    for name, title in names.items():
        before, after = getattr(plan.cost.before, name), getattr(plan.cost.after, name)
        share = f"{100 * (after - before) / before:+.1f} %" if before else ""
        rows.append((title, f"{before:,}", f"{after:,}", share))
    return table(("", "before", "after", "change"), rows)


def _group_row(group: Group) -> tuple[str, ...]:
    return group.name, group.kind, str(group.size), str(len(group.members)), ", ".join(group.ties)


def _frozen_row(frozen: Frozen) -> tuple[str, ...]:
    indices = str(frozen.size) if len(frozen.indices) == frozen.size else f"{len(frozen.indices)} of {frozen.size}"
    return frozen.parameter, str(frozen.dim), indices, frozen.reason


if __name__ == "__main__":
    raise SystemExit(main())
