"""CHIP at the level of classes: which channels speak for which class, and what excites them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from interp.dataset import TolerantReader
from interp.evidence import Evidence, Gallery, Matrix, Table
from interp.explanation import Explanation
from interp_chip.features import channel_maps

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp_chip.known import Known, LayerKnowledge
    from interp_chip.params import ChipParams

SHOWN = 12
"""Channels in the matrix and in the gallery."""
CROP = 96
"""Pixels of an example's side."""


def survey(
    model: ModelAdapter, dataset: Dataset, known: Known, params: ChipParams, context: Context
) -> Explanation:
    """Matrix, similarity, sparsity and examples of every layer that is known."""
    chosen = known.chosen(params.layer)
    best = {name: selective(layer.weights)[:SHOWN] for name, layer in chosen.items()}
    reading = TolerantReader(dataset)
    examples = find_examples(model, reading, best, context)
    evidence: list[Evidence] = []
    for name, layer in chosen.items():
        evidence += _numbers(name, layer, known.names, best[name])
        evidence.append(_gallery(name, layer, known.names, best[name], examples[name]))
    return Explanation(tuple(evidence), notes=tuple(reading.notes()))


def selective(weights: np.ndarray) -> np.ndarray:
    """Channels by how far their best class stands out from the second, relative to the class.

    Ours: the margin between the two largest weights of W (T, K), each row over its own largest.
    """
    rows = weights / np.maximum(np.abs(weights).max(1, keepdims=True), 1e-30)
    ordered = np.sort(rows, axis=0)
    margin = ordered[-1] - (ordered[-2] if len(rows) > 1 else 0)
    return np.argsort(-margin, kind="stable")


def similarity(weights: np.ndarray) -> np.ndarray:
    """Cosine between the classes' rows of W, (T, T); 0 for an empty row."""
    length = np.linalg.norm(weights, axis=1, keepdims=True)
    unit = weights / np.maximum(length, 1e-30)
    found: np.ndarray = unit @ unit.T
    return found


@dataclass
class Examples:
    """Per channel the image that excites it most: its crop, and how much."""

    level: np.ndarray
    crops: list[np.ndarray] = field(default_factory=list)


def find_examples(
    model: ModelAdapter, reading: TolerantReader, best: dict[str, np.ndarray], context: Context
) -> dict[str, Examples]:
    """The data's crops that excite each layer's channels most."""
    blank = np.zeros((CROP, CROP, 3), np.uint8)
    found = {
        name: Examples(np.full(len(each), -np.inf), [blank] * len(each))
        for name, each in best.items()
    }
    for index, example in reading.examples():
        context.out_of_time()
        context.progress("looking for examples", index + 1, len(reading.dataset))
        if example is None:
            continue
        pixels, placement = model.prepare(example.image)
        for name, value in model.activations(pixels[None], list(best)).items():
            layer = model.layer(name)
            maps = channel_maps(value, layer)[0].float().cpu().numpy()[best[name]]
            for at, cells in enumerate(maps):
                if cells.max() > found[name].level[at]:
                    over = placement.to_image(placement.grid_to_input(cells, layer.field))
                    found[name].level[at] = cells.max()
                    found[name].crops[at] = _crop(example.image, over)
    return found


def _crop(image: np.ndarray, over: np.ndarray) -> np.ndarray:
    """The square around a map's peak, a third of the image's shorter side, (CROP, CROP, 3)."""
    import cv2

    height, width = image.shape[:2]
    side = max(8, min(height, width) // 3)
    row, column = np.unravel_index(over.argmax(), over.shape)
    top = int(np.clip(row - side // 2, 0, height - side))
    left = int(np.clip(column - side // 2, 0, width - side))
    piece = image[top : top + side, left : left + side]
    return np.asarray(cv2.resize(piece, (CROP, CROP), interpolation=cv2.INTER_AREA))


def _numbers(
    name: str, layer: LayerKnowledge, names: tuple[str, ...], best: np.ndarray
) -> Iterator[Evidence]:
    classes = list(names)
    shown = np.sort(best)
    yield Matrix(
        name=f"weights {name}",
        layer=name,
        values=layer.weights[:, shown],
        rows=classes,
        columns=[str(each) for each in shown],
    )
    yield Matrix(
        name=f"similarity {name}",
        layer=name,
        values=similarity(layer.weights),
        rows=classes,
        columns=classes,
    )
    r2 = [None] * len(classes) if layer.r2 is None else layer.r2.tolist()
    yield Table(
        name=f"classes {name}",
        layer=name,
        columns=["class", "channels used", "share of channels", "R^2", "top channels"],
        rows=[
            [
                each,
                int((row != 0).sum()),
                round(float((row != 0).mean()), 3),
                None if fit is None else round(fit, 3),
                ", ".join(str(at) for at in np.argsort(-row, kind="stable")[:5] if row[at] > 0),
            ]
            for each, row, fit in zip(classes, layer.weights, r2, strict=True)
        ],
    )


def _gallery(
    name: str,
    layer: LayerKnowledge,
    names: tuple[str, ...],
    best: np.ndarray,
    examples: Examples,
) -> Gallery:
    speaks = layer.weights[:, best].argmax(0)
    captions = [f"channel {each}: {names[at]}" for each, at in zip(best, speaks, strict=True)]
    return Gallery(
        name=f"selective channels {name}",
        layer=name,
        pictures=np.stack(examples.crops),
        captions=captions,
    )
