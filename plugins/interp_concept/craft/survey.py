"""CRAFT on the level of classes: each class's concepts, their importance and their pieces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from interp.evaluation.similarity import cosines
from interp.evidence import Evidence, Gallery, Matrix, Table
from interp.explanation import Explanation
from interp_concept.craft.class_fit import ClassConcepts
from interp_concept.crop import sheet

FEW = 40
"""Most rows of the matrix of similar concepts."""


def survey(layer: str, classes: dict[str, ClassConcepts], shown: int) -> Explanation:
    """Importances, pieces, faithfulness, and which classes' concepts are alike."""
    return Explanation(tuple(_evidence(layer, classes, shown)))


def _evidence(layer: str, classes: dict[str, ClassConcepts], shown: int) -> Iterator[Evidence]:
    most = max(len(each.importance) for each in classes.values())
    values = np.zeros((len(classes), most), np.float32)
    for row, each in zip(values, classes.values(), strict=True):
        row[: len(each.importance)] = each.importance
    yield Matrix(
        name="importance of each class's concepts",
        layer=layer,
        values=values,
        rows=list(classes),
        columns=[str(at) for at in range(most)],
        signed=False,
    )
    for name, each in classes.items():
        count = min(shown, len(each.tiles))
        yield Gallery(
            name=f"pieces with each concept of {name}",
            layer=layer,
            pictures=np.stack([sheet(each.tiles[at]) for at in range(count)]),
            captions=[f"{name} {at}: {each.importance[at]:.2f}" for at in range(count)],
        )
    yield from _alike(layer, classes)
    yield Table(
        name="classes",
        layer=layer,
        columns=["class", "images", "pieces", "error on pieces", "R²", "same answer"],
        rows=[[name, *(each.about[key] for key in FACTS)] for name, each in classes.items()],
    )


FACTS = ("images", "pieces", "error", "r2", "same_answer")


def _alike(layer: str, classes: dict[str, ClassConcepts]) -> Iterator[Matrix]:
    """Cosines of the classes' most important concepts, as many of each as there is room for."""
    each_class = max(1, min(3, FEW // len(classes)))
    if len(classes) * each_class > FEW or len(classes) < 2:
        return
    rows = [
        (name, at)
        for name, each in classes.items()
        for at in range(min(each_class, len(each.bank)))
    ]
    bank = np.stack([classes[name].bank[at] for name, at in rows])
    names = [f"{name} {at}" for name, at in rows]
    yield Matrix(
        name="similar concepts", layer=layer, values=cosines(bank), rows=names, columns=names
    )
