"""Comparing methods: the same images and targets, side by side, and how far they agree."""
