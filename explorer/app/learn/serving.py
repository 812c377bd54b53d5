"""Serves Learn mode: a second Dash app on the explorer's server, with its panels and the pane of a lesson."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from flask import Flask, redirect
from werkzeug.wrappers import Response

from explorer.app import ids
from explorer.app.learn import checking, doing, shell
from explorer.app.learn.addresses import ROOT
from explorer.app.learn.turning import TITLE, turned
from explorer.app.page import make_app
from explorer.app.parts import show_while
from explorer.app.workspace import Subject, Workspace
from explorer.lessons import Lesson, bundled_lessons

ASSETS_OF_LEARN = r"^learn"
"""The assets that only this page loads, by the beginning of their names."""


def add_app(server: Flask, workspace: Workspace, subject: Subject, lessons: Sequence[Lesson] | None = None) -> Dash:
    """Adds the page that shows lessons.

    Args:
        server: The explorer's Flask application.
        workspace: The models that it may show, shared with the explorer.
        subject: A model that is open already, for the screen to begin with.
        lessons: Those that are shown; by default those that come with the explorer.
    """
    shown = bundled_lessons() if lessons is None else tuple(lessons)

    @server.get(ROOT.rstrip("/"))
    def learn() -> Response:
        return redirect(ROOT)

    app = make_app(server, workspace, lambda: shell.layout(subject, workspace.run), title=TITLE, prefix=ROOT)
    register(app, workspace, shown)
    return app


def register(app: Dash, workspace: Workspace, lessons: Sequence[Lesson]) -> None:
    """Callbacks of lessons."""
    _register_turning(app, lessons)
    _register_tasks(app, workspace, lessons)
    doing.register(app)
    show_while(app, ids.LESSON_STOP, ids.LESSON_CLOCK)
    app.clientside_callback(
        ClientsideFunction("lessons", "turned"), Input(ids.LESSON_STEP, "data"), prevent_initial_call=True
    )
    app.clientside_callback(
        ClientsideFunction("lessons", "judged"),
        Output(ids.LESSON_SAID, "children"),
        Output(ids.LESSON_MORE, "children"),
        Input(ids.LESSON_VERDICT, "data"),
        prevent_initial_call=True,
    )
    for name, function in (
        (ids.LESSON_CHECK, "check"),
        (ids.LESSON_HINT, "hint"),
        (ids.LESSON_SOLUTION, "solution"),
        (ids.LESSON_RETRY, "retry"),
        (ids.PRESENT, "present"),
    ):
        app.clientside_callback(
            ClientsideFunction("lessons", function), Input(name, "n_clicks"), prevent_initial_call=True
        )


def _register_turning(app: Dash, lessons: Sequence[Lesson]) -> None:
    @app.callback(
        Output(ids.LESSON_STEP, "data"),
        Output(ids.LESSON_LIST, "children"),
        Output(ids.LESSON_HEAD, "children"),
        Output(ids.LESSON_TEXT, "children"),
        Output(ids.LESSON_FOOT, "children"),
        Input(ids.LESSON_PATH, "data"),
        prevent_initial_call=True,
    )
    def turn(asked: dict[str, Any]) -> Any:
        return turned(lessons, str(asked["path"])).parts()


def _register_tasks(app: Dash, workspace: Workspace, lessons: Sequence[Lesson]) -> None:
    states = (State(ids.RECIPE, "data"), State(ids.PAGE, "data"))

    @app.callback(
        Output(ids.LESSON_TASK, "children"), Input(ids.LESSON_STEP, "data"), *states, prevent_initial_call=True
    )
    def ask(at: dict[str, Any], recipe: dict[str, Any], page: str) -> Any:
        desk = checking.desk_at(lessons, at, workspace, recipe, page)
        return checking.form(desk) if desk else []

    @app.callback(
        Output(ids.LESSON_VERDICT, "data"),
        Output(ids.LESSON_CLOCK, "disabled"),
        Input(ids.LESSON_ANSWER, "data"),
        *states,
        prevent_initial_call=True,
    )
    def check(asked: dict[str, Any] | None, recipe: dict[str, Any], page: str) -> Any:
        return _judged(checking.desk_at(lessons, asked, workspace, recipe, page), asked)

    @app.callback(
        Output(ids.LESSON_VERDICT, "data", allow_duplicate=True),
        Output(ids.LESSON_CLOCK, "disabled", allow_duplicate=True),
        Input(ids.LESSON_CLOCK, "n_intervals"),
        State(ids.LESSON_ANSWER, "data"),
        *states,
        prevent_initial_call=True,
    )
    def check_again(_ticks: int, asked: dict[str, Any] | None, recipe: dict[str, Any], page: str) -> Any:
        return _judged(checking.desk_at(lessons, asked, workspace, recipe, page, is_asked=False), asked)

    @app.callback(
        Output(ids.LESSON_CONDITIONS, "children"),
        Input(ids.SETTLED, "data"),
        Input(ids.LESSON_STEP, "data"),
        Input(ids.CLOCK, "disabled"),  # when the totals have measured
        Input(ids.LESSON_VERDICT, "data"),
        *states,
        prevent_initial_call=True,
    )
    def hold(
        _settled: str, at: dict[str, Any], _is_over: bool, _verdict: Any, recipe: dict[str, Any], page: str
    ) -> Any:
        desk = checking.desk_at(lessons, at, workspace, recipe, page, is_asked=False)
        return checking.conditions(desk) if desk and desk.task.kind == checking.GOAL else []

    @app.callback(
        Output(ids.LESSON_CLOCK, "disabled", allow_duplicate=True),
        Input(ids.LESSON_STOP, "n_clicks"),
        State(ids.LESSON_VERDICT, "data"),
        *states,
        prevent_initial_call=True,
    )
    def stop(clicks: int | None, verdict: dict[str, Any] | None, recipe: dict[str, Any], page: str) -> Any:
        desk = checking.desk_at(lessons, verdict, workspace, recipe, page)
        if clicks and desk and verdict and "job" in verdict:
            desk.measuring.stop(str(verdict["job"]))
        return no_update  # the next look tells that it was stopped


def _judged(desk: checking.Desk | None, asked: dict[str, Any] | None) -> tuple[Any, bool]:
    """What is said of an answer, and whether there is nothing left to wait for."""
    if desk is None or asked is None:
        return no_update, True
    said = checking.verdict(desk, asked)
    return said, said["state"] != "measuring"
