"""Tokens, stylesheet, figures and numbers."""

from __future__ import annotations

import re

import pytest

from explorer.app import numbers
from explorer.app.numbers import MINUS, NOTHING
from explorer.app.stylesheet import stylesheet
from explorer.app.theme import ASSETS, HUES, SCHEMES, letter, mixed, slot_of, tokens

each_scheme = pytest.mark.parametrize("scheme", SCHEMES)
HEX = re.compile(r"#[0-9a-f]{6}")


def luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@each_scheme
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "surface"),
        ("ink-2", "surface"),
        ("ink-3", "surface"),
        ("ink-3", "sunken"),
        ("band-ink", "band"),
        ("on-accent", "accent"),
        ("good", "good-soft"),
        ("warn", "warn-soft"),
        ("bad", "bad-soft"),
    ],
)
def test_text_has_the_contrast_that_wcag_asks_for(scheme: str, ink: str, ground: str) -> None:
    assert contrast(tokens(scheme)[ink], tokens(scheme)[ground]) >= 4.5


@pytest.mark.parametrize("slot", range(HUES))
def test_letters_can_be_read_on_every_hue(slot: int) -> None:
    assert contrast(tokens("light")[f"hue-{slot}"], tokens("light")[f"on-hue-{slot}"]) >= 3


def test_the_stylesheet_uses_only_colours_of_the_tokens() -> None:
    for scheme in SCHEMES:
        assert set(HEX.findall(str(stylesheet(scheme)))) <= set(HEX.findall(str(tokens(scheme))))


@each_scheme
def test_a_selection_fades_no_shade_since_it_is_read_off_a_scale(scheme: str) -> None:
    styles = {rule["selector"]: rule["style"] for rule in stylesheet(scheme)}
    order = list(styles)
    (shaded,) = [selector for selector in order if "node.dim.shade-0" in selector]
    faded = next(selector for selector in order if "node.dim.layer" in selector)
    assert styles[faded]["opacity"] < 1
    assert styles[shaded]["opacity"] == 1
    assert order.index(shaded) > order.index(faded)  # the later rule holds


def test_colours_are_defined_in_one_file_only() -> None:
    for path in ASSETS.glob("*"):
        if path.name != "tokens.css":
            assert not HEX.findall(path.read_text(encoding="utf-8")), path.name


def test_pinned_groups_keep_their_hue() -> None:
    assert slot_of("b", ["a", "b"]) == 1
    assert slot_of("c", ["a", "b"]) == 2
    assert slot_of("z", list("abcdefgh")) == HUES - 1


def test_a_mixed_colour_lies_between() -> None:
    assert mixed("#000000", "#ff8000", 0.5) == "#804000"


def test_hues_come_with_letters() -> None:
    assert [letter(slot) for slot in range(HUES)] == list("ABCDEFGH")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (272474, "272 k"), (41_000_000, "41.0 M"), (4.1e9, "4.10 G")],
)
def test_counts_have_three_digits(number: float, text: str) -> None:
    assert numbers.count(int(number)) == text


def test_bytes_have_binary_units() -> None:
    assert numbers.size(1095184) == "1.04 MiB"
    assert numbers.size(100) == "100 B"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(100, 52, f"{MINUS}48 %"), (1000, 999, f"{MINUS}0.10 %"), (5, 5, NOTHING), (4, 6, "+50 %")],
)
def test_changes_are_said_in_percent(before: int, after: int, text: str) -> None:
    assert numbers.change(before, after) == text


@pytest.mark.parametrize(("number", "text"), [(7.3e-07, "7e-7"), (0.00012, "1e-4"), (0.0, "0")])
def test_small_numbers_are_a_digit_and_a_power(number: float, text: str) -> None:
    assert numbers.power(number) == text
