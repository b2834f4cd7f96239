"""TCAV on the level of classes: scores, derivatives and p-values of every class and concept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from interp.context import Context
from interp.evidence import Evidence, Gallery, Matrix, Table
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.target import Target
from interp_concept.crop import sheet
from interp_concept.grouping import Grouped
from interp_concept.slopes import channel_slopes
from interp_concept.tcav.knowledge import TcavKnowledge
from interp_concept.tcav.sensitivity import Sensitivity, sensitivities

Found = dict[str, list[Sensitivity]]
COLUMNS = [
    "class", "concept", "TCAV score", "±", "derivative", "±", "p", "corrected p", "significant",
]  # fmt: skip


def survey(
    model: ModelAdapter, known: TcavKnowledge, images: Grouped, context: Context
) -> Explanation:
    """How sensitive each class is to each concept, over the class's images."""
    found: Found = {}
    for label in images.members:
        name = model.spec.classes[label]
        slopes = class_slopes(model, known, images, label, context.within(name))
        found[name] = sensitivities(known, slopes)
    return Explanation(tuple(_evidence(known, found)), notes=images.notes)


def class_slopes(
    model: ModelAdapter, known: TcavKnowledge, images: Grouped, label: int, context: Context
) -> np.ndarray:
    """The slopes of a class's score on its own images, (N, C)."""
    cut = model.cut(known.layer)
    target, rows = Target(label, model.spec.classes[label]), []
    for at, pixels in enumerate(images.inputs(model, label), 1):
        context.progress("derivatives", at, len(images.members[label]))
        frontier = cut.prefix(pixels[None])
        rows.append(channel_slopes(cut, frontier, [target], known.params.output, context)[:, 0])
    return np.stack(rows)


def _evidence(known: TcavKnowledge, found: Found) -> Iterator[Evidence]:
    rows, columns = list(found), list(known.concepts)
    scores = np.array([[each.score for each in row] for row in found.values()])
    yield Matrix(
        name="TCAV scores",
        layer=known.layer,
        values=scores,
        rows=rows,
        columns=columns,
        signed=False,
    )
    means = np.array([[each.derivative for each in row] for row in found.values()])
    yield Matrix(
        name="mean derivatives", layer=known.layer, values=means, rows=rows, columns=columns
    )
    yield Table(
        name="sensitivity", layer=known.layer, columns=COLUMNS, rows=list(_rows(known, found))
    )
    yield Gallery(
        name="images of each concept",
        layer=known.layer,
        pictures=np.stack([sheet(each) for each in known.tiles]),
        captions=list(known.concepts),
    )
    accuracy = [each.halves.accuracy for each in known.cavs]
    yield Table(
        name="how well the layer tells concepts",
        layer=known.layer,
        columns=["concept", "images", "held-out accuracy", "±"],
        rows=[
            [name, len(cav.inside), round(float(each.mean()), 3), round(float(each.std()), 3)]
            for name, cav, each in zip(known.concepts, known.cavs, accuracy, strict=True)
        ],
    )


def _rows(known: TcavKnowledge, found: Found) -> Iterator[list[object]]:
    for name, row in found.items():
        for concept, each in zip(known.concepts, row, strict=True):
            numbers = (
                *(each.score, each.score_spread, each.derivative, each.derivative_spread),
                *(each.p, each.corrected),
            )
            rounded = [float(f"{number:.4g}") for number in numbers]
            yield [name, concept, *rounded, "yes" if each.significant else "no"]
