"""Decoupling at the level of a data set: paths of classes, clusters, concepts, work and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.dataset import TolerantReader
from interp.errors import InputError, nearest
from interp.evidence import Curve, Evidence, Matrix, Pathway, Table
from interp.explanation import Explanation
from interp.spec import Capability
from interp_decoupling.cluster import clustered, information, purity, shared
from interp_decoupling.concept import Values, met, mined, part_masks, parts_together, read_values
from interp_decoupling.features import Seen, look, maps_of
from interp_decoupling.path import Paths, alike, distinct, diversity, hamming, within

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset, Example
    from interp.model import ModelAdapter
    from interp.network.placement import Placement
    from interp_decoupling.known import Known
    from interp_decoupling.params import DecouplingParams

CURVES = ("accuracy", "on", "diversity")
DRAWN = 10
"""Classes whose paths are drawn, at most."""


def survey(
    model: ModelAdapter,
    dataset: Dataset,
    known: Known,
    params: DecouplingParams,
    context: Context,
) -> Explanation:
    """What the log says, and what the data say of the paths."""
    values = read_values(params.concepts, model.spec.classes)
    seen = look(model, known, dataset, context)
    evidence: list[Evidence] = [curves(known)] if known.log else []
    evidence += [measures(seen, known), *_classes(seen.paths, known)]
    evidence.append(layers(seen.paths, _labelings(seen.paths, known, values), context.seed))
    together = combinations(model, dataset, seen, known, params, values, context)
    if together is not None:
        evidence.append(together)
    if params.timed and Capability.MODULE in model.capabilities:
        evidence.append(timing(model, seen, params.timed, context))
    return Explanation(tuple(evidence), notes=seen.samples.notes)


def curves(known: Known) -> Curve:
    """The log: accuracy, share of filters on and diversity after each epoch."""
    named = [name for name in CURVES if name in known.log[-1]]
    return Curve(
        name="training",
        x=np.array([row["epoch"] for row in known.log], float),
        values=np.array([[row[name] for row in known.log] for name in named], float),
        series=named,
        x_label="epoch",
        y_label="share",
    )


def measures(seen: Seen, known: Known) -> Table:
    """Numbers of the whole paths on the data."""
    paths = seen.paths
    inside, between = paths.within()
    rows: list[list[Any]] = [
        ["images", len(paths.labels)],
        ["accuracy", float(seen.right.mean())],
        ["filters on", float(paths.codes.mean())],
        ["diversity", diversity(paths.codes)],
        ["distinct paths / images", distinct(paths.codes)],
        ["filters that differ within a class", inside],
        ["filters that differ between classes", between],
        ["effect of the class (Cohen's d)", paths.effect()],
        ["multiply-adds / plain", float(known.work.share(paths.codes, paths.filters).mean())],
    ]
    return Table(name="measures", columns=["measure", "value"], rows=[_rounded(r) for r in rows])


def layers(paths: Paths, labelings: dict[str, np.ndarray], seed: int) -> Table:
    """Each layer's gates, and clusters of its codes against classes and concepts."""
    rows = []
    kinds = len(np.unique(paths.labels))
    for name, codes in {**paths.layers(), "whole path": paths.codes}.items():
        clusters = clustered(codes, kinds, seed)
        inside, between = within(hamming(codes, codes), paths.labels)
        row = [name, codes.shape[1], codes.mean(), diversity(codes), distinct(codes)]
        row += [information(codes, paths.labels).mean(), inside, between]
        for labels in labelings.values():
            row += [purity(clusters, labels), shared(clusters, labels)]
        rows.append(_rounded(row))
    of = [f"{what} by {name}" for name in labelings for what in ("purity", "shared information")]
    columns = ["layer", "filters", "on", "diversity", "distinct", "nats per filter"]
    return Table(
        name="layers", columns=[*columns, "differ within", "differ between", *of], rows=rows
    )


def timing(model: ModelAdapter, seen: Seen, count: int, context: Context) -> Table:
    """Milliseconds an image, one by one: all filters, and only those that are on. Medians."""
    from interp_decoupling.control import Mode, computing

    taken: dict[Mode, list[float]] = {"all": [], "on": [], "auto": []}
    images = seen.samples.images(np.arange(min(count, len(seen.samples))))
    images = images.to(model.spec.device).float() / 255
    for image in (images[:1], *images.split(1)):  # the first warms up, and is forgotten
        context.out_of_time()
        for mode, found in taken.items():
            with computing(model.module(), mode):
                begun = time.perf_counter()
                model.predict(image).cpu()
                found.append(1e3 * (time.perf_counter() - begun))
    words = {"all": "all filters", "on": "only filters on", "auto": "on where it pays"}
    rows = [[words[mode], round(float(np.median(e[1:])), 3)] for mode, e in taken.items()]
    return Table(name="time", columns=["computed", "milliseconds an image"], rows=rows)


def _classes(paths: Paths, known: Known) -> Iterator[Evidence]:
    """How alike the classes' paths are, and the paths of the first classes."""
    shares, present = paths.shares(len(known.classes)), np.unique(paths.labels)
    names = [known.classes[each] for each in present]
    yield Matrix(
        name="classes' paths alike",
        values=alike(shares[present]),
        rows=names,
        columns=names,
        signed=False,
    )
    for each, name in list(zip(present, names, strict=True))[:DRAWN]:
        yield Pathway(name=f"path of {name}", states=shares[each], layers=paths.filters)


def _labelings(paths: Paths, known: Known, values: Values) -> dict[str, np.ndarray]:
    """What clusters are held against: classes, and concepts that classes have values of."""
    found = {"class": paths.labels}
    for concept, of in values.items():
        kinds = sorted(set(of.values()))
        table = np.array([kinds.index(of[name]) for name in known.classes])
        found[concept] = table[paths.labels]
    return found


def combinations(
    model: ModelAdapter,
    dataset: Dataset,
    seen: Seen,
    known: Known,
    params: DecouplingParams,
    values: Values,
    context: Context,
) -> Table | None:
    """Filters on together in a cluster of images, and what they stand for; None without masks.

    Every other image of a class is learned from; overlaps are those of the rest.
    """
    layer = params.concept_layer or list(known.filters)[-1]
    if layer not in known.filters:
        raise InputError(f"{layer!r} is not controlled; {nearest(layer, known.filters)}")
    samples = seen.samples.part(np.arange(min(len(seen.samples), params.surveyed)))
    examples = placed(model, dataset, samples.places)
    if not any(part.mask is not None for e, _ in examples for i in e.instances for part in i.parts):
        return None
    maps = maps_of(model, samples, layer, context)
    masks = part_masks(examples, dataset.classes, values, maps.shape[2:], model.layer(layer).field)
    masks |= parts_together(masks, dataset.classes, values)
    codes = seen.paths.layers()[layer][: len(samples)]
    learned = samples.alternate()
    clusters = clustered(codes[learned], len(np.unique(samples.labels)), context.seed)
    rows = []
    for images, filters in mined(codes[learned], clusters, params.combination):
        both, single = met(maps, masks, filters, learned, params.top, params.joined)
        told = " ".join(map(str, filters))
        alone = [single.filters[0], round(single.overlap, 3)]
        rows.append([images, told, both.concept, round(both.overlap, 3), *alone])
    columns = ["images", "filters", "concept", "IoU", "best single", "its IoU"]
    return Table(name="filters on together", layer=layer, columns=columns, rows=rows)


def placed(
    model: ModelAdapter, dataset: Dataset, places: np.ndarray
) -> list[tuple[Example, Placement]]:
    """Examples at these places of the data, and where they lie in the network's input."""
    from interp.network.placement import place

    return [
        (example, place(example.image.shape[:2], model.spec.input))
        for _, example in TolerantReader(dataset).examples(int(each) for each in places)
        if example is not None
    ]


def _rounded(row: list[Any]) -> list[Any]:
    """Plain values fit for a table; what is not known stays empty."""
    plain = [each.item() if isinstance(each, np.generic) else each for each in row]
    return [
        (None if np.isnan(each) else round(each, 4)) if isinstance(each, float) else each
        for each in plain
    ]
