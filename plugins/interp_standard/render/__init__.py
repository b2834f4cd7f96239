"""Renderers: one picture with its legend for each kind of evidence."""
