"""The frame of pages that are plain documents: read on a screen in its colours, and printed in the light ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from explorer.app.theme import SCHEMES, tokens

LEARN = "/learn/"

Link = tuple[str, str]
"""Where a link leads, and what it says."""


def sheet(title: str, content: str, links: Sequence[Link] = ()) -> str:
    """A page.

    Args:
        title: Its title, as the browser shows it.
        content: What it says, as HTML.
        links: Where its bar leads to, besides the explorer, the lessons and the printer.
    """
    ways = "".join(f'<a href="{escape(where)}">{escape(text)}</a>' for where, text in links)
    return _PAGE.format(
        title=escape(title), printed=_printed_tokens(), bar=_BAR, ways=ways, button=_PRINT, content=content
    )


def with_way_back(page: str, way: Link) -> str:
    """A page whose bar begins with a way back.

    Args:
        page: As `sheet` made it.
        way: Where somebody came from.
    """
    where, text = way
    return page.replace(_BAR, f'{_BAR}<a class="sheet-back" href="{escape(where)}">{escape(text)}</a>', 1)


def message(title: str, text: str) -> str:
    """A page that says why there is nothing else.

    Args:
        title: Its title.
        text: Why.
    """
    return sheet(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>", [(LEARN, "All lessons")])


def _printed_tokens() -> str:
    """What paper has instead of the colours of the screen: those of the light scheme, on white."""
    light, dark = (tokens(scheme) for scheme in SCHEMES)
    of_scheme = {name: value for name, value in light.items() if value != dark[name]} | {"canvas": "#fff"}
    return "".join(f"--{name}:{value};" for name, value in of_scheme.items())


_BAR = '<nav class="sheet-bar" aria-label="Pages">'
_PRINT = '<button type="button" onclick="window.print()">Print</button>'
_PAGE = """\
<!doctype html>
<html lang="en" data-mantine-color-scheme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/_favicon.ico">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/learn_sheet.css">
<style>@media print {{ html[data-mantine-color-scheme] {{ color-scheme: light; {printed} }} }}</style>
<script src="/assets/explorer_scheme.js"></script>
<script src="/assets/ways.js"></script>
</head>
<body class="sheet">
{bar}<a href="/" data-back="explorer">Explorer</a>{ways}{button}</nav>
<main class="sheet-page">
{content}
</main>
</body>
</html>
"""
