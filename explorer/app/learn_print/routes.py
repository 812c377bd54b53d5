"""Where the plain pages of Learn mode are served: ``/learn/glossary`` and ``/learn/LESSON/handout``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flask import Flask, Response, request

from explorer.app.learn_print.glossary_page import glossary_page
from explorer.app.learn_print.handout import handout
from explorer.app.learn_print.once import Once
from explorer.app.learn_print.sheet import message
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.lessons import Lesson

MISSING = "There is no lesson “{name}” here. The list of lessons has those that there are."


def add_pages(server: Flask, workspace: Workspace, lessons: Sequence[Lesson]) -> None:
    """Adds the pages.

    - ``GET /learn/glossary``: all terms, each with a picture.
    - ``GET /learn/LESSON/handout``: a lesson to print; with ``?answers=1`` and the answers of the engine.

    Args:
        server: The explorer's Flask application.
        workspace: The models.
        lessons: All lessons that there are.
    """
    by_name, once = {lesson.id: lesson for lesson in lessons}, Once()

    @server.get("/learn/glossary")
    def glossary() -> Response:
        return _page(once, "glossary", partial(glossary_page, workspace, lessons))

    @server.get("/learn/<name>/handout")
    def sheet_of(name: str) -> Response:
        lesson, with_answers = by_name.get(name), request.args.get("answers") == "1"
        if lesson is None:
            return _html(message("No such lesson", MISSING.format(name=name)), 404)
        made = partial(handout, workspace, lesson, with_answers=with_answers)
        return _page(once, f"{name} {with_answers}", made)


def _page(once: Once, name: str, make: Callable[[], str]) -> Response:
    try:
        return _html(once.get(name, make))
    except ExplorerError as error:
        return _html(message("This page cannot be made", str(error)), 500)


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status=status, mimetype="text/html", headers={"Cache-Control": "no-cache"})
