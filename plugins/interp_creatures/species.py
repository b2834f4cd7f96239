"""The ten classes: which head and which tail make each, and nothing else."""

from __future__ import annotations

CLASSES: dict[str, tuple[str, str]] = {
    "arbo": ("round", "paddle"),
    "belu": ("round", "fork"),
    "corvi": ("square", "fork"),
    "dasta": ("square", "hammer"),
    "elmo": ("triangle", "hammer"),
    "fenka": ("triangle", "ring"),
    "gorth": ("star", "ring"),
    "hupi": ("star", "zigzag"),
    "ikku": ("crescent", "zigzag"),
    "jorla": ("crescent", "paddle"),
}
"""name -> (head shape, tail shape). Every shape is shared by two classes: neither part decides."""

DEFINING = ("head", "tail")
"""The parts whose shapes decide the class, in the order of the table."""

OTHERS = ("body", "legs", "fin")
"""The parts that say nothing about it."""
