"""What the page says of an answer, as components and data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dash import html

from explorer.app.learn.prose import prose
from explorer.app.parts import attributes, filled_bar, icon, message, plain
from explorer.jobs import Job
from explorer.lessons import Answer, Feedback, Task, Verdict
from explorer.lessons.tasks.kind import names_in

RIGHT, WRONG, SHOWN, MEASURING, NONE = "right", "wrong", "shown", "measuring", "none"
HEADS = {RIGHT: ("yes", "Right"), WRONG: ("no", "Not yet"), SHOWN: ("on", "This is the answer")}
HOLDS, FAILS, OPEN = ("yes", "holds"), ("no", "not yet"), ("wait", "open")
ACCURACY = "accuracy"
EDITS = "edits"
"""The kind of task that asks what breaks the model."""
WORDS_OF_MANY = {"right": "right", "missing": "missing", "extra": "does not belong"}
WORDS = {
    "choose": {"right": "right", "missing": "this one", "extra": "not this one"},
    EDITS: {"right": "breaks, as you said", "missing": "breaks", "extra": "runs"},
}
"""What an option is called by its state, for the kinds of which it is not said as of one among many."""
SPARED = "runs, as you said"


def told(task: Task, found: Feedback, answer: Answer, *, is_shown: bool) -> dict[str, Any]:
    """What is said of an answer.

    Args:
        task: The task.
        found: What the engine found.
        answer: The answer.
        is_shown: Whether the answer is the engine's own.

    Returns:
        ``state``, ``marks``, ``said`` in a sentence, ``more`` of it, and ``score``.
    """
    state = SHOWN if is_shown else RIGHT if found.is_right else WRONG
    said = plain(_head(state, "" if is_shown else found.said))
    more = plain([*_why(task, found), *_facts(found), *_best(found), *_mover(found)])
    return {
        "state": state,
        "marks": marks(task, found.verdicts, answer),
        "said": said,
        "more": more,
        "score": found.score,
    }


def closing(task: Task, *, is_shown: bool) -> dict[str, Any]:
    """What is said of a task that was solved before, where there is nothing to mark: its closing text.

    Args:
        task: The task.
        is_shown: Whether its answer was shown instead.
    """
    state = SHOWN if is_shown else RIGHT
    said = "You have looked at a plan for it." if is_shown else "You have solved this."
    return {"state": state, "marks": [], "said": plain(_head(state, said)), "more": plain(_because(task))}


def marks(task: Task, verdicts: Sequence[Verdict], answer: Answer) -> list[dict[str, str]]:
    """What is said of each option, as JSON data: in ``word`` what it is, in ``reason`` why."""
    return [
        {
            "name": each.name,
            "layer": each.layer,
            "state": each.state,
            "word": _word(task, each, answer),
            "reason": each.reason,
        }
        for each in verdicts
    ]


def _word(task: Task, verdict: Verdict, answer: Answer) -> str:
    """What an option is; of an edit, what it does, which one may have said by leaving it out, too."""
    words = WORDS.get(task.kind, WORDS_OF_MANY)
    is_foretold = task.kind == EDITS and verdict.state == RIGHT and verdict.name not in names_in(answer)
    return SPARED if is_foretold else words[verdict.state]


def measuring(job: Job) -> dict[str, Any]:
    """What is said while an accuracy is measured, with the key of its job; or where that was stopped or failed."""
    if not job.is_pending:
        words = job.error or "Measuring was stopped. Check again to go on."
        return nothing(words, tone="bad" if job.error else "warn")
    share = f" {job.fraction:.0%}" if job.fraction else ""
    said = [html.P(f"Measuring accuracy…{share}", className="quiet"), filled_bar(job.fraction, "work-bar")]
    return {"state": MEASURING, "said": plain(said), "job": job.key}


def nothing(words: str, tone: str = "bad") -> dict[str, Any]:
    """What is said where there is no verdict, and why."""
    return {"state": NONE, "said": plain(message(words, tone))}


def trouble(words: str) -> html.Div:
    """Why a task cannot be asked."""
    return message(words)


def conditions(verdicts: Sequence[Verdict], is_known: bool) -> list[Any]:
    """The conditions of a goal, each with a sign, a word and a number.

    Args:
        verdicts: What is said of each.
        is_known: Whether accuracy is measured.
    """
    return [plain(html.Ul([_condition(each, is_known) for each in verdicts], className="conditions"))]


def _condition(verdict: Verdict, is_known: bool) -> html.Li:
    is_open = verdict.name == ACCURACY and not is_known
    sign, word = OPEN if is_open else HOLDS if verdict.state == RIGHT else FAILS
    reason = "is measured as soon as the sliders rest" if is_open else verdict.reason
    words = [html.Span(verdict.title, className="condition-name"), html.Span(reason, className="quiet")]
    state = html.Span([icon(sign), word], className=f"sign-word is-{sign}")
    return html.Li([state, html.Span(words, className="condition-words")], className="condition")


def _head(state: str, said: str) -> html.P:
    sign, word = HEADS[state]
    return html.P(
        [html.Span([icon(sign), word], className=f"sign-word is-{sign}"), html.Span(said)], className="verdict-head"
    )


def _why(task: Task, found: Feedback) -> list[Any]:
    return _because(task) if found.is_right else []


def _because(task: Task) -> list[Any]:
    return [html.Div(prose(task.because, "because"), className="prose because")] if task.because else []


def _facts(found: Feedback) -> list[Any]:
    return [html.Ul([html.Li(fact) for fact in found.facts], className="task-facts")] if found.facts else []


def _best(found: Feedback) -> list[Any]:
    """Room for the best score, which only the browser knows."""
    return [html.P(className="best-score", **attributes(data_best=""))] if found.score is not None else []


def _mover(found: Feedback) -> list[Any]:
    if not found.ratios:
        return []
    words = "Move the slider there" if len(found.ratios) == 1 else "Move the sliders there"
    return [
        html.Button(
            words,
            className="text-tool is-boxed",
            type="button",
            **attributes(data_ratios=json.dumps(dict(found.ratios))),
        )
    ]
