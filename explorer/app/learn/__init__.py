"""Learn mode: the pages below ``/learn`` of the same server. Lessons and their checks are in `explorer.lessons`.

`add_app` adds the page that shows lessons, a second Dash app with the explorer's panels. Pages that are plain documents
are routes of the server; Flask prefers them to the paths of that app.
"""

from explorer.app.learn.serving import ASSETS_OF_LEARN, add_app

__all__ = ["ASSETS_OF_LEARN", "add_app"]
