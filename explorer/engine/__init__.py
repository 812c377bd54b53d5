"""The engine: from a model to exact groups, plans and pruned models. It never imports the app."""
