"""Draws docs/methods/NAME.webp: what each method answers on the sample, for both its creatures."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from reference import entries

from interp.explanation import Explanation
from interp.method import Style
from interp.opening.named import default_model
from interp.registry import Registry
from interp.registry.manifest import MethodEntry, read_manifest
from interp.registry.registry import builtin
from interp.request import Request
from interp.result.draw import colour_limit, draw_evidence, map_tile, maps_by_target
from interp.run import run
from interp.session import Session
from interp_standard.render.canvas import column, row, text

METHODS = Path(__file__).parent / "methods"
MADE = METHODS / "made.json"
ANSWERS = {"dream": "gallery", "maco": "gallery"}
"""Method without a map -> the kind of evidence that is its answer, if it is not the first."""
SAMPLE, TARGETS = "two", ("fenka", "arbo")
WIDTH, WIDEST, HIGHEST = 220, 760, 620
MOST = 30_000
"""Bytes of a picture."""


def main(names: list[str]) -> int:
    """Draw the methods that are named, or all."""
    METHODS.mkdir(exist_ok=True)
    made = json.loads(MADE.read_text("utf-8")) if MADE.exists() else {}
    registry = Registry((read_manifest(builtin()),))
    methods = [each.name for each in entries() if isinstance(each, MethodEntry)]
    for name in methods:
        if not names or name in names:
            found = explained(registry, name)
            made[name] = about(found)
            (METHODS / f"{name}.webp").write_bytes(packed(picture(registry, found)))
    kept = {name: made[name] for name in methods if name in made}
    MADE.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return 0


def explained(registry: Registry, name: str) -> Explanation:
    """The method's answer for both creatures of the sample."""
    entry = registry.entry("method", name)
    attends = isinstance(entry, MethodEntry) and entry.network == "transformer"
    model = "creatures-vit" if attends else default_model(registry, name)
    request = Request(method=name, model=model, images=(SAMPLE,), targets=TARGETS)
    return run(request, Session(registry)).explanation


def about(found: Explanation) -> dict[str, Any]:
    """What the page says of how its picture was made."""
    model = "" if found.provenance is None else found.provenance.model.name
    mapped = bool(maps_by_target(found, TARGETS))
    return {"model": model, "samples": found.samples, "mapped": mapped}


def picture(registry: Registry, found: Explanation) -> np.ndarray:
    """The image, then the map of each creature on one scale; without a map the first evidence."""
    image = found.images[0]
    maps = maps_by_target(found, TARGETS)
    if not maps:
        method = "" if found.provenance is None else found.provenance.method
        wanted = ANSWERS.get(method, found.evidence[0].kind)
        first = next(each for each in found.evidence if each.kind == wanted)
        return draw_evidence(registry, first, image)
    limit = colour_limit(maps.values())
    blocks = [titled("the image", cv2.resize(image, (WIDTH, WIDTH), interpolation=cv2.INTER_AREA))]
    for target in maps:
        tile = map_tile(found.map(target), limit)
        blocks.append(
            titled(f"why {target}?", draw_evidence(registry, tile, image, Style(width=WIDTH)))
        )
    return row(blocks)


def titled(title: str, block: np.ndarray) -> np.ndarray:
    """A picture below its title."""
    return column([text(title), block])


def packed(drawn: np.ndarray) -> bytes:
    """The picture as WebP, no larger than MOST bytes."""
    shown = Image.fromarray(drawn)
    shown.thumbnail((WIDEST, HIGHEST))
    for quality in range(88, 20, -8):
        file = io.BytesIO()
        shown.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= MOST:
            break
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
