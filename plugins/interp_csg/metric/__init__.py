"""Metrics of networks whose filters belong to classes, and of their plain twins."""
