"""The ten classes, each defined by the shape of its head and the shape of its tail."""

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
"""name -> (head shape, tail shape). Two classes share every shape, so no single part is enough."""

DEFINING = ("head", "tail")
"""The parts whose shapes decide the class, in the order of the table."""

OTHERS = ("body", "legs", "fin")
"""The parts that do not depend on the class."""
