"""CSG at the level of classes: the gates, the log, and what each class loses with its filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from interp.evidence import Curve, Evidence, Matrix, Table
from interp.explanation import Explanation
from interp_csg.features import Features, look
from interp_csg.metric.correlation import class_correlation, class_means, off_diagonal
from interp_csg.metric.density import density, interval
from interp_csg.metric.mutual import score, table
from interp_csg.switching import losses
from interp_csg.view import gate_matrix

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp_csg.known import Known
    from interp_csg.params import CsgParams

CURVES = ("accuracy", "density", "mis")


def survey(
    model: ModelAdapter, dataset: Dataset, known: Known, params: CsgParams, context: Context
) -> Explanation:
    """What the log says, and what the data say of the gates."""
    found = look(model, dataset, context, known.layer)
    evidence: list[Evidence] = [curves(known)] if known.log else []
    evidence.append(measures(known, found, params))
    if known.gates is not None:
        evidence += _gates(known, found, params)
    return Explanation(tuple(evidence))


def curves(known: Known) -> Curve:
    """The log: accuracy of the standard path, density, MIS, after each epoch."""
    named = [name for name in CURVES if name in known.log[-1]]
    return Curve(
        name="training",
        x=np.array([row["epoch"] for row in known.log], float),
        values=np.array([[row[name] for row in known.log] for name in named], float),
        series=named,
        x_label="epoch",
        y_label="share, or nats (mis)",
    )


def measures(known: Known, found: Features, params: CsgParams) -> Table:
    """Numbers on the data, and those of the gates."""
    classes = len(known.classes)
    information = table(found.values, found.labels, classes)
    alike = class_correlation(class_means(found.values, found.labels, classes))
    rows: list[list[object]] = [
        ["images", len(found.labels)],
        ["accuracy", round(float(found.right.mean()), 4)],
        ["mutual information score, nats", round(score(information), 4)],
        ["cosine between classes' features", round(off_diagonal(alike), 4)],
    ]
    if known.gates is not None:
        low, high = interval(classes, params.sparsity)
        rows.append(["density of the gates", round(density(known.gates), 4)])
        rows.append(["interval of the density", f"{low:.4g} to {high:.4g}"])
    return Table(name="measures", columns=["measure", "value"], rows=rows)


def _gates(known: Known, found: Features, params: CsgParams) -> Iterator[Evidence]:
    assert known.gates is not None  # noqa: S101 - survey has looked
    names = list(known.classes)
    yield gate_matrix(known)
    yield Matrix(
        name="classes' gates alike",
        values=class_correlation(known.gates),
        rows=names,
        columns=names,
    )
    lost = losses(known, found.values, found.labels, params.own)
    yield Table(
        name="classes without their filters",
        columns=["class", "filters", "recall", "without its filters", "change of the others"],
        rows=[
            [name, count, *(round(each, 3) for each in rest)]
            for name, (count, *rest) in zip(names, lost, strict=True)
        ],
    )
