"""The plain pages as the server gives them: the glossary, handouts, and what each leads to."""

from __future__ import annotations

import base64
import json
import re
import threading
import zlib
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from explorer.app.learn_print import add_pages
from explorer.app.learn_print.live import live_address
from explorer.app.learn_print.once import Once
from explorer.app.learn_print.prose import html_of
from explorer.app.server import create_app
from explorer.app.workspace import Subject, Workspace
from explorer.exploration import Recipe
from explorer.lessons import Lesson, glossary


@pytest.fixture
def client(workspace: Workspace, lesson: Lesson) -> FlaskClient:
    server = Flask("test")
    add_pages(server, workspace, (lesson,))
    return server.test_client()


def unpacked(address: str) -> dict[str, Any]:
    """The recipe in an address, read as the browser reads it."""
    source, _, text = address.removeprefix("/#m=").partition("&s=")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return {**json.loads(zlib.decompress(raw, wbits=-15)), "source": source}


def test_the_glossary_has_every_term_with_its_picture_and_a_live_graph(client: FlaskClient) -> None:
    page = client.get("/learn/glossary").get_data(as_text=True)
    entries = re.findall(r'<section class="entry" id="([\w-]+)".*?</section>', page, flags=re.S)
    assert entries == list(glossary())
    for term, entry in zip(glossary().values(), page.split('<section class="entry"')[1:], strict=True):
        assert f'href="#{term.id}"' in page
        assert html_of(term.text) in entry
        assert '<svg xmlns="http://www.w3.org/2000/svg"' in entry
        live = re.search(r'class="live" href="([^"]+)"', entry)
        assert live is not None
        assert Recipe.from_json(unpacked(unescape(live[1]))) == term.show.recipe()


def test_a_term_leads_to_the_steps_that_refer_to_it(client: FlaskClient) -> None:
    page = client.get("/learn/glossary").get_data(as_text=True)
    links = re.findall(r'<li><a href="/learn/every-kind/([\w-]+)">([^<]+)</a></li>', page)
    assert links == [("pick", "Every &lt;kind&gt;: Pick"), ("see", "Every &lt;kind&gt;: See")]


@pytest.mark.parametrize(("query", "has_answers"), [("", False), ("?answers=1", True), ("?answers=0", False)])
def test_a_handout_is_a_page_of_the_lesson(client: FlaskClient, query: str, has_answers: bool) -> None:
    answer = client.get(f"/learn/every-kind/handout{query}")
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    assert ("Found by the engine" in answer.get_data(as_text=True)) is has_answers


@pytest.mark.parametrize(
    ("came", "back"),
    [
        ("/learn/every-kind/pick", "Back to Every &lt;kind&gt;: Pick"),
        ("/learn/every-kind/pick?present", "Back to Every &lt;kind&gt;: Pick"),
        ("/learn/every-kind/handout?answers=1", "Back to the handout: Every &lt;kind&gt;"),
    ],
)
def test_the_glossary_leads_back_to_where_one_came_from(client: FlaskClient, came: str, back: str) -> None:
    page = client.get("/learn/glossary", headers={"Referer": f"http://localhost{came}"}).get_data(as_text=True)
    assert f'<nav class="sheet-bar" aria-label="Pages"><a class="sheet-back" href="{came}">{back}</a>' in page
    assert "sheet-back" not in client.get("/learn/glossary").get_data(as_text=True), "what is kept names no place"


@pytest.mark.parametrize(
    "came", ["http://elsewhere/learn/every-kind/pick", "http://localhost/", "http://localhost/learn/no-lesson/pick"]
)
def test_a_page_that_was_not_reached_from_a_lesson_has_no_way_back(client: FlaskClient, came: str) -> None:
    for path in ("/learn/glossary", "/learn/every-kind/handout"):
        page = client.get(path, headers={"Referer": came}).get_data(as_text=True)
        assert "sheet-back" not in page
        assert '<a href="/" data-back="explorer">Explorer</a>' in page


def test_a_lesson_that_is_not_there_is_said_in_words(client: FlaskClient) -> None:
    answer = client.get("/learn/<b>/handout")
    assert answer.status_code == 404
    assert "There is no lesson “&lt;b&gt;” here." in answer.get_data(as_text=True)


def test_the_explorers_server_has_these_pages(workspace: Workspace, subject: Subject) -> None:
    served = create_app(workspace, subject).server.test_client()
    assert served.get("/learn/residual/handout").status_code == 200


def test_html_in_a_text_stays_text_and_terms_lead_to_the_glossary() -> None:
    made = html_of("<script>x</script> a [group](term:group) and [more](https://example.org)")
    assert "&lt;script&gt;" in made
    assert '<a href="/learn/glossary#group" class="term">group</a>' in made
    assert '<a href="https://example.org">more</a>' in made


def test_a_live_address_says_all_of_a_recipe_and_nothing_that_is_usual() -> None:
    recipe = Recipe("sample:vit", ratios={"patches": 0.25}, importance="l1")
    packed = unpacked(live_address(recipe))
    assert Recipe.from_json(packed) == recipe
    assert set(packed) == {"source", "format", "ratios", "importance", "view"}


def test_what_is_made_once_is_not_made_again_even_when_two_ask_at_a_time() -> None:
    once, made, may_end = Once(), list[str](), threading.Event()

    def make() -> str:
        made.append("page")
        may_end.wait(30)
        return "page"

    got: list[str] = []
    asking = [threading.Thread(target=lambda: got.append(once.get("name", make))) for _ in range(2)]
    for each in asking:
        each.start()
    may_end.set()
    for each in asking:
        each.join()
    assert got == ["page", "page"]
    assert made == ["page"]


def test_what_could_not_be_made_is_tried_again() -> None:
    once = Once()

    def fail() -> str:
        raise ValueError("not yet")

    with pytest.raises(ValueError, match="not yet"):
        once.get("name", fail)
    assert once.get("name", lambda: "made") == "made"
