"""Packages that are broken on purpose, and what their neighbours notice of them."""
