"""Where the plain pages of Learn mode are served: ``/learn/glossary`` and ``/learn/LESSON/handout``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, request

from explorer.app.learn.addresses import ROOT, find_lesson, handout_address, spot_at
from explorer.app.learn_print.glossary_page import glossary_page
from explorer.app.learn_print.handout import handout
from explorer.app.learn_print.once import Once
from explorer.app.learn_print.sheet import Link, message, with_way_back
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.lessons import Lesson

MISSING = "There is no lesson “{name}” here. The list of lessons has those that there are."


def add_pages(server: Flask, workspace: Workspace, lessons: Sequence[Lesson]) -> None:
    """Adds the pages.

    - ``GET /learn/glossary``: all terms, each with a picture.
    - ``GET /learn/LESSON/handout``: a lesson to print; with ``?answers=1`` and the answers of the engine.

    Either begins with a way back to the step or the handout that led there.

    Args:
        server: The explorer's Flask application.
        workspace: The models.
        lessons: All lessons that there are.
    """
    by_name, once = {lesson.id: lesson for lesson in lessons}, Once()

    @server.get("/learn/glossary")
    def glossary() -> Response:
        return _page(once, "glossary", partial(glossary_page, workspace, lessons), way_back(lessons))

    @server.get("/learn/<name>/handout")
    def sheet_of(name: str) -> Response:
        lesson, with_answers = by_name.get(name), request.args.get("answers") == "1"
        if lesson is None:
            return _html(message("No such lesson", MISSING.format(name=name)), 404)
        made = partial(handout, workspace, lesson, with_answers=with_answers)
        return _page(once, f"{name} {with_answers}", made, way_back(lessons))


def way_back(lessons: Sequence[Lesson]) -> Link | None:
    """The step or the handout on which somebody followed the link to what is asked for; None where it is neither.

    Args:
        lessons: All of them.
    """
    came = urlsplit(request.referrer or "")
    if came.netloc != request.host or not came.path.startswith(ROOT) or came.path == request.path:
        return None
    where = came.path + (f"?{came.query}" if came.query else "")
    if spot := spot_at(lessons, came.path):
        return where, f"Back to {spot.lesson.title}: {spot.step.title}"
    lesson = find_lesson(lessons, came.path.removeprefix(ROOT).partition("/")[0])
    if lesson and came.path == handout_address(lesson):
        return where, f"Back to the handout: {lesson.title}"
    return None


def _page(once: Once, name: str, make: Callable[[], str], way: Link | None) -> Response:
    try:
        page = once.get(name, make)
        return _html(with_way_back(page, way) if way else page)
    except ExplorerError as error:
        return _html(message("This page cannot be made", str(error)), 500)


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status=status, mimetype="text/html", headers={"Cache-Control": "no-cache"})
