"""Concepts: directions of a layer that many images share, found (CRAFT) or named (TCAV)."""
