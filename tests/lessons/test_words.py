"""What is found in the texts of lessons."""

from __future__ import annotations

from explorer.lessons.words import marked


def test_code_and_what_is_bold_are_marked_and_nothing_else() -> None:
    text = "At **+** of `layer1.0` and `conv1`: *not* [this](term:group), but **`bn1`**."
    assert marked(text) == ("layer1.0", "conv1", "bn1", "+")
    assert marked("") == ()
