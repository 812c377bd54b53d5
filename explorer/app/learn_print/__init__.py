"""The pages of Learn mode that are plain HTML: the glossary, and handouts to print."""

from explorer.app.learn_print.routes import add_pages

__all__ = ["add_pages"]
