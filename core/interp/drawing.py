"""Evidence as pictures, by the renderers registered for its kinds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interp.errors import blamed
from interp.explanation import Explanation
from interp.method import Style

if TYPE_CHECKING:
    import numpy as np

    from interp.registry import Registry


def draw(registry: Registry, explanation: Explanation, style: Style) -> dict[str, np.ndarray]:
    """Every piece of evidence as a picture (h, w, 3) uint8 RGB, by file name."""
    pictures: dict[str, np.ndarray] = {}
    for index, each in enumerate(explanation.evidence):
        renderer = registry.renderer(each.kind)
        image = None if each.image is None else explanation.images[each.image]
        words = [f"{index:02d}", each.name, each.target or ""]
        if len(explanation.images) > 1 and each.image is not None:
            words.append(f"image{each.image}")
        with blamed(f"renderer of {each.kind}"):
            pictures[f"{slug(' '.join(words))}.png"] = renderer.render(each, image, style)
    return pictures


def slug(text: str) -> str:
    """Words as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:80]
