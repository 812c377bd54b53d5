"""The engine: from a model to exact groups, plans and pruned models. It never imports the app."""

__version__ = "0.1.0"
