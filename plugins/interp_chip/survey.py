"""CHIP at the level of classes: which channels speak for which class, and what activates them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from interp.context import Context
from interp.dataset import Dataset, TolerantReader
from interp.evaluation.similarity import cosines
from interp.evidence import Evidence, Gallery, Matrix, Table, is_poor, marked_fit
from interp.explanation import Explanation
from interp.gallery import channel_pictures
from interp.model import ModelAdapter
from interp.storage.pixel import to_picture
from interp_chip.features import channel_maps
from interp_chip.knowledge import ChipKnowledge, LayerKnowledge
from interp_chip.params import ChipParams

SHOWN = 12
"""Number of channels in the matrix and in the gallery."""
CROP = 96
"""Side of an example picture in pixels."""


def survey(
    model: ModelAdapter,
    dataset: Dataset,
    learned: ChipKnowledge,
    params: ChipParams,
    context: Context,
) -> Explanation:
    """Weights, class similarity, sparsity and example images of every learned layer."""
    chosen = learned.chosen(params.layer)
    best = {name: selective(layer.weights)[:SHOWN] for name, layer in chosen.items()}
    listed = {name: found.tolist() for name, found in best.items()}
    dreamt = channel_pictures(params.pictures, model, dataset, listed, context)
    reader = TolerantReader(dataset)
    examples = find_examples(model, reader, best, context)
    evidence = [
        each
        for name, layer in chosen.items()
        for each in _evidence(name, layer, list(learned.names), best[name], examples[name])
    ]
    notes = dict.fromkeys((*reader.notes(), *dreamt.notes))
    return Explanation((*evidence, *dreamt.evidence), dreamt.samples, notes=tuple(notes))


def selective(weights: np.ndarray) -> np.ndarray:
    """Channel indices (K,), the most class-selective first.

    Ours: selectivity is the margin between the two largest weights of a column of W (T, K), after
    each row was divided by its largest absolute weight.
    """
    rows = weights / np.maximum(np.abs(weights).max(1, keepdims=True), 1e-30)
    ordered = np.sort(rows, axis=0)
    margin = ordered[-1] - (ordered[-2] if len(rows) > 1 else 0)
    return np.argsort(-margin, kind="stable")


def find_examples(
    model: ModelAdapter, reader: TolerantReader, best: dict[str, np.ndarray], context: Context
) -> dict[str, np.ndarray]:
    """For each layer's channels the crop of the data that activates them most.

    By layer, (channels, CROP, CROP, 3) uint8.
    """
    crops = {name: np.zeros((len(each), CROP, CROP, 3), np.uint8) for name, each in best.items()}
    level = {name: np.full(len(each), -np.inf) for name, each in best.items()}
    for index, example in reader.examples():
        context.out_of_time()
        context.progress("looking for examples", index + 1, len(reader.dataset))
        if example is None:
            continue
        pixels, placement = model.prepare(example.image)
        for name, value in model.activations(pixels[None], list(best)).items():
            layer = model.layer(name)
            maps = channel_maps(value, layer)[0].float().cpu().numpy()[best[name]]
            for at in np.flatnonzero(maps.max((1, 2)) > level[name]):
                level[name][at] = maps[at].max()
                over = placement.to_image(placement.grid_to_input(maps[at], layer.field))
                picture = to_picture(example.image, model.spec.input.bands)
                crops[name][at] = _crop(picture, over)
    return crops


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


def _fit(r2: float | None) -> float | str | None:
    """A class's R² as a cell of a table, marked where it is poor."""
    if r2 is None or not is_poor(r2):
        return r2 and round(r2, 3)
    return marked_fit(r2).removeprefix("R² ")


def _evidence(
    name: str, layer: LayerKnowledge, classes: list[str], best: np.ndarray, examples: np.ndarray
) -> Iterator[Evidence]:
    weights, shown = layer.weights, np.sort(best)
    columns = [str(each) for each in shown]
    yield Matrix(
        name=f"weights {name}", layer=name, values=weights[:, shown], rows=classes, columns=columns
    )
    alike = cosines(weights)
    yield Matrix(name=f"similarity {name}", layer=name, values=alike, rows=classes, columns=classes)
    r2 = [None] * len(classes) if layer.r2 is None else layer.r2.tolist()
    yield Table(
        name=f"classes {name}",
        layer=name,
        columns=["class", "channels used", "share of channels", "R²", "top channels"],
        rows=[
            [
                each,
                int((row != 0).sum()),
                round(float((row != 0).mean()), 3),
                _fit(fit),
                ", ".join(str(at) for at in np.argsort(-row, kind="stable")[:5] if row[at] > 0),
            ]
            for each, row, fit in zip(classes, weights, r2, strict=True)
        ],
    )
    speaks = weights[:, best].argmax(0)
    yield Gallery(
        name=f"selective channels {name}",
        layer=name,
        pictures=examples,
        captions=[f"channel {k}: {classes[at]}" for k, at in zip(best, speaks, strict=True)],
    )
