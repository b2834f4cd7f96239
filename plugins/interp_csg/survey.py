"""CSG at the level of classes: the gates, the log, and what each class loses with its filters."""

from __future__ import annotations

from collections.abc import Iterator

from interp.context import Context
from interp.dataset import Dataset
from interp.evaluation.similarity import class_means, cosines
from interp.evidence import Evidence, Matrix, Table
from interp.explanation import Explanation
from interp.gallery import channel_pictures
from interp.model import ModelAdapter
from interp.training.curve import training_curves
from interp_csg.features import Features, read_features
from interp_csg.knowledge import CsgKnowledge
from interp_csg.metric.measure import density, interval, off_diagonal
from interp_csg.metric.mutual import score, table
from interp_csg.params import CsgParams
from interp_csg.switching import losses
from interp_csg.view import gate_matrix

LOGGED = ("accuracy", "density", "mis")
"""Columns of the log that are drawn."""


def survey(
    model: ModelAdapter,
    dataset: Dataset,
    learned: CsgKnowledge,
    params: CsgParams,
    context: Context,
) -> Explanation:
    """The training curves, measures on the data, and what the data say of the gates."""
    filters = {learned.layer: _own_filters(learned)}
    dreamt = channel_pictures(params.pictures, model, dataset, filters, context)
    features = read_features(model, dataset, context, learned.layer)
    evidence: list[Evidence] = [*training_curves(learned.log, "share, or nats (mis)", LOGGED)]
    evidence.append(_measures(learned, features, params))
    if learned.gates is not None:
        evidence += _gates(learned, features, params)
    return Explanation((*evidence, *dreamt.evidence), dreamt.samples, notes=dreamt.notes)


def _own_filters(learned: CsgKnowledge) -> list[int]:
    """Each class's filter with the largest gate, less the mean of the other classes' gates."""
    if learned.gates is None:
        return []
    others = (learned.gates.sum(0) - learned.gates) / max(len(learned.gates) - 1, 1)
    return list(dict.fromkeys((learned.gates - others).argmax(1).tolist()))


def _measures(learned: CsgKnowledge, features: Features, params: CsgParams) -> Table:
    """Numbers on the data, and those of the gates."""
    classes = len(learned.classes)
    information = table(features.values, features.labels, classes)
    alike = cosines(class_means(features.values, features.labels, classes))
    rows: list[list[object]] = [
        ["images", len(features.labels)],
        ["accuracy", round(float(features.right.mean()), 4)],
        ["mutual information score, nats", round(score(information), 4)],
        ["cosine between classes' features", round(off_diagonal(alike), 4)],
    ]
    if learned.gates is not None:
        low, high = interval(classes, params.sparsity)
        rows.append(["density of the gates", round(density(learned.gates), 4)])
        rows.append(["interval of the density", f"{low:.4g} to {high:.4g}"])
    return Table(name="measures", columns=["measure", "value"], rows=rows)


def _gates(learned: CsgKnowledge, features: Features, params: CsgParams) -> Iterator[Evidence]:
    names = list(learned.classes)
    yield gate_matrix(learned)
    alike = cosines(learned.required_gates())
    yield Matrix(name="classes' gates alike", values=alike, rows=names, columns=names)
    lost = losses(learned, features.values, features.labels, params.own)
    yield Table(
        name="classes without their filters",
        columns=["class", "filters", "recall", "without its filters", "change of the others"],
        rows=[
            [name, count, *(round(each, 3) for each in rest)]
            for name, (count, *rest) in zip(names, lost, strict=True)
        ],
    )
