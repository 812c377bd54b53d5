"""The app: a Dash server that shows one model at a time to any number of pages."""

from explorer.app.serving import show

__all__ = ["show"]
