"""Widgets, shared by several pages, to choose models, images, targets and methods."""
