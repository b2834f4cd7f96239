"""An example of every kind of evidence that interp brings."""

from __future__ import annotations

import numpy as np

from interp.evidence import (
    ChannelImportance,
    Concepts,
    Curve,
    Evidence,
    Gallery,
    Heatmap,
    Matrix,
    Outline,
    PartMaps,
    Pathway,
    Regions,
    Table,
    Tile,
)


def evidence_examples(height: int, width: int) -> dict[str, Evidence]:
    """By kind, on an image of this size; the same every time."""
    random = np.random.default_rng(0)
    values = random.normal(size=(height, width)).clip(-1, 1)
    maps, few = random.random((3, height, width)), random.normal(size=5)
    labels = random.integers(-1, 5, (height, width))
    peaks = np.array([np.unravel_index(each.argmax(), each.shape) for each in maps])
    names = ["one", "two", "three"]
    pictures = random.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    box = np.array([0.0, 0.0, width, height])
    found: tuple[Evidence, ...] = (
        Heatmap(name="map", target="cat", values=values, r2=0.3),
        Tile(name="tile", values=values),
        Regions(name="regions", labels=labels, importance=few, selected=few > 0),
        Outline(name="outline", target="cat", box=box),
        ChannelImportance(name="channels", values=few, standard_error=abs(few)),
        Pathway(name="path", states=maps[0, 0, :7], layers={"first": 3, "second": 4}),
        PartMaps(name="parts", maps=maps, peaks=peaks, filters=[4, 7, 511]),
        Concepts(name="concepts", maps=maps, importance=few[:3], names=names),
        Matrix(name="matrix", values=values[:3, :3], rows=names, columns=names),
        Gallery(name="gallery", pictures=pictures, captions=names),
        Table(name="table", columns=["a", "b"], rows=[["word", 1.5], ["another", None]]),
        Curve(name="curve", x=np.arange(width), values=values[:3], series=names),
    )
    return {each.kind: each for each in found}
